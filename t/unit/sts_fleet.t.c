/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Several hosts on one store: each a policy cache with a fetcher of its own.
 * The store is SQLite with claims put before it, whose operations fail when
 * the test says so.
 */
#include "lib/base/err.h"
#include "lib/store/backend.h"
#include "lib/store/destination.h"
#include "t/unit/sts_host.h"
#include "t/unit/tmpdir.h"

#define DOMAIN STR("a.example")

/* ---- a store ------------------------------------------------------------ */

enum op {
	OP_OPEN,
	OP_PUT,
	OP_FAIL,
	OP_TOUCH,
	OP_GET,
	OP_EACH,
	OP_MARK,
	OP_CHANGES,
	OP_CLAIM,
	OP_UNCLAIM,
	OP_COUNT
};

static char path[700];
static _Atomic unsigned broken; /* operations that fail: 1 << op */
static _Atomic int claim_ms; /* what a claim takes */
/* of hosts that are opened; long, as the machine may be slow */
static struct sts_patience patience = {20000, 60000};
static _Atomic unsigned calls[OP_COUNT];
static _Atomic uint64_t held_by; /* the claim of all domains: a fence */
static _Atomic uint64_t next_fence = 1;

struct fake_store {
	struct store base;
	struct store *real;
};

static int
broken_now(enum op op, struct diag *d)
{
	atomic_fetch_add(&calls[op], 1);
	if (atomic_load(&broken) >> op & 1)
		return diag_set(d, AVER_TEMP, 0, "operation %d fails", op);
	return 0;
}

static struct store *
real_of(struct store *s)
{
	return ((struct fake_store *)s)->real;
}

static int
fake_put(struct store *s, const struct store_sts *x, struct diag *d)
{
	int err = broken_now(OP_PUT, d);

	return err ? err : store_put_sts(real_of(s), x, d);
}

static int
fake_fail(struct store *s, const struct store_sts *x, struct diag *d)
{
	int err = broken_now(OP_FAIL, d);

	return err ? err : store_fail_sts(real_of(s), x, d);
}

static int
fake_touch(
    struct store *s, const struct store_sts_use *use, size_t n, struct diag *d)
{
	int err = broken_now(OP_TOUCH, d);

	return err ? err : store_touch_sts(real_of(s), use, n, d);
}

static int
fake_get(struct store *s, struct str domain, struct arena *a,
    struct store_sts *out, struct diag *d)
{
	int err = broken_now(OP_GET, d);

	return err ? err : store_get_sts(real_of(s), domain, a, out, d);
}

static int
fake_each(struct store *s, struct str after,
    int (*fn)(void *, const struct store_sts *), void *arg, struct diag *d)
{
	int err = broken_now(OP_EACH, d);

	return err ? err : store_each_sts(real_of(s), after, fn, arg, d);
}

static int
fake_mark(struct store *s, int64_t *mark, struct diag *d)
{
	int err = broken_now(OP_MARK, d);

	return err ? err : store_mark_sts(real_of(s), mark, d);
}

static int
fake_changes(struct store *s, int64_t *mark,
    int (*fn)(void *, struct str, const struct store_sts *), void *arg,
    struct diag *d)
{
	int err = broken_now(OP_CHANGES, d);

	return err ? err : store_each_sts_change(real_of(s), mark, fn, arg, d);
}

/*
 * The claim first, then a look at the store: who gets it after another has
 * given it back sees what that one has put.
 */
static int
fake_claim(struct store *s, const struct store_sts_claim *x, struct arena *a,
    struct store_sts_claimed *out, struct diag *d)
{
	struct store_sts_claimed got = {.is_there = false};
	int err = broken_now(OP_CLAIM, d);
	uint64_t none = 0, fence = atomic_fetch_add(&next_fence, 1);

