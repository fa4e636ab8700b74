/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The policies of a host whose store is shared, once more in a file of its own:
 * a daemon that starts while the store is away goes on with those it had (RFC
 * 8461 section 5.1: a cached policy is in force until it expires). It is asked
 * only when the store cannot be; whoever removes a policy in the store has it
 * removed here by the daemons that run. Trouble with the file is told to
 * core->note and costs nothing else. Thread-safe.
 */
#ifndef TLSPOLICY_STS_COPY_H
#define TLSPOLICY_STS_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/store/sts.h"
#include "tlspolicy/sts_flight.h"

struct sts_copy;

/* For store_open(): the file in that state directory. NULL: no memory. */
char *sts_copy_spec(struct arena *arena, const char *directory);

/*
 * spec: for store_open(); a file that is not there is made. Both are the
 * caller's, the core as long as the copy lives. NULL: no memory.
 */
struct sts_copy *sts_copy_new(struct sts_core *core, const char *spec);
void sts_copy_free(struct sts_copy *c); /* NULL allowed */

/*
 * NULL does nothing, with each of these; no lock is held. The first takes what
 * is there of the domain into the core's table.
 */
void sts_copy_get(struct sts_copy *c, struct str domain);
void sts_copy_remove(struct sts_copy *c, struct str domain);
void
sts_copy_touch(struct sts_copy *c, const struct store_sts_use *use, size_t n);
/* See store_forget_sts(). */
void sts_copy_forget(struct sts_copy *c, int64_t unused, int64_t expired);
/*
 * Writes policies of the table that are not there yet: of a part of the table,
 * the next one each time, or of all of it.
 */
void sts_copy_some(struct sts_copy *c);
void sts_copy_all(struct sts_copy *c);

#endif
