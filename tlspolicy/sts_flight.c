/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_flight.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/dns/rdata.h"

#define DOMAIN_MAX 255
#define IPV6_CHECK 60 /* seconds until routes are looked at again */

struct sts_flight {
	struct sts_fetch_job job; /* first: the fetcher knows this one */
	struct sts_core *core;
	pthread_cond_t ended_now;
	unsigned refs; /* of who waits, and one until it has ended */
	bool ended, given_up;
	bool is_refresh;
	struct sts_held *policy; /* what was fetched */
	char domain[DOMAIN_MAX + 1];
	char id[STS_ID_MAX + 1];
};

/* ---- references --------------------------------------------------------- */

static void
release(struct sts_flight *fl)
{
	if (--fl->refs)
		return;
	sts_held_unref(fl->policy);
	pthread_cond_destroy(&fl->ended_now);
	free(fl);
}

static void
keep_text(char *out, size_t size, struct str s)
{
	snprintf(out, size, "%.*s", STRF(s));
}

static struct sts_flight *
new_flight(struct sts_core *c, struct str domain, struct str id)
{
	struct sts_flight *fl;

	if (domain.n > DOMAIN_MAX || !(fl = calloc(1, sizeof(*fl))))
		return NULL;
	if (pthread_cond_init(&fl->ended_now, &c->monotonic)) {
		free(fl);
		return NULL;
	}
	fl->core = c;
	fl->refs = 1;
	keep_text(fl->domain, sizeof(fl->domain), domain);
	keep_text(fl->id, sizeof(fl->id), id);
	fl->job.domain = str_from_z(fl->domain);
	return fl;
}

struct sts_flight *
sts_flight_join(struct sts_core *c, struct str domain, struct str id,
    bool is_refresh, bool *leads)
{
	struct sts_entry *e = sts_table_find(&c->table, domain);
	struct sts_flight *fl;

	*leads = false;
	if (e && e->flight) {
		c->counts.joined++;
		e->flight->refs++;
		return e->flight;
	}
	if (!e && !(e = sts_table_add(&c->table, domain, c->now())))
		return NULL;
	fl = new_flight(c, domain, id);
	if (!fl)
		return NULL;
	fl->is_refresh = is_refresh;
	fl->refs++;
	e->flight = fl;
	c->in_flight++;
	*leads = true;
	return fl;
}

bool
sts_flight_wait(struct sts_flight *fl, int64_t until, struct sts_held **policy)
{
	struct timespec ts = {.tv_sec = (time_t)(until / 1000),
	    .tv_nsec = (long)(until % 1000) * 1000000};
	int err = 0;
	bool good;

	while (!fl->ended && err == 0)
		err = pthread_cond_timedwait(
		    &fl->ended_now, &fl->core->lock, &ts);
	good = fl->ended && !fl->given_up;
	if (good && fl->policy) {
		sts_held_unref(*policy);
		*policy = sts_held_ref(fl->policy);
	}
	release(fl);
	return good;
}

void
sts_flight_leave(struct sts_flight *fl)
{
	release(fl);
}

/* ---- the end ------------------------------------------------------------ */

void
sts_mark_dirty(struct sts_core *c, struct sts_entry *e)
{
	if (e->is_dirty || !c->has_store)
		return;
	e->is_dirty = true;
	e->next_dirty = c->dirty;
	/* who was told of the first one takes all */
	if (!c->dirty)
		pthread_cond_signal(&c->work);
	c->dirty = e;
}

int64_t
sts_refresh_at(
    const struct sts_core *c, const struct sts_held *h, uint64_t chance)
{
	int64_t period = c->refresh_time, life = h->expires - h->fetched;

	if (life / 2 < period)
		period = life / 2;
	if (period < 2)
		return h->expires;
	return h->fetched + period - period / 4 +
	       (int64_t)((chance ^ (uint64_t)h->fetched) *
			     0x9e3779b97f4a7c15u >>
			 32) %
		   (period / 2 + 1);
}

/*
 * The flight leaves its entry and wakes who waits. The lock is held before and
 * not after: who wakes wants it at once.
 */
static void
end_flight(struct sts_flight *fl, struct sts_entry *e, bool given_up)
{
	struct sts_core *c = fl->core;

	e->flight = NULL;
	fl->ended = true;
	fl->given_up = given_up;
	if (--c->in_flight == 0)
		pthread_cond_broadcast(&c->idle);
	if (fl->refs > 1) {
		pthread_mutex_unlock(&c->lock);
		pthread_cond_broadcast(&fl->ended_now);
		pthread_mutex_lock(&c->lock);
	}
	release(fl);
	pthread_mutex_unlock(&c->lock);
}

static void
count_failure(struct sts_counts *n, enum tlsrpt_result result, bool is_refresh)
{
	n->fetch_errors += result == TLSRPT_STS_POLICY_FETCH_ERROR;
	n->fetch_invalid += result == TLSRPT_STS_POLICY_INVALID;
	n->fetch_webpki += result == TLSRPT_STS_WEBPKI_INVALID;
	n->refresh_failures += is_refresh;
}

