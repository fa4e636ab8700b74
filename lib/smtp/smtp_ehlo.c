/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/smtp_ehlo.h"

#include <string.h>

#include "lib/base/chars.h"

#define LIMIT_MAX 999999 /* six digits */
#define MECHANISM_MAX 20 /* RFC 4422 section 3.1 */

static const struct {
	struct str keyword;
	enum smtp_offer offer;
} offers[] = {
    {STR_INIT("PIPELINING"), SMTP_PIPELINING},
    {STR_INIT("SIZE"), SMTP_SIZE},
    {STR_INIT("STARTTLS"), SMTP_STARTTLS},
    {STR_INIT("8BITMIME"), SMTP_8BITMIME},
    {STR_INIT("SMTPUTF8"), SMTP_SMTPUTF8},
    {STR_INIT("DSN"), SMTP_DSN},
    {STR_INIT("REQUIRETLS"), SMTP_REQUIRETLS},
    {STR_INIT("AUTH"), SMTP_AUTH},
    {STR_INIT("LIMITS"), SMTP_LIMITS},
    {STR_INIT("ENHANCEDSTATUSCODES"), SMTP_ENHANCED},
};

static void
copy_printable(char *out, size_t size, struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 1 < size; i++)
		out[n++] = chars_is(s.p[i], CH_PRINT) ? s.p[i] : '?';
	out[n] = '\0';
}

/* The words of a line, separated by spaces or tabs. */
static bool
word(struct str *rest, struct str *out)
{
	size_t i = 0;

	*rest = str_trim_fws(*rest);
	while (i < rest->n && !chars_is(rest->p[i], CH_WSP))
		i++;
	*out = str_head(*rest, i);
	*rest = str_from(*rest, i);
	return out->n > 0;
}

/* RFC 4422 section 3.1: 1 to 20 of upper-case letters, digits, "-", "_". */
static bool
is_mechanism(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_LDH) && s.p[i] != '_')
			return false;
	return s.n > 0 && s.n <= MECHANISM_MAX;
}

static void
read_mechanisms(struct smtp_ehlo *e, struct str rest)
{
	size_t n = strlen(e->mechanisms);
	struct str m;

	while (word(&rest, &m)) {
		if (!is_mechanism(m) || n + m.n + 2 > sizeof(e->mechanisms))
			continue;
		for (size_t i = 0; i < m.n; i++)
			e->mechanisms[n++] = m.p[i] >= 'a' && m.p[i] <= 'z'
						 ? (char)(m.p[i] - 'a' + 'A')
						 : m.p[i];
		e->mechanisms[n++] = ' ';
		e->mechanisms[n] = '\0';
	}
}

bool
smtp_mechanism_next(struct str *list, struct str *out)
{
	return word(list, out);
}

/* NAME=VALUE; a limit of none is not one. */
static void
read_limits(struct smtp_ehlo *e, struct str rest)
{
	struct str w, value, name;
	uint64_t v;

	while (word(&rest, &w)) {
		name = str_cut(w, '=', &value);
		if (!value.p || !str_to_u64(value, LIMIT_MAX, &v) || v == 0)
			continue;
		if (str_eq_ci(name, STR("MAILMAX")))
			e->mailmax = (uint32_t)v;
		else if (str_eq_ci(name, STR("RCPTMAX")))
			e->rcptmax = (uint32_t)v;
	}
}

static void
read_size(struct smtp_ehlo *e, struct str rest)
{
	struct str w;
	uint64_t v;

	/* RFC 1870 section 3: zero means that there is no fixed maximum */
	if (word(&rest, &w) && str_to_u64(w, UINT64_MAX, &v))
		e->size = v;
}

static void
read_line(struct smtp_ehlo *e, struct str line)
{
	struct str keyword;

	if (!word(&line, &keyword))
		return;
	/* "AUTH=LOGIN PLAIN" of servers that older clients knew */
	if (str_starts_ci(keyword, STR("AUTH="))) {
		e->offers |= SMTP_AUTH;
		read_mechanisms(e, str_from(keyword, 5));
		read_mechanisms(e, line);
		return;
	}
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		if (!str_eq_ci(keyword, offers[i].keyword))
			continue;
		e->offers |= offers[i].offer;
		if (offers[i].offer == SMTP_AUTH)
			read_mechanisms(e, line);
		else if (offers[i].offer == SMTP_LIMITS)
			read_limits(e, line);
		else if (offers[i].offer == SMTP_SIZE)
			read_size(e, line);
	}
}

void
smtp_ehlo_parse(const struct smtp_reply *r, struct smtp_ehlo *out)
{
	struct str rest = smtp_reply_text(r), line, name;

	memset(out, 0, sizeof(*out));
	line = str_cut(rest, '\n', &rest);
	if (word(&line, &name))
		copy_printable(out->name, sizeof(out->name), name);
	while (rest.n)
		read_line(out, str_cut(rest, '\n', &rest));
}
