/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/nexthop.h"

#include "lib/base/buf.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/name.h"
#include "lib/mail/addr.h"

#define SMTP_PORT 25
#define KEY_OCTETS_MAX ((size_t)300) /* a name, brackets and a port */

static const char *const kind_names[NEXTHOP_KIND_COUNT] = {
    [NEXTHOP_DOMAIN] = "domain",
    [NEXTHOP_HOST] = "host",
    [NEXTHOP_LITERAL] = "literal",
    [NEXTHOP_PARENT] = "parent",
    [NEXTHOP_INVALID] = "invalid",
};

/* The names that a transport table may have in place of a number, and their
 * aliases in services(5). */
static const struct {
	struct str name;
	uint16_t port;
} services[] = {
    {STR_INIT("smtp"), 25},
    {STR_INIT("mail"), 25},
    {STR_INIT("lmtp"), 24},
    {STR_INIT("smtps"), 465},
    {STR_INIT("submissions"), 465},
    {STR_INIT("ssmtp"), 465},
    {STR_INIT("urd"), 465},
    {STR_INIT("submission"), 587},
};

const char *
nexthop_kind_name(enum nexthop_kind kind)
{
	return name_of(kind_names, NEXTHOP_KIND_COUNT, (int)kind);
}

static bool
read_port(struct str text, struct nexthop *n)
{
	uint64_t port;

	n->has_port = true;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (str_eq_ci(text, services[i].name)) {
			n->port = services[i].port;
			return true;
		}
	if (text.n > 5 || !str_to_u64(text, 65535, &port) || port == 0)
		return false;
	n->port = (uint16_t)port;
	return true;
}

static bool
read_literal(struct str text, struct ip *ip)
{
	static const struct str tag = STR_INIT("IPv6:");

	if (str_starts_ci(text, tag))
		return ip_parse(str_from(text, tag.n), ip) &&
		       ip->family == IP_V6;
	return ip_parse(text, ip);
}

/* An IPv4 address that is none: the last label is a number. */
static bool
ends_in_number(struct str name)
{
	struct str last = str_from(name, str_rchr(name, '.') + 1);

	if (str_rchr(name, '.') == name.n)
		last = name;
	for (size_t i = 0; i < last.n; i++)
		if (!chars_is(last.p[i], CH_DIGIT))
			return false;
	return true;
}

static void
add_port(struct buf *b, const struct nexthop *n)
{
	if (n->has_port)
		buf_addf(b, ":%u", n->port);
}

static void
set_literal(struct arena *a, const struct ip *ip, struct nexthop *n)
{
	struct buf b;

	n->kind = NEXTHOP_LITERAL;
	buf_init(&b, a, KEY_OCTETS_MAX);
	buf_add_c(&b, '[');
	ip_print(&b, ip);
	buf_add_c(&b, ']');
	add_port(&b, n);
	n->key = buf_str(&b);
}

/* 0, AVER_SYNTAX or AVER_NOMEM */
static int
set_name(
    struct arena *a, enum nexthop_kind kind, struct str name, struct nexthop *n)
{
	bool brackets = kind == NEXTHOP_HOST;
	struct buf b;
	int err = domain_to_ascii(a, name, &n->domain);

	if (err)
		return err;
	if (ends_in_number(n->domain))
		return AVER_SYNTAX;
	n->kind = kind;
	buf_init(&b, a, KEY_OCTETS_MAX);
	if (kind == NEXTHOP_PARENT || brackets)
		buf_add_c(&b, brackets ? '[' : '.');
	buf_add(&b, n->domain);
	if (brackets)
		buf_add_c(&b, ']');
	add_port(&b, n);
	n->key = buf_str(&b);
	return 0;
}

/* "[" inside "]" [":" port] */
static int
read_brackets(struct arena *a, struct str key, struct nexthop *n)
{
	struct str after, inside = str_cut(str_from(key, 1), ']', &after);
	struct ip ip;

	if (!after.p)
		return AVER_SYNTAX;
	if (after.n && (after.p[0] != ':' || !read_port(str_from(after, 1), n)))
		return AVER_SYNTAX;
	if (read_literal(inside, &ip)) {
		set_literal(a, &ip, n);
		return 0;
	}
	return set_name(a, NEXTHOP_HOST, inside, n);
}

static int
read_key(struct arena *a, struct str key, struct nexthop *n)
{
	struct str port;
	struct ip ip;

	if (key.n && key.p[0] == '[')
		return read_brackets(a, key, n);
	if (key.n && key.p[0] == '.')
		return set_name(a, NEXTHOP_PARENT, str_from(key, 1), n);
	if (read_literal(key, &ip)) {
		set_literal(a, &ip, n);
		return 0;
	}
	key = str_cut(key, ':', &port);
	if (port.p && !read_port(port, n))
		return AVER_SYNTAX;
	if (read_literal(key, &ip)) {
		set_literal(a, &ip, n);
		return 0;
	}
	return set_name(a, NEXTHOP_DOMAIN, key, n);
}

int
nexthop_parse(
    struct arena *a, struct str key, struct nexthop *out, struct diag *d)
{
	static const struct nexthop none = {
	    .kind = NEXTHOP_INVALID, .port = SMTP_PORT};
	int err = AVER_SYNTAX;

	*out = none;
	if (key.n <= NEXTHOP_KEY_MAX)
		err = read_key(a, key, out);
	if (err == AVER_NOMEM || arena_failed(a)) {
		*out = none;
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	}
	if (err) {
		*out = none;
		if (key.n && key.p[0] == '.')
			out->kind = NEXTHOP_PARENT;
		diag_set(d, 0, 0, "\"%.*s\"%s is no destination",
		    STRF(str_head(key, 60)), key.n > 60 ? "..." : "");
	}
	return 0;
}
