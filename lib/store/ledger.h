/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The ledger: each report that was made, and each of its submissions, which is
 * one report to one URI. A report enters together with the removal of the rows
 * it is made of (take.h); from then on it can be sent, and sent again, from
 * any host that shares the store.
 *
 * Who sends claims the submission first. A claim is a lease with a fence
 * number: while it lasts nobody else gets the submission, when its holder died
 * it ends by itself, and what a holder says after somebody else has claimed it
 * is refused. A claim is on the disk when the function returns, and so is
 * everything that the store took before it; what came of it is on the disk
 * with the next claim or the close, so after a power failure the last ones may
 * be sent again.
 *
 * Times are seconds since the epoch. A handle belongs to one thread. The
 * strings of a callback's argument are valid for the call; fn returns 0 to go
 * on, anything else stops the walk and is returned. fn must not call a
 * function that writes with the same handle (AVER_BUG): collect first. Every
 * function may return AVER_TEMP (locked, full disk, store not reachable: try
 * again), AVER_IO and AVER_NOMEM; writing to a store that was opened with
 * STORE_READ is AVER_BUG.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

/* The numbers are stored. */
enum ledger_kind {
	LEDGER_DMARC,
	LEDGER_FAILURE,
	LEDGER_TLS,
	LEDGER_KIND_COUNT
};

/* The numbers are stored. */
enum ledger_state {
	LEDGER_PENDING, /* to be sent at next_try, or being sent now */
	LEDGER_SENT,
	LEDGER_FAILED, /* given up */
	LEDGER_CANCELLED, /* by the operator */
	LEDGER_SUPPRESSED, /* the destination is on the suppression list */
	LEDGER_BOUNCED, /* sent, and returned later */
	LEDGER_STATE_COUNT
};

/* "dmarc", "failure", "tls" */
const char *ledger_kind_name(enum ledger_kind k);
/* "pending", "sent", ... */
const char *ledger_state_name(enum ledger_state s);
bool ledger_kind_from_name(struct str name, enum ledger_kind *out);
bool ledger_state_from_name(struct str name, enum ledger_state *out);

#define LEDGER_ID_MAX 128 /* octets */
#define LEDGER_FILE_NAME_MAX 512
#define LEDGER_RECORD_MAX 65535
#define LEDGER_BODY_MAX ((size_t)48 << 20)
#define LEDGER_URI_MAX 2048
#define LEDGER_DETAIL_MAX 1024 /* more is cut off */
#define LEDGER_SUBMISSIONS_MAX 64 /* of a report */

struct ledger_report {
	/* 1 to LEDGER_ID_MAX octets, no controls; unique in the store */
	struct str id;
	enum ledger_kind kind;
	struct str policy_domain;
	int64_t begin, end; /* end is exclusive */
	int64_t created;
	struct str file_name; /* of the attachment */
	struct str body; /* octets of the attachment as they are sent */
	uint64_t body_size; /* also where body is not read */
	uint64_t rows; /* of the document */
	uint64_t messages; /* or sessions, or incidents */
	struct str record; /* the DNS record that was followed */
};

struct ledger_submission {
	struct str report_id;
	unsigned number; /* 1 to LEDGER_SUBMISSIONS_MAX */
	struct str uri;
	/*
	 * Where it goes, for caps: the domain of a mailbox or the host of an
	 * https URI, A-labels in lower case.
	 */
	struct str destination;
	enum ledger_state state;
	/* claims that were not released: a holder that died counts */
	unsigned attempts;
	int64_t next_try;
	int64_t last_try; /* of the last of these; 0: none */
	int64_t give_up; /* for the sender: no try after this time */
	struct str detail; /* what the last answer was */
	uint64_t fence; /* of the last claim; 0: none */
	int64_t lease; /* claimed until then; 0: not claimed */
};

/* --- reading */

/* What a field does not narrow down is all. */
struct ledger_filter {
	bool has_kind, has_state;
	enum ledger_kind kind;
	enum ledger_state state; /* at least one submission has it */
	struct str policy_domain; /* empty: any */
	int64_t since, until; /* since <= created < until; until 0: open */
	bool newest_first;
};

/*
 * Reports without body, ordered by created, then by when they were put.
 * filter NULL: all.
 */
int store_each_report(struct store *s, const struct ledger_filter *filter,
    int (*fn)(void *arg, const struct ledger_report *r), void *arg,
    struct diag *d);

/*
 * The report with that id, its strings in arena; with_body false leaves the
 * body empty. AVER_NOTFOUND; AVER_NOMEM also when the arena is full.
 */
int store_get_report(struct store *s, struct str id, bool with_body,
    struct arena *arena, struct ledger_report *out, struct diag *d);

/* A report's submissions by number; no call for an unknown id. */
int store_each_submission(struct store *s, struct str report_id,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d);

/* One of them. AVER_NOTFOUND. */
int store_get_submission(struct store *s, struct str report_id, unsigned number,
    struct arena *arena, struct ledger_submission *out, struct diag *d);

