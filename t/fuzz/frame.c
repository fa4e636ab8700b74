/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/net/attrline.h"
#include "lib/net/netstring.h"

#define LIMIT 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum frame_result framer(struct str, size_t, struct frame *);

static void
check_body(framer *fn, const struct frame *f)
{
	struct str rest = f->body, name, value;
	enum attrline_result r = ATTRLINE_END;
	size_t before;
	struct buf b;

	if (fn == netstring_frame) {
		/* print and parse are inverse */
		buf_init(&b, NULL, LIMIT + 16);
		netstring_add(&b, f->body);
		assert(buf_ok(&b) && b.n == f->used);
		buf_fini(&b);
		return;
	}
	do {
		before = rest.n;
		r = attrline_next(&rest, &name, &value);
		assert(r != ATTRLINE_OK || (rest.n < before && name.n > 0));
	} while (r == ATTRLINE_OK);
}

/* The same frames, whether octets come all at once or in pieces. */
static void
check(framer *fn, struct str in, size_t piece)
{
	struct frame whole = {0}, f = {0};
	size_t have = 0;

	for (;;) {
		enum frame_result all = fn(in, LIMIT, &whole), r;

		do {
			have = have + piece < in.n ? have + piece : in.n;
			r = fn(str_head(in, have), LIMIT, &f);
		} while (r == FRAME_MORE && have < in.n);
		/* what is too long is so whatever stands behind it */
		assert(r == all);
		if (all != FRAME_READY)
			return;
		assert(f.used == whole.used && f.used <= in.n);
		assert(str_eq(f.body, whole.body));
		assert(
		    f.body.p >= in.p && f.body.p + f.body.n <= in.p + f.used);
		check_body(fn, &f);
		in = str_from(in, f.used);
		whole = f = (struct frame){0};
		have = 0;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data + 1, size ? size - 1 : 0};

	if (size == 0)
		return 0;
	check(netstring_frame, in, 1 + data[0] % 16);
	check(attrline_frame, in, 1 + data[0] % 16);
	return 0;
}
