/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_unbound.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/dns/dns_loop.h"
#include "lib/dns/dns_settings.h"
#include "lib/dns/dns_ubctx.h"

/* A question in flight costs libunbound some 10 kB: these bound its memory. */
#define IN_FLIGHT_MAX 2000
#define IN_FLIGHT_HINTS 1000
#define TYPE_DNSKEY 48

/* ---- the upstream of the cache ------------------------------------------ */

struct upstream {
	struct dns_upstream base;
	struct dns_settings *settings;
	struct dns_loop *loop;
	struct dns_ubctx *ctx; /* of the pump */
	struct query *queries; /* of the pump: those it has asked */
	pthread_t pump;

	pthread_mutex_t lock;
	struct query *asked, **last; /* for the pump, in order */
	size_t in_flight; /* both lists */
	bool quit;
};

/* A question in flight: ends by its answer, or with the context. */
struct query {
	struct dns_ubquery base;
	struct query *next, *prev;
	struct upstream *up;
	const struct dname *name;
	uint16_t type;
	void (*done)(void *, struct dns_rrset *);
	void *arg;
};

/* Takes over rr; the query is gone. */
static void
end_query(struct query *q, struct dns_rrset *rr)
{
	pthread_mutex_lock(&q->up->lock);
	q->up->in_flight--;
	pthread_mutex_unlock(&q->up->lock);
	q->done(q->arg, rr);
	free(q);
}

static void
unlink_query(struct query *q)
{
	if (q->prev)
		q->prev->next = q->next;
	else
		q->up->queries = q->next;
	if (q->next)
		q->next->prev = q->prev;
}

static void
on_answer(struct dns_ubquery *base, struct dns_rrset *rr, bool kept)
{
	struct query *q = (struct query *)base;

	(void)kept;
	unlink_query(q);
	end_query(q, rr);
}

static int
upstream_start(struct dns_upstream *base, const struct dname *name,
    uint16_t type, bool hint, void (*done)(void *, struct dns_rrset *),
    void *arg)
{
	struct upstream *up = (struct upstream *)base;
	struct query *q = malloc(sizeof(*q));
	int err = 0;

	if (!q)
		return AVER_NOMEM;
	*q = (struct query){.base = {.done = on_answer},
	    .up = up,
	    .name = name,
	    .type = type,
	    .done = done,
	    .arg = arg};
	pthread_mutex_lock(&up->lock);
	if (up->in_flight >= (hint ? IN_FLIGHT_HINTS : IN_FLIGHT_MAX)) {
		err = AVER_LIMIT;
	} else {
		*up->last = q;
		up->last = &q->next;
		up->in_flight++;
	}
	pthread_mutex_unlock(&up->lock);
	if (err)
		free(q);
	else
		dns_loop_wake(up->loop);
	return err;
}

/* ---- the pump: a thread of its own -------------------------------------- */

/* What was asked since the last time; false: the end. */
static bool
take_asked(struct upstream *up, struct query **out)
{
	bool goes_on;

	pthread_mutex_lock(&up->lock);
	*out = up->asked;
	up->asked = NULL;
	up->last = &up->asked;
	goes_on = !up->quit;
	pthread_mutex_unlock(&up->lock);
	return goes_on;
}

static void
ask(struct upstream *up, struct query *q)
{
	q->prev = NULL;
	q->next = up->queries;
	if (q->next)
		q->next->prev = q;
	up->queries = q;
	if (dns_ubctx_ask(up->ctx, q->name, q->type, &q->base)) {
		unlink_query(q);
		end_query(q, dns_rrset_fault(DNS_FAULT_RESOLVER));
	}
}

static void
fail_all(struct query *q)
{
	while (q) {
		struct query *next = q->next;

		end_query(q, dns_rrset_fault(DNS_FAULT_RESOLVER));
		q = next;
	}
}

static void *
pump(void *arg)
{
	struct upstream *up = arg;
	struct query *asked, *next;

	while (take_asked(up, &asked)) {
		for (; asked; asked = next) {
			next = asked->next;
			ask(up, asked);
		}
		dns_loop_run(up->loop, -1);
	}
	fail_all(asked);
	return NULL;
}

static void
upstream_free(struct upstream *up)
{
	dns_ubctx_delete(up->ctx);
	fail_all(up->queries);
	fail_all(up->asked);
	dns_loop_free(up->loop);
	pthread_mutex_destroy(&up->lock);
	dns_settings_free(up->settings);
	free(up);
}

static void
upstream_close(struct dns_upstream *base)
{
	struct upstream *up = (struct upstream *)base;

	pthread_mutex_lock(&up->lock);
	up->quit = true;
	pthread_mutex_unlock(&up->lock);
	dns_loop_wake(up->loop);
	pthread_join(up->pump, NULL);
	upstream_free(up);
}

