/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/submit.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/mail/mailto.h"
#include "lib/store/suppress.h"
#include "reports/caps.h"
#include "reports/https.h"
#include "reports/window.h"

#define BATCH 64
/* an item of the batch: ID, URI, destination, domain, address */
#define BATCH_MEMORY ((size_t)BATCH * 5120)
/* from so many on, what waits for the disk is worth to be put together */
#define STAGE_MIN 4
/* ms: a batch may grow while it takes less, and shrinks when it takes more */
#define BATCH_QUICK 1000
#define BATCH_SLOW 4000
/* s: what a lease has beyond the time one message may take, and half of it */
#define LEASE_SPARE 300
#define LEASE_OLD 150
/* the report that is being sent, and what is made of it */
#define REPORT_MEMORY (LEDGER_BODY_MAX + ((size_t)1 << 20))
#define MESSAGE_MAX ((size_t)96 << 20)
/* what was sent must not be forgotten: how often the store is asked */
#define FINISH_TRIES 10
/* HTTPS hosts that do not answer: nothing more goes to them in this run */
#define MUTE_MAX 64

struct item {
	struct str id, uri, destination;
	unsigned number, attempts;
	int64_t last_try, give_up;
	bool over; /* it is not tried again, so no cap concerns it */
	uint64_t fence; /* of our claim; 0: none, or it has ended */
	struct transport_stage stage; /* what is not delivered yet, and of it */
	struct str domain, to; /* the policy domain and the address */
};

struct submit {
	struct reporter *r;
	const struct submit_kind *kind;
	struct caps caps;
	struct arena batch, arena;
	struct item items[BATCH];
	size_t n;
	char mute[MUTE_MAX][HTTP_HOST_MAX + 1];
	size_t n_mute;
	size_t most; /* items that are claimed at once */
	int64_t claimed; /* when that was */
	struct buf message; /* keeps its memory from one to the next */
	struct submit_result *result;
	struct diag *d;
	int err; /* from inside of a callback */
};

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
	err = is_suppressed(s, SUPPRESS_ADDRESS, address, out);
	if (!err)
		err = is_suppressed(s, SUPPRESS_RUA_DOMAIN, domain, out);
	if (!err)
		err = is_suppressed(
		    s, SUPPRESS_POLICY_DOMAIN, rep->policy_domain, out);
	return err;
}

static int
compose(struct submit *s, const struct ledger_report *rep,
    const struct mailto *to, struct diag *why)
{
	struct reporter *r = s->r;
	struct report_message m = {
	    .name = {.kind = s->kind->report,
		.policy_domain = rep->policy_domain,
		.begin = rep->begin,
		.end = rep->end},
	    .id = rep->id,
	    .from = r->email,
	    .from_name = r->org_name,
	    .to = to->address,
	    .date = rep->created,
	    .submitter = r->domain,
	    .organization = r->org_name,
	    .contact = str_from_z(r->conf->report_contact_info),
	    .document = rep->body,
	    .gzip = true,
	    .rows = rep->rows,
	    .messages = rep->messages,
	    .engine = r->engine,
	};
	int err = 0;

	memcpy(m.sign, r->sign, sizeof(m.sign));
	if (s->kind->fill)
		err = s->kind->fill(rep, &s->arena, &m, why);
	buf_clear(&s->message);
	return err ? err : report_message_write(&m, &s->message, NULL, why);
}

/*
 * RFC 3463 section 3.2: 5.1.x is about an address, and 5.2.1 is a mailbox that
 * is disabled. 5.1.7 and 5.1.8 are about the sender's: our fault, and the same
 * for every report.
 */
static bool
is_about_recipient(struct str status)
{
	return str_eq(status, STR("5.2.1")) ||
	       (str_starts(status, STR("5.1.")) &&
		   !str_eq(status, STR("5.1.7")) &&
		   !str_eq(status, STR("5.1.8")));
}

/* A mailbox that is not there will not be there tomorrow. */
static void
note_bad_address(
    struct submit *s, struct str to, const struct transport_reply *reply)
{
	struct str address = arena_lower(&s->arena, to);
	struct diag why = {{0}, 0};

	if (!is_about_recipient(str_from_z(reply->status)))
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
		s->result->down = s->result->down || reply->transport_down;
		return;
	case TRANSPORT_PERM:
	case TRANSPORT_OUTCOME_COUNT:
		o->state = LEDGER_FAILED;
		note_bad_address(s, to, reply);
		return;
	}
}

