/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The one log line of a message; its keys are listed in aver-milter(8). */
#ifndef MILTER_SUMMARY_H
#define MILTER_SUMMARY_H

#include "milter/session.h"

void summary_log(struct session *s, const struct session_verdict *v);

#endif