	sleep_ms(atomic_load(&claim_ms));
	if (err)
		return err;
	if (atomic_compare_exchange_strong(&held_by, &none, fence))
		got.fence = fence;
	if (store_get_sts(real_of(s), x->domain, a, &got.sts, NULL) == 0 &&
	    got.sts.policy.n && (!x->id.n || str_eq(x->id, got.sts.id)) &&
	    got.sts.fetched > x->newer && got.sts.expires > x->now) {
		got.is_there = true;
		got.fence = 0;
		atomic_compare_exchange_strong(&held_by, &fence, 0);
	}
	*out = got;
	return 0;
}

static int
fake_unclaim(struct store *s, struct str domain, uint64_t fence, struct diag *d)
{
	int err = broken_now(OP_UNCLAIM, d);

	(void)s, (void)domain;
	if (!err)
		atomic_compare_exchange_strong(&held_by, &fence, 0);
	return err;
}

static int
fake_forget(struct store *s, int64_t unused, int64_t expired, struct diag *d)
{
	return store_forget_sts(real_of(s), unused, expired, d);
}

static int
fake_forget_seen(struct store *s, int64_t before, uint64_t most, struct diag *d)
{
	return store_forget_destinations(real_of(s), before, most, d);
}

static void
fake_close(struct store *s)
{
	store_close(real_of(s));
	free(s);
}

static const struct store_sts_ops fake_sts = {.put = fake_put,
    .fail = fake_fail,
    .touch = fake_touch,
    .get = fake_get,
    .each = fake_each,
    .mark = fake_mark,
    .each_change = fake_changes,
    .claim = fake_claim,
    .unclaim = fake_unclaim,
    .forget = fake_forget};
static const struct store_destination_ops fake_destinations = {
    .forget = fake_forget_seen};
static const struct store_ops fake_ops = {
    .close = fake_close, .sts = &fake_sts, .destination = &fake_destinations};

/* A handle of SQLite alone, as a command has one. */
static struct store *
plain_store(void)
{
	return open_file(path);
}

static int
fake_open(void *arg, struct store **out, struct diag *d)
{
	int err = broken_now(OP_OPEN, d);
	struct fake_store *s;

	(void)arg;
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	s->base.ops = &fake_ops;
	s->real = plain_store();
	*out = &s->base;
	return 0;
}

/* ---- a host ------------------------------------------------------------- */

static void
on_changed(void *arg, struct str domain)
{
	(void)domain;
	atomic_fetch_add(&((struct host *)arg)->changes, 1);
}

static void
on_note(void *arg, struct str domain, const char *what)
{
	printf("# %.*s: %s\n", STRF(domain), what);
	atomic_fetch_add(&((struct host *)arg)->notes, domain.n > 0);
}

static void
host_open(struct host *h)
{
	struct sts_cache_config cfg = {.opener = {fake_open, NULL},
	    .is_shared = true,
	    .with_hosts = patience,
	    .refresh = true,
	    .entries = 100,
	    .patience_ms = 10000,
	    .changed = on_changed,
	    .note = on_note,
	    .note_arg = h};

	(void)fake_open(NULL, &cfg.store, NULL);
	if (!host_start(h,
		"mta-sts.a.example A 192.0.2.1\n"
		"*.many.example A 192.0.2.1\n",
		ENFORCE, &cfg))
		exit(1);
}

static void
is_mode(struct host *h, const char *id, const char *want, const char *name)
{
	is_str(str_from_z(mode(h, "a.example", id)), str_from_z(want), name);
}

/* Waits until the host says so of itself. */
static bool
comes(struct host *h, const char *want)
{
	for (int i = 0; i < 1000; i++) {
		if (strcmp(mode(h, "a.example", ""), want) == 0)
			return true;
		sleep_ms(20);
	}
	return false;
}

