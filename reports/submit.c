/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/submit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/mail/mailto.h"
#include "lib/store/suppress.h"
#include "reports/submit_int.h"
#include "reports/window.h"

#define SCRATCH_MEMORY ((size_t)256 * 1024)
#define ITEM_MEMORY ((size_t)16 * 1024) /* the strings of one */
/* from so many on, what waits for the disk is worth to be put together */
#define STAGE_MIN 4
/* ms: how often it is looked for what has become due, while others are sent */
#define LOOK_MS 1000
/* octets of documents on their way, from which on no other is begun */
#define ENOUGH_OCTETS ((size_t)16 << 20)
/* what was sent must not be forgotten: how often the store is asked */
#define FINISH_TRIES 10

/* What came of a submission. */
struct outcome {
	enum ledger_state state;
	int64_t next_try;
	struct str detail;
	const struct transport_reply *reply; /* NULL: it was not tried */
};

/* --- one submission */

static void
log_submission(struct submit *s, const struct item *it, struct str to,
    struct str domain, const struct outcome *o)
{
	struct buf line;

	arena_reset(&s->arena);
	buf_init(&line, &s->arena, 8192);
	buf_add_z(&line, "submission:");
	kv_str(&line, "report", it->id);
	kv_i64(&line, "number", it->number);
	kv_str(&line, "domain", domain);
	kv_str(&line, "to", to.n ? to : it->uri);
	kv_z(&line, "result", ledger_state_name(o->state));
	kv_i64(&line, "attempt", it->attempts + 1);
	if (o->reply) {
		kv_z(&line, "relay", o->reply->host);
		kv_z(&line, "status", o->reply->status);
	}
	if (o->state == LEDGER_PENDING)
		kv_i64(&line, "next_try", o->next_try);
	kv_str(&line, "detail", o->detail);
	log_line(
	    o->state == LEDGER_FAILED ? LOG_LVL_WARN : LOG_LVL_INFO, &line);
}

static void
count(struct submit *s, const struct outcome *o)
{
	switch (o->state) {
	case LEDGER_SENT:
		s->result->sent++;
		break;
	case LEDGER_PENDING:
		s->result->retried++;
		break;
	case LEDGER_SUPPRESSED:
		s->result->suppressed++;
		break;
	case LEDGER_FAILED:
	case LEDGER_CANCELLED:
	case LEDGER_BOUNCED:
	case LEDGER_STATE_COUNT:
		s->result->failed++;
		break;
	}
}

static int
is_suppressed(
    struct submit *s, enum suppress_kind kind, struct str value, bool *out)
{
	int err = store_suppressed(s->r->store, kind, value, reporter_now(s->r),
	    &s->arena, NULL, s->d);

	if (err == 0)
		*out = true;
	return err == AVER_NOTFOUND ? 0 : err;
}

/* What was suppressed after the report was made counts too. */
static int
check_suppressed(struct submit *s, const struct ledger_report *rep,
    struct str address, struct str domain, bool *out)
{
	int err;

	*out = false;
	if (!address.n)
		return AVER_NOMEM;
	arena_reset(&s->arena);
	err = is_suppressed(s, SUPPRESS_ADDRESS, address, out);
	if (!err)
		err = is_suppressed(s, SUPPRESS_RUA_DOMAIN, domain, out);
	if (!err)
		err = is_suppressed(
		    s, SUPPRESS_POLICY_DOMAIN, rep->policy_domain, out);
	return err;
}

/*
 * RFC 3463 section 3.2: which of 5.1.x are about the recipient's address; later
 * came 5.1.10, that its domain takes no mail. 5.2.1 is a mailbox that is
 * disabled. 5.1.0 is any address, and Postfix says it of senders that it does
 * not know. What is about ours is our fault, and the same for every report.
 */
static bool
is_about_recipient(struct str status)
{
	static const char *const codes[] = {
	    "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1"};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (str_eq(status, str_from_z(codes[i])))
			return true;
	return false;
}

/* A mailbox that is not there will not be there tomorrow. */
static void
note_bad_address(
    struct submit *s, struct str to, const struct transport_reply *reply)
{
	struct diag why = {{0}, 0};
	struct str address;

