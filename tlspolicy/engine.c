/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/redis_spec.h"
#include "lib/store/store.h"
#include "tlspolicy/dane_lookup.h"
#include "tlspolicy/seen.h"
#include "tlspolicy/sts_cache.h"
#include "tlspolicy/sts_copy.h"
#include "tlspolicy/sts_match.h"
#include "tlspolicy/tls_table_file.h"

#define FETCH_QUEUE 4096
#define PATIENCE_MS 10000 /* a decision waits so long for a fetch */
#define SHORT_MS 5000 /* an answer that is not to be kept for long */

/* What a reload changes; counted, so that it may go on under a decision. */
struct settings {
	unsigned refs; /* under the engine's lock */
	struct engine_config cfg;
	struct tls_file *table;
};

struct engine {
	struct arena arena; /* of the strings of the configuration */
	struct dns_source *dns;
	int64_t (*now)(void);
	struct engine_hook hook;
	struct sts_cache *cache;

	pthread_mutex_t lock;
	struct settings *settings;
	struct engine_stats stats; /* of the decisions */

	struct seen *seen;
	const char *store; /* to be opened again; NULL: never */
	const char *copy; /* of its policies; NULL: none */
	bool is_shared; /* by several hosts */

	uint64_t seed;
	_Atomic uint16_t slots[ENGINE_SLOTS];
};

/* One decision. */
struct deciding {
	struct engine *e;
	const struct settings *set;
	const struct nexthop *hop;
	struct arena *arena;
	struct dns dns;
	struct dane_found dane;
	struct dane_verdict verdict;
	struct sts_answer sts;
	struct tls_facts facts;
	struct engine_detail detail;
	int64_t now; /* clock_mono_ms() */
	int64_t until;
};

/* ---- settings ----------------------------------------------------------- */

static void
free_settings(struct settings *s)
{
	tls_file_unref(s->table);
	free(s);
}

static const struct settings *
take_settings(struct engine *e)
{
	struct settings *s;

	pthread_mutex_lock(&e->lock);
	s = e->settings;
	s->refs++;
	pthread_mutex_unlock(&e->lock);
	return s;
}

static void
drop_settings(struct engine *e, const struct settings *cs)
{
	struct settings *s = (struct settings *)cs;
	bool last;

	pthread_mutex_lock(&e->lock);
	last = --s->refs == 0;
	pthread_mutex_unlock(&e->lock);
	if (last)
		free_settings(s);
}

static struct settings *
new_settings(const struct engine_config *cfg, struct tls_file *table)
{
	struct settings *s = malloc(sizeof(*s));

	if (s)
		*s = (struct settings){1, *cfg, tls_file_ref(table)};
	return s;
}

int
engine_reload(
    struct engine *e, const struct engine_config *cfg, struct tls_file *table)
{
	struct settings *s = new_settings(cfg, table), *old;

	if (!s)
		return AVER_NOMEM;
	pthread_mutex_lock(&e->lock);
	old = e->settings;
	e->settings = s;
	pthread_mutex_unlock(&e->lock);
	drop_settings(e, old);
	(void)sts_cache_reload(e->cache, NULL);
	return 0;
}

/* ---- what others change ------------------------------------------------- */

unsigned
engine_slot(const struct engine *e, struct str domain)
{
	return (unsigned)(str_hash(domain, e->seed) % ENGINE_SLOTS);
}

uint16_t
engine_slot_number(const struct engine *e, unsigned slot)
{
	return atomic_load_explicit(
	    &e->slots[slot % ENGINE_SLOTS], memory_order_acquire);
}

/* Of the policy cache. */
static void
on_changed(void *arg, struct str domain)
{
	struct engine *e = arg;

	atomic_fetch_add_explicit(
	    &e->slots[engine_slot(e, domain)], 1, memory_order_release);
}

/* Of the policy cache. */
static void
on_note(void *arg, struct str domain, const char *what)
{
	struct engine *e = arg;

	if (e->hook.note)
		e->hook.note(e->hook.arg, domain, what);
}

/* ---- events ------------------------------------------------------------- */

static void
tell(struct engine *e, struct engine_event ev)
{
	if (!e->hook.event)
		return;
	ev.time = e->now();
	e->hook.event(e->hook.arg, &ev);
}

/* Of the policy cache. */
static void
on_failed(void *arg, struct str domain, enum tlsrpt_result result,
    struct str reason, const struct sts_held *cached)
{
	tell(arg, (struct engine_event){.result = result,
		      .type = TLSRPT_STS,
		      .policy_domain = domain,
		      .recipient_domain = domain,
		      .reason = reason,
		      .policy = cached ? cached->text : STR_NONE});
}

