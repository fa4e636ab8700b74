/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/http/http_answer.h"

#define LIMIT 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum http_read
feed(struct http_answer *a, struct str in, size_t piece)
{
	enum http_read read = HTTP_READ_MORE;

	http_answer_init(a, LIMIT);
	for (size_t i = 0; i < in.n && read == HTTP_READ_MORE; i += piece)
		read = http_answer_feed(a, str_head(str_from(in, i), piece));
	return read;
}

/* The same answer, whether octets come all at once or in pieces. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct http_answer whole, parts;
	enum http_read read = feed(&whole, in, size ? size : 1);

	assert(feed(&parts, in, 1 + size % 7) == read);
	assert(whole.body.n <= LIMIT && whole.fields <= HTTP_FIELDS_MAX + size);
	if (read == HTTP_READ_DONE) {
		assert(whole.status >= 200 && whole.status < 600);
		assert(whole.status == parts.status);
		assert(str_eq(whole.content_type, parts.content_type));
		assert(str_eq(buf_str(&whole.body), buf_str(&parts.body)));
	}
	if (read == HTTP_READ_MORE)
		assert(http_answer_end(&whole, true) ==
		       http_answer_end(&parts, true));
	http_answer_fini(&whole);
	http_answer_fini(&parts);
	return 0;
}