/* Or makes it ready to be delivered with the others of the batch. */
static void
send_message(struct submit *s, struct item *it, const struct mailto *to,
    struct transport_reply *reply, struct outcome *o)
{
	struct buf sender;
	struct transport_message m = {
	    .rcpt = to->address, .message = buf_str(&s->message)};

	buf_init(&sender, &s->arena, 512);
	if (verp_make(&s->r->verp, it->id, it->number, &sender)) {
		o->state = LEDGER_FAILED;
		o->detail = STR("cannot make an envelope sender");
		return;
	}
	m.envelope_from = buf_str(&sender);
	if (s->n < STAGE_MIN)
		transport_send(s->r->transport, &m, reply);
	else
		transport_stage(s->r->transport, &m, &it->stage, reply);
	judge_reply(s, it, to->address, reply, o);
}

static int
attempt(struct submit *s, struct item *it, const struct ledger_report *rep,
    const struct mailto *to, struct transport_reply *reply, struct outcome *o)
{
	struct diag *why = ARENA_NEW(&s->arena, struct diag);
	bool suppressed;
	int err;

	if (!why)
		return AVER_NOMEM;
	err = check_suppressed(s, rep, arena_lower(&s->arena, to->address),
	    to->domain, &suppressed);
	if (err || suppressed) {
		o->state = LEDGER_SUPPRESSED;
		o->detail = STR("suppressed");
		return err;
	}
	err = compose(s, rep, to, why);
	if (err == AVER_NOMEM)
		return err;
	if (err) {
		o->state = LEDGER_FAILED;
		o->detail =
		    str_from_z(*why->text ? why->text : aver_err_name(err));
		return 0;
	}
	send_message(s, it, to, reply, o);
	return 0;
}

/* --- one submission by HTTPS */

static bool
is_mute(const struct submit *s, struct str uri, struct str host)
{
	if (!str_starts_ci(uri, STR("https:")))
		return false;
	for (size_t i = 0; i < s->n_mute; i++)
		if (str_eq(str_from_z(s->mute[i]), host))
			return true;
	return false;
}

static void
note_mute(struct submit *s, struct str host)
{
	if (s->n_mute == MUTE_MAX || host.n > HTTP_HOST_MAX)
		return;
	memcpy(s->mute[s->n_mute], host.p, host.n);
	s->mute[s->n_mute++][host.n] = '\0';
}

static int
attempt_https(struct submit *s, const struct item *it,
    const struct ledger_report *rep, struct outcome *o)
{
	struct https_reply *reply = ARENA_NEW(&s->arena, struct https_reply);
	bool suppressed;
	int err;

	if (!reply)
		return AVER_NOMEM;
	err = check_suppressed(s, rep, it->uri, it->destination, &suppressed);
	if (err || suppressed) {
		o->state = LEDGER_SUPPRESSED;
		o->detail = STR("suppressed");
		return err;
	}
	https_post(s->r, it->uri, s->kind->https_type, rep->body, reply);
	o->detail = str_from_z(reply->detail);
	if (reply->sent)
		o->state = LEDGER_SENT;
	else
		put_off(s, it, o);
	if (reply->mute)
		note_mute(s, it->destination);
	return 0;
}

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

	if (err)
		return err;
	count(s, o);
	log_submission(s, it, to, domain, o);
	return 0;
}

/* a reply and, with sendmail, an exit code: four times at most */
static int64_t
lease_of(const struct submit *s)
{
	return 4 * s->r->conf->report_timeout + LEASE_SPARE;
}

/* The time for one message is left. Forgets a claim that has ended. */
static int
keep_claim(struct submit *s, struct item *it)
{
	int64_t now = reporter_now(s->r);
	int err;

	if (now - s->claimed < LEASE_OLD)
		return 0;
	err = store_renew_submission(s->r->store, it->id, it->number, it->fence,
	    now + lease_of(s), s->d);
	if (err != AVER_NOTFOUND)
		return err;
	it->fence = 0;
	return 0;
}