	arena_reset(&s->arena);
	address = arena_lower(&s->arena, to);
	if (reply->before_rcpt ||
	    !is_about_recipient(str_from_z(reply->status)))
		return;
	if (address.n &&
	    store_suppress_bounce(s->r->store, address, reporter_now(s->r),
		s->r->conf->report_suppression_time, str_from_z(reply->text),
		NULL, &why))
		log_msg(
		    LOG_LVL_WARN, "cannot suppress an address: %s", why.text);
}

/* Again later, unless that would be too late. */
static void
put_off(struct submit *s, const struct item *it, struct outcome *o)
{
	o->next_try = reporter_now(s->r) + retry_delay(it->attempts + 1);
	o->state = o->next_try > it->give_up ? LEDGER_FAILED : LEDGER_PENDING;
}

static void
judge_reply(struct submit *s, const struct item *it, struct str to,
    const struct transport_reply *reply, struct outcome *o)
{
	o->reply = reply;
	o->detail = str_from_z(reply->text);
	switch (reply->outcome) {
	case TRANSPORT_SENT:
		o->state = LEDGER_SENT;
		return;
	case TRANSPORT_TEMP:
		put_off(s, it, o);
		return;
	case TRANSPORT_PERM:
	case TRANSPORT_OUTCOME_COUNT:
		o->state = LEDGER_FAILED;
		note_bad_address(s, to, reply);
		return;
	}
}

/* --- claims */

/* What came of it is written down; the claim has ended. */
static int
finish(struct submit *s, struct item *it, const struct outcome *o)
{
	uint64_t fence = it->fence;
	int err = AVER_TEMP;

	it->fence = 0;
	for (int i = 0; i < FINISH_TRIES && err == AVER_TEMP; i++)
		err = store_finish_submission(s->r->store, it->id, it->number,
		    fence, o->state, o->next_try, o->detail, s->d);
	if (err != AVER_NOTFOUND)
		return err;
	log_msg(LOG_LVL_WARN,
	    "submission of report %.*s: took longer than its lease, or was "
	    "changed meanwhile",
	    STRF(it->id));
	return 0;
}

static int
conclude(struct submit *s, struct item *it, struct str to, struct str domain,
    const struct outcome *o)
{
	int err = finish(s, it, o);

	it->state = ITEM_FREE;
	if (err)
		return err;
	count(s, o);
	log_submission(s, it, to, domain, o);
	return 0;
}

/* --- one submission */

/* Its address, or why it does not go there. */
static int
address(struct submit *s, const struct item *it, struct send_job *j,
    struct outcome *o)
{
	struct str value = it->uri, domain = it->destination;
	bool suppressed;
	int err;

	j->number = it->number;
	j->uri = it->uri;
	j->https = it->https;
	if (!it->https) {
		if (mailto_parse(&j->arena, it->uri, &j->to, NULL)) {
			o->detail = STR("no mail address");
			return 0;
		}
		value = arena_lower(&j->arena, j->to.address);
		domain = j->to.domain;
	}
	err = check_suppressed(s, &j->report, value, domain, &suppressed);
	if (!err && suppressed) {
		o->state = LEDGER_SUPPRESSED;
		o->detail = STR("suppressed");
	}
	return err;
}

/* Claimed: nobody else sends it. */
static int
submit_one(struct submit *s, struct item *it, struct send_job *j)
{
	struct outcome o = {.state = LEDGER_FAILED};
	int err = submit_keep_claim(s, it);

	if (err || it->state == ITEM_FREE)
		return err;
	err = store_get_report(
	    s->r->store, it->id, true, &j->arena, &j->report, s->d);
	if (!err && it->over)
		o.detail = STR("not delivered within a day");
	else if (!err)
		err = address(s, it, j, &o);
	if (!err && !o.detail.n && it->https && https_open(s->r, &j->why)) {
		put_off(s, it, &o);
		o.detail = str_from_z(j->why.text);
	}
	if (err || o.detail.n) {
		if (!err)
			err = conclude(
			    s, it, j->to.address, j->report.policy_domain, &o);
		senders_free(s->senders, j);
		return err;
	}
	j->owner = it;
	j->may_stage = s->n_claimed >= STAGE_MIN;
	it->state = ITEM_SENDING;
	s->octets += j->report.body.n;
	senders_start(s->senders, j);
	return 0;
}

