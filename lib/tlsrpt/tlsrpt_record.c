/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tlsrpt/tlsrpt_record.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/mail/addr.h"
#include "lib/mail/mailto.h"
#include "lib/tag/fields.h"

#define VERSION STR("v=TLSRPTv1")

bool
tlsrpt_record_is(struct str text)
{
	struct scan s = scan_of(text);

	return fields_begin(&s, VERSION);
}

/* RFC 3986 section 3.1 */
static bool
is_scheme(struct str s)
{
	if (s.n == 0 || !chars_is(s.p[0], CH_ALPHA))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!chars_is(s.p[i], CH_ALNUM) && s.p[i] != '+' &&
		    s.p[i] != '-' && s.p[i] != '.')
			return false;
	return true;
}

/*
 * RFC 3986 section 2: unreserved, reserved and percent-encoded octets, but
 * RFC 8460 section 3 has "," "!" and ";" encoded too.
 */
static bool
is_uri_text(struct str s)
{
	static const char reserved[] = ":/?#[]@$&'()*+=";

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			if (s.n - i < 3 || chars_hex(s.p[i + 1]) < 0 ||
			    chars_hex(s.p[i + 2]) < 0)
				return false;
			i += 2;
		} else if (!chars_is(s.p[i], CH_URI) &&
			   str_chr(STR(reserved), s.p[i]) ==
			       sizeof(reserved) - 1) {
			return false;
		}
	}
	return s.n > 0;
}

/* False when it is no address that mail could go to. */
static bool
read_mailto(struct arena *a, struct str text, struct tlsrpt_uri *out)
{
	struct mailto m;

	if (mailto_parse(a, text, &m, NULL))
		return false;
	out->scheme = TLSRPT_MAILTO;
	out->address = m.address;
	return true;
}

/* "//" host [":" port] [path]; no user. */
static bool
read_https(struct arena *a, struct str rest, struct tlsrpt_uri *out)
{
	struct str authority, host, port;
	size_t end = 0;
	uint64_t number;

	if (!str_starts(rest, STR("//")))
		return false;
	rest = str_from(rest, 2);
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' &&
	       rest.p[end] != '#')
		end++;
	authority = str_head(rest, end);
	host = str_cut(authority, ':', &port);
	if (domain_to_ascii(a, host, &host) ||
	    (port.n && !str_to_u64(port, 65535, &number)))
		return false;
	out->scheme = TLSRPT_HTTPS;
	return true;
}

static int
read_uri(
    struct arena *a, struct str text, struct tlsrpt_uri *out, struct diag *d)
{
	struct str rest, scheme = str_cut(text, ':', &rest);
	bool good = true;

	if (!rest.p || !is_scheme(scheme) || !is_uri_text(rest))
		return diag_set(d, AVER_SYNTAX, 0,
		    "rua: \"%.*s\" is no URI; expected mailto:... or "
		    "https://...",
		    STRF(str_head(text, 60)));
	*out = (struct tlsrpt_uri){.text = text, .scheme = TLSRPT_OTHER};
	if (str_eq_ci(scheme, STR("mailto")))
		good = read_mailto(a, text, out);
	else if (str_eq_ci(scheme, STR("https")))
		good = read_https(a, rest, out);
	if (arena_failed(a))
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	if (!good)
		diag_set(d, 0, 0, "rua: \"%.*s\" names no %s",
		    STRF(str_head(text, 60)),
		    str_eq_ci(scheme, STR("https")) ? "host" : "address");
	return 0;
}

struct parser {
	struct arena *a;
	struct tlsrpt_record *out;
	struct tlsrpt_uri *rua;
	size_t room;
	struct diag why; /* the last URI that names nothing */
	struct diag *d;
};

/*
 * Room for the URIs of all rua fields: each ends with a "," or a ";", or the
 * text does.
 */
static int
make_room(struct parser *p)
{
	struct str text = p->out->text;
	size_t n = 1;

	if (p->rua)
		return 0;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ',' || text.p[i] == ';';
	p->room = n < TLSRPT_RUA_MAX ? n : TLSRPT_RUA_MAX;
	p->rua = ARENA_ARRAY(p->a, struct tlsrpt_uri, p->room);
	if (!p->rua)
		return diag_set(p->d, AVER_NOMEM, 0, "out of memory");
	p->out->rua = p->rua;
	return 0;
}

/*
 * RFC 8460 section 3: tlsrpt-rua = "rua=" uri *( *WSP "," *WSP uri ), and the
 * record may have several.
 */
static int
read_rua(struct parser *p, struct str list)
{
	struct tlsrpt_record *out = p->out;
	int err = make_room(p);

	while (list.p && !err) {
		struct str text = str_trim(str_cut(list, ',', &list), " \t");
		struct diag why = {.text = ""};

		if (out->n_rua == p->room)
			return diag_set(p->d, AVER_LIMIT, 0,
			    "rua: more than %zu URIs", TLSRPT_RUA_MAX);
		err = read_uri(p->a, text, &p->rua[out->n_rua], &why);
		if (err)
			*p->d = why;
		else if (why.text[0])
			p->why = why;
		if (!err)
			out->n_usable +=
			    p->rua[out->n_rua++].scheme != TLSRPT_OTHER;
	}
	return err;
}

int
tlsrpt_record_parse(
    struct arena *a, struct str text, struct tlsrpt_record *out, struct diag *d)
{
	struct tlsrpt_record r = {.text = text};
	struct parser p = {.a = a, .out = &r, .d = d};
	struct scan s = scan_of(text);
	struct field f;
	int got;

	if (text.n > TLSRPT_RECORD_OCTETS_MAX)
		return diag_set(d, AVER_LIMIT, 0, "more than %zu octets",
		    TLSRPT_RECORD_OCTETS_MAX);
	if (!fields_begin(&s, VERSION))
		return diag_set(d, AVER_SYNTAX, 0,
		    "the record does not begin with \"v=TLSRPTv1;\"");
	while ((got = fields_next(&s, &f, d)) > 0) {
		bool is_rua = str_eq(f.name, STR("rua"));
		int err = 0;

		if (is_rua)
			err = read_rua(&p, f.value);
		else if (!fields_ext_ok(f.value))
			err = diag_set(d, AVER_SYNTAX, scan_offset(&s),
			    "%.*s: \"%.*s\" is no value", STRF(f.name),
			    STRF(str_head(f.value, 40)));
		if (err)
			return err;
	}
	if (got < 0)
		return got;
	if (!r.rua)
		return diag_set(d, AVER_SYNTAX, 0, "there is no rua=");
	if (r.n_usable == 0 && p.why.text[0]) {
		*d = p.why;
		return AVER_SYNTAX;
	}
	*out = r;
	return 0;
}