/* Claimed: nobody else sends it. */
static int
submit_one(struct submit *s, struct item *it)
{
	struct outcome o = {.state = LEDGER_FAILED};
	struct transport_reply reply = {.outcome = TRANSPORT_PERM};
	struct ledger_report rep = {0};
	struct mailto to = {0};
	int err = keep_claim(s, it);

	if (err || !it->fence)
		return err;
	arena_reset(&s->arena);
	err =
	    store_get_report(s->r->store, it->id, true, &s->arena, &rep, s->d);
	if (err)
		return err;
	if (it->over)
		o.detail = STR("not delivered within a day");
	else if (s->kind->https_type && str_starts_ci(it->uri, STR("https:")))
		err = attempt_https(s, it, &rep, &o);
	else if (mailto_parse(&s->arena, it->uri, &to, NULL))
		o.detail = STR("no mail address");
	else
		err = attempt(s, it, &rep, &to, &reply, &o);
	if (err)
		return err;
	if (!*it->stage.name)
		return conclude(s, it, to.address, rep.policy_domain, &o);
	it->to = arena_dup(&s->batch, to.address);
	it->domain = arena_dup(&s->batch, rep.policy_domain);
	return 0;
}

static int
deliver(struct submit *s, struct item *it, const struct transport_reply *synced)
{
	struct outcome o = {.state = LEDGER_FAILED};
	struct transport_reply reply = *synced;
	int err;

	arena_reset(&s->arena);
	if (synced->outcome != TRANSPORT_SENT)
		transport_drop(s->r->transport, &it->stage);
	err = keep_claim(s, it);
	if (err || !it->fence)
		return err;
	if (*it->stage.name)
		transport_deliver(s->r->transport, &it->stage, &reply);
	judge_reply(s, it, it->to, &reply, &o);
	return conclude(s, it, it->to, it->domain, &o);
}

/* What is staged is the one after the other delivered and written down. */
static int
deliver_staged(struct submit *s)
{
	struct transport_reply synced = {.outcome = TRANSPORT_OUTCOME_COUNT};
	int err = 0;

	for (size_t i = 0; i < s->n && !err; i++) {
		struct item *it = &s->items[i];

		if (!*it->stage.name)
			continue;
		if (synced.outcome == TRANSPORT_OUTCOME_COUNT)
			transport_sync(s->r->transport, &synced);
		err = deliver(s, it, &synced);
	}
	return err;
}

/* What was claimed and not tried is as it was. */
static void
release(struct submit *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct item *it = &s->items[i];

		transport_drop(s->r->transport, &it->stage);
		/* if not, its lease ends by itself */
		if (it->fence)
			(void)store_release_submission(s->r->store, it->id,
			    it->number, it->fence, it->last_try, s->d);
	}
}

/* --- many */

static int
collect(void *arg, const struct ledger_submission *sub)
{
	struct submit *s = arg;
	struct item *it = &s->items[s->n];
	bool over = reporter_now(s->r) > sub->give_up, full = false;

	if (!over)
		s->err = caps_host(&s->caps, sub->destination, &full, s->d);
	if (s->err)
		return 1;
	if (full) {
		s->result->capped = true;
		return 0;
	}
	if (is_mute(s, sub->uri, sub->destination))
		return 0;
	*it = (struct item){
	    .id = arena_dup(&s->batch, sub->report_id),
	    .uri = arena_dup(&s->batch, sub->uri),
	    .destination = arena_dup(&s->batch, sub->destination),
	    .number = sub->number,
	    .attempts = sub->attempts,
	    .last_try = sub->last_try,
	    .give_up = sub->give_up,
	    .over = over,
	};
	if (arena_failed(&s->batch))
		return s->n ? 1 : AVER_NOMEM;
	s->n++;
	return s->n == s->most;
}

static int
fill_batch(struct submit *s)
{
	int err;

	arena_reset(&s->batch);
	s->n = 0;
	s->err = 0;
	err = store_each_due_submission(
	    s->r->store, s->kind->kind, reporter_now(s->r), collect, s, s->d);
	if (err < 0)
		return err;
	return s->err;
}

static bool
may_go_on(struct submit *s)
{
	if (s->result->down || reporter_stopped())
		return false;
	if (!caps_reached(&s->caps))
		return true;
	s->result->capped = true;
	return false;
}

