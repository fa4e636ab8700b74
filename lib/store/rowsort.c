/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/rowsort.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"

/*
 * Most runs at once: so many and one more are merged into one. The memory of
 * a merge is theirs, one row and a buffer each.
 */
#define RUNS 64
#define BUFFER 65536

struct head {
	uint64_t n, source, flag, a, b;
	int64_t hour;
};

struct run {
	FILE *file;
	struct rowsort_row row;
	char *p; /* row.octets */
	size_t room;
	bool more;
};

struct rowsort {
	size_t memory;
	struct arena arena;
	struct rowsort_row *rows;
	size_t n, room, octets;
	bool sorted;
	struct run runs[RUNS];
	size_t n_runs;
};

static int
compare(const struct rowsort_row *x, const struct rowsort_row *y)
{
	int c = str_cmp(x->octets, y->octets);

	if (c)
		return c;
	if (x->hour != y->hour)
		return x->hour < y->hour ? -1 : 1;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->flag < y->flag ? -1 : x->flag > y->flag;
}

static int
by_octets(const void *a, const void *b)
{
	return compare(a, b);
}

struct rowsort *
rowsort_new(size_t memory)
{
	struct rowsort *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->memory = memory;
	arena_init(&s->arena, 2 * memory + 2 * ROWSORT_OCTETS);
	return s;
}

static void
run_close(struct run *r)
{
	if (r->file)
		fclose(r->file);
	free(r->p);
	*r = (struct run){.file = NULL};
}

void
rowsort_free(struct rowsort *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_runs; i++)
		run_close(&s->runs[i]);
	arena_fini(&s->arena);
	free(s->rows);
	free(s);
}

/* --- files */

static int
failed(struct diag *d, const char *what)
{
	return diag_set(
	    d, AVER_IO, 0, "sorting rows: %s: %s", what, strerror(errno));
}

static FILE *
open_in(const char *dir)
{
	char path[512];
	FILE *f = NULL;
	int n = snprintf(path, sizeof(path), "%s/aver-rows-XXXXXX", dir), fd;

	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = mkstemp(path);
	if (fd < 0)
		return NULL;
	unlink(path);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		f = fdopen(fd, "w+");
	if (f)
		setvbuf(f, NULL, _IOFBF, BUFFER);
	else
		close(fd);
	return f;
}

static int
run_open(struct run *r, struct diag *d)
{
	const char *dirs[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};

	*r = (struct run){.file = NULL};
	for (size_t i = 0; i < 3 && !r->file; i++)
		if (dirs[i] && dirs[i][0])
			r->file = open_in(dirs[i]);
	return r->file ? 0 : failed(d, "no temporary file");
}

static int
run_put(struct run *r, const struct rowsort_row *row, struct diag *d)
{
	const struct head h = {.n = row->octets.n,
	    .source = row->source,
	    .flag = row->flag,
	    .a = row->a,
	    .b = row->b,
	    .hour = row->hour};

	if (fwrite(&h, sizeof(h), 1, r->file) != 1 ||
	    (h.n && fwrite(row->octets.p, h.n, 1, r->file) != 1))
		return failed(d, "write");
	return 0;
}

static int
run_next(struct run *r, struct diag *d)
{
	struct head h;

	r->more = false;
	if (fread(&h, sizeof(h), 1, r->file) != 1)
		return ferror(r->file) ? failed(d, "read") : 0;
	if (h.n > ROWSORT_OCTETS)
		return diag_set(d, AVER_IO, 0, "sorting rows: odd file");
	if (h.n > r->room) {
		char *p = realloc(r->p, h.n);

		if (!p)
			return diag_set(d, AVER_NOMEM, 0, "out of memory");
		r->p = p;
		r->room = h.n;
	}
	if (h.n && fread(r->p, h.n, 1, r->file) != 1)
		return failed(d, "read");
	r->row = (struct rowsort_row){.octets = {r->p, h.n},
	    .hour = h.hour,
	    .source = h.source,
	    .flag = h.flag,
	    .a = h.a,
	    .b = h.b};
	r->more = true;
	return 0;
}

static int
run_first(struct run *r, struct diag *d)
{
	if (fflush(r->file) || fseek(r->file, 0, SEEK_SET))
		return failed(d, "write");
	return run_next(r, d);
}

/* --- merge */

/* The next row of runs and memory is the least of theirs. */
struct merge {
	struct rowsort *s;
	size_t at; /* in memory */
	struct run *from; /* the run that has it; NULL: memory */
};

