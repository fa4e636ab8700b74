/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What a store holds as lines of JSON, for other stores, other programs and
 * people: one object a line, of which "kind" says what it is. aver(1) describes
 * the members for users; the table in portable.c is what counts. A text is a
 * string when it is UTF-8, else {"b64": "..."}.
 */
#ifndef CTL_PORTABLE_H
#define CTL_PORTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/destination.h"
#include "lib/store/failure.h"
#include "lib/store/ledger.h"
#include "lib/store/store.h"
#include "lib/store/sts.h"
#include "lib/store/suppress.h"
#include "lib/store/tls_result.h"
#include "lib/store/upkeep.h"

#define PORTABLE_VERSION 1
#define PORTABLE_LINE_MAX ((size_t)4 << 20) /* octets */
#define PORTABLE_BODY_PART 49152 /* octets of a document in one line */

/* In the order in which an export has them. */
enum portable_kind {
	PORTABLE_STORE, /* the first line */
	PORTABLE_SOURCE,
	PORTABLE_SECRET,
	PORTABLE_KNOWN,
	PORTABLE_SUPPRESSION,
	PORTABLE_POLICY,
	PORTABLE_DESTINATION,
	PORTABLE_EVALUATION,
	PORTABLE_TLS_RESULT,
	PORTABLE_INCIDENT,
	PORTABLE_BAD_DATAGRAMS, /* how many there have been */
	PORTABLE_BAD_DATAGRAM,
	PORTABLE_REPORT,
	PORTABLE_BODY, /* a part of the document of the report before it */
	PORTABLE_END, /* the last line */
	PORTABLE_KIND_COUNT
};

/* One line. Of the members of store.h's structs only what it keeps counts. */
struct portable {
	enum portable_kind kind;
	union {
		struct {
			uint64_t version;
			int64_t created; /* when the export began */
		} store;
		struct {
			struct str name;
			uint64_t seq;
		} source;
		struct {
			struct str name, octets; /* STORE_SECRET of them */
		} secret;
		struct store_known known;
		struct store_suppression suppression;
		struct store_sts policy;
		struct store_destination destination;
		struct {
			struct store_evaluation row;
			bool last; /* counted last of this hour */
		} evaluation;
		struct {
			struct store_tls_result row;
			bool last; /* of this day */
		} tls_result;
		struct store_incident incident;
		struct {
			uint64_t total;
		} bad_datagrams;
		struct store_bad_datagram bad_datagram;
		struct {
			/* its body follows in lines of its own */
			struct ledger_report r;
			const struct ledger_submission *subs;
			size_t n_subs;
		} report;
		struct {
			struct str octets;
		} body;
		struct {
			uint64_t lines; /* of all before it */
			struct str sha256; /* of their octets, in hex */
		} end;
	} u;
};

const char *portable_kind_name(enum portable_kind k);

/*
 * Appends the object and a line feed; ASCII. AVER_NOMEM, AVER_LIMIT (above
 * PORTABLE_LINE_MAX).
 */
int portable_put(struct buf *b, const struct portable *p);

/*
 * Reads one line, without its line feed, into arena. Exactly the members of the
 * kind have to be there, within the bounds of the store. AVER_SYNTAX with a
 * text in d, AVER_NOMEM.
 */
int portable_get(
    struct str line, struct arena *arena, struct portable *out, struct diag *d);

#endif
