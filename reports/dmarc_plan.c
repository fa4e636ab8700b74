/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/dmarc_plan.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/report/report_mx.h"
#include "reports/loop.h"

#define DNS_PATIENCE_MS 60000 /* for all questions about one domain */
#define DNS_QUESTIONS 300
/* a destination that cannot be judged holds the others up that long */
#define JUDGE_PATIENCE 86400
#define ERROR_OCTETS 300
#define AHEAD_MAX (2 * 86400)

struct maker {
	struct reporter *r;
	const struct store_due *due;
	int64_t now;
	enum dmarc_uri_tag tag;
	struct arena *a;
	struct dmarc_plan *plan;
	struct dns dns;
	struct dmarc_finder finder;
	struct diag *d;
};

/* The plan is made: nothing is to be reported. Returns 1. */
static int
decide(struct maker *m, enum plan_action action, const char *why,
    struct str detail)
{
	m->plan->action = action;
	m->plan->why = why;
	m->plan->detail = detail;
	return 1;
}

/* --- what the store knows */

static int
take_first(void *arg, const struct ledger_report *r)
{
	int64_t *end = arg;

	*end = r->end;
	return 1;
}

int
dmarc_plan_reported(struct reporter *r, struct str domain, int64_t end,
    bool *out, struct diag *d)
{
	struct ledger_filter f = {.has_kind = true,
	    .kind = LEDGER_DMARC,
	    .policy_domain = domain,
	    .newest_first = true};
	int64_t last = INT64_MIN;
	int err = store_each_report(r->store, &f, take_first, &last, d);

	if (err < 0)
		return err;
	/* a --now far ahead must not silence the domain until then */
	*out = last >= end && last - end <= AHEAD_MAX;
	return 0;
}

static int
check_reported(struct maker *m)
{
	bool reported = false;
	int err = dmarc_plan_reported(
	    m->r, m->due->policy_domain, m->plan->window.end, &reported, m->d);

	if (err)
		return err;
	if (reported)
		return decide(
		    m, PLAN_WAIT, "its period has been reported", STR_NONE);
	return 0;
}

static int
check_domain_suppressed(struct maker *m)
{
	bool suppressed;
	int err = plan_is_suppressed(m->r, SUPPRESS_POLICY_DOMAIN,
	    m->due->policy_domain, m->now, m->a, &suppressed, m->d);

	if (err)
		return err;
	if (suppressed)
		return decide(
		    m, PLAN_DROP, "the policy domain is suppressed", STR_NONE);
	return 0;
}

static int
check_domain(struct maker *m)
{
	const struct store_due *due = m->due;
	int err;

	if (!window_due(m->now, m->r->conf->report_interval, due->first,
		&m->plan->window))
		return decide(m, PLAN_WAIT, "its period is not over", STR_NONE);
	if (reporter_is_own(m->r, due->policy_domain))
		return decide(m, PLAN_DROP, "our own domain", STR_NONE);
	err = check_reported(m);
	if (err)
		return err;
	/* what is optional comes along in a report and never causes one */
	if (due->optional >= due->messages)
		return decide(
		    m, PLAN_DROP, "only optional evaluations", STR_NONE);
	return check_domain_suppressed(m);
}

static int
check_failure_domain(struct maker *m)
{
	m->plan->window = (struct window){m->due->first, m->now};
	if (reporter_is_own(m->r, m->due->policy_domain))
		return decide(m, PLAN_DROP, "our own domain", STR_NONE);
	return check_domain_suppressed(m);
}

static int
check_loop(struct maker *m)
{
	enum loop_verdict v;
	int err = loop_check(m->r->store, m->due, &m->plan->window, &v, m->d);

	if (err)
		return err;
	switch (v) {
	case LOOP_NONE:
	case LOOP_COUNT:
		break;
	case LOOP_SUSPECTED:
		return decide(m, PLAN_KEEP,
		    "only as much mail as reports sent there, for days: wait "
		    "and see",
		    STR_NONE);
	case LOOP_PROVEN:
		return decide(m, PLAN_DROP,
		    "no mail but answers to our reports: loop broken",
		    STR_NONE);
	}
	return 0;
}

/* --- the record */

