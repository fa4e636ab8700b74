/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The socketmap between the server and the engine. */
#include "policyd/socketmap.h"
#include "t/tap.h"
#include "t/unit/policyd_fake.h"

struct map_case {
	const char *request, *reply, *name;
	bool kept;
};

static const struct map_case cases[] = {
    {"tls none.example", "9:NOTFOUND ,", "no policy", true},
    {"tls verified.example", "37:OK secure match=mail.verified.example,",
	"a policy", true},
    {"tls VERIFIED.example.", "37:OK secure match=mail.verified.example,",
	"in capitals, with a dot", true},
    {"tls verified.example:587", "37:OK secure match=mail.verified.example,",
	"with a port", true},
    {"postfix encrypt.example", "10:OK encrypt,", "an alias", true},
    {"QUERY encrypt.example", "10:OK encrypt,", "another", true},
    {"tls [192.0.2.1]", "9:NOTFOUND ,", "an address", true},
    {"tls ", "9:NOTFOUND ,", "no key", true},
    {"tls a b c", "9:NOTFOUND ,", "a key with spaces", true},
    {"verified none.example", "12:OK dane-only,", "a level that defers", true},
    {"requiretls none.example", "10:OK enforce,", "another map", true},
};

/* Starts of replies to what is no lookup of a map, or cannot be answered. */
static const struct map_case bad[] = {
    {"tls", "PERM ", "no space", false},
    {"", "PERM ", "nothing", false},
    {"nomap verified.example", "PERM ", "an unknown map", false},
    {"TLS verified.example", "PERM ", "a map in capitals", false},
    {" verified.example", "PERM ", "a map without name", false},
    {"tls trouble.example", "TEMP ", "trouble", true},
    {"verified encrypt.example", "TEMP ", "no verified TLS", true},
};

/* As the server does it; true when now() had the answer. */
static bool
ask(const struct serve_protocol *p, const char *text, struct buf *out)
{
	struct str request = str_from_z(text), reply = STR_NONE;
	struct serve_answer a = {.close = false};
	bool at_once =
	    p->now(p->arg, request, clock_mono_ms(), &reply) == SERVE_REPLY;

	buf_clear(out);
	if (at_once) {
		buf_add(out, reply);
		return true;
	}
	buf_init(&a.reply, NULL, (size_t)1 << 20);
	p->work(p->arg, request, &a);
	p->after(p->arg, request, &a);
	buf_add(out, buf_str(&a.reply));
	buf_fini(&a.reply);
	return false;
}

static void
test_answers(const struct serve_protocol *p)
{
	struct buf b;

	buf_init(&b, NULL, (size_t)1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct map_case *k = &cases[i];

		is_int(fake_asked_known, 0, "nothing remembered was asked for");
		ok(!ask(p, k->request, &b), "%s: decided", k->name);
		is_str(buf_str(&b), str_from_z(k->reply), k->name);
		ok(ask(p, k->request, &b), "%s: kept", k->name);
		if (str_starts(str_from_z(k->request), STR("requiretls "))) {
			is_int(fake_asked_known, 1, "but for that map");
			fake_asked_known = 0;
		}
		is_str(buf_str(&b), str_from_z(k->reply), k->name);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct map_case *k = &bad[i];
		struct str reply;

		ask(p, k->request, &b);
		str_cut(buf_str(&b), ':', &reply);
		ok(str_starts(reply, str_from_z(k->reply)) &&
			reply.p[reply.n - 1] == ',',
		    "%s: %.*s", k->name, STRF(buf_str(&b)));
		ok(ask(p, k->request, &b) == k->kept, "%s: kept or not",
		    k->name);
	}
	buf_fini(&b);
}

static void
test_sendmail(const struct serve_protocol *p)
{
	struct buf b;

	buf_init(&b, NULL, 10000);
	ask(p, "sendmail both.example", &b);
	ok(fake_sts_anyway, "Sendmail is told of a policy beside DANE");
	ask(p, "tls both.example", &b);
	ok(!fake_sts_anyway, "Postfix is not");
	buf_fini(&b);
}

static void
test_parents(const struct serve_protocol *p)
{
	unsigned before = fake_decisions;
	struct buf b;

	buf_init(&b, NULL, 10000);
	ok(ask(p, "tls .verified.example", &b), "a parent needs no decision");
	is_str(buf_str(&b), STR("9:NOTFOUND ,"), "it has no policy");
	ok(ask(p, "verified .example", &b), "in any map");
	is_int(fake_decisions, before, "the engine is not asked");
	ok(!ask(p, "nomap .example", &b), "but in one that exists");
	buf_fini(&b);
}

