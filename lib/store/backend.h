/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What a back end of the store implements. The contracts are those of
 * store.h; every back end passes the contract tests of t/unit/store.t.c.
 */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "lib/store/store.h"

struct store_ops {
	void (*close)(struct store *s);
	int (*add)(
	    struct store *s, const struct store_batch *b, struct diag *d);
	int (*committed)(
	    struct store *s, struct str source, uint64_t *seq, struct diag *d);
	int (*each)(struct store *s, struct str policy_domain, int64_t from,
	    int64_t to,
	    int (*fn)(void *arg, const struct store_evaluation *row), void *arg,
	    struct diag *d);
	int (*each_domain)(struct store *s,
	    int (*fn)(void *arg, const struct store_domain *dom), void *arg,
	    struct diag *d);
	int (*remove)(struct store *s, struct str policy_domain,
	    uint64_t *removed, struct diag *d);
	int (*know)(struct store *s, const struct store_known *known, size_t n,
	    struct diag *d);
	int (*forget)(
	    struct store *s, int64_t before, uint64_t most, struct diag *d);
	int (*each_known)(struct store *s,
	    int (*fn)(void *arg, const struct store_known *known), void *arg,
	    struct diag *d);
};

/* The first member of a back end's handle. */
struct store {
	const struct store_ops *ops;
};

/*
 * What a test may change: the schema steps (step i makes version i + 1 of
 * version i) and the length of the digest in a row's key.
 */
struct store_sqlite_options {
	const char *const *steps;
	size_t n_steps;
	unsigned digest_octets; /* 1-16 */
};

/* options: NULL for the program's own. */
int store_sqlite_open(const char *path, enum store_mode mode,
    const struct store_sqlite_options *options, struct store **out,
    struct diag *d);

#endif
