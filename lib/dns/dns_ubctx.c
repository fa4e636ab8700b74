/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_ubctx.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <unbound.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/dns/dns_cache.h"

#define RECORDS_MAX 500
#define RDATA_MAX 65535
#define CLASS_IN 1

struct option {
	const char *name, *value;
	bool required; /* false: younger than libunbound 1.13 */
};

/*
 * The library's defaults are made for a program that asks a few questions:
 * 16 of them at a time, with caches of 1 MB.
 */
static const struct option options[] = {
    {"do-not-query-localhost:", "no", true},
    {"edns-buffer-size:", "1232", true},
    {"msg-cache-size:", "4m", true},
    {"rrset-cache-size:", "8m", true},
    {"key-cache-size:", "1m", true},
    {"neg-cache-size:", "512k", true},
    /*
     * A question without answer keeps a socket as long as it is retried. With
     * few sockets and the default of 5 retries, twenty dead names a second
     * leave nobody else an answer: t/integ/flood.t. The second may be unknown
     * to an older library.
     */
    {"outgoing-range:", "1000", true},
    {"outbound-msg-retry:", "2", false},
    {"num-queries-per-thread:", "4000", true},
    {"outgoing-num-tcp:", "16", true},
    {"serve-expired:", "no", true},
    {"prefetch:", "no", true},
    {"val-log-level:", "2", true}, /* fills why_bogus */
    /* PTR of private and documentation networks are the upstream's */
    {"unblock-lan-zones:", "yes", true},
    {"insecure-lan-zones:", "yes", true},
};

/*
 * What libunbound knows of a server it forgets after this time. By default it
 * would not even try a forwarder that was silent for 12 seconds, up to 15
 * minutes long, and answer SERVFAIL. In less than 12 seconds it cannot come to
 * that, and yet the dead one of two is tried but now and then.
 */
static const struct option forward_options[] = {
    {"infra-host-ttl:", "10", true},
    /* what it would keep is kept by dns_cache.c, and by the forwarder */
    {"msg-cache-size:", "1m", true},
    {"rrset-cache-size:", "3m", true},
};

static const struct option serial_options[] = {
    {"infra-host-ttl:", "0", true},
    {"outgoing-range:", "16", true},
    {"outgoing-num-tcp:", "2", true},
};

/* libunbound answers these itself; a forwarder knows better. */
static const char *const local_zones[] = {
    "localhost.",
    "127.in-addr.arpa.",
    ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
     "ip6.arpa."),
    "home.arpa.",
    "onion.",
    "test.",
    "invalid.",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int
set_options(
    struct ub_ctx *ctx, const struct option *o, size_t n, struct diag *d)
{
	for (size_t i = 0; i < n; i++) {
		int err = ub_ctx_set_option(ctx, o[i].name, o[i].value);

		if (err && o[i].required)
			return diag_set(d, AVER_CONF, 0,
			    "libunbound refuses %s %s: %s", o[i].name,
			    o[i].value, ub_strerror(err));
	}
	return 0;
}

static int
set_ttls(struct ub_ctx *ctx, const struct dns_settings *s, struct diag *d)
{
	char max[16], negative[16];
	struct option o[] = {
	    {"cache-max-ttl:", max, true},
	    {"cache-max-negative-ttl:", negative, true},
	};

	snprintf(
	    max, sizeof(max), "%lu", (unsigned long)(s->keep ? s->max_ttl : 0));
	snprintf(negative, sizeof(negative), "%lu",
	    (unsigned long)(s->keep ? s->max_negative_ttl : 0));
	return set_options(ctx, o, COUNT(o), d);
}

static bool
is_system(const struct dns_settings *s)
{
	return strcmp(s->servers[0], "system") == 0;
}

static bool
is_recursive(const struct dns_settings *s)
{
	return strcmp(s->servers[0], "recursive") == 0;
}

static int
set_servers(struct ub_ctx *ctx, const struct dns_settings *s, struct diag *d)
{
	int err = 0;

	if (is_recursive(s))
		return 0;
	if (is_system(s)) {
		err = ub_ctx_resolvconf(ctx, NULL);
		if (err)
			return diag_set(d, AVER_CONF, 0,
			    "cannot read /etc/resolv.conf: %s",
			    ub_strerror(err));
	}
	for (size_t i = 0; !is_system(s) && i < s->n_servers; i++) {
		err = ub_ctx_set_fwd(ctx, s->servers[i]);
		if (err)
			return diag_set(d, AVER_CONF, 0,
			    "bad DNS server %s: %s", s->servers[i],
			    ub_strerror(err));
	}
	return set_options(ctx, forward_options, COUNT(forward_options), d);
}

