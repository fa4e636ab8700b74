/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The parts of the SQLite back end, and what they do for each other. */
#ifndef STORE_SQLITE_PARTS_H
#define STORE_SQLITE_PARTS_H

#include "lib/store/sqlite_db.h"

extern const struct store_evaluation_ops sqlite_evaluation_ops;
extern const struct store_take_ops sqlite_take_ops;
extern const struct store_ledger_ops sqlite_ledger_ops;
extern const struct store_suppress_ops sqlite_suppress_ops;
extern const struct store_sts_ops sqlite_sts_ops;
extern const struct store_destination_ops sqlite_destination_ops;
extern const struct store_tls_ops sqlite_tls_ops;
extern const struct store_failure_ops sqlite_failure_ops;
extern const struct store_upkeep_ops sqlite_upkeep_ops;

/*
 * What a batch brings, in the transaction that is open. stamp: of the first
 * row; what is counted later has a higher one.
 */
int sqlite_add_evaluations(
    struct sqlite_store *s, const struct store_batch *b, int64_t stamp);
int sqlite_add_tls_results(
    struct sqlite_store *s, const struct store_batch *b, int64_t stamp);
int sqlite_add_bad_datagrams(struct sqlite_store *s,
    const struct store_bad_datagram *bad, size_t n, uint64_t more);
int sqlite_add_incidents(struct sqlite_store *s, const struct store_batch *b);
int sqlite_add_sightings(
    struct sqlite_store *s, const struct store_sighting *seen, size_t n);
/* AVER_LIMIT when the id is there; otherwise the database's rc in *rc. */
int sqlite_add_report(struct sqlite_store *s, const struct ledger_report *r,
    const struct ledger_submission *subs, size_t n, int *rc, struct diag *d);

/* Adds to the counter of that name. */
int sqlite_count_up(struct sqlite_store *s, struct str name, uint64_t n);

#endif
