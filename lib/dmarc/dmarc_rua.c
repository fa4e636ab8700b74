/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dmarc/dmarc_rua.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/dmarc/dmarc_record.h"
#include "lib/dns/rdata.h"
#include "lib/mail/mailto.h"

/* of one TXT record of any kind, joined and parsed */
#define RECORD_MEMORY ((size_t)512 * 1024)
/* of all authorizations that are looked at for one policy domain: hosts that
 * answer with more do not get to use up the arena */
#define AUTHORIZATIONS_MAX ((size_t)128 * 1024)

static const char *const why_names[DMARC_DEST_WHY_COUNT] = {
    [DMARC_DEST_SAME] = "same organization",
    [DMARC_DEST_VERIFIED] = "authorized by its host",
    [DMARC_DEST_SCHEME] = "not mailto",
    [DMARC_DEST_ADDRESS] = "no usable address",
    [DMARC_DEST_UNVERIFIED] = "not authorized by its host",
    [DMARC_DEST_NAME_LONG] = "name to verify is too long",
    [DMARC_DEST_OVERRIDE] = "replaced by one at another host",
    [DMARC_DEST_DUPLICATE] = "duplicate",
    [DMARC_DEST_LIMIT] = "limit of destinations reached",
    [DMARC_DEST_DNS] = "DNS lookup failed",
    [DMARC_DEST_BOGUS] = "DNSSEC validation failed",
};

const char *
dmarc_dest_why_name(enum dmarc_dest_why why)
{
	return name_of(why_names, DMARC_DEST_WHY_COUNT, (int)why);
}

enum dmarc_dest_state
dmarc_dest_state(enum dmarc_dest_why why)
{
	switch (why) {
	case DMARC_DEST_SAME:
	case DMARC_DEST_VERIFIED:
		return DMARC_DEST_USE;
	case DMARC_DEST_DNS:
	case DMARC_DEST_BOGUS:
		return DMARC_DEST_LATER;
	case DMARC_DEST_SCHEME:
	case DMARC_DEST_ADDRESS:
	case DMARC_DEST_UNVERIFIED:
	case DMARC_DEST_NAME_LONG:
	case DMARC_DEST_OVERRIDE:
	case DMARC_DEST_DUPLICATE:
	case DMARC_DEST_LIMIT:
	case DMARC_DEST_WHY_COUNT:
		break;
	}
	return DMARC_DEST_SKIP;
}

struct judge {
	struct dmarc_finder *f;
	struct arena *a;
	struct str policy_domain;
	struct str own_org; /* empty: not asked for yet */
	enum dmarc_uri_tag tag;
	size_t most;
	size_t octets; /* of authorizations that were read */
	struct dmarc_dests *out;
};

/* NULL when the list is full. */
static struct dmarc_dest *
add(struct judge *j, struct str uri)
{
	struct dmarc_dest *dest;

	if (j->out->n == DMARC_DESTS_MAX)
		return NULL;
	dest = &j->out->v[j->out->n++];
	*dest = (struct dmarc_dest){.uri = uri, .why = DMARC_DEST_LIMIT};
	return dest;
}

/* What is known of a destination; counted once it is final. */
static void
settle(struct judge *j, struct dmarc_dest *dest, enum dmarc_dest_why why)
{
	dest->why = why;
	j->out->usable += dmarc_dest_state(why) == DMARC_DEST_USE;
	j->out->later += dmarc_dest_state(why) == DMARC_DEST_LATER;
}

static bool
is_duplicate(const struct judge *j, const struct dmarc_dest *dest)
{
	for (const struct dmarc_dest *e = j->out->v; e < dest; e++)
		if (e->address.n && str_eq(e->address, dest->address))
			return true;
	return false;
}

/* The address; false when that settled it. */
static int
read_address(
    struct judge *j, struct dmarc_dest *dest, struct str uri, bool *go_on)
{
	struct mailto m;
	int err = mailto_parse(j->a, uri, &m, NULL);

