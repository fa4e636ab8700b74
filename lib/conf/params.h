/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The table of parameters. A parameter's name is the name of its field in
 * struct conf, and the field's C type is checked against the declared type at
 * compile time; see the macros in
 * params_table.h. The configuration parser, the
 * printer and aver.conf(5) are made from this table and nothing else.
 */
#ifndef CONF_PARAMS_H
#define CONF_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"

enum param_type {
	PARAM_TEXT, /* const char *: text that check() accepts */
	PARAM_BOOL, /* bool: yes, no */
	PARAM_INTEGER, /* int64_t: min to max */
	PARAM_OCTAL, /* int64_t: min to max, octal digits */
	PARAM_TIME, /* int64_t: min to max of unit; s, m, h, d, ms */
	PARAM_SIZE, /* int64_t octets: min to max; k, M, G */
	PARAM_WORD, /* an enum or int: one of words */
	PARAM_STRINGS, /* struct conf_strings: all items check() accepts */
	PARAM_NETS, /* struct conf_nets */
	PARAM_TYPE_COUNT
};

enum param_unit { UNIT_MS, UNIT_S };

enum param_section {
	SECTION_GENERAL,
	SECTION_MILTER,
	SECTION_DNS,
	SECTION_EVALUATION,
	SECTION_RECORD,
	SECTION_REPORT,
	SECTION_TLS,
	SECTION_POLICYD,
	SECTION_COUNT
};

const char *param_section_name(enum param_section s);

struct param_word {
	const char *word;
	int value;
};

struct param {
	const char *name;
	enum param_type type;
	enum param_section section;
	size_t offset; /* of the field in struct conf */
	const char *fallback; /* the default, as text */
	int64_t min, max; /* of numbers */
	enum param_unit unit; /* PARAM_TIME: of the field and of a value
	                         without suffix */
	const struct param_word *words; /* ends with a NULL word */
	bool (*check)(struct str); /* PARAM_TEXT, PARAM_STRINGS */
	const char *expected; /* PARAM_TEXT, PARAM_STRINGS: what check wants,
	                         after "expected " */
	bool restart; /* a change needs a restart, not a reload */
	const char *help; /* one sentence, no markup */
	const char *manual; /* more sentences, mdoc(7); may be NULL */
};

/* The parameter number i in the order of the manual; NULL behind the last. */
const struct param *params_at(size_t i);
/* The i of one that params_at() gives. */
size_t params_index(const struct param *p);
#define PARAMS_MAX 256 /* at least as many as there are */
/* NULL if there is none of that name (exact case). */
const struct param *params_find(struct str name);
/* The one whose name is nearest to a misspelt one, NULL if none is near. */
const struct param *params_nearest(struct str name);

#endif
