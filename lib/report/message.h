/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The mail that carries a report: RFC 5322 with CRLF, signed. The same input
 * gives the same octets (RSA and Ed25519 signatures are deterministic), so a
 * report that is sent again is the same mail. Takes the memory of the message
 * itself (1.4 times the attachment) and 64 kB.
 */
#ifndef REPORT_MESSAGE_H
#define REPORT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/dkim/dkim_sign.h"
#include "lib/report/report_id.h"

struct report_message {
	struct report_name name;
	struct str id; /* of report_id_make() */
	/* header */
	struct str from; /* report_email: addr-spec */
	struct str from_name; /* display name; may be empty */
	struct str to; /* addr-spec of the mailto: URI, decoded */
	int64_t date;
	/* our name in the Subject, file name, Message-ID; empty: the domain of
	 * from. For TLS it must be that domain (RFC 8460 section 4.4). */
	struct str submitter;
	struct str organization; /* for the text part; may be empty */
	struct str contact; /* URL or address of a human; may be empty */
	/* DMARC, TLS: the document */
	struct str document; /* octets of the attachment */
	bool gzip; /* they are compressed */
	uint64_t rows, messages; /* for the text part: DMARC */
	uint64_t successes, failures; /* sessions: TLS */
	/* FAILURE (lib/arf): parts two and three; the headers are those to be
	 * shown, with CRLF after each, redacted */
	struct str feedback, headers;
	struct str subject; /* of the message reported on; may be empty */
	/* signature; key NULL: unsigned. now and valid are filled in here */
	const struct dkim_engine *engine; /* for a signature */
	struct dkim_sign_config sign[2]; /* the second for a second key */
};

/*
 * Appends the message to b (its memory best not from an arena: one block).
 * Returns 0, AVER_SYNTAX with d when an address or domain cannot be used,
 * AVER_LIMIT or AVER_NOMEM (then what b holds is of no use), AVER_CRYPTO.
 * The message is 7bit but for an internationalized To (utf8_to is set true;
 * needs SMTPUTF8). d and utf8_to may be NULL.
 */
int report_message_write(const struct report_message *m, struct buf *b,
    bool *utf8_to, struct diag *d);

#endif