	*go_on = false;
	if (err == AVER_NOMEM)
		return err;
	if (err) {
		settle(j, dest,
		    err == AVER_NOTFOUND ? DMARC_DEST_SCHEME
					 : DMARC_DEST_ADDRESS);
		return 0;
	}
	dest->address = m.address;
	dest->domain = m.domain;
	if (is_duplicate(j, dest))
		settle(j, dest, DMARC_DEST_DUPLICATE);
	else
		*go_on = true;
	return 0;
}

/* Questions run out for good, whatever comes later. */
static enum dmarc_dest_why
why_failed(enum dmarc_reason why)
{
	if (why == DMARC_WHY_BUDGET)
		return DMARC_DEST_LIMIT;
	return why == DMARC_WHY_BOGUS ? DMARC_DEST_BOGUS : DMARC_DEST_DNS;
}

/* False with the failure in dest. */
static bool
org_of(
    struct judge *j, struct dmarc_dest *dest, struct str name, struct str *out)
{
	struct dmarc_org org;

	j->f->why = DMARC_WHY_NONE;
	j->f->detail = STR_NONE;
	if (!dmarc_org_of(j->f, name, &org)) {
		dest->detail = j->f->detail;
		settle(j, dest, why_failed(j->f->why));
		return false;
	}
	*out = org.name;
	return true;
}

/* RFC 9990 section 4: both organizational domains; false: settled. */
static bool
is_external(struct judge *j, struct dmarc_dest *dest)
{
	struct str org;

	if (!str_eq(dest->domain, j->policy_domain)) {
		if (!j->own_org.n &&
		    !org_of(j, dest, j->policy_domain, &j->own_org))
			return false;
		if (!org_of(j, dest, dest->domain, &org))
			return false;
		if (!str_eq(org, j->own_org))
			return true;
	}
	settle(j, dest, DMARC_DEST_SAME);
	return false;
}

/* The URIs that a host wants instead; the first takes the place of dest. */
static int
take_overrides(struct judge *j, struct dmarc_dest *dest, const struct str *v,
    size_t n, bool *placed)
{
	struct str uri = dest->uri, host = dest->domain;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		struct dmarc_dest *to = *placed ? add(j, uri) : dest;
		bool go_on;

		if (!to)
			break;
		*placed = true;
		to->override = v[i];
		to->address = to->domain = STR_NONE;
		err = read_address(j, to, v[i], &go_on);
		if (err || !go_on)
			continue;
		if (!str_eq(to->domain, host))
			settle(j, to, DMARC_DEST_OVERRIDE);
		else if (j->out->usable >= j->most)
			settle(j, to, DMARC_DEST_LIMIT);
		else
			settle(j, to, DMARC_DEST_VERIFIED);
	}
	return err;
}

/*
 * One record: 0, AVER_NOTFOUND when it is no authorization, AVER_LIMIT when
 * there were too many octets of them. What others publish at the name takes
 * none of our arena.
 */
static int
read_record(struct judge *j, struct str rdata, struct dmarc_authorization *au)
{
	struct arena scratch;
	struct str text;
	int err;

	arena_init(&scratch, RECORD_MEMORY);
	if (rdata_txt(&scratch, rdata, &text))
		err = dmarc_authorization_parse(&scratch, text, au);
	else
		err = arena_failed(&scratch) ? AVER_NOMEM : AVER_SYNTAX;
	if (!err) {
		j->octets += text.n;
		if (j->octets > AUTHORIZATIONS_MAX)
			err = AVER_LIMIT;
		else
			text = arena_dup(j->a, text);
	}
	if (!err)
		err = text.n ? dmarc_authorization_parse(j->a, text, au)
			     : AVER_NOMEM;
	arena_fini(&scratch);
	return err == AVER_SYNTAX ? AVER_NOTFOUND : err;
}

