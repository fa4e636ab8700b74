/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Authentication-Results (RFC 8601): the writer, which is the one escaper for
 * that field, and the parser.
 */
#ifndef MAIL_AUTHRES_H
#define MAIL_AUTHRES_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

/*
 * Writer. Call authres_begin(), then for each result authres_result(), in the
 * order of RFC 8601 section 2.2 its optional comment, reason and properties;
 * authres_end() at last. The value is folded so that no line is above 78
 * octets where a fold is possible and never above 998 (RFC 5322 section
 * 2.1.1); line ends are newline + tab, where newline is "\r\n" or "\n" as
 * the caller chose ("\n" for libmilter). It starts with a space. A text
 * longer than its bound is cut and ends in "...", so that what is left of a
 * domain name is none.
 */
struct authres_writer {
	struct buf *out;
	const char *newline;
	size_t col; /* octets in the current line */
	unsigned results;
};

/* out: empty buffer that will hold the value (without "Name:"). id: the
 * authserv-id; quoted when it is no token; at most 255 octets. */
void authres_begin(struct authres_writer *w, struct buf *out, struct str id,
    const char *newline);
/* method and result: words of the registry, constants of ours. */
void authres_result(
    struct authres_writer *w, const char *method, const char *result);
/* "(text)"; parentheses, backslashes, control and non-ASCII octets in text
 * are made harmless; at most 200 octets are kept. Nothing for empty text. */
void authres_comment(struct authres_writer *w, struct str text);
/* reason="text"; at most 255 octets, nothing for empty text. */
void authres_reason(struct authres_writer *w, struct str text);
/*
 * ptype.property=value, e.g. "smtp.mailfrom". The value is written as token
 * or quoted-string; control octets are dropped, non-ASCII kept only when
 * valid UTF-8 and utf8 is true, else replaced by "?"; at most 255 octets.
 */
void authres_prop(
    struct authres_writer *w, const char *name, struct str value, bool utf8);
/* The same for [local-part] "@" domain, unquoted where the grammar allows
 * (RFC 8601 section 2.2, pvalue's second alternative). */
void authres_prop_addr(
    struct authres_writer *w, const char *name, struct str value, bool utf8);
/* Adds "; none" when no result was written. */
void authres_end(struct authres_writer *w);

/* Parser. */
struct authres_property {
	struct str ptype, name, value; /* value unquoted, comments removed */
};

struct authres_entry {
	struct str method, result, reason;
	unsigned version; /* of the method, 1 by default */
	struct authres_property *props;
	size_t n_props;
};

struct authres {
	struct str id; /* unquoted */
	unsigned version; /* 1 by default */
	struct authres_entry *entries;
	size_t n_entries; /* 0 for "none" */
};

/*
 * Parses the value of a field (folded or not). Bounds: 64 kB, 500 results,
 * 100 properties each. Beyond the grammar it reads one ";" behind all, and
 * base64 and IPv6 addresses without quotes. Returns 0, AVER_SYNTAX (also for
 * an unknown version, RFC 8601 section 2.6), AVER_LIMIT or AVER_NOMEM; *out
 * is set on success only.
 */
int authres_parse(
    struct arena *a, struct str value, struct authres *out, struct diag *d);

/*
 * Does the value of a field claim to come from id (RFC 8601 section 5, for
 * the removal of forgeries)? Read leniently: case, quotes, comments, a final
 * dot, "id/more", U-labels, any version. A value that is not clearly
 * another's is a claim as soon as id stands anywhere in it, or as soon as that
 * takes more work than any honest one does. id not empty.
 */
bool authres_names_id(struct str value, struct str id);

#endif
