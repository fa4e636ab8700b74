/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * How many reports may still be sent: in this run, in 24 hours, and in these
 * to one destination. The store is asked once for each, then it is counted
 * here.
 */
#ifndef REPORTS_CAPS_H
#define REPORTS_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

#define CAPS_SLOTS 16384

struct caps_slot {
	struct str destination;
	uint64_t tried;
};

struct caps {
	struct store *store;
	struct arena arena;
	uint64_t run, day, host; /* limits */
	uint64_t run_tried, day_tried;
	int64_t since;
	uint64_t seed;
	struct caps_slot *slots; /* CAPS_SLOTS of them, hashed */
	size_t n;
};

/*
 * limits: run, day and host. seed: that nobody outside knows. now: the 24 hours
 * end there. Returns 0 or an error with d.
 */
int caps_init(struct caps *c, struct store *s, const uint64_t limits[3],
    uint64_t seed, int64_t now, struct diag *d);
void caps_fini(struct caps *c);

/* Nothing more may be sent at all. */
bool caps_reached(const struct caps *c);
/* *out: nothing more may go to that destination. */
int
caps_host(struct caps *c, struct str destination, bool *out, struct diag *d);
/* One more was tried. */
void caps_count(struct caps *c, struct str destination);
/* It was not tried after all. */
void caps_uncount(struct caps *c, struct str destination);

#endif