static const struct rowsort_row *
least(struct merge *m)
{
	struct rowsort *s = m->s;
	const struct rowsort_row *row = m->at < s->n ? &s->rows[m->at] : NULL;

	m->from = NULL;
	for (size_t i = 0; i < s->n_runs; i++) {
		struct run *r = &s->runs[i];

		if (!r->more || (row && compare(row, &r->row) <= 0))
			continue;
		row = &r->row;
		m->from = r;
	}
	return row;
}

static int
step(struct merge *m, struct diag *d)
{
	if (m->from)
		return run_next(m->from, d);
	m->at++;
	return 0;
}

/* Passes over all that are equal to a row: no two of one run are. */
static int
step_over(struct merge *m, const struct rowsort_row *row, struct diag *d)
{
	struct run *own = m->from;
	const struct rowsort_row *next;
	int err = 0;

	/* its own run goes on last: the row's octets are there */
	if (own)
		own->more = false;
	else
		m->at++;
	while (!err && (next = least(m)) && compare(next, row) == 0)
		err = step(m, d);
	return err || !own ? err : run_next(own, d);
}

static int
merge_all(struct rowsort *s,
    int (*fn)(void *arg, const struct rowsort_row *row), void *arg,
    struct diag *d)
{
	struct merge m = {.s = s};
	const struct rowsort_row *row;
	int err = 0;

	for (size_t i = 0; i < s->n_runs && !err; i++)
		err = run_first(&s->runs[i], d);
	while (!err && (row = least(&m))) {
		err = fn(arg, row);
		if (!err)
			err = step_over(&m, row, d);
	}
	return err;
}

/* --- memory to files */

static void
sort(struct rowsort *s)
{
	size_t to = 0;

	if (s->sorted || s->n == 0)
		return;
	qsort(s->rows, s->n, sizeof(*s->rows), by_octets);
	for (size_t i = 1; i < s->n; i++)
		if (compare(&s->rows[to], &s->rows[i]) != 0)
			s->rows[++to] = s->rows[i];
	s->n = to + 1;
	s->sorted = true;
}

struct to_run {
	struct run run;
	struct diag *d;
};

static int
put_row(void *arg, const struct rowsort_row *row)
{
	struct to_run *t = arg;

	return run_put(&t->run, row, t->d);
}

/* What memory holds becomes a run; when there are many, all become one. */
static int
spill(struct rowsort *s, struct diag *d)
{
	struct to_run t = {.d = d};
	int err = run_open(&t.run, d);

	if (err)
		return err;
	sort(s);
	if (s->n_runs == RUNS) {
		err = merge_all(s, put_row, &t, d);
	} else {
		for (size_t i = 0; i < s->n && !err; i++)
			err = put_row(&t, &s->rows[i]);
	}
	if (err) {
		run_close(&t.run);
		return err;
	}
	if (s->n_runs == RUNS) {
		for (size_t i = 0; i < RUNS; i++)
			run_close(&s->runs[i]);
		s->n_runs = 0;
	}
	s->runs[s->n_runs++] = t.run;
	s->n = s->octets = 0;
	arena_reset(&s->arena);
	return 0;
}

static bool
grow(struct rowsort *s)
{
	size_t room = s->room ? 2 * s->room : 256;
	struct rowsort_row *more;

	if (s->n < s->room)
		return true;
	more = realloc(s->rows, room * sizeof(*more));
	if (!more)
		return false;
	s->rows = more;
	s->room = room;
	return true;
}

int
rowsort_add(struct rowsort *s, const struct rowsort_row *row, struct diag *d)
{
	struct str copy;
	int err = 0;

	if (row->octets.n > ROWSORT_OCTETS)
		return diag_set(d, AVER_LIMIT, 0, "a row is too large");
	if (s->n && s->octets + row->octets.n + sizeof(*row) > s->memory)
		err = spill(s, d);
	if (err)
		return err;
	s->octets += row->octets.n + sizeof(*row);
	copy = arena_dup(&s->arena, row->octets);
	if ((row->octets.n && !copy.n) || !grow(s))
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	s->rows[s->n] = *row;
	s->rows[s->n++].octets = copy;
	s->sorted = false;
	return 0;
}

int
rowsort_each(struct rowsort *s,
    int (*fn)(void *arg, const struct rowsort_row *row), void *arg,
    struct diag *d)
{
	sort(s);
	return merge_all(s, fn, arg, d);
}