/* Waits for its policy. */
static bool
stored(const char *domain, struct store_sts *out, struct arena *a)
{
	struct store *s = plain_store();
	bool there = false;

	for (int i = 0; i < 1000 && !there; i++) {
		there =
		    store_get_sts(s, str_from_z(domain), a, out, NULL) == 0 &&
		    out->policy.n > 0;
		if (!there)
			sleep_ms(20);
	}
	store_close(s);
	return there;
}

static void
begin(const char *dir, const char *name)
{
	snprintf(path, sizeof(path), "%s/%s.db", dir, name);
	printf("# %s\n", name);
	atomic_store(&now_s, START);
	atomic_store(&broken, 0);
	atomic_store(&held_by, 0);
	store_close(plain_store());
}

/* ---- together ----------------------------------------------------------- */

static void
test_shared(const char *dir)
{
	struct host a, b;
	struct store *s;

	begin(dir, "shared");
	host_open(&a);
	host_open(&b);
	is_mode(&a, "1", "enforce", "one host fetches");
	is_mode(&b, "1", "enforce", "and serves the other");
	is_int(a.fetches + b.fetches, 1, "of one fetch");
	b.policy = a.policy = TESTING;
	is_mode(&b, "2", "testing", "a new id");
	ok(comes(&a, "testing"), "comes to the one that did not ask");
	is_mode(&a, "2", "testing", "who needs no fetch then");
	is_int(a.fetches + b.fetches, 2, "of one more fetch");
	ok(a.changes == 1, "and is told that answers are void");
	s = plain_store();
	is_int(store_put_sts(s,
		   &(struct store_sts){.domain = DOMAIN,
		       .id = STR("2"),
		       .policy = STR(ENFORCE),
		       .fetched = START,
		       .expires = START + DAY},
		   NULL),
	    0, "a command refreshes it in the same second");
	ok(comes(&a, "enforce") && comes(&b, "enforce"), "which comes to both");
	is_int(store_remove_sts(s, DOMAIN, NULL), 0, "a command removes it");
	store_close(s);
	ok(comes(&a, "-") && comes(&b, "-"), "which both obey");
	ok(a.changes == 3 && b.changes >= 2, "and are told");
	is_int(a.notes + b.notes, 0, "nothing was odd");
	host_close(&a);
	host_close(&b);
}

struct asker {
	struct host *h;
	const char *mode;
	pthread_t thread;
};

static void *
ask_thread(void *arg)
{
	struct asker *k = arg;

	k->mode = mode(k->h, "a.example", "1");
	return NULL;
}

static void
test_together(const char *dir)
{
	struct host h[3];
	struct asker k[3];
	unsigned asked, n = 0;

	begin(dir, "together");
	asked = atomic_load(&calls[OP_CLAIM]);
	for (int i = 0; i < 3; i++) {
		host_open(&h[i]);
		h[i].holds = true;
	}
	for (int i = 0; i < 3; i++) {
		k[i] = (struct asker){.h = &h[i]};
		pthread_create(&k[i].thread, NULL, ask_thread, &k[i]);
	}
	/* all have asked, and one fetches */
	while (atomic_load(&calls[OP_CLAIM]) < asked + 3)
		sleep_ms(1);
	while (h[0].fetches + h[1].fetches + h[2].fetches == 0)
		sleep_ms(1);
	for (int i = 0; i < 3; i++)
		let_go(&h[i]);
	for (int i = 0; i < 3; i++) {
		pthread_join(k[i].thread, NULL);
		n += strcmp(k[i].mode, "enforce") == 0;
	}
	is_int(n, 3, "three hosts at once get it");
	is_int(h[0].fetches + h[1].fetches + h[2].fetches, 1, "of one fetch");
	for (int i = 0; i < 3; i++)
		host_close(&h[i]);
}

