/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/answer_cache.h"
#include "t/tap.h"

#define GEN 7u

static struct str
numbered(char *text, size_t size, const char *what, unsigned i)
{
	int n = snprintf(text, size, "%s %u", what, i);

	return (struct str){text, (size_t)n};
}

static void
put(struct answer_cache *c, unsigned i, int64_t until, int64_t now)
{
	char a[64], b[64];

	answer_cache_put(c, numbered(a, sizeof(a), "tls domain", i),
	    numbered(b, sizeof(b), "answer", i), i, until, now, GEN);
}

/* There, and the right one. */
static bool
has(struct answer_cache *c, unsigned i, int64_t now)
{
	char a[64], b[64];
	struct str reply;
	unsigned tag;

	if (!answer_cache_get(c, numbered(a, sizeof(a), "tls domain", i), now,
		GEN, &reply, &tag))
		return false;
	return str_eq(reply, numbered(b, sizeof(b), "answer", i)) && tag == i;
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
	struct str reply;
	unsigned tag;

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
	ok(!answer_cache_get(
	       c, STR("tls domain 5"), 1000, GEN + 1, &reply, &tag),
	    "not for another configuration");
	ok(!has(c, 5, 1000), "and it does not come back");
	answer_cache_put(c, STR(""), STR(""), 9, 5000, 1000, GEN);
	ok(answer_cache_get(c, STR(""), 1000, GEN, &reply, &tag) &&
		reply.n == 0 && tag == 9,
	    "the empty request");
	answer_cache_put(c, STR("a\0b"), STR("x\0y"), 1, 5000, 1000, GEN);
	ok(answer_cache_get(c, STR("a\0b"), 1000, GEN, &reply, &tag),
	    "any octets");
	is_str(reply, STR("x\0y"), "of any kind");
	ok(!answer_cache_get(c, STR("a\0c"), 1000, GEN, &reply, &tag),
	    "no other one");
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
	struct str reply;
	unsigned tag, live = 0;
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
	answer_cache_put(
	    c, STR("big"), (struct str){big, sizeof(big)}, 0, 100000, 0, GEN);
	ok(answer_cache_get(c, STR("big"), 0, GEN, &reply, &tag) &&
		reply.n == sizeof(big),
	    "a large one takes the place of many");
	ok(stats(c).octets <= 10000, "within the bound");
	answer_cache_put(c, STR("bigger"), (struct str){big, sizeof(big)}, 0,
	    100000, 0, GEN);
	answer_cache_put(c, (struct str){big, sizeof(big)},
	    (struct str){big, sizeof(big)}, 0, 100000, 0, GEN);
	ok(!answer_cache_get(
	       c, (struct str){big, sizeof(big)}, 0, GEN, &reply, &tag),
	    "one that does not fit at all is not kept");
	ok(answer_cache_get(c, STR("bigger"), 0, GEN, &reply, &tag),
	    "and displaces nobody");
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

		answer_cache_put(c, numbered(a, sizeof(a), "tls domain", i),
		    (struct str){b, (size_t)n}, 0, 1000, 0, GEN);
	}
	for (unsigned i = 0; i < 100000; i++) {
		struct str reply;
		unsigned tag;

		there +=
		    answer_cache_get(c, numbered(a, sizeof(a), "tls domain", i),
			0, GEN, &reply, &tag);
	}
	is_int(there, 100000, "100 000 answers");
	ok(stats(c).octets < (size_t)40 << 20, "in %zu octets",
	    stats(c).octets);
	answer_cache_free(c);
	answer_cache_free(NULL);
}

int
main(void)
{
	test_time();
	test_entries();
	test_octets();
	test_expired_first();
	test_memory();
	return tap_done();
}
