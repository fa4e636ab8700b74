/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/arc/arc.h"

#include "lib/dns/dns_zone.h"
#include "t/unit/arc_seal.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW 1700000100

/* ---- a resolver that counts and can fail -------------------------------- */

struct counted {
	struct dns_source base;
	struct dns_source *zone;
	unsigned asked, hinted;
	unsigned fail_at; /* the lookup of this number, from 1, */
	enum dns_status fail_as;
};

static struct dns_rrset *
resolve(struct dns_source *s, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	struct counted *c = (struct counted *)s;

	if (++c->asked == c->fail_at)
		return dns_rrset_new(c->fail_as, false, 1, 0, NULL, "told so");
	return c->zone->ops->resolve(c->zone, name, type, deadline);
}

static void
hint(struct dns_source *s, const struct dname *name, uint16_t type)
{
	(void)name;
	(void)type;
	((struct counted *)s)->hinted++;
}

static const struct dns_source_ops counted_ops = {resolve, hint, NULL};

/* ---- the world ---------------------------------------------------------- */

struct world {
	struct arena keep; /* keys, texts */
	struct dkim_engine *engine;
	EVP_PKEY *ed, *rsa, *other, *small;
	struct counted dns;
	struct arena arena; /* of the message */
	/* how the next message is judged */
	struct arc_limits limits;
	unsigned max_questions;
	size_t chunk;
	bool share; /* body hashes of the caller */
	struct arc_verdict v;
	bool wanted;
};

static void
add_record(struct buf *b, const char *name, const char *text)
{
	struct str rest = str_from_z(text);

	buf_addf(b, "%s. TXT", name);
	for (; rest.n; rest = str_from(rest, 200))
		buf_addf(b, " \"%.*s\"", STRF(str_head(rest, 200)));
	buf_add_c(b, '\n');
}

static void
make_zone(struct world *w)
{
	const char *ed = record_of(&w->keep, w->ed);
	const char *other = record_of(&w->keep, w->other);
	const char *rsa = record_of(&w->keep, w->rsa);
	struct diag d;
	struct buf b;

	buf_init(&b, &w->keep, 65536);
	add_record(&b, "s1._domainkey.d1.example", ed);
	add_record(&b, "s2._domainkey.d2.example", rsa);
	add_record(&b, "s3._domainkey.d3.example", ed);
	buf_add_z(&b, "s1._domainkey.d1.example. SECURE\n"
		      "s2._domainkey.d2.example. SECURE\n");
	add_record(
	    &b, "small._domainkey.d1.example", record_of(&w->keep, w->small));
	add_record(&b, "two._domainkey.d1.example", other);
	add_record(&b, "two._domainkey.d1.example", "no key at all");
	add_record(&b, "two._domainkey.d1.example", ed);
	add_record(&b, "revoked._domainkey.d1.example", "v=DKIM1; p=");
	add_record(&b, "tlsrpt._domainkey.d1.example",
	    text_of(&w->keep, "%s; s=tlsrpt", ed));
	add_record(&b, "strict._domainkey.d1.example",
	    text_of(&w->keep, "%s; t=s:y", ed));
	add_record(&b, "sha1._domainkey.d1.example",
	    text_of(&w->keep, "%s; h=sha1", ed));
	buf_add_z(&b, "slow._domainkey.d1.example. TIMEOUT\n"
		      "bogus._domainkey.d1.example. BOGUS\n");
	for (int i = 0; i < SETS; i++)
		add_record(
		    &b, text_of(&w->keep, "k%d._domainkey.d1.example", i), ed);
	if (dns_zone_parse(buf_str(&b), &w->dns.zone, &d))
		abort();
}

static void
usual(struct world *w)
{
	w->limits = ARC_LIMITS_DEFAULT;
	w->max_questions = 100;
	w->chunk = 65535;
	w->share = false;
	w->dns.fail_at = 0;
}

static void
world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	arena_init(&w->keep, 64 << 20);
	arena_init(&w->arena, 32 << 20);
	w->engine = dkim_engine_new(&w->keep);
	w->ed = new_ed25519();
	w->other = new_ed25519();
	w->rsa = EVP_RSA_gen(2048);
	w->small = EVP_RSA_gen(1016);
	w->dns.base.ops = &counted_ops;
	usual(w);
	make_zone(w);
}

static void
world_fini(struct world *w)
{
	EVP_PKEY_free(w->ed);
	EVP_PKEY_free(w->other);
	EVP_PKEY_free(w->rsa);
	EVP_PKEY_free(w->small);
	dns_source_close(w->dns.zone);
	arena_fini(&w->arena);
	arena_fini(&w->keep);
}

