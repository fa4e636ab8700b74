/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Writes TLS reports (RFC 8460 section 4.4) as JSON, row by row: memory does
 * not grow with their number.
 *
 *	w = tlsrpt_writer_new();
 *	for each report:
 *		tlsrpt_write_begin(w, &meta, sink, arg)
 *		tlsrpt_write_row(w, policy, detail, success, failure)
 *		tlsrpt_write_end(w)
 *	tlsrpt_writer_free(w);
 */
#ifndef TLSRPT_TLSRPT_WRITE_H
#define TLSRPT_TLSRPT_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"

/*
 * Different failures of one policy that are told one by one. What comes after
 * them is summed by its result type, with the reason TLSRPT_REMAINDER, so that
 * no session is missing.
 */
#define TLSRPT_DETAILS_MAX ((size_t)10000)
#define TLSRPT_REMAINDER "further-details-left-out"

/* Strings in any octets. */
struct tlsrpt_meta {
	struct str organization, contact, report_id;
	/* The period is begin <= t < end; the report then says end - 1. */
	int64_t begin, end;
};

struct tlsrpt_writer;

/* About 3 MB with many failures, less otherwise. NULL when memory is out. */
struct tlsrpt_writer *tlsrpt_writer_new(void);
void tlsrpt_writer_free(struct tlsrpt_writer *w); /* NULL too */

/*
 * Begins a report; one that was not ended is forgotten. The octets go to the
 * sink as they come; a value of it other than 0 ends the report. Nothing that
 * is passed is kept but sink and arg. Returns 0, the sink's value, AVER_NOMEM.
 */
int tlsrpt_write_begin(struct tlsrpt_writer *w, const struct tlsrpt_meta *meta,
    int (*sink)(void *arg, struct str octets), void *arg);

/*
 * policy and detail: of tlsrpt_policy_encode() and tlsrpt_failure_encode(), or
 * detail empty. Rows of one policy have to come one after the other, as a take
 * of the store gives them; equal details among them are summed. Returns 0, the
 * sink's value, AVER_SYNTAX (octets that are none: nothing was counted) or
 * AVER_NOMEM.
 */
int tlsrpt_write_row(struct tlsrpt_writer *w, struct str policy,
    struct str detail, uint64_t success, uint64_t failure);

/* Completes the report. */
int tlsrpt_write_end(struct tlsrpt_writer *w);

/* Of the report that was begun last. */
struct tlsrpt_written {
	uint64_t octets; /* given to the sink */
	uint64_t policies; /* that were completed */
	uint64_t success, failure; /* sessions in rows */
	uint64_t left_out; /* sessions in remainders */
};

void
tlsrpt_writer_counts(const struct tlsrpt_writer *w, struct tlsrpt_written *out);

#endif
