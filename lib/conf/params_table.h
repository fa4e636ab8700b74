/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the files of the table share: the macros that make an entry. A file for
 * each part, so that the parameters of a module stand together.
 */
#ifndef CONF_PARAMS_TABLE_H
#define CONF_PARAMS_TABLE_H

#include "lib/conf/check.h"
#include "lib/conf/conf.h"
#include "lib/conf/params.h"

/*
 * FIELD(f, type *) is the name and offset of field f; it does not compile when
 * the field is of another type. WORD(f, enum of the field, its words).
 */
/* clang-format off */
#define REF(f) (&((const struct conf *)0)->f)
#define FIELD(f, pointer) \
	.name = #f, \
	.offset = _Generic(REF(f), const pointer: offsetof(struct conf, f))
#define TEXT(f, test, wants) \
	FIELD(f, char *const *), \
	.type = PARAM_TEXT, .check = (test), .expected = (wants)
#define BOOL(f) FIELD(f, bool *), .type = PARAM_BOOL
#define NUMBER(f, what, low, high) \
	FIELD(f, int64_t *), .type = (what), .min = (low), .max = (high)
#define INTEGER(f, low, high) NUMBER(f, PARAM_INTEGER, low, high)
#define OCTAL(f, low, high) NUMBER(f, PARAM_OCTAL, low, high)
#define SIZE(f, low, high) NUMBER(f, PARAM_SIZE, low, high)
#define SECONDS(f, low, high) \
	NUMBER(f, PARAM_TIME, low, high), .unit = UNIT_S
#define MILLISECONDS(f, low, high) \
	NUMBER(f, PARAM_TIME, low, high), .unit = UNIT_MS
#define INT_WORD(f, list) FIELD(f, int *), .type = PARAM_WORD, .words = (list)
#define WORD(f, of, list) \
	FIELD(f, of *), .type = PARAM_WORD, .words = (list)
#define STRINGS(f, test, wants) \
	FIELD(f, struct conf_strings *), \
	.type = PARAM_STRINGS, .check = (test), .expected = (wants)
#define NETS(f) FIELD(f, struct conf_nets *), .type = PARAM_NETS
/* clang-format on */

#define KB ((int64_t)1024)
#define MB (1024 * KB)
#define GB (1024 * MB)
#define MINUTE 60
#define DAY 86400

struct param_list {
	const struct param *v;
	size_t n;
};

/* The table of a file under the name that params.c knows it by. */
#define PARAM_LIST(name, table)          \
	const struct param_list name = { \
	    (table), sizeof(table) / sizeof((table)[0])}

extern const struct param_list params_general, params_milter, params_dns,
    params_evaluation, params_record, params_report, params_failure, params_tls,
    params_policyd, params_tlsrpt;

#endif