/*
 * The pending submissions of that kind (LEDGER_KIND_COUNT: of any) with
 * next_try <= now that nobody has claimed, ordered by next_try, then oldest
 * report first. Their give_up may be over.
 */
int store_each_due_submission(struct store *s, enum ledger_kind kind,
    int64_t now, int (*fn)(void *arg, const struct ledger_submission *sub),
    void *arg, struct diag *d);

/* The earliest next_try of a pending submission; AVER_NOTFOUND: none is. */
int store_next_due(struct store *s, int64_t *out, struct diag *d);

/*
 * For caps: submissions to that destination (empty: to any) last tried at or
 * after since, whatever came of it, the ones being tried now included.
 */
int store_count_submissions(struct store *s, int64_t since,
    struct str destination, uint64_t *out, struct diag *d);

/* --- sending */

/*
 * Claims a submission for lease seconds (> 0) from now on; attempts goes up
 * and last_try is now. AVER_NOTFOUND: there is none, it is not pending, not
 * due, or somebody else has it.
 */
int
store_claim_submission(struct store *s, struct str report_id, unsigned number,
    int64_t now, int64_t lease, uint64_t *fence, struct diag *d);

struct ledger_claim {
	struct str report_id;
	unsigned number;
	uint64_t fence; /* what comes back; 0: it is not to be had */
};

/*
 * Claims several with one wait for the disk, each as store_claim_submission()
 * would: all that have a fence are claimed when this returns, also when it
 * returns an error.
 */
int store_claim_submissions(struct store *s, struct ledger_claim *claims,
    size_t n, int64_t now, int64_t lease, struct diag *d);

/*
 * Makes the lease of a claim end at until. AVER_NOTFOUND as
 * store_finish_submission().
 */
int store_renew_submission(struct store *s, struct str report_id,
    unsigned number, uint64_t fence, int64_t until, struct diag *d);

/*
 * Ends the claim with what came of it: LEDGER_SENT, LEDGER_FAILED,
 * LEDGER_SUPPRESSED, LEDGER_CANCELLED, or LEDGER_PENDING with the next_try.
 * A submission that was cancelled meanwhile is not made pending again; one
 * that bounced already stays bounced. AVER_NOTFOUND: the claim is not the
 * last one any more, or was finished; nothing is changed.
 */
int store_finish_submission(struct store *s, struct str report_id,
    unsigned number, uint64_t fence, enum ledger_state state, int64_t next_try,
    struct str detail, struct diag *d);

/*
 * Ends the claim of what was not tried after all: attempts and last_try are as
 * before it, last_try being what was read then. AVER_NOTFOUND as
 * store_finish_submission().
 */
int store_release_submission(struct store *s, struct str report_id,
    unsigned number, uint64_t fence, int64_t last_try, struct diag *d);

/* What an operator or a bounce does, also to submissions that are claimed. */
struct ledger_change {
	/*
	 * LEDGER_PENDING: send (again): whatever it is now; attempts is 0
	 * again, a claim is void. LEDGER_BOUNCED: what is sent or being sent.
	 * LEDGER_CANCELLED, LEDGER_SUPPRESSED, LEDGER_FAILED: what is pending.
	 */
	enum ledger_state state;
	int64_t next_try, give_up; /* of LEDGER_PENDING */
	struct str detail;
};

/*
 * number 0: all submissions of the report. *changed (may be NULL): how many.
 * AVER_NOTFOUND: there is no such report or submission.
 */
int
store_set_submissions(struct store *s, struct str report_id, unsigned number,
    const struct ledger_change *change, uint64_t *changed, struct diag *d);

/* --- keeping */

/*
 * Puts a report with its submissions that is made of no rows: a test report, or
 * one of another store. Of submissions counts what store_take_report() says.
 * AVER_LIMIT: the id is there already, or something is above its bound.
 */
int store_put_report(struct store *s, const struct ledger_report *r,
    const struct ledger_submission *subs, size_t n, struct diag *d);

/*
 * Forgets the reports created before that time, with their submissions,
 * except those with a pending one. *forgotten (may be NULL): reports.
 */
int store_forget_reports(
    struct store *s, int64_t before, uint64_t *forgotten, struct diag *d);

/* The same of one report; nothing when there is no such. */
int store_forget_report(struct store *s, struct str id, struct diag *d);

#define STORE_SECRET 32

/*
 * 32 random octets of that name (at most 64 octets), made when they are first
 * asked for and the same for everybody ever after. With STORE_READ:
 * AVER_NOTFOUND when nobody has asked yet.
 */
int store_secret(struct store *s, struct str name, uint8_t out[STORE_SECRET],
    struct diag *d);

/* The names that there are, from 0; NULL after the last one. */
const char *store_secret_name(unsigned i);

/* Puts the secret of another store. AVER_LIMIT: there is one, and not this. */
int store_put_secret(struct store *s, struct str name,
    const uint8_t secret[STORE_SECRET], struct diag *d);

#endif