static bool
has_room(const struct submit *s)
{
	return s->octets < ENOUGH_OCTETS && senders_idle(s->senders);
}

/* As many as there are senders that have nothing to do. */
static int
submit_waiting(struct submit *s)
{
	struct item *it;
	int err = 0;

	while (!err && !submit_stops(s) && has_room(s) && (it = submit_next(s)))
		err = submit_one(s, it, senders_idle(s->senders));
	return err;
}

/* --- what came of it */

static int
end_https(
    struct submit *s, struct item *it, struct send_job *j, struct outcome *o)
{
	o->detail = str_from_z(j->https_reply.detail);
	if (j->https_reply.sent)
		o->state = LEDGER_SENT;
	else
		put_off(s, it, o);
	if (j->https_reply.mute)
		submit_mute(s, it->destination);
	return conclude(s, it, STR_NONE, j->report.policy_domain, o);
}

/*
 * The transport's trouble is all of it when the last sender has it; before, it
 * may be that there are more connections than the relay takes.
 */
static int
end_mail(
    struct submit *s, struct item *it, struct send_job *j, struct outcome *o)
{
	bool down =
	    j->reply.outcome == TRANSPORT_TEMP && j->reply.transport_down;
	bool others = down && senders_retire(s->senders, j);

	s->result->down = s->result->down || (down && !others);
	if (others && !j->reply.in_doubt) {
		submit_release(s, it);
		s->dry = false;
		return 0;
	}
	if (!*j->stage.name) {
		judge_reply(s, it, j->to.address, &j->reply, o);
		return conclude(
		    s, it, j->to.address, j->report.policy_domain, o);
	}
	it->stage = j->stage;
	it->to = arena_dup(&it->arena, j->to.address);
	it->domain = arena_dup(&it->arena, j->report.policy_domain);
	it->state = ITEM_STAGED;
	return 0;
}

static int
end_job(struct submit *s, struct send_job *j)
{
	struct outcome o = {.state = LEDGER_FAILED};
	struct item *it = j->owner;
	int err;

	s->octets -= j->report.body.n;
	if (j->err == AVER_NOMEM) {
		err = j->err;
	} else if (j->err) {
		o.detail = str_from_z(
		    *j->why.text ? j->why.text : aver_err_name(j->err));
		err =
		    conclude(s, it, j->to.address, j->report.policy_domain, &o);
	} else if (j->https) {
		err = end_https(s, it, j, &o);
	} else {
		err = end_mail(s, it, j, &o);
	}
	senders_free(s->senders, j);
	/* what was left out may have its turn */
	if (s->skipped && !submit_has_waiting(s))
		s->dry = false;
	return err;
}

static int
deliver(struct submit *s, struct item *it, const struct transport_reply *synced)
{
	struct outcome o = {.state = LEDGER_FAILED};
	struct transport_reply reply = *synced;
	int err;

	if (synced->outcome != TRANSPORT_SENT)
		transport_drop(s->r->transport, &it->stage);
	err = submit_keep_claim(s, it);
	if (err || it->state == ITEM_FREE)
		return err;
	if (*it->stage.name)
		transport_deliver(s->r->transport, &it->stage, &reply);
	judge_reply(s, it, it->to, &reply, &o);
	s->result->down =
	    s->result->down ||
	    (reply.transport_down && reply.outcome == TRANSPORT_TEMP);
	return conclude(s, it, it->to, it->domain, &o);
}

/* What is staged is the one after the other delivered and written down. */
static int
deliver_staged(struct submit *s)
{
	struct transport_reply synced = {.outcome = TRANSPORT_OUTCOME_COUNT};
	int err = 0;

	for (size_t i = 0; i < ITEMS && !err; i++) {
		struct item *it = &s->items[i];

		if (it->state != ITEM_STAGED)
			continue;
		if (synced.outcome == TRANSPORT_OUTCOME_COUNT)
			transport_sync(s->r->transport, &synced);
		err = deliver(s, it, &synced);
	}
	return err;
}

