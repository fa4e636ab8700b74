/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/rowsort.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "t/tap.h"

#define ROWS 20000u

struct walk {
	char last[64];
	size_t last_n;
	unsigned rows, unsorted;
	uint64_t sum;
	unsigned stop; /* after so many */
};

static int
look(void *arg, const struct rowsort_row *row)
{
	struct walk *w = arg;
	struct str last = {w->last, w->last_n};

	if (w->rows && str_cmp(last, row->octets) > 0)
		w->unsorted++;
	w->last_n = row->octets.n < 64 ? row->octets.n : 64;
	memcpy(w->last, row->octets.p, w->last_n);
	w->sum += row->a;
	w->rows++;
	return w->stop && w->rows == w->stop ? 7 : 0;
}

static void
add(struct rowsort *s, const char *text, int64_t hour, uint64_t source,
    uint64_t flag, uint64_t a)
{
	const struct rowsort_row row = {.octets = str_from_z(text),
	    .hour = hour,
	    .source = source,
	    .flag = flag,
	    .a = a,
	    .b = a + 1};

	is_int(rowsort_add(s, &row, NULL), 0, "add");
}

static int
print(void *arg, const struct rowsort_row *row)
{
	buf_addf(arg, "%.*s %lld %llu %llu %llu %llu\n", STRF(row->octets),
	    (long long)row->hour, (unsigned long long)row->source,
	    (unsigned long long)row->flag, (unsigned long long)row->a,
	    (unsigned long long)row->b);
	return 0;
}

/* memory 0: each row is a run */
static void
order(size_t memory)
{
	struct rowsort *s = rowsort_new(memory);
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	add(s, "b", 5, 0, 0, 1);
	add(s, "a", 7, 0, 0, 2);
	add(s, "a", -7, 0, 0, 3);
	add(s, "", 9, 0, 0, 4);
	add(s, "a", 7, 1, 0, 5);
	add(s, "a", 7, 0, 1, 6);
	add(s, "b", 5, 0, 0, 1);
	add(s, "ab", 1, 0, 0, 7);
	for (int i = 0; i < 2; i++) {
		is_int(rowsort_each(s, print, &b, NULL), 0, "a walk");
		is_str(buf_str(&b),
		    STR(" 9 0 0 4 5\na -7 0 0 3 4\na 7 0 0 2 3\na 7 0 1 6 7\n"
			"a 7 1 0 5 6\nab 1 0 0 7 8\nb 5 0 0 1 2\n"),
		    "in order, what is twice there once");
		buf_clear(&b);
	}
	buf_fini(&b);
	rowsort_free(s);
}

/* Numbers of a fixed order that is no order, each twice. */
static void
many(size_t memory, const char *name)
{
	struct rowsort *s = rowsort_new(memory);
	struct walk w = {.rows = 0};
	int err = 0;

	printf("# %s\n", name);
	for (unsigned i = 0; i < 2 * ROWS && !err; i++) {
		unsigned n = (unsigned)((i % ROWS) * 7919u % ROWS);
		char text[32];
		const struct rowsort_row row = {
		    .octets = {text,
			(size_t)snprintf(text, sizeof(text), "row %u", n)},
		    .a = n};

		err = rowsort_add(s, &row, NULL);
	}
	is_int(err, 0, "added");
	for (int i = 0; i < 2; i++) {
		w = (struct walk){.rows = 0};
		is_int(rowsort_each(s, look, &w, NULL), 0, "a walk");
		is_int(w.rows, ROWS, "each once");
		is_int(w.unsorted, 0, "in order");
		is_int((int64_t)w.sum, (int64_t)ROWS * (ROWS - 1) / 2,
		    "with what it counts");
	}
	w = (struct walk){.stop = 5};
	is_int(rowsort_each(s, look, &w, NULL), 7, "it stops");
	is_int(w.rows, 5, "there");
	rowsort_free(s);
}

static void
bounds(void)
{
	struct rowsort *s = rowsort_new(1000);
	char *big = calloc(1, ROWSORT_OCTETS + 1);
	struct rowsort_row row = {.octets = {big, ROWSORT_OCTETS + 1}};
	struct walk w = {.rows = 0};
	struct diag d;

	is_int(rowsort_add(s, &row, &d), AVER_LIMIT, "a row that is too large");
	row.octets.n--;
	is_int(rowsort_add(s, &row, &d), 0, "one that is not");
	big[0] = 1;
	is_int(rowsort_add(s, &row, &d), 0, "another");
	is_int(rowsort_each(s, look, &w, NULL), 0, "a walk");
	is_int(w.rows, 2, "has both");
	rowsort_free(s);
	rowsort_free(NULL);
	free(big);
}

int
main(void)
{
	order(1 << 20);
	order(0);
	many(64 << 20, "in memory");
	many(300000, "a few runs");
	many(20000, "more runs than are open at once");
	bounds();
	return tap_done();
}