static void
add_error(struct maker *m, const char *fmt, struct str what, const char *why)
{
	struct dmarc_plan *p = m->plan;
	struct buf b;

	if (p->n_errors == sizeof(p->errors) / sizeof(p->errors[0]))
		return;
	buf_init(&b, m->a, 2 * ERROR_OCTETS);
	buf_add_z(&b, fmt);
	buf_add(&b, str_head(what, ERROR_OCTETS));
	if (why)
		buf_addf(&b, " ignored: %s", why);
	if (buf_ok(&b))
		p->errors[p->n_errors++] = buf_str(&b);
}

/* NULL: it asks for no reports of the kind. */
static const struct str *
uris_of(const struct maker *m, const struct dmarc_record *r, size_t *n)
{
	/* RFC 9991 section 2: not those of a public suffix */
	if (m->tag == DMARC_RUF) {
		*n = r->n_ruf;
		return r->n_ruf && r->psd != DMARC_PSD_Y ? r->ruf : NULL;
	}
	/* RFC 9989 section 4.7: without rua none must be made */
	*n = r->n_rua;
	return r->n_rua ? r->rua : NULL;
}

/* Where the record was found it is looked for again. */
static int
find_record(struct maker *m, const struct dmarc_node **out)
{
	const struct dmarc_node *node =
	    dmarc_node_at(&m->finder, m->due->policy_domain);
	size_t n;

	switch (node->state) {
	case DMARC_NODE_ERROR:
		return decide(
		    m, PLAN_KEEP, dmarc_reason_name(node->why), node->name);
	case DMARC_NODE_EMPTY:
		return decide(m, PLAN_DROP, "no DMARC record", STR_NONE);
	case DMARC_NODE_SEVERAL:
		return decide(m, PLAN_DROP, "several DMARC records", STR_NONE);
	case DMARC_NODE_RECORD:
	case DMARC_NODE_STATE_COUNT:
		break;
	}
	m->plan->record = node->text;
	if (!node->usable || !uris_of(m, node->record, &n))
		return decide(m, PLAN_DROP,
		    m->tag == DMARC_RUF ? "no ruf" : "no rua", STR_NONE);
	if (node->record->bad_policy)
		add_error(m,
		    "p is missing, or p, sp or np is invalid: taken as p=none",
		    STR_NONE, NULL);
	*out = node;
	return 0;
}

/* --- destinations */

static enum aggregate_format
format_for(const struct conf *c, struct str domain)
{
	const struct conf_strings *l = &c->aggregate_format_overrides;
	bool old = c->aggregate_format == CONF_RFC7489;

	for (size_t i = 0; i < l->n; i++) {
		struct str format,
		    host = str_cut(str_from_z(l->v[i]), '=', &format);

		if (str_eq_ci(host, domain))
			old = str_eq(format, STR("rfc7489"));
	}
	return old ? AGGREGATE_RFC7489 : AGGREGATE_RFC9990;
}

static int
check_target_suppressed(struct maker *m, struct plan_target *t)
{
	struct str address = arena_lower(m->a, t->dest->address);
	bool by_address, by_domain = false;
	int err;

	if (!address.n)
		return AVER_NOMEM;
	err = plan_is_suppressed(
	    m->r, SUPPRESS_ADDRESS, address, m->now, m->a, &by_address, m->d);
	if (!err)
		err = plan_is_suppressed(m->r, SUPPRESS_RUA_DOMAIN,
		    t->destination, m->now, m->a, &by_domain, m->d);
	if (err)
		return err;
	t->suppressed = by_address || by_domain;
	if (t->suppressed)
		t->skip = by_address ? "the address is suppressed"
				     : "its domain is suppressed";
	return 0;
}

/* *later: it is not known yet whether it can take mail. */
static int
check_target(struct maker *m, struct plan_target *t, bool *later)
{
	enum dmarc_dest_state state = dmarc_dest_state(t->dest->why);
	enum report_mx mx;

	t->uri = t->dest->override.n ? t->dest->override : t->dest->uri;
	t->format = format_for(m->r->conf, t->destination);
	if (state != DMARC_DEST_USE) {
		t->skip = dmarc_dest_why_name(t->dest->why);
		t->skip_detail = t->dest->detail;
		*later = state == DMARC_DEST_LATER;
		if (state == DMARC_DEST_SKIP &&
		    t->dest->why != DMARC_DEST_DUPLICATE)
			add_error(m, "rua ", t->uri, t->skip);
		return 0;
	}
	/* our own reports would come back to us */
	if (reporter_is_own(m->r, t->destination) &&
	    str_eq_ci(t->dest->address, m->r->email)) {
		t->skip = "it is our own address";
		return 0;
	}
	mx = report_mx_check(&m->dns, t->destination);
	if (mx != REPORT_MX_OK) {
		t->skip = report_mx_name(mx);
		*later = mx == REPORT_MX_TEMP;
		return 0;
	}
	return check_target_suppressed(m, t);
}

