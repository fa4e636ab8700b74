/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/tls_plan.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/dns/rdata.h"
#include "lib/mail/mailto.h"
#include "lib/report/report_mx.h"
#include "reports/https.h"
#include "reports/window.h"

#define DNS_PATIENCE_MS 60000 /* for all questions about one domain */
#define DNS_QUESTIONS 100
/* a destination that cannot be judged holds the others up that long */
#define JUDGE_PATIENCE 86400

struct maker {
	struct reporter *r;
	const struct store_due *due;
	int64_t now;
	struct arena *a;
	struct tls_plan *plan;
	struct dns dns;
	struct diag *d;
};

int64_t
tls_due_before(int64_t now)
{
	return window_floor(now - TLS_SETTLE, TLS_DAY);
}

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
check_domain(struct maker *m)
{
	const struct store_due *due = m->due;
	bool suppressed;
	int err;

	if (reporter_is_own(m->r, due->policy_domain))
		return decide(m, PLAN_DROP, "our own domain", STR_NONE);
	/*
	 * RFC 8460 section 3: sessions that deliver reports should not be
	 * reported; they come along in a report and never cause one.
	 */
	if (due->optional >= due->messages)
		return decide(
		    m, PLAN_DROP, "only deliveries of reports", STR_NONE);
	err = plan_is_suppressed(m->r, SUPPRESS_POLICY_DOMAIN,
	    due->policy_domain, m->now, m->a, &suppressed, m->d);
	if (!err && suppressed)
		return decide(
		    m, PLAN_DROP, "the policy domain is suppressed", STR_NONE);
	return err;
}

/* --- the record */

/*
 * RFC 8460 section 3: of the TXT records those that do not begin with the
 * version are discarded, and one has to be left.
 */
static int
select_record(struct maker *m, const struct dns_rrset *rr, struct str *out)
{
	struct str text;
	size_t n = 0;

	for (size_t i = 0; rr->status == DNS_OK && i < rr->n; i++) {
		if (!rdata_txt(m->a, rr->rdata[i], &text)) {
			if (arena_failed(m->a))
				return AVER_NOMEM;
			continue;
		}
		if (tlsrpt_record_is(text)) {
			*out = text;
			n++;
		}
	}
	if (n == 0)
		return decide(m, PLAN_DROP, "no TLSRPT record", STR_NONE);
	if (n > 1)
		return decide(m, PLAN_DROP, "several TLSRPT records", STR_NONE);
	return 0;
}

/* What cannot be asked now is kept; what is answered is final. */
static int
find_record(struct maker *m)
{
	const struct dns_rrset *rr;
	struct dname domain, name;
	struct diag why = {{0}, 0};
	struct str text;
	int err;

	if (!dname_from_text(m->due->policy_domain, &domain) ||
	    !dname_prepend(STR("_smtp._tls"), &domain, &name))
		return decide(m, PLAN_DROP, "the name is no domain", STR_NONE);
	rr = dns_lookup(&m->dns, &name, DNS_TXT);
	if (rr->status == DNS_TEMP || rr->status == DNS_BOGUS)
		return decide(m, PLAN_KEEP,
		    rr->status == DNS_TEMP ? "the record cannot be looked up"
					   : "DNSSEC validation failed",
		    arena_dup(m->a, str_from_z(rr->why)));
	err = select_record(m, rr, &text);
	if (err)
		return err;
	/* the answer goes with the arena that it lives in */
	text = arena_dup(m->a, text);
	err = tlsrpt_record_parse(m->a, text, &m->plan->record, &why);
	if (err == AVER_NOMEM || arena_failed(m->a))
		return AVER_NOMEM;
	if (err)
		return decide(m, PLAN_DROP, "the record is malformed",
		    arena_dup(m->a, str_from_z(why.text)));
	return 0;
}

/* --- destinations */

/* That address, or all at the destination. */
static int
check_suppressed(struct maker *m, struct plan_target *t, struct str address)
{
	bool by_address = false, by_domain = false;
	int err = plan_is_suppressed(
	    m->r, SUPPRESS_ADDRESS, address, m->now, m->a, &by_address, m->d);

	if (!err)
		err = plan_is_suppressed(m->r, SUPPRESS_RUA_DOMAIN,
		    t->destination, m->now, m->a, &by_domain, m->d);
	t->suppressed = by_address || by_domain;
	if (t->suppressed)
		t->skip = "it is suppressed";
	return err;
}

