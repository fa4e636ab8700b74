/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Replies of Redis that get lost after the server has done what was asked: the
 * call is repeated over another connection and has happened once. Between the
 * store and the server is somebody who takes one reply and hangs up.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/store/ledger.h"
#include "t/unit/store_backend.h"

#define HOUR 3600

struct between {
	char server[600], path[620];
	int listener;
	atomic_bool armed; /* the next reply is lost */
	atomic_uint lost;
};

static bool
pass(int from, int to)
{
	char p[65536];
	ssize_t n = read(from, p, sizeof(p));

	for (ssize_t at = 0, k; at < n; at += k) {
		k = write(to, p + at, (size_t)(n - at));
		if (k <= 0)
			return false;
	}
	return n > 0;
}

static void
serve(struct between *b, int client)
{
	int server = unix_socket(b->server, false);
	struct pollfd p[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
	bool up = true;

	while (up && poll(p, 2, -1) > 0) {
		if (p[0].revents)
			up = pass(client, server);
		if (up && p[1].revents) {
			bool yes = true;

			if (atomic_compare_exchange_strong(
				&b->armed, &yes, false)) {
				atomic_fetch_add(&b->lost, 1);
				break;
			}
			up = pass(server, client);
		}
	}
	close(server);
	close(client);
}

static void *
run(void *arg)
{
	struct between *b = arg;
	int client;

	while ((client = accept(b->listener, NULL, NULL)) >= 0)
		serve(b, client);
	return NULL;
}

static void
put_report(struct store *s, const char *id)
{
	const struct ledger_submission subs[] = {
	    {.uri = STR("mailto:a@b.example"),
		.destination = STR("b.example"),
		.give_up = 100000},
	    {.uri = STR("mailto:c@b.example"),
		.destination = STR("b.example"),
		.give_up = 100000},
	};
	const struct ledger_report r = {.id = str_from_z(id),
	    .policy_domain = STR("a.example"),
	    .end = HOUR,
	    .created = HOUR,
	    .file_name = STR("f"),
	    .body = STR("x"),
	    .record = STR("v=DMARC1; p=none")};
	struct diag d = {.text = ""};

	ok(store_put_report(s, &r, subs, 2, &d) == 0, "a report %s", d.text);
}

static void
is_submission(struct store *s, unsigned number, unsigned attempts,
    enum ledger_state state, const char *name)
{
	struct ledger_submission sub = {.number = 0};
	struct arena a;

	arena_init(&a, 1 << 16);
	is_int(store_get_submission(s, STR("r1"), number, &a, &sub, NULL), 0,
	    name);
	is_int(sub.attempts, attempts, "attempts");
	is_int(sub.state, state, "state");
	arena_fini(&a);
}

static void
lose(struct between *b)
{
	atomic_store(&b->armed, true);
}

static void
claims(struct store *s, struct between *b)
{
	struct ledger_claim c[] = {{STR("r1"), 1, 0}, {STR("r1"), 2, 0},
	    {STR("none"), 1, 0}, {STR("r1"), 1, 0}};
	uint64_t fence = 0;
	struct diag d = {.text = ""};

	put_report(s, "r1");
	lose(b);
	ok(store_claim_submission(s, STR("r1"), 1, 5000, 60, &fence, &d) == 0,
	    "a claim is had at once %s", d.text);
	is_int((int64_t)fence, 1, "its fence");
	is_submission(s, 1, 1, LEDGER_PENDING, "claimed once");
	is_int(store_claim_submission(s, STR("r1"), 1, 5001, 60, &fence, &d),
	    AVER_NOTFOUND, "another call does not get it");
	lose(b);
	ok(store_release_submission(s, STR("r1"), 1, fence, 0, &d) == 0,
	    "given back %s", d.text);
	is_submission(s, 1, 0, LEDGER_PENDING, "given back once");
	lose(b);
	ok(store_claim_submissions(s, c, 4, 5002, 60, &d) == 0,
	    "several claims %s", d.text);
	is_int((int64_t)c[0].fence, 2, "the first");
	is_int((int64_t)c[1].fence, 1, "the second");
	is_int((int64_t)c[2].fence, 0, "there is no such report");
	is_int((int64_t)c[3].fence, 0, "it was named before");
	is_submission(s, 1, 1, LEDGER_PENDING, "claimed once");
	is_submission(s, 2, 1, LEDGER_PENDING, "claimed once");
	lose(b);
	ok(store_finish_submission(s, STR("r1"), 1, c[0].fence, LEDGER_SENT, 0,
	       STR("250"), &d) == 0,
	    "finished %s", d.text);
	is_submission(s, 1, 1, LEDGER_SENT, "sent");
	is_int(store_finish_submission(s, STR("r1"), 1, c[0].fence,
		   LEDGER_FAILED, 0, STR("550"), &d),
	    AVER_NOTFOUND, "another call changes nothing");
	is_submission(s, 1, 1, LEDGER_SENT, "sent still");
}

static int
add_up(void *arg, const struct store_evaluation *row)
{
	*(uint64_t *)arg += row->count;
	return 0;
}

static void
rows(struct store *s, struct between *b)
{
	const struct store_evaluation row = {.hour = HOUR,
	    .policy_domain = STR("a.example"),
	    .octets = STR("x"),
	    .count = 3};
	struct store_fence fence = {.token = 5};
	struct store_batch b1 = {.source = STR("src"),
	    .seq = 4,
	    .after = 3,
	    .fence = &fence,
	    .n_rows = 1};
	struct diag d = {.text = ""};
	uint64_t sum = 0, seen = 0;

	for (uint64_t seq = 1; seq <= 3; seq++) {
		lose(b);
		ok(store_add_evaluations(s, STR("src"), seq, &row, 1, &d) == 0,
		    "a batch %s", d.text);
	}
	b1.rows = &row;
	lose(b);
	ok(store_fence_source(s, b1.source, &fence, &seen, &d) == 0,
	    "a fence %s", d.text);
	is_int((int64_t)fence.number, 1, "is had once");
	is_int((int64_t)seen, 3, "and says how far it is");
	lose(b);
	ok(store_add_batch(s, &b1, &d) == 0, "a batch of it %s", d.text);
	is_int(
	    store_each_evaluation(s, STR_NONE, 0, 2 * HOUR, add_up, &sum, NULL),
	    0, "a walk");
	is_int((int64_t)sum, 12, "each batch counts once");
}

int
main(void)
{
	struct tmpdir dir = tmpdir_new();
	struct redis_server server = redis_server_start(dir.path);
	struct between b = {.lost = 0};
	struct store_spec spec;
	struct store *s;
	pthread_t thread;

	if (!server.pid) {
		printf("1..0 # SKIP redis-server is missing\n");
		tmpdir_remove(dir.path);
		return 0;
	}
	snprintf(b.server, sizeof(b.server), "%s", server.path);
	snprintf(b.path, sizeof(b.path), "%s/between", dir.path);
	b.listener = unix_socket(b.path, true);
	if (pthread_create(&thread, NULL, run, &b) != 0)
		return 99;
	snprintf(spec.z, sizeof(spec.z),
	    "unix:%s?timeout=5000&command_timeout=20000", b.path);
	s = store_now(spec.z, STORE_WRITE);
	claims(s, &b);
	rows(s, &b);
	is_int(atomic_load(&b.lost), 9, "replies were lost");
	store_close(s);
	shutdown(b.listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(b.listener);
	redis_server_stop(&server);
	tmpdir_remove(dir.path);
	return tap_done();
}