static void
test_alone(const char *dir)
{
	struct host a, b;

	begin(dir, "alone");
	patience.lease_ms = 500;
	host_open(&a);
	host_open(&b);
	/* somebody has died with the claim */
	atomic_store(&held_by, 12345);
	is_mode(&a, "1", "enforce", "a claim that does not end is not obeyed");
	is_int(a.fetches, 1, "by a fetch");
	atomic_store(&held_by, 0);
	/* one host's network is broken */
	a.policy = NULL;
	is_str(str_from_z(mode(&a, "b.many.example", "1")),
	    STR("sts-policy-fetch-error"), "one host cannot fetch");
	is_str(str_from_z(mode(&b, "b.many.example", "1")), STR("enforce"),
	    "another does at once");
	is_int(b.fetches, 1, "by a fetch");
	for (int i = 0; i < 1000 &&
			strcmp(mode(&a, "b.many.example", "1"), "enforce") != 0;
	     i++)
		sleep_ms(20);
	is_str(str_from_z(mode(&a, "b.many.example", "1")), STR("enforce"),
	    "which serves the first");
	is_int(a.fetches, 2, "that did not try again");
	patience.lease_ms = 20000;
	host_close(&a);
	host_close(&b);
}

static void
test_refresh(const char *dir)
{
	struct host a, b;

	begin(dir, "refresh");
	host_open(&a);
	host_open(&b);
	is_mode(&a, "1", "enforce", "one fetches");
	is_mode(&b, "1", "enforce", "for two");
	a.policy = b.policy = TESTING;
	atomic_store(&now_s, START + 2 * DAY);
	/* both ask, so that it is in use for both */
	ok(comes(&a, "testing") && comes(&b, "testing"),
	    "a refresh comes to both");
	is_int(a.fetches + b.fetches, 2, "of one fetch");
	host_close(&a);
	host_close(&b);
}

/* ---- rows that should not be -------------------------------------------- */

static const struct {
	const char *name;
	struct store_sts row;
	bool is_odd; /* and told */
} rows[] = {
    {"no policy",
	{.id = STR_INIT("2"),
	    .policy = STR_INIT("mode: none\n"),
	    .fetched = START + 10,
	    .expires = START + DAY},
	true},
    {"octets",
	{.id = STR_INIT("2"),
	    .policy = STR_INIT("\0\xff\n\n"),
	    .fetched = START + 10,
	    .expires = START + DAY},
	true},
    {"an id that is none",
	{.id = STR_INIT("2; id=3"),
	    .policy = STR_INIT(POLICY("none", "604800")),
	    .fetched = START + 10,
	    .expires = START + DAY},
	true},
    {"from the future",
	{.id = STR_INIT("2"),
	    .policy = STR_INIT(POLICY("none", "604800")),
	    .fetched = START + STORE_STS_SKEW + 101,
	    .expires = START + DAY},
	true},
    {"a failure alone",
	{.failed = START + 10,
	    .failure = TLSRPT_STS_WEBPKI_INVALID,
	    .next_try = START + 300},
	false},
};

static void
test_rows(const char *dir)
{
	struct sts_answer x;
	struct host a;
	struct store *s;
	struct arena arena;

	begin(dir, "rows");
	arena_init(&arena, 1 << 20);
	host_open(&a);
	is_mode(&a, "1", "enforce", "a policy");
	atomic_store(&now_s, START + 100);
	s = plain_store();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store_sts row = rows[i].row;
		unsigned notes = a.notes;

		row.domain = DOMAIN;
		is_int(row.policy.n ? store_put_sts(s, &row, NULL)
				    : store_fail_sts(s, &row, NULL),
		    0, rows[i].name);
		is_int(sts_cache_reload(a.cache, NULL), 0, "is read");
		is_mode(&a, "1", "enforce", "and takes no policy's place");
		ok((a.notes > notes) == rows[i].is_odd, "told or not");
		is_mode(&a, "", "enforce", "without a record neither");
	}
	is_int(a.fetches, 1, "nor does it cause a fetch");
	/* one that never ends ends with its max_age */
	is_int(store_put_sts(s,
		   &(struct store_sts){.domain = DOMAIN,
		       .id = STR("2"),
		       .policy = STR(POLICY("testing", "86400")),
		       .fetched = START + 1000,
		       .expires = INT64_MAX},
		   NULL),
	    0, "a policy for ever");
	atomic_store(&now_s, START + 1001);
	is_int(sts_cache_reload(a.cache, NULL), 0, "is read");
	is_mode(&a, "2", "testing", "taken");
	ask(&a, &arena, "a.example", STS_FOUND, "2", 100000, &x);
	is_int(x.sts.expires, START + 1000 + DAY, "and ends");
	store_close(s);
	host_close(&a);
	arena_fini(&arena);
}

