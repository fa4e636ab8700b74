/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_ubctx.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <unbound-event.h>
#include <unbound.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/dns/dns_packet.h"

#define CLASS_IN 1
#define IS_BOGUS 1 /* what ub_resolve_event() says of a validation */
#define IS_SECURE 2
#define MIN_RTT_USUAL 50 /* ms, what libunbound has */
#define MIN_RTT_MAX 1500 /* or a silent forwarder comes to 12 seconds */
/* the waits of so many tries together: each is of two, the next waits twice */
#define WAITS_OF_3 14
#define WAITS_OF_5 62

struct dns_ubctx {
	struct ub_event_base base; /* first: libunbound knows this one */
	struct dns_loop *loop;
	struct ub_ctx *ub;
	bool is_closing; /* callbacks say nothing any more */
};

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
     * A question without answer keeps a socket as long as it is retried, so
     * there are as many sockets as there are questions in flight. With fewer,
     * and the default of 5 retries, dead names leave nobody else an answer:
     * t/integ/flood.t. The second may be unknown to an older library.
     */
    {"outgoing-range:", "2000", true},
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

/*
 * How long libunbound waits before it asks again. By itself it learns that from
 * the answers that a forwarder has at once, comes to 50 ms, and gives up after
 * 300: too early for a name that the forwarder has to look for. What it gives
 * up after is a multiple of the first wait; here that is a bit more than we
 * wait ourselves. The library has one such value for all contexts.
 */
static int
set_patience(struct ub_ctx *ctx, const struct dns_settings *s, struct diag *d)
{
	int ms = MIN_RTT_USUAL;
	char text[16];
	const struct option o = {"infra-cache-min-rtt:", text, true};

	if (!is_recursive(s)) {
		/* libunbound 1.13 does not know it and tries five times */
		int waits = ub_ctx_set_option(ctx, "outbound-msg-retry:", "3")
				? WAITS_OF_5
				: WAITS_OF_3;

		ms = s->timeout_ms / waits * 6 / 5;
		if (ms < MIN_RTT_USUAL)
			ms = MIN_RTT_USUAL;
		if (ms > MIN_RTT_MAX)
			ms = MIN_RTT_MAX;
	}
	snprintf(text, sizeof(text), "%d", ms);
	return set_options(ctx, &o, 1, d);
}

