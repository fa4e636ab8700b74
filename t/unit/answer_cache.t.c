/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/answer_cache.h"

#include <pthread.h>

#include "t/tap.h"

#define GEN 7u

static struct str
numbered(char *text, size_t size, const char *what, unsigned i)
{
	int n = snprintf(text, size, "%s %u", what, i);

	return (struct str){text, (size_t)n};
}

static void
put_text(struct answer_cache *c, struct str request, struct str reply,
    uint32_t tag, int64_t until, int64_t now)
{
	struct answer a = {request, reply, tag, GEN, until};

	answer_cache_put(c, &a, now);
}

static void
put(struct answer_cache *c, unsigned i, int64_t until, int64_t now)
{
	char a[64], b[64];

	put_text(c, numbered(a, sizeof(a), "tls domain", i),
	    numbered(b, sizeof(b), "answer", i), i, until, now);
}

/* What is kept for the request, or NULL; the next call frees it. */
static const struct buf *
get(struct answer_cache *c, struct str request, uint32_t generation,
    int64_t now, unsigned *tag)
{
	static struct buf b;

	buf_fini(&b);
	buf_init(&b, NULL, (size_t)1 << 20);
	return answer_cache_get(c, request, now, generation, &b, tag) ? &b
								      : NULL;
}

static bool
is_there(struct answer_cache *c, struct str request, int64_t now)
{
	uint32_t tag;

	return get(c, request, GEN, now, &tag) != NULL;
}

static bool
is_right(const struct buf *reply, unsigned i, uint32_t tag)
{
	char b[64];

	return reply && tag == i &&
	       str_eq(buf_str(reply), numbered(b, sizeof(b), "answer", i));
}

/* There, and the right one. */
static bool
has(struct answer_cache *c, unsigned i, int64_t now)
{
	char a[64];
	const struct buf *reply;
	uint32_t tag = 0;

	reply = get(c, numbered(a, sizeof(a), "tls domain", i), GEN, now, &tag);
	return is_right(reply, i, tag);
}

static struct answer_cache_stats
stats(struct answer_cache *c)
{
	struct answer_cache_stats st;

	answer_cache_stats(c, &st);
	return st;
}

static void
test_time(void)
{
	struct answer_cache *c = answer_cache_new(100, 100000);
	struct buf small;
	uint32_t tag;

	ok(!has(c, 1, 0), "nothing is there");
	put(c, 1, 1000, 0);
	ok(has(c, 1, 0), "an answer is there");
	ok(has(c, 1, 999), "up to its end");
	ok(!has(c, 1, 1000), "and no longer");
	is_int(stats(c).entries, 0, "it is gone then");
	is_int(stats(c).octets, 0, "with its octets");
	put(c, 2, 1000, 1000);
	ok(!has(c, 2, 500), "what has expired already is not kept");
	put(c, 3, 5000, 1000);
	put(c, 3, 2000, 1000);
	ok(!has(c, 3, 2000), "a newer answer takes the place of the older");
	put(c, 4, 5000, 1000);
	put(c, 4, 900, 1000);
	ok(!has(c, 4, 1000), "also one that must not be kept");
	put(c, 5, 5000, 1000);
	ok(!get(c, STR("tls domain 5"), GEN + 1, 1000, &tag),
	    "not for another configuration");
	ok(!has(c, 5, 1000), "and it does not come back");
	put_text(c, STR(""), STR(""), 9, 5000, 1000);
	ok(get(c, STR(""), GEN, 1000, &tag) && tag == 9, "the empty request");
	put_text(c, STR("a\0b"), STR("x\0y"), 1, 5000, 1000);
	ok(is_there(c, STR("a\0b"), 1000), "any octets");
	is_str(buf_str(get(c, STR("a\0b"), GEN, 1000, &tag)), STR("x\0y"),
	    "of any kind");
	ok(!is_there(c, STR("a\0c"), 1000), "no other one");
	buf_init(&small, NULL, 2);
	ok(!answer_cache_get(c, STR("a\0b"), 1000, GEN, &small, &tag),
	    "not where the reply has no room");
	buf_fini(&small);
	ok(is_there(c, STR("a\0b"), 1000), "and it stays");
	answer_cache_free(c);
}

