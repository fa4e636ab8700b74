/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The threads that send, so that a slow relay or host holds up only one of
 * them. Each has one submission at a time: it writes and signs the mail and
 * gives it to a transport of its own, or hands the document over by HTTPS. It
 * knows neither the store nor the clock of the reporter: the thread that made
 * the senders asks and tells the store, and is the only one to call what is
 * here. With one sender there is no thread, and senders_start() sends.
 */
#ifndef REPORTS_SENDER_H
#define REPORTS_SENDER_H

#include "lib/mail/mailto.h"
#include "lib/store/ledger.h"
#include "reports/https.h"
#include "reports/reporter.h"
#include "reports/submit.h"

#define SENDERS_MAX 32

/* A submission on its way. */
struct send_job {
	/* by whom it is started; all is in the arena, which is empty before */
	struct arena arena;
	void *owner;
	struct ledger_report report; /* with its body */
	unsigned number;
	bool https; /* to uri; else a mail to to */
	struct str uri;
	struct mailto to;
	bool may_stage; /* the mail: it may be made ready only */
	/* what came of it */
	int err; /* 0, or no mail could be made of it: AVER_NOMEM, or why */
	struct diag why;
	struct transport_reply reply; /* of a mail */
	struct transport_stage stage; /* not empty: it is not delivered yet */
	struct https_reply https_reply;
};

struct senders;

/* As many as report_senders says. AVER_NOMEM with d. */
int senders_open(struct reporter *r, const struct submit_kind *kind,
    struct senders **out, struct diag *d);
/* None may be busy. NULL allowed. */
void senders_close(struct senders *s);

/* The job of one that has nothing to do; NULL: all are busy. */
struct send_job *senders_idle(struct senders *s);
void senders_start(struct senders *s, struct send_job *job);
/* One is sending, or has sent and senders_free() was not called yet. */
bool senders_busy(const struct senders *s);
/* One that has ended; NULL: none did within ms (-1: however long it takes). */
struct send_job *senders_ended(struct senders *s, int ms);
/* What belongs to the job is forgotten, and its sender idle. */
void senders_free(struct senders *s, struct send_job *job);

/*
 * The sender of this job, which has ended, gets no other: the transport takes
 * no more connections than the other senders have. False: there is no other.
 */
bool senders_retire(struct senders *s, struct send_job *job);

#endif