static int
check_targets(struct maker *m, const struct dmarc_dests *dests, size_t *later)
{
	struct dmarc_plan *p = m->plan;
	int err = 0;

	p->targets = ARENA_ARRAY(m->a, struct plan_target, dests->n + 1);
	if (!p->targets)
		return AVER_NOMEM;
	for (size_t i = 0; i < dests->n && !err; i++) {
		struct plan_target *t = &p->targets[p->n_targets++];
		bool is_later = false;

		t->dest = &dests->v[i];
		t->destination = t->dest->domain;
		err = check_target(m, t, &is_later);
		*later += is_later;
		p->n_used += !t->skip;
	}
	return err;
}

/* Since when what is to be reported has been waiting. */
static int64_t
complete_since(const struct maker *m)
{
	return m->tag == DMARC_RUF ? m->due->first : m->plan->window.end;
}

static int
find_targets(struct maker *m, const struct dmarc_node *node)
{
	struct dmarc_dests dests;
	size_t later = 0, n;
	const struct str *uris = uris_of(m, node->record, &n);
	int err =
	    dmarc_destinations(&m->finder, m->a, m->due->policy_domain, uris, n,
		m->tag, (size_t)m->r->conf->report_max_destinations, &dests);

	if (!err)
		err = check_targets(m, &dests, &later);
	if (err)
		return err;
	/*
	 * One that cannot be judged now may be the next time; the others do
	 * not wait for it for ever, and its share is then lost.
	 */
	if (later && m->now - complete_since(m) < JUDGE_PATIENCE)
		return decide(m, PLAN_KEEP,
		    "a destination cannot be verified now", STR_NONE);
	if (m->plan->n_used)
		return 0;
	return decide(m, later ? PLAN_KEEP : PLAN_DROP, "no usable destination",
	    STR_NONE);
}

static int
make(struct maker *m)
{
	const struct dmarc_node *node = NULL;
	int err;

	*m->plan = (struct dmarc_plan){.action = PLAN_REPORT};
	dns_init(&m->dns, m->r->dns, m->a, clock_mono_ms() + DNS_PATIENCE_MS,
	    DNS_QUESTIONS);
	dmarc_finder_init(&m->finder, &m->dns,
	    m->r->psl ? DMARC_PSL : DMARC_TREEWALK, m->r->psl);
	if (m->tag == DMARC_RUF) {
		err = check_failure_domain(m);
	} else {
		err = check_domain(m);
		if (!err)
			err = check_loop(m);
	}
	if (!err)
		err = find_record(m, &node);
	if (!err)
		err = find_targets(m, node);
	/* what a record leads to must not stand in the way of other domains */
	if (err == AVER_NOMEM && arena_failed(m->a)) {
		m->plan->n_targets = m->plan->n_used = 0;
		err = decide(m, PLAN_KEEP,
		    "to look at it takes more memory than a domain gets",
		    STR_NONE);
	}
	if (err == AVER_NOMEM)
		diag_set(m->d, err, 0, "out of memory");
	return err < 0 ? err : 0;
}

int
dmarc_plan_make(struct reporter *r, const struct store_due *due, int64_t now,
    struct arena *a, struct dmarc_plan *out, struct diag *d)
{
	struct maker m = {.r = r,
	    .due = due,
	    .now = now,
	    .tag = DMARC_RUA,
	    .a = a,
	    .plan = out,
	    .d = d};

	return make(&m);
}

int
dmarc_plan_failure(struct reporter *r, const struct store_due *due, int64_t now,
    struct arena *a, struct dmarc_plan *out, struct diag *d)
{
	struct maker m = {.r = r,
	    .due = due,
	    .now = now,
	    .tag = DMARC_RUF,
	    .a = a,
	    .plan = out,
	    .d = d};

	return make(&m);
}
