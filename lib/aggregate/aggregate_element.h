/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The elements of an aggregate report as a table: which stands where, and
 * where its text goes. Both formats and what is common in the wild.
 */
#ifndef AGGREGATE_AGGREGATE_ELEMENT_H
#define AGGREGATE_AGGREGATE_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>

enum aggregate_node {
	AGG_OUTSIDE, /* of the root */
	AGG_UNKNOWN,
	AGG_FEEDBACK,
	AGG_METADATA,
	AGG_DATE_RANGE,
	AGG_POLICY,
	AGG_RECORD,
	AGG_ROW,
	AGG_EVALUATED,
	AGG_REASON,
	AGG_IDENTIFIERS,
	AGG_AUTH_RESULTS,
	AGG_DKIM,
	AGG_SPF,
	AGG_LEAF, /* has text and no node of its own */
};

/* What a leaf's text becomes part of. */
enum aggregate_target {
	AGG_TO_NONE,
	AGG_TO_REPORT, /* struct aggregate_report */
	AGG_TO_RECORD, /* struct aggregate_record */
	AGG_TO_REASON, /* the newest struct aggregate_reason */
	AGG_TO_AUTH, /* the newest struct aggregate_auth */
};

enum aggregate_kind {
	AGG_TEXT,
	AGG_WORD, /* of a vocabulary: lower case */
	AGG_BEGIN, /* of the period */
	AGG_END,
	AGG_ERROR,
	AGG_IP,
	AGG_COUNT,
};

struct aggregate_element {
	enum aggregate_node parent;
	const char *name;
	enum aggregate_node node;
	enum aggregate_target target;
	enum aggregate_kind kind;
	size_t offset; /* of a struct str in the target */
};

/* NULL when the parent has no such child, or knows none. */
const struct aggregate_element *
aggregate_element_find(enum aggregate_node parent, const char *name);

#endif