static const struct dns_upstream_ops upstream_ops = {
    upstream_start, upstream_close};

static int
start_pump(struct upstream *up)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&up->pump, NULL, pump, up);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err ? AVER_IO : 0;
}

/* Owns settings from now on, also on failure. */
static int
open_upstream(struct dns_settings *s, struct dns_upstream **out, struct diag *d)
{
	struct upstream *up = calloc(1, sizeof(*up));
	int err;

	if (!up) {
		dns_settings_free(s);
		return AVER_NOMEM;
	}
	up->base.ops = &upstream_ops;
	up->settings = s;
	up->last = &up->asked;
	pthread_mutex_init(&up->lock, NULL);
	up->loop = dns_loop_new();
	err = up->loop ? dns_ubctx_new(s, up->loop, &up->ctx, d) : AVER_IO;
	if (!err)
		err = start_pump(up);
	if (err) {
		upstream_free(up);
		return err;
	}
	*out = &up->base;
	return 0;
}

/* ---- the source that keeps nothing -------------------------------------- */

struct serial {
	struct dns_source base;
	struct dns_settings *settings;
	pthread_mutex_t lock; /* held for the length of a lookup */
	struct dns_loop *loop;
	struct dns_ubctx *ctx; /* NULL: to be made */
	struct dns_stats stats;
};

struct serial_query {
	struct dns_ubquery base;
	struct dns_rrset *answer; /* NULL: not yet */
	bool kept;
};

static void
on_serial_answer(struct dns_ubquery *base, struct dns_rrset *rr, bool kept)
{
	struct serial_query *q = (struct serial_query *)base;

	q->answer = rr;
	q->kept = kept;
}

static void
serial_wait(struct dns_loop *loop, const struct serial_query *q, int64_t until)
{
	int64_t left;

	while (!q->answer && (left = until - clock_mono_ms()) > 0)
		dns_loop_run(loop, left);
}

/*
 * Whether the context has to be thrown away lest it answer from memory. With
 * all TTLs 0 it keeps next to nothing, but the keys of DNSSEC, and round trip
 * times of a server that did not answer.
 */
static bool
leaves_traces(const struct dns_settings *s, const struct serial_query *q)
{
	return s->anchor || !q->answer || q->kept;
}

static struct dns_rrset *
serial_lookup(
    struct serial *s, const struct dname *name, uint16_t type, int64_t until)
{
	struct serial_query q = {{.done = on_serial_answer}, NULL, false};

	if (!s->ctx && dns_ubctx_new(s->settings, s->loop, &s->ctx, NULL))
		return dns_rrset_fault(DNS_FAULT_RESOLVER);
	if (dns_ubctx_ask(s->ctx, name, type, &q.base)) {
		q.answer = dns_rrset_fault(DNS_FAULT_RESOLVER);
		q.kept = true;
	}
	serial_wait(s->loop, &q, until);
	if (leaves_traces(s->settings, &q)) {
		/* no callback comes after this */
		dns_ubctx_delete(s->ctx);
		s->ctx = NULL;
	}
	if (q.answer)
		return q.answer;
	s->stats.timeouts++;
	return dns_rrset_fault(DNS_FAULT_TIMEOUT);
}

static struct dns_rrset *
serial_resolve(struct dns_source *src, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	struct serial *s = (struct serial *)src;
	int64_t us = clock_mono_us(), until;
	struct dns_rrset *rr;

	pthread_mutex_lock(&s->lock);
	until = clock_mono_ms() + s->settings->timeout_ms;
	if (until > deadline)
		until = deadline;
	rr = serial_lookup(s, name, type, until);
	s->stats.misses++;
	s->stats.answers += rr != dns_rrset_fault(DNS_FAULT_TIMEOUT);
	s->stats.failures += rr->status == DNS_TEMP;
	s->stats.bogus += rr->status == DNS_BOGUS;
	s->stats.latency_us += (uint64_t)(clock_mono_us() - us);
	pthread_mutex_unlock(&s->lock);
	return rr;
}

static void
serial_close(struct dns_source *src)
{
	struct serial *s = (struct serial *)src;

	dns_ubctx_delete(s->ctx);
	dns_loop_free(s->loop);
	pthread_mutex_destroy(&s->lock);
	dns_settings_free(s->settings);
	free(s);
}

static const struct dns_source_ops serial_ops = {
    serial_resolve, NULL, serial_close};

