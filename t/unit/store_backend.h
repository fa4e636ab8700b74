/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The back ends that the contract tests of the store go through: SQLite and a
 * Redis server of the test's own, or only the store on Redis that AVER_STORE
 * names, a spec with options; each contract has a prefix of its own there.
 */
#ifndef UNIT_STORE_BACKEND_H
#define UNIT_STORE_BACKEND_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/store/store.h"
#include "t/tap.h"
#include "t/unit/redis_server.h"
#include "t/unit/tmpdir.h"

struct store_spec {
	char z[800];
};

/* Runs a contract on an empty store of each back end. */
__attribute__((unused)) static void
on_sqlite(const char *name, void (*contract)(const char *spec))
{
	struct tmpdir dir;
	struct store_spec s;

	if (getenv("AVER_STORE"))
		return;
	dir = tmpdir_new();
	printf("# %s on SQLite\n", name);
	snprintf(s.z, sizeof(s.z), "sqlite:%s/%s.db", dir.path, name);
	contract(s.z);
	tmpdir_remove(dir.path);
}

__attribute__((unused)) static void
on_named(const char *name, const char *place, void (*contract)(const char *))
{
	struct store_spec s;

	printf("# %s on %s\n", name, place);
	snprintf(s.z, sizeof(s.z), "%s&prefix=%s-%ld&lease=300", place, name,
	    (long)getpid());
	contract(s.z);
}

/* The holder of a take that was killed is not waited for long. */
__attribute__((unused)) static void
on_redis(const char *name, void (*contract)(const char *spec))
{
	struct tmpdir dir;
	struct redis_server server;
	struct store_spec s;

	if (getenv("AVER_STORE")) {
		on_named(name, getenv("AVER_STORE"), contract);
		return;
	}
	dir = tmpdir_new();
	server = redis_server_start(dir.path);
	if (server.pid) {
		printf("# %s on Redis\n", name);
		snprintf(s.z, sizeof(s.z),
		    "unix:%s?prefix=%s&timeout=5000&command_timeout=20000&"
		    "lease=300",
		    server.path, name);
		contract(s.z);
		redis_server_stop(&server);
	} else {
		ok(true, "%s # SKIP redis-server is missing", name);
	}
	tmpdir_remove(dir.path);
}

__attribute__((unused)) static void
on_each_backend(const char *name, void (*contract)(const char *spec))
{
	on_sqlite(name, contract);
	on_redis(name, contract);
}

__attribute__((unused)) static struct store *
store_now(const char *spec, enum store_mode mode)
{
	struct store *s = NULL;
	struct diag d = {.text = ""};

	if (!ok(store_open(spec, mode, &s, &d) == 0, "open %s %s", spec,
		d.text))
		exit(1);
	return s;
}

/* Compares a text that callbacks printed, and empties it. */
__attribute__((unused)) static void
is_text(struct buf *b, const char *want, const char *name)
{
	is_str(buf_str(b), str_from_z(want), name);
	buf_clear(b);
}

#endif