static void
tell_hosts(struct deciding *g, const struct tls_decision *d)
{
	const struct sts_policy *p = g->facts.sts.policy;

	for (size_t i = 0; i < g->dane.n_hosts; i++) {
		const struct dane_host *h = &g->dane.hosts[i];

		if (h->state == DANE_UNUSABLE)
			tell(g->e,
			    (struct engine_event){.result = TLSRPT_TLSA_INVALID,
				.type = TLSRPT_TLSA,
				.policy_domain = h->base,
				.recipient_domain = g->hop->domain,
				.mx = h->name,
				.reason = STR("no TLSA record is usable")});
		if (d->sts_unmatched && !sts_policy_match(p, h->name))
			tell(g->e,
			    (struct engine_event){
				.result = TLSRPT_VALIDATION_FAILURE,
				.type = TLSRPT_STS,
				.policy_domain = g->hop->domain,
				.recipient_domain = g->hop->domain,
				.mx = h->name,
				.reason = STR("the policy does not name the "
					      "MX host"),
				.policy = p->text});
	}
}

static bool wants_sts(const struct deciding *g);

static void
tell_all(struct deciding *g, const struct tls_decision *d)
{
	if (!g->e->hook.event)
		return;
	/* RFC 8460 section 4.3: the operator's table demands it */
	if (d->kind == TLS_UNVERIFIABLE && !wants_sts(g))
		tell(g->e, (struct engine_event){.result = TLSRPT_DANE_REQUIRED,
			       .type = TLSRPT_TLSA,
			       .policy_domain = g->hop->domain,
			       .recipient_domain = g->hop->domain,
			       .reason = STR("no TLSA records that count")});
	if (g->dane.bogus.n)
		tell(
		    g->e, (struct engine_event){.result = TLSRPT_DNSSEC_INVALID,
			      .type = TLSRPT_TLSA,
			      .policy_domain = g->hop->domain,
			      .recipient_domain = g->hop->domain,
			      .mx = g->dane.bogus,
			      .reason = g->dane.bogus_why});
	tell_hosts(g, d);
}

/* ---- facts -------------------------------------------------------------- */

static bool
has_flag(const struct deciding *g, unsigned flag)
{
	return g->facts.rule && g->facts.rule->flags & flag;
}

static bool
sts_name(const struct deciding *g, struct dname *out)
{
	struct dname domain;

	return dname_from_text(g->hop->domain, &domain) &&
	       dname_prepend(STR("_mta-sts"), &domain, out);
}

static bool
wants_sts(const struct deciding *g)
{
	return g->set->cfg.sts && !has_flag(g, TLS_RULE_NO_STS);
}

/* The rule of the table, copied: a reload may free the table. */
static bool
find_rule(struct deciding *g)
{
	const struct tls_rule *r =
	    tls_table_find(tls_file_policy(g->set->table), g->hop);
	struct tls_rule *copy;

	if (!r)
		return true;
	copy = ARENA_NEW(g->arena, struct tls_rule);
	if (!copy)
		return false;
	*copy = *r;
	copy->fixed = arena_dup(g->arena, r->fixed);
	g->facts.rule = copy;
	return copy->fixed.n == r->fixed.n;
}

static void
shorten(struct deciding *g, int64_t until)
{
	if (until < g->until)
		g->until = until;
}

static void
gather_dane(struct deciding *g)
{
	struct dane_query q = {.dns = &g->dns,
	    .hop = g->hop,
	    .tlsa = g->set->cfg.dane && !g->set->cfg.no_dnssec &&
		    !has_flag(g, TLS_RULE_NO_DANE),
	    .insecure_mx = g->set->cfg.insecure_mx,
	    .max_hosts = g->set->cfg.max_hosts};

	dane_lookup(&q, &g->dane);
	g->facts.mx = g->dane.mx;
	g->facts.hosts = g->dane.hosts;
	g->facts.n_hosts = g->dane.n_hosts;
	dane_decide(q.tlsa ? g->dane.mx : DANE_MX_UNASKED, g->dane.hosts,
	    g->dane.n_hosts, &g->verdict);
	shorten(g, g->dane.until);
}

/* DANE settles it: what MTA-STS says is of no interest. */
static bool
is_settled(const struct deciding *g)
{
	return g->verdict.outcome == DANE_OUT_ONLY;
}

