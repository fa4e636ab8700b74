/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The stricter sister of tag.h: records of MTA-STS (RFC 8461 section 3.1) and
 * TLSRPT (RFC 8460 section 3), which share a grammar.
 *
 *   record = version 1*( delim field ) [ delim ]
 *   delim  = *WSP ";" *WSP
 *   field  = name "=" value
 *   name   = ( ALPHA / DIGIT ) *31( ALPHA / DIGIT / "_" / "-" / "." )
 *
 * Names are compared with case; of a repeated one the first counts.
 */
#ifndef TAG_FIELDS_H
#define TAG_FIELDS_H

#include <stdbool.h>

#include "lib/base/diag.h"
#include "lib/base/scan.h"
#include "lib/base/str.h"

struct field {
	struct str name;
	struct str value; /* up to the delimiter; may be empty */
};

/*
 * The version ("v=STSv1") with a delimiter after it; the cursor is then at the
 * first field. Without it the text is no record of that kind.
 */
bool fields_begin(struct scan *s, struct str version);

/*
 * 1 with the next field in *out, 0 at the end, AVER_SYNTAX with d filled. White
 * space at the end of the record is passed over, though the grammar has none.
 */
int fields_next(struct scan *s, struct field *out, struct diag *d);

/* An extension's value: 1*( %x21-3A / %x3C / %x3E-7E ). */
bool fields_ext_ok(struct str value);

#endif