struct later {
	int64_t asked, next; /* next INT64_MAX: there is none */
};

static int
find_later(void *arg, const struct ledger_submission *sub)
{
	struct later *l = arg;

	if (sub->next_try <= l->asked)
		return 0;
	l->next = sub->next_try;
	return 1;
}

/*
 * False: there is nothing more to do before `end`. What was due at the last
 * look has had its chance: a cap, a mute host or somebody else's claim keeps
 * it, and it must not keep others that become due.
 */
static bool
wait_for_more(struct submit *s, int64_t end, int *err)
{
	struct later l = {s->asked, INT64_MAX};

	*err = store_each_due_submission(
	    s->r->store, s->kind->kind, end, find_later, &l, s->d);
	if (*err > 0)
		*err = 0;
	return !*err && l.next <= end && reporter_wait(s->r, l.next);
}

/* One that has ended is written down, unless none does for a while. */
static int
await(struct submit *s)
{
	struct send_job *j = senders_ended(s->senders, LOOK_MS);
	int err = j ? end_job(s, j) : deliver_staged(s);

	if (s->dry && clock_mono_ms() - s->looked >= LOOK_MS)
		s->dry = false;
	return err;
}

static int
run(struct submit *s, int64_t end)
{
	int err = 0;

	while (!err && !submit_stops(s)) {
		err = submit_waiting(s);
		if (err || submit_stops(s))
			break;
		if (has_room(s) && !s->dry) {
			err = deliver_staged(s);
			if (!err)
				err = submit_claim(s);
		} else if (senders_busy(s->senders)) {
			err = await(s);
		} else {
			err = deliver_staged(s);
			if (err || caps_reached(&s->caps) ||
			    !wait_for_more(s, end, &err))
				break;
			s->dry = false;
		}
	}
	return err;
}

/* Nothing more is begun. What was begun ends, whatever else went wrong. */
static int
end_all(struct submit *s, int err)
{
	while (senders_busy(s->senders)) {
		int e = end_job(s, senders_ended(s->senders, -1));

		err = err ? err : e;
	}
	if (!err)
		err = deliver_staged(s);
	for (size_t i = 0; i < ITEMS; i++)
		if (s->items[i].state != ITEM_FREE)
			submit_release(s, &s->items[i]);
	return err;
}

static uint64_t
seed_of(const struct reporter *r)
{
	uint64_t seed;

	memcpy(&seed, r->id_salt, sizeof(seed));
	return seed;
}

static int
submit_all(struct submit *s, uint64_t most, int64_t patience)
{
	const struct conf *c = s->r->conf;
	uint64_t limits[3] = {most, (uint64_t)c->report_max_per_day,
	    (uint64_t)c->report_max_per_host};
	int64_t now = reporter_now(s->r);
	int err = senders_open(s->r, s->kind, &s->senders, s->d);

	if (err)
		return err;
	transport_tidy(s->r->transport);
	err =
	    caps_init(&s->caps, s->r->store, limits, seed_of(s->r), now, s->d);
	if (!err)
		err = end_all(s, run(s, now + patience));
	caps_fini(&s->caps);
	senders_close(s->senders);
	return err;
}

int
submit_due(struct reporter *r, const struct submit_kind *kind, uint64_t most,
    int64_t patience, struct submit_result *out, struct diag *d)
{
	struct submit *s = calloc(1, sizeof(*s));
	int err;

	*out = (struct submit_result){0};
	if (!s)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	*s = (struct submit){
	    .r = r, .kind = kind, .most = 1, .result = out, .d = d};
	arena_init(&s->arena, SCRATCH_MEMORY);
	for (size_t i = 0; i < ITEMS; i++)
		arena_init(&s->items[i].arena, ITEM_MEMORY);
	err = submit_all(s, most, patience);
	if (err == AVER_TEMP)
		out->down = true;
	if (err == AVER_NOMEM)
		diag_set(d, err, 0, "out of memory");
	for (size_t i = 0; i < ITEMS; i++)
		arena_fini(&s->items[i].arena);
	arena_fini(&s->arena);
	free(s);
	return err;
}
