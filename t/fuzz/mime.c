/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A message: the tree is in order and within its limits, decoding never
 * makes more octets, and what is written of the first part is read again.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mail/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_tree(const struct mime_tree *t, const struct mime_limits *limits)
{
	size_t fields = 0;

	if (t->n == 0 || t->n > limits->parts || t->v[0].depth)
		abort();
	for (size_t i = 1; i < t->n; i++) {
		const struct mime_part *p = &t->v[i];

		if (p->parent >= i || p->depth > limits->depth ||
		    p->depth != t->v[p->parent].depth + 1)
			abort();
		/* children follow their parent: none in between is above */
		for (size_t k = p->parent + 1; k < i; k++)
			if (t->v[k].depth < p->depth)
				abort();
		fields += p->fields.n;
	}
	if (fields > limits->fields)
		abort();
}

static void
check_part(struct arena *a, const struct mime_part *p)
{
	struct str out;

	if (mime_decode(a, p, &out) == 0 && out.n > p->content.n)
		abort();
	if (memchr(p->filename.p ? p->filename.p : "", '/', p->filename.n) ||
	    memchr(p->filename.p ? p->filename.p : "", '\n', p->filename.n))
		abort();
}

/* Whatever the text, it is one field in one piece, and no line is too long
 * for SMTP. */
static void
check_field(struct arena *a, struct str text)
{
	struct hdr_list l;
	struct str rest;
	struct buf b;
	bool cut = false;
	size_t n = 0;

	buf_init(&b, NULL, 16 * text.n + 1000);
	mime_field_text(&b, STR("Subject"), text);
	mime_field(&b, STR("X"), text);
	mime_field_mailbox(&b, STR("From"), text, STR("a@b.example"));
	if (!buf_ok(&b) || mime_fields(a, buf_str(&b), 10, &l, &rest, &cut))
		abort();
	if (l.n != 3 || rest.n || cut)
		abort();
	for (size_t i = 0; i < b.n; i++) {
		n = b.p[i] == '\n' ? 0 : n + 1;
		if (n > 998 || b.p[i] == '\0' || (b.p[i] & 0x80))
			abort();
	}
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct mime_limits limits = {12, 4, 50};
	struct mime_tree t;
	struct arena a;

	arena_init(&a, 16 << 20);
	if (mime_read(&a, text, &limits, &t) == 0) {
		check_tree(&t, &limits);
		for (size_t i = 0; i < t.n; i++)
			check_part(&a, &t.v[i]);
		check_field(&a, t.v[0].content);
	}
	arena_fini(&a);
	return 0;
}