static void
test_entries(void)
{
	struct answer_cache *c = answer_cache_new(1000, (size_t)1 << 30);
	unsigned there = 0;

	for (unsigned i = 0; i < 10; i++)
		put(c, i, 100000, 0);
	for (unsigned i = 10; i < 5000; i++) {
		put(c, i, 100000, 0);
		/* what is asked for again and again */
		for (unsigned k = 0; k < 10; k++)
			has(c, k, 0);
	}
	is_int(stats(c).entries, 1000, "no more entries than the bound");
	is_int(stats(c).evicted, 4000, "the others are counted");
	for (unsigned i = 0; i < 10; i++)
		there += has(c, i, 0);
	is_int(there, 10, "what is in use stays");
	there = 0;
	for (unsigned i = 4010; i < 5000; i++)
		there += has(c, i, 0);
	is_int(there, 990, "and what is new");
	answer_cache_free(c);
}

static void
test_octets(void)
{
	struct answer_cache *c = answer_cache_new(100000, 10000);
	char big[9000];
	struct str all = {big, sizeof(big)};
	unsigned live = 0;
	bool always = true;

	for (unsigned i = 0; i < 2000; i++) {
		put(c, i, 100000, 0);
		always = always && stats(c).octets <= 10000 && has(c, i, 0);
	}
	ok(always, "never more octets than the bound, the newest always there");
	for (unsigned i = 0; i < 2000; i++)
		live += has(c, i, 0);
	is_int(stats(c).entries, live, "entries and lookups agree");
	memset(big, 'b', sizeof(big));
	put_text(c, STR("big"), all, 0, 100000, 0);
	ok(is_there(c, STR("big"), 0), "a large one takes the place of many");
	ok(stats(c).octets <= 10000, "within the bound");
	put_text(c, STR("bigger"), all, 0, 100000, 0);
	put_text(c, all, all, 0, 100000, 0);
	ok(!is_there(c, all, 0), "one that does not fit at all is not kept");
	ok(is_there(c, STR("bigger"), 0), "and displaces nobody");
	answer_cache_free(c);
}

static void
test_expired_first(void)
{
	struct answer_cache *c = answer_cache_new(100, (size_t)1 << 30);

	for (unsigned i = 0; i < 100; i++)
		put(c, i, 1000, 0);
	for (unsigned i = 0; i < 100; i++)
		has(c, i, 0);
	for (unsigned i = 100; i < 200; i++)
		put(c, i, 5000, 2000);
	is_int(stats(c).evicted, 0, "expired ones make room for new ones");
	is_int(stats(c).entries, 100, "and are gone");
	put(c, 1000, 9000, 6000);
	put(c, 1001, 9000, 6000);
	ok(stats(c).entries < 100, "each that comes drops some of them");
	answer_cache_free(c);
}

/* 100 000 domains have to fit into less than 100 MB with all else. */
static void
test_memory(void)
{
	struct answer_cache *c = answer_cache_new(200000, (size_t)64 << 20);
	char a[64], b[256];
	unsigned there = 0;

	for (unsigned i = 0; i < 100000; i++) {
		int n = snprintf(b, sizeof(b),
		    "120:OK secure match=mail%u.example.com:.backup.example.net"
		    " servername=hostname policy_type=sts policy_domain=d%u"
		    ".example.com { policy_string = version: STSv1 },",
		    i, i);

		put_text(c, numbered(a, sizeof(a), "tls domain", i),
		    (struct str){b, (size_t)n}, 0, 1000, 0);
	}
	for (unsigned i = 0; i < 100000; i++)
		there +=
		    is_there(c, numbered(a, sizeof(a), "tls domain", i), 0);
	is_int(there, 100000, "100 000 answers");
	ok(stats(c).octets < (size_t)40 << 20, "in %zu octets",
	    stats(c).octets);
	answer_cache_free(c);
	answer_cache_free(NULL);
}

