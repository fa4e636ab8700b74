/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/ledger.h"
#include "reports/loop.h"

#include "t/tap.h"
#include "t/unit/tmpdir.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define D INT64_C(86400)
#define TODAY INT64_C(1793491200)

/*
 * past: messages of the reports of the days before, the oldest first; "-": a
 * day without, "!" behind: the report was not sent, "2" behind ":" sent to two.
 */
static const struct {
	const char *name, *past;
	unsigned messages, optional; /* now */
	int last_day; /* of the newest row: days before today */
	int days; /* periods since the last report */
	enum loop_verdict want;
} cases[] = {
    {"no history", "", 1, 0, 1, 1, LOOP_NONE},
    {"six days of one message", "1 1 1 1 1 1", 1, 0, 1, 1, LOOP_NONE},
    {"a week of one message", "1 1 1 1 1 1 1", 1, 0, 1, 1, LOOP_SUSPECTED},
    {"longer", "9 9 1 1 1 1 1 1 1", 1, 0, 1, 1, LOOP_SUSPECTED},
    {"optional ones do not count", "1 1 1 1 1 1 1", 9, 8, 1, 1, LOOP_SUSPECTED},
    {"more than reports now", "1 1 1 1 1 1 1", 2, 0, 1, 1, LOOP_NONE},
    {"more than reports once", "1 1 1 2 1 1 1", 1, 0, 1, 1, LOOP_NONE},
    {"reports to two", "2:2 2:2 2:2 2:2 2:2 2:2 2:2", 2, 0, 1, 1,
	LOOP_SUSPECTED},
    {"a day without", "1 1 1 - 1 1 1 1", 1, 0, 1, 1, LOOP_NONE},
    {"one was not sent", "1 1 1 1 1! 1 1", 1, 0, 1, 1, LOOP_NONE},
    {"much mail", "500 500 500 500 500 500 500", 500, 0, 1, 1, LOOP_NONE},
    /* the day after suspicion: was there mail in the silent period? */
    {"silence", "1 1 1 1 1 1 1", 1, 0, 2, 2, LOOP_PROVEN},
    {"mail though no report was sent", "1 1 1 1 1 1 1", 2, 0, 1, 2, LOOP_NONE},
    {"silence of many days", "1 1 1 1 1 1 1", 1, 0, 9, 9, LOOP_PROVEN},
};

static void
put_report(struct store *s, unsigned n, int64_t begin, const char *word)
{
	uint64_t messages = strtoull(word, NULL, 10), fence;
	unsigned sent = strchr(word, ':') ? 2 : 1;
	struct ledger_submission subs[2] = {0};
	char id[32];
	struct ledger_report r = {.policy_domain = STR("a.example"),
	    .begin = begin,
	    .end = begin + D,
	    .created = begin + D,
	    .messages = messages,
	    .body = STR("x")};

	snprintf(id, sizeof(id), "report%u", n);
	r.id = str_from_z(id);
	for (unsigned i = 0; i < sent; i++)
		subs[i] =
		    (struct ledger_submission){.uri = STR("mailto:r@a.example"),
			.destination = STR("a.example"),
			.give_up = TODAY};
	if (store_put_report(s, &r, subs, sent, NULL))
		ok(false, "cannot put a report");
	for (unsigned i = 1; i <= sent && !strchr(word, '!'); i++)
		if (store_claim_submission(
			s, r.id, i, begin + D, 60, &fence, NULL) ||
		    store_finish_submission(
			s, r.id, i, fence, LEDGER_SENT, 0, STR_NONE, NULL))
			ok(false, "cannot send a report");
}

static void
put_past(struct store *s, const char *past, int days)
{
	char words[256];
	const char *word;
	char *save = NULL;
	unsigned n = 0, i = 0;

	for (const char *p = past; *p; p++)
		n += p == past || p[-1] == ' ';
	snprintf(words, sizeof(words), "%s", past);
	for (word = strtok_r(words, " ", &save); word;
	     word = strtok_r(NULL, " ", &save), i++)
		if (*word != '-')
			put_report(s, i,
			    TODAY - days * D - (int64_t)(n - i) * D, word);
}

static void
check_case(size_t i)
{
	struct store_due due = {.policy_domain = STR("a.example"),
	    .first = TODAY - cases[i].days * D,
	    .last = TODAY - cases[i].last_day * D + 7200,
	    .messages = cases[i].messages,
	    .optional = cases[i].optional};
	struct window w = {TODAY - cases[i].days * D, TODAY};
	struct tmpdir dir = tmpdir_fast();
	enum loop_verdict got = LOOP_COUNT;
	struct store *s;
	char spec[600];

	snprintf(spec, sizeof(spec), "sqlite:%s/a.db", dir.path);
	is_int(store_open(spec, STORE_WRITE, &s, NULL), 0, cases[i].name);
	put_past(s, cases[i].past, cases[i].days);
	is_int(loop_check(s, &due, &w, &got, NULL), 0, cases[i].name);
	is_int(got, cases[i].want, cases[i].name);
	store_close(s);
	tmpdir_remove(dir.path);
}

int
main(void)
{
	for (size_t i = 0; i < N(cases); i++)
		check_case(i);
	return tap_done();
}
