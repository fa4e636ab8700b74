/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_packet.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define HEADER 12
#define RECORDS_MAX 500
#define RDATA_MAX 65535
#define ALIASES_MAX 32
#define CLASS_IN 1
#define NXDOMAIN 3

struct message {
	struct str p;
	unsigned questions, answers, authorities;
	size_t records; /* offset of the first */
};

struct record {
	struct dname owner;
	uint16_t type, class;
	uint32_t ttl;
	size_t rdata, len; /* offset and octets */
};

/* What the message says of one name. */
struct found {
	struct str rdata[RECORDS_MAX];
	size_t offset[RECORDS_MAX]; /* while octets may still move */
	size_t n;
	struct buf octets;
	bool is_too_much, has_target;
	struct dname target; /* of a CNAME */
};

/* ---- names and records -------------------------------------------------- */

static unsigned
octet(const struct message *m, size_t at)
{
	return (unsigned char)m->p.p[at];
}

static unsigned
number(const struct message *m, size_t at)
{
	return octet(m, at) << 8 | octet(m, at + 1);
}

static uint32_t
number32(const struct message *m, size_t at)
{
	return (uint32_t)number(m, at) << 16 | number(m, at + 2);
}

/*
 * RFC 1035 section 4.1.4: the name at *at without compression, in its case,
 * into out. A pointer leads back, so that there are no loops. Returns its
 * octets, 0 when it is none.
 */
static size_t
read_name(const struct message *m, size_t *at, char out[DNAME_MAX])
{
	size_t p = *at, limit = m->p.n, n = 0;
	bool has_jumped = false;

	for (;;) {
		unsigned len;

		if (p >= m->p.n)
			return 0;
		len = octet(m, p);
		if (len >= 0xc0) {
			if (p + 2 > m->p.n)
				return 0;
			if (!has_jumped)
				*at = p + 2;
			has_jumped = true;
			limit = p < limit ? p : limit;
			p = number(m, p) & 0x3fff;
			if (p >= limit)
				return 0;
			limit = p;
			continue;
		}
		if (len > 63 || p + 1 + len > m->p.n || n + 1 + len > DNAME_MAX)
			return 0;
		memcpy(out + n, m->p.p + p, 1 + len);
		n += 1 + len;
		p += 1 + len;
		if (len == 0)
			break;
	}
	if (!has_jumped)
		*at = p;
	return n;
}

static bool
read_dname(const struct message *m, size_t *at, struct dname *out)
{
	char wire[DNAME_MAX];
	size_t n = read_name(m, at, wire);

	return n && dname_from_wire((struct str){wire, n}, out, NULL);
}

static bool
read_record(const struct message *m, size_t *at, struct record *out)
{
	size_t p = *at;

	if (!read_dname(m, &p, &out->owner) || m->p.n - p < 10)
		return false;
	out->type = (uint16_t)number(m, p);
	out->class = (uint16_t)number(m, p + 2);
	out->ttl = number32(m, p + 4);
	/* RFC 2181 section 8 */
	if (out->ttl > INT32_MAX)
		out->ttl = 0;
	out->len = number(m, p + 8);
	out->rdata = p + 10;
	*at = out->rdata + out->len;
	return *at <= m->p.n;
}

static bool
read_header(struct message *m)
{
	struct dname name;
	size_t at = HEADER;

	if (m->p.n < HEADER)
		return false;
	m->questions = number(m, 4);
	m->answers = number(m, 6);
	m->authorities = number(m, 8);
	for (unsigned i = 0; i < m->questions; i++) {
		if (!read_dname(m, &at, &name) || m->p.n - at < 4)
			return false;
		at += 4;
	}
	m->records = at;
	return true;
}

/* ---- rdata -------------------------------------------------------------- */

static bool
add_name(const struct message *m, size_t *at, struct buf *b)
{
	char wire[DNAME_MAX];
	size_t n = read_name(m, at, wire);

	buf_add(b, (struct str){wire, n});
	return n > 0;
}

static bool
add_octets(const struct message *m, size_t *at, size_t n, struct buf *b)
{
	if (m->p.n - *at < n)
		return false;
	buf_add(b, str_head(str_from(m->p, *at), n));
	*at += n;
	return true;
}

/* With the names in it, where RFC 1035 lets them be compressed, in full. */
static bool
add_rdata(const struct message *m, const struct record *r, struct buf *b)
{
	size_t at = r->rdata;
	bool good;

	switch (r->type) {
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		good = add_name(m, &at, b);
		break;
	case DNS_MX:
		good = add_octets(m, &at, 2, b) && add_name(m, &at, b);
		break;
	case DNS_SOA:
		good = add_name(m, &at, b) && add_name(m, &at, b) &&
		       add_octets(m, &at, 20, b);
		break;
	default:
		good = add_octets(m, &at, r->len, b);
		break;
	}
	return good && at == r->rdata + r->len;
}

/* ---- answers ------------------------------------------------------------ */

static bool
take_record(const struct message *m, const struct record *r, uint16_t type,
    struct found *f)
{
	size_t at = r->rdata;