/* Body octets in chunks, to the verifier or the hashes of the caller. */
static void
feed(struct world *w, struct arc_verifier *v, struct dkim_bodies *shared,
    struct str body)
{
	for (size_t i = 0; i < body.n; i += w->chunk) {
		struct str part = str_head(str_from(body, i), w->chunk);

		if (shared)
			dkim_bodies_add(shared, part);
		arc_verifier_body(v, part);
	}
	if (shared)
		dkim_bodies_end(shared);
}

static enum arc_result
judge_text(struct world *w, struct str fields, struct str body)
{
	struct dkim_bodies own, *shared = w->share ? &own : NULL;
	struct hdr_list l = {0};
	struct arc_verifier *v;
	struct dns dns;
	struct str none;

	arena_reset(&w->arena);
	w->v = (struct arc_verdict){.result = ARC_FAIL};
	w->dns.asked = w->dns.hinted = 0;
	dns_init(&dns, &w->dns.base, &w->arena, 0, w->max_questions);
	dkim_bodies_init(&own, &w->arena, w->engine, 4);
	v = arc_verifier_new(&w->arena, w->engine, &w->limits, NOW, false);
	if (!v || hdr_split_message(&w->arena, fields, &l, &none))
		return ARC_FAIL;
	for (size_t i = 0; i < l.n; i++)
		arc_verifier_field(v, &dns, &l.v[i]);
	w->wanted = arc_verifier_eoh(v, &dns, shared);
	feed(w, v, shared, body);
	arc_verifier_finish(v, &dns, &l, &w->v);
	return w->v.result;
}

static struct str
fields_of(const struct message *m)
{
	struct buf b;

	buf_init(&b, m->arena, 1 << 20);
	for (size_t i = 0; i < m->n; i++)
		buf_addf(&b, "%s\r\n", m->field[i]);
	return buf_str(&b);
}

static enum arc_result
judge(struct world *w, const struct message *m)
{
	return judge_text(w, fields_of(m), str_from_z(m->body));
}

static void
is_verdict(struct world *w, enum arc_result result, enum arc_reason reason,
    unsigned at, const char *name)
{
	bool good = w->v.result == result && w->v.reason == reason &&
		    w->v.at == at &&
		    (w->v.detail.n > 0) == (result == ARC_FAIL);

	if (!ok(good, "%s", name))
		printf("# got %s, %s (%s) at %u: %.*s\n",
		    arc_result_name(w->v.result), arc_reason_name(w->v.reason),
		    dkim_reason_name(w->v.dkim), w->v.at, STRF(w->v.detail));
}

/* ---- good chains -------------------------------------------------------- */

/* Three sealers: Ed25519, RSA, Ed25519 at a zone without DNSSEC. */
static struct message
chain(struct world *w, unsigned sets)
{
	struct message m = new_message(&w->keep);

	if (sets >= 1)
		seal(&m, (struct sealer){.key = w->ed});
	if (sets >= 2)
		seal(&m, (struct sealer){
			     .key = w->rsa, .d = "d2.example", .s = "s2"});
	if (sets >= 3)
		seal(&m, (struct sealer){
			     .key = w->ed, .d = "d3.example", .s = "s3"});
	return m;
}

static void
test_good(struct world *w)
{
	struct message m = chain(w, 0);

	ok(judge(w, &m) == ARC_NONE && w->v.instances == 0 && !w->wanted &&
		w->v.detail.n == 0,
	    "no ARC field: none");
	for (unsigned n = 1; n <= 3; n++) {
		m = chain(w, n);
		ok(judge(w, &m) == ARC_PASS && w->v.reason == ARC_WHY_NONE &&
			w->v.instances == n && w->wanted,
		    "%u sets: pass", n);
		ok(w->v.oldest_known && w->v.oldest_pass == 0,
		    "all message signatures hold");
		ok(w->dns.asked == n && w->dns.hinted == n,
		    "a key for both fields is asked for once");
		ok(w->v.secure == (n < 3), "secure when all keys are");
	}
	is_str(w->v.seals[0].domain, STR("d1.example"), "as[1].d");
	is_str(w->v.seals[1].selector, STR("s2"), "as[2].s");
	is_int(w->v.seals[2].instance, 3, "as[3].i");
	is_str(w->v.seals[0].results,
	    STR(" mx.example; spf=pass smtp.mailfrom=author.example"),
	    "results of the first sealer");
}

static void
test_insecure(struct world *w)
{
	struct message m = new_message(&w->keep);

	seal(&m, (struct sealer){.key = w->ed, .d = "d3.example", .s = "s3"});
	seal(&m, (struct sealer){.key = w->ed});
	ok(judge(w, &m) == ARC_PASS && !w->v.secure,
	    "not secure when an older seal's key is not");
}

