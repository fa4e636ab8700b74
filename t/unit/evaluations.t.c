/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/evaluations.h"

#include <sys/wait.h>

#include <jansson.h>

#include "lib/store/evaluation.h"
#include "lib/store/store.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"

#define HOUR INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

static void
put(struct store *s, uint64_t seq, struct evaluation *ev, int64_t hour,
    uint64_t count)
{
	struct store_evaluation row = {.hour = hour,
	    .policy_domain = ev->policy_domain,
	    .count = count,
	    .optional = ev->optional};
	struct buf b;

	buf_init(&b, NULL, 65536);
	evaluation_encode(&b, ev);
	row.octets = buf_str(&b);
	is_int(
	    store_add_evaluations(s, STR("t"), seq, &row, 1, NULL), 0, "a row");
	buf_fini(&b);
}

static void
fill(const char *spec)
{
	struct evaluation ev = {.policy_domain = STR("a.example"),
	    .p = DMARC_POLICY_REJECT,
	    .disposition = EVAL_DISP_QUARANTINE,
	    .dkim_aligned = true,
	    .header_from = STR("a.example"),
	    .envelope_from = STR("b \033[31m\\.example"),
	    .n_dkim = 2,
	    .n_reasons = 1,
	    .has_spf = true,
	    .spf_domain = STR("b.example"),
	    .spf_result = SPF_SOFTFAIL};
	struct store_evaluation odd = {.hour = HOUR,
	    .policy_domain = STR("a.example"),
	    .octets = STR("\377nonsense"),
	    .count = 7};
	const struct store_known known[] = {
	    {STR("b.example"), HOUR}, {STR("a \x1b.example"), HOUR + 90000}};
	struct store *s = NULL;

	ip_parse(STR("192.0.2.1"), &ev.source_ip);
	ev.dkim[0] = (struct eval_dkim){STR("a.example"), STR("s1"), DKIM_PASS};
	ev.dkim[1] =
	    (struct eval_dkim){STR("c\n.example"), STR_NONE, DKIM_FAIL};
	ev.reasons[0] =
	    (struct eval_reason){EVAL_LOCAL_POLICY, STR("by \"us\"\n")};
	store_open(spec, STORE_WRITE, &s, NULL);
	put(s, 1, &ev, HOUR, 3);
	put(s, 2, &ev, HOUR + 7200, 1);
	ev.optional = true;
	put(s, 3, &ev, HOUR, 2);
	ev.policy_domain = STR("xn--bcher-kva.example");
	put(s, 4, &ev, HOUR, 5);
	store_add_evaluations(s, STR("t"), 5, &odd, 1, NULL);
	store_know_domains(s, known, 2, NULL);
	store_close(s);
}

/* The exit status; *text is malloc'd. words: up to a NULL. */
static int
run(const char *spec, const char *const *words, char **text)
{
	struct conf c = {.store = spec};
	char *argv[8] = {(char[]){"evaluations"}};
	size_t n = 0;
	int argc = 1, status;
	FILE *out = open_memstream(text, &n);

	for (; words[argc - 1] && argc < 7; argc++)
		argv[argc] = strdup(words[argc - 1]);
	status = cmd_evaluations(&c, argc, argv, out);
	fclose(out);
	for (int i = 1; i < argc; i++)
		free(argv[i]);
	return status;
}

