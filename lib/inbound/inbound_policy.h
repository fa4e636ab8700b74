/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* From results to what is done: the operator's actions and exceptions. */
#ifndef INBOUND_INBOUND_POLICY_H
#define INBOUND_INBOUND_POLICY_H

#include <stdbool.h>

#include "lib/inbound/inbound.h"

/* What follows for one author domain. */
struct inbound_judgement {
	struct dmarc_verdict dmarc; /* in */
	struct policy_decision exception;
	struct policy_outcome outcome;
};

/*
 * Fills exception and outcome. from_invalid: the author is not clear;
 * enforcing: one of the domains named has a policy above none.
 */
void inbound_judge(struct inbound *in, bool from_invalid, bool enforcing,
    struct inbound_judgement *j);

/* Sets action, would and reply from in->outcome. */
void inbound_conclude(struct inbound *in);

#endif
