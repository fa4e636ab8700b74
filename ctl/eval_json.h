/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The JSON and the readable form of an evaluation (`aver eval`). */
#ifndef CTL_EVAL_JSON_H
#define CTL_EVAL_JSON_H

#include <stdio.h>

#include <jansson.h>

#include "ctl/eval_run.h"

/*
 * A JSON string. Octets that are no valid UTF-8 make every octet outside
 * printable ASCII appear as \xHH, so that nothing is lost or invented.
 */
json_t *eval_json_str(struct str s);

/*
 * The object of the command contract; NULL when memory is out. The caller
 * owns it.
 */
json_t *eval_json(struct eval_state *st);

/* The same for a human, a few lines. */
void eval_print(struct eval_state *st, FILE *out);

#endif
