/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/failure_build.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/failure.h"
#include "reports/part.h"

#define GROUPS_MAX STORE_INCIDENTS_DOMAIN
/* the incidents of a domain, their keys, and what is made of one */
#define BUILD_MEMORY ((size_t)STORE_INCIDENTS_DOMAIN * STORE_INCIDENT_MAX * 2)
#define BODY_MAX ((size_t)1 << 20)
#define KEY_MAX ((size_t)8192)

/* Incidents that are alike: the first of them, and how many. */
struct group {
	struct str octets, key;
	uint32_t n;
};

struct failures {
	struct reporter *r;
	const struct dmarc_plan *plan;
	struct str domain;
	int64_t now;
	struct store_take *take;
	struct arena arena;
	struct group groups[GROUPS_MAX];
	size_t n;
	struct failure_built *out;
	struct diag *d;
};

/* ---- grouping ----------------------------------------------------------- */

static int
add(struct failures *f, const struct arf_incident *in, struct str octets)
{
	struct buf key;
	size_t i = 0;

	buf_init(&key, &f->arena, KEY_MAX);
	arf_merge_key(in, &key);
	if (!buf_ok(&key))
		return AVER_NOMEM;
	while (i < f->n && !str_eq(f->groups[i].key, buf_str(&key)))
		i++;
	if (i == GROUPS_MAX) {
		f->out->dropped++;
		return 0;
	}
	if (i == f->n) {
		f->groups[i] = (struct group){
		    .octets = arena_dup(&f->arena, octets),
		    .key = buf_str(&key),
		};
		if (!f->groups[i].octets.p)
			return AVER_NOMEM;
		f->n++;
	}
	f->groups[i].n++;
	return 0;
}

static int
take_row(void *arg, const struct store_take_row *row)
{
	struct failures *f = arg;
	struct arf_incident in;

	if (arf_incident_decode(row->octets, &in) ||
	    reporter_is_own(f->r, in.from_domain)) {
		f->out->dropped += row->count;
		return 0;
	}
	return add(f, &in, row->octets);
}

/* ---- into the ledger ---------------------------------------------------- */

static void
fill_submissions(const struct failures *f, struct part_submissions *s)
{
	s->n = 0;
	for (size_t i = 0; i < f->plan->n_targets; i++)
		part_submit(s, &f->plan->targets[i], STR_NONE, f->now, 0);
}

static void
log_report(struct failures *f, const struct ledger_report *rep, size_t n)
{
	struct buf line;

	buf_init(&line, &f->arena, 4096);
	buf_add_z(&line, "report:");
	kv_str(&line, "id", rep->id);
	kv_z(&line, "kind", "failure");
	kv_str(&line, "domain", rep->policy_domain);
	kv_i64(&line, "incidents", (int64_t)rep->messages);
	kv_i64(&line, "submissions", (int64_t)n);
	log_line(LOG_LVL_INFO, &line);
}

static int
put_report(
    struct failures *f, const struct group *g, const struct arf_options *o)
{
	struct str salt = {(const char *)f->r->id_salt, STORE_SECRET};
	struct part_submissions subs;
	struct arf_options options = *o;
	char id[REPORT_ID_OCTETS];
	struct report_name name;
	struct ledger_report rep;
	struct arf_incident in;
	struct buf body;
	int err = arf_incident_decode(g->octets, &in);

	fill_submissions(f, &subs);
	options.incidents = g->n;
	buf_init(&body, &f->arena, BODY_MAX);
	if (!err)
		err = arf_body(&in, &options, &body);
	name = (struct report_name){.kind = REPORT_KIND_FAILURE,
	    .policy_domain = f->domain,
	    .begin = in.time,
	    .end = in.time + 1,
	    .detail = g->octets};
	if (!err)
		err = report_id_make(&name, salt, id);
	if (err)
		return diag_set(f->d, err, 0, "cannot write a report");
	rep = (struct ledger_report){
	    .id = {id, sizeof(id)},
	    .kind = LEDGER_FAILURE,
	    .policy_domain = f->domain,
	    .begin = name.begin,
	    .end = name.end,
	    .created = f->now,
	    .body = buf_str(&body),
	    .body_size = body.n,
	    .rows = 1,
	    .messages = g->n,
	    .record = f->plan->record,
	};
	err = store_take_report(f->take, &rep, subs.v, subs.n, f->d);
	/* the very same incident has been reported: the message came again */
	if (err == AVER_LIMIT) {
		f->out->dropped += g->n;
		return 0;
	}
	if (err)
		return err;
	log_report(f, &rep, subs.n);
	f->out->reports++;
	f->out->incidents += g->n;
	return 0;
}

static int
put_reports(struct failures *f, const struct arf_options *o, unsigned most)
{
	int err = store_take_each(f->take, take_row, f, f->d);

	for (size_t i = 0; i < f->n && !err; i++) {
		if (i < most)
			err = put_report(f, &f->groups[i], o);
		else
			f->out->dropped += f->groups[i].n;
	}
	return err;
}

int
failure_report(struct reporter *r, const struct dmarc_plan *plan,
    struct str domain, int64_t now, const struct arf_options *o, unsigned most,
    struct failure_built *out, struct diag *d)
{
	struct failures f = {.r = r,
	    .plan = plan,
	    .domain = domain,
	    .now = now,
	    .out = out,
	    .d = d};
	int err;

	*out = (struct failure_built){0};
	err = store_take_begin(r->store, LEDGER_FAILURE, domain, INT64_MIN,
	    plan->window.end, now, &f.take, d);
	if (err)
		return err;
	arena_init(&f.arena, BUILD_MEMORY);
	err = part_end(f.take, put_reports(&f, o, most), d);
	arena_fini(&f.arena);
	return err;
}
