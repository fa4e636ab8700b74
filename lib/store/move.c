/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/move.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/rand.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/destination.h"
#include "lib/store/failure.h"
#include "lib/store/ledger.h"
#include "lib/store/sts.h"
#include "lib/store/suppress.h"
#include "lib/store/take.h"
#include "lib/store/tls_result.h"

#define PART_MAX ((size_t)16 << 20) /* octets of rows in one part */
#define PART_FULL ((size_t)4 << 20) /* a row more begins another */
#define PART "move-" /* begins the id of a part */
#define PART_CREATED 1 /* before any report */
#define BATCH 1000
#define MEMORY ((size_t)256 << 20)
#define LEASE 3600 /* of a submission that moves */

struct move {
	struct store *from, *to;
	struct store_moved *out;
	struct diag *d;
	struct arena arena; /* of one step */
};

/* --- rows as octets: a kind, three numbers, three texts */

static void
put_number(struct buf *b, uint64_t v)
{
	for (int i = 56; i >= 0; i -= 8)
		buf_add_c(b, (char)(v >> i & 0xff));
}

static bool
get_number(struct str *s, uint64_t *v)
{
	if (s->n < 8)
		return false;
	*v = 0;
	for (int i = 0; i < 8; i++)
		*v = *v << 8 | (unsigned char)s->p[i];
	*s = str_from(*s, 8);
	return true;
}

static void
put_text(struct buf *b, struct str s)
{
	put_number(b, s.n);
	buf_add(b, s);
}

static bool
get_text(struct str *s, struct str *out)
{
	uint64_t n;

	if (!get_number(s, &n) || n > s->n)
		return false;
	*out = str_head(*s, (size_t)n);
	*s = str_from(*s, (size_t)n);
	return true;
}

struct row {
	bool wanted;
	uint64_t time, a, b;
	struct str octets, recipient, detail;
};

static void
put_row(struct buf *b, const struct row *r)
{
	buf_add_c(b, r->wanted ? 'n' : 'o');
	put_number(b, r->time);
	put_number(b, r->a);
	put_number(b, r->b);
	put_text(b, r->octets);
	put_text(b, r->recipient);
	put_text(b, r->detail);
}

static bool
get_row(struct str *s, struct row *r)
{
	if (s->n == 0)
		return false;
	r->wanted = s->p[0] == 'n';
	*s = str_from(*s, 1);
	return get_number(s, &r->time) && get_number(s, &r->a) &&
	       get_number(s, &r->b) && get_text(s, &r->octets) &&
	       get_text(s, &r->recipient) && get_text(s, &r->detail);
}

/* --- a part goes to the other store */

static int
add_rows(struct move *m, const struct ledger_report *r, uint64_t seq,
    const struct row *rows, size_t n)
{
	struct store_batch b = {.source = r->id, .seq = seq};
	struct store_evaluation *e =
	    ARENA_ARRAY(&m->arena, struct store_evaluation, n);
	struct store_tls_result *t =
	    ARENA_ARRAY(&m->arena, struct store_tls_result, n);
	struct store_incident *f =
	    ARENA_ARRAY(&m->arena, struct store_incident, n);

	if (!e || !t || !f)
		return diag_set(m->d, AVER_NOMEM, 0, "out of memory");
	for (size_t i = 0; i < n; i++) {
		e[i] = (struct store_evaluation){.hour = (int64_t)rows[i].time,
		    .policy_domain = r->policy_domain,
		    .octets = rows[i].octets,
		    .count = rows[i].a,
		    .optional = !rows[i].wanted};
		t[i] = (struct store_tls_result){.day = (int64_t)rows[i].time,
		    .policy_domain = r->policy_domain,
		    .recipient_domain = rows[i].recipient,
		    .policy = rows[i].octets,
		    .detail = rows[i].detail,
		    .success = rows[i].a,
		    .failure = rows[i].b,
		    .wanted = rows[i].wanted};
		f[i] =
		    (struct store_incident){.policy_domain = r->policy_domain,
			.time = (int64_t)rows[i].time,
			.octets = rows[i].octets};
	}
	b.rows = r->kind == LEDGER_DMARC ? e : NULL;
	b.n_rows = r->kind == LEDGER_DMARC ? n : 0;
	b.tls_results = r->kind == LEDGER_TLS ? t : NULL;
	b.n_tls_results = r->kind == LEDGER_TLS ? n : 0;
	b.incidents = r->kind == LEDGER_FAILURE ? f : NULL;
	b.n_incidents = r->kind == LEDGER_FAILURE ? n : 0;
	return store_add_batch(m->to, &b, m->d);
}

