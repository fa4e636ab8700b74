/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/results.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/cell.h"
#include "ctl/listing.h"
#include "ctl/results_import.h"
#include "ctl/usage.h"
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/store/store.h"
#include "lib/store/tls_result.h"
#include "lib/tlsrpt/tlsrpt_codec.h"
#include "tlspolicy/nexthop.h"

#define MEMORY ((size_t)1 << 20)
#define EVER INT64_MAX
#define SHOWN 200 /* octets of a bad datagram in a line */

struct command {
	struct listing l;
	const char *name;
	struct str domain;
	struct arena arena, row; /* row: for one line */
	struct store *store;
	struct diag d;
	uint64_t removed;
};

/* ---- list --------------------------------------------------------------- */

static json_t *
domain_json(const struct store_tls_domain *x)
{
	json_t *o = json_object();

	listing_set_text(o, "policy_domain", x->policy_domain);
	listing_set_time(o, "first_day", x->first_day);
	listing_set_time(o, "last_day", x->last_day);
	listing_set_number(o, "rows", x->rows);
	listing_set_number(o, "success", x->success);
	listing_set_number(o, "failure", x->failure);
	listing_set_number(o, "unwanted", x->unwanted);
	return o;
}

static int
list_one(void *arg, const struct store_tls_domain *x)
{
	struct command *k = arg;
	struct buf *b = &k->l.line;

	if (k->l.json)
		return listing_put_json(&k->l, domain_json(x));
	buf_clear(b);
	cell_add(b, x->policy_domain);
	cell_column(b, 40);
	cell_time(b, x->first_day);
	cell_column(b, 62);
	buf_addf(b, "rows %" PRIu64 "  success %" PRIu64 "  failure %" PRIu64,
	    x->rows, x->success, x->failure);
	if (x->unwanted)
		buf_addf(b, "  unwanted %" PRIu64, x->unwanted);
	return listing_put(&k->l);
}

static int
run_list(struct command *k)
{
	return store_each_tls_domain(k->store, list_one, k, &k->d);
}

/* ---- show --------------------------------------------------------------- */

static json_t *
texts_json(const struct str *v, size_t n)
{
	json_t *o = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(o, listing_json_text(v[i]));
	return o;
}

static json_t *
row_json(const struct store_tls_result *r, const struct tlsrpt_policy *p,
    const struct tlsrpt_failure *f)
{
	json_t *o = json_object();

	listing_set_time(o, "day", r->day);
	listing_set_text(o, "policy_domain", r->policy_domain);
	listing_set_text(o, "recipient_domain", r->recipient_domain);
	listing_set_text(o, "type", p->type);
	listing_set_text(o, "domain", p->domain);
	json_object_set_new(
	    o, "policy_string", texts_json(p->strings, p->n_strings));
	json_object_set_new(
	    o, "mx_host", texts_json(p->mx_hosts, p->n_mx_hosts));
	listing_set_text(o, "result", f->result_type);
	listing_set_text(o, "sending_mta_ip", f->sending_mta_ip);
	listing_set_text(o, "mx", f->receiving_mx_hostname);
	listing_set_text(o, "helo", f->receiving_mx_helo);
	listing_set_text(o, "ip", f->receiving_ip);
	listing_set_text(o, "reason", f->reason_code);
	listing_set_number(o, "success", r->success);
	listing_set_number(o, "failure", r->failure);
	json_object_set_new(o, "wanted", json_boolean(r->wanted));
	return o;
}

static void
row_text(struct buf *b, const struct store_tls_result *r,
    const struct tlsrpt_policy *p, const struct tlsrpt_failure *f)
{
	cell_time(b, r->day);
	cell_column(b, 22);
	cell_add(b, r->recipient_domain);
	cell_column(b, 46);
	cell_add(b, p->type);
	cell_column(b, 63);
	cell_add(b, p->domain);
	cell_column(b, 87);
	buf_addf(
	    b, "success %" PRIu64 "  failure %" PRIu64, r->success, r->failure);
	if (!r->wanted)
		buf_add_z(b, "  unwanted");
	if (!f->result_type.n)
		return;
	buf_add_z(b, "  ");
	cell_add(b, f->result_type);
	buf_add_z(b, "  ");
	cell_add(b, f->receiving_mx_hostname);
	buf_add_z(b, "  ");
	cell_escape(b, f->reason_code);
}

static int
show_one(void *arg, const struct store_tls_result *r)
{
	struct tlsrpt_policy p = {.type = STR_NONE};
	struct tlsrpt_failure f = {.failed_sessions = 0};
	struct command *k = arg;

	arena_reset(&k->row);
	if (tlsrpt_policy_decode(&k->row, r->policy, &p))
		p = (struct tlsrpt_policy){.type = STR("unreadable")};
	/* a success with a policy is not a failure of an unknown kind */
	if (r->detail.n && tlsrpt_failure_decode(r->detail, &f))
		f = (struct tlsrpt_failure){.result_type = STR("unreadable")};
	if (k->l.json)
		return listing_put_json(&k->l, row_json(r, &p, &f));
	buf_clear(&k->l.line);
	row_text(&k->l.line, r, &p, &f);
	return listing_put(&k->l);
}

