/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/tls_table_file.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/file.h"

struct tls_file {
	atomic_uint refs;
	struct arena arena;
	const struct tls_table *policy;
	const struct require_table *require;
};

static int
parse(enum tls_file_kind kind, const char *path, struct str text,
    struct tls_file *f, struct buf *errors, struct diag *d)
{
	switch (kind) {
	case TLS_FILE_POLICY:
		return tls_table_parse(
		    &f->arena, path, text, &f->policy, errors, d);
	case TLS_FILE_REQUIRE:
		return require_table_parse(
		    &f->arena, path, text, &f->require, errors, d);
	}
	return AVER_BUG;
}

static int
load(enum tls_file_kind kind, const char *path, struct tls_file **out,
    struct buf *errors, struct diag *d)
{
	struct tls_file *f = calloc(1, sizeof(*f));
	struct buf text;
	int err;

	if (!f)
		return file_fail(
		    path, AVER_NOMEM, aver_err_name(AVER_NOMEM), errors, d);
	atomic_init(&f->refs, 1);
	arena_init(&f->arena, TLS_TABLE_MEMORY);
	/* one octet more than a table may have, for its parser to say so */
	buf_init(&text, NULL, TLS_TABLE_OCTETS_MAX + 1);
	err = file_read(path, &text, errors, d);
	if (err == 0)
		err = parse(kind, path, buf_str(&text), f, errors, d);
	buf_fini(&text);
	if (err == 0 && out)
		*out = f;
	else
		tls_file_unref(f);
	return err;
}

int
tls_file_load(enum tls_file_kind kind, const char *path, struct tls_file **out,
    struct diag *d)
{
	return load(kind, path, out, NULL, d);
}

int
tls_file_check(enum tls_file_kind kind, const char *path, struct buf *errors)
{
	return load(kind, path, NULL, errors, NULL);
}

const struct tls_table *
tls_file_policy(const struct tls_file *f)
{
	return f ? f->policy : NULL;
}

const struct require_table *
tls_file_require(const struct tls_file *f)
{
	return f ? f->require : NULL;
}

struct tls_file *
tls_file_ref(struct tls_file *f)
{
	if (f)
		atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void
tls_file_unref(struct tls_file *f)
{
	if (!f ||
	    atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) > 1)
		return;
	arena_fini(&f->arena);
	free(f);
}
