/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/arc/arc.h"

#include "lib/arc/arc_field.h"
#include "lib/arc/arc_key.h"
#include "lib/base/buf.h"
#include "lib/dkim/dkim_check.h"

#define DETAIL_MAX 120

struct arc_set {
	struct arc_field field[ARC_KIND_COUNT]; /* instance 0: not there */
	enum arc_cv cv;
	struct dkim_sig seal;
	struct arc_key *seal_key;
	unsigned char seal_sha256[DKIM_HASH_SIZE];
	/* of the sets whose message signature is verified */
	struct dkim_sig message;
	enum dkim_reason message_why;
	struct arc_key *message_key;
	struct dkim_body_hash *body;
	struct dkim_body_hash *relaxed; /* only without c= */
};

/* What is wrong with the chain; reason ARC_WHY_NONE: nothing so far. */
struct fault {
	enum arc_reason reason;
	enum dkim_reason dkim;
	enum arc_kind kind; /* of field */
	unsigned at;
};

struct arc_verifier {
	struct arena *arena;
	const struct dkim_engine *engine;
	struct arc_limits limits;
	int64_t now;
	bool smtputf8;
	bool any; /* there was an ARC field */
	bool chain; /* the structure is right */
	struct fault fault;
	unsigned n; /* highest instance */
	struct arc_set *sets[ARC_SETS_MAX]; /* NULL: no field of it yet */
	struct arc_keys keys;
	struct dkim_bodies *bodies; /* NULL before eoh */
	bool shared;
	/* from arc_verifier_finish() on */
	struct dkim_hasher hasher;
	EVP_MD_CTX *before; /* the hash as it was before a seal */
};

struct arc_verifier *
arc_verifier_new(struct arena *a, const struct dkim_engine *engine,
    const struct arc_limits *limits, int64_t now, bool smtputf8)
{
	struct arc_verifier *v = ARENA_NEW(a, struct arc_verifier);

	if (!v)
		return NULL;
	v->arena = a;
	v->engine = engine;
	v->limits = *limits;
	v->now = now;
	v->smtputf8 = smtputf8;
	arc_keys_init(&v->keys, a, engine, &v->limits);
	return v;
}

/* ---- faults ------------------------------------------------------------- */

/* False, for callers that return it. */
static bool
fail(struct arc_verifier *v, enum arc_reason why, enum arc_kind kind,
    unsigned at)
{
	v->fault = (struct fault){.reason = why, .kind = kind, .at = at};
	return false;
}

/* The same for what is wrong with a signature. */
static bool
fail_signature(struct arc_verifier *v, enum dkim_reason why, enum arc_kind kind,
    unsigned at)
{
	enum arc_reason reason =
	    kind == ARC_SEAL ? ARC_WHY_SEAL : ARC_WHY_MESSAGE;

	if (why == DKIM_WHY_BUDGET)
		reason = ARC_WHY_BUDGET;
	else if (why == DKIM_WHY_DNS || why == DKIM_WHY_BOGUS)
		reason = ARC_WHY_DNS;
	else if (why >= DKIM_WHY_NO_KEY && why <= DKIM_WHY_KEY_LARGE)
		reason = ARC_WHY_KEY;
	fail(v, reason, kind, at);
	v->fault.dkim = why;
	return false;
}

/* ---- fields ------------------------------------------------------------- */

/*
 * x= is kept as in DKIM; t= is only information here: RFC 8617 does not
 * compare it with anything, and a clock that is ahead would fail the chain for
 * good.
 */
static bool
is_expired(const struct arc_verifier *v, const struct dkim_sig *sig)
{
	return dkim_sig_time(sig, v->now, v->limits.clock_drift) ==
	       DKIM_WHY_EXPIRED;
}

static enum dkim_reason
read_signature(struct arc_verifier *v, struct dns *dns,
    const struct arc_field *f, enum dkim_sig_kind kind, struct dkim_sig *out,
    struct arc_key **key)
{
	enum dkim_reason why =
	    dkim_sig_read(v->arena, &f->tags, kind, out, NULL);

	if (!why && is_expired(v, out))
		why = DKIM_WHY_EXPIRED;
	return why ? why : arc_keys_want(&v->keys, dns, out, key);
}

/* Every seal is verified, so that a bad one ends it here. */
static bool
start_seal(struct arc_verifier *v, struct dns *dns, struct arc_set *set)
{
	const struct arc_field *f = &set->field[ARC_SEAL];
	enum dkim_reason why;

	/* RFC 8617 section 4.1.3: an h tag MUST lead to fail */
	if (tag_find(&f->tags, STR("h")))
		return fail(v, ARC_WHY_HEADERS, ARC_SEAL, f->instance);
	if (!arc_field_cv(&f->tags, &set->cv))
		return fail(v, ARC_WHY_CV, ARC_SEAL, f->instance);
	why = read_signature(
	    v, dns, f, DKIM_SIG_ARC_SEAL, &set->seal, &set->seal_key);
	return !why || fail_signature(v, why, ARC_SEAL, f->instance);
}

