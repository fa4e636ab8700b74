/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>
#include <string.h>

#include "lib/base/chars.h"
#include "lib/smtp/smtp_ehlo.h"
#include "lib/smtp/smtp_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_texts(const struct smtp_reply *r)
{
	struct smtp_ehlo e;
	struct str list, m;
	char text[512];

	smtp_reply_print(r, text, sizeof(text));
	for (const char *p = text; *p; p++)
		assert(chars_is(*p, CH_PRINT));
	assert(smtp_reply_status(r).class == 0 ||
	       smtp_reply_status(r).class == r->code / 100);
	smtp_ehlo_parse(r, &e);
	assert(memchr(e.name, '\0', sizeof(e.name)));
	assert(memchr(e.mechanisms, '\0', sizeof(e.mechanisms)));
	list = str_from_z(e.mechanisms);
	while (smtp_mechanism_next(&list, &m))
		assert(m.n > 0 && m.n <= 20);
}

/* In one piece and octet by octet a reply is the same, and bounded. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct smtp_reply whole, parts;
	struct str in = {(const char *)data, size};
	enum smtp_feed f, g = SMTP_FEED_MORE;
	size_t used, i = 0;

	smtp_reply_init(&whole);
	f = smtp_reply_feed(&whole, &in);
	used = size - in.n;
	smtp_reply_init(&parts);
	while (i < size && g == SMTP_FEED_MORE) {
		struct str one = {(const char *)data + i++, 1};

		g = smtp_reply_feed(&parts, &one);
		assert(one.n == 0);
	}
	assert(f == g && i == used);
	assert(whole.n == parts.n && whole.lines == parts.lines);
	assert(whole.n <= SMTP_REPLY_TEXT_MAX);
	assert(whole.lines <= SMTP_REPLY_LINES_MAX + 1);
	if (f != SMTP_FEED_DONE)
		return 0;
	assert(
	    whole.code == parts.code && whole.code >= 200 && whole.code < 600);
	assert(memcmp(whole.text, parts.text, whole.n) == 0);
	assert(data[used - 1] == '\n');
	check_texts(&whole);
	return 0;
}
