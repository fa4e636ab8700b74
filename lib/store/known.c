/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/known.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/store/evaluation.h"

#define DAY 86400

_Static_assert(KNOWN_NAME_MAX <= UINT8_MAX, "a length fits the slot");

struct known *
known_new(void)
{
	return calloc(1, sizeof(struct known));
}

void
known_forget(struct known *k)
{
	for (size_t i = 0; i < KNOWN_SLOTS; i++)
		k->slots[i].n = 0;
}

/*
 * Takes note of the name; false when it was noted for that day or a later one.
 * A name that is pushed out of its slot is only told once more, so the hash
 * need not withstand anybody.
 */
static bool
note(struct known *k, struct str name, int64_t day)
{
	struct known_slot *s = &k->slots[str_hash(name, 0) % KNOWN_SLOTS];

	if (str_eq((struct str){s->name, s->n}, name) && s->day >= day)
		return false;
	s->day = day;
	s->n = (uint8_t)name.n;
	memcpy(s->name, name.p, name.n);
	return true;
}

static void
learn(struct known *k, struct str name, int64_t hour)
{
	int64_t day = hour - hour % DAY;

	if (name.n == 0 || name.n > KNOWN_NAME_MAX || !note(k, name, day))
		return;
	k->news[k->n_news++] = (struct store_known){name, day};
}

/* Aligned: RFC 9990 section 3.1.1.8 has a "pass" for what is both. */
static bool
passed(const struct evaluation *ev)
{
	return ev->dkim_aligned || ev->spf_aligned;
}

static bool
accepted(const struct evaluation *ev)
{
	switch (ev->disposition) {
	case EVAL_DISP_NONE:
	case EVAL_DISP_PASS:
		return true;
	case EVAL_DISP_QUARANTINE:
	case EVAL_DISP_REJECT:
	case EVAL_DISPOSITION_COUNT:
		break;
	}
	return false;
}

/*
 * The policy domain is the author domain or the organizational one above it.
 * The author domain is learnt as well: when it publishes a policy of its own
 * tomorrow, it has not become a stranger.
 */
void
known_read(struct known *k, struct store_evaluation *rows, size_t n)
{
	struct evaluation ev;

	k->n_news = 0;
	for (size_t i = 0; i < n; i++) {
		rows[i].if_known = false;
		if (evaluation_decode(rows[i].octets, &ev))
			continue;
		if (accepted(&ev) && passed(&ev)) {
			learn(k, rows[i].policy_domain, rows[i].hour);
			learn(k, ev.header_from, rows[i].hour);
		}
		rows[i].if_known = !accepted(&ev) && !passed(&ev);
	}
}
