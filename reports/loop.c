/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/loop.h"

#include <string.h>

#include "lib/store/ledger.h"

/* parts and destinations of one report, far beyond an echo */
#define ECHO_MAX 20

/* A period with a report, from the newest to the oldest. */
struct past {
	char id[LEDGER_ID_MAX]; /* of its first report */
	size_t id_n;
	int64_t begin, end;
	uint64_t messages, sent;
};

struct history {
	struct past v[LOOP_PERIODS];
	size_t n;
};

static int
add_report(void *arg, const struct ledger_report *r)
{
	struct history *h = arg;
	struct past *p = h->n ? &h->v[h->n - 1] : NULL;

	if (p && p->begin == r->begin && p->end == r->end) {
		/* another part or format of it: no mere echo */
		p->messages += r->messages;
		return 0;
	}
	if (h->n == LOOP_PERIODS || r->id.n > LEDGER_ID_MAX)
		return 1;
	p = &h->v[h->n++];
	*p = (struct past){.id_n = r->id.n,
	    .begin = r->begin,
	    .end = r->end,
	    .messages = r->messages};
	memcpy(p->id, r->id.p, r->id.n);
	return 0;
}

static int
count_sent(void *arg, const struct ledger_submission *sub)
{
	uint64_t *n = arg;

	/* what goes by HTTPS makes no session */
	if (str_starts_ci(sub->uri, STR("mailto:")))
		*n += sub->state == LEDGER_SENT || sub->state == LEDGER_BOUNCED;
	return 0;
}

static int
read_history(struct store *s, enum ledger_kind kind, struct str domain,
    struct history *h, struct diag *d)
{
	struct ledger_filter f = {.has_kind = true,
	    .kind = kind,
	    .policy_domain = domain,
	    .newest_first = true};
	int err = store_each_report(s, &f, add_report, h, d);

	for (size_t i = 0; err >= 0 && i < h->n; i++)
		err = store_each_submission(s,
		    (struct str){h->v[i].id, h->v[i].id_n}, count_sent,
		    &h->v[i].sent, d);
	return err < 0 ? err : 0;
}

/* The reports follow each other, each about no more than the one before. */
static bool
all_echoes(const struct history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		if (h->v[i].messages > ECHO_MAX || h->v[i].sent == 0)
			return false;
		if (i + 1 == h->n)
			break;
		if (h->v[i].begin != h->v[i + 1].end ||
		    h->v[i].messages > h->v[i + 1].sent)
			return false;
	}
	return h->n == LOOP_PERIODS;
}

int
loop_check(struct store *s, const struct store_due *due, const struct window *w,
    enum loop_verdict *out, struct diag *d)
{
	uint64_t wanted = due->messages - due->optional;
	struct history h = {.n = 0};
	int64_t silence;
	int err;

	*out = LOOP_NONE;
	if (wanted > ECHO_MAX)
		return 0;
	err = read_history(s, LEDGER_DMARC, due->policy_domain, &h, d);
	if (err || !all_echoes(&h))
		return err;
	/* the time in which it got no report after the last one */
	silence = w->end - h.v[0].end;
	if (silence <= h.v[0].end - h.v[0].begin) {
		if (wanted <= h.v[0].sent)
			*out = LOOP_SUSPECTED;
	} else if (due->last < h.v[0].end + (h.v[0].end - h.v[0].begin)) {
		/* nothing came in the period after the one kept */
		*out = LOOP_PROVEN;
	}
	return 0;
}

int
loop_check_day(struct store *s, struct str domain, int64_t day, uint64_t wanted,
    bool *out, struct diag *d)
{
	struct history h = {.n = 0};
	int err;

	*out = false;
	if (wanted > ECHO_MAX)
		return 0;
	err = read_history(s, LEDGER_TLS, domain, &h, d);
	if (!err && all_echoes(&h))
		*out = day == h.v[0].end && wanted <= h.v[0].sent;
	return err;
}
