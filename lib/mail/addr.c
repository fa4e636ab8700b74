/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/addr.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/mail/idn.h"

/* RFC 1035 section 2.3.4: 255 octets in wire form are 253 as text. */
#define NAME_MAX_OCTETS ((size_t)253)
#define LABEL_MAX_OCTETS ((size_t)63)
/* A name in UTF-8 that fits after conversion is far below this. */
#define UTF8_MAX_OCTETS ((size_t)1024)

struct str
addr_strip(struct str path)
{
	path = str_trim(path, " \t");
	if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
		path = (struct str){path.p + 1, path.n - 2};
	/* RFC 5321 section 4.1.1.3: the source route is to be ignored. */
	if (path.n && path.p[0] == '@') {
		size_t colon = str_chr(path, ':');

		if (colon < path.n)
			path = str_from(path, colon + 1);
	}
	return path;
}

void
addr_split(struct str addr, struct str *local, struct str *domain)
{
	size_t at = str_rchr(addr, '@');

	*local = str_head(addr, at);
	*domain = at < addr.n ? str_from(addr, at + 1) : STR_NONE;
}

/* Labels of 1 to 63 letters, digits, "-", "_"; no trailing dot. */
static bool
is_name(struct str s)
{
	size_t label = 0;

	if (s.n == 0 || s.n > NAME_MAX_OCTETS)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (chars_is(s.p[i], CH_LDH | CH_TAGNAME)) {
			if (++label > LABEL_MAX_OCTETS)
				return false;
		} else if (s.p[i] == '.' && label) {
			label = 0;
		} else {
			return false;
		}
	}
	return label > 0;
}

static struct str
without_dot(struct str s)
{
	if (s.n && s.p[s.n - 1] == '.')
		s.n--;
	return s;
}

int
domain_to_ascii(struct arena *a, struct str domain, struct str *out)
{
	struct str s = without_dot(domain);
	int err;

	if (!str_is_ascii(s)) {
		if (s.n > UTF8_MAX_OCTETS)
			return AVER_SYNTAX;
		if ((err = idn_to_ascii(a, s, &s)))
			return err;
		s = without_dot(s);
	}
	if (!is_name(s))
		return AVER_SYNTAX;
	s = arena_lower(a, s);
	if (!s.p)
		return AVER_NOMEM;
	*out = s;
	return 0;
}

bool
domain_is_below(struct str name, struct str parent)
{
	if (name.n == parent.n)
		return str_eq_ci(name, parent);
	return parent.n && name.n > parent.n &&
	       name.p[name.n - parent.n - 1] == '.' &&
	       str_ends_ci(name, parent);
}

unsigned
domain_labels(struct str name)
{
	unsigned n = name.n > 0;

	for (size_t i = 0; i < name.n; i++)
		n += name.p[i] == '.';
	return n;
}

struct str
domain_tail(struct str name, unsigned n)
{
	size_t i = name.n;

	if (n == 0)
		return str_from(name, name.n);
	while (i > 0) {
		if (name.p[i - 1] == '.' && --n == 0)
			break;
		i--;
	}
	return str_from(name, i);
}
