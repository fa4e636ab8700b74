/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The back ends that the contract tests of the store go through. */
#ifndef UNIT_STORE_BACKEND_H
#define UNIT_STORE_BACKEND_H

#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/store/store.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"

struct store_spec {
	char z[640];
};

/* An empty store of that name. */
static struct store_spec
sqlite_spec(const char *dir, const char *name)
{
	struct store_spec s;

	snprintf(s.z, sizeof(s.z), "sqlite:%s/%s.db", dir, name);
	return s;
}

static const struct {
	const char *name;
	struct store_spec (*spec)(const char *dir, const char *name);
} store_backends[] = {
    {"sqlite", sqlite_spec},
};

/* Runs a contract on an empty store of each back end. */
__attribute__((unused)) static void
on_each_backend(const char *name, void (*contract)(const char *spec))
{
	size_t n = sizeof(store_backends) / sizeof(store_backends[0]);
	struct tmpdir dir = tmpdir_new();

	for (size_t i = 0; i < n; i++) {
		struct store_spec s = store_backends[i].spec(dir.path, name);

		printf("# %s on %s\n", name, store_backends[i].name);
		contract(s.z);
	}
	tmpdir_remove(dir.path);
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