static bool
add_field(struct arc_verifier *v, enum arc_kind kind, const struct arc_field *f,
    struct arc_set **out)
{
	struct arc_set **set = &v->sets[f->instance - 1];

	if (f->instance > v->limits.max_sets)
		return fail(v, ARC_WHY_BUDGET, kind, f->instance);
	if (!*set)
		*set = ARENA_NEW(v->arena, struct arc_set);
	if (!*set)
		return fail(v, ARC_WHY_BUDGET, kind, f->instance);
	if ((*set)->field[kind].instance)
		return fail(v, ARC_WHY_DUPLICATE, kind, f->instance);
	(*set)->field[kind] = *f;
	if (f->instance > v->n)
		v->n = f->instance;
	*out = *set;
	return true;
}

void
arc_verifier_field(struct arc_verifier *v, struct dns *dns, const struct hdr *h)
{
	enum arc_kind kind;
	struct arc_field f;
	struct arc_set *set;
	enum arc_reason why;

	if (v->fault.reason || !arc_kind_of(h->name, &kind))
		return;
	v->any = true;
	why = arc_field_read(v->arena, kind, h, v->smtputf8, &f);
	if (why)
		fail(v, why, kind, 0);
	else if (add_field(v, kind, &f, &set) && kind == ARC_SEAL)
		start_seal(v, dns, set);
}

/* ---- structure ---------------------------------------------------------- */

static bool
check_set(struct arc_verifier *v, unsigned i)
{
	const struct arc_set *set = v->sets[i - 1];

	for (int k = 0; k < ARC_KIND_COUNT; k++)
		if (!set || !set->field[k].instance)
			return fail(v, ARC_WHY_INCOMPLETE, (enum arc_kind)k, i);
	/* RFC 8617 section 5.2 step 3 C */
	if (set->cv != (i == 1 ? ARC_CV_NONE : ARC_CV_PASS))
		return fail(v, ARC_WHY_CV, ARC_SEAL, i);
	return true;
}

/* RFC 8617 section 5.2 steps 2 and 3; step 1 was done field by field. */
static bool
check_structure(struct arc_verifier *v)
{
	const struct arc_set *newest = v->sets[v->n - 1];

	if (newest->field[ARC_SEAL].instance && newest->cv == ARC_CV_FAIL)
		return fail(v, ARC_WHY_CHAIN, ARC_SEAL, v->n);
	for (unsigned i = 1; i <= v->n; i++)
		if (!check_set(v, i))
			return false;
	return true;
}

/* ---- message signatures ------------------------------------------------- */

static bool
want_body(struct arc_verifier *v, const struct dkim_sig *sig, enum dkim_canon c,
    struct dkim_body_hash **out)
{
	return dkim_bodies_want(v->bodies, c, sig->body_length, out) == 0;
}

/* Everything about the message signature of a set that needs no body. */
static enum dkim_reason
prepare_message(struct arc_verifier *v, struct dns *dns, struct arc_set *set)
{
	const struct arc_field *f = &set->field[ARC_MESSAGE];
	struct dkim_sig *sig = &set->message;
	enum dkim_reason why = read_signature(
	    v, dns, f, DKIM_SIG_ARC_MESSAGE, sig, &set->message_key);

	if (why)
		return why;
	if (!want_body(v, sig, sig->body_canon, &set->body))
		return DKIM_WHY_BUDGET;
	/*
	 * Without c= RFC 6376 section 3.5 says simple/simple; ARC sealers in
	 * use mean relaxed/relaxed. Either is accepted.
	 */
	if (!tag_find(&f->tags, STR("c")) &&
	    !want_body(v, sig, DKIM_RELAXED, &set->relaxed))
		return DKIM_WHY_BUDGET;
	return DKIM_WHY_NONE;
}

/* The oldest set that is looked at for oldest_pass, besides the newest. */
static unsigned
oldest_wanted(const struct arc_verifier *v)
{
	unsigned older = v->n - 1;

	return older > v->limits.oldest_sets ? v->n - v->limits.oldest_sets : 1;
}

