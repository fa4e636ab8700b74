/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Reads rows out of their hashes, a page at a time: never more is asked of the
 * server at once than it does in some milliseconds, however many rows a domain
 * has. In no order within an hour that is more than a page.
 */
#include "lib/store/redis_parts.h"

#include <stdlib.h>

#include "lib/base/err.h"

/* Rows of a page: fewer when they are long, more when they are short. */
#define PAGE_FIRST 64
#define PAGE_LEAST 8
#define PAGE_MOST 512 /* as many of the longest fit into a reply */
#define PAGE_OCTETS ((size_t)256 << 10)

/* --- times */

void
redis_code(char code[REDIS_CODE], int64_t time)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t v = (uint64_t)time ^ (uint64_t)1 << 63;

	for (size_t i = REDIS_CODE; i-- > 0; v >>= 4)
		code[i] = digits[v & 15];
}

void
redis_arg_code(struct redis_conn *c, int64_t time)
{
	char code[REDIS_CODE];

	redis_code(code, time);
	redis_arg(c, (struct str){code, sizeof(code)});
}

uint64_t
redis_hex(struct str s, bool *bad)
{
	uint64_t v = 0;

	if (s.n != REDIS_CODE)
		*bad = true;
	for (size_t i = 0; i < s.n && !*bad; i++) {
		char c = s.p[i];

		v <<= 4;
		if (c >= '0' && c <= '9')
			v |= (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v |= (uint64_t)(c - 'a' + 10);
		else
			*bad = true;
	}
	return *bad ? 0 : v;
}

int64_t
redis_uncode(struct str code, bool *bad)
{
	return (int64_t)(redis_hex(code, bad) ^ (uint64_t)1 << 63);
}

/* "GOOD" or "GOOD BAD" */
static bool
read_counts(struct str s, struct redis_row *row)
{
	struct str rest;

	s = str_cut(s, ' ', &rest);
	row->b = 0;
	return str_to_u64(s, INT64_MAX, &row->a) &&
	       (rest.n == 0 || str_to_u64(rest, INT64_MAX, &row->b));
}

/* --- pages */

void
redis_index_after(struct buf *b, struct str domain)
{
	buf_clear(b);
	if (domain.n == 0) {
		buf_add_c(b, '-');
		return;
	}
	buf_add_c(b, '(');
	buf_add(b, domain);
	buf_add(b, STR("\0\xff"));
}

/* A place in the index: open is ( or [. */
static void
put_place(struct buf *b, char open, struct str domain, int64_t time)
{
	char code[REDIS_CODE];

	redis_code(code, time);
	buf_add_c(b, open);
	buf_add(b, domain);
	buf_add_c(b, 0);
	buf_add(b, (struct str){code, sizeof(code)});
}

void
redis_scan_init(struct redis_scan *scan, struct redis_store *s, struct str kind,
    struct str domain, int64_t from, int64_t to)
{
	*scan = (struct redis_scan){.s = s,
	    .kind = kind,
	    .domain = domain,
	    .from = from,
	    .to = to,
	    .room = PAGE_FIRST};
	buf_init(&scan->min, NULL, REDIS_REPLY_MAX);
	buf_init(&scan->max, NULL, REDIS_REPLY_MAX);
	buf_init(&scan->cursor, NULL, 64);
	if (domain.n) {
		put_place(&scan->min, '[', domain, from);
		put_place(&scan->max, '(', domain, to);
	} else {
		buf_add_c(&scan->min, '-');
		buf_add_c(&scan->max, '+');
	}
	buf_add_c(&scan->cursor, '0');
}

void
redis_scan_fini(struct redis_scan *scan)
{
	buf_fini(&scan->min);
	buf_fini(&scan->max);
	buf_fini(&scan->cursor);
}

/* Rows n before rows o, each by their octets. */
static int
by_octets(const void *a, const void *b)
{
	const struct redis_row *x = a, *y = b;

	return x->set != y->set ? x->set - y->set
				: str_cmp(x->octets, y->octets);
}

/* The rows of one hash in rows; how many. */
static size_t
read_hash(const struct resp *r, struct redis_row row, struct redis_row *rows,
    bool *bad)
{
	const struct resp *i = r->items;
	size_t n = 0;

	for (size_t k = 0; !*bad && k + 1 < r->n; k += 2) {
		struct str field = redis_text(&i[k], bad);

		if (field.n == 0 || (field.p[0] != 'n' && field.p[0] != 'o'))
			continue;
		row.set = field.p[0];
		row.octets = str_from(field, 1);
		if (!read_counts(redis_text(&i[k + 1], bad), &row))
			*bad = true;
		rows[n++] = row;
	}
	return n;
}

/* Counts the octets too. */
static int
give_hash(struct redis_scan *scan, const struct resp *r, struct arena *a,
    size_t *octets,
    int (*fn)(void *arg, struct str domain, const struct redis_row *row),
    void *arg, struct diag *d)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 4, &bad);
	struct redis_row row = {.hour = 0}, *rows;
	struct str gen;
	size_t n;
	int err = 0;

	if (bad || !redis_items(&i[3], 0, &bad))
		return redis_odd(scan->s->c, d);
	row.hour = redis_uncode(redis_text(&i[1], &bad), &bad);
	gen = redis_text(&i[2], &bad);
	if (!str_eq(gen, STR("l")))
		row.taken = redis_hex(str_from(gen, 1), &bad);
	rows = ARENA_ARRAY(a, struct redis_row, i[3].n / 2 + 1);
	if (!rows)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	n = read_hash(&i[3], row, rows, &bad);
	if (bad || i[0].type != RESP_BULK)
		return redis_odd(scan->s->c, d);
	if (!scan->take)
		qsort(rows, n, sizeof(*rows), by_octets);
	for (size_t k = 0; k < n && !err; k++) {
		*octets += rows[k].octets.n;
		err = fn(arg, i[0].s, &rows[k]);
	}
	return err;
}

