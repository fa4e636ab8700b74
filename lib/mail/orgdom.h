/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The public suffix list, for dmarc_discovery = psl (RFC 7489 section 3.2). */
#ifndef MAIL_ORGDOM_H
#define MAIL_ORGDOM_H

#include "lib/base/str.h"

struct orgdom;

/*
 * Loads the list from path (NULL or "": the system's newest, or the one built
 * into libpsl). NULL when there is none. Read-only afterwards, so threads may
 * share it.
 */
struct orgdom *orgdom_open(const char *path);
void orgdom_close(struct orgdom *o); /* NULL allowed */

/*
 * The registrable domain of a lower-case A-label name: a view of name's tail.
 * name itself when it is a public suffix.
 */
struct str orgdom_of(const struct orgdom *o, struct str name);

#endif
