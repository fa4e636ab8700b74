/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/socketmap.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/netstring.h"
#include "policyd/policyd_metrics.h"
#include "policyd/service.h"
#include "tlspolicy/engine.h"

/* engine.h: 512 kB for a decision; as much for its answer */
#define MEMORY ((size_t)2 << 20)
#define LINE_OCTETS 2000
/* what the server takes for a reply */
#define REPLY_MAX ((size_t)1 << 20)

struct socketmap {
	struct service *service;
	struct answer_cache *cache; /* of all pollers */
	struct buf hit; /* the last reply out of the cache */
	/* written by the poller alone */
	_Atomic uint64_t hits, misses;
	_Atomic uint64_t answers[SOCKETMAP_MAP_COUNT][RENDER_STATUS_COUNT];
};

#define READ(p) atomic_load_explicit((p), memory_order_relaxed)

static void
count(_Atomic uint64_t *n)
{
	atomic_store_explicit(n, READ(n) + 1, memory_order_relaxed);
}

/* ---- requests ----------------------------------------------------------- */

void
socketmap_parse(struct str request, struct socketmap_request *out)
{
	struct str key, name = str_cut(request, ' ', &key);
	enum render_map map;

	*out = (struct socketmap_request){SOCKETMAP_UNKNOWN, name, key};
	if (!key.p)
		return;
	if (render_map_find(name, &map))
		out->map = map;
	else if (str_eq(name, STR("sendmail")))
		out->map = RENDER_STS;
}

/* ---- what goes with an answer into the cache ---------------------------- */

/*
 * A tag says which counter an answer counts for, and, above that, the engine's
 * slot of its domain and the last bits of the number that the slot had.
 */
#define TAG_BITS 8
#define SLOT_BITS 13
#define NUMBER_SHIFT (TAG_BITS + SLOT_BITS)

_Static_assert(ENGINE_SLOTS == 1u << SLOT_BITS, "slots fit");
_Static_assert(
    SOCKETMAP_MAP_COUNT *RENDER_STATUS_COUNT <= 1u << TAG_BITS, "counters fit");

static unsigned
tag_of(unsigned map, enum render_status status)
{
	return map * RENDER_STATUS_COUNT + (unsigned)status;
}

static unsigned
with_slot(const struct engine *e, unsigned tag, unsigned slot)
{
	return tag | slot << TAG_BITS |
	       (unsigned)engine_slot_number(e, slot) << NUMBER_SHIFT;
}

/* Nobody has changed the policy since. */
static bool
is_current(const struct engine *e, unsigned tag)
{
	unsigned slot = tag >> TAG_BITS & (ENGINE_SLOTS - 1);

	return with_slot(e, 0, slot) >> NUMBER_SHIFT == tag >> NUMBER_SHIFT;
}

static void
count_answer(struct socketmap *m, unsigned tag)
{
	tag &= (1u << TAG_BITS) - 1;
	count(
	    &m->answers[tag / RENDER_STATUS_COUNT][tag % RENDER_STATUS_COUNT]);
}

/* The generation of the configuration, and the tag. */
static uint64_t
mark_of(uint64_t generation, unsigned tag)
{
	return generation << 32 | tag;
}

/* ---- in the poller ------------------------------------------------------ */

/*
 * RFC 8461 section 3.4 knows no policy for subdomains: Postfix's keys of
 * parents (".example.com") have none, whatever the map.
 */
static bool
is_parent_key(struct str request, struct socketmap_request *q)
{
	size_t space = str_chr(request, ' ');

	if (space + 1 >= request.n || request.p[space + 1] != '.')
		return false;
	socketmap_parse(request, q);
	return q->map != SOCKETMAP_UNKNOWN;
}

static enum serve_verdict
on_request(void *arg, struct str request, int64_t now, struct str *reply)
{
	struct socketmap *m = arg;
	struct socketmap_request q;
	uint32_t tag;

	if (answer_cache_get(m->cache, request, now,
		(uint32_t)service_generation(m->service), &m->hit, &tag) &&
	    is_current(m->service->engine, tag)) {
		*reply = buf_str(&m->hit);
		count(&m->hits);
		count_answer(m, tag);
		return SERVE_REPLY;
	}
	if (is_parent_key(request, &q)) {
		*reply = STR("9:NOTFOUND ,");
		count_answer(m, tag_of(q.map, RENDER_NOTFOUND));
		return SERVE_REPLY;
	}
	count(&m->misses);
	return SERVE_WORK;
}

/* Keeps what a worker has found. */
static void
after(void *arg, struct str request, const struct serve_answer *answer)
{
	struct socketmap *m = arg;
	struct answer a = {
	    .request = request,
	    .reply = buf_str(&answer->reply),
	    .tag = (uint32_t)answer->mark,
	    .generation = (uint32_t)(answer->mark >> 32),
	    .until = answer->until,
	};

	count_answer(m, a.tag);
	answer_cache_put(m->cache, &a, clock_mono_ms());
}

/* ---- in a worker -------------------------------------------------------- */

struct job {
	struct service *service;
	struct snapshot *snap;
	struct arena arena;
	struct socketmap_request request;
	struct tls_decision decision;
	bool decided;
	struct render_answer answer;
	struct diag diag; /* what was wrong with the answer */
	unsigned slot_tag; /* of the domain, from before it was decided */
	int64_t begin, until;
};