/* Owns settings from now on, also on failure. */
static int
open_serial(struct dns_settings *s, struct dns_source **out, struct diag *d)
{
	struct serial *serial = calloc(1, sizeof(*serial));
	int err;

	if (!serial) {
		dns_settings_free(s);
		return AVER_NOMEM;
	}
	serial->base.ops = &serial_ops;
	serial->settings = s;
	pthread_mutex_init(&serial->lock, NULL);
	serial->loop = dns_loop_new();
	err = serial->loop ? dns_ubctx_new(s, serial->loop, &serial->ctx, d)
			   : AVER_IO;
	if (err) {
		serial_close(&serial->base);
		return err;
	}
	*out = &serial->base;
	return 0;
}

/* ---- opening ------------------------------------------------------------ */

static int
open_source(const struct dns_unbound_config *cfg, enum dns_dnssec dnssec,
    struct dns_source **out, struct diag *d)
{
	struct dns_cache_config cache = {.entries = cfg->cache_entries,
	    .max_ttl = cfg->max_ttl,
	    .max_negative_ttl = cfg->max_negative_ttl,
	    .timeout_ms = cfg->timeout_ms};
	struct dns_settings *s;
	struct dns_upstream *up;
	int err = dns_settings_new(cfg, dnssec, &s, d);

	if (err)
		return err;
	if (!s->keep)
		return open_serial(s, out, d);
	err = open_upstream(s, &up, d);
	return err ? err : dns_cache_open(&cache, up, out);
}

static struct dns_settings *
settings_of(struct dns_source *src)
{
	if (src->ops == &serial_ops)
		return ((struct serial *)src)->settings;
	return ((struct upstream *)dns_cache_upstream(src))->settings;
}

int
dns_unbound_open(const struct dns_unbound_config *cfg, struct dns_source **out,
    struct diag *d)
{
	struct dns_unbound_state state = {0};
	struct dns_source *src;
	int err;

	if (cfg->dnssec != DNS_DNSSEC_AUTO)
		return open_source(cfg, cfg->dnssec, out, d);
	err = open_source(cfg, DNS_DNSSEC_VALIDATE, &src, d);
	if (err == 0) {
		state.validating = true;
		state.selftest = dns_unbound_selftest(src, &state.what);
		if (state.selftest != DNS_SELFTEST_STRIPPED) {
			settings_of(src)->state = state;
			*out = src;
			return 0;
		}
		dns_source_close(src);
		state.what = "DNSSEC validation is off: the DNS server's "
			     "answers come without signatures";
	} else if (err == AVER_CONF) {
		state.what = "DNSSEC validation is off: there is no usable "
			     "trust anchor file";
	} else {
		return err;
	}
	err = open_source(cfg, DNS_DNSSEC_OFF, out, d);
	if (err)
		return err;
	if (d)
		*d = (struct diag){0};
	state.validating = false;
	settings_of(*out)->state = state;
	return 0;
}

void
dns_unbound_get_state(struct dns_source *src, struct dns_unbound_state *out)
{
	*out = settings_of(src)->state;
}

void
dns_unbound_stats(struct dns_source *src, struct dns_stats *out)
{
	struct serial *s = (struct serial *)src;

	if (src->ops != &serial_ops) {
		dns_cache_stats(src, out);
		return;
	}
	pthread_mutex_lock(&s->lock);
	*out = s->stats;
	pthread_mutex_unlock(&s->lock);
}

/* ---- self test ---------------------------------------------------------- */

/* What the DNS server says of the root's keys when nobody validates. */
static enum dns_status
ask_unvalidated(
    const struct dns_settings *s, const struct dname *name, uint16_t type)
{
	struct dns_settings plain = *s;
	struct serial serial = {.settings = &plain};
	enum dns_status status;
	struct dns_rrset *rr;

	serial.loop = dns_loop_new();
	if (!serial.loop)
		return DNS_TEMP;
	plain.anchor = NULL;
	plain.keep = false;
	rr =
	    serial_lookup(&serial, name, type, clock_mono_ms() + s->timeout_ms);
	status = rr->status;
	dns_rrset_unref(rr);
	dns_ubctx_delete(serial.ctx);
	dns_loop_free(serial.loop);
	return status;
}

enum dns_selftest
dns_unbound_selftest(struct dns_source *src, const char **what)
{
	static const struct dname root = {.len = 1};
	const struct dns_settings *s = settings_of(src);
	struct dns_rrset *rr = src->ops->resolve(
	    src, &root, DNS_SOA, clock_mono_ms() + s->timeout_ms);
	enum dns_selftest result = dns_selftest_judge(rr, s->anchor != NULL);
	enum dns_status keys;

	dns_rrset_unref(rr);
	/* bogus for want of keys: a failure of the moment proves nothing */
	if (result == DNS_SELFTEST_BOGUS) {
		keys = ask_unvalidated(s, &root, TYPE_DNSKEY);
		if (keys == DNS_NODATA || keys == DNS_NXDOMAIN)
			result = DNS_SELFTEST_STRIPPED;
	}
	if (what)
		*what = dns_selftest_words(result);
	return result;
}
