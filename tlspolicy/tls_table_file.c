/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/tls_table_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"

#define READ_STEP ((size_t)65536)

struct tls_file {
	atomic_uint refs;
	struct arena arena;
	const struct tls_table *policy;
	const struct require_table *require;
};

static int
fail(const char *path, int err, const char *why, struct buf *errors,
    struct diag *d)
{
	if (errors)
		buf_addf(errors, "%s: %s\n", path, why);
	return diag_set(d, err, 0, "%.80s: %s", path, why);
}

static int
fail_errno(const char *path, int number, struct buf *errors, struct diag *d)
{
	char why[128], what[100];

	if (strerror_r(number, what, sizeof(what)) != 0)
		snprintf(what, sizeof(what), "error %d", number);
	snprintf(why, sizeof(why), "cannot be read: %s", what);
	return fail(path, AVER_CONF, why, errors, d);
}

/* Reads on to the end, or to one octet more than a table may have. */
static int
read_all(int fd, char **text, size_t *size)
{
	size_t cap = 0, most = TLS_TABLE_OCTETS_MAX + 1;

	while (*size < most) {
		ssize_t got;

		if (*size == cap) {
			size_t more = cap ? 2 * cap : READ_STEP;
			char *p = realloc(*text, more);

			if (!p)
				return AVER_NOMEM;
			*text = p;
			cap = more;
		}
		got = read(fd, *text + *size, cap - *size);
		if (got == 0)
			return 0;
		if (got > 0)
			*size += (size_t)got;
		else if (errno != EINTR)
			return AVER_IO;
	}
	return 0;
}

static int
read_file(const char *path, char **text, size_t *size, struct buf *errors,
    struct diag *d)
{
	int err, number, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(path, errno, errors, d);
	err = read_all(fd, text, size);
	number = errno;
	close(fd);
	if (err == AVER_IO)
		return fail_errno(path, number, errors, d);
	if (err)
		return fail(path, err, aver_err_name(err), errors, d);
	return 0;
}

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
	char *text = NULL;
	size_t size = 0;
	int err;

	if (!f)
		return fail(
		    path, AVER_NOMEM, aver_err_name(AVER_NOMEM), errors, d);
	atomic_init(&f->refs, 1);
	arena_init(&f->arena, TLS_TABLE_MEMORY);
	err = read_file(path, &text, &size, errors, d);
	if (err == 0)
		err = parse(kind, path, (struct str){text, size}, f, errors, d);
	free(text);
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
