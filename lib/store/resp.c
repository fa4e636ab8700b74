/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/resp.h"

#include <string.h>

#include "lib/base/err.h"

static void
put_number(struct buf *b, char type, size_t n)
{
	char line[24];
	size_t i = sizeof(line);

	line[--i] = '\n';
	line[--i] = '\r';
	do {
		line[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	line[--i] = type;
	buf_add(b, (struct str){line + i, sizeof(line) - i});
}

void
resp_put_count(struct buf *b, size_t words)
{
	put_number(b, '*', words);
}

void
resp_put_head(struct buf *b, size_t n)
{
	put_number(b, '$', n);
}

void
resp_put_word(struct buf *b, struct str word)
{
	resp_put_head(b, word.n);
	buf_add(b, word);
	buf_add(b, STR("\r\n"));
}

/* --- the head of a value */

struct head {
	char type;
	struct str line;
	int64_t number; /* of $, * and : */
	size_t size; /* of the line with its end */
};

static bool
read_number(struct str s, int64_t *out)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t v;

	if (!str_to_u64(str_from(s, minus), INT64_MAX, &v))
		return false;
	*out = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

/* 1, 0 when the line is not all there, or AVER_SYNTAX. */
static int
read_head(struct str s, struct head *h)
{
	const char *end = s.n ? memchr(s.p, '\n', s.n) : NULL;

	if (s.n && !memchr("+-:$*", s.p[0], 5))
		return AVER_SYNTAX;
	if (!end)
		return s.n > RESP_LINE ? AVER_SYNTAX : 0;
	h->size = (size_t)(end - s.p) + 1;
	if (h->size > RESP_LINE || h->size < 3 || end[-1] != '\r')
		return AVER_SYNTAX;
	h->type = s.p[0];
	h->line = (struct str){s.p + 1, h->size - 3};
	h->number = 0;
	if (h->type == '+' || h->type == '-')
		return 1;
	if (!read_number(h->line, &h->number) ||
	    (h->type != ':' && h->number < -1))
		return AVER_SYNTAX;
	return 1;
}

/* --- scan */

int
resp_scan(struct resp_scan *scan, struct str octets, size_t max)
{
	if (!scan->started)
		*scan = (struct resp_scan){.left = 1, .started = true};
	while (scan->left) {
		struct str rest = str_from(octets, scan->at);
		struct head h;
		size_t size;
		int got = read_head(rest, &h);

		if (got == 0 && octets.n > max)
			return AVER_LIMIT;
		if (got <= 0)
			return got;
		size = h.size;
		if (h.type == '$' && h.number >= 0) {
			if ((uint64_t)h.number > max)
				return AVER_LIMIT;
			size += (size_t)h.number + 2;
		}
		if (size > max || scan->at > max - size)
			return AVER_LIMIT;
		if (size > rest.n)
			return 0;
		if (h.type == '*' && h.number > 0) {
			if ((uint64_t)h.number > RESP_VALUES)
				return AVER_LIMIT;
			scan->left += (uint64_t)h.number;
		}
		if (++scan->values + scan->left > RESP_VALUES + 2)
			return AVER_LIMIT;
		scan->left--;
		scan->at += size;
	}
	return 1;
}

/* --- read */

struct reader {
	struct str rest;
	struct arena *arena;
};

static int read_value(struct reader *r, unsigned depth, struct resp *out);

static int
read_array(struct reader *r, unsigned depth, size_t n, struct resp *out)
{
	struct resp *items;
	int err;

	/* each value takes three octets at least */
	if (n > r->rest.n / 3)
		return AVER_SYNTAX;
	items = ARENA_ARRAY(r->arena, struct resp, n);
	if (!items)
		return AVER_NOMEM;
	for (size_t i = 0; i < n; i++) {
		err = read_value(r, depth + 1, &items[i]);
		if (err)
			return err;
	}
	*out = (struct resp){.type = RESP_ARRAY, .items = items, .n = n};
	return 0;
}

static int
read_bulk(struct reader *r, size_t n, struct resp *out)
{
	if (r->rest.n < 2 || n > r->rest.n - 2 || r->rest.p[n] != '\r' ||
	    r->rest.p[n + 1] != '\n')
		return AVER_SYNTAX;
	*out = (struct resp){.type = RESP_BULK, .s = str_head(r->rest, n)};
	r->rest = str_from(r->rest, n + 2);
	return 0;
}

static int
read_value(struct reader *r, unsigned depth, struct resp *out)
{
	struct head h;

	if (depth >= RESP_DEPTH)
		return AVER_LIMIT;
	if (read_head(r->rest, &h) <= 0)
		return AVER_SYNTAX;
	r->rest = str_from(r->rest, h.size);
	*out = (struct resp){.type = RESP_NIL, .s = h.line};
	switch (h.type) {
	case '+':
		out->type = RESP_STATUS;
		return 0;
	case '-':
		out->type = RESP_ERROR;
		return 0;
	case ':':
		out->type = RESP_INT;
		out->number = h.number;
		return 0;
	default:
		break;
	}
	if (h.number < 0)
		return 0;
	if (h.type == '$')
		return read_bulk(r, (size_t)h.number, out);
	return read_array(r, depth, (size_t)h.number, out);
}

int
resp_read(struct str octets, struct arena *arena, struct resp *out)
{
	struct reader r = {octets, arena};
	struct resp got;
	int err = read_value(&r, 0, &got);

	if (err)
		return err;
	if (r.rest.n)
		return AVER_SYNTAX;
	*out = got;
	return 0;
}
