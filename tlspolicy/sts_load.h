/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * From the store into the table of the policy cache: what a row has to be to
 * count, and when it takes the place of what is in memory. Other hosts may have
 * written it, with clocks of their own (STORE_STS_SKEW), so nothing in it is
 * taken on trust, and what is older than what is known is passed over.
 */
#ifndef TLSPOLICY_STS_LOAD_H
#define TLSPOLICY_STS_LOAD_H

#include "lib/base/str.h"
#include "lib/store/sts.h"
#include "tlspolicy/sts_flight.h"

/*
 * Takes a row over if it is newer than what is in memory. It has to be a policy
 * that can be read, not fetched in the future; it is in force for no longer
 * than its max_age says. Why one is not taken is told to core->note. is_asked:
 * a question waits for it, so core->changed need not tell of it. No lock is
 * held.
 */
void sts_load_row(struct sts_core *c, const struct store_sts *s, bool is_asked);
/*
 * Somebody has removed the domain's policy: it is in force no more, unless it
 * was fetched again and that is not written yet. No lock is held.
 */
void sts_load_removal(struct sts_core *c, struct str domain);

/* Before and after all of the store is read; both: the lock is held. */
void sts_load_forget_seen(struct sts_core *c);
/*
 * What is in force here and was not there is to be written: the store was
 * emptied, or was another one.
 */
void sts_load_write_back(struct sts_core *c);

#endif