/* ---- a store that fails ------------------------------------------------- */

/* With one operation broken, and with all. */
static void
test_broken(const char *dir)
{
	for (unsigned op = 1; op <= OP_COUNT; op++) {
		char name[32], other[64];
		struct store_sts row;
		struct host a;
		struct arena arena;

		arena_init(&arena, 1 << 20);
		snprintf(name, sizeof(name), "broken%u", op);
		begin(dir, name);
		host_open(&a);
		is_mode(&a, "1", "enforce", "known before");
		atomic_store(&broken, op == OP_COUNT ? ~0u : 1u << op);
		(void)sts_cache_reload(a.cache, NULL);
		is_mode(&a, "1", "enforce", "and in force still");
		is_mode(&a, "", "enforce", "without a record too");
		snprintf(other, sizeof(other), "x%u.many.example", op);
		is_str(str_from_z(mode(&a, other, "1")), STR("enforce"),
		    "another is fetched");
		a.policy = NULL;
		is_mode(&a, "2", "enforce", "a failure does not weaken it");
		is_int(a.fetches, 3, "three fetches");
		atomic_store(&broken, 0);
		ok(stored(other, &row, &arena), "it is written in the end");
		host_close(&a);
		arena_fini(&arena);
	}
}

/* Who is slow once is not waited for by each lookup. */
static void
test_slow(const char *dir)
{
	struct host a;
	unsigned before;
	char name[64];

	begin(dir, "slow");
	patience.slow_ms = 10;
	host_open(&a);
	atomic_store(&claim_ms, 20);
	for (int i = 0; i < STS_SLOW_CALLS; i++) {
		snprintf(name, sizeof(name), "t%d.many.example", i);
		is_str(str_from_z(mode(&a, name, "1")), STR("enforce"),
		    "a slow store");
	}
	before = atomic_load(&calls[OP_CLAIM]);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "s%d.many.example", i);
		is_str(str_from_z(mode(&a, name, "1")), STR("enforce"),
		    "a fetch without it");
	}
	is_int(atomic_load(&calls[OP_CLAIM]) - before, 0, "it is left alone");
	atomic_store(&claim_ms, 0);
	patience.slow_ms = 60000;
	host_close(&a);
}

static void
test_start_without(const char *dir)
{
	struct store_sts row;
	struct sts_cache_stats stats;
	struct host a, b;
	struct asker k[2] = {{.h = &b}, {.h = &b}};
	struct arena arena;

	arena_init(&arena, 1 << 20);
	begin(dir, "without");
	host_open(&a);
	is_mode(&a, "1", "enforce", "one host");
	ok(stored("a.example", &row, &arena), "has written it");
	atomic_store(&broken, ~0u);
	host_open(&b);
	is_mode(&b, "1", "enforce", "another starts without the store");
	is_int(b.fetches, 1, "and fetches");
	is_mode(&b, "", "enforce", "and keeps");
	host_close(&b);
	host_open(&b);
	is_mode(&b, "", "-", "once more, and knows nothing");
	b.policy = NULL;
	b.holds = true;
	pthread_create(&k[0].thread, NULL, ask_thread, &k[0]);
	while (b.fetches == 0)
		sleep_ms(1);
	pthread_create(&k[1].thread, NULL, ask_thread, &k[1]);
	do {
		sleep_ms(1);
		sts_cache_stats(b.cache, &stats);
	} while (stats.counts.joined == 0);
	let_go(&b);
	for (int i = 0; i < 2; i++) {
		pthread_join(k[i].thread, NULL);
		is_str(str_from_z(k[i].mode), STR("trouble"),
		    "two at once who wait for a fetch that fails");
	}
	is_mode(&b, "1", "trouble", "nor that there is none to a record");
	is_mode(&b, "1", "trouble", "however often it is asked");
	atomic_store(&broken, 0);
	ok(comes(&b, "enforce"), "until the store is there");
	is_mode(&b, "1", "enforce", "for a record as well");
	is_int(b.fetches, 1, "without another fetch");
	host_close(&b);
	host_close(&a);
	arena_fini(&arena);
}

