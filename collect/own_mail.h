/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Which messages of Postfix's queue are reports of ours: RFC 8460 section 3
 * wants their sessions to be left out, or reports would cause reports for ever.
 */
#ifndef COLLECT_OWN_MAIL_H
#define COLLECT_OWN_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/str.h"

#define OWN_MAIL_MAX 1024 /* remembered; older ones are forgotten */
#define OWN_MAIL_ID ((size_t)32)

struct own_mail {
	struct str local, domain; /* of the sender; empty: there are none */
	char delimiter;
	struct {
		char p[OWN_MAIL_ID];
		size_t n;
	} ids[OWN_MAIL_MAX];
	size_t next;
};

/*
 * address: the envelope sender of reports, local@domain, with views kept; a
 * sender counts when it is that or has the delimiter and a token behind local.
 */
void own_mail_init(struct own_mail *o, struct str address, char delimiter);

/* Looks at a line of the log: qmgr(8) names sender and queue ID. */
void own_mail_line(struct own_mail *o, struct str line);
bool own_mail_is(const struct own_mail *o, struct str queue_id);

#endif
