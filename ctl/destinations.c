/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/destinations.h"

#include <string.h>

#include <jansson.h>

#include "ctl/cell.h"
#include "ctl/usage.h"
#include "lib/base/err.h"
#include "lib/store/destination.h"
#include "lib/store/store.h"
#include "tlspolicy/nexthop.h"

#define LINE_MAX_OCTETS ((size_t)64 * 1024)

struct command {
	bool json;
	const char *verb, *name;
	struct str domain; /* empty: all */
	FILE *out;
	size_t n;
};

static int
fail(const struct diag *d)
{
	fprintf(stderr, "aver destinations: %s\n", d->text);
	return 1;
}

/* "yes", "no", "-" when it was never looked at; the last time decides. */
static const char *
offer(int64_t yes, int64_t no)
{
	if (yes == 0 && no == 0)
		return "-";
	return yes >= no ? "yes" : "no";
}

static int
put_json(struct command *k, const struct store_destination *x)
{
	json_t *o = json_pack("{s:s%,s:s%,s:I,s:I,s:I,s:I,s:I}", "domain",
	    x->domain.p, x->domain.n, "mx", x->mx.p, x->mx.n, "starttls",
	    (json_int_t)x->starttls, "no_starttls", (json_int_t)x->no_starttls,
	    "requiretls", (json_int_t)x->requiretls, "no_requiretls",
	    (json_int_t)x->no_requiretls, "seen", (json_int_t)x->seen);

	if (!o)
		return AVER_NOMEM;
	fputs(k->n++ ? ",\n" : "[\n", k->out);
	json_dumpf(o, k->out, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(o);
	return ferror(k->out) ? AVER_IO : 0;
}

static int
put(void *arg, const struct store_destination *x)
{
	struct command *k = arg;
	struct buf b;

	if (k->json)
		return put_json(k, x);
	buf_init(&b, NULL, LINE_MAX_OCTETS);
	cell_add(&b, x->domain);
	cell_column(&b, 32);
	cell_add(&b, x->mx);
	cell_column(&b, 64);
	buf_addf(&b, "starttls %s", offer(x->starttls, x->no_starttls));
	cell_column(&b, 78);
	buf_addf(&b, "requiretls %s", offer(x->requiretls, x->no_requiretls));
	cell_column(&b, 94);
	cell_time(&b, x->seen);
	fprintf(k->out, "%s\n", buf_z(&b));
	buf_fini(&b);
	k->n++;
	return ferror(k->out) ? AVER_IO : 0;
}

static int
show(struct command *k, struct store *s, struct diag *d)
{
	int err = store_each_destination(s, k->domain, STR_NONE, put, k, d);

	if (err)
		return fail(d);
	if (k->json)
		fputs(k->n ? "\n]\n" : "[]\n", k->out);
	if (k->n || !k->domain.n)
		return 0;
	diag_set(d, 0, 0, "nothing is known of %.*s", STRF(k->domain));
	return fail(d);
}

static int
forget(struct command *k, struct store *s, struct diag *d)
{
	int err = store_remove_destination(s, k->domain, d);

	if (err == AVER_NOTFOUND)
		diag_set(
		    d, err, 0, "nothing is known of %.*s", STRF(k->domain));
	return err ? fail(d) : 0;
}

static int
parse(int argc, char **argv, struct command *k)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			k->json = true;
		else if (argv[i][0] == '-' || k->name)
			return usage_fail(
			    stderr, "destinations", "unknown argument");
		else if (!k->verb)
			k->verb = argv[i];
		else
			k->name = argv[i];
	}
	if (!k->verb)
		k->verb = "list";
	if (strcmp(k->verb, "list") == 0)
		return k->name ? usage_fail(stderr, "destinations",
				     "list takes no domain")
			       : 0;
	if (strcmp(k->verb, "show") != 0 && strcmp(k->verb, "forget") != 0)
		return usage_fail(stderr, "destinations", "unknown verb");
	if (k->json && strcmp(k->verb, "forget") == 0)
		return usage_fail(
		    stderr, "destinations", "forget prints nothing");
	return k->name
		   ? 0
		   : usage_fail(stderr, "destinations", "a domain is needed");
}

static int
run(const struct conf *c, struct command *k, struct arena *a)
{
	bool forgets = strcmp(k->verb, "forget") == 0;
	struct store *s = NULL;
	struct nexthop hop;
	struct diag d = {"this is no domain", 0};
	int status;

	if (k->name) {
		if (nexthop_parse(a, str_from_z(k->name), &hop, &d) ||
		    hop.domain.n == 0)
			return fail(&d);
		k->domain = hop.domain;
	}
	if (store_open(c->store, forgets ? STORE_CHANGE : STORE_READ, &s, &d))
		return fail(&d);
	status = forgets ? forget(k, s, &d) : show(k, s, &d);
	store_close(s);
	return status;
}

int
cmd_destinations(const struct conf *c, int argc, char **argv, FILE *out)
{
	struct command k = {.out = out};
	struct arena a;
	int status = parse(argc, argv, &k);

	if (status)
		return status;
	arena_init(&a, (size_t)64 * 1024);
	status = run(c, &k, &a);
	arena_fini(&a);
	return status;
}
