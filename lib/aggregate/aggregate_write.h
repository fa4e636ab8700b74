/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Writes DMARC aggregate reports, gzip-compressed XML, row by row: memory does
 * not grow with their number. What is written is valid against the schema of
 * its format for every evaluation that evaluation_encode() can record.
 *
 *	w = aggregate_writer_new();
 *	for each report:
 *		aggregate_write_begin(w, &meta, &last, format, max, sink, arg)
 *		aggregate_write_row(w, &ev, count), at least one
 *		aggregate_write_end(w)
 *	aggregate_writer_free(w);
 */
#ifndef AGGREGATE_AGGREGATE_WRITE_H
#define AGGREGATE_AGGREGATE_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/store/evaluation.h"

enum aggregate_format {
	/* RFC 9990 section 3.1 in an order that older readers accept too */
	AGGREGATE_RFC9990,
	/* RFC 7489 appendix C, without a namespace, as it is in use */
	AGGREGATE_RFC7489,
	AGGREGATE_FORMAT_COUNT
};

const char *aggregate_format_name(enum aggregate_format f); /* "rfc9990" */

/* report_metadata (RFC 9990 section 3.1.1.3); strings in any octets. */
struct aggregate_meta {
	struct str org_name, email;
	struct str extra_contact_info; /* left out when empty */
	struct str report_id;
	/* The period is begin <= t < end; the report then says end - 1. */
	int64_t begin, end;
	/* What was wrong with the policy record (section 3.1.5). */
	const struct str *errors;
	size_t n_errors;
};

struct aggregate_writer;

/* About 400 kB. NULL when memory is out. A writer serves any number of
 * reports, one after the other. */
struct aggregate_writer *aggregate_writer_new(void);
void aggregate_writer_free(struct aggregate_writer *w); /* NULL too */

/*
 * Begins a report; one that was not ended is forgotten. policy_published comes
 * from `last` (its policy fields only: use the newest evaluation). The octets
 * of the .xml.gz go to the sink as they come, see lib/zip/gz.h. max_size: most
 * octets the compressed report should have, 0 for any. Nothing that is passed
 * is kept but sink and arg. Returns 0, the sink's value or AVER_NOMEM.
 */
int aggregate_write_begin(struct aggregate_writer *w,
    const struct aggregate_meta *meta, const struct evaluation *last,
    enum aggregate_format format, uint64_t max_size,
    int (*sink)(void *arg, struct str octets), void *arg);
/*
 * One record (section 3.1.1.7) of `count` messages. AVER_LIMIT: with this row
 * the report could become larger than max_size; nothing was written, the
 * report may be ended and the row belongs into the next one. The first row of
 * a report is always taken. Otherwise 0, the sink's value or AVER_NOMEM.
 */
int aggregate_write_row(
    struct aggregate_writer *w, const struct evaluation *ev, uint64_t count);
/* Completes the report. 0, the sink's value, AVER_NOMEM, or AVER_BUG when it
 * has no row. */
int aggregate_write_end(struct aggregate_writer *w);

/* Of the report that was begun last: octets given to the sink, rows, messages
 * in them. */
uint64_t aggregate_writer_size(const struct aggregate_writer *w);
uint64_t aggregate_writer_rows(const struct aggregate_writer *w);
uint64_t aggregate_writer_messages(const struct aggregate_writer *w);

/*
 * Appends s as a report shows it: UTF-8 whose characters XML 1.0 allows.
 * U+FFFD stands for each octet that is no UTF-8, each control character and
 * each character that is none (U+FFFE, U+FFFF). Not escaped.
 */
void aggregate_text(struct buf *b, struct str s);

#endif
