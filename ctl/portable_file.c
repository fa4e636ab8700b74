/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/portable_file.h"

#include <errno.h>
#include <string.h>

#include "lib/base/err.h"

#define CHUNK 65536
#define NAME_MOST 60 /* octets */

/* --- out */

int
portable_writer_init(struct portable_writer *w, FILE *f)
{
	*w = (struct portable_writer){.f = f, .sum = sha256_new()};
	buf_init(&w->line, NULL, PORTABLE_LINE_MAX + 1);
	return w->sum ? 0 : AVER_NOMEM;
}

void
portable_writer_fini(struct portable_writer *w)
{
	sha256_free(w->sum);
	buf_fini(&w->line);
}

static int
no_output(struct diag *d)
{
	return diag_set(
	    d, AVER_IO, 0, "cannot be written: %s", strerror(errno));
}

int
portable_write(
    struct portable_writer *w, const struct portable *p, struct diag *d)
{
	struct str line;
	int err;

	buf_clear(&w->line);
	err = portable_put(&w->line, p);
	if (err)
		return diag_set(d, err, 0, "%s: %s",
		    portable_kind_name(p->kind),
		    err == AVER_LIMIT ? "too long a line" : "out of memory");
	line = buf_str(&w->line);
	if (!sha256_add(w->sum, line))
		return diag_set(d, AVER_CRYPTO, 0, "no SHA-256");
	w->lines++;
	return fwrite(line.p, 1, line.n, w->f) == line.n ? 0 : no_output(d);
}

int
portable_write_end(struct portable_writer *w, struct diag *d)
{
	struct portable p = {.kind = PORTABLE_END};
	struct buf sum;
	int err;

	buf_init(&sum, NULL, 64);
	p.u.end.lines = w->lines;
	err = sha256_end(w->sum, &sum)
		  ? 0
		  : diag_set(d, AVER_CRYPTO, 0, "no SHA-256");
	p.u.end.sha256 = buf_str(&sum);
	buf_clear(&w->line);
	if (!err)
		err = portable_put(&w->line, &p);
	buf_fini(&sum);
	if (err)
		return err;
	if (fwrite(buf_z(&w->line), 1, w->line.n, w->f) != w->line.n ||
	    fflush(w->f) != 0)
		return no_output(d);
	return 0;
}

/* --- in */

struct reader {
	FILE *f;
	const char *name;
	struct arena *arena;
	int (*fn)(
	    void *arg, uint64_t line, const struct portable *p, struct diag *d);
	void *arg;
	struct diag *d;
	struct sha256 *sum;
	char chunk[CHUNK];
	size_t at, n; /* of chunk */
	struct buf line; /* with its line feed */
	uint64_t number;
	bool ended; /* the last line has been read */
};

/* Puts the place before what d says. */
static int
at_line(struct reader *r, int err)
{
	struct diag why;

	if (!r->d)
		return err;
	why = *r->d;
	return diag_set(r->d, err, 0, "%s:%llu: %s", r->name,
	    (unsigned long long)r->number, why.text);
}

static int
damaged(struct reader *r, const char *what)
{
	diag_set(r->d, AVER_SYNTAX, 0, "%s", what);
	return at_line(r, AVER_SYNTAX);
}

/* 1: a line was read, 0: there is none. */
static int
next_line(struct reader *r)
{
	buf_clear(&r->line);
	r->number++;
	for (;;) {
		const char *feed;
		size_t n;

		if (r->at == r->n) {
			r->n = fread(r->chunk, 1, sizeof(r->chunk), r->f);
			r->at = 0;
		}
		if (r->n == 0 && ferror(r->f)) {
			diag_set(r->d, AVER_IO, 0, "%s", strerror(errno));
			return at_line(r, AVER_IO);
		}
		if (r->n == 0)
			return r->line.n ? damaged(r, "the line is cut off")
					 : 0;
		feed = memchr(r->chunk + r->at, '\n', r->n - r->at);
		n = feed ? (size_t)(feed - r->chunk) + 1 - r->at : r->n - r->at;
		buf_add(&r->line, (struct str){r->chunk + r->at, n});
		r->at += n;
		if (!buf_ok(&r->line))
			return damaged(r, r->line.err == AVER_LIMIT
					      ? "the line is too long"
					      : "out of memory");
		if (feed)
			return 1;
	}
}

static int
check_first(struct reader *r, const struct portable *p)
{
	if (p->kind != PORTABLE_STORE)
		return damaged(r, "this is no export of a store");
	if (p->u.store.version != PORTABLE_VERSION)
		return damaged(r, "this is an export of another version");
	return 0;
}

static int
check_last(struct reader *r, const struct portable *p)
{
	struct buf sum;
	bool good;

	if (p->u.end.lines != r->number - 1)
		return damaged(r, "lines are missing, or too many");
	buf_init(&sum, NULL, 64);
	good =
	    sha256_end(r->sum, &sum) && str_eq(buf_str(&sum), p->u.end.sha256);
	buf_fini(&sum);
	r->ended = true;
	return good ? 0 : damaged(r, "the checksum is wrong: it was changed");
}

static int
take_line(struct reader *r)
{
	struct str line = buf_str(&r->line);
	struct portable p;
	int err;

	if (r->ended)
		return damaged(r, "there is something behind the end");
	arena_reset(r->arena);
	err = portable_get(str_head(line, line.n - 1), r->arena, &p, r->d);
	if (err)
		return at_line(r, err);
	if (r->number == 1)
		err = check_first(r, &p);
	else if (p.kind == PORTABLE_STORE)
		err = damaged(r, "this belongs into the first line");
	if (!err && p.kind == PORTABLE_END)
		err = check_last(r, &p);
	if (err)
		return err;
	if (!r->ended && !sha256_add(r->sum, line))
		return diag_set(r->d, AVER_CRYPTO, 0, "no SHA-256");
	err = r->fn(r->arg, r->number, &p, r->d);
	return err ? at_line(r, err) : 0;
}

int
portable_read(FILE *f, const char *name, struct arena *arena,
    int (*fn)(
	void *arg, uint64_t line, const struct portable *p, struct diag *d),
    void *arg, struct diag *d)
{
	struct reader r = {.f = f,
	    .name = name,
	    .arena = arena,
	    .fn = fn,
	    .arg = arg,
	    .d = d,
	    .sum = sha256_new()};
	size_t n = strlen(name);
	int err = r.sum ? 0 : diag_set(d, AVER_NOMEM, 0, "out of memory");

	/* the end of a long name, so that there is room for what is wrong */
	if (n > NAME_MOST)
		r.name = name + n - NAME_MOST;
	buf_init(&r.line, NULL, PORTABLE_LINE_MAX + 1);
	while (!err && (err = next_line(&r)) == 1)
		err = take_line(&r);
	if (!err && !r.ended)
		err = damaged(&r, "the end is missing: it was cut short");
	buf_fini(&r.line);
	sha256_free(r.sum);
	return err;
}
