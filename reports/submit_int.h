/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What is shared by submit.c, which sends, and submit_claim.c, which finds
 * what is due and claims it. All of it belongs to one thread.
 */
#ifndef REPORTS_SUBMIT_INT_H
#define REPORTS_SUBMIT_INT_H

#include "reports/caps.h"
#include "reports/sender.h"
#include "reports/submit.h"

#define BATCH 64 /* submissions claimed at once, at most */
#define ITEMS (BATCH + SENDERS_MAX)
/* HTTPS hosts that do not answer: nothing more goes to them in this run */
#define MUTE_MAX 64

enum item_state {
	ITEM_FREE,
	ITEM_NEW, /* due, not claimed yet */
	ITEM_WAITING, /* claimed */
	ITEM_SENDING,
	ITEM_STAGED, /* sent but for the transport's last step */
};

struct item {
	enum item_state state;
	struct arena arena; /* of the strings */
	struct str id, uri, destination;
	unsigned number, attempts;
	int64_t last_try, give_up;
	bool over; /* it is not tried again, so no cap concerns it */
	bool https;
	uint64_t fence; /* of our claim; 0: none, or it has ended */
	int64_t claimed; /* when that was */
	struct transport_stage stage; /* of STAGED, and of it */
	struct str domain, to; /* the policy domain and the address */
};

struct submit {
	struct reporter *r;
	const struct submit_kind *kind;
	struct senders *senders;
	struct caps caps;
	struct arena arena; /* for a moment */
	struct item items[ITEMS];
	char mute[MUTE_MAX][HTTP_HOST_MAX + 1];
	size_t n_mute;
	size_t most; /* items that are claimed at once */
	size_t n_new, n_claimed; /* of the last look, of the last batch */
	int64_t batch_begin; /* clock_mono_ms(); 0: there was none */
	size_t octets; /* of documents on their way */
	/*
	 * The last look found nothing to claim, and when that was; skipped: it
	 * left out something that has to wait for a host.
	 */
	bool dry, skipped;
	int64_t looked;
	int64_t asked; /* reporter_now() of the last look */
	struct submit_result *result;
	struct diag *d;
	int err; /* from inside of a callback */
};

/* Nothing more is begun. */
bool submit_stops(const struct submit *s);

/*
 * Claims some of what is due, as there is a sender for it; n_claimed says how
 * many, dry that there were none. Returns 0 or what the store said.
 */
int submit_claim(struct submit *s);
/*
 * The time that one message may take is left of the claim. Releases an item
 * whose claim has ended: it is ITEM_FREE then.
 */
int submit_keep_claim(struct submit *s, struct item *it);
/* What was claimed and not tried is as it was; the item is free. */
void submit_release(struct submit *s, struct item *it);

/*
 * The next item that can go; by HTTPS only one at a time goes to a host.
 * Releases what is for a host that is mute. NULL: none.
 */
struct item *submit_next(struct submit *s);
bool submit_has_waiting(const struct submit *s);
/* Nothing more goes to that host by HTTPS. */
void submit_mute(struct submit *s, struct str host);

#endif
