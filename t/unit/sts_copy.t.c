/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A host's own copy of its policies: what it is worth when the host starts and
 * the shared store is away. SQLite plays that store.
 */
#include "lib/base/err.h"
#include "lib/store/sts.h"
#include "t/unit/sts_host.h"
#include "t/unit/tmpdir.h"

#define MANY 1300 /* more than two batches */

static char shared[700], copy[700];
static _Atomic bool is_away; /* the shared store, for who opens it */

static int
open_shared(void *arg, struct store **out, struct diag *d)
{
	(void)arg;
	if (atomic_load(&is_away))
		return diag_set(d, AVER_TEMP, 0, "away");
	*out = open_file(shared);
	return 0;
}

/* ---- a host ------------------------------------------------------------- */

static void
on_note(void *arg, struct str domain, const char *what)
{
	printf("# %.*s: %s\n", STRF(domain), what);
	if (strstr(what, "copy"))
		atomic_fetch_add(&((struct host *)arg)->notes, 1);
}

static void
host_open(struct host *h, const char *policy)
{
	char spec[sizeof(copy) + 10];
	struct sts_cache_config cfg = {.opener = {open_shared, NULL},
	    .is_shared = true,
	    .copy = spec,
	    .refresh = true,
	    .entries = 2 * MANY,
	    .patience_ms = 10000,
	    .note = on_note,
	    .note_arg = h};

	snprintf(spec, sizeof(spec), "sqlite:%s", copy);
	(void)open_shared(NULL, &cfg.store, NULL);
	if (!host_start(h, "*.example A 192.0.2.1\n", policy, &cfg))
		exit(1);
}

static void
is_mode(struct host *h, const char *domain, const char *id, const char *want,
    const char *name)
{
	is_str(str_from_z(mode(h, domain, id)), str_from_z(want), name);
}

static bool
has(const char *path, const char *domain)
{
	struct store *s = open_file(path);
	struct store_sts row;
	struct arena a;
	bool there;

	arena_init(&a, 1 << 20);
	there = store_get_sts(s, str_from_z(domain), &a, &row, NULL) == 0;
	arena_fini(&a);
	store_close(s);
	return there;
}

static bool
comes(const char *path, const char *domain, bool there)
{
	for (int i = 0; i < 1000; i++) {
		if (has(path, domain) == there)
			return true;
		sleep_ms(20);
	}
	return false;
}

static void
begin(const char *dir, const char *name)
{
	snprintf(shared, sizeof(shared), "%s/%s.shared.db", dir, name);
	snprintf(copy, sizeof(copy), "%s/%s.copy.db", dir, name);
	printf("# %s\n", name);
	atomic_store(&now_s, START);
	atomic_store(&is_away, false);
}

/* ---- tests -------------------------------------------------------------- */

static void
test_restart(const char *dir)
{
	struct host h;

	begin(dir, "restart");
	host_open(&h, ENFORCE);
	is_mode(&h, "a.example", "1", "enforce", "a policy is fetched");
	is_mode(&h, "b.example", "1", "enforce", "two are");
	host_close(&h);
	atomic_store(&is_away, true);
	host_open(&h, NULL);
	is_mode(&h, "a.example", "", "enforce",
	    "a restart without the store: in force without a record");
	is_mode(&h, "b.example", "2", "enforce",
	    "and with another one whose policy cannot be fetched");
	is_mode(&h, "c.example", "1", "trouble", "one it never had is unknown");
	is_mode(&h, "d.example", "", "-", "or taken for none");
	atomic_store(&now_s, START + 8 * DAY);
	is_mode(&h, "a.example", "", "-", "until it expires");
	is_int(h.notes, 0, "there was no trouble");
	host_close(&h);
	host_open(&h, NULL);
	is_mode(&h, "a.example", "", "-", "also when it starts after that");
	host_close(&h);
}

static void
test_alone(const char *dir)
{
	struct host h;

	begin(dir, "alone");
	atomic_store(&is_away, true);
	host_open(&h, TESTING);
	is_mode(&h, "a.example", "1", "testing", "fetched without the store");
	h.policy = ENFORCE;
	atomic_store(&now_s, START + 10);
	is_mode(&h, "a.example", "2", "enforce", "and a new one");
	host_close(&h);
	host_open(&h, NULL);
	is_mode(&h, "a.example", "", "enforce", "the new one is in force");
	ok(!has(shared, "a.example"), "the store knows nothing");
	atomic_store(&is_away, false);
	ok(comes(shared, "a.example", true), "and gets it when it is there");
	host_close(&h);
}

