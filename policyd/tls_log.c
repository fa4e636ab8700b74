/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/tls_log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/inforce.h"
#include "collect/log_time.h"
#include "collect/own_mail.h"
#include "collect/rows.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/compat/compat.h"
#include "lib/compat/pipe.h"
#include "lib/store/store.h"
#include "lib/tlsrpt/postfix_log.h"
#include "policyd/log_state.h"

#define PROCESSES 4096u
#define PARSER_MEMORY ((size_t)24 << 20)
#define EVENT_MEMORY ((size_t)8 << 20)
#define BATCH_MS 500
#define BATCH_LINES 5000u
#define LOOK_MS 250 /* at a file */
#define RETRY_MS 1000
#define SAVE_MS 5000 /* of a place when there was nothing to commit */
#define BACK_MS 60000 /* a session should be told within that time */
#define MUTED_LINES 1000000u
#define DECIDE_MS 2000
#define COMPLAIN_MS 60000
#define HOST_MAX 256
#define FUTURE 3600 /* seconds; a stamp later than that is not believed */

struct tls_log {
	char *store_spec, *state_path, *sender;
	struct collector *collector;
	struct engine *engine;
	bool has_datagrams, has_places;
	struct log_source source;
	int wake[2];
	pthread_t thread;
	bool started;
	atomic_bool ending; /* told by another thread */

	/* the thread's */
	struct store *store; /* NULL: not open now */
	struct store_fence fence; /* of the state's source; number 0: not had */
	struct log_state state; /* as saved */
	struct log_mark at; /* after the last line */
	struct log_mark back; /* becomes state.look, BACK_MS from back_ms on */
	int64_t back_ms, saved_ms, begun_ms, complained_ms;
	bool stopping;
	bool muted; /* what is read was counted before */
	unsigned muted_lines;
	struct tally *tally;
	struct arena memory, arena; /* of the parser, of an event */
	struct postfix_log *parser;
	struct own_mail own;

	pthread_mutex_t lock; /* of stats */
	struct tls_log_stats stats;
};

/* ---- waiting ------------------------------------------------------------ */