static bool
prepare_messages(struct arc_verifier *v, struct dns *dns)
{
	struct arc_set *set = v->sets[v->n - 1];
	enum dkim_reason why = prepare_message(v, dns, set);

	if (why)
		return fail_signature(v, why, ARC_MESSAGE, v->n);
	/* RFC 8617 section 4.1.2 */
	if (arc_covers_seals(set->message.names))
		return fail(v, ARC_WHY_HEADERS, ARC_MESSAGE, v->n);
	for (unsigned i = v->n - 1; i >= oldest_wanted(v); i--) {
		set = v->sets[i - 1];
		set->message_why = prepare_message(v, dns, set);
		if (arc_covers_seals(set->message.names))
			set->message_why = DKIM_WHY_SYNTAX;
	}
	return true;
}

bool
arc_verifier_eoh(
    struct arc_verifier *v, struct dns *dns, struct dkim_bodies *shared)
{
	if (!v->any || v->fault.reason || !check_structure(v))
		return false;
	v->chain = true;
	v->shared = shared;
	v->bodies = shared;
	if (!shared) {
		v->bodies = ARENA_NEW(v->arena, struct dkim_bodies);
		if (!v->bodies)
			return fail(v, ARC_WHY_BUDGET, ARC_MESSAGE, v->n);
		dkim_bodies_init(
		    v->bodies, v->arena, v->engine, v->limits.max_body_hashes);
	}
	return prepare_messages(v, dns);
}

void
arc_verifier_body(struct arc_verifier *v, struct str chunk)
{
	if (v->bodies && !v->shared && !v->fault.reason)
		dkim_bodies_add(v->bodies, chunk);
}

static enum dkim_reason
check_reading(struct arc_verifier *v, struct dns *dns,
    const struct arc_set *set, const struct dkim_sig *sig,
    const struct dkim_body_hash *body)
{
	unsigned char sha256[DKIM_HASH_SIZE];
	enum dkim_reason why =
	    body->failed ? DKIM_WHY_BUDGET : dkim_body_fits(sig, body);

	/* RFC 6376 section 8.2: what is not signed may have been appended */
	if (!why && body->over)
		why = DKIM_WHY_UNSIGNED;
	if (why)
		return why;
	if (dkim_hasher_message(
		&v->hasher, sig, &set->field[ARC_MESSAGE].h, sha256))
		return DKIM_WHY_BUDGET;
	return arc_keys_check(&v->keys, dns, set->message_key, sig, sha256);
}

static enum dkim_reason
check_message(
    struct arc_verifier *v, struct dns *dns, const struct arc_set *set)
{
	enum dkim_reason why = set->message_why;
	struct dkim_sig relaxed;

	if (why)
		return why;
	why = check_reading(v, dns, set, &set->message, set->body);
	if (!why || !set->relaxed)
		return why;
	relaxed = set->message;
	relaxed.header_canon = relaxed.body_canon = DKIM_RELAXED;
	return check_reading(v, dns, set, &relaxed, set->relaxed);
}

/* ---- seals -------------------------------------------------------------- */

static bool
spend_set(struct arc_verifier *v, const struct arc_set *set)
{
	size_t n = 0;

	for (int k = 0; k < ARC_KIND_COUNT; k++)
		n += set->field[k].h.raw.n + 2;
	return dkim_hasher_spend(&v->hasher, n);
}

/*
 * RFC 8617 section 5.1.1: a seal's input is that of the seal before it, whole,
 * and then its own set. What went in so far is therefore kept aside while the
 * hash is ended with the seal's b= empty, and goes on with all of the seal.
 */
static bool
hash_seal(struct arc_verifier *v, unsigned i)
{
	struct dkim_hasher *x = &v->hasher;
	struct arc_set *set = v->sets[i - 1];
	const struct hdr *seal = &set->field[ARC_SEAL].h;
	bool last = i == v->n;

	if (!spend_set(v, set))
		return false;
	dkim_canon_header(&x->sink, DKIM_RELAXED, &set->field[ARC_RESULTS].h);
	dkim_canon_header(&x->sink, DKIM_RELAXED, &set->field[ARC_MESSAGE].h);
	dkim_sink_flush(&x->sink);
	if (!last && EVP_MD_CTX_copy_ex(v->before, x->md) != 1)
		return false;
	dkim_canon_signature(&x->sink, DKIM_RELAXED, seal, set->seal.b_raw);
	if (!dkim_hasher_end(x, set->seal_sha256))
		return false;
	if (!last && EVP_MD_CTX_copy_ex(x->md, v->before) != 1)
		return false;
	dkim_canon_header(&x->sink, DKIM_RELAXED, seal);
	return true;
}

static bool
hash_seals(struct arc_verifier *v)
{
	if (!dkim_hasher_begin(&v->hasher))
		return false;
	for (unsigned i = 1; i <= v->n; i++)
		if (!hash_seal(v, i))
			return false;
	return true;
}

