/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/hdr.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"

#define FIRST_FIELDS ((size_t)32)

struct hdr
hdr_of(struct str raw)
{
	size_t colon = str_chr(raw, ':');
	struct hdr h = {
	    .raw = raw,
	    .name = str_head(raw, colon),
	    .value = str_from(raw, colon + 1),
	};

	/*
	 * RFC 5322 section 4.5: obs-* fields have *WSP before the colon. A
	 * fold may stand there too (RFC 6376 section 3.4.2 unfolds first).
	 */
	while (h.name.n && chars_is(h.name.p[h.name.n - 1], CH_FWS))
		h.name.n--;
	return h;
}

int
hdr_list_add(struct hdr_list *l, struct arena *a, struct hdr h)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : FIRST_FIELDS;
		struct hdr *v =
		    arena_grow(a, l->v, l->cap * sizeof(*v), cap * sizeof(*v));

		if (!v)
			return AVER_NOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = h;
	l->octets += h.raw.n + 2;
	return 0;
}

/* str_eq_ci() for the many names that differ in length or first octet. */
static inline bool
name_is(struct str x, struct str name)
{
	if (x.n != name.n)
		return false;
	if (x.n && chars_lower(x.p[0]) != chars_lower(name.p[0]))
		return false;
	return str_eq_ci(x, name);
}

const struct hdr *
hdr_find(const struct hdr_list *l, struct str name, size_t i)
{
	for (size_t k = 0; k < l->n; k++)
		if (name_is(l->v[k].name, name) && i-- == 0)
			return &l->v[k];
	return NULL;
}

size_t
hdr_count(const struct hdr_list *l, struct str name)
{
	size_t n = 0;

	for (size_t k = 0; k < l->n; k++)
		n += name_is(l->v[k].name, name);
	return n;
}

/* The index of the CRLF at or after from, text.n when there is none. */
static size_t
find_crlf(struct str text, size_t from)
{
	while (from < text.n) {
		size_t lf = from + str_chr(str_from(text, from), '\n');

		if (lf < text.n && lf > from && text.p[lf - 1] == '\r')
			return lf - 1;
		from = lf + 1;
	}
	return text.n;
}

static bool
has_bare_lines(struct str text)
{
	size_t lf = str_chr(text, '\n');

	return lf < text.n && (lf == 0 || text.p[lf - 1] != '\r');
}

/* Every bare LF becomes CRLF. */
static int
to_crlf(struct arena *a, struct str text, struct str *out)
{
	size_t extra = 0;
	char *p, *q;

	for (size_t i = 0; i < text.n; i++)
		extra += text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r');
	p = q = arena_alloc(a, text.n + extra);
	if (!p)
		return AVER_NOMEM;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			*q++ = '\r';
		*q++ = text.p[i];
	}
	*out = (struct str){p, text.n + extra};
	return 0;
}

/* The end of the field that starts at from: before its last CRLF. */
static size_t
field_end(struct str text, size_t from)
{
	size_t at = find_crlf(text, from);

	while (at + 2 < text.n && chars_is(text.p[at + 2], CH_WSP))
		at = find_crlf(text, at + 2);
	return at;
}

int
hdr_split_message(
    struct arena *a, struct str text, struct hdr_list *l, struct str *body)
{
	struct hdr_list out = {0};
	struct str rest;
	size_t at = 0;
	int err;

	if (has_bare_lines(text) && (err = to_crlf(a, text, &text)))
		return err;
	rest = STR_NONE;
	while (at < text.n) {
		size_t end;

		/* the empty line, also when the body begins with a space */
		if (str_starts(str_from(text, at), STR("\r\n"))) {
			rest = str_from(text, at + 2);
			break;
		}
		end = field_end(text, at);
		err = hdr_list_add(
		    &out, a, hdr_of((struct str){text.p + at, end - at}));
		if (err)
			return err;
		at = end + 2;
	}
	*l = out;
	*body = rest;
	return 0;
}
