/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/suppress.h"

#include <string.h>

#include "ctl/cell.h"
#include "ctl/json_text.h"
#include "ctl/listing.h"
#include "ctl/usage.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/span.h"
#include "lib/mail/addr.h"
#include "lib/store/suppress.h"

#define FAILED 1
#define MEMORY ((size_t)256 * 1024)
#define IMPORT_MAX ((size_t)64 << 20)

enum verb { VERB_LIST, VERB_ADD, VERB_REMOVE, VERB_IMPORT, VERB_EXPORT };

struct command {
	enum verb verb;
	struct listing l;
	FILE *in;
	bool json;
	struct store_suppression sup; /* what the arguments say */
	bool has_kind;
	int64_t span; /* of --for; 0: for good */
	struct arena arena;
	struct store *store;
	struct diag d;
};

/* --- list */

static json_t *
suppression_json(const struct store_suppression *s)
{
	json_t *o = json_object();

	listing_set_word(o, "kind", suppress_kind_name(s->kind));
	listing_set_text(o, "value", s->value);
	listing_set_time(o, "since", s->since);
	listing_set_time(o, "until", s->until);
	listing_set_number(o, "strikes", s->strikes);
	json_object_set_new(o, "manual", json_boolean(s->manual));
	listing_set_text(o, "comment", s->comment);
	return o;
}

static void
suppression_text(struct buf *b, const struct store_suppression *s)
{
	buf_add_z(b, suppress_kind_name(s->kind));
	cell_column(b, 15);
	cell_add(b, s->value);
	cell_column(b, 50);
	if (s->until)
		cell_time(b, s->until);
	else
		buf_add_z(b, "for-good");
	cell_column(b, 72);
	if (s->manual)
		buf_add_z(b, "manual");
	else
		buf_addf(b, "bounces:%u", s->strikes);
	cell_column(b, 0);
	cell_escape(b, s->comment);
}

static int
list_one(void *arg, const struct store_suppression *s)
{
	struct command *k = arg;

	if (k->json)
		return listing_put_json(&k->l, suppression_json(s));
	buf_clear(&k->l.line);
	suppression_text(&k->l.line, s);
	return listing_put(&k->l);
}

static int
run_list(struct command *k)
{
	int err = store_each_suppression(k->store,
	    k->has_kind ? k->sup.kind : SUPPRESS_KIND_COUNT, list_one, k,
	    &k->d);

	if (!err)
		listing_end_array(&k->l);
	return err;
}

/* --- values */

/*
 * The form in which values are stored: domains as A-labels, all in lower
 * case. AVER_SYNTAX with d.
 */
static int
normalize(struct command *k, struct store_suppression *s)
{
	struct str local = STR_NONE, domain = s->value, address;
	int err;

	if (s->kind == SUPPRESS_ADDRESS)
		addr_split(s->value, &local, &domain);
	err = domain_to_ascii(&k->arena, domain, &domain);
	if (err == AVER_NOMEM)
		return err;
	if (err || (s->kind == SUPPRESS_ADDRESS && !local.n))
		return diag_set(&k->d, AVER_SYNTAX, 0, "\"%.*s\" is no %s",
		    STRF(str_head(s->value, 64)), suppress_kind_name(s->kind));
	if (s->kind != SUPPRESS_ADDRESS) {
		s->value = domain;
		return 0;
	}
	address = arena_cat(&k->arena,
	    arena_cat(&k->arena, arena_lower(&k->arena, local), STR("@")),
	    domain);
	s->value = address;
	return address.n ? 0 : AVER_NOMEM;
}

/* What has "@" is an address, else a domain that reports go to. */
static void
guess_kind(struct command *k)
{
	if (k->has_kind)
		return;
	k->sup.kind = str_chr(k->sup.value, '@') < k->sup.value.n
			  ? SUPPRESS_ADDRESS
			  : SUPPRESS_RUA_DOMAIN;
}