/* RFC 9990 section 4, steps 6 to 9 */
static int
read_answer(
    struct judge *j, struct dmarc_dest *dest, const struct dns_rrset *rr)
{
	bool authorized = false, overridden = false, placed = false;
	struct dmarc_authorization au;
	int err = 0;

	for (size_t i = 0; i < rr->n && !err; i++) {
		bool rua = j->tag == DMARC_RUA;

		err = read_record(j, rr->rdata[i], &au);
		if (err == AVER_NOTFOUND) {
			err = 0;
			continue;
		}
		if (err)
			break;
		authorized = true;
		if (!(rua ? au.has_rua : au.has_ruf))
			continue;
		overridden = true;
		err = take_overrides(j, dest, rua ? au.rua : au.ruf,
		    rua ? au.n_rua : au.n_ruf, &placed);
	}
	if (err == AVER_LIMIT && !placed) {
		settle(j, dest, DMARC_DEST_LIMIT);
		return 0;
	}
	if (err == AVER_LIMIT)
		err = 0;
	if (err || placed)
		return err;
	if (overridden)
		settle(j, dest, DMARC_DEST_OVERRIDE);
	else
		settle(j, dest,
		    authorized ? DMARC_DEST_VERIFIED : DMARC_DEST_UNVERIFIED);
	return 0;
}

/* "POLICY-DOMAIN._report._dmarc.HOST" */
static bool
name_to_ask(
    const struct judge *j, struct str host, struct str *text, struct dname *out)
{
	struct buf b;

	buf_init(&b, j->a, 1024);
	buf_add(&b, j->policy_domain);
	buf_add_z(&b, "._report._dmarc.");
	buf_add(&b, host);
	*text = buf_str(&b);
	return dname_from_text(*text, out);
}

static int
verify(struct judge *j, struct dmarc_dest *dest)
{
	const struct dns_rrset *rr;
	struct dname name;

	if (!name_to_ask(j, dest->domain, &dest->detail, &name)) {
		if (!dest->detail.n)
			return AVER_NOMEM;
		settle(j, dest, DMARC_DEST_NAME_LONG);
		return 0;
	}
	rr = dns_lookup(j->f->dns, &name, DNS_TXT);
	switch (rr->status) {
	case DNS_OK:
		return read_answer(j, dest, rr);
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		settle(j, dest, DMARC_DEST_UNVERIFIED);
		return 0;
	case DNS_BOGUS:
		settle(j, dest, DMARC_DEST_BOGUS);
		return 0;
	case DNS_TEMP:
	case DNS_STATUS_COUNT:
		break;
	}
	settle(j, dest,
	    rr == dns_rrset_fault(DNS_FAULT_BUDGET) ? DMARC_DEST_LIMIT
						    : DMARC_DEST_DNS);
	return 0;
}

static int
judge_uri(struct judge *j, struct str uri)
{
	struct dmarc_dest *dest = add(j, uri);
	bool go_on;
	int err;

	if (!dest)
		return 0;
	err = read_address(j, dest, uri, &go_on);
	if (err || !go_on)
		return err;
	if (j->out->usable >= j->most) {
		settle(j, dest, DMARC_DEST_LIMIT);
		return 0;
	}
	return is_external(j, dest) ? verify(j, dest) : 0;
}

int
dmarc_destinations(struct dmarc_finder *f, struct arena *a,
    struct str policy_domain, const struct str *uris, size_t n,
    enum dmarc_uri_tag tag, size_t most, struct dmarc_dests *out)
{
	struct judge j = {.f = f,
	    .a = a,
	    .policy_domain = policy_domain,
	    .tag = tag,
	    .most = most};
	struct dmarc_dests dests = {0};
	int err = 0;

	dests.v = ARENA_ARRAY(a, struct dmarc_dest, DMARC_DESTS_MAX);
	if (!dests.v)
		return AVER_NOMEM;
	j.out = &dests;
	for (size_t i = 0; i < n && !err; i++)
		err = judge_uri(&j, uris[i]);
	if (!err)
		*out = dests;
	return err;
}
