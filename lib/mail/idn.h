/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The one door to libidn2. */
#ifndef MAIL_IDN_H
#define MAIL_IDN_H

#include "lib/base/arena.h"
#include "lib/base/str.h"

/*
 * A domain name in UTF-8, mapped as UTS 46 (non-transitional) says, to
 * A-labels (RFC 5891 section 5). Returns 0 with *out in the arena, AVER_SYNTAX
 * when the name is refused, AVER_NOMEM. The result may still hold ASCII
 * octets that are none of a host name: domain_to_ascii() checks them.
 */
int idn_to_ascii(struct arena *a, struct str name, struct str *out);

#endif
