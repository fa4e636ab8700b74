/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/policy/policy_reply.h"

#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/base/scan.h"

#define SHOWN_MAX ((size_t)40)

/* As in %{domain}. */
static const char *const field_names[REPLY_FIELD_COUNT] = {
    [REPLY_DOMAIN] = "domain",
    [REPLY_POLICY] = "policy",
    [REPLY_POLICY_DOMAIN] = "policy_domain",
    [REPLY_REASON] = "reason",
    [REPLY_IP] = "ip",
    [REPLY_HELO] = "helo",
    [REPLY_MAILFROM] = "mailfrom",
    [REPLY_QID] = "qid",
    [REPLY_HOST] = "host",
};

/* RFC 5321 section 4.2.1: 4yz or 5yz, and what the action means. */
static int
check_code(struct str code, enum policy_action action, struct diag *d)
{
	char class = action == POLICY_TEMPFAIL ? '4' : '5';
	uint64_t v;

	if (code.n != 3 || !str_to_u64(code, 599, &v) || v < 400 ||
	    v / 10 % 10 > 5)
		return diag_set(d, AVER_SYNTAX, 0,
		    "it does not begin with a reply code; expected one such "
		    "as %c50",
		    class);
	if (code.p[0] != class)
		return diag_set(d, AVER_SYNTAX, 0,
		    "the reply code %.*s is not for %s; expected %cxx",
		    STRF(code), policy_action_name(action), class);
	if (v == 421)
		return diag_set(d, AVER_SYNTAX, 0,
		    "the reply code 421 closes the connection; expected "
		    "another 4xx");
	return 0;
}

/* RFC 3463 section 2: class "." subject "." detail, 1 to 3 digits each. */
static int
check_enhanced(struct str enhanced, char class, struct diag *d)
{
	struct str detail, subject, first = str_cut(enhanced, '.', &subject);
	uint64_t v;

	subject = str_cut(subject, '.', &detail);
	if (first.n != 1 || subject.n > 3 || detail.n > 3 ||
	    !str_to_u64(first, 9, &v) || !str_to_u64(subject, 999, &v) ||
	    !str_to_u64(detail, 999, &v))
		return diag_set(d, AVER_SYNTAX, 4,
		    "there is no enhanced status code behind the reply code; "
		    "expected one such as %c.7.1",
		    class);
	if (first.p[0] != class)
		return diag_set(d, AVER_SYNTAX, 4,
		    "the enhanced status code %.*s does not agree with the "
		    "reply code; expected %c.x.x",
		    STRF(enhanced), class);
	return 0;
}

static int
add_part(
    struct reply_template *t, struct str literal, int field, struct diag *d)
{
	if (field < 0 && literal.n == 0)
		return 0;
	if (t->n == REPLY_PARTS_MAX)
		return diag_set(d, AVER_SYNTAX, 0, "there are too many fields");
	t->parts[t->n++] = (struct reply_part){literal, field};
	return 0;
}

/* Behind a "%". */
static int
parse_field(struct scan *s, struct reply_template *t, struct diag *d)
{
	size_t at = scan_offset(s);
	struct str name;
	int field;

	if (!scan_done(s) && *s->p == '%')
		return add_part(t, (struct str){s->p++, 1}, -1, d);
	if (!scan_char(s, '{'))
		return diag_set(d, AVER_SYNTAX, at,
		    "there is a single \"%%\"; expected %%{name}, or %%%% for "
		    "one");
	name = scan_until(s, '}');
	field = name_find(field_names, REPLY_FIELD_COUNT, name);
	if (!scan_char(s, '}') || field < 0)
		return diag_set(d, AVER_SYNTAX, at,
		    "there is no field %%{%.*s}; expected %%{domain} or "
		    "another of aver.conf(5)",
		    STRF(str_head(name, SHOWN_MAX)));
	return add_part(t, STR_NONE, field, d);
}

static int
parse_text(struct scan *s, struct reply_template *t, struct diag *d)
{
	int err = 0;

	if (scan_done(s))
		return diag_set(d, AVER_SYNTAX, scan_offset(s),
		    "there is no text behind the codes");
	while (err == 0 && !scan_done(s)) {
		err = add_part(t, scan_until(s, '%'), -1, d);
		if (err == 0 && scan_char(s, '%'))
			err = parse_field(s, t, d);
	}
	return err;
}

int
reply_template_parse(struct str text, enum policy_action action,
    struct reply_template *out, struct diag *d)
{
	struct scan s = scan_of(text);
	struct reply_template t = {.n = 0};
	int err;

	if (text.n > REPLY_OCTETS_MAX)
		return diag_set(d, AVER_SYNTAX, REPLY_OCTETS_MAX,
		    "the text is too long; expected at most %zu octets",
		    REPLY_OCTETS_MAX);
	for (size_t i = 0; i < text.n; i++)
		if (!chars_is(text.p[i], CH_PRINT))
			return diag_set(d, AVER_SYNTAX, i,
			    "there are other characters than printable "
			    "ASCII");
	t.code = scan_until(&s, ' ');
	if ((err = check_code(t.code, action, d)))
		return err;
	scan_char(&s, ' ');
	t.enhanced = scan_until(&s, ' ');
	if ((err = check_enhanced(t.enhanced, t.code.p[0], d)))
		return err;
	scan_char(&s, ' ');
	if ((err = parse_text(&s, &t, d)))
		return err;
	*out = t;
	return 0;
}

/* Appends what fits before the octet end of out. */
static void
add_text(struct buf *out, size_t end, struct str s)
{
	for (size_t i = 0; i < s.n && out->n < end; i++)
		buf_add_c(out, chars_is(s.p[i], CH_PRINT) ? s.p[i] : '?');
}

static void
add_field(struct buf *out, size_t end, struct str s)
{
	bool cut = s.n > REPLY_FIELD_MAX;

	if (s.n == 0)
		s = STR("unknown");
	add_text(out, end, str_head(s, REPLY_FIELD_MAX - (cut ? 3 : 0)));
	if (cut)
		add_text(out, end, STR("..."));
}

void
reply_expand(const struct reply_template *t,
    const struct str fields[REPLY_FIELD_COUNT], struct buf *out)
{
	size_t end = out->n + REPLY_OCTETS_MAX;

	buf_add(out, t->code);
	buf_add_c(out, ' ');
	buf_add(out, t->enhanced);
	buf_add_c(out, ' ');
	for (size_t i = 0; buf_ok(out) && i < t->n; i++) {
		const struct reply_part *part = &t->parts[i];

		if (part->field < 0)
			add_text(out, end, part->literal);
		else
			add_field(out, end, fields[part->field]);
	}
}
