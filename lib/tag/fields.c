/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tag/fields.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"

#define NAME_OCTETS_MAX ((size_t)32)

static bool
delim(struct scan *s)
{
	struct scan try = *s;

	scan_skip(&try, CH_WSP);
	if (!scan_char(&try, ';'))
		return false;
	scan_skip(&try, CH_WSP);
	*s = try;
	return true;
}

bool
fields_begin(struct scan *s, struct str version)
{
	struct scan try = *s;

	if (!scan_lit(&try, version) || !delim(&try))
		return false;
	*s = try;
	return true;
}

static bool
is_name(struct str name)
{
	if (name.n == 0 || name.n > NAME_OCTETS_MAX ||
	    !chars_is(name.p[0], CH_ALNUM))
		return false;
	for (size_t i = 1; i < name.n; i++)
		if (!chars_is(name.p[i], CH_LDH | CH_TAGNAME) &&
		    name.p[i] != '.')
			return false;
	return true;
}

int
fields_next(struct scan *s, struct field *out, struct diag *d)
{
	struct scan try = *s;
	struct str text, name, value;

	if (scan_done(&try))
		return 0;
	text = scan_until(&try, ';');
	if (scan_done(&try))
		text = str_trim(text, " \t");
	name = str_cut(text, '=', &value);
	if (!value.p || !is_name(name))
		return diag_set(d, AVER_SYNTAX, scan_offset(s),
		    "no field at \"%.*s\"; expected name=value",
		    STRF(str_head(text, 40)));
	out->name = name;
	out->value = str_trim(value, " \t");
	/* the grammar has no white space after "=" */
	if (out->value.n && out->value.p != value.p)
		return diag_set(d, AVER_SYNTAX, scan_offset(s),
		    "white space after \"%.*s=\"", STRF(name));
	if (!scan_done(&try))
		delim(&try);
	*s = try;
	return 1;
}

bool
fields_ext_ok(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if (!chars_is(value.p[i], CH_VALCHAR) || value.p[i] == '=')
			return false;
	return value.n > 0;
}