static void
test_layout(struct world *w)
{
	struct message m = chain(w, 3);
	const char *top[3] = {m.field[0], m.field[1], m.field[2]};

	for (int i = 0; i < 3; i++) {
		m.field[i] = m.field[i + 6];
		m.field[i + 6] = top[2 - i];
	}
	ok(judge(w, &m) == ARC_PASS, "the order of the fields is free");
	m = chain(w, 1);
	/* "i=1; a=ed25519-sha256;", a space, the rest */
	m.field[0] = text_of(&w->keep, "arc-SEAL :\r\n\t%.22s \r\n  %s  ",
	    m.field[0] + 10, m.field[0] + 33);
	ok(judge(w, &m) == ARC_PASS, "a seal may be folded anew");
}

static void
test_chunks(struct world *w)
{
	struct message m = new_message(&w->keep);
	bool same = true;

	m.body = "One\r\ntwo\r\n\r\nthree\r\n";
	seal(&m, (struct sealer){.key = w->ed});
	for (w->chunk = 1; w->chunk < 20; w->chunk++)
		for (int share = 0; share < 2; share++) {
			w->share = share;
			same = same && judge(w, &m) == ARC_PASS;
		}
	ok(same, "the body may come in any chunks, hashed here or elsewhere");
	usual(w);
}

/* A message with both kinds of signature is hashed once. */
static void
test_with_dkim(struct world *w)
{
	struct message m = chain(w, 2);
	struct dkim_limits limits = DKIM_LIMITS_DEFAULT;
	const struct dkim_verdict *dkim;
	struct dkim_verifier *d;
	struct arc_verifier *v;
	struct hdr_list l = {0};
	struct str body;
	struct dns dns;
	size_t n;

	add_on_top(&m,
	    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; "
	    "d=d1.example; s=s1; h=from; b=QUJD; "
	    "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	arena_reset(&w->arena);
	dns_init(&dns, &w->dns.base, &w->arena, 0, 100);
	d = dkim_verifier_new(&w->arena, w->engine, &limits, NOW, false);
	v = arc_verifier_new(&w->arena, w->engine, &w->limits, NOW, false);
	hdr_split_message(&w->arena, fields_of(&m), &l, &body);
	dkim_verifier_field(d, &dns, &l.v[0]);
	for (size_t i = 0; i < l.n; i++)
		arc_verifier_field(v, &dns, &l.v[i]);
	ok(dkim_verifier_eoh(d) &&
		arc_verifier_eoh(v, &dns, dkim_verifier_bodies(d)) &&
		dkim_verifier_bodies(d)->n == 1,
	    "one body hash for DKIM and ARC");
	dkim_verifier_body(d, str_from_z(m.body));
	arc_verifier_body(v, str_from_z(m.body));
	dkim_verifier_finish(d, &dns, &l, &dkim, &n);
	arc_verifier_finish(v, &dns, &l, &w->v);
	ok(n == 1 && dkim->result == DKIM_FAIL && w->v.result == ARC_PASS,
	    "and it serves both");
}

/* ---- chains broken after sealing ---------------------------------------- */

enum damage { REMOVE, DOUBLE, ALTER };

static const char *const *
text_in(const struct set_text *s, int kind)
{
	return kind == 0 ? &s->aar : kind == 1 ? &s->ams : &s->seal;
}

static void
damage(struct message *m, unsigned i, int kind, enum damage how)
{
	const char *text = *text_in(&m->set[i], kind);
	size_t at = 0;

	while (m->field[at] != text)
		at++;
	switch (how) {
	case REMOVE:
		m->n--;
		memmove(m->field + at, m->field + at + 1,
		    (m->n - at) * sizeof(*m->field));
		break;
	case DOUBLE:
		add_on_top(m, text);
		break;
	case ALTER:
		/* t= of a signature is signed, and so are results */
		m->field[at] = kind == 0
				   ? text_of(m->arena, "%s; dkim=pass", text)
				   : text_of(m->arena, "%s; more=1", text);
		break;
	}
}

static enum arc_reason
expected(unsigned sets, unsigned i, int kind, enum damage how, unsigned *at)
{
	*at = i;
	switch (how) {
	case REMOVE:
		return ARC_WHY_INCOMPLETE;
	case DOUBLE:
		return ARC_WHY_DUPLICATE;
	case ALTER:
		break;
	}
	*at = sets;
	return kind == 1 && i == sets ? ARC_WHY_MESSAGE : ARC_WHY_SEAL;
}

static void
test_damage(struct world *w)
{
	static const char *const done[] = {"removed", "doubled", "altered"};

	for (unsigned n = 1; n <= 3; n++)
		for (unsigned i = 1; i <= n; i++)
			for (int j = 0; j < 9; j++) {
				struct message m = chain(w, n);
				enum damage how = (enum damage)(j / 3);
				unsigned at;
				enum arc_reason why =
				    expected(n, i, j % 3, how, &at);

				damage(&m, i, j % 3, how);
				judge(w, &m);
				is_verdict(w, ARC_FAIL, why, at,
				    text_of(&w->keep, "of %u: %.26s... %s", n,
					*text_in(&m.set[i], j % 3), done[how]));
			}
}

static void
test_message_changed(struct world *w)
{
	struct message m = chain(w, 2);

	m.body = "Hello!\r\n";
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_MESSAGE, 2, "the body changed");
	ok(w->v.dkim == DKIM_WHY_BODY_HASH && w->dns.asked == 0,
	    "that needs no key");
	is_str(w->v.detail,
	    STR("ARC-Message-Signature i=2: body hash did not verify"),
	    "and is told");
	ok(w->v.instances == 2 && w->v.seals, "the sets are told as well");
	m = chain(w, 2);
	m.field[7] = "To: other@lists.example";
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_MESSAGE, 2, "a header changed");
	m = chain(w, 2);
	for (int i = 0; i < 3; i++)
		damage(&m, 2, i, REMOVE);
	ok(judge(w, &m) == ARC_PASS && w->v.instances == 1,
	    "without its newest set it is a shorter chain");
}