/* For the descriptor (-1: none) or so long; true when it is time to end. */
static bool
wait_for(struct tls_log *l, int fd, int ms)
{
	struct pollfd p[2] = {
	    {.fd = l->wake[0], .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	if (poll(p, 2, ms) > 0 && p[0].revents)
		l->stopping = true;
	return l->stopping;
}

static void
complain(struct tls_log *l, const char *what, const struct diag *d)
{
	int64_t now = clock_mono_ms();

	if (l->complained_ms && now - l->complained_ms < COMPLAIN_MS)
		return;
	l->complained_ms = now;
	log_msg(LOG_LVL_WARN, "%s: %s", what, d->text);
}

/* ---- events ------------------------------------------------------------- */

static int64_t
time_of(struct str stamp)
{
	int64_t now = clock_now(), t;

	if (!log_time(stamp, now, &t) || t > now + FUTURE || t < 0)
		return now;
	return t;
}

static void
count(struct tls_log *l, uint64_t *n, uint64_t more)
{
	pthread_mutex_lock(&l->lock);
	*n += more;
	pthread_mutex_unlock(&l->lock);
}

static void
record(struct tls_log *l, const struct postfix_event *e)
{
	struct rows r = {.tally = l->tally,
	    .arena = &l->arena,
	    .time = time_of(e->stamp),
	    .wanted = !own_mail_is(&l->own, e->queue_id)};
	struct tlsrpt_policy p = {.type = STR_NONE};

	if (e->kind == POSTFIX_EVENT_SESSION)
		inforce_ask(l->engine, e->domain, e->mx, e->port,
		    clock_mono_ms() + DECIDE_MS, &l->arena, &p);
	if (rows_of_event(&r, e, &p)) {
		collector_count(l->collector, COLLECTOR_LOG,
		    e->level == POSTFIX_CLEAR && e->result == TLSRPT_SUCCESS
			? TLSRPT_STARTTLS_NOT_SUPPORTED
			: e->result,
		    1);
		if (!r.wanted)
			count(l, &l->stats.own, 1);
	}
	if (!l->begun_ms)
		l->begun_ms = clock_mono_ms();
	arena_reset(&l->arena);
}

static void
on_event(void *arg, const struct postfix_event *e)
{
	struct tls_log *l = arg;

	/* that a policy excludes a host is told by the engine, which knows
	 * more of it */
	if (l->muted || e->kind == POSTFIX_EVENT_POLICY)
		return;
	if (e->is_reported && l->has_datagrams)
		count(l, &l->stats.reported, 1);
	else
		record(l, e);
}

/* ---- lines -------------------------------------------------------------- */

/* Sessions that began before the last place are read again, and not told. */
static void
unmute(struct tls_log *l)
{
	if (l->muted && (log_mark_eq(&l->at, &l->state.end) ||
			    ++l->muted_lines > MUTED_LINES))
		l->muted = false;
}

/* With slow DNS a few sessions take as long as a batch may. */
static bool
is_due(const struct tls_log *l)
{
	return tally_is_full(l->tally) || atomic_load(&l->ending) ||
	       (l->begun_ms && clock_mono_ms() - l->begun_ms >= BATCH_MS);
}

/* True when there may be more. */
static bool
read_lines(struct tls_log *l)
{
	struct diag d = {{0}, 0};
	struct log_mark after;
	struct str line;
	int got = 1;

	for (unsigned i = 0; i < BATCH_LINES && !is_due(l); i++) {
		got = l->source.next(l->source.self, &line, &after, &d);
		if (got <= 0)
			break;
		own_mail_line(&l->own, line);
		postfix_log_line(l->parser, line);
		l->at = after;
		unmute(l);
	}
	if (got < 0)
		complain(l, "cannot read Postfix's log", &d);
	if (got == AVER_NOTFOUND)
		l->stopping = true;
	return got > 0;
}

static void
publish_stats(struct tls_log *l)
{
	struct postfix_log_stats st;

	postfix_log_stats(l->parser, &st);
	pthread_mutex_lock(&l->lock);
	l->stats.lines = st.lines;
	l->stats.used = st.used;
	l->stats.odd = st.odd;
	l->stats.lost = st.lost;
	l->stats.lag = l->source.lag(l->source.self);
	pthread_mutex_unlock(&l->lock);
}

/* ---- the store ---------------------------------------------------------- */

static int
open_store(struct tls_log *l, struct diag *d)
{
	return l->store ? 0
			: store_open(l->store_spec, STORE_WRITE, &l->store, d);
}

/* *done: the number of the last batch that is there. */
static int
fence_source(struct tls_log *l, uint64_t *done, struct diag *d)
{
	return store_fence_source(
	    l->store, str_from_z(l->state.source), &l->fence, done, d);
}

static int
commit_once(struct tls_log *l, const struct store_batch *b, struct diag *d)
{
	uint64_t done;
	int err = open_store(l, d);

	if (!err && b->fence && l->fence.number == 0)
		err = fence_source(l, &done, d);
	if (!err)
		err = store_add_batch(l->store, b, d);
	if (!err)
		return 0;
	count(l, &l->stats.commit_failures, 1);
	complain(l, "cannot record results of TLS sessions, trying again", d);
	if (err != AVER_TEMP) {
		store_close(l->store);
		l->store = NULL;
	}
	return err;
}

static bool
save(struct tls_log *l, const struct log_state *st)
{
	struct diag d = {{0}, 0};

	if (l->has_places) {
		while (log_state_save(l->state_path, st, &d)) {
			complain(l, "cannot write how far the log is read", &d);
			if (l->stopping || wait_for(l, -1, RETRY_MS))
				return false;
		}
	}
	l->state = *st;
	l->saved_ms = clock_mono_ms();
	return true;
}

/*
 * Another process has the name, as with a copy of the state directory. What is
 * not counted goes on under a new one.
 */
static bool
rename_source(struct tls_log *l)
{
	struct log_state st = l->state, fresh;

	if (log_state_new(&fresh))
		return false;
	log_msg(LOG_LVL_ERROR,
	    "%s: another process records as %s now: is there a copy of this "
	    "file? Its results go on as %s",
	    l->state_path, st.source, fresh.source);
	memcpy(st.source, fresh.source, sizeof(st.source));
	l->fence.number = 0;
	return save(l, &st);
}

/* Until it is there, or the end. */
static bool
commit(struct tls_log *l, struct store_batch *b)
{
	struct diag d = {{0}, 0};
	int err;

	while ((err = commit_once(l, b, &d))) {
		/* it would never be taken */
		if (err == AVER_LIMIT)
			return true;
		if (err == AVER_NOTFOUND && rename_source(l)) {
			b->source = str_from_z(l->state.source);
			continue;
		}
		if (l->stopping || wait_for(l, -1, RETRY_MS))
			return false;
	}
	count(l, &l->stats.commits, 1);
	return true;
}

/* The rows that may be recorded; the caller frees them. */
static struct store_tls_result *
admitted(struct tls_log *l, size_t *n)
{
	const struct store_tls_result *rows = tally_rows(l->tally, n);
	struct store_tls_result *v = calloc(*n ? *n : 1, sizeof(*v));
	size_t kept = 0;

	if (!v)
		return NULL;
	for (size_t i = 0; i < *n; i++)
		if (collector_admits(l->collector, &rows[i]))
			v[kept++] = rows[i];
	*n = kept;
	return v;
}

/* What was gathered, with the place it ends at, as one. */
static bool
commit_batch(struct tls_log *l)
{
	struct log_state st = l->state;
	struct store_tls_result *rows;
	struct store_batch b;
	bool done;

	st.seq++;
	st.begin = st.end;
	st.end = l->at;
	memset(&b, 0, sizeof(b));
	rows = admitted(l, &b.n_tls_results);
	if (!rows)
		return false;
	b.source = str_from_z(st.source);
	b.seq = l->has_places ? st.seq : 0;
	b.after = st.seq - 1;
	b.fence = l->has_places ? &l->fence : NULL;
	b.tls_results = rows;
	b.sightings = tally_sightings(l->tally, &b.n_sightings);
	done = save(l, &st) && commit(l, &b);
	free(rows);
	tally_clear(l->tally);
	l->begun_ms = 0;
	return done;
}

/* From time to time, a place that is safely before what is to come. */
static void
move_back_mark(struct tls_log *l, int64_t now)
{
	if (now - l->back_ms < BACK_MS && log_mark_is(&l->state.look))
		return;
	l->state.look = log_mark_is(&l->back) ? l->back : l->state.end;
	l->back = l->at;
	l->back_ms = now;
}

/* False when it cannot go on. */
static bool
settle(struct tls_log *l, bool last)
{
	int64_t now = clock_mono_ms();
	size_t rows, seen;

	if (l->muted)
		return true;
	(void)tally_rows(l->tally, &rows);
	(void)tally_sightings(l->tally, &seen);
	move_back_mark(l, now);
	if (rows || seen) {
		if (!last && !tally_is_full(l->tally) &&
		    now - l->begun_ms < BATCH_MS)
			return true;
		return commit_batch(l);
	}
	l->begun_ms = 0;
	if (!log_mark_eq(&l->at, &l->state.end) &&
	    (last || now - l->saved_ms >= SAVE_MS)) {
		struct log_state st = l->state;

		st.begin = st.end = l->at;
		return save(l, &st);
	}
	return true;
}

/* ---- where to begin ----------------------------------------------------- */

/*
 * The end of the last batch if it is in the store, else its begin, with the
 * number still to be used. A file out of a backup knows neither.
 */
static int
find_begin(struct tls_log *l, struct diag *d)
{
	struct log_state *st = &l->state;
	uint64_t done = 0;
	int err = log_state_load(l->state_path, st, d);

	l->fence.number = 0;
	if (err == AVER_NOTFOUND || err == AVER_SYNTAX) {
		if (err == AVER_SYNTAX)
			log_msg(LOG_LVL_WARN,
			    "%s; the log is read from its end on", d->text);
		return log_state_new(st) ? AVER_IO : 0;
	}
	if (!err)
		err = open_store(l, d);
	if (!err)
		err = fence_source(l, &done, d);
	if (err)
		return err;
	if (done > st->seq) {
		/* what the next numbers bring would be taken for counted */
		log_msg(LOG_LVL_WARN,
		    "%s: is older than the store; the log is read from its "
		    "end on",
		    l->state_path);
		l->fence.number = 0;
		return log_state_new(st) ? AVER_IO : 0;
	}
	if (done < st->seq) {
		st->end = st->begin;
		st->seq--;
	}
	return 0;
}

static int
go_to(struct tls_log *l, struct diag *d)
{
	const struct log_state *st = &l->state;
	int err;

	if (!log_mark_is(&st->end)) {
		err = l->source.seek(l->source.self, &st->end, d);
		l->source.here(l->source.self, &l->at);
		return err;
	}
	err = l->source.seek(l->source.self, &st->end, d);
	l->at = st->end;
	if (!err && log_mark_is(&st->look) &&
	    !log_mark_eq(&st->look, &st->end)) {
		l->muted = l->source.seek(l->source.self, &st->look, d) == 0;
		if (!l->muted)
			err = l->source.seek(l->source.self, &st->end, d);
	}
	if (err == AVER_NOTFOUND) {
		log_msg(LOG_LVL_WARN,
		    "Postfix's log was rotated or truncated meanwhile: results "
		    "of TLS sessions may be missing");
		err = 0;
	}
	return err;
}

static bool
begin(struct tls_log *l)
{
	struct diag d = {{0}, 0};

	if (!l->has_places) {
		(void)log_state_new(&l->state);
		return true;
	}
	while (find_begin(l, &d) || go_to(l, &d)) {
		complain(l, "cannot read Postfix's log yet", &d);
		if (wait_for(l, -1, RETRY_MS))
			return false;
	}
	l->back_ms = clock_mono_ms();
	if (!log_mark_is(&l->state.end)) {
		struct log_state st = l->state;

		st.begin = st.end = l->at;
		return save(l, &st);
	}
	return true;
}

/* ---- the thread --------------------------------------------------------- */

static void *
run(void *arg)
{
	struct tls_log *l = arg;
	bool fine = begin(l);

	while (fine && !l->stopping) {
		bool more = read_lines(l);

		fine = settle(l, l->stopping);
		publish_stats(l);
		if (fine && !l->stopping)
			wait_for(l, more ? -1 : l->source.fd(l->source.self),
			    more ? 0 : LOOK_MS);
	}
	if (fine)
		(void)settle(l, true);
	publish_stats(l);
	store_close(l->store);
	l->store = NULL;
	return NULL;
}

/* ---- start and end ------------------------------------------------------ */

/* The envelope sender of reports, as aver-report makes it. */
static char *
sender_of(const struct conf *c)
{
	const char *set = *c->report_bounce_address ? c->report_bounce_address
						    : c->report_email;
	char host[HOST_MAX], text[HOST_MAX + 32];

	if (*set)
		return strdup(set);
	compat_hostname(host, sizeof(host));
	snprintf(text, sizeof(text), "noreply-dmarc@%s", host);
	return strdup(text);
}

static int
open_source(struct tls_log *l, const struct conf *c)
{
	const char *what = c->tlsrpt_log;

	l->has_places = strcmp(what, "stdin") != 0;
	if (!l->has_places)
		return log_source_stream(STDIN_FILENO, &l->source);
	if (strcmp(what, "journal") == 0)
		return log_source_journal(c->journalctl_command, &l->source);
	return log_source_file(what + strlen("file:"), &l->source);
}

static int
init(struct tls_log *l, const struct conf *c, struct diag *d)
{
	size_t n = strlen(c->state_directory) + sizeof("/tls-log.state");

	arena_init(&l->memory, PARSER_MEMORY);
	arena_init(&l->arena, EVENT_MEMORY);
	l->parser = postfix_log_new(&l->memory, PROCESSES, on_event, l);
	l->tally = tally_new();
	l->store_spec = strdup(c->store);
	l->sender = sender_of(c);
	l->state_path = malloc(n);
	if (!l->parser || !l->tally || !l->store_spec || !l->sender ||
	    !l->state_path || open_source(l, c))
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	snprintf(l->state_path, n, "%s/tls-log.state", c->state_directory);
	while (l->fence.token == 0)
		if (getentropy(&l->fence.token, sizeof(l->fence.token)) < 0)
			return diag_set(d, AVER_IO, 0, "no random numbers");
	own_mail_init(
	    &l->own, str_from_z(l->sender), c->recipient_delimiter[0]);
	if (compat_pipe(l->wake) < 0)
		return diag_set(d, AVER_IO, 0, "pipe: %s", strerror(errno));
	return 0;
}

int
tls_log_start(
    const struct tls_log_config *cfg, struct tls_log **out, struct diag *d)
{
	struct tls_log *l;
	int err, e;

	*out = NULL;
	if (strcmp(cfg->conf->tlsrpt_log, "none") == 0)
		return 0;
	l = calloc(1, sizeof(*l));
	if (!l)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	pthread_mutex_init(&l->lock, NULL);
	l->wake[0] = l->wake[1] = -1;
	l->collector = cfg->collector;
	l->engine = cfg->engine;
	l->has_datagrams = cfg->has_datagrams;
	err = init(l, cfg->conf, d);
	if (!err && (e = pthread_create(&l->thread, NULL, run, l)))
		err = diag_set(
		    d, AVER_NOMEM, 0, "cannot start a thread: %s", strerror(e));
	l->started = !err;
	if (err) {
		tls_log_stop(l);
		return err;
	}
	*out = l;
	return 0;
}

void
tls_log_stop(struct tls_log *l)
{
	if (!l)
		return;
	atomic_store(&l->ending, true);
	if (l->wake[1] >= 0)
		close(l->wake[1]);
	if (l->started)
		pthread_join(l->thread, NULL);
	if (l->wake[0] >= 0)
		close(l->wake[0]);
	if (l->source.close)
		l->source.close(l->source.self);
	tally_free(l->tally);
	arena_fini(&l->memory);
	arena_fini(&l->arena);
	free(l->store_spec);
	free(l->state_path);
	free(l->sender);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void
tls_log_get_stats(struct tls_log *l, struct tls_log_stats *out)
{
	pthread_mutex_lock(&l->lock);
	*out = l->stats;
	pthread_mutex_unlock(&l->lock);
}