static int
run_add(struct command *k)
{
	int err;

	guess_kind(k);
	err = normalize(k, &k->sup);
	if (err)
		return err;
	k->sup.since = clock_now();
	k->sup.until = k->span ? k->sup.since + k->span : 0;
	k->sup.manual = true;
	err = store_suppress(k->store, &k->sup, &k->d);
	if (!err && k->json) {
		err = listing_put_json(&k->l, suppression_json(&k->sup));
		listing_end_array(&k->l);
	}
	return err;
}

static int
run_remove(struct command *k)
{
	int err;

	guess_kind(k);
	err = normalize(k, &k->sup);
	if (!err)
		err = store_unsuppress(
		    k->store, k->sup.kind, k->sup.value, &k->d);
	if (err == AVER_NOTFOUND)
		diag_set(&k->d, err, 0, "the %s %.*s is not there",
		    suppress_kind_name(k->sup.kind), STRF(k->sup.value));
	return err;
}

/* --- export, import: JSON, an object for each */

static json_t *
export_json(const struct store_suppression *s)
{
	json_t *o = json_object();

	listing_set_word(o, "kind", suppress_kind_name(s->kind));
	json_object_set_new(o, "value", json_text_out(s->value));
	listing_set_number(o, "since", (uint64_t)s->since);
	listing_set_number(o, "until", (uint64_t)s->until);
	listing_set_number(o, "strikes", s->strikes);
	json_object_set_new(o, "manual", json_boolean(s->manual));
	json_object_set_new(o, "comment", json_text_out(s->comment));
	return o;
}

static int
export_one(void *arg, const struct store_suppression *s)
{
	struct command *k = arg;

	return listing_put_json(&k->l, export_json(s));
}

static int
run_export(struct command *k)
{
	int err = store_each_suppression(
	    k->store, SUPPRESS_KIND_COUNT, export_one, k, &k->d);

	k->l.json = true;
	if (!err)
		listing_end_array(&k->l);
	return err;
}

/* What is not there is empty. */
static int
text_of(struct command *k, json_t *o, const char *key, struct str *out)
{
	json_t *v = json_object_get(o, key);

	*out = STR_NONE;
	return v ? json_text_in(v, &k->arena, out) : 0;
}

static bool
number_of(json_t *o, const char *key, int64_t *out)
{
	json_t *v = json_object_get(o, key);

	*out = v ? json_integer_value(v) : 0;
	return (!v || json_is_integer(v)) && *out >= 0;
}

static int
read_entry(struct command *k, json_t *o, struct store_suppression *s)
{
	int64_t strikes;
	struct str kind;

	*s = (struct store_suppression){
	    .manual = !json_is_false(json_object_get(o, "manual")),
	};
	if (text_of(k, o, "kind", &kind) || text_of(k, o, "value", &s->value) ||
	    text_of(k, o, "comment", &s->comment) ||
	    !suppress_kind_from_name(kind, &s->kind) || !s->value.n ||
	    !number_of(o, "since", &s->since) ||
	    !number_of(o, "until", &s->until) ||
	    !number_of(o, "strikes", &strikes) ||
	    strikes > SUPPRESS_STRIKES_MAX)
		return diag_set(&k->d, AVER_SYNTAX, 0,
		    "is none of what aver suppress export writes");
	s->strikes = (unsigned)strikes;
	return normalize(k, s);
}

static int
import_all(struct command *k, json_t *list)
{
	struct store_suppression s;
	struct diag why;
	size_t i, n = 0;
	json_t *o;
	int err = 0;

	/* all of it is looked at before any of it counts */
	for (int pass = 0; pass < 2 && !err; pass++)
		json_array_foreach(list, i, o)
		{
			arena_reset(&k->arena);
			err = read_entry(k, o, &s);
			if (!err && pass)
				err = store_suppress(k->store, &s, &k->d);
			if (err) {
				why = k->d;
				return diag_set(&k->d, err, 0, "entry %zu: %s",
				    i + 1, why.text);
			}
			n += pass;
		}
	if (!err)
		fprintf(k->l.out, "%zu entr%s\n", n, n == 1 ? "y" : "ies");
	return err;
}