static void
note_failure(struct sts_flight *fl, struct sts_entry *e,
    enum tlsrpt_result result, struct str reason)
{
	struct sts_core *c = fl->core;
	int64_t now = c->now();

	e->failed = now;
	e->next_try = now + STS_BACKOFF;
	e->failure = result;
	sts_table_set_failure(&c->table, e, str_from_z(fl->id), reason);
	/* an hourly attempt for a daily refresh */
	e->refresh_at =
	    now + (c->refresh_time / 24 > STS_BACKOFF ? c->refresh_time / 24
						      : STS_BACKOFF);
	count_failure(&c->counts, result, fl->is_refresh);
	sts_mark_dirty(c, e);
}

static void
fail(struct sts_flight *fl, enum tlsrpt_result result, struct str reason)
{
	struct sts_core *c = fl->core;
	struct sts_held *cached = NULL;
	char domain[DOMAIN_MAX + 1];
	struct sts_entry *e;

	memcpy(domain, fl->domain, sizeof(domain));
	pthread_mutex_lock(&c->lock);
	e = sts_table_find(&c->table, fl->job.domain);
	note_failure(fl, e, result, reason);
	if (sts_entry_in_force(e, c->now()))
		cached = sts_held_ref(e->policy);
	end_flight(fl, e, false);
	/* RFC 8461 section 5: with mode none there is nothing to report */
	if (c->failed && !(cached && cached->mode == STS_NONE))
		c->failed(
		    c->failed_arg, str_from_z(domain), result, reason, cached);
	sts_held_unref(cached);
}

void
sts_flight_give_up(struct sts_flight *fl)
{
	struct sts_core *c = fl->core;

	pthread_mutex_lock(&c->lock);
	end_flight(fl, sts_table_find(&c->table, fl->job.domain), true);
}

/*
 * A refresh that knows no id leaves the one that is there: the policy may be
 * of a newer one, then the next question fetches once more.
 */
static struct str
id_of(const struct sts_flight *fl, const struct sts_entry *e)
{
	if (*fl->id || !e->policy)
		return str_from_z(fl->id);
	return e->policy->id;
}

static bool
take_policy(struct sts_flight *fl, const struct sts_policy *p)
{
	struct sts_core *c = fl->core;
	int64_t now = c->now();
	struct sts_held *h;
	struct sts_entry *e;

	pthread_mutex_lock(&c->lock);
	e = sts_table_find(&c->table, fl->job.domain);
	h = sts_held_new(
	    id_of(fl, e), p->text, p->mode, now, now + (int64_t)p->max_age);
	if (!h) {
		pthread_mutex_unlock(&c->lock);
		return false;
	}
	fl->policy = sts_held_ref(h);
	sts_table_set_policy(&c->table, e, h);
	sts_table_set_failure(&c->table, e, STR_NONE, STR_NONE);
	e->failed = e->next_try = 0;
	e->failure = TLSRPT_SUCCESS;
	e->is_new = true;
	e->refresh_at = sts_refresh_at(c, h, e->hash);
	c->counts.fetched++;
	c->counts.refreshed += fl->is_refresh;
	sts_mark_dirty(c, e);
	end_flight(fl, e, false);
	return true;
}

bool
sts_flight_take(struct sts_flight *fl, int64_t newer)
{
	struct sts_core *c = fl->core;
	struct sts_entry *e;
	bool good;

	pthread_mutex_lock(&c->lock);
	e = sts_table_find(&c->table, fl->job.domain);
	good = sts_entry_in_force(e, c->now()) && e->policy->fetched > newer &&
	       (!*fl->id || str_eq(e->policy->id, str_from_z(fl->id)));
	if (good) {
		fl->policy = sts_held_ref(e->policy);
		c->counts.taken++;
		end_flight(fl, e, false);
		return true;
	}
	pthread_mutex_unlock(&c->lock);
	return false;
}

static void
on_done(struct sts_fetch_job *job, const struct sts_fetch_result *r)
{
	struct sts_flight *fl = (struct sts_flight *)job;
	struct sts_policy policy;
	struct diag d = {{0}, 0};
	struct arena a;
	int err;

	if (r->is_ours) {
		sts_flight_give_up(fl);
		return;
	}
	if (r->result != TLSRPT_SUCCESS) {
		fail(fl, r->result, str_from_z(r->reason));
		return;
	}
	arena_init(&a, STS_POLICY_MEMORY);
	err = sts_policy_parse(&a, r->body, &policy, &d);
	if (err == AVER_NOMEM)
		sts_flight_give_up(fl);
	else if (err)
		fail(fl, TLSRPT_STS_POLICY_INVALID, str_from_z(d.text));
	else if (!take_policy(fl, &policy))
		sts_flight_give_up(fl);
	arena_fini(&a);
}