/* ---- chains sealed oddly ------------------------------------------------ */

static const struct odd {
	const char *name;
	struct sealer s; /* of the only, or with second the second set */
	bool second;
	enum arc_result result;
	enum arc_reason reason;
	enum dkim_reason dkim;
} odds[] = {
    {"cv in capitals", {.cv = "NONE"}, false, ARC_PASS, 0, 0},
    {"cv=pass at 1", {.cv = "pass"}, false, ARC_FAIL, ARC_WHY_CV, 0},
    {"cv=none at 2", {.cv = "none"}, true, ARC_FAIL, ARC_WHY_CV, 0},
    {"cv=fail", {.cv = "fail"}, false, ARC_FAIL, ARC_WHY_CHAIN, 0},
    {"cv=fail at 2", {.cv = "fail"}, true, ARC_FAIL, ARC_WHY_CHAIN, 0},
    {"cv=fail at 2, alone", {.cv = "fail", .alone = true}, true, ARC_FAIL,
	ARC_WHY_CHAIN, 0},
    {"cv=pass at 2, alone", {.alone = true}, true, ARC_FAIL, ARC_WHY_SEAL,
	DKIM_WHY_SIGNATURE},
    {"cv unknown", {.cv = "maybe"}, true, ARC_FAIL, ARC_WHY_CV, 0},
    {"cv empty", {.cv = ""}, true, ARC_FAIL, ARC_WHY_CV, 0},
    {"h= in a seal", {.seal = "h=from; "}, false, ARC_FAIL, ARC_WHY_HEADERS, 0},
    {"unknown tags", {.seal = "bh=x; c=y; l=z; ", .ams = "v=9; cv=pass; "},
	false, ARC_PASS, 0, 0},
    {"a tag twice", {.seal = "t=1; "}, false, ARC_FAIL, ARC_WHY_SYNTAX, 0},
    {"i= twice", {.ams = "i=1; "}, false, ARC_FAIL, ARC_WHY_SYNTAX, 0},
    {"signed seals", {.h = "from:arc-seal"}, true, ARC_FAIL, ARC_WHY_HEADERS,
	0},
    {"signed message signatures", {.h = "from:ARC-Message-Signature"}, true,
	ARC_PASS, 0, 0},
    {"signed results", {.h = "from:arc-authentication-results"}, true, ARC_PASS,
	0, 0},
    {"From not signed", {.h = "to:date"}, false, ARC_FAIL, ARC_WHY_MESSAGE,
	DKIM_WHY_FROM},
    {"From signed twice", {.h = "from:from:to"}, false, ARC_FAIL,
	ARC_WHY_MESSAGE, DKIM_WHY_SIGNATURE},
    {"an empty name", {.h = "from::to"}, false, ARC_PASS, 0, 0},
    {"an absent field", {.h = "from:x-absent"}, false, ARC_PASS, 0, 0},
    {"no c=, relaxed", {.c = ""}, false, ARC_PASS, 0, 0},
    {"no c=, simple", {.c = "", .simple = true}, false, ARC_PASS, 0, 0},
    {"c=simple", {.c = "c=simple; ", .simple = true}, false, ARC_PASS, 0, 0},
    {"c= unknown", {.c = "c=other; "}, false, ARC_FAIL, ARC_WHY_MESSAGE,
	DKIM_WHY_CANON},
    {"x= past", {.ams = "x=1700000001; "}, false, ARC_FAIL, ARC_WHY_MESSAGE, 0},
    {"x= before t=", {.ams = "x=1600000000; "}, false, ARC_FAIL,
	ARC_WHY_MESSAGE, DKIM_WHY_FUTURE},
    {"l= of all", {.ams = "l=8; "}, false, ARC_PASS, 0, 0},
    {"l= above the body", {.ams = "l=9; "}, false, ARC_FAIL, ARC_WHY_MESSAGE,
	DKIM_WHY_BODY_LENGTH},
    {"l= leaves octets",
	{.ams = "l=0; ", .bh = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
	false, ARC_FAIL, ARC_WHY_MESSAGE, DKIM_WHY_UNSIGNED},
    {"bh= empty", {.bh = ""}, false, ARC_FAIL, ARC_WHY_MESSAGE,
	DKIM_WHY_SYNTAX},
    {"rsa-sha1", {.a = "rsa-sha1"}, false, ARC_FAIL, ARC_WHY_SEAL,
	DKIM_WHY_SHA1},
    {"algorithm of another key", {.a = "rsa-sha256"}, false, ARC_FAIL,
	ARC_WHY_KEY, DKIM_WHY_KEY_TYPE},
    {"d= of one label", {.d = "example"}, false, ARC_FAIL, ARC_WHY_SEAL,
	DKIM_WHY_DOMAIN},
    {"s= empty", {.s = ""}, false, ARC_FAIL, ARC_WHY_SEAL, DKIM_WHY_DOMAIN},
    {"no key", {.s = "none"}, false, ARC_FAIL, ARC_WHY_KEY, DKIM_WHY_NO_KEY},
    {"key revoked", {.s = "revoked"}, false, ARC_FAIL, ARC_WHY_KEY,
	DKIM_WHY_REVOKED},
    {"key of another service", {.s = "tlsrpt"}, false, ARC_FAIL, ARC_WHY_KEY,
	DKIM_WHY_KEY_TYPE},
    {"key for SHA-1", {.s = "sha1"}, false, ARC_FAIL, ARC_WHY_KEY,
	DKIM_WHY_KEY_TYPE},
    {"key with flags", {.s = "strict"}, false, ARC_PASS, 0, 0},
    {"the last of three keys", {.s = "two"}, false, ARC_PASS, 0, 0},
    {"lookup times out", {.s = "slow"}, false, ARC_FAIL, ARC_WHY_DNS,
	DKIM_WHY_DNS},
    {"lookup is bogus", {.s = "bogus"}, false, ARC_FAIL, ARC_WHY_DNS,
	DKIM_WHY_BOGUS},
    {"a gap", {.instance = 3}, true, ARC_FAIL, ARC_WHY_INCOMPLETE, 0},
    {"only a second set", {.instance = 2}, false, ARC_FAIL, ARC_WHY_INCOMPLETE,
	0},
    {"results: none", {.aar = " mx.example; none"}, false, ARC_PASS, 0, 0},
};

/* The second set is of the same key. */
static void
test_odd(struct world *w)
{
	for (size_t i = 0; i < COUNT(odds); i++) {
		const struct odd *o = &odds[i];
		struct message m = new_message(&w->keep);
		struct sealer s = o->s;

		s.key = w->ed;
		if (o->second)
			seal(&m, (struct sealer){.key = w->ed});
		seal(&m, s);
		w->limits.clock_drift = 10;
		judge(w, &m);
		if (!ok(w->v.result == o->result && w->v.reason == o->reason &&
			    (!o->dkim || w->v.dkim == o->dkim),
			"%s", o->name))
			printf("# got %s, %s, %.*s\n",
			    arc_result_name(w->v.result),
			    arc_reason_name(w->v.reason), STRF(w->v.detail));
	}
	usual(w);
}

static void
test_rsa_sizes(struct world *w)
{
	struct message m = new_message(&w->keep);

	seal(&m, (struct sealer){.key = w->small, .s = "small"});
	w->limits.min_rsa_bits = 0;
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_KEY, 1, "RSA of 1016 bits");
	ok(w->v.dkim == DKIM_WHY_KEY_SMALL, "is too small, always");
	m = new_message(&w->keep);
	seal(&m, (struct sealer){.key = w->rsa, .d = "d2.example", .s = "s2"});
	w->limits.min_rsa_bits = 2048;
	ok(judge(w, &m) == ARC_PASS, "RSA of just the bits asked for");
	w->limits.min_rsa_bits = 2049;
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_KEY, 1, "of fewer");
	usual(w);
	w->limits.max_rsa_bits = 2047;
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_KEY, 1, "of too many");
	usual(w);
}

