/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The address of a mailto URI (RFC 6068), as rua and ruf name one. */
#ifndef MAIL_MAILTO_H
#define MAIL_MAILTO_H

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

#define MAILTO_LOCAL_MAX 64 /* RFC 5321 section 4.5.3.1.1 */
#define MAILTO_ADDRESS_MAX (MAILTO_LOCAL_MAX + 1 + 253)

struct mailto {
	struct str local; /* a dot-string or quoted-string; may be UTF-8 */
	struct str domain; /* A-labels in lower case, at least two */
	struct str address; /* local "@" domain */
};

/*
 * Reads the one address of the URI, percent-decoded and checked: it can stand
 * in an SMTP command as it is. Header fields after "?" are not taken, so who
 * publishes a URI cannot add any. Returns 0 with *out in the arena,
 * AVER_NOTFOUND for another scheme, AVER_SYNTAX, AVER_NOMEM.
 */
int mailto_parse(
    struct arena *a, struct str uri, struct mailto *out, struct diag *d);

#endif
