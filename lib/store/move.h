/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * From one store to another while programs work on either. Rows go through the
 * ledger of the one they leave: a take removes them and puts them there as
 * something that is no report, at one instant; the other store gets them under
 * its name as the source, which it counts once; then it is forgotten. So it may
 * be stopped or killed, the power may fail, it may be done again or twice at
 * once, and no message is lost or doubled.
 */
#ifndef STORE_MOVE_H
#define STORE_MOVE_H

#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/store/store.h"

struct store_moved {
	uint64_t messages, sessions, incidents;
	uint64_t reports; /* copied; what is pending is sent from there only */
	uint64_t busy; /* not copied: being sent now; try again */
	uint64_t known, suppressions, policies, destinations;
};

/*
 * Everything: what is recorded leaves the first store, reports are copied and
 * the pending submissions cancelled there, the rest is copied. Adds to
 * *out, also on failure. Both were opened to be written. AVER_LIMIT: the other
 * store has a secret of its own already, so that what bounces would not be
 * known: nothing was moved.
 */
int store_move(struct store *from, struct store *to, struct store_moved *out,
    struct diag *d);

#endif
