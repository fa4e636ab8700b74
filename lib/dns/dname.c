/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dname.h"

#include <string.h>

#include "lib/base/chars.h"

#define LABEL_MAX 63

/*
 * Appends the labels of text to out, without the root label. What is written
 * stays one octet short of DNAME_MAX, so that the root label always fits.
 */
static bool
add_labels(struct dname *out, struct str text)
{
	struct str rest = text;

	while (rest.p) {
		struct str label = str_cut(rest, '.', &rest);

		/* RFC 1035 section 2.3.4: 63 octets a label, 255 a name */
		if (label.n == 0 || label.n > LABEL_MAX ||
		    out->len + label.n + 2 > DNAME_MAX)
			return false;
		out->wire[out->len++] = (uint8_t)label.n;
		for (size_t i = 0; i < label.n; i++)
			out->wire[out->len++] =
			    (uint8_t)chars_lower(label.p[i]);
	}
	return true;
}

bool
dname_from_text(struct str text, struct dname *out)
{
	out->len = 0;
	if (text.n == 0)
		return false;
	if (!str_eq(text, STR("."))) {
		if (text.p[text.n - 1] == '.')
			text.n--;
		if (!add_labels(out, text))
			return false;
	}
	out->wire[out->len++] = 0;
	return true;
}

bool
dname_prepend(struct str prefix, const struct dname *name, struct dname *out)
{
	struct dname made = {0};

	if (prefix.n == 0 || !add_labels(&made, prefix) ||
	    made.len + name->len > DNAME_MAX)
		return false;
	memcpy(made.wire + made.len, name->wire, name->len);
	made.len = (uint8_t)(made.len + name->len);
	*out = made;
	return true;
}

bool
dname_from_wire(struct str in, struct dname *out, size_t *used)
{
	size_t at = 0;

	for (;;) {
		size_t n;

		if (at >= in.n)
			return false;
		n = (unsigned char)in.p[at];
		/* above 63 is a pointer or a type nobody defined */
		if (n > LABEL_MAX || at + n + 1 > in.n ||
		    at + n + 1 > DNAME_MAX)
			return false;
		out->wire[at++] = (uint8_t)n;
		if (n == 0)
			break;
		for (; n; n--, at++)
			out->wire[at] = (uint8_t)chars_lower(in.p[at]);
	}
	out->len = (uint8_t)at;
	if (used)
		*used = at;
	return true;
}

static void
print_octet(struct buf *b, uint8_t c)
{
	/* RFC 1035 section 5.1: \X and \DDD */
	if (c <= ' ' || c >= 0x7f) {
		buf_addf(b, "\\%03u", c);
		return;
	}
	if (strchr(".\\\"();@$", c))
		buf_add_c(b, '\\');
	buf_add_c(b, (char)c);
}

void
dname_print(struct buf *b, const struct dname *name)
{
	const uint8_t *p = name->wire;

	if (*p == 0)
		buf_add_c(b, '.');
	while (*p) {
		const uint8_t *end = p + 1 + *p;

		if (p != name->wire)
			buf_add_c(b, '.');
		for (p++; p < end; p++)
			print_octet(b, *p);
	}
}

bool
dname_eq(const struct dname *a, const struct dname *b)
{
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

unsigned
dname_labels(const struct dname *name)
{
	unsigned n = 0;

	for (const uint8_t *p = name->wire; *p; p += 1 + *p)
		n++;
	return n;
}

bool
dname_parent(const struct dname *name, struct dname *out)
{
	uint8_t cut = (uint8_t)(name->wire[0] + 1);

	if (name->len <= 1)
		return false;
	/* out may be name itself */
	out->len = (uint8_t)(name->len - cut);
	memmove(out->wire, name->wire + cut, out->len);
	return true;
}

bool
dname_is_below(const struct dname *name, const struct dname *parent)
{
	unsigned at = 0;

	while (name->len - at > parent->len)
		at += name->wire[at] + 1u;
	return name->len - at == parent->len &&
	       memcmp(name->wire + at, parent->wire, parent->len) == 0;
}
