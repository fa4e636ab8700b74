/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/delegation.h"

#include <stdlib.h>

#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/mail/addr.h"
#include "lib/net/attrline.h"
#include "policyd/policyd_metrics.h"
#include "policyd/service.h"
#include "tlspolicy/engine.h"

#define MEMORY ((size_t)1 << 20)
#define LINE_OCTETS 2000
#define TABLE_MEMORY ((size_t)256 * 1024)

struct delegation {
	struct service *service;
	/* its poller's own reference, so that it needs no lock */
	struct snapshot *snap;
	struct buf reply;
	struct arena arena; /* of one look at the table */
	struct seen_version seen;
};

/* ---- requests ----------------------------------------------------------- */

int
delegation_parse(
    struct str body, struct delegation_request *out, struct diag *d)
{
	struct delegation_request r = {.state = STR_NONE};
	const struct {
		struct str name;
		struct str *to;
	} wanted[] = {
	    {STR_INIT("protocol_state"), &r.state},
	    {STR_INIT("sender"), &r.sender},
	    {STR_INIT("recipient"), &r.recipient},
	    {STR_INIT("queue_id"), &r.queue_id},
	    {STR_INIT("mail_version"), &r.mail_version},
	};
	struct str name, value, kind = STR_NONE, rest = body;
	enum attrline_result got;

	while ((got = attrline_next(&rest, &name, &value)) == ATTRLINE_OK) {
		if (str_eq(name, STR("request")))
			kind = value;
		/* of a name that repeats, the last one counts */
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (str_eq(name, wanted[i].name))
				*wanted[i].to = value;
	}
	if (got == ATTRLINE_BAD)
		return diag_set(d, AVER_SYNTAX, (size_t)(rest.p - body.p),
		    "a line that is no name=value");
	if (!str_eq(kind, STR("smtpd_access_policy")))
		return diag_set(
		    d, AVER_SYNTAX, 0, "no request=smtpd_access_policy");
	*out = r;
	return 0;
}

/* ---- outcomes ----------------------------------------------------------- */

static const char *const outcome_names[DELEGATION_OUTCOME_COUNT] = {
    [DELEGATION_DUNNO] = "dunno",
    [DELEGATION_FILTER] = "filter",
    [DELEGATION_VERIFIED] = "verified",
    [DELEGATION_NO_TLS] = "no_tls",
    [DELEGATION_NO_SUPPORT] = "no_support",
    [DELEGATION_TROUBLE] = "trouble",
};

const char *
delegation_outcome_name(enum delegation_outcome o)
{
	return outcome_names[o];
}

void
delegation_reply(
    struct buf *b, enum delegation_outcome o, const char *transport)
{
	switch (o) {
	case DELEGATION_DUNNO:
	case DELEGATION_VERIFIED:
		buf_add_z(b, "action=DUNNO\n\n");
		return;
	case DELEGATION_FILTER:
		/* access(5): without a destination it is the recipient's */
		buf_addf(b, "action=FILTER %s:\n\n", transport);
		return;
	case DELEGATION_NO_TLS:
		buf_addf(b, "action=%.*s\n\n",
		    STRF(requiretls_reply(REQUIRETLS_NO_TLS)));
		return;
	case DELEGATION_NO_SUPPORT:
		buf_addf(b, "action=%.*s\n\n",
		    STRF(requiretls_reply(REQUIRETLS_NO_SUPPORT)));
		return;
	case DELEGATION_TROUBLE:
	case DELEGATION_OUTCOME_COUNT:
		return;
	}
}

enum delegation_outcome
delegation_weigh(enum requiretls_verdict v, const struct delegation_request *r,
    const char *transport)
{
	enum delegation_outcome go =
	    *transport ? DELEGATION_FILTER : DELEGATION_VERIFIED;

	switch (v) {
	case REQUIRETLS_GO:
		return go;
	case REQUIRETLS_NO_TLS:
		return DELEGATION_NO_TLS;
	case REQUIRETLS_NO_SUPPORT:
		/* RFC 8689 section 4.2.1: with a non-empty return-path */
		return r->sender.n ? DELEGATION_NO_SUPPORT : go;
	case REQUIRETLS_LATER:
		break;
	}
	return DELEGATION_TROUBLE;
}

/* ---- in the poller ------------------------------------------------------ */

static struct str
domain_of(struct str address)
{
	struct str local, domain;

	addr_split(addr_strip(address), &local, &domain);
	return domain;
}

static bool
is_concerned(struct delegation *g, const struct delegation_request *r)
{
	const struct require_table *t = tls_file_require(g->snap->require);
	bool is;

	/* without a domain it stays on this host */
	if (!str_eq(r->state, STR("RCPT")) || domain_of(r->recipient).n == 0)
		return false;
	if (require_table_rules(t) == 0)
		return false;
	is = require_table_recipient(t, &g->arena, r->recipient) ||
	     require_table_sender(t, &g->arena, r->sender);
	arena_reset(&g->arena);
	return is;
}

