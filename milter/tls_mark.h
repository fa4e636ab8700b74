/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The field that tells Postfix before 3.10 of a TLS-Required: No (RFC 8689
 * section 3): header checks of the site turn it into another transport. What
 * clients write of that name goes, in every message.
 */
#ifndef MILTER_TLS_MARK_H
#define MILTER_TLS_MARK_H

#include <stdbool.h>

#include "lib/base/str.h"
#include "lib/conf/conf.h"

struct tls_mark {
	const struct conf *conf;
	unsigned seen; /* fields of that name that came in */
	unsigned esmtp_seen; /* and of Require-TLS-ESMTP, Postfix's own */
	bool stays; /* a recipient is not delivered by a listed transport */
};

void tls_mark_init(struct tls_mark *m, const struct conf *c);
/* One recipient; mailer: its transport, empty if the MTA does not say. */
void tls_mark_rcpt(struct tls_mark *m, struct str mailer);
/* Every field of the message, whatever becomes of it: deletion counts them. */
void tls_mark_field(struct tls_mark *m, struct str name);
/* wish: of inbound_tls_wish(). Is the message to be marked? */
bool tls_mark_wanted(const struct tls_mark *m, struct str wish);

/* What the field says, with the space before it. */
#define TLS_MARK_VALUE " no"

#endif