static void
look_up_record(struct deciding *g, struct sts_question *q)
{
	struct engine_detail *detail = &g->detail;
	struct sts_record rec = {STR_NONE};
	const struct dns_rrset *rr;
	struct dname name;
	struct diag d = {{0}, 0};

	q->found = STS_ABSENT;
	if (!sts_name(g, &name))
		return;
	rr = dns_lookup(&g->dns, &name, DNS_TXT);
	shorten(g, dns_rrset_until(rr, g->now));
	q->found = sts_record_select(g->arena, rr, &rec, &d);
	q->id = rec.id;
	detail->sts_asked = true;
	detail->record = q->found;
	detail->record_id = rec.id;
	if (q->found == STS_UNKNOWN)
		detail->record_why = arena_dup(g->arena, str_from_z(rr->why));
	else if (q->found != STS_FOUND)
		detail->record_why = arena_dup(g->arena, str_from_z(d.text));
}

static struct str
record_trouble(struct deciding *g)
{
	return arena_cat(g->arena, STR("the MTA-STS record is not known: "),
	    g->detail.record_why);
}

static void
gather_sts(struct deciding *g)
{
	struct sts_question q = {.domain = g->hop->domain,
	    .dns = &g->dns,
	    .deadline = g->dns.deadline,
	    .is_patient = g->dns.keep_log};

	look_up_record(g, &q);
	sts_cache_ask(g->e->cache, &q, g->arena, &g->sts);
	g->facts.sts = g->sts.sts;
	g->detail.has_fetched = g->sts.has_waited;
	if (g->sts.valid < INT32_MAX)
		shorten(g, g->now + g->sts.valid * 1000);
	g->facts.sts_unknown = q.found == STS_UNKNOWN && !g->facts.sts.policy;
	if (g->sts.trouble.n)
		g->facts.trouble = g->sts.trouble;
	else if (g->facts.sts_unknown && g->set->cfg.defer_unknown)
		g->facts.trouble = record_trouble(g);
}

void
engine_known(struct engine *e, struct tls_decision *d)
{
	struct str domain = d->facts.nexthop->domain;

	if (domain.n)
		seen_get(e->seen, domain,
		    !e->is_shared || sts_cache_has_store(e->cache),
		    &d->facts.known);
}

static void
gather(struct deciding *g)
{
	struct dname name;

	if (!find_rule(g)) {
		g->facts.trouble = STR("out of memory");
		return;
	}
	if ((g->hop->kind != NEXTHOP_DOMAIN && g->hop->kind != NEXTHOP_HOST) ||
	    (g->facts.rule && g->facts.rule->fixed.n))
		return;
	if (wants_sts(g) && sts_name(g, &name))
		dns_prefetch(&g->dns, &name, DNS_TXT);
	gather_dane(g);
	if (wants_sts(g) && (!is_settled(g) || g->hop->sts_anyway))
		gather_sts(g);
	if (arena_failed(g->arena))
		g->facts.trouble = STR("out of memory");
}

/* ---- deciding ----------------------------------------------------------- */

static void
count(struct deciding *g, const struct tls_decision *d)
{
	struct engine_stats *s = &g->e->stats;

	pthread_mutex_lock(&g->e->lock);
	s->decisions++;
	s->stale += g->sts.is_stale && g->facts.sts.policy;
	s->dnssec_invalid += g->dane.bogus.n > 0;
	switch (d->kind) {
	case TLS_NONE:
	case TLS_MAY:
		s->none++;
		break;
	case TLS_DANE:
	case TLS_DANE_ONLY:
		s->dane++;
		break;
	case TLS_STS_ENFORCE:
		s->sts_enforce++;
		break;
	case TLS_STS_TESTING:
		s->sts_testing++;
		break;
	case TLS_FIXED:
		s->table++;
		break;
	case TLS_UNVERIFIABLE:
	case TLS_TEMP:
	case TLS_KIND_COUNT:
		s->deferred++;
		break;
	}
	pthread_mutex_unlock(&g->e->lock);
}

static int64_t
valid_until(const struct deciding *g, const struct tls_decision *d)
{
	const struct engine_config *cfg = &g->set->cfg;
	int64_t now = clock_mono_ms();
	int64_t most = now + cfg->max_valid * 1000;
	int64_t least = now + cfg->min_valid * 1000;
	int64_t until = g->until;

	if (d->is_short_lived || d->kind == TLS_TEMP || g->facts.trouble.n)
		return now + (SHORT_MS < cfg->max_valid * 1000
				     ? SHORT_MS
				     : cfg->max_valid * 1000);
	if (until < least)
		until = least;
	return until < most ? until : most;
}

