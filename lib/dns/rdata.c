/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/rdata.h"

#include <string.h>

#include "lib/base/b64.h"
#include "lib/base/chars.h"
#include "lib/dns/dns.h"

/* One character-string off the front of rest. RFC 1035 section 3.3. */
static bool
take_string(struct str *rest, struct str *out)
{
	size_t n;

	if (rest->n == 0)
		return false;
	n = (unsigned char)rest->p[0];
	if (n + 1 > rest->n)
		return false;
	*out = (struct str){rest->p + 1, n};
	*rest = str_from(*rest, n + 1);
	return true;
}

bool
rdata_txt(struct arena *a, struct str rdata, struct str *out)
{
	struct str rest = rdata, part;
	size_t total = 0;
	char *p;

	if (!take_string(&rest, &part))
		return false;
	if (rest.n == 0) {
		*out = part;
		return true;
	}
	/* the lengths are dropped, so the sum is below rdata.n */
	p = arena_alloc(a, rdata.n);
	if (!p)
		return false;
	for (rest = rdata; rest.n;) {
		if (!take_string(&rest, &part))
			return false;
		if (part.n)
			memcpy(p + total, part.p, part.n);
		total += part.n;
	}
	*out = (struct str){p, total};
	return true;
}

bool
rdata_addr(struct str rdata, struct ip *out)
{
	if (rdata.n != 4 && rdata.n != 16)
		return false;
	*out = ip_from_bytes(rdata.n == 4 ? IP_V4 : IP_V6, rdata.p);
	return true;
}

bool
rdata_name(struct str rdata, struct dname *out)
{
	size_t used;

	return dname_from_wire(rdata, out, &used) && used == rdata.n;
}

bool
rdata_mx(struct str rdata, uint16_t *preference, struct dname *out)
{
	if (rdata.n < 3 || !rdata_name(str_from(rdata, 2), out))
		return false;
	*preference = (uint16_t)((unsigned char)rdata.p[0] << 8 |
				 (unsigned char)rdata.p[1]);
	return true;
}

bool
rdata_tlsa(struct str rdata, struct rdata_tlsa *out)
{
	const unsigned char *u = (const unsigned char *)rdata.p;

	if (rdata.n < 3)
		return false;
	*out = (struct rdata_tlsa){u[0], u[1], u[2], str_from(rdata, 3)};
	return true;
}

static uint32_t
get32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 |
	       (uint32_t)u[2] << 8 | u[3];
}

static void
print_quoted(struct buf *b, struct str s)
{
	buf_add_c(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!chars_is(c, CH_PRINT)) {
			buf_addf(b, "\\%03u", (unsigned char)c);
			continue;
		}
		if (c == '"' || c == '\\')
			buf_add_c(b, '\\');
		buf_add_c(b, c);
	}
	buf_add_c(b, '"');
}

static bool
print_txt(struct buf *b, struct str rdata)
{
	struct str rest = rdata, part;

	if (rdata.n == 0)
		return false;
	while (rest.n) {
		if (!take_string(&rest, &part))
			return false;
		if (part.p != rdata.p + 1)
			buf_add_c(b, ' ');
		print_quoted(b, part);
	}
	return true;
}

static bool
print_addr(struct buf *b, struct str rdata, size_t want)
{
	struct ip ip;

	if (rdata.n != want || !rdata_addr(rdata, &ip))
		return false;
	ip_print(b, &ip);
	return true;
}

static void
print_name(struct buf *b, const struct dname *name)
{
	dname_print(b, name);
	if (name->len > 1)
		buf_add_c(b, '.');
}

static bool
print_mx(struct buf *b, struct str rdata)
{
	struct dname name;
	uint16_t preference;

	if (!rdata_mx(rdata, &preference, &name))
		return false;
	buf_addf(b, "%u ", preference);
	print_name(b, &name);
	return true;
}

static bool
print_one_name(struct buf *b, struct str rdata)
{
	struct dname name;

	if (!rdata_name(rdata, &name))
		return false;
	print_name(b, &name);
	return true;
}

static bool
print_soa(struct buf *b, struct str rdata)
{
	struct dname mname, rname;
	size_t used;

	if (!dname_from_wire(rdata, &mname, &used))
		return false;
	rdata = str_from(rdata, used);
	if (!dname_from_wire(rdata, &rname, &used) || rdata.n != used + 20)
		return false;
	print_name(b, &mname);
	buf_add_c(b, ' ');
	print_name(b, &rname);
	for (size_t i = 0; i < 5; i++)
		buf_addf(
		    b, " %lu", (unsigned long)get32(rdata.p + used + 4 * i));
	return true;
}

static bool
print_tlsa(struct buf *b, struct str rdata)
{
	struct rdata_tlsa t;

	/* the presentation form has no way to write empty data */
	if (!rdata_tlsa(rdata, &t) || t.data.n == 0)
		return false;
	buf_addf(b, "%u %u %u ", t.usage, t.selector, t.matching);
	hex_encode(b, t.data);
	return true;
}

static bool
print_known(struct buf *b, uint16_t type, struct str rdata)
{
	switch (type) {
	case DNS_A:
		return print_addr(b, rdata, 4);
	case DNS_AAAA:
		return print_addr(b, rdata, 16);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		return print_one_name(b, rdata);
	case DNS_MX:
		return print_mx(b, rdata);
	case DNS_TXT:
		return print_txt(b, rdata);
	case DNS_SOA:
		return print_soa(b, rdata);
	case DNS_TLSA:
		return print_tlsa(b, rdata);
	}
	return false;
}

void
rdata_print(struct buf *b, uint16_t type, struct str rdata)
{
	size_t from = b->n;

	if (print_known(b, type, rdata) || !buf_ok(b))
		return;
	/* RFC 3597 section 5 */
	buf_cut(b, from);
	buf_addf(b, "\\# %zu", rdata.n);
	if (rdata.n)
		buf_add_c(b, ' ');
	hex_encode(b, rdata);
}
