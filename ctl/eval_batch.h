/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver eval --batch`: one JSON object a line in, one a line out, in order,
 * flushed after each. Kinds: spf, dkim, arc, dmarc, record.
 */
#ifndef CTL_EVAL_BATCH_H
#define CTL_EVAL_BATCH_H

#include <stdio.h>

#include "ctl/eval_run.h"

/* Until the end of in. A line that cannot be done is answered with an object
 * that has "error"; returns the exit status 0, or 1 when out fails. */
int eval_batch(const struct eval_setup *setup, FILE *in, FILE *out);

#endif