/* The items of the batch that the caps allow, which are counted. */
static int
choose(
    struct submit *s, struct ledger_claim *claims, struct item **of, size_t *n)
{
	for (size_t i = 0; i < s->n && may_go_on(s); i++) {
		struct item *it = &s->items[i];
		bool full = false;
		int err = 0;

		if (!it->over)
			err = caps_host(&s->caps, it->destination, &full, s->d);
		if (err)
			return err;
		if (full) {
			s->result->capped = true;
			continue;
		}
		if (!it->over)
			caps_count(&s->caps, it->destination);
		claims[*n] = (struct ledger_claim){
		    .report_id = it->id, .number = it->number};
		of[(*n)++] = it;
	}
	return 0;
}

static int
claim(struct submit *s, uint64_t *claimed)
{
	struct ledger_claim claims[BATCH];
	struct item *of[BATCH];
	size_t n = 0;
	int err = choose(s, claims, of, &n);

	s->claimed = reporter_now(s->r);
	if (!err)
		err = store_claim_submissions(
		    s->r->store, claims, n, s->claimed, lease_of(s), s->d);
	for (size_t i = 0; i < n; i++) {
		of[i]->fence = claims[i].fence;
		*claimed += claims[i].fence > 0;
		/* somebody else sends it, and not in this run */
		if (!claims[i].fence && !of[i]->over)
			caps_uncount(&s->caps, of[i]->destination);
	}
	return err;
}

/* How many are claimed the next time: as many as do not wait for long. */
static void
adapt(struct submit *s, int64_t took)
{
	if (took > BATCH_SLOW && s->most > 1)
		s->most /= 2;
	else if (took < BATCH_QUICK && s->n == s->most)
		s->most = s->most * 2 < BATCH ? s->most * 2 : BATCH;
}

/* *tried: claims of this round. */
static int
send_batch(struct submit *s, uint64_t *tried)
{
	int64_t begin = clock_mono_ms();
	int err = claim(s, tried);

	for (size_t i = 0; i < s->n && !err; i++) {
		struct item *it = &s->items[i];

		if (s->result->down || reporter_stopped())
			break;
		if (it->fence && !is_mute(s, it->uri, it->destination))
			err = submit_one(s, it);
	}
	if (!err)
		err = deliver_staged(s);
	release(s);
	adapt(s, clock_mono_ms() - begin);
	return err;
}

/* False: there is nothing more to do before `end`. */
static bool
wait_for_more(struct submit *s, int64_t end, int *err)
{
	int64_t next, now = reporter_now(s->r);

	*err = store_next_due(s->r->store, &next, s->d);
	if (*err == AVER_NOTFOUND)
		*err = 0;
	else if (!*err && next > now && next <= end)
		return reporter_wait(s->r, next);
	return false;
}

static int
run(struct submit *s, int64_t end)
{
	int err = 0;

	while (!err && may_go_on(s)) {
		uint64_t tried = 0;

		err = fill_batch(s);
		if (!err)
			err = send_batch(s, &tried);
		if (!err && !tried && !wait_for_more(s, end, &err))
			break;
	}
	return err;
}

static uint64_t
seed_of(const struct reporter *r)
{
	uint64_t seed;

	memcpy(&seed, r->id_salt, sizeof(seed));
	return seed;
}

int
submit_due(struct reporter *r, const struct submit_kind *kind, uint64_t most,
    int64_t patience, struct submit_result *out, struct diag *d)
{
	const struct conf *c = r->conf;
	struct submit s = {
	    .r = r, .kind = kind, .most = 1, .result = out, .d = d};
	uint64_t limits[3] = {most, (uint64_t)c->report_max_per_day,
	    (uint64_t)c->report_max_per_host};
	int64_t now = reporter_now(r);
	int err;

	*out = (struct submit_result){0};
	arena_init(&s.batch, BATCH_MEMORY);
	arena_init(&s.arena, REPORT_MEMORY);
	buf_init(&s.message, NULL, MESSAGE_MAX);
	err = caps_init(&s.caps, r->store, limits, seed_of(r), now, d);
	if (!err)
		err = run(&s, now + patience);
	if (err == AVER_TEMP)
		out->down = true;
	if (err == AVER_NOMEM)
		diag_set(d, err, 0, "out of memory");
	caps_fini(&s.caps);
	buf_fini(&s.message);
	arena_fini(&s.arena);
	arena_fini(&s.batch);
	return err;
}
