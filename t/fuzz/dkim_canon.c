/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Canonicalization: of a body the same octets whatever the chunks, and twice
 * is the same as once; no white space but single SP in a relaxed value. The
 * first octet is the chunk size.
 */
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/dkim/dkim_canon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
to_buf(void *to, const char *p, size_t n)
{
	buf_add(to, (struct str){p, n});
}

static void
body(struct buf *out, enum dkim_canon c, struct str s, size_t chunk)
{
	struct dkim_canon_body b;

	buf_init(out, NULL, 1 << 20);
	dkim_canon_body_init(&b, c, to_buf, out);
	for (size_t i = 0; i < s.n; i += chunk)
		dkim_canon_body_add(&b, str_head(str_from(s, i), chunk));
	dkim_canon_body_end(&b);
}

static void
header(struct buf *out, struct str raw)
{
	struct dkim_sink sink;
	struct hdr h = hdr_of(raw);

	buf_init(out, NULL, 1 << 20);
	dkim_sink_init(&sink, to_buf, out);
	dkim_canon_header(&sink, DKIM_RELAXED, &h);
	dkim_sink_flush(&sink);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = {(const char *)data, size};
	size_t chunk = size ? data[0] + 1u : 1;
	struct buf whole, cut, again;

	s = str_from(s, 1);
	for (int c = DKIM_SIMPLE; c < DKIM_CANON_COUNT; c++) {
		body(&whole, (enum dkim_canon)c, s, s.n + 1);
		body(&cut, (enum dkim_canon)c, s, chunk);
		body(&again, (enum dkim_canon)c, buf_str(&whole), chunk);
		if (!str_eq(buf_str(&whole), buf_str(&cut)) ||
		    !str_eq(buf_str(&whole), buf_str(&again)))
			abort();
		buf_fini(&whole);
		buf_fini(&cut);
		buf_fini(&again);
	}
	header(&whole, s);
	s = str_from(buf_str(&whole), str_chr(buf_str(&whole), ':'));
	if (str_chr(s, '\t') < s.n || str_contains_ci(s, STR("  ")))
		abort();
	buf_fini(&whole);
	return 0;
}