/* RFC 8617 section 5.2 step 6 */
static bool
check_seals(struct arc_verifier *v, struct dns *dns)
{
	if (!hash_seals(v))
		return fail(v, ARC_WHY_BUDGET, ARC_SEAL, v->n);
	for (unsigned i = v->n; i >= 1; i--) {
		struct arc_set *set = v->sets[i - 1];
		enum dkim_reason why = arc_keys_check(
		    &v->keys, dns, set->seal_key, &set->seal, set->seal_sha256);

		if (why)
			return fail_signature(v, why, ARC_SEAL, i);
	}
	return true;
}

/* ---- the end ------------------------------------------------------------ */

static bool
prepare_hashing(struct arc_verifier *v, const struct hdr_list *headers)
{
	v->before = dkim_engine_md_ctx(v->arena);
	if (!v->shared)
		dkim_bodies_end(v->bodies);
	return v->before && dkim_hasher_init(&v->hasher, v->arena, v->engine,
				headers, v->limits.max_header_octets) == 0;
}

/* RFC 8617 section 5.2 steps 4 and 6 */
static bool
check_chain(
    struct arc_verifier *v, struct dns *dns, const struct hdr_list *headers)
{
	enum dkim_reason why;

	if (!prepare_hashing(v, headers))
		return fail(v, ARC_WHY_BUDGET, ARC_MESSAGE, v->n);
	why = check_message(v, dns, v->sets[v->n - 1]);
	if (why)
		return fail_signature(v, why, ARC_MESSAGE, v->n);
	return check_seals(v, dns);
}

/* RFC 8617 section 5.2 step 5, which does not change the result. */
static void
find_oldest(struct arc_verifier *v, struct dns *dns, struct arc_verdict *out)
{
	for (unsigned i = v->n - 1; i >= oldest_wanted(v); i--) {
		enum dkim_reason why = check_message(v, dns, v->sets[i - 1]);

		if (why == DKIM_WHY_BUDGET)
			return;
		if (why) {
			out->oldest_pass = i + 1;
			out->oldest_known = true;
			return;
		}
	}
	out->oldest_known = oldest_wanted(v) == 1;
}

static bool
all_secure(const struct arc_verifier *v)
{
	bool secure = v->sets[v->n - 1]->message_key->secure;

	for (unsigned i = 1; i <= v->n; i++)
		secure = secure && v->sets[i - 1]->seal_key->secure;
	return secure;
}

static struct str
detail(struct arc_verifier *v)
{
	const struct fault *f = &v->fault;
	struct buf b;

	buf_init(&b, v->arena, DETAIL_MAX);
	buf_add_z(&b, arc_kind_name(f->kind));
	if (f->at)
		buf_addf(&b, " i=%u", f->at);
	buf_add_z(&b, ": ");
	buf_add_z(&b,
	    f->dkim ? dkim_reason_name(f->dkim) : arc_reason_name(f->reason));
	return buf_str(&b);
}

static bool
list_seals(struct arc_verifier *v, struct arc_verdict *out)
{
	struct arc_seal *seals = ARENA_ARRAY(v->arena, struct arc_seal, v->n);

	if (!seals)
		return fail(v, ARC_WHY_BUDGET, ARC_SEAL, v->n);
	for (unsigned i = 1; i <= v->n; i++) {
		const struct arc_set *set = v->sets[i - 1];

		seals[i - 1] = (struct arc_seal){
		    .domain = set->seal.domain,
		    .selector = set->seal.selector,
		    .instance = i,
		    .results = set->field[ARC_RESULTS].rest,
		};
	}
	out->seals = seals;
	out->instances = v->n;
	return true;
}

static bool
verify(struct arc_verifier *v, struct dns *dns, const struct hdr_list *headers,
    struct arc_verdict *out)
{
	if (v->chain && !list_seals(v, out))
		return false;
	return !v->fault.reason && check_chain(v, dns, headers);
}

void
arc_verifier_finish(struct arc_verifier *v, struct dns *dns,
    const struct hdr_list *headers, struct arc_verdict *out)
{
	*out = (struct arc_verdict){.result = ARC_NONE};
	if (!v->any)
		return;
	if (verify(v, dns, headers, out)) {
		out->result = ARC_PASS;
		out->secure = all_secure(v);
		find_oldest(v, dns, out);
		return;
	}
	out->result = ARC_FAIL;
	out->reason = v->fault.reason;
	out->dkim = v->fault.dkim;
	out->at = v->fault.at;
	out->detail = detail(v);
}