/* ---- oldest-pass -------------------------------------------------------- */

/* Sets of one key; the message changes after the first `after` of them. */
static struct message
changed_chain(struct world *w, unsigned sets, unsigned after)
{
	struct message m = new_message(&w->keep);

	for (unsigned i = 1; i <= sets; i++) {
		seal(&m, (struct sealer){.key = w->ed});
		if (i == after)
			m.body = "Hello.\r\nA footer.\r\n";
	}
	return m;
}

static void
is_oldest(
    struct world *w, unsigned sets, unsigned after, bool known, unsigned want)
{
	struct message m = changed_chain(w, sets, after);

	ok(judge(w, &m) == ARC_PASS && w->v.oldest_known == known &&
		w->v.oldest_pass == want,
	    "%u sets, changed after %u, %u of the older verified: %u", sets,
	    after, w->limits.oldest_sets, want);
}

static void
test_oldest(struct world *w)
{
	struct message m;

	is_oldest(w, 2, 1, true, 2);
	is_oldest(w, 3, 1, true, 2);
	is_oldest(w, 3, 2, true, 3);
	is_oldest(w, 6, 0, true, 0);
	is_oldest(w, 7, 0, false, 0);
	is_oldest(w, 7, 2, true, 3);
	is_oldest(w, 7, 1, false, 0);
	w->limits.oldest_sets = 0;
	is_oldest(w, 1, 0, true, 0);
	is_oldest(w, 2, 0, false, 0);
	usual(w);
	w->limits.max_checks = 3;
	is_oldest(w, 2, 0, false, 0);
	usual(w);
	m = new_message(&w->keep);
	seal(&m, (struct sealer){.key = w->ed, .h = "to", .c = "c=x; "});
	seal(&m, (struct sealer){.key = w->ed});
	ok(judge(w, &m) == ARC_PASS && w->v.oldest_pass == 2,
	    "what is wrong with an older message signature is no matter");
	m = new_message(&w->keep);
	seal(&m, (struct sealer){.key = w->ed});
	seal(&m, (struct sealer){.key = w->ed, .h = "from:arc-seal"});
	seal(&m, (struct sealer){.key = w->ed});
	ok(judge(w, &m) == ARC_PASS && w->v.oldest_pass == 3,
	    "nor that it covers seals, which is wrong even if it verifies");
}