static int
copy_part(struct move *m, struct str id)
{
	struct ledger_report r;
	struct row *rows;
	uint64_t seq = 1;
	size_t n = 0;
	int err = store_get_report(m->from, id, true, &m->arena, &r, m->d);

	if (err)
		return err;
	rows = ARENA_ARRAY(&m->arena, struct row, BATCH);
	if (!rows)
		return diag_set(m->d, AVER_NOMEM, 0, "out of memory");
	while (r.body.n && !err) {
		if (!get_row(&r.body, &rows[n++]))
			return diag_set(
			    m->d, AVER_IO, 0, "a part that moves is damaged");
		if (n == BATCH || r.body.n == 0) {
			err = add_rows(m, &r, seq++, rows, n);
			n = 0;
		}
	}
	return err;
}

static bool
is_part(struct str id)
{
	return str_starts(id, STR(PART));
}

static int
note_part(void *arg, const struct ledger_report *r)
{
	if (!is_part(r->id))
		return 0;
	buf_add(arg, r->id);
	buf_add_c(arg, '\n');
	return 0;
}

/*
 * Another run may have been first. A part's body has been read whole, so what
 * it forgets meanwhile is copied here as well, and counted once.
 */
static int
take_part(struct move *m, struct str id)
{
	int err = copy_part(m, id);

	if (err)
		return err == AVER_NOTFOUND ? 0 : err;
	return store_forget_report(m->from, id, m->d);
}

/*
 * All that are there, from this run or from one that was killed or goes on at
 * the same time. That the rows have left has to be on the disk before they are
 * in the other store.
 */
static int
copy_parts(struct move *m)
{
	const struct ledger_filter parts = {.until = PART_CREATED + 1};
	struct buf ids;
	struct str rest;
	int err;

	buf_init(&ids, NULL, MEMORY);
	err = store_each_report(m->from, &parts, note_part, &ids, m->d);
	if (!err && !buf_ok(&ids))
		err = diag_set(m->d, AVER_NOMEM, 0, "out of memory");
	if (!err && ids.n)
		err = store_flush(m->from, m->d);
	rest = buf_str(&ids);
	while (rest.n && !err) {
		struct str id = str_cut(rest, '\n', &rest);

		arena_reset(&m->arena);
		err = take_part(m, id);
	}
	buf_fini(&ids);
	return err;
}

/* --- rows leave */

struct leave {
	struct move *m;
	struct store_take *take;
	enum ledger_kind kind;
	struct str domain;
	struct buf body;
	char name[64];
	unsigned parts;
	uint64_t messages;
};

static int
put_part(struct leave *l)
{
	struct ledger_report r = {.kind = l->kind,
	    .policy_domain = l->domain,
	    .created = PART_CREATED,
	    .file_name = STR("rows on their way to another store")};
	char id[96];
	int err;

	if (!buf_ok(&l->body))
		return diag_set(l->m->d, l->body.err, 0, "too large a row");
	if (l->body.n == 0)
		return 0;
	r.id = (struct str){id,
	    (size_t)snprintf(id, sizeof(id), PART "%s-%u", l->name, l->parts)};
	r.body = buf_str(&l->body);
	err = store_take_report(l->take, &r, NULL, 0, l->m->d);
	l->parts++;
	buf_clear(&l->body);
	return err;
}

static int
leave_row(void *arg, const struct store_take_row *x)
{
	struct leave *l = arg;
	struct row r = {.time = (uint64_t)x->time,
	    .octets = x->octets,
	    .recipient = x->recipient_domain,
	    .detail = x->detail};

	l->messages += x->count;
	if (l->kind == LEDGER_DMARC) {
		r.wanted = true;
		r.a = x->wanted;
		if (r.a)
			put_row(&l->body, &r);
		r.wanted = false;
		r.a = x->count - x->wanted;
		if (r.a)
			put_row(&l->body, &r);
	} else {
		/* of the same hour and texts: a report, if one asks for it */
		r.wanted = x->wanted > 0;
		r.a = x->success;
		r.b = x->failure;
		put_row(&l->body, &r);
	}
	return l->body.n < PART_FULL && buf_ok(&l->body) ? 0 : put_part(l);
}

/* The row that was counted last comes last again, with nothing more. */
static int
leave_last(struct leave *l)
{
	struct store_take_row x;
	struct row r = {.wanted = true};
	int err = store_take_last(l->take, &l->m->arena, &x, l->m->d);

	if (err || l->kind == LEDGER_FAILURE)
		return err;
	r.time = (uint64_t)x.time;
	r.octets = x.octets;
	r.recipient = x.recipient_domain;
	r.detail = x.detail;
	r.wanted = x.wanted > 0;
	put_row(&l->body, &r);
	return put_part(l);
}

