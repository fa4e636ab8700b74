/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What a run would do, for --dry-run. */
#ifndef REPORTS_DMARC_SHOW_H
#define REPORTS_DMARC_SHOW_H

#include <stdio.h>

#include "reports/dmarc_plan.h"

/* A line for the domain, and one for each destination. */
void dmarc_show(
    const struct store_due *due, const struct dmarc_plan *plan, FILE *out);

#endif