/* ---- structure, without any key ----------------------------------------- */

#define AAR "ARC-Authentication-Results: "
#define AMS "ARC-Message-Signature: "
#define SIGNED "; a=rsa-sha256; d=d1.example; s=s1; b=QUJD"
#define MESSAGE_TAGS        \
	SIGNED "; h=from; " \
	       "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n"
#define SEAL_TAGS SIGNED "; cv=none\r\n"

static const struct malformed {
	const char *fields;
	enum arc_reason reason;
	unsigned at;
} malformed[] = {
    {AAR "i=1; x; none\r\n", ARC_WHY_INCOMPLETE, 1},
    {AAR "x; none\r\n", ARC_WHY_SYNTAX, 0},
    {AAR "\r\n", ARC_WHY_SYNTAX, 0},
    {AAR "i=1\r\n", ARC_WHY_SYNTAX, 0},
    {AAR "i=1 x; none\r\n", ARC_WHY_SYNTAX, 0},
    {AAR "I=1; x; none\r\n", ARC_WHY_SYNTAX, 0},
    {AAR "x; none; i=1\r\n", ARC_WHY_SYNTAX, 0},
    {AAR "(a i=1; x; none\r\n", ARC_WHY_SYNTAX, 0},
    {AAR "i=; x; none\r\n", ARC_WHY_INSTANCE, 0},
    {AAR "i=x; x; none\r\n", ARC_WHY_INSTANCE, 0},
    {AAR "i=0; x; none\r\n", ARC_WHY_INSTANCE, 0},
    {AAR "i=51; x; none\r\n", ARC_WHY_INSTANCE, 0},
    {AAR "i=-1; x; none\r\n", ARC_WHY_INSTANCE, 0},
    {AAR "i=+1; x; none\r\n", ARC_WHY_INSTANCE, 0},
    {AAR "i=001; x; none\r\n", ARC_WHY_INSTANCE, 0},
    {AAR "i=100; x; none\r\n", ARC_WHY_INSTANCE, 0},
    {AAR "i=4294967297; x; none\r\n", ARC_WHY_INSTANCE, 0},
    {AAR "i=1 (; x; none\r\n", ARC_WHY_INSTANCE, 0},
    {AAR "i=01; x; none\r\n", ARC_WHY_INCOMPLETE, 1},
    {AAR "(a;) i (b) = (c) 1 (d;) ; x; none\r\n", ARC_WHY_INCOMPLETE, 1},
    {AAR "i=1; x\r\n" AAR "\r\n\ti=1; y\r\n", ARC_WHY_DUPLICATE, 1},
    {AAR "i=50; x\r\n", ARC_WHY_INCOMPLETE, 1},
    {AMS "i=1" MESSAGE_TAGS, ARC_WHY_INCOMPLETE, 1},
    {AMS "i=1;\r\n", ARC_WHY_SYNTAX, 0},
    {AMS "i=1;;" MESSAGE_TAGS, ARC_WHY_SYNTAX, 0},
    {AMS "x=1" MESSAGE_TAGS, ARC_WHY_SYNTAX, 0},
    {AMS "x=1; i=1 (first)" MESSAGE_TAGS, ARC_WHY_INCOMPLETE, 1},
    {AMS "x=1; i=1 1" MESSAGE_TAGS, ARC_WHY_INSTANCE, 0},
    {AMS "x=1; i=60" MESSAGE_TAGS, ARC_WHY_INSTANCE, 0},
    {AMS "i=1" MESSAGE_TAGS AMS "i=1" MESSAGE_TAGS, ARC_WHY_DUPLICATE, 1},
    {"ARC-Seal: i=1" SEAL_TAGS, ARC_WHY_INCOMPLETE, 1},
    {"ARC-Seal: i=1; cv=none\r\n", ARC_WHY_SEAL, 1},
    {"ARC-Seal: i=1" SIGNED "\r\n", ARC_WHY_CV, 1},
    {"ARC-Seal: cv=none; h=from" SIGNED "; i=3\r\n", ARC_WHY_HEADERS, 3},
    {"ARC-Seal: i=1; t=x" SEAL_TAGS, ARC_WHY_SEAL, 1},
    {"ARC-Seal: i=1; t=" SEAL_TAGS, ARC_WHY_SEAL, 1},
    {"ARC-Seal: i=1; \1=2" SEAL_TAGS, ARC_WHY_SYNTAX, 0},
    {"ARC-Seal", ARC_WHY_SYNTAX, 0},
    {AAR "i=1; x\r\n" AMS "i=1" MESSAGE_TAGS "ARC-Seal: i=2" SEAL_TAGS,
	ARC_WHY_INCOMPLETE, 1},
    {AAR "i=1; x\r\n" AMS "i=1; a=x" MESSAGE_TAGS "ARC-Seal: i=1" SEAL_TAGS,
	ARC_WHY_SYNTAX, 0},
    {AAR "i=1; x\r\n" AMS "i=1; a=x; h=from\r\n"
	 "ARC-Seal: i=1" SEAL_TAGS,
	ARC_WHY_MESSAGE, 1},
};