static int
check_mailbox(struct maker *m, struct plan_target *t, bool *later)
{
	struct mailto to;
	struct str address;
	enum report_mx mx;

	if (mailto_parse(m->a, t->uri, &to, NULL)) {
		t->skip = "no mail address";
		return arena_failed(m->a) ? AVER_NOMEM : 0;
	}
	t->destination = to.domain;
	if (reporter_is_own(m->r, to.domain) &&
	    str_eq_ci(to.address, m->r->email)) {
		t->skip = "it is our own address";
		return 0;
	}
	mx = report_mx_check(&m->dns, to.domain);
	if (mx != REPORT_MX_OK) {
		t->skip = report_mx_name(mx);
		*later = mx == REPORT_MX_TEMP;
		return 0;
	}
	address = arena_lower(m->a, to.address);
	if (!address.n)
		return AVER_NOMEM;
	return check_suppressed(m, t, address);
}

static int
check_url(struct maker *m, struct plan_target *t)
{
	struct https_url url;
	int err = https_url_parse(m->a, t->uri, &url);

	if (err == AVER_NOMEM)
		return err;
	if (err) {
		t->skip = "no usable HTTPS address";
		return 0;
	}
	t->destination = url.host;
	return check_suppressed(m, t, t->uri);
}

static bool
is_there(const struct tls_plan *p, struct str uri)
{
	for (size_t i = 0; i < p->n_targets; i++)
		if (str_eq(p->targets[i].uri, uri))
			return true;
	return false;
}

static int
check_target(struct maker *m, const struct tlsrpt_uri *u, bool *later)
{
	struct tls_plan *p = m->plan;
	bool known = is_there(p, u->text);
	struct plan_target *t = &p->targets[p->n_targets++];

	t->uri = u->text;
	if (known) {
		t->skip = "it is there already";
		return 0;
	}
	if (p->n_used >= (size_t)m->r->conf->report_max_destinations) {
		t->skip = "there are enough others";
		return 0;
	}
	switch (u->scheme) {
	case TLSRPT_MAILTO:
		return check_mailbox(m, t, later);
	case TLSRPT_HTTPS:
		return check_url(m, t);
	case TLSRPT_OTHER:
		break;
	}
	t->skip = "neither a mailbox nor a URL with https";
	return 0;
}

static int
find_targets(struct maker *m)
{
	struct tls_plan *p = m->plan;
	size_t later = 0, n = p->record.n_rua;
	int err = 0;

	if (n > LEDGER_SUBMISSIONS_MAX)
		n = LEDGER_SUBMISSIONS_MAX;
	p->targets = ARENA_ARRAY(m->a, struct plan_target, n);
	if (!p->targets)
		return AVER_NOMEM;
	for (size_t i = 0; i < n && !err; i++) {
		bool is_later = false;

		err = check_target(m, &p->record.rua[i], &is_later);
		later += is_later;
		p->n_used += !p->targets[i].skip;
	}
	if (err)
		return err;
	if (later && m->now - (m->due->last + TLS_DAY) < JUDGE_PATIENCE)
		return decide(m, PLAN_KEEP,
		    "a destination cannot be verified now", STR_NONE);
	if (p->n_used)
		return 0;
	return decide(m, later ? PLAN_KEEP : PLAN_DROP, "no usable destination",
	    STR_NONE);
}

int
tls_plan_make(struct reporter *r, const struct store_due *due, int64_t now,
    struct arena *a, struct tls_plan *out, struct diag *d)
{
	struct maker m = {
	    .r = r, .due = due, .now = now, .a = a, .plan = out, .d = d};
	int err;

	*out = (struct tls_plan){.action = PLAN_REPORT};
	dns_init(&m.dns, r->dns, a, clock_mono_ms() + DNS_PATIENCE_MS,
	    DNS_QUESTIONS);
	err = check_domain(&m);
	if (!err)
		err = find_record(&m);
	if (!err)
		err = find_targets(&m);
	if (err == AVER_NOMEM)
		diag_set(d, err, 0, "out of memory");
	return err < 0 ? err : 0;
}

static bool
all_in(const struct tlsrpt_record *a, const struct tlsrpt_record *b)
{
	for (size_t i = 0; i < a->n_rua; i++) {
		size_t k = 0;

		if (a->rua[i].scheme == TLSRPT_OTHER)
			continue;
		while (k < b->n_rua && !str_eq(a->rua[i].text, b->rua[k].text))
			k++;
		if (k == b->n_rua)
			return false;
	}
	return true;
}

bool
tls_same_rua(const struct tlsrpt_record *a, const struct tlsrpt_record *b)
{
	return all_in(a, b) && all_in(b, a);
}