static int
give_page(struct redis_scan *scan, const struct resp *r, struct arena *a,
    int (*fn)(void *arg, struct str domain, const struct redis_row *row),
    void *arg, struct diag *d)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 0, &bad);
	size_t octets = 0;
	int err = 0;

	if (bad || r->n < 2)
		return redis_odd(scan->s->c, d);
	buf_clear(&scan->min);
	buf_add(&scan->min, redis_text(&i[0], &bad));
	buf_clear(&scan->cursor);
	buf_add(&scan->cursor, redis_text(&i[1], &bad));
	if (bad || !buf_ok(&scan->min) || !buf_ok(&scan->cursor))
		return redis_odd(scan->s->c, d);
	for (size_t k = 2; k < r->n && !err; k++)
		err = give_hash(scan, &i[k], a, &octets, fn, arg, d);
	if (octets < PAGE_OCTETS && scan->room < PAGE_MOST)
		scan->room *= 2;
	else if (octets > 4 * PAGE_OCTETS && scan->room > PAGE_LEAST)
		scan->room /= 2;
	return err;
}

int
redis_scan_page(struct redis_scan *scan,
    int (*fn)(void *arg, struct str domain, const struct redis_row *row),
    void *arg, struct diag *d)
{
	struct redis_conn *c = scan->s->c;
	struct arena a;
	struct resp r;
	int err;

	if (scan->take)
		redis_take_call(scan->take, REDIS_SCAN);
	else {
		redis_begin(c, REDIS_SCAN);
		redis_arg(c, scan->kind);
		redis_arg(c, scan->domain);
		for (int i = 0; i < 4; i++)
			redis_arg(c, STR_NONE);
	}
	redis_arg(c, buf_str(&scan->min));
	redis_arg(c, buf_str(&scan->max));
	redis_arg_code(c, scan->from);
	redis_arg_code(c, scan->to);
	redis_arg(c, buf_str(&scan->cursor));
	redis_arg_int(c, (int64_t)scan->room);
	arena_init(&a, REDIS_ARENA);
	err = redis_run(c, true, &a, &r, d);
	if (!err)
		err = give_page(scan, &r, &a, fn, arg, d);
	arena_fini(&a);
	return err;
}

bool
redis_scan_more(const struct redis_scan *scan)
{
	return scan->min.n > 0;
}

/* --- all rows */

int
redis_each_row(struct redis_store *s, struct str kind, struct str domain,
    int64_t from, int64_t to,
    int (*fn)(void *arg, struct str domain, const struct redis_row *row),
    void *arg, struct diag *d)
{
	struct redis_scan scan;
	int err = 0;

	redis_scan_init(&scan, s, kind, domain, from, to);
	while (!err && redis_scan_more(&scan))
		err = redis_scan_page(&scan, fn, arg, d);
	redis_scan_fini(&scan);
	return err;
}

int
redis_remove_rows(struct redis_store *s, struct str kind, struct str domain,
    uint64_t *sum, struct diag *d)
{
	int64_t n = 0;
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_REMOVE);
	redis_arg(s->c, kind);
	redis_arg(s->c, domain);
	err = redis_run_int(s, false, &n, d);
	if (!err)
		*sum = (uint64_t)n;
	return err;
}