/* The last step: libunbound reads the trust anchors when it sees a zone. */
static int
finalize(struct ub_ctx *ctx, const struct dns_settings *s, struct diag *d)
{
	size_t n = is_recursive(s) ? 0 : COUNT(local_zones);
	int err = ub_ctx_zone_remove(ctx, "aver.invalid.");

	for (size_t i = 0; err == 0 && i < n; i++)
		err = ub_ctx_zone_remove(ctx, local_zones[i]);
	if (err == 0)
		return 0;
	if (s->anchor)
		return diag_set(d, AVER_CONF, 0,
		    "libunbound cannot start; is %s a file of trust anchors? "
		    "(%s)",
		    s->anchor, ub_strerror(err));
	return diag_set(
	    d, AVER_TEMP, 0, "libunbound cannot start: %s", ub_strerror(err));
}

static int
configure(struct ub_ctx *ctx, const struct dns_settings *s, struct diag *d)
{
	struct option modules = {"module-config:",
	    s->anchor ? "validator iterator" : "iterator", true};
	int err;

	ub_ctx_debugout(ctx, NULL);
	if (ub_ctx_async(ctx, 1))
		return diag_set(d, AVER_TEMP, 0, "libunbound has no threads");
	if ((err = set_options(ctx, &modules, 1, d)) ||
	    (err = set_options(ctx, options, COUNT(options), d)) ||
	    (err = set_ttls(ctx, s, d)) || (err = set_servers(ctx, s, d)))
		return err;
	if (!s->keep &&
	    (err = set_options(ctx, serial_options, COUNT(serial_options), d)))
		return err;
	if (s->anchor && ub_ctx_add_ta_file(ctx, s->anchor))
		return diag_set(d, AVER_CONF, 0,
		    "libunbound refuses the trust anchor %s", s->anchor);
	return finalize(ctx, s, d);
}

int
dns_ubctx_new(
    const struct dns_settings *s, struct dns_ubctx **out, struct diag *d)
{
	struct ub_ctx *ctx = ub_ctx_create();
	int err;

	if (!ctx)
		return diag_set(
		    d, AVER_TEMP, 0, "libunbound cannot make a context");
	err = configure(ctx, s, d);
	if (err) {
		ub_ctx_delete(ctx);
		return err;
	}
	*out = (struct dns_ubctx *)ctx;
	return 0;
}

/* ---- questions and answers ---------------------------------------------- */

#define NAME_TEXT_MAX (4 * DNAME_MAX)

/* The name for libunbound: all but letters, digits, "-" and "_" as \DDD. */
static void
name_text(const struct dname *name, char out[NAME_TEXT_MAX + 1])
{
	const uint8_t *p = name->wire;
	char *at = out;

	if (*p == 0)
		*at++ = '.';
	while (*p) {
		const uint8_t *end = p + 1 + *p;

		for (p++; p < end; p++) {
			if (chars_is((char)*p, CH_LDH) || *p == '_')
				*at++ = (char)*p;
			else
				at += snprintf(at, 5, "\\%03u", *p);
		}
		*at++ = '.';
	}
	*at = '\0';
}

static struct dns_rrset *
failure(enum dns_status st, uint32_t ttl, const char *why)
{
	char text[200];
	size_t i;

	for (i = 0; why[i] && i < sizeof(text) - 1; i++)
		text[i] = chars_is(why[i], CH_PRINT) ? why[i] : '?';
	text[i] = '\0';
	return dns_rrset_new(st, false, ttl, 0, NULL, text);
}

static struct dns_rrset *
rcode_failure(int rcode)
{
	static const char *const names[] = {
	    [1] = "FORMERR", [2] = "SERVFAIL", [4] = "NOTIMP", [5] = "REFUSED"};
	char text[32];

	snprintf(text, sizeof(text), "RCODE %d", rcode);
	if (rcode > 0 && (size_t)rcode < COUNT(names) && names[rcode])
		snprintf(text, sizeof(text), "%s", names[rcode]);
	return failure(DNS_TEMP, DNS_CACHE_FAILURE_TTL, text);
}

