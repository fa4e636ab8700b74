/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The identifier of a report and the names made of it. One ID stands in the
 * document, the Subject, the Message-ID and the file name (RFC 9990 sections
 * 3.1.4 and 3.5), so it consists of letters and digits only; lower case, as
 * some systems change it. It is derived from what the report is about: the
 * same report made again, after a crash or by another host with the same
 * store, has the same ID.
 */
#ifndef REPORT_REPORT_ID_H
#define REPORT_REPORT_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

enum report_kind {
	REPORT_KIND_DMARC, /* RFC 9990 */
	REPORT_KIND_FAILURE, /* RFC 9991 */
	REPORT_KIND_TLS, /* RFC 8460 */
	REPORT_KIND_COUNT
};

const char *report_kind_name(enum report_kind k); /* "dmarc" ... */

/* Octets of an ID: base32 of 120 bits. */
#define REPORT_ID_OCTETS 24

struct report_name {
	enum report_kind kind;
	struct str policy_domain; /* lower-case A-labels */
	/*
	 * The period in seconds since the epoch; end is exclusive, as in the
	 * ledger. What is printed as end, here and in the document, is
	 * end - 1: the last second (RFC 9990 section 3.1.1.4).
	 */
	int64_t begin, end;
	unsigned part; /* 0, and from 1 on when a report was split */
	/*
	 * What tells apart reports that agree in all of the above: for TLS the
	 * DNS record, for failure reports the first incident's octets. Else
	 * empty.
	 */
	struct str detail;
};

/*
 * salt: of this site, any octets (store_secret()); so that others cannot tell
 * the ID beforehand. Returns 0, AVER_CRYPTO. out is not NUL-terminated.
 */
int report_id_make(
    const struct report_name *n, struct str salt, char out[REPORT_ID_OCTETS]);
/* True when s has the form of an ID: 24 of a-z and 2-7. */
bool report_id_ok(struct str s);

/*
 * Appends the file name: DMARC by RFC 9990 section 3.5.2
 * "receiver!policy-domain!begin!end!id.xml" or ".xml.gz", TLS by RFC 8460
 * section 5.1 with ".json" or ".json.gz". receiver: our domain (the one of
 * report_email). A failure report has no file name: nothing is appended.
 */
void report_file_name(struct buf *b, const struct report_name *n,
    struct str receiver, struct str id, bool gzip);

/*
 * Appends the value of the Subject, not folded (its spaces are where it may
 * be): "Report Domain: D Submitter: S Report-ID: ID" (RFC 9990 section 3.5.2),
 * TLS with "<ID@S>" (RFC 8460 section 5.3). Not for failure reports.
 */
void report_subject(struct buf *b, const struct report_name *n,
    struct str submitter, struct str id);

#endif