/* What other hosts put and remove. */
static void
test_others(const char *dir)
{
	struct store_sts row = {.domain = STR("a.example"),
	    .id = STR("1"),
	    .policy = STR(ENFORCE),
	    .fetched = START,
	    .expires = START + DAY};
	struct store *s;
	struct host h;

	begin(dir, "others");
	s = open_file(shared);
	is_int(store_put_sts(s, &row, NULL), 0, "another host has one");
	host_open(&h, NULL);
	ok(comes(copy, "a.example", true), "which is copied");
	row.domain = STR("b.example");
	is_int(store_put_sts(s, &row, NULL), 0, "it gets another one");
	ok(comes(copy, "b.example", true), "which is copied, too");
	is_int(store_remove_sts(s, STR("a.example"), NULL), 0, "one goes");
	ok(comes(copy, "a.example", false), "from the copy as well");
	store_close(s);
	host_close(&h);
	atomic_store(&is_away, true);
	host_open(&h, NULL);
	is_mode(&h, "a.example", "", "-", "and does not come back");
	is_mode(&h, "b.example", "", "enforce", "the other one is in force");
	host_close(&h);
}

static int
count_row(void *arg, const struct store_sts *s)
{
	*(int *)arg += s->policy.n > 0;
	return 0;
}

static void
test_many(const char *dir)
{
	struct store *s;
	struct host h;
	char domain[64];
	int n = 0, wrong = 0;

	begin(dir, "many");
	host_open(&h, ENFORCE);
	for (int i = 0; i < MANY; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		wrong += strcmp(mode(&h, domain, "1"), "enforce") != 0;
	}
	is_int(wrong, 0, "many policies");
	host_close(&h);
	s = open_file(copy);
	is_int(store_each_sts(s, STR_NONE, count_row, &n, NULL), 0, "counted");
	store_close(s);
	is_int(n, MANY, "all are there at the end");
	atomic_store(&is_away, true);
	host_open(&h, NULL);
	for (int i = 0; i < MANY; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		wrong += strcmp(mode(&h, domain, ""), "enforce") != 0;
	}
	is_int(wrong, 0, "and in force after a restart");
	host_close(&h);
}

/* Uses are noted there: what is in use is not forgotten, nor left to expire. */
static void
test_use(const char *dir)
{
	struct store_sts row = {.last_used = 0};
	struct store *s;
	struct host h;
	struct arena a;

	begin(dir, "use");
	arena_init(&a, 1 << 20);
	host_open(&h, ENFORCE);
	is_mode(&h, "a.example", "1", "enforce", "a policy");
	ok(comes(copy, "a.example", true), "is copied");
	atomic_store(&now_s, START + 2 * 3600);
	is_mode(&h, "a.example", "1", "enforce", "used later");
	s = open_file(copy);
	for (int i = 0; i < 1000 && row.last_used < START + 3600; i++) {
		arena_reset(&a);
		(void)store_get_sts(s, STR("a.example"), &a, &row, NULL);
		sleep_ms(20);
	}
	is_int(row.last_used, START + 2 * 3600, "which the copy learns");
	store_close(s);
	host_close(&h);
	arena_fini(&a);
}

/* The file is none, or there is no place for it. */
static void
test_damaged(const char *dir)
{
	struct host h;
	FILE *f;

	begin(dir, "damaged");
	f = fopen(copy, "w");
	for (int i = 0; f && i < 10000; i++)
		fputs("no database", f);
	if (!ok(f && fclose(f) == 0, "a file that is no database"))
		exit(1);
	host_open(&h, ENFORCE);
	is_mode(&h, "a.example", "1", "enforce", "costs no answer");
	host_close(&h);
	is_int(h.notes, 1, "it is told, once");
	atomic_store(&is_away, true);
	host_open(&h, NULL);
	is_mode(&h, "a.example", "", "-", "and is no source of policies");
	is_int(h.notes, 1, "which is told");
	is_mode(&h, "a.example", "", "-", "again");
	is_int(h.notes, 1, "but not for each question");
	host_close(&h);
	snprintf(copy, sizeof(copy), "%s/nowhere/copy.db", dir);
	host_open(&h, ENFORCE);
	is_mode(&h, "a.example", "1", "enforce", "no folder costs none either");
	ok(h.notes == 1, "and is told");
	host_close(&h);
}

int
main(void)
{
	struct tmpdir dir = tmpdir_fast();

	test_restart(dir.path);
	test_alone(dir.path);
	test_others(dir.path);
	test_many(dir.path);
	test_use(dir.path);
	test_damaged(dir.path);
	tmpdir_remove(dir.path);
	return tap_done();
}
