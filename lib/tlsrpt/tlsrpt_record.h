/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The TXT record at _smtp._tls.DOMAIN: v=TLSRPTv1; rua=mailto:a@example.org */
#ifndef TLSRPT_TLSRPT_RECORD_H
#define TLSRPT_TLSRPT_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

#define TLSRPT_RECORD_OCTETS_MAX ((size_t)65536)
#define TLSRPT_RUA_MAX ((size_t)1000)

enum tlsrpt_scheme {
	TLSRPT_MAILTO,
	TLSRPT_HTTPS,
	/* a URI, but nothing a report can be sent to: another scheme, or no
	 * address or host that can be used */
	TLSRPT_OTHER,
};

struct tlsrpt_uri {
	struct str text; /* as in the record: a view of it */
	enum tlsrpt_scheme scheme;
	/* of TLSRPT_MAILTO: the address, decoded, without "?..." */
	struct str address;
};

struct tlsrpt_record {
	const struct tlsrpt_uri *rua; /* of all rua fields, at least one */
	size_t n_rua;
	size_t n_usable; /* that are not TLSRPT_OTHER */
	struct str text; /* what was parsed */
};

/*
 * The text begins as records of TLSRPT do. Of all TXT records of a name exactly
 * one must; with none or several there is no policy.
 */
bool tlsrpt_record_is(struct str text);

/*
 * One record, its strings concatenated. Returns 0, AVER_SYNTAX with d filled
 * (also when no URI is of use and one of mailto or https is why), AVER_LIMIT
 * (too long, too many URIs) or AVER_NOMEM.
 */
int tlsrpt_record_parse(struct arena *a, struct str text,
    struct tlsrpt_record *out, struct diag *d);

#endif