static int
run_show(struct command *k)
{
	int err = store_each_tls_result(
	    k->store, k->domain, 0, EVER, show_one, k, &k->d);

	if (!err && k->l.n == 0)
		err = diag_set(&k->d, AVER_NOTFOUND, 0,
		    "nothing is recorded for %.*s", STRF(k->domain));
	return err;
}

/* ---- remove ------------------------------------------------------------- */

static int
run_remove(struct command *k)
{
	int err =
	    store_remove_tls_results(k->store, k->domain, &k->removed, &k->d);
	json_t *o;

	if (err)
		return err;
	if (k->removed == 0)
		return diag_set(&k->d, AVER_NOTFOUND, 0,
		    "nothing is recorded for %.*s", STRF(k->domain));
	if (!k->l.json) {
		fprintf(k->l.out, "%" PRIu64 " sessions removed\n", k->removed);
		return 0;
	}
	o = json_object();
	listing_set_text(o, "policy_domain", k->domain);
	listing_set_number(o, "removed", k->removed);
	if (!o || json_dumpf(o, k->l.out, JSON_COMPACT | JSON_ENSURE_ASCII))
		err = AVER_IO;
	fputc('\n', k->l.out);
	json_decref(o);
	return err;
}

/* ---- bad ---------------------------------------------------------------- */

static int
bad_one(void *arg, const struct store_bad_datagram *x)
{
	struct command *k = arg;
	struct buf *b = &k->l.line;
	json_t *o;

	if (k->l.json) {
		o = json_object();
		listing_set_time(o, "time", x->time);
		listing_set_text(o, "why", x->why);
		listing_set_text(o, "octets", x->octets);
		return listing_put_json(&k->l, o);
	}
	buf_clear(b);
	cell_time(b, x->time);
	buf_add_z(b, "  ");
	cell_escape(b, x->why);
	buf_add_z(b, ": ");
	cell_escape(b, str_head(x->octets, SHOWN));
	if (x->octets.n > SHOWN)
		buf_add_z(b, "...");
	return listing_put(&k->l);
}

static int
run_bad(struct command *k)
{
	uint64_t total = 0;
	int err = store_each_bad_datagram(k->store, &total, bad_one, k, &k->d);

	if (!err && !k->l.json && total > k->l.n)
		fprintf(k->l.out,
		    "%" PRIu64 " earlier ones are not kept any more\n",
		    total - k->l.n);
	return err;
}

/* ---- the command -------------------------------------------------------- */

static const struct verb {
	const char *name;
	int (*run)(struct command *k);
	bool takes_domain, writes, lists;
} verbs[] = {
    {"list", run_list, false, false, true},
    {"show", run_show, true, false, true},
    {"remove", run_remove, true, true, false},
    {"bad", run_bad, false, false, true},
};

static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int
parse(int argc, char **argv, struct command *k, const struct verb **out)
{
	const char *verb = NULL;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			k->l.json = true;
		else if (argv[i][0] == '-' || k->name)
			return usage_fail(
			    stderr, "results", "unknown argument");
		else if (!verb)
			verb = argv[i];
		else
			k->name = argv[i];
	}
	*out = find_verb(verb ? verb : "list");
	if (!*out)
		return usage_fail(stderr, "results", "unknown verb");
	if ((*out)->takes_domain && !k->name)
		return usage_fail(stderr, "results", "a domain is needed");
	return !(*out)->takes_domain && k->name
		   ? usage_fail(stderr, "results", "no domain is needed")
		   : 0;
}

static int
run(const struct conf *c, struct command *k, const struct verb *v)
{
	struct nexthop hop;
	int err = 0;

	if (k->name) {
		if (nexthop_parse(
			&k->arena, str_from_z(k->name), &hop, &k->d) ||
		    hop.domain.n == 0)
			return diag_set(
			    &k->d, AVER_SYNTAX, 0, "this is no domain");
		k->domain = hop.domain;
	}
	err = store_open(
	    c->store, v->writes ? STORE_CHANGE : STORE_READ, &k->store, &k->d);
	if (!err)
		err = v->run(k);
	store_close(k->store);
	if (!err && v->lists)
		listing_end_array(&k->l);
	return err;
}

int
cmd_results(const struct conf *c, int argc, char **argv, FILE *in, FILE *out)
{
	struct command k = {.d = {"output failed", 0}};
	const struct verb *v = NULL;
	int status;

	if (argc > 1 && strcmp(argv[1], "import") == 0) {
		argv[1] = argv[0]; /* as getopt_long(3) shall call it */
		return results_import(c, argc - 1, argv + 1, in, out);
	}
	status = parse(argc, argv, &k, &v);
	if (status)
		return status;
	listing_init(&k.l, k.l.json, out);
	arena_init(&k.arena, MEMORY);
	arena_init(&k.row, MEMORY);
	if (run(c, &k, v)) {
		fprintf(stderr, "aver results: %s\n", k.d.text);
		status = 1;
	}
	listing_fini(&k.l);
	arena_fini(&k.arena);
	arena_fini(&k.row);
	return status;
}
