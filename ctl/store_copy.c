/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/store_copy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "ctl/store_export.h"
#include "ctl/store_import.h"

#define FAILED 1
#define TRIES 50 /* while the store is busy or away */
#define PAUSE_US 200000

static int
fail(const struct diag *d)
{
	fprintf(stderr, "aver: %s\n", d->text);
	return FAILED;
}

static void
print_counts(const char *what, const uint64_t *lines, uint64_t messages,
    uint64_t sessions, FILE *out)
{
	fprintf(out, "%s: messages=%" PRIu64 " sessions=%" PRIu64, what,
	    messages, sessions);
	for (int k = PORTABLE_SOURCE; k < PORTABLE_END; k++)
		if (k != PORTABLE_BODY && k != PORTABLE_BAD_DATAGRAMS)
			fprintf(out, " %s=%" PRIu64,
			    portable_kind_name((enum portable_kind)k),
			    lines[k]);
	fputc('\n', out);
}

/* --- export */

static int
write_all(const char *place, FILE *f, struct store_exported *n, struct diag *d)
{
	struct store *s = NULL;
	int err = store_open(place, STORE_READ, &s, d);

	if (!err)
		err = store_export(s, f, n, d);
	store_close(s);
	return err;
}

static int
no_file(struct diag *d, const char *path)
{
	return diag_set(d, AVER_IO, 0, "%.100s: %s", path, strerror(errno));
}

/* A file that is not whole is never at path. */
static int
write_file(const char *place, const char *path, char *fresh,
    struct store_exported *n, struct diag *d)
{
	/* made with mode 0600: it has secrets in it */
	int fd = mkstemp(fresh), err, tries = 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		return no_file(d, path);
	while (
	    (err = write_all(place, f, n, d)) == AVER_TEMP && ++tries < TRIES) {
		usleep(PAUSE_US);
		rewind(f);
		if (ftruncate(fd, 0) < 0)
			break;
	}
	if (!err && (fflush(f) != 0 || fsync(fd) < 0))
		err = no_file(d, path);
	if (fclose(f) != 0 && !err)
		err = no_file(d, path);
	if (!err && rename(fresh, path) < 0)
		err = no_file(d, path);
	if (err)
		unlink(fresh);
	return err;
}

int
store_copy_out(const char *place, const char *path, FILE *out)
{
	struct store_exported n;
	struct diag d = {.text = ""};
	size_t size = path ? strlen(path) + sizeof(".XXXXXX") : 0;
	char *fresh;
	int err;

	if (!path)
		return write_all(place, out, &n, &d) ? fail(&d) : 0;
	fresh = malloc(size);
	if (!fresh) {
		diag_set(&d, AVER_NOMEM, 0, "out of memory");
		return fail(&d);
	}
	snprintf(fresh, size, "%s.XXXXXX", path);
	err = write_file(place, path, fresh, &n, &d);
	free(fresh);
	if (err)
		return fail(&d);
	print_counts("exported", n.lines, n.messages, n.sessions, out);
	return 0;
}

/* --- import */

int
store_copy_in(const char *place, const char *path, bool add, FILE *out)
{
	struct store_imported n;
	struct diag d = {.text = ""};
	struct store *s = NULL;
	FILE *f = fopen(path, "re");
	int err, tries = 0;

	if (!f) {
		no_file(&d, path);
		return fail(&d);
	}
	err = store_open(place, STORE_WRITE, &s, &d);
	while (!err &&
	       (err = store_import(s, f, path, add, &n, &d)) == AVER_TEMP &&
	       ++tries < TRIES) {
		usleep(PAUSE_US);
		err = 0;
	}
	store_close(s);
	fclose(f);
	if (err)
		return fail(&d);
	if (n.again)
		fputs("had a part of this file already, which was counted "
		      "once\n",
		    out);
	print_counts("imported", n.lines, n.messages, n.sessions, out);
	if (n.there)
		fprintf(out, "not changed: %" PRIu64 " reports were there\n",
		    n.there);
	return 0;
}