static int
leave_window(struct leave *l, int64_t from, int64_t to)
{
	unsigned char random[12];
	int err = store_take_begin(l->m->from, l->kind, l->domain, from, to,
	    clock_now(), &l->take, l->m->d);

	if (err)
		return err == AVER_NOTFOUND ? 0 : err;
	if (RAND_bytes(random, sizeof(random)) != 1)
		err = diag_set(l->m->d, AVER_CRYPTO, 0, "no random octets");
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(l->name + 2 * i, 3, "%02x", random[i]);
	l->parts = 0;
	l->messages = 0;
	if (!err)
		err = store_take_each(l->take, leave_row, l, l->m->d);
	if (!err)
		err = leave_last(l);
	if (!err)
		err = put_part(l);
	if (err) {
		store_take_abort(l->take);
		return err;
	}
	return store_take_commit(l->take, l->m->d);
}

static uint64_t *
count_of(struct move *m, enum ledger_kind kind)
{
	if (kind == LEDGER_TLS)
		return &m->out->sessions;
	return kind == LEDGER_DMARC ? &m->out->messages : &m->out->incidents;
}

/* An hour or a day of the domain after the other; *left: there is more. */
static int
leave_first(struct leave *l, bool *left)
{
	struct store_due due;
	int64_t unit = l->kind == LEDGER_TLS ? 86400 : 3600;
	int err;

	arena_reset(&l->m->arena);
	err = store_get_due(l->m->from, l->kind, l->domain, INT64_MAX,
	    &l->m->arena, &due, l->m->d);
	*left = err == 0;
	if (err)
		return err == AVER_NOTFOUND ? 0 : err;
	err = l->kind == LEDGER_FAILURE
		  ? leave_window(l, INT64_MIN, INT64_MAX)
		  : leave_window(l, due.first, due.first + unit);
	if (!err)
		err = copy_parts(l->m);
	if (!err)
		*count_of(l->m, l->kind) += l->messages;
	return err;
}

static int
note_name(void *arg, const struct store_due *due)
{
	buf_clear(arg);
	buf_add(arg, due->policy_domain);
	return 1;
}

static int
move_rows(struct move *m, enum ledger_kind kind)
{
	struct leave l = {.m = m, .kind = kind};
	struct buf name;
	bool left;
	int err;

	buf_init(&name, NULL, 1 << 16);
	buf_init(&l.body, NULL, PART_MAX);
	do {
		err = store_each_due(m->from, kind, buf_str(&name), INT64_MAX,
		    note_name, &name, m->d);
		if (err != 1)
			break;
		l.domain = buf_str(&name);
		do {
			err = leave_first(&l, &left);
		} while (!err && left);
	} while (!err);
	buf_fini(&l.body);
	buf_fini(&name);
	return err;
}

/* --- reports */

struct sub_list {
	struct arena *arena;
	struct ledger_submission list[LEDGER_SUBMISSIONS_MAX];
	uint64_t fences[LEDGER_SUBMISSIONS_MAX];
	size_t n;
};

static int
note_submission(void *arg, const struct ledger_submission *sub)
{
	struct sub_list *x = arg;
	struct ledger_submission *copy = &x->list[x->n];

	if (x->n == LEDGER_SUBMISSIONS_MAX)
		return 0;
	*copy = *sub;
	copy->uri = arena_dup(x->arena, sub->uri);
	copy->destination = arena_dup(x->arena, sub->destination);
	copy->detail = arena_dup(x->arena, sub->detail);
	x->fences[x->n++] = 0;
	return 0;
}

/* Takes the pending ones from those who send; 1: somebody has one. */
static int
claim_all(struct move *m, struct str id, struct sub_list *x)
{
	int64_t now = clock_now();
	int err = 0;

	for (size_t i = 0; i < x->n && !err; i++) {
		int64_t at = x->list[i].next_try;

		if (x->list[i].state != LEDGER_PENDING)
			continue;
		at = at > now ? at : now;
		err = store_claim_submission(m->from, id, x->list[i].number, at,
		    LEASE, &x->fences[i], m->d);
	}
	return err == AVER_NOTFOUND ? 1 : err;
}

static int
finish_all(
    struct move *m, struct str id, struct sub_list *x, enum ledger_state state)
{
	int err = 0;

	for (size_t i = 0; i < x->n && !err; i++)
		if (x->fences[i])
			err = store_finish_submission(m->from, id,
			    x->list[i].number, x->fences[i], state,
			    x->list[i].next_try,
			    state == LEDGER_CANCELLED
				? STR("moved to another store")
				: x->list[i].detail,
			    m->d);
	return err == AVER_NOTFOUND ? 0 : err;
}

