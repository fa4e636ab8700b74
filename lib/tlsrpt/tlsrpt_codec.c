/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tlsrpt/tlsrpt_codec.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/mail/addr.h"
#include "lib/mail/utf8.h"
#include "lib/tlsrpt/tlsrpt_result.h"

#define VERSION 1
#define HEAD 3 /* letter, version, enum */

static bool
is_clean(struct str s)
{
	if (s.n > TLSRPT_TEXT_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_PRINT))
			return false;
	return true;
}

/* RFC 7493 section 2.1: noncharacters have no place in I-JSON. */
static bool
is_noncharacter(struct str one)
{
	unsigned char a = (unsigned char)one.p[0];
	unsigned char y, z;

	if (one.n < 3)
		return false;
	y = (unsigned char)one.p[one.n - 2];
	z = (unsigned char)one.p[one.n - 1];
	if (one.n == 3 && a == 0xef && y == 0xb7)
		return z >= 0x90 && z <= 0xaf; /* U+FDD0 to U+FDEF */
	/* U+xFFFE and U+xFFFF */
	return z >= 0xbe && y == 0xbf &&
	       (one.n == 3 ? a == 0xef
			   : ((unsigned char)one.p[1] & 0x0f) == 0x0f);
}

struct str
tlsrpt_text(struct arena *a, struct str s)
{
	static const struct str bad = STR_INIT("\xef\xbf\xbd"); /* U+FFFD */
	struct buf b;

	if (is_clean(s))
		return s;
	buf_init(&b, a, TLSRPT_TEXT_MAX);
	for (size_t used; s.n && b.n < TLSRPT_TEXT_MAX; s = str_from(s, used)) {
		struct str one = bad;

		used = utf8_len(s);
		if (used && !is_noncharacter(str_head(s, used)))
			one = str_head(s, used);
		used += used == 0;
		if (used == 1 && chars_is(s.p[0], CH_CTL))
			one = STR(" ");
		if (b.n + one.n > TLSRPT_TEXT_MAX)
			break;
		buf_add(&b, one);
	}
	return buf_str(&b);
}

struct str
tlsrpt_name(struct arena *a, struct str s)
{
	struct str name;

	if (domain_to_ascii(a, s, &name) == 0)
		return name;
	return arena_lower(a, tlsrpt_text(a, s));
}

struct str
tlsrpt_ip(struct arena *a, struct str s)
{
	static const struct str tag = STR_INIT("IPv6:");
	struct buf b;
	struct ip ip;

	if (str_starts_ci(s, tag))
		s = str_from(s, tag.n);
	if (!ip_parse(s, &ip))
		return STR_NONE;
	ip = ip_unmap(ip);
	buf_init(&b, a, 64);
	ip_print(&b, &ip);
	return buf_str(&b);
}

/* A line of a reply without its code. */
static struct str
after_code(struct str line)
{
	if (line.n >= 4 && chars_is(line.p[0], CH_DIGIT) &&
	    chars_is(line.p[1], CH_DIGIT) && chars_is(line.p[2], CH_DIGIT) &&
	    (line.p[3] == '-' || line.p[3] == ' '))
		return str_from(line, 4);
	return line;
}

bool
tlsrpt_offers(struct str reply, struct str keyword)
{
	struct str rest;

	for (str_cut(reply, '\n', &rest); rest.n;) {
		struct str line = after_code(str_cut(rest, '\n', &rest));

		line = str_trim_fws(line);
		if (str_eq_ci(str_cut(line, ' ', &line), keyword))
			return true;
	}
	return false;
}

struct str
tlsrpt_helo(struct arena *a, struct str reply)
{
	size_t end = 0;

	reply = after_code(reply);
	while (end < reply.n && !chars_is(reply.p[end], CH_FWS))
		end++;
	return tlsrpt_text(a, str_head(reply, end));
}

static void
add_head(struct buf *b, char letter, int value)
{
	buf_add_c(b, letter);
	buf_add_c(b, VERSION);
	buf_add_c(b, (char)value);
}

static void
add_number(struct buf *b, size_t n)
{
	buf_add_c(b, (char)(n >> 8));
	buf_add_c(b, (char)n);
}

/* Whole characters only, where it is UTF-8. */
static struct str
cut_text(struct str s)
{
	struct str head = str_head(s, TLSRPT_TEXT_MAX);

	if (head.n < s.n)
		while (head.n && ((unsigned char)s.p[head.n] & 0xc0) == 0x80)
			head.n--;
	return head;
}

static void
add_text(struct buf *b, struct str s)
{
	s = cut_text(s);
	add_number(b, s.n);
	if (utf8_ok(s)) {
		buf_add(b, s);
		return;
	}
	/* what was not cleaned must not make octets that nobody reads */
	for (size_t used; s.n; s = str_from(s, used)) {
		used = utf8_len(s);
		buf_add(b, used ? str_head(s, used) : STR("?"));
		used += used == 0;
	}
}