static struct dns_rrset *
records(const struct ub_result *r, uint32_t ttl, const struct dname *canonical)
{
	struct str v[RECORDS_MAX];
	size_t n = 0, octets = 0;

	for (; r->data[n]; n++) {
		if (n == RECORDS_MAX || r->len[n] < 0 ||
		    octets + (size_t)r->len[n] > RDATA_MAX)
			return failure(DNS_TEMP, DNS_CACHE_FAILURE_TTL,
			    "more than 500 records or 65535 octets");
		v[n] = (struct str){r->data[n], (size_t)r->len[n]};
		octets += v[n].n;
	}
	return dns_rrset_new_alias(
	    canonical, DNS_OK, r->secure, ttl, n, v, NULL);
}

/* NULL: there is none. */
static const struct dname *
canonical_name(const struct ub_result *r, struct dname *room)
{
	static const struct dname root = {.len = 1};

	if (!r->canonname)
		return NULL;
	/* libunbound writes "?" for all but letters, digits and "-_*" */
	if (strchr(r->canonname, '?') ||
	    !dname_from_text(str_from_z(r->canonname), room))
		return &root;
	return room;
}

static struct dns_rrset *
convert(int err, const struct ub_result *r)
{
	struct dname room;
	const struct dname *canonical;
	uint32_t ttl;

	if (err || !r)
		return failure(DNS_TEMP, 0, ub_strerror(err));
	ttl = r->ttl > 0 ? (uint32_t)r->ttl : 0;
	if (r->bogus)
		return failure(DNS_BOGUS, DNS_CACHE_FAILURE_TTL,
		    r->why_bogus ? r->why_bogus : "validation failed");
	/* also at the end of a chain of CNAME: RFC 6604 section 3 */
	canonical = canonical_name(r, &room);
	if (r->rcode == 3)
		return dns_rrset_new_alias(
		    canonical, DNS_NXDOMAIN, r->secure, ttl, 0, NULL, NULL);
	if (r->rcode != 0)
		return rcode_failure(r->rcode);
	if (!r->havedata)
		return dns_rrset_new_alias(
		    canonical, DNS_NODATA, r->secure, ttl, 0, NULL, NULL);
	return records(r, ttl, canonical);
}

/* The answer as an rrset, never NULL; r is freed. */
static struct dns_rrset *
take_result(int err, struct ub_result *r)
{
	struct dns_rrset *rr = convert(err, r);

	ub_resolve_free(r);
	return rr ? rr : dns_rrset_nomem();
}

/*
 * Whether libunbound may know the answer a moment longer than its TTL says: an
 * alias (until the second is over), a failure, and a negative answer without
 * SOA, which it keeps for 5 seconds. The count of the authority section stands
 * at octet 8 of a message.
 */
static bool
is_kept(const struct ub_result *r)
{
	const unsigned char *packet = r->answer_packet;

	if (r->canonname || r->bogus || (r->rcode != 0 && r->rcode != 3))
		return true;
	return !r->havedata &&
	       (r->answer_len < 12 || (packet[8] == 0 && packet[9] == 0));
}

static void
on_result(void *arg, int err, struct ub_result *r)
{
	struct dns_ubquery *q = arg;
	bool kept = !r || is_kept(r);

	q->done(q, take_result(err, r), kept);
}

int
dns_ubctx_ask(struct dns_ubctx *c, const struct dname *name, uint16_t type,
    struct dns_ubquery *q)
{
	char text[NAME_TEXT_MAX + 1];
	sigset_t all, old;
	int err;

	name_text(name, text);
	/* the first question starts a thread, which inherits the mask */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = ub_resolve_async(
	    (struct ub_ctx *)c, text, type, CLASS_IN, q, on_result, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err == UB_NOMEM)
		return AVER_NOMEM;
	return err ? AVER_TEMP : 0;
}

int
dns_ubctx_fd(struct dns_ubctx *c)
{
	return ub_fd((struct ub_ctx *)c);
}

int
dns_ubctx_process(struct dns_ubctx *c)
{
	return ub_process((struct ub_ctx *)c) ? AVER_TEMP : 0;
}

void
dns_ubctx_delete(struct dns_ubctx *c)
{
	ub_ctx_delete((struct ub_ctx *)c);
}
