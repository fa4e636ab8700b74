/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The reports in a file, whatever it is: XML, JSON, either of them in gzip or
 * in a ZIP archive, or a message with any of these attached. What it is shows
 * in its content; names and media types lie too often.
 */
#ifndef CTL_REPORT_FILE_H
#define CTL_REPORT_FILE_H

#include <stdint.h>
#include <stdio.h>

#include "lib/aggregate/aggregate_read.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/tlsrpt/tlsrpt_report.h"

/* Octets of a file that is not plain XML, which may be larger. */
#define REPORT_FILE_MAX ((size_t)32 * 1024 * 1024)
/* Octets of all that is in a file, uncompressed. */
#define REPORT_CONTENT_MAX ((uint64_t)1024 * 1024 * 1024)

enum report_kind {
	REPORT_AGGREGATE, /* RFC 9990, RFC 7489 */
	REPORT_TLS, /* RFC 8460 */
	REPORT_FAILURE, /* RFC 9991: named, its fields given as they stand */
	REPORT_KIND_COUNT
};

const char *report_kind_name(enum report_kind k); /* "aggregate" ... */

/* How the reading of one report ended. */
struct report_result {
	int err; /* 0 or enum aver_err */
	struct str why; /* for a human, when err is not 0 */
	uint64_t records, messages; /* of an aggregate report, so far */
};

/*
 * For each report begin is called, then what it holds as it is read, then
 * end. name: of attachments and archive members, from outside to inside;
 * empty for the file itself. A value other than 0 stops everything.
 */
struct report_visitor {
	int (*begin)(void *arg, enum report_kind kind, struct str name);
	struct aggregate_events aggregate;
	int (*tls)(void *arg, const struct tlsrpt_report *report);
	int (*failure)(void *arg, struct str fields);
	int (*end)(void *arg, const struct report_result *result);
};

/*
 * Reads f to its end. Returns 0 when there was a report and all were sound,
 * else the first error, with the limit or the place in d: AVER_NOTFOUND (no
 * report), AVER_SYNTAX, AVER_LIMIT, AVER_NOMEM, AVER_IO, or what a callback
 * returned.
 */
int report_file_read(
    FILE *f, const struct report_visitor *visitor, void *arg, struct diag *d);

#endif
