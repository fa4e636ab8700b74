/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/http/http_roots.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/x509_vfy.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

#define CHECK_MS 60000

static X509_STORE *
load(const char *file)
{
	X509_STORE *store = X509_STORE_new();
	int good;

	if (!store)
		return NULL;
	good = file ? X509_STORE_load_file(store, file)
		    : X509_STORE_set_default_paths(store);
	if (good == 1)
		return store;
	X509_STORE_free(store);
	return NULL;
}

static bool
time_of(const struct http_roots *r, struct timespec *out)
{
	struct stat st;

	if (!r->file || stat(r->file, &st))
		return false;
	*out = st.st_mtim;
	return true;
}

int
http_roots_init(struct http_roots *r, const char *file, struct diag *d)
{
	*r = (struct http_roots){.checked = clock_mono_ms()};
	r->file = file ? strdup(file) : NULL;
	if (file && !r->file)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	time_of(r, &r->changed);
	r->store = load(r->file);
	if (!r->store)
		return diag_set(d, AVER_CONF, 0,
		    "%s: no certificates of authorities can be read",
		    file ? file : "the system's store");
	return 0;
}

void
http_roots_fini(struct http_roots *r)
{
	X509_STORE_free(r->store);
	free(r->file);
	r->store = NULL;
	r->file = NULL;
}

void
http_roots_refresh(struct http_roots *r)
{
	int64_t now = clock_mono_ms();
	struct timespec t;
	X509_STORE *store;

	if (now - r->checked < CHECK_MS)
		return;
	r->checked = now;
	if (!time_of(r, &t) ||
	    (t.tv_sec == r->changed.tv_sec && t.tv_nsec == r->changed.tv_nsec))
		return;
	store = load(r->file);
	if (!store)
		return;
	X509_STORE_free(r->store);
	r->store = store;
	r->changed = t;
}