static void
test_malformed(struct world *w)
{
	for (size_t i = 0; i < COUNT(malformed); i++) {
		const struct malformed *t = &malformed[i];
		struct str fields = str_from_z(t->fields);

		judge_text(w, fields, STR("x"));
		is_verdict(w, ARC_FAIL, t->reason, t->at,
		    text_of(&w->keep, "malformed %zu", i + 1));
		if (w->wanted || w->dns.asked || w->v.instances > 1)
			ok(false, "that costs neither body nor lookup");
	}
	ok(judge_text(w, STR("ARC-Seals: i=1\r\nX-ARC-Seal: i=1\r\n"),
	       STR("x")) == ARC_NONE,
	    "other names are not looked at");
}

/* ---- the DNS fails ------------------------------------------------------ */

static void
test_lookups(struct world *w)
{
	static const enum dns_status as[] = {
	    DNS_TEMP, DNS_BOGUS, DNS_NODATA, DNS_NXDOMAIN};

	for (unsigned n = 1; n <= 3; n++) {
		struct message m = chain(w, n);
		bool never = true;

		for (unsigned at = 1; at <= n; at++)
			for (size_t i = 0; i < COUNT(as); i++) {
				w->dns.fail_at = at;
				w->dns.fail_as = as[i];
				judge(w, &m);
				never = never && w->v.result == ARC_FAIL &&
					w->v.reason == (i < 2 ? ARC_WHY_DNS
							      : ARC_WHY_KEY) &&
					w->v.at == n + 1 - at;
			}
		ok(never, "%u sets: no pass when any lookup fails", n);
		usual(w);
		w->max_questions = n - 1;
		judge(w, &m);
		is_verdict(w, ARC_FAIL, ARC_WHY_BUDGET, 1,
		    "nor when the last question is refused");
		usual(w);
	}
}

