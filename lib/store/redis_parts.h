/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The parts of the Redis back end, and what they do for each other. */
#ifndef STORE_REDIS_PARTS_H
#define STORE_REDIS_PARTS_H

#include "lib/store/backend.h"
#include "lib/store/redis_conn.h"

/* Most octets that a walk keeps of the server's answers. */
#define REDIS_ARENA ((size_t)3 * REDIS_REPLY_MAX)

struct redis_store {
	struct store base;
	struct redis_conn *c;
	bool read_only;
	bool taking;
	unsigned walking; /* walks whose callbacks may not write */
	struct store_sts_own sts_own;
};

static inline struct redis_store *
redis_of(struct store *base)
{
	return (struct redis_store *)base;
}

extern const struct store_evaluation_ops redis_evaluation_ops;
extern const struct store_take_ops redis_take_ops;
extern const struct store_ledger_ops redis_ledger_ops;
extern const struct store_suppress_ops redis_suppress_ops;
extern const struct store_sts_ops redis_sts_ops;
extern const struct store_destination_ops redis_destination_ops;
extern const struct store_tls_ops redis_tls_ops;
extern const struct store_failure_ops redis_failure_ops;
extern const struct store_upkeep_ops redis_upkeep_ops;

int redis_add(struct store *base, const struct store_batch *b, struct diag *d);
int redis_committed(
    struct store *base, struct str source, uint64_t *seq, struct diag *d);
int redis_fence(struct store *base, struct str source,
    struct store_fence *fence, uint64_t *seq, struct diag *d);
/* A row of add_bad_datagrams() as it is kept. */
void redis_bad_args(struct redis_conn *c, const struct store_bad_datagram *bad,
    size_t n, uint64_t more);
/* The arguments of a sighting. */
void redis_sighting_args(struct redis_conn *c, const struct store_sighting *x);

/* The report's id, then its fields and those of its submissions. */
void redis_report_args(struct redis_conn *c, const struct ledger_report *r,
    const struct ledger_submission *subs, size_t n);

/* 0 when the handle may write now, AVER_BUG else. */
int redis_may_write(const struct redis_store *s, struct diag *d);

/*
 * The reading of replies: each says 0 or an empty text for what is not of its
 * kind, and sets *bad.
 */
struct str redis_text(const struct resp *r, bool *bad);
int64_t redis_int(const struct resp *r, bool *bad);
uint64_t redis_uint(const struct resp *r, bool *bad);
/* The items of an array of n or, with n 0, any number; NULL sets *bad. */
const struct resp *redis_items(const struct resp *r, size_t n, bool *bad);

/* Runs a call whose reply is a whole number. */
int
redis_run_int(struct redis_store *s, bool again, int64_t *out, struct diag *d);
/* Runs a call of which only the success counts. */
int redis_run_ok(struct redis_store *s, bool again, struct diag *d);

/* Copies views into arena; AVER_NOMEM when it is full. */
int redis_dup(
    struct arena *arena, struct str *const *views, size_t n, struct diag *d);

/* Kinds in the names of keys. */
#define REDIS_DMARC STR("e")
#define REDIS_TLS STR("t")
#define REDIS_FAILURE STR("f")

struct redis_due {
	struct str domain;
	int64_t first, last;
	uint64_t rows, a, b; /* a: messages or successes, b: failures */
	uint64_t optional;
};

/*
 * The domains after that name (exact: that domain alone) with something of the
 * kind before to.
 */
int redis_each_due(struct redis_store *s, struct str kind, struct str after,
    int64_t to, bool exact, int (*fn)(void *arg, const struct redis_due *due),
    void *arg, struct diag *d);

/* The names of an index after that one. */
int redis_each_name(struct redis_store *s, const char *index, struct str after,
    int (*fn)(void *arg, struct str name), void *arg, struct diag *d);

/*
 * An hour or a day as keys and indexes have it: 16 digits that sort as the
 * times do.
 */
#define REDIS_CODE 16
void redis_code(char code[REDIS_CODE], int64_t time);
void redis_arg_code(struct redis_conn *c, int64_t time);
int64_t redis_uncode(struct str code, bool *bad);
uint64_t redis_hex(struct str s, bool *bad); /* REDIS_CODE digits */
/* The lowest place in an index of rows after the domain's. */
void redis_index_after(struct buf *b, struct str domain);

/* The start of the UTC day; what is before 1970 is day 0. */
int64_t redis_day(int64_t time);

struct redis_row {
	int64_t hour; /* or day */
	uint64_t taken; /* 0, or the number of the take that got it */
	char set; /* n or o */
	struct str octets;
	uint64_t a, b; /* a: messages or successes, b: failures */
};

/*
 * Rows of the domain (empty: all) with from <= hour < to, by domain and hour.
 */
int redis_each_row(struct redis_store *s, struct str kind, struct str domain,
    int64_t from, int64_t to,
    int (*fn)(void *arg, struct str domain, const struct redis_row *row),
    void *arg, struct diag *d);

/* The same in pages. */
struct redis_take;
struct redis_scan {
	struct redis_store *s;
	struct redis_take *take; /* its rows alone, NULL: all */
	struct str kind, domain;
	int64_t from, to;
	struct buf min, max, cursor; /* where to go on */
	size_t room; /* rows of a page, about */
};

/* domain: empty for all; a view that has to stay. */
void redis_scan_init(struct redis_scan *scan, struct redis_store *s,
    struct str kind, struct str domain, int64_t from, int64_t to);
void redis_scan_fini(struct redis_scan *scan);
bool redis_scan_more(const struct redis_scan *scan);
int redis_scan_page(struct redis_scan *scan,
    int (*fn)(void *arg, struct str domain, const struct redis_row *row),
    void *arg, struct diag *d);

/* Begins the call of a script about a take. */
void redis_take_call(struct redis_take *t, enum redis_script script);

/* A row to be added. */
struct redis_item {
	struct str domain, octets;
	int64_t hour; /* or day */
	char flag; /* n, o, or k: n if the domain is known, else o */
	uint64_t a, b;
	size_t place; /* in the batch */
};

/* Sorts them, makes one of equal ones; says how many groups there are. */
size_t redis_group(struct redis_item *items, size_t *n);
/* Their arguments. known_days: see store_add_batch(). */
void redis_group_args(struct redis_conn *c, struct str kind,
    struct redis_item *items, size_t n, unsigned known_days);

/* Removes a domain's rows; *sum: what they counted. */
int redis_remove_rows(struct redis_store *s, struct str kind, struct str domain,
    uint64_t *sum, struct diag *d);

/*
 * A TLS result's texts in one, so that they sort as policy, recipient, detail
 * do. The inverse takes its memory from arena.
 */
void redis_tls_encode(
    struct buf *b, struct str policy, struct str recipient, struct str detail);
bool redis_tls_decode(struct str octets, struct arena *arena,
    struct str *policy, struct str *recipient, struct str *detail);

#endif