	if (r->type == type) {
		if (f->n == RECORDS_MAX) {
			f->is_too_much = true;
			return true;
		}
		f->offset[f->n++] = f->octets.n;
		return add_rdata(m, r, &f->octets);
	}
	if (r->type != DNS_CNAME)
		return true;
	f->has_target = true;
	return read_dname(m, &at, &f->target);
}

/* What the answer section says of the name; false: it is malformed. */
static bool
look_for(const struct message *m, const struct dname *name, uint16_t type,
    struct found *f)
{
	size_t at = m->records;
	struct record r;

	buf_clear(&f->octets);
	f->n = 0;
	f->has_target = false;
	for (unsigned i = 0; i < m->answers; i++) {
		if (!read_record(m, &at, &r))
			return false;
		if (r.class == CLASS_IN && dname_eq(&r.owner, name) &&
		    !take_record(m, &r, type, f))
			return false;
	}
	for (size_t i = 0; buf_ok(&f->octets) && i < f->n; i++) {
		size_t end = i + 1 < f->n ? f->offset[i + 1] : f->octets.n;
		size_t n = end - f->offset[i];

		f->rdata[i] = STR("");
		if (n)
			f->rdata[i] =
			    (struct str){f->octets.p + f->offset[i], n};
	}
	return true;
}

/*
 * The least of all, of the authority section too if there is no answer. RFC
 * 2308 section 5: of the SOA there its minimum counts as well. False: the
 * message is malformed.
 */
static bool
least_ttl(const struct message *m, bool is_negative, uint32_t *out)
{
	unsigned n = m->answers + (is_negative ? m->authorities : 0);
	uint32_t least = n ? UINT32_MAX : 0, minimum;
	size_t at = m->records;
	struct record r;

	for (unsigned i = 0; i < n; i++) {
		if (!read_record(m, &at, &r))
			return false;
		if (i >= m->answers && r.type == DNS_SOA && r.len >= 22) {
			minimum = number32(m, r.rdata + r.len - 4);
			if (minimum < r.ttl)
				r.ttl = minimum;
		}
		if (r.ttl < least)
			least = r.ttl;
	}
	*out = least;
	return true;
}

struct dns_rrset *
dns_packet_failure(int rcode)
{
	static const char *const names[] = {
	    [1] = "FORMERR", [2] = "SERVFAIL", [4] = "NOTIMP", [5] = "REFUSED"};
	char text[32];

	snprintf(text, sizeof(text), "RCODE %d", rcode);
	if (rcode > 0 && (size_t)rcode < sizeof(names) / sizeof(names[0]) &&
	    names[rcode])
		snprintf(text, sizeof(text), "%s", names[rcode]);
	return dns_rrset_new(
	    DNS_TEMP, false, DNS_CACHE_FAILURE_TTL, 0, NULL, text);
}

static struct dns_rrset *
trouble(const char *why)
{
	return dns_rrset_new(
	    DNS_TEMP, false, DNS_CACHE_FAILURE_TTL, 0, NULL, why);
}

/* Follows CNAMEs; *aliases: how many. NULL, or what is wrong. */
static const char *
follow(const struct message *m, struct dname *name, uint16_t type,
    struct found *f, unsigned *aliases)
{
	for (*aliases = 0; *aliases <= ALIASES_MAX; ++*aliases) {
		if (!look_for(m, name, type, f))
			return "a malformed answer";
		if (f->is_too_much || f->octets.err == AVER_LIMIT)
			return "more than 500 records or 65535 octets";
		if (f->n || !f->has_target)
			return NULL;
		*name = f->target;
	}
	return "a loop of CNAMEs";
}

static struct dns_rrset *
convert(const struct message *m, const struct dname *name, uint16_t type,
    bool secure, bool *kept)
{
	unsigned rcode = octet(m, 3) & 15, aliases;
	enum dns_status status = rcode == NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
	struct dname canonical = *name;
	struct dns_rrset *rr = NULL;
	struct found f = {.n = 0};
	const char *why;
	uint32_t ttl;

	if (rcode != 0 && rcode != NXDOMAIN)
		return dns_packet_failure((int)rcode);
	buf_init(&f.octets, NULL, RDATA_MAX);
	/* also with NXDOMAIN, at the end of them: RFC 6604 section 3 */
	why = follow(m, &canonical, type, &f, &aliases);
	if (rcode == 0 && f.n)
		status = DNS_OK;
	if (!why && !least_ttl(m, status != DNS_OK, &ttl))
		why = "a malformed answer";
	if (why) {
		rr = trouble(why);
	} else if (buf_ok(&f.octets)) {
		*kept = aliases || (status != DNS_OK && m->authorities == 0);
		rr = dns_rrset_new_alias(aliases ? &canonical : NULL, status,
		    secure, ttl, status == DNS_OK ? f.n : 0, f.rdata, NULL);
	}
	buf_fini(&f.octets);
	return rr;
}

struct dns_rrset *
dns_packet_read(struct str packet, const struct dname *name, uint16_t type,
    bool secure, bool *kept)
{
	struct message m = {.p = packet};
	struct dns_rrset *rr;

	*kept = true;
	if (read_header(&m))
		rr = convert(&m, name, type, secure, kept);
	else
		rr = trouble("a malformed answer");
	return rr ? rr : dns_rrset_nomem();
}
