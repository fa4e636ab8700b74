/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The types that parameters have: from text, to text, and what to expect. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/conf/conf.h"
#include "lib/conf/params.h"

/*
 * Reads text (white space at both ends removed) into p's field of c; its
 * memory comes from a. Returns 0, AVER_SYNTAX with d saying what is wrong
 * with it, or AVER_NOMEM. The field is untouched on failure.
 */
int value_parse(const struct param *p, struct arena *a, struct str text,
    struct conf *c, struct diag *d);
/* Appends the text of p's field: value_parse() of it gives the same value. */
void value_print(struct buf *b, const struct param *p, const struct conf *c);
/* Appends what a value has to be: "a number from 1 to 50". */
void value_expected(struct buf *b, const struct param *p);

#endif