/* ---- what is spread over many shards ------------------------------------ */

#define BOUND 40000u

static void
test_shards(void)
{
	struct answer_cache *c = answer_cache_new(BOUND, (size_t)1 << 30);
	unsigned hot = 0, fresh = 0;
	bool bounded = true;

	for (unsigned i = 0; i < 100; i++)
		put(c, i, 100000, 0);
	for (unsigned i = 100; i < 4 * BOUND; i++) {
		put(c, i, 100000, 0);
		has(c, i % 100, 0);
		bounded = bounded && stats(c).entries <= BOUND;
	}
	ok(bounded, "never more entries than the bound");
	is_int(stats(c).entries, BOUND, "nor fewer, whatever the shards");
	is_int(stats(c).evicted, 3 * BOUND, "the others are counted");
	for (unsigned i = 0; i < 100; i++)
		hot += has(c, i, 0);
	is_int(hot, 100, "what is in use stays");
	for (unsigned i = 4 * BOUND - BOUND / 2; i < 4 * BOUND; i++)
		fresh += has(c, i, 0);
	is_int(fresh, BOUND / 2, "and what is new");
	answer_cache_free(c);
}

/* All are asked for: no call may go round until one is not. */
static void
test_all_used(void)
{
	struct answer_cache *c = answer_cache_new(1000, (size_t)1 << 30);

	for (unsigned i = 0; i < 1000; i++)
		put(c, i, 100000, 0);
	for (unsigned i = 0; i < 1000; i++)
		has(c, i, 0);
	put(c, 1000, 100000, 0);
	ok(has(c, 1000, 0), "a new one finds room among those in use");
	ok(has(c, 0, 0) && has(c, 14, 0) && !has(c, 15, 0),
	    "in place of the last that was looked at");
	is_int(stats(c).evicted, 1, "one for one");
	answer_cache_free(c);
}

/* ---- threads ------------------------------------------------------------ */

#define THREADS 4
#define ROUNDS 60000u
#define KEYS 3000u /* more than there is room for */

struct thread {
	pthread_t id;
	struct answer_cache *c;
	unsigned start, hits, wrong;
};

/* As pollers do: asks, and puts what is not there. */
static void *
ask_and_put(void *arg)
{
	struct thread *t = arg;
	struct buf b;

	buf_init(&b, NULL, 1000);
	for (unsigned i = 0; i < ROUNDS; i++) {
		/* some that all want, and some of its own */
		unsigned k = i % 2 ? i % 50 : (t->start + i * 7) % KEYS;
		uint32_t tag;
		char a[64];
		struct str request = numbered(a, sizeof(a), "tls domain", k);

		if (answer_cache_get(t->c, request, i / 100, GEN, &b, &tag)) {
			t->hits++;
			t->wrong += !is_right(&b, k, tag);
		} else {
			put(t->c, k, i / 100 + 1 + k % 200, i / 100);
		}
	}
	buf_fini(&b);
	return NULL;
}

static void
test_threads(void)
{
	struct answer_cache *c = answer_cache_new(2500, (size_t)1 << 30);
	struct thread t[THREADS];
	unsigned wrong = 0, there = 0;
	bool each = true;

	for (unsigned i = 0; i < THREADS; i++) {
		t[i] = (struct thread){.c = c, .start = i * 1000};
		if (pthread_create(&t[i].id, NULL, ask_and_put, &t[i]))
			return;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(t[i].id, NULL);
		wrong += t[i].wrong;
		each = each && t[i].hits > 0;
	}
	ok(each, "threads find what is kept");
	is_int(wrong, 0, "and each reply is that of its request");
	for (unsigned i = 0; i < KEYS; i++)
		there += has(c, i, 0);
	is_int(stats(c).entries, there, "entries and lookups agree");
	ok(stats(c).entries <= 2500, "within the bound");
	answer_cache_free(c);
}

int
main(void)
{
	test_time();
	test_entries();
	test_octets();
	test_expired_first();
	test_memory();
	test_shards();
	test_all_used();
	test_threads();
	return tap_done();
}