static int
run_import(struct command *k)
{
	struct buf b;
	json_error_t why;
	json_t *list;
	char chunk[65536];
	size_t n;
	int err;

	buf_init(&b, NULL, IMPORT_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), k->in)) > 0)
		buf_add(&b, (struct str){chunk, n});
	list = buf_ok(&b) && !ferror(k->in)
		   ? json_loadb(buf_z(&b), b.n, JSON_ALLOW_NUL, &why)
		   : NULL;
	if (json_is_array(list))
		err = import_all(k, list);
	else
		err = diag_set(
		    &k->d, AVER_SYNTAX, 0, "standard input is no JSON array");
	json_decref(list);
	buf_fini(&b);
	return err;
}

/* --- all */

static int
fail(const struct diag *d)
{
	fprintf(stderr, "aver suppress: %s\n", d->text);
	return FAILED;
}

static int
run_verb(struct command *k)
{
	switch (k->verb) {
	case VERB_LIST:
		return run_list(k);
	case VERB_ADD:
		return run_add(k);
	case VERB_REMOVE:
		return run_remove(k);
	case VERB_IMPORT:
		return run_import(k);
	case VERB_EXPORT:
		break;
	}
	return run_export(k);
}

static int
run(struct command *k, const struct conf *c)
{
	bool reads = k->verb == VERB_LIST || k->verb == VERB_EXPORT;
	int err;

	if (k->verb == VERB_REMOVE)
		err = store_open(c->store, STORE_CHANGE, &k->store, &k->d);
	else
		err = store_open(c->store, reads ? STORE_READ : STORE_WRITE,
		    &k->store, &k->d);

	if (!err)
		err = run_verb(k);
	store_close(k->store);
	return err ? fail(&k->d) : 0;
}

/* --- arguments */

static bool
set_verb(struct command *k, const char *word)
{
	static const char *const verbs[] = {
	    [VERB_LIST] = "list",
	    [VERB_ADD] = "add",
	    [VERB_REMOVE] = "remove",
	    [VERB_IMPORT] = "import",
	    [VERB_EXPORT] = "export",
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(word, verbs[i]) == 0) {
			k->verb = (enum verb)i;
			return true;
		}
	return false;
}

static bool
set_option(struct command *k, const char *name, const char *value)
{
	struct str v = str_from_z(value);

	if (strcmp(name, "--kind") == 0) {
		k->has_kind = true;
		return suppress_kind_from_name(v, &k->sup.kind);
	}
	if (strcmp(name, "--for") == 0)
		return span_parse(v, &k->span);
	k->sup.comment = v;
	return strcmp(name, "--comment") == 0;
}

static bool
parse(int argc, char **argv, struct command *k)
{
	unsigned words = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			k->json = true;
		} else if (argv[i][0] == '-') {
			if (i + 1 == argc ||
			    !set_option(k, argv[i], argv[i + 1]))
				return false;
			i++;
		} else if (words++ == 0) {
			if (!set_verb(k, argv[i]))
				return false;
		} else if (words == 2) {
			k->sup.value = str_from_z(argv[i]);
		} else {
			return false;
		}
	}
	/* these print no JSON */
	if (k->json && (k->verb == VERB_REMOVE || k->verb == VERB_IMPORT))
		return false;
	return (k->verb == VERB_ADD || k->verb == VERB_REMOVE) ==
	       (k->sup.value.n > 0);
}

int
cmd_suppress(const struct conf *c, int argc, char **argv, FILE *in, FILE *out)
{
	struct command k = {
	    .verb = VERB_LIST, .in = in, .d = {"output failed", 0}};
	int status = FAILED;

	arena_init(&k.arena, MEMORY);
	if (!parse(argc, argv, &k)) {
		status = usage_fail(stderr, "suppress", NULL);
	} else {
		listing_init(&k.l, k.json, out);
		status = run(&k, c);
		listing_fini(&k.l);
	}
	arena_fini(&k.arena);
	return status;
}