/* Another store in its place, as after a server lost its data. */
static void
test_emptied(const char *dir)
{
	struct store_sts row;
	struct store *s;
	struct host a;
	struct arena arena;
	struct diag d;

	arena_init(&arena, 1 << 20);
	begin(dir, "emptied");
	host_open(&a);
	for (int i = 0; i < 5; i++) {
		char name[64];

		snprintf(name, sizeof(name), "d%d.many.example", i);
		is_str(str_from_z(mode(&a, name, "1")), STR("enforce"), name);
		ok(stored(name, &row, &arena), "is stored");
	}
	a.policy = NULL;
	is_str(str_from_z(mode(&a, "d3.many.example", "2")), STR("enforce"),
	    "one that could not be fetched again");
	/* a reader's place that the store does not know any more */
	atomic_store(&broken, 1u << OP_CHANGES);
	s = plain_store();
	for (int i = 0; i < 20000; i++)
		if (store_put_sts(s,
			&(struct store_sts){.domain = DOMAIN,
			    .id = STR("1"),
			    .policy = STR(ENFORCE),
			    .fetched = START - 20000 + i,
			    .expires = START + DAY},
			&d))
			ok(false, "%s", d.text);
	is_int(store_forget_sts(s, 0, INT64_MAX, NULL), 0, "all is gone");
	store_close(s);
	atomic_store(&broken, 0);
	is_int(sts_cache_reload(a.cache, NULL), 0, "which is seen");
	is_str(str_from_z(mode(&a, "d3.many.example", "")), STR("enforce"),
	    "and is no removal");
	ok(stored("d3.many.example", &row, &arena), "the store gets it back");
	is_int(a.fetches, 6, "without a fetch");
	host_close(&a);
	arena_fini(&arena);
}

/* Nothing can be written while a policy is fetched, and its refresh fails. */
static void
test_full(const char *dir)
{
	struct store_sts row = {.fetched = 0};
	struct host a;
	struct arena arena;

	arena_init(&arena, 1 << 20);
	begin(dir, "full");
	host_open(&a);
	atomic_store(&broken, 1u << OP_PUT | 1u << OP_FAIL);
	is_mode(&a, "1", "enforce", "a policy");
	a.policy = NULL;
	is_mode(&a, "2", "enforce", "and a fetch that fails");
	atomic_store(&broken, 0);
	ok(stored("a.example", &row, &arena) && str_eq(row.id, STR("1")) &&
		row.fetched == START,
	    "the policy is written all the same");
	host_close(&a);
	host_open(&a);
	is_mode(&a, "", "enforce", "and there after a restart");
	host_close(&a);
	arena_fini(&arena);
}

int
main(void)
{
	struct tmpdir dir = tmpdir_fast();

	test_shared(dir.path);
	test_together(dir.path);
	test_alone(dir.path);
	test_refresh(dir.path);
	test_rows(dir.path);
	test_broken(dir.path);
	test_slow(dir.path);
	test_start_without(dir.path);
	test_emptied(dir.path);
	test_full(dir.path);
	tmpdir_remove(dir.path);
	return tap_done();
}