static int64_t
decide(struct engine *e, const struct nexthop *hop, int64_t deadline,
    struct arena *arena, struct tls_decision *out, struct engine_detail *detail)
{
	struct deciding g = {.e = e,
	    .set = take_settings(e),
	    .hop = hop,
	    .arena = arena,
	    .now = clock_mono_ms(),
	    .until = INT64_MAX,
	    .facts = {.nexthop = hop, .sts.failure = TLSRPT_SUCCESS}};
	int64_t until;

	dns_init(&g.dns, e->dns, arena, deadline, g.set->cfg.max_questions);
	g.dns.keep_log = detail != NULL;
	g.facts.is_lenient = !g.set->cfg.defer_unknown;
	gather(&g);
	tls_decide(&g.facts, out);
	if (out->why == TLS_WHY_MX_FAILED && !out->detail.n)
		out->detail = arena_dup(arena, g.dane.mx_why);
	until = valid_until(&g, out);
	tell_all(&g, out);
	count(&g, out);
	if (detail) {
		struct dns *kept = ARENA_NEW(arena, struct dns);

		*detail = g.detail;
		detail->valid = until - clock_mono_ms();
		if (kept)
			*kept = g.dns;
		detail->dns = kept;
	}
	drop_settings(e, g.set);
	return until;
}

int64_t
engine_decide(struct engine *e, const struct nexthop *hop, int64_t deadline,
    struct arena *arena, struct tls_decision *out)
{
	return decide(e, hop, deadline, arena, out, NULL);
}

int64_t
engine_explain(struct engine *e, const struct nexthop *hop, int64_t deadline,
    struct arena *arena, struct tls_decision *out, struct engine_detail *detail)
{
	return decide(e, hop, deadline, arena, out, detail);
}

int
engine_refresh(struct engine *e, const struct nexthop *hop, int64_t deadline,
    struct arena *arena, struct tls_sts *out)
{
	struct deciding g = {.e = e,
	    .set = take_settings(e),
	    .hop = hop,
	    .arena = arena,
	    .now = clock_mono_ms(),
	    .until = INT64_MAX};
	struct sts_question q = {.domain = hop->domain,
	    .dns = &g.dns,
	    .deadline = deadline,
	    .is_patient = true,
	    .refetch = true};
	int err = AVER_NOTFOUND;

	if (hop->kind == NEXTHOP_DOMAIN || hop->kind == NEXTHOP_HOST) {
		dns_init(
		    &g.dns, e->dns, arena, deadline, g.set->cfg.max_questions);
		look_up_record(&g, &q);
		sts_cache_ask(e->cache, &q, arena, &g.sts);
		*out = g.sts.sts;
		err = g.sts.valid == 0 ? AVER_TEMP : 0;
	}
	drop_settings(e, g.set);
	return err;
}

void
engine_stats(struct engine *e, struct engine_stats *out)
{
	struct sts_cache_stats c;

	sts_cache_stats(e->cache, &c);
	pthread_mutex_lock(&e->lock);
	*out = e->stats;
	pthread_mutex_unlock(&e->lock);
	out->fetches = c.counts.fetches;
	out->fetched = c.counts.fetched;
	out->fetch_errors = c.counts.fetch_errors;
	out->fetch_invalid = c.counts.fetch_invalid;
	out->fetch_webpki = c.counts.fetch_webpki;
	out->joined = c.counts.joined;
	out->taken = c.counts.taken;
	out->refreshed = c.counts.refreshed;
	out->refresh_failures = c.counts.refresh_failures;
	out->store_errors = c.counts.store_errors;
	out->policies = c.policies;
	out->octets = c.octets;
	out->fetching = c.fetching;
	out->store_is_away = c.is_away;
}

/* ---- opening ------------------------------------------------------------ */

/* The networks live as long as the engine. */
static int
copy_nets(struct engine *e, const struct sts_nets *in, struct sts_nets *out)
{
	struct ip_net *v = ARENA_ARRAY(&e->arena, struct ip_net, in->n);

	if (!v)
		return AVER_NOMEM;
	if (in->n)
		memcpy(v, in->v, in->n * sizeof(*v));
	*out = (struct sts_nets){v, in->n};
	return 0;
}

/* For the policy cache, when it wants another handle. */
static int
open_again(void *arg, struct store **out, struct diag *d)
{
	struct engine *e = arg;

	return store_open(e->store, STORE_WRITE, out, d);
}

static int
open_store(struct engine *e, const struct engine_config *cfg,
    struct store **policies, struct diag *d)
{
	enum store_mode mode = cfg->read_only ? STORE_READ : STORE_WRITE;
	struct diag why = {{0}, 0};
	int err;