/* How many of the list, taken from the front, fit into *room octets. */
static size_t
how_many(const struct str *v, size_t n, size_t *room)
{
	size_t i = 0;

	for (; i < n && i < TLSRPT_STRINGS_MAX; i++) {
		size_t size = 2 + cut_text(v[i]).n;

		if (size > *room)
			break;
		*room -= size;
	}
	return i;
}

static void
add_list(struct buf *b, const struct str *v, size_t n)
{
	add_number(b, n);
	for (size_t i = 0; i < n; i++)
		add_text(b, v[i]);
}

void
tlsrpt_policy_encode(struct buf *b, const struct tlsrpt_policy *p)
{
	enum tlsrpt_policy_type type = TLSRPT_NO_POLICY_FOUND;
	size_t room = TLSRPT_POLICY_OCTETS_MAX - HEAD - 6 - TLSRPT_TEXT_MAX;
	size_t strings, hosts;

	tlsrpt_policy_find(p->type, &type);
	strings = how_many(p->strings, p->n_strings, &room);
	hosts = how_many(p->mx_hosts, p->n_mx_hosts, &room);
	add_head(b, 'P', (int)type);
	add_text(b, p->domain);
	add_list(b, p->strings, strings);
	add_list(b, p->mx_hosts, hosts);
}

void
tlsrpt_failure_encode(struct buf *b, const struct tlsrpt_failure *f)
{
	enum tlsrpt_result result = TLSRPT_VALIDATION_FAILURE;

	tlsrpt_result_find(f->result_type, &result);
	add_head(b, 'F', (int)result);
	add_text(b, f->sending_mta_ip);
	add_text(b, f->receiving_mx_hostname);
	add_text(b, f->receiving_mx_helo);
	add_text(b, f->receiving_ip);
	add_text(b, f->additional_information);
	add_text(b, f->reason_code);
}

/* The enum, or -1. */
static int
take_head(struct str *s, char letter)
{
	int value;

	if (s->n < HEAD || s->p[0] != letter || s->p[1] != VERSION)
		return -1;
	value = (unsigned char)s->p[2];
	*s = str_from(*s, HEAD);
	return value;
}

static bool
take_number(struct str *s, size_t *out)
{
	if (s->n < 2)
		return false;
	*out = (size_t)(unsigned char)s->p[0] << 8 | (unsigned char)s->p[1];
	*s = str_from(*s, 2);
	return true;
}

static bool
take_text(struct str *s, struct str *out)
{
	size_t n;

	if (!take_number(s, &n) || n > s->n || n > TLSRPT_TEXT_MAX)
		return false;
	*out = str_head(*s, n);
	*s = str_from(*s, n);
	return utf8_ok(*out);
}

static int
take_list(struct arena *a, struct str *s, const struct str **out, size_t *n)
{
	struct str *v;

	if (!take_number(s, n) || *n > TLSRPT_STRINGS_MAX)
		return AVER_SYNTAX;
	if (!(v = ARENA_ARRAY(a, struct str, *n)))
		return AVER_NOMEM;
	for (size_t i = 0; i < *n; i++)
		if (!take_text(s, &v[i]))
			return AVER_SYNTAX;
	*out = v;
	return 0;
}

int
tlsrpt_policy_decode(
    struct arena *a, struct str octets, struct tlsrpt_policy *out)
{
	struct tlsrpt_policy p = {.successful = 0};
	int err, type = take_head(&octets, 'P');

	if (type < 0 || type >= TLSRPT_POLICY_COUNT)
		return AVER_SYNTAX;
	p.type = str_from_z(tlsrpt_policy_name((enum tlsrpt_policy_type)type));
	if (!take_text(&octets, &p.domain))
		return AVER_SYNTAX;
	if ((err = take_list(a, &octets, &p.strings, &p.n_strings)) ||
	    (err = take_list(a, &octets, &p.mx_hosts, &p.n_mx_hosts)))
		return err;
	if (octets.n)
		return AVER_SYNTAX;
	*out = p;
	return 0;
}

int
tlsrpt_failure_decode(struct str octets, struct tlsrpt_failure *out)
{
	struct tlsrpt_failure f = {.failed_sessions = 0};
	int result = take_head(&octets, 'F');

	if (result <= TLSRPT_SUCCESS || result >= TLSRPT_RESULT_COUNT)
		return AVER_SYNTAX;
	f.result_type =
	    str_from_z(tlsrpt_result_name((enum tlsrpt_result)result));
	if (!take_text(&octets, &f.sending_mta_ip) ||
	    !take_text(&octets, &f.receiving_mx_hostname) ||
	    !take_text(&octets, &f.receiving_mx_helo) ||
	    !take_text(&octets, &f.receiving_ip) ||
	    !take_text(&octets, &f.additional_information) ||
	    !take_text(&octets, &f.reason_code) || octets.n)
		return AVER_SYNTAX;
	*out = f;
	return 0;
}
