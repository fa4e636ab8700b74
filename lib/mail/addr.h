/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Envelope addresses (RFC 5321) and domain names in mail. */
#ifndef MAIL_ADDR_H
#define MAIL_ADDR_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"

/*
 * An envelope path as the client sent it: "<a@b>", "a@b", "<>", "". Removes
 * angle brackets and a source route ("@r1,@r2:", RFC 5321 section 4.1.1.3).
 */
struct str addr_strip(struct str path);

/*
 * Splits at the last "@" (RFC 5321 section 4.1.2: a quoted local-part may
 * hold others). Without "@" local is all of it and domain is {NULL, 0}.
 */
void addr_split(struct str addr, struct str *local, struct str *domain);

/*
 * A domain as it stands in mail to lower-case A-labels without trailing dot
 * (RFC 8616 section 2, RFC 9989 section 5.3.1). Plain ASCII is only checked
 * and lower-cased. Returns 0 with *out in the arena, AVER_SYNTAX when it is
 * no domain name (empty label, octets other than letters, digits, "-", "_"
 * in an ASCII label, IDNA2008 refusal, too long, an address literal),
 * AVER_NOMEM. Labels may hold "_": names of hosts in the wild do.
 */
int domain_to_ascii(struct arena *a, struct str domain, struct str *out);

/* name equals parent or ends in "." parent; ASCII case ignored. */
bool domain_is_below(struct str name, struct str parent);
/* Labels of a name without trailing dot; 0 for an empty one. */
unsigned domain_labels(struct str name);
/* The rightmost n labels. */
struct str domain_tail(struct str name, unsigned n);

#endif
