/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Phase two of a report: what is due in the ledger is sent, by as many senders
 * as report_senders says (sender.h), and what came of each is written down
 * before its sender gets another. What waits for the disk is done for several
 * at once: the claims, and the octets of what goes to a directory. The same for
 * every kind of report.
 */
#ifndef REPORTS_SUBMIT_H
#define REPORTS_SUBMIT_H

#include "lib/report/message.h"
#include "reports/reporter.h"

struct submit_kind {
	enum ledger_kind kind;
	enum report_kind report;
	/*
	 * Fills in what is special to the kind; the rest is there already.
	 * May be NULL. Returns 0 or an error that makes the submission fail,
	 * with d.
	 */
	int (*fill)(const struct ledger_report *r, struct arena *a,
	    struct report_message *m, struct diag *d);
	/* the media type of a document that may go by HTTPS; NULL: none may */
	const char *https_type;
};

struct submit_result {
	uint64_t sent, retried, failed, suppressed;
	bool capped; /* something had to stay for a cap */
	bool down; /* the transport or the store could not be used */
};

/*
 * Sends what is due, at most `most`, and waits for what becomes due up to
 * `patience` seconds from now. Returns 0, or what the store said with d.
 */
int submit_due(struct reporter *r, const struct submit_kind *kind,
    uint64_t most, int64_t patience, struct submit_result *out, struct diag *d);

#endif
