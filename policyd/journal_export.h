/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The journal export format, as far as lines of syslog are made of it. Octets
 * in, entries out; memory is bounded whatever comes.
 */
#ifndef POLICYD_JOURNAL_EXPORT_H
#define POLICYD_JOURNAL_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

#define JOURNAL_OCTETS \
	((size_t)65536) /* of one field; longer ones are skipped */
#define JOURNAL_VALUE ((size_t)12288) /* kept of a value */

enum journal_field {
	JOURNAL_CURSOR,
	JOURNAL_TIME, /* microseconds since the epoch */
	JOURNAL_HOST,
	JOURNAL_NAME, /* "postfix/smtp" */
	JOURNAL_PID,
	JOURNAL_MESSAGE,
	JOURNAL_FIELD_COUNT
};

struct journal_export {
	char in[JOURNAL_OCTETS];
	size_t n; /* octets in it */
	uint64_t skip; /* octets to come that are passed over */
	bool skip_line; /* as is everything up to the end of the line */
	bool given; /* the values are of an entry that is complete */
	struct {
		char p[JOURNAL_VALUE];
		size_t n;
		bool is_there;
	} v[JOURNAL_FIELD_COUNT];
};

void journal_export_init(struct journal_export *j);

/* Where more octets go, at most *n of them; never 0 after journal_next(). */
char *journal_room(struct journal_export *j, size_t *n);
void journal_added(struct journal_export *j, size_t n);

/*
 * True with an entry complete, whose values can be read until the next call.
 */
bool journal_next(struct journal_export *j);

/* Empty when the entry has none. */
struct str journal_value(const struct journal_export *j, enum journal_field f);

/*
 * The entry as a line of syslog with a stamp of RFC 3339, without its end; line
 * breaks in the message become spaces. Nothing for one without message or
 * name.
 */
void journal_line(const struct journal_export *j, struct buf *b);

#endif