static void
test_generations(const struct serve_protocol *p)
{
	struct buf b;

	buf_init(&b, NULL, 10000);
	ask(p, "tls verified.one.example", &b);
	ok(ask(p, "tls verified.one.example", &b), "an answer is kept");
	fake_snapshot.generation = 2;
	atomic_store(&fake_service.generation, 2);
	ok(!ask(p, "tls verified.one.example", &b), "up to a reload");
	ok(ask(p, "tls verified.one.example", &b), "and kept again");
	/* decided under the old configuration, done under the new one */
	atomic_store(&fake_service.generation, 3);
	ask(p, "tls verified.two.example", &b);
	ok(!ask(p, "tls verified.two.example", &b),
	    "an answer of the old configuration is not kept");
	fake_snapshot.generation = 3;
	fake_never_kept = true;
	ask(p, "tls verified.three.example", &b);
	ok(!ask(p, "tls verified.three.example", &b),
	    "nor one that the engine does not want kept");
	fake_never_kept = false;
	buf_fini(&b);
}

static void
test_late(const struct serve_protocol *p)
{
	struct serve_answer a = {.close = false};
	unsigned before = fake_decisions;

	buf_init(&a.reply, NULL, 1000);
	p->late(p->arg, STR("tls verified.late.example"), &a);
	is_str(buf_str(&a.reply), STR("25:TEMP all workers are busy,"),
	    "who waited too long is told to come again");
	is_int(fake_decisions, before, "without a decision");
	is_int(a.until, 0, "which is not kept");
	buf_fini(&a.reply);
}

static void
test_stats(struct socketmap *m, const struct serve_protocol *p)
{
	struct socketmap_stats was, is;
	struct buf b;

	buf_init(&b, NULL, 10000);
	ask(p, "tls verified.count.example", &b);
	socketmap_get_stats(m, &was);
	ask(p, "tls verified.count.example", &b);
	ask(p, "tls trouble.count.example", &b);
	ask(p, "no map", &b);
	socketmap_get_stats(m, &is);
	is_int(is.hits - was.hits, 1, "a hit");
	is_int(is.misses - was.misses, 2, "two misses");
	is_int(is.answers[RENDER_TLS][RENDER_OK] -
		   was.answers[RENDER_TLS][RENDER_OK],
	    1, "an OK, from the cache");
	is_int(is.answers[RENDER_TLS][RENDER_TEMP] -
		   was.answers[RENDER_TLS][RENDER_TEMP],
	    1, "a TEMP");
	is_int(is.answers[SOCKETMAP_UNKNOWN][RENDER_PERM] -
		   was.answers[SOCKETMAP_UNKNOWN][RENDER_PERM],
	    1, "a PERM");
	buf_fini(&b);
}

/* Another host has put or removed a policy. */
static void
test_changes(const struct serve_protocol *p, struct socketmap *m)
{
	struct socketmap_stats was, is;
	struct buf b;

	buf_init(&b, NULL, 10000);
	fake_number = UINT16_MAX;
	ask(p, "tls verified.change.example", &b);
	socketmap_get_stats(m, &was);
	ask(p, "tls verified.change.example", &b);
	fake_number++;
	ask(p, "tls verified.change.example", &b);
	ask(p, "tls verified.change.example", &b);
	socketmap_get_stats(m, &is);
	is_int(is.misses - was.misses, 1, "a change voids the answer");
	is_int(is.hits - was.hits, 2, "before and after it is kept");
	is_int(is.answers[RENDER_TLS][RENDER_OK] -
		   was.answers[RENDER_TLS][RENDER_OK],
	    3, "and counted as ever");
	buf_fini(&b);
}

int
main(void)
{
	struct answer_cache *cache = answer_cache_new(1000, 1000000);
	struct serve_protocol p;
	struct socketmap *m;

	fake_start();
	m = socketmap_new(&fake_service, cache);
	socketmap_protocol(m, &p);
	ok(p.starts('0') && p.starts('9') && !p.starts('r') && !p.starts('-'),
	    "a digit begins a request");
	test_answers(&p);
	test_sendmail(&p);
	test_parents(&p);
	test_generations(&p);
	test_late(&p);
	test_stats(m, &p);
	test_changes(&p, m);
	socketmap_free(m);
	answer_cache_free(cache);
	is_int(atomic_load(&fake_snapshot.refs), 1, "all references are back");
	return tap_done();
}