static int
copy_report(struct move *m, struct str id)
{
	struct sub_list x = {.arena = &m->arena};
	struct ledger_report r;
	int err = store_get_report(m->from, id, true, &m->arena, &r, m->d);

	if (!err)
		err = store_each_submission(
		    m->from, id, note_submission, &x, m->d);
	if (!err && arena_failed(&m->arena))
		err = diag_set(m->d, AVER_NOMEM, 0, "out of memory");
	if (!err)
		err = claim_all(m, id, &x);
	if (err == 1) {
		m->out->busy++;
		return finish_all(m, id, &x, LEDGER_PENDING);
	}
	if (err)
		return err;
	err = store_put_report(m->to, &r, x.list, x.n, m->d);
	if (err == 0)
		m->out->reports++;
	/* AVER_LIMIT: it is there from a run before */
	if (err == 0 || err == AVER_LIMIT)
		err = store_flush(m->to, m->d);
	if (err) {
		(void)finish_all(m, id, &x, LEDGER_PENDING);
		return err;
	}
	return finish_all(m, id, &x, LEDGER_CANCELLED);
}

static int
note_id(void *arg, const struct ledger_report *r)
{
	if (is_part(r->id))
		return 0;
	buf_add(arg, r->id);
	buf_add_c(arg, '\n');
	return 0;
}

static int
copy_reports(struct move *m)
{
	struct str rest;
	struct buf ids;
	int err;

	buf_init(&ids, NULL, MEMORY);
	err = store_each_report(m->from, NULL, note_id, &ids, m->d);
	if (!err && !buf_ok(&ids))
		err = diag_set(m->d, AVER_NOMEM, 0, "out of memory");
	rest = buf_str(&ids);
	while (rest.n && !err) {
		struct str id = str_cut(rest, '\n', &rest);

		arena_reset(&m->arena);
		err = copy_report(m, id);
	}
	buf_fini(&ids);
	return err;
}

/* --- the rest */

static int
copy_known(void *arg, const struct store_known *known)
{
	struct move *m = arg;

	m->out->known++;
	return store_know_domains(m->to, known, 1, m->d);
}

static int
copy_suppression(void *arg, const struct store_suppression *sup)
{
	struct move *m = arg;

	m->out->suppressions++;
	return store_suppress(m->to, sup, m->d);
}

static int
copy_sts(void *arg, const struct store_sts *sts)
{
	struct move *m = arg;
	int err = 0;

	m->out->policies++;
	if (sts->policy.n)
		err = store_put_sts(m->to, sts, m->d);
	if (!err && sts->failed)
		err = store_fail_sts(m->to, sts, m->d);
	return err;
}

static int
copy_destination(void *arg, const struct store_destination *x)
{
	struct move *m = arg;
	const struct store_sighting seen[] = {
	    {x->domain, x->mx, x->starttls, STORE_OFFERED, 0},
	    {x->domain, x->mx, x->no_starttls, STORE_NOT_OFFERED, 0},
	    {x->domain, x->mx, x->requiretls, 0, STORE_OFFERED},
	    {x->domain, x->mx, x->no_requiretls, 0, STORE_NOT_OFFERED},
	    {x->domain, x->mx, x->seen, 0, 0},
	};

	m->out->destinations++;
	return store_see_destinations(m->to, seen, 5, m->d);
}

static int
copy_secrets(struct move *m)
{
	uint8_t secret[STORE_SECRET];
	int err = 0;

	for (unsigned i = 0; store_secret_name(i) && !err; i++) {
		struct str name = str_from_z(store_secret_name(i));

		/* with the handle that writes: made, if it was not there */
		err = store_secret(m->from, name, secret, m->d);
		if (!err)
			err = store_put_secret(m->to, name, secret, m->d);
	}
	return err;
}

int
store_move(struct store *from, struct store *to, struct store_moved *out,
    struct diag *d)
{
	struct move m = {from, to, out, d, {0}};
	int err;

	arena_init(&m.arena, MEMORY);
	err = copy_secrets(&m);
	if (!err)
		err = store_each_known(from, copy_known, &m, d);
	if (!err)
		err = store_each_suppression(
		    from, SUPPRESS_KIND_COUNT, copy_suppression, &m, d);
	if (!err)
		err = store_each_sts(from, STR_NONE, copy_sts, &m, d);
	if (!err)
		err = store_each_destination(
		    from, STR_NONE, STR_NONE, copy_destination, &m, d);
	if (!err)
		err = copy_parts(&m);
	for (int kind = 0; kind < LEDGER_KIND_COUNT && !err; kind++)
		err = move_rows(&m, (enum ledger_kind)kind);
	if (!err)
		err = copy_reports(&m);
	arena_fini(&m.arena);
	return err;
}
