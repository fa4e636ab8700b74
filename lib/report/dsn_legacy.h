/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Bounces without a message/delivery-status, and automatic replies. */
#ifndef REPORT_DSN_LEGACY_H
#define REPORT_DSN_LEGACY_H

#include "lib/mail/mime.h"
#include "lib/report/dsn.h"

/*
 * Sets out->what and adds recipients: the prose of qmail, of Exim without its
 * DSN option and of other programs that follow them. Returns 0 or AVER_NOMEM.
 */
int
dsn_read_legacy(struct arena *a, const struct mime_tree *t, struct dsn *out);

/* s as one line of printable UTF-8, cut at 400 octets. */
struct str dsn_line(struct arena *a, struct str s);

/* The next a@b in *rest, with dot-atoms on both sides. */
bool dsn_next_address(struct str *rest, struct str *out);

#endif
