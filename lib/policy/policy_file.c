/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/policy/policy_file.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/file.h"

struct policy_file {
	struct arena arena;
	const struct policy_table *table;
};

static int
load(const char *path, struct policy_file **out, struct buf *errors,
    struct diag *d)
{
	struct policy_file *f = calloc(1, sizeof(*f));
	struct buf text;
	int err;

	if (!f)
		return file_fail(
		    path, AVER_NOMEM, aver_err_name(AVER_NOMEM), errors, d);
	arena_init(&f->arena, POLICY_TABLE_MEMORY);
	/* one octet more than a table may have, for its parser to say so */
	buf_init(&text, NULL, POLICY_TABLE_OCTETS_MAX + 1);
	err = file_read(path, &text, errors, d);
	if (err == 0)
		err = policy_table_parse(
		    &f->arena, path, buf_str(&text), &f->table, errors, d);
	buf_fini(&text);
	if (err == 0 && out)
		*out = f;
	else
		policy_file_free(f);
	return err;
}

int
policy_file_load(const char *path, struct policy_file **out, struct diag *d)
{
	return load(path, out, NULL, d);
}

int
policy_file_check(const char *path, struct buf *errors)
{
	return load(path, NULL, errors, NULL);
}

const struct policy_table *
policy_file_table(const struct policy_file *f)
{
	return f ? f->table : NULL;
}

void
policy_file_free(struct policy_file *f)
{
	if (!f)
		return;
	arena_fini(&f->arena);
	free(f);
}
