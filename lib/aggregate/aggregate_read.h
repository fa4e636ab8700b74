/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Reads DMARC aggregate reports (RFC 9990 section 3.1, RFC 7489 appendix C)
 * piece by piece and gives each record to a callback: memory does not grow
 * with their number.
 *
 * Tolerant: any namespace or none, children in any order, elements that it
 * does not know are ignored, values may be missing, empty or unknown words.
 * Strict about what could harm: a document type declaration (and so any
 * entity of the document's own) is an error, nothing outside of the document
 * is ever opened, and all sizes are limited, see struct aggregate_limits.
 */
#ifndef AGGREGATE_AGGREGATE_READ_H
#define AGGREGATE_AGGREGATE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"

/* 0 anywhere: what stands behind it. */
struct aggregate_limits {
	uint64_t octets; /* of the document: 1 GiB */
	uint64_t records; /* 10 million */
	size_t depth; /* of elements: 32 */
	size_t text; /* octets in one element: 16 kB */
	size_t elements; /* in one record, or in all before it: 20 000 */
	uint64_t unknown; /* elements that are ignored: 10 million */
};

#define AGGREGATE_ERRORS_MAX 16 /* further ones are ignored */

/*
 * What stands there once. Strings are the document's text in UTF-8 without
 * white space at the ends, empty when missing; words of a fixed vocabulary
 * (p, sp, r, pass ...) are in lower case. Any character may be in them.
 */
struct aggregate_report {
	struct str ns; /* of the root element; empty: none */
	struct str version;
	struct str org_name, email, extra_contact_info, report_id, generator;
	struct str begin_text, end_text;
	int64_t begin, end; /* a fraction is cut off; 0 if it is no number */
	struct str errors[AGGREGATE_ERRORS_MAX];
	size_t n_errors;
	struct str domain, p, sp, np, adkim, aspf, pct, fo, testing;
	struct str discovery_method;
};

struct aggregate_reason {
	struct str type, comment;
};

/* dkim and spf of auth_results; selector or scope stays empty. */
struct aggregate_auth {
	struct str domain, selector, scope, result, human_result;
};

struct aggregate_record {
	struct str source_ip;
	struct ip ip; /* IP_NONE when source_ip is no address */
	uint64_t count; /* 0 if it is no number */
	struct str disposition, dkim, spf;
	const struct aggregate_reason *reasons;
	size_t n_reasons;
	struct str header_from, envelope_from, envelope_to;
	const struct aggregate_auth *dkim_results, *spf_results;
	size_t n_dkim_results, n_spf_results;
};

/*
 * Either may be NULL. What is passed is valid for the call. Other values than
 * 0 stop the reader, which returns them.
 */
struct aggregate_events {
	/* Once, before the first record where its parts stand there first, as
	 * they should, else at the end of the document. */
	int (*head)(void *arg, const struct aggregate_report *report);
	int (*record)(void *arg, const struct aggregate_record *record);
};

struct aggregate_reader;

/* limits: NULL for the defaults. events and arg stay the caller's. NULL when
 * memory is out. */
struct aggregate_reader *
aggregate_reader_new(const struct aggregate_limits *limits,
    const struct aggregate_events *events, void *arg);
void aggregate_reader_free(struct aggregate_reader *r); /* NULL too */

/*
 * The next octets of the document, in pieces of any size. Returns 0, a
 * callback's value, AVER_SYNTAX (no XML, no report, a document type),
 * AVER_LIMIT or AVER_NOMEM; d then says what and where (offset is a line). A
 * failure is for good.
 */
int aggregate_reader_add(
    struct aggregate_reader *r, struct str octets, struct diag *d);
/* There are no more. AVER_SYNTAX when the document is not complete, or it
 * names no policy domain. What follows its root element is ignored. */
int aggregate_reader_end(struct aggregate_reader *r, struct diag *d);

/* Records and the messages in them, so far. */
uint64_t aggregate_reader_records(const struct aggregate_reader *r);
uint64_t aggregate_reader_messages(const struct aggregate_reader *r);

#endif
