/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Replies of a server that may be anybody's: the end that is found in octets
 * that trickle in is the one that is found in all at once, and what reads as a
 * reply has its strings inside it and says the same when it is written again.
 */
#include <stdlib.h>

#include "lib/store/resp.h"

#define MOST 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes what can be written of requests: bulk strings in arrays. */
static void
check(const struct resp *r, struct str all)
{
	if (r->s.n && (r->s.p < all.p || r->s.p + r->s.n > all.p + all.n))
		abort();
	if (r->type != RESP_ARRAY && r->n)
		abort();
	for (size_t i = 0; i < r->n; i++)
		check(&r->items[i], all);
}

static bool
is_request(const struct resp *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].type != RESP_BULK)
			return false;
	return r->type == RESP_ARRAY && r->n > 0;
}

static void
again(const struct resp *r)
{
	struct resp back;
	struct arena a;
	struct buf b;

	arena_init(&a, 1 << 20);
	buf_init(&b, NULL, 1 << 20);
	resp_put_count(&b, r->n);
	for (size_t i = 0; i < r->n; i++)
		resp_put_word(&b, r->items[i].s);
	if (resp_read(buf_str(&b), &a, &back) || back.n != r->n)
		abort();
	for (size_t i = 0; i < r->n; i++)
		if (!str_eq(back.items[i].s, r->items[i].s))
			abort();
	buf_fini(&b);
	arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = {(const char *)data, size};
	struct resp_scan whole = {.started = false}, slow = whole;
	int got = resp_scan(&whole, s, MOST), step = 0;
	struct arena a;
	struct resp r;

	for (size_t n = 1; n <= size && step == 0; n++)
		step = resp_scan(&slow, str_head(s, n), MOST);
	/* a limit may be found before the fault behind it, or after */
	if ((got == 1) != (step == 1) || (got == 1 && whole.at != slow.at))
		abort();
	if (got != 1)
		return 0;
	if (whole.at > size || whole.at > MOST)
		abort();
	s = str_head(s, whole.at);
	arena_init(&a, 1 << 20);
	if (resp_read(s, &a, &r) == 0) {
		check(&r, s);
		if (is_request(&r))
			again(&r);
	}
	arena_fini(&a);
	return 0;
}