	*policies = NULL;
	if (!cfg->store)
		return 0;
	err = store_open(cfg->store, mode, policies, &why);
	if (!err)
		return 0;
	/* a host that starts alone, or is not let in, answers alone */
	if (e->store && sts_store_is_away(err) &&
	    store_check_spec(cfg->store, NULL) == 0) {
		on_note(e, STR_NONE, why.text);
		return 0;
	}
	diag_set(d, err, 0, "store: %s", why.text);
	/* a command may be asked before anything was ever recorded */
	return cfg->read_only ? 0 : err;
}

static int
open_fetcher(
    const struct engine_config *cfg, struct sts_fetcher **out, struct diag *d)
{
	struct sts_fetch_config fc = {.ca_file = cfg->ca_file,
	    .port = cfg->port,
	    .timeout_ms = cfg->fetch_timeout_ms,
	    .max_size = cfg->max_policy,
	    .at_once = cfg->fetches,
	    .queue = FETCH_QUEUE};

	*out = cfg->fetcher;
	return cfg->fetcher ? 0 : sts_fetch_open(&fc, out, d);
}

static int
open_cache(struct engine *e, const struct engine_config *cfg, struct diag *d)
{
	struct sts_cache_config cc = {.read_only = cfg->read_only,
	    .refresh = cfg->refresh,
	    .dns = cfg->dns,
	    .entries = cfg->cache_entries,
	    .octets = cfg->cache_octets,
	    .refresh_time = cfg->refresh_time,
	    .unused_time = cfg->unused_time,
	    .patience_ms = PATIENCE_MS,
	    .now = e->now,
	    .failed = on_failed,
	    .failed_arg = e,
	    .changed = on_changed,
	    .note = on_note,
	    .note_arg = e};
	/* d is to say why there is no store, and no more if all goes well */
	struct diag why = {{0}, 0};
	int err = copy_nets(e, &cfg->allow, &cc.allow);

	if (!err)
		err = open_fetcher(cfg, &cc.fetcher, d);
	if (err)
		return err;
	err = open_store(e, cfg, &cc.store, d);
	if (!err)
		err = seen_open(
		    cfg->store, cc.store && !e->store, &e->seen, &why);
	if (err) {
		if (*why.text)
			diag_set(d, err, 0, "%s", why.text);
		store_close(cc.store);
		cc.fetcher->ops->close(cc.fetcher);
		return err;
	}
	cc.is_shared = e->is_shared;
	cc.copy = e->copy;
	if (e->store)
		cc.opener = (struct sts_opener){open_again, e};
	err = sts_cache_open(&cc, &e->cache, &why);
	return err ? diag_set(d, err, 0, "%s", why.text) : 0;
}

/* Of a daemon whose store is one for several hosts. */
static int
share_store(struct engine *e, const struct engine_config *cfg)
{
	struct str spec = str_from_z(cfg->store);

	e->is_shared = cfg->store && redis_spec_is(spec);
	if (!e->is_shared || !cfg->refresh || cfg->read_only)
		return 0;
	e->store = arena_z(&e->arena, spec);
	if (!e->store || !cfg->directory)
		return e->store ? 0 : AVER_NOMEM;
	e->copy = sts_copy_spec(&e->arena, cfg->directory);
	return e->copy ? 0 : AVER_NOMEM;
}

int
engine_open(const struct engine_config *cfg, struct tls_file *table,
    struct engine **out, struct diag *d)
{
	struct engine *e = calloc(1, sizeof(*e));
	int err = AVER_NOMEM;

	if (!e)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	arena_init(&e->arena, (size_t)1 << 20);
	pthread_mutex_init(&e->lock, NULL);
	e->dns = cfg->dns;
	e->hook = cfg->hook;
	e->now = cfg->now ? cfg->now : clock_now;
	e->settings = new_settings(cfg, table);
	if (!e->settings || share_store(e, cfg))
		diag_set(d, err, 0, "out of memory");
	else if (getentropy(&e->seed, sizeof(e->seed)))
		err = diag_set(d, AVER_IO, 0, "no random octets");
	else
		err = open_cache(e, cfg, d);
	if (err) {
		engine_close(e);
		return err;
	}
	*out = e;
	return 0;
}

void
engine_close(struct engine *e)
{
	if (!e)
		return;
	sts_cache_close(e->cache);
	seen_close(e->seen);
	if (e->settings)
		free_settings(e->settings);
	arena_fini(&e->arena);
	pthread_mutex_destroy(&e->lock);
	free(e);
}