static const struct {
	const char *name;
	const char *words[6];
	int status;
	const char *want;
} cases[] = {
    {"no such verb", {"tell"}, 2, ""},
    {"show what?", {"show"}, 2, ""},
    {"remove what?", {"remove", "--json"}, 2, ""},
    {"list takes no name", {"list", "a.example"}, 2, ""},
    {"too many words", {"show", "a", "b"}, 2, ""},
    {"no such option", {"list", "-x"}, 2, ""},
    {"an option that is none", {"-c"}, 2, ""},
    {"known takes no name", {"known", "a.example"}, 2, ""},
    {"known", {"known"}, 0,
	"a\\x20\\x1b.example               2026-01-02T00:00:00Z\n"
	"b.example                       2026-01-01T00:00:00Z\n"},
    {"known as JSON", {"known", "--json"}, 0,
	"[\n{\"domain\":\"a \\\\x1b.example\",\"last_day\":"
	"\"2026-01-02T00:00:00Z\"},\n"
	"{\"domain\":\"b.example\",\"last_day\":"
	"\"2026-01-01T00:00:00Z\"}\n]\n"},
    {"list", {NULL}, 0,
	"a.example                       messages 13       rows 4       "
	"optional 2       2026-01-01T00:00:00Z  2026-01-01T02:00:00Z\n"
	"xn--bcher-kva.example           messages 5        rows 1       "
	"optional 5       2026-01-01T00:00:00Z  2026-01-01T00:00:00Z\n"},
    {"list as JSON", {"--json", "list"}, 0,
	"[\n{\"policy_domain\":\"a.example\",\"messages\":13,\"optional\":2,"
	"\"rows\":4,\"first_hour\":\"2026-01-01T00:00:00Z\",\"last_hour\":"
	"\"2026-01-01T02:00:00Z\"},\n"
	"{\"policy_domain\":\"xn--bcher-kva.example\",\"messages\":5,"
	"\"optional\":5,\"rows\":1,\"first_hour\":\"2026-01-01T00:00:00Z\","
	"\"last_hour\":\"2026-01-01T00:00:00Z\"}\n]\n"},
    {"show, in its other form",
	{"show", "B\xc3\xbc"
		 "cher.Example."},
	0,
	"HOUR                  COUNT   SOURCE              DISPOSITION  "
	"DKIM  SPF   HEADER_FROM  ENVELOPE_FROM  DKIM_RESULTS  SPF_RESULT  "
	"REASONS\n"
	"2026-01-01T00:00:00Z  5*      192.0.2.1           quarantine   "
	"pass  fail  a.example  b\\x20\\x1b[31m\\x5c.example  "
	"a.example/s1=pass,c\\x0a.example/-=fail  b.example=softfail  "
	"local_policy (by \"us\"\\x0a)\n"},
    {"show nothing", {"show", "none.example"}, 1, ""},
    {"show nothing as JSON", {"show", "none.example", "--json"}, 1, "[]\n"},
    {"remove", {"remove", "xn--bcher-kva.example"}, 0,
	"removed 5 messages of xn--bcher-kva.example\n"},
    {"remove what is gone", {"remove", "xn--bcher-kva.example", "--json"}, 0,
	"{\"policy_domain\":\"xn--bcher-kva.example\",\"removed\":0}\n"},
    {"remove what is no name", {"remove", "\x1b[2J"}, 0,
	"removed 0 messages of \\x1b[2J\n"},
};

static void
json_of_rows(const char *spec)
{
	static const char *const words[] = {
	    "show", "a.example", "--json", NULL};
	json_error_t e;
	json_t *rows, *row;
	unsigned undecodable = 0;
	char *text = NULL;

	is_int(run(spec, words, &text), 0, "show as JSON");
	rows = json_loads(text, JSON_REJECT_DUPLICATES, &e);
	ok(rows && json_array_size(rows) == 4, "four rows");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		undecodable += json_integer_value(json_object_get(
				   row, "undecodable_octets")) == 9;
	}
	is_int(undecodable, 1, "one cannot be decoded, and is shown so");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		if (json_integer_value(json_object_get(row, "count")) != 3)
			continue;
		is_str(str_from_z(json_string_value(
			   json_object_get(row, "envelope_from"))),
		    STR("b \\x1b[31m\\x5c.example"), "escaped");
		is_int(json_array_size(json_object_get(row, "dkim")), 2,
		    "DKIM results");
		is_str(str_from_z(json_string_value(json_object_get(
			   json_object_get(row, "policy_published"), "p"))),
		    STR("reject"), "policy");
		ok(json_is_null(json_object_get(row, "envelope_to")),
		    "what is empty is null");
	}
	json_decref(rows);
	free(text);
}

int
main(void)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath spec;
	static const char *const list[] = {"list", NULL};
	static const char *const known[] = {"known", NULL};
	static const char *const rm[] = {"remove", "a.example", NULL};
	char *text = NULL;

	snprintf(spec.z, sizeof(spec.z), "sqlite:%.500s/store", dir.path);
	/* the usage texts and errors are of no interest here */
	if (!freopen("/dev/null", "w", stderr))
		return 99;
	is_int(run(spec.z, list, &text), 1, "no store");
	free(text);
	is_int(run(spec.z, rm, &text), 1, "none to remove from");
	free(text);
	is_int(run(spec.z, known, &text), 1, "none to know from");
	free(text);
	ok(access(spec.z + 7, F_OK) < 0, "and none is made");
	fill(spec.z);
	json_of_rows(spec.z);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_int(run(spec.z, cases[i].words, &text), cases[i].status,
		    cases[i].name);
		is_str(
		    str_from_z(text), str_from_z(cases[i].want), cases[i].name);
		free(text);
	}
	tmpdir_remove(dir.path);
	return tap_done();
}