static int
set_servers(struct ub_ctx *ctx, const struct dns_settings *s, struct diag *d)
{
	int err = set_patience(ctx, s, d);

	if (err || is_recursive(s))
		return err;
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

/* ---- events ------------------------------------------------------------- */

typedef void event_call(int fd, short what, void *arg);

struct event {
	struct ub_event ub; /* first: libunbound knows this one */
	struct dns_event on;
	struct dns_loop *loop;
	event_call *call;
	void *arg;
};

static unsigned
flags_of(short bits)
{
	return (bits & UB_EV_READ ? DNS_LOOP_READ : 0u) |
	       (bits & UB_EV_WRITE ? DNS_LOOP_WRITE : 0u);
}

static void
on_event(struct dns_event *on, unsigned what)
{
	struct event *e =
	    (struct event *)((char *)on - offsetof(struct event, on));
	short bits = 0;

	if (what & DNS_LOOP_TIME)
		bits |= UB_EV_TIMEOUT;
	if (what & DNS_LOOP_READ)
		bits |= UB_EV_READ;
	if (what & DNS_LOOP_WRITE)
		bits |= UB_EV_WRITE;
	e->call(on->fd, bits, e->arg);
}

static void
event_add_bits(struct ub_event *ub, short bits)
{
	((struct event *)ub)->on.what |= flags_of(bits);
}

static void
event_del_bits(struct ub_event *ub, short bits)
{
	((struct event *)ub)->on.what &= ~flags_of(bits);
}

static void
event_set_fd(struct ub_event *ub, int fd)
{
	((struct event *)ub)->on.fd = fd;
}

static int
event_del(struct ub_event *ub)
{
	struct event *e = (struct event *)ub;

	dns_loop_off(e->loop, &e->on);
	return 0;
}

static void
event_free(struct ub_event *ub)
{
	event_del(ub);
	free(ub);
}

static int
event_add(struct ub_event *ub, struct timeval *tv)
{
	struct event *e = (struct event *)ub;
	int64_t ms = -1;

	if (tv)
		ms = (int64_t)tv->tv_sec * 1000 + (tv->tv_usec + 999) / 1000;
	return dns_loop_on(e->loop, &e->on, ms) ? 0 : -1;
}

static int
event_add_timer(struct ub_event *ub, struct ub_event_base *base,
    event_call *call, void *arg, struct timeval *tv)
{
	struct event *e = (struct event *)ub;

	(void)base;
	event_del(ub);
	e->call = call;
	e->arg = arg;
	return event_add(ub, tv);
}

/* libunbound waits for no signal. */
static int
event_no_signal(struct ub_event *ub, struct timeval *tv)
{
	(void)ub;
	(void)tv;
	return -1;
}

static struct ub_event *
base_new_event(
    struct ub_event_base *base, int fd, short bits, event_call *call, void *arg)
{
	static const struct ub_event_vmt vmt = {
	    .add_bits = event_add_bits,
	    .del_bits = event_del_bits,
	    .set_fd = event_set_fd,
	    .free = event_free,
	    .add = event_add,
	    .del = event_del,
	    .add_timer = event_add_timer,
	    .del_timer = event_del,
	    .add_signal = event_no_signal,
	    .del_signal = event_del,
	};
	struct event *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	/* libunbound does not change it */
	e->ub = (struct ub_event){UB_EVENT_MAGIC, (struct ub_event_vmt *)&vmt};
	e->loop = ((struct dns_ubctx *)base)->loop;
	e->on = (struct dns_event){.call = on_event,
	    .fd = fd,
	    .what = flags_of(bits),
	    .persists = bits & UB_EV_PERSIST};
	e->call = call;
	e->arg = arg;
	return &e->ub;
}

static struct ub_event *
base_new_signal(
    struct ub_event_base *base, int number, event_call *call, void *arg)
{
	(void)number;
	return base_new_event(base, -1, 0, call, arg);
}

/* Both: ours to do, and not its. */
static void
base_free(struct ub_event_base *base)
{
	(void)base;
}

static int
base_dispatch(struct ub_event_base *base)
{
	(void)base;
	return -1;
}

static int
base_loopexit(struct ub_event_base *base, struct timeval *tv)
{
	(void)base;
	(void)tv;
	return 0;
}

/* ---- the context -------------------------------------------------------- */

int
dns_ubctx_new(const struct dns_settings *s, struct dns_loop *loop,
    struct dns_ubctx **out, struct diag *d)
{
	static const struct ub_event_base_vmt vmt = {
	    .free = base_free,
	    .dispatch = base_dispatch,
	    .loopexit = base_loopexit,
	    .new_event = base_new_event,
	    .new_signal = base_new_signal,
	};
	struct dns_ubctx *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	c->base = (struct ub_event_base){
	    UB_EVENT_MAGIC, (struct ub_event_base_vmt *)&vmt};
	c->loop = loop;
	c->ub = ub_ctx_create_ub_event(&c->base);
	if (c->ub)
		err = configure(c->ub, s, d);
	else
		err = diag_set(
		    d, AVER_TEMP, 0, "libunbound cannot make a context");
	if (err) {
		dns_ubctx_delete(c);
		return err;
	}
	*out = c;
	return 0;
}

void
dns_ubctx_delete(struct dns_ubctx *c)
{
	if (!c)
		return;
	/* it tells who waits that it fails */
	c->is_closing = true;
	if (c->ub)
		ub_ctx_delete(c->ub);
	free(c);
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
convert(const struct dns_ubquery *q, int rcode, struct str packet, int security,
    const char *why, bool *kept)
{
	if (rcode)
		return dns_packet_failure(rcode);
	if (security == IS_BOGUS)
		return failure(DNS_BOGUS, DNS_CACHE_FAILURE_TTL,
		    why ? why : "validation failed");
	return dns_packet_read(
	    packet, q->name, q->type, security == IS_SECURE, kept);
}

static void
on_result(void *arg, int rcode, void *packet, int len, int security, char *why,
    int was_ratelimited)
{
	struct dns_ubquery *q = arg;
	struct str octets = {packet, packet && len > 0 ? (size_t)len : 0};
	struct dns_rrset *rr;
	bool kept = true;

	(void)was_ratelimited;
	if (q->ctx->is_closing)
		return;
	rr = convert(q, rcode, octets, security, why, &kept);
	q->done(q, rr ? rr : dns_rrset_nomem(), kept);
}

int
dns_ubctx_ask(struct dns_ubctx *c, const struct dname *name, uint16_t type,
    struct dns_ubquery *q)
{
	char text[NAME_TEXT_MAX + 1];
	int err;

	q->ctx = c;
	q->name = name;
	q->type = type;
	name_text(name, text);
	err = ub_resolve_event(c->ub, text, type, CLASS_IN, q, on_result, NULL);
	if (err == UB_NOMEM)
		return AVER_NOMEM;
	return err ? AVER_TEMP : 0;
}
