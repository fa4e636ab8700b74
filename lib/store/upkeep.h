/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What commands of the operator ask of a store beside its content: for an
 * export and for a check. All of it only reads. Errors, handles, threads and
 * callbacks as in ledger.h.
 */
#ifndef STORE_UPKEEP_H
#define STORE_UPKEEP_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/ledger.h"
#include "lib/store/store.h"
#include "lib/store/take.h"

/*
 * From now on the handle, opened with STORE_READ, sees the store as it is at
 * this moment, until it is closed. Nobody waits for it, but what others write
 * stays in SQLite's log beside the file until then. AVER_NOTFOUND: this back
 * end cannot (Redis); what changes is seen or not.
 */
int store_freeze(struct store *s, struct diag *d);

#define STORE_SOURCE_MAX 255 /* octets of a name that an export takes */

/* The last number of each source of batches; in no order. */
int store_each_source(struct store *s,
    int (*fn)(void *arg, struct str name, uint64_t seq), void *arg,
    struct diag *d);

/*
 * Without a take: what store_take_last() says of evaluations (LEDGER_DMARC) or
 * TLS results, of which only time, octets, recipient_domain, detail and
 * whether wanted is 0 are given. AVER_NOTFOUND: none, or it is not known.
 */
int store_last_row(struct store *s, enum ledger_kind kind,
    struct str policy_domain, int64_t from, int64_t to, struct arena *arena,
    struct store_take_row *out, struct diag *d);

/*
 * Looks over what the other functions do not show: with SQLite the file and
 * rows without those they belong to, with Redis every key below the prefix.
 * One call of fn for each thing that is wrong (fault) or worth to know, with a
 * text of one line. *looked: how many pages or keys there are.
 */
int store_inspect(struct store *s, uint64_t *looked,
    int (*fn)(void *arg, bool fault, struct str text), void *arg,
    struct diag *d);

#endif