/* ---- limits ------------------------------------------------------------- */

static void
test_long_chains(struct world *w)
{
	struct message m = changed_chain(w, 50, 0);

	ok(judge(w, &m) == ARC_PASS && w->v.instances == 50 &&
		w->dns.asked == 1,
	    "50 sets pass");
	w->limits.max_sets = 49;
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_BUDGET, 50, "unless fewer are allowed");
	usual(w);
	w->limits.max_sets = 100;
	seal(&m, (struct sealer){.key = w->ed});
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_INSTANCE, 0, "51 sets never do");
	usual(w);
}

static void
test_budgets(struct world *w)
{
	struct message m = new_message(&w->keep);
	size_t octets;

	for (int i = 0; i < 4; i++)
		seal(&m, (struct sealer){
			     .key = w->ed, .s = text_of(&w->keep, "k%d", i)});
	w->limits.max_keys = 4;
	ok(judge(w, &m) == ARC_PASS && w->dns.asked == 4, "4 keys");
	w->limits.max_keys = 3;
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_BUDGET, 1, "one key too many");
	ok(w->dns.asked == 0 && w->dns.hinted == 3, "asks for none");
	usual(w);
	w->limits.max_checks = 5;
	ok(judge(w, &m) == ARC_PASS, "one check a seal and one more");
	w->limits.max_checks = 4;
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_BUDGET, 1, "one check too many");
	usual(w);
	m = chain(w, 1);
	/* each of the fields counts twice at most */
	octets = fields_of(&m).n;
	w->limits.max_header_octets = 2 * octets;
	ok(judge(w, &m) == ARC_PASS, "enough octets");
	w->limits.max_header_octets = octets;
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_BUDGET, 1, "too few for the seal");
	w->limits.max_header_octets = 200;
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_BUDGET, 1, "and for the message");
	usual(w);
	w->limits.max_body_hashes = 0;
	judge(w, &m);
	is_verdict(w, ARC_FAIL, ARC_WHY_BUDGET, 1, "no body hash allowed");
	usual(w);
}

static void
test_flood(struct world *w)
{
	struct buf b;

	buf_init(&b, &w->keep, 4 << 20);
	for (unsigned i = 0; i < 10000; i++)
		buf_addf(&b,
		    "ARC-Seal: i=%u; s=k%u; a=rsa-sha256; "
		    "d=d1.example; b=QUJD; cv=pass\r\n",
		    i % 50 + 1, i % SETS);
	judge_text(w, buf_str(&b), STR("x"));
	is_verdict(w, ARC_FAIL, ARC_WHY_BUDGET, 21, "10000 seals fail");
	ok(w->dns.hinted == 20 && w->dns.asked == 0 && !w->wanted,
	    "with 20 hints, no lookup, no body");
}

/* Whatever the memory, the result is fail or right. */
static void
test_memory(struct world *w)
{
	struct message m = chain(w, 3);
	struct arena all = w->arena;
	unsigned passes = 0, budget = 0;
	bool known = true;

	for (size_t cap = 4096; cap < 65536; cap += 512) {
		arena_init(&w->arena, cap);
		judge(w, &m);
		passes += w->v.result == ARC_PASS;
		budget += w->v.reason == ARC_WHY_BUDGET;
		known = known &&
			(w->v.result == ARC_PASS ? w->v.instances == 3
						 : w->v.result == ARC_FAIL);
		arena_fini(&w->arena);
	}
	w->arena = all;
	ok(known && passes && budget,
	    "with little memory: fail; with enough: pass (%u, %u)", budget,
	    passes);
}

static void
test_names(void)
{
	bool all = true;

	is_str(str_from_z(arc_result_name(ARC_PASS)), STR("pass"), "a result");
	for (int i = 1; i < ARC_REASON_COUNT; i++)
		all = all && strlen(arc_reason_name((enum arc_reason)i)) > 3;
	ok(all, "every reason has a name");
}

int
main(void)
{
	struct world w;

	world_init(&w);
	test_good(&w);
	test_insecure(&w);
	test_layout(&w);
	test_chunks(&w);
	test_with_dkim(&w);
	test_damage(&w);
	test_message_changed(&w);
	test_odd(&w);
	test_rsa_sizes(&w);
	test_oldest(&w);
	test_malformed(&w);
	test_lookups(&w);
	test_long_chains(&w);
	test_budgets(&w);
	test_flood(&w);
	test_memory(&w);
	test_names();
	world_fini(&w);
	return tap_done();
}