static void
log_answer(const struct job *j)
{
	const struct tls_decision *d = &j->decision;
	enum log_level level =
	    j->answer.was_refused ? LOG_LVL_WARN : LOG_LVL_INFO;
	int64_t now = clock_mono_us();
	struct buf b;

	if (!log_wants(level))
		return;
	buf_init(&b, NULL, LINE_OCTETS);
	kv_str(&b, "map", str_head(j->request.name, 32));
	kv_str(&b, "key", j->request.key);
	kv_z(&b, "answer", render_status_name(j->answer.status));
	if (j->answer.text.n)
		kv_str(&b, "text", j->answer.text);
	if (j->decided) {
		kv_z(&b, "kind", tls_kind_name(d->kind));
		kv_z(&b, "why", tls_why_text(d->why));
		if (d->domain.n && !str_eq(d->domain, j->request.key))
			kv_str(&b, "domain", d->domain);
		if (d->detail.n)
			kv_str(&b, "detail", d->detail);
	}
	if (j->diag.text[0])
		kv_z(&b, "fault", j->diag.text);
	if (j->until * 1000 > now)
		kv_i64(&b, "keep", (j->until * 1000 - now) / 1000000);
	kv_i64(&b, "us", now - j->begin);
	log_line(level, &b);
	buf_fini(&b);
}

static void
decide(struct job *j)
{
	const struct conf *c = j->snap->conf;
	struct nexthop hop;

	if (nexthop_parse(&j->arena, j->request.key, &hop, &j->diag)) {
		render_fixed(
		    &j->arena, RENDER_TEMP, STR("out of memory"), &j->answer);
		return;
	}
	/* Sendmail looks at DANE by itself, or not at all */
	hop.sts_anyway = j->request.map == RENDER_STS;
	j->slot_tag = with_slot(
	    j->service->engine, 0, engine_slot(j->service->engine, hop.domain));
	j->until = engine_decide(j->service->engine, &hop,
	    j->begin / 1000 + c->policyd_deadline * 1000, &j->arena,
	    &j->decision);
	if (j->request.map == RENDER_REQUIRETLS)
		engine_known(j->service->engine, &j->decision);
	j->decided = true;
	render(&j->arena, &j->snap->render, (enum render_map)j->request.map,
	    &j->decision, &j->answer, &j->diag);
}

static void
do_job(struct socketmap *m, struct str request, struct serve_answer *out,
    void (*how)(struct job *))
{
	struct job j = {
	    .service = m->service,
	    .snap = service_snapshot(m->service),
	    .begin = clock_mono_us(),
	};

	arena_init(&j.arena, MEMORY);
	socketmap_parse(request, &j.request);
	how(&j);
	render_reply(&out->reply, &j.answer);
	out->until = j.until;
	out->mark = mark_of(j.snap->generation,
	    tag_of(j.request.map, j.answer.status) | j.slot_tag);
	if (j.decided)
		policyd_metrics_decision(
		    m->service->metrics, clock_mono_us() - j.begin);
	log_answer(&j);
	arena_fini(&j.arena);
	snapshot_unref(j.snap);
}

static void
answer(struct job *j)
{
	if (j->request.map == SOCKETMAP_UNKNOWN)
		render_fixed(&j->arena, RENDER_PERM,
		    STR("no such map: see aver-policyd(8)"), &j->answer);
	else
		decide(j);
}

static void
work(void *arg, struct str request, struct serve_answer *out)
{
	do_job(arg, request, out, answer);
}

static void
answer_late(struct job *j)
{
	render_fixed(
	    &j->arena, RENDER_TEMP, STR("all workers are busy"), &j->answer);
}

static void
late(void *arg, struct str request, struct serve_answer *out)
{
	do_job(arg, request, out, answer_late);
}

/* ---- the protocol ------------------------------------------------------- */

static bool
starts(char first)
{
	return chars_is(first, CH_DIGIT);
}

struct socketmap *
socketmap_new(struct service *s, struct answer_cache *cache)
{
	struct socketmap *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->service = s;
	m->cache = cache;
	buf_init(&m->hit, NULL, REPLY_MAX);
	return m;
}

void
socketmap_free(struct socketmap *m)
{
	if (!m)
		return;
	buf_fini(&m->hit);
	free(m);
}

void
socketmap_protocol(struct socketmap *m, struct serve_protocol *out)
{
	*out = (struct serve_protocol){
	    .starts = starts,
	    .frame = netstring_frame,
	    .max = SOCKETMAP_MAX,
	    .share = true,
	    .now = on_request,
	    .work = work,
	    .late = late,
	    .after = after,
	    .arg = m,
	};
}

void
socketmap_get_stats(struct socketmap *m, struct socketmap_stats *out)
{
	out->hits = READ(&m->hits);
	out->misses = READ(&m->misses);
	for (size_t i = 0; i < SOCKETMAP_MAP_COUNT; i++)
		for (size_t k = 0; k < RENDER_STATUS_COUNT; k++)
			out->answers[i][k] = READ(&m->answers[i][k]);
}