static enum serve_verdict
on_request(void *arg, struct str request, int64_t now, struct str *reply)
{
	struct delegation *g = arg;
	struct delegation_request r;
	struct diag d = {{0}, 0};

	if (delegation_parse(request, &r, &d)) {
		service_complain(g->service, "policy delegation", d.text);
		policyd_metrics_delegation(
		    g->service->metrics, DELEGATION_TROUBLE);
		return SERVE_CLOSE;
	}
	if (r.mail_version.n)
		service_note_version(g->service, &g->seen, r.mail_version, now);
	g->snap = service_refresh(g->service, g->snap);
	if (is_concerned(g, &r))
		return SERVE_WORK;
	policyd_metrics_delegation(g->service->metrics, DELEGATION_DUNNO);
	buf_clear(&g->reply);
	delegation_reply(&g->reply, DELEGATION_DUNNO, "");
	*reply = buf_str(&g->reply);
	return buf_ok(&g->reply) ? SERVE_REPLY : SERVE_CLOSE;
}

/* ---- in a worker -------------------------------------------------------- */

static void
log_outcome(const struct delegation_request *r, enum delegation_outcome o,
    const struct tls_decision *decision, int64_t us)
{
	struct buf b;

	if (!log_wants(LOG_LVL_INFO))
		return;
	buf_init(&b, NULL, LINE_OCTETS);
	kv_z(&b, "delegation", delegation_outcome_name(o));
	if (r->queue_id.n)
		kv_str(&b, "qid", str_head(r->queue_id, 64));
	kv_str(&b, "sender", str_head(r->sender, 128));
	kv_str(&b, "recipient", str_head(r->recipient, 128));
	if (decision) {
		kv_z(&b, "kind", tls_kind_name(decision->kind));
		kv_z(&b, "why", tls_why_text(decision->why));
		if (decision->detail.n)
			kv_str(&b, "detail", decision->detail);
	}
	kv_i64(&b, "us", us);
	log_line(LOG_LVL_INFO, &b);
	buf_fini(&b);
}

static enum delegation_outcome
decide(struct service *s, struct snapshot *snap, struct arena *a,
    const struct delegation_request *r)
{
	const struct conf *c = snap->conf;
	int64_t begin = clock_mono_us();
	struct tls_decision decision;
	struct nexthop hop;
	enum delegation_outcome o;

	if (nexthop_parse(a, domain_of(r->recipient), &hop, NULL)) {
		log_outcome(r, DELEGATION_TROUBLE, NULL, 0);
		return DELEGATION_TROUBLE;
	}
	engine_decide(s->engine, &hop,
	    begin / 1000 + c->policyd_deadline * 1000, a, &decision);
	if (c->require_tls_strict)
		engine_known(s->engine, &decision);
	o = delegation_weigh(
	    requiretls_decide(&decision, c->require_tls_strict), r,
	    c->require_tls_transport);
	log_outcome(r, o, &decision, clock_mono_us() - begin);
	return o;
}

static void
work(void *arg, struct str request, struct serve_answer *out)
{
	struct delegation *g = arg;
	struct snapshot *snap = service_snapshot(g->service);
	enum delegation_outcome o = DELEGATION_TROUBLE;
	struct delegation_request r;
	struct arena a;

	arena_init(&a, MEMORY);
	if (delegation_parse(request, &r, NULL) == 0)
		o = decide(g->service, snap, &a, &r);
	delegation_reply(&out->reply, o, snap->conf->require_tls_transport);
	out->close = o == DELEGATION_TROUBLE;
	policyd_metrics_delegation(g->service->metrics, o);
	arena_fini(&a);
	snapshot_unref(snap);
}

/* All workers were busy for too long. */
static void
late(void *arg, struct str request, struct serve_answer *out)
{
	struct delegation *g = arg;

	(void)request;
	service_complain(g->service, "policy delegation", "all workers busy");
	policyd_metrics_delegation(g->service->metrics, DELEGATION_TROUBLE);
	out->close = true;
}

/* ---- the protocol ------------------------------------------------------- */

static bool
starts(char first)
{
	return chars_is(first, CH_ALPHA) || first == '\n';
}

struct delegation *
delegation_new(struct service *s)
{
	struct delegation *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->service = s;
	buf_init(&g->reply, NULL, 256);
	arena_init(&g->arena, TABLE_MEMORY);
	return g;
}

void
delegation_free(struct delegation *g)
{
	if (!g)
		return;
	snapshot_unref(g->snap);
	buf_fini(&g->reply);
	arena_fini(&g->arena);
	free(g);
}

void
delegation_protocol(struct delegation *g, struct serve_protocol *out)
{
	*out = (struct serve_protocol){
	    .starts = starts,
	    .frame = attrline_frame,
	    .max = DELEGATION_MAX,
	    .now = on_request,
	    .work = work,
	    .late = late,
	    .arg = g,
	};
}