/* ---- the policy host ---------------------------------------------------- */

/* Whether the system knows a way to the addresses of all; nothing is sent. */
static bool
has_ipv6_route(void)
{
	/* 2000::1, of what is given out as global unicast */
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6,
	    .sin6_port = htons(443),
	    .sin6_addr = {.s6_addr = {[0] = 0x20, [15] = 1}}};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has;

	if (fd < 0)
		return false;
	has = connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0;
	close(fd);
	return has;
}

static bool
uses_ipv6(struct sts_core *c)
{
	int64_t now = c->now();
	bool has, is_known;

	for (size_t i = 0; i < c->allow.n; i++)
		if (c->allow.v[i].ip.family == IP_V6)
			return true;
	pthread_mutex_lock(&c->lock);
	has = c->has_ipv6;
	is_known = c->ipv6_checked && now >= c->ipv6_checked &&
		   now - c->ipv6_checked < IPV6_CHECK;
	pthread_mutex_unlock(&c->lock);
	if (is_known)
		return has;
	has = has_ipv6_route();
	pthread_mutex_lock(&c->lock);
	c->has_ipv6 = has;
	c->ipv6_checked = now;
	pthread_mutex_unlock(&c->lock);
	return has;
}

/* Takes the addresses that may be asked; the last one refused goes to bad. */
static void
take_addrs(struct sts_flight *fl, const struct dns_rrset *rr, struct ip *bad)
{
	struct sts_fetch_job *job = &fl->job;
	struct ip ip;

	for (size_t i = 0; i < rr->n; i++) {
		if (!rdata_addr(rr->rdata[i], &ip) ||
		    job->n_addrs == STS_FETCH_ADDRS)
			continue;
		if (sts_addr_is_allowed(&ip, &fl->core->allow))
			job->addrs[job->n_addrs++] = ip;
		else
			*bad = ip;
	}
}

/*
 * Looks the host up. Without a way to hosts of IPv6 it is asked for addresses
 * of that only where there is no other; *v6 is NULL when it was not.
 */
static void
find_addrs(struct sts_flight *fl, struct dns *d, const struct dname *host,
    const struct dns_rrset **v4, const struct dns_rrset **v6, struct ip *bad)
{
	bool both = uses_ipv6(fl->core);

	*v6 = NULL;
	if (both)
		dns_prefetch(d, host, DNS_AAAA);
	*v4 = dns_lookup(d, host, DNS_A);
	if (both) {
		*v6 = dns_lookup(d, host, DNS_AAAA);
		take_addrs(fl, *v6, bad);
	}
	take_addrs(fl, *v4, bad);
	if (both || fl->job.n_addrs)
		return;
	*v6 = dns_lookup(d, host, DNS_AAAA);
	take_addrs(fl, *v6, bad);
}

/* Why there is no address to ask. */
static void
explain(struct buf *b, const struct dns_rrset *v4, const struct dns_rrset *v6,
    const struct ip *bad)
{
	const struct dns_rrset *rr = v4->status >= DNS_TEMP ? v4 : v6;

	if (bad->family != IP_NONE) {
		buf_add_z(b, "the policy host's address ");
		ip_print(b, bad);
		buf_add_z(b, " is not public");
	} else if (rr->status >= DNS_TEMP) {
		buf_addf(
		    b, "the policy host's address is not known: %s", rr->why);
	} else {
		buf_add_z(b, "the policy host has no address");
	}
}

static void
count_fetch(struct sts_core *c)
{
	pthread_mutex_lock(&c->lock);
	c->counts.fetches++;
	pthread_mutex_unlock(&c->lock);
}

void
sts_flight_run(struct sts_flight *fl, struct dns *d)
{
	struct dname domain, host;
	const struct dns_rrset *v4, *v6;
	struct ip bad = {.family = IP_NONE};
	struct buf why;

	count_fetch(fl->core);
	if (!dname_from_text(fl->job.domain, &domain) ||
	    !dname_prepend(STR("mta-sts"), &domain, &host)) {
		fail(fl, TLSRPT_STS_POLICY_FETCH_ERROR,
		    STR("the name of the policy host is too long"));
		return;
	}
	find_addrs(fl, d, &host, &v4, &v6, &bad);
	fl->job.done = on_done;
	if (fl->job.n_addrs) {
		fl->core->fetcher->ops->start(fl->core->fetcher, &fl->job);
		return;
	}
	if ((v4->status == DNS_TEMP || v6->status == DNS_TEMP) &&
	    (clock_mono_ms() >= d->deadline || d->over_budget)) {
		sts_flight_give_up(fl);
		return;
	}
	buf_init(&why, NULL, 400);
	explain(&why, v4, v6, &bad);
	fail(fl, TLSRPT_STS_POLICY_FETCH_ERROR, buf_str(&why));
	buf_fini(&why);
}
