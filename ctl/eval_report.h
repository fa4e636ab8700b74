/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver eval --batch`, kind "record", what "report_aggregate",
 * "report_tlsrpt", "report_failure": is this a report of that kind, and what
 * does it say in short.
 */
#ifndef CTL_EVAL_REPORT_H
#define CTL_EVAL_REPORT_H

#include <stdio.h>

#include <jansson.h>

#include "lib/base/str.h"

/*
 * The answer, with "valid", and "summary" of the first report or "reason".
 * what: one of the three words. NULL when it is none of them.
 */
json_t *eval_report(struct str what, FILE *f);

#endif
