/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/store_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "ctl/store_export.h"
#include "ctl/store_import.h"

#define FAILED 1
#define TRIES 50 /* while the store is busy or away */
#define PATIENCE_MS 10000 /* of an import that gets nowhere */
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

/*
 * Where it goes: what a link names, and nothing that is there and no file, like
 * a device, which a new file would take the place of. To be freed.
 */
static int
find_place(const char *path, char **out, struct diag *d)
{
	struct stat st;
	char *place;

	if (stat(path, &st) < 0) {
		/* a link that leads nowhere stays as it is */
		if (errno != ENOENT || lstat(path, &st) == 0)
			return no_file(d, path);
		place = strdup(path);
	} else if (S_ISREG(st.st_mode)) {
		place = realpath(path, NULL);
	} else {
		return diag_set(d, AVER_CONF, 0,
		    "%.100s: is no file; without one the export goes to "
		    "standard output",
		    path);
	}
	if (!place)
		return no_file(d, path);
	*out = place;
	return 0;
}

/* That the name lasts as well. */
static int
sync_folder(const char *path)
{
	char *folder = strdup(path), *slash;
	int fd, err;

	if (!folder)
		return -1;
	slash = strrchr(folder, '/');
	if (slash)
		slash[1] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0)
		return -1;
	err = fsync(fd);
	close(fd);
	/* there are file systems that cannot */
	return err < 0 && errno != EINVAL ? -1 : 0;
}

/* Empties it, what stdio has kept of it included. */
static int
begin_again(FILE *f, const char *path, struct diag *d)
{
	if (fseek(f, 0, SEEK_SET) == 0 && ftruncate(fileno(f), 0) == 0)
		return 0;
	return no_file(d, path);
}

/* A file that is not whole is never at path. */
static int
write_file(const char *place, const char *path, char *fresh,
    struct store_exported *n, struct diag *d)
{
	/* made with mode 0600: it has secrets in it */
	int fd = mkstemp(fresh), err, tries = 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f) {
		err = no_file(d, path);
		if (fd >= 0) {
			close(fd);
			unlink(fresh);
		}
		return err;
	}
	while (
	    (err = write_all(place, f, n, d)) == AVER_TEMP && ++tries < TRIES) {
		usleep(PAUSE_US);
		err = begin_again(f, path, d);
		if (err)
			break;
	}
	if (!err && (fflush(f) != 0 || fsync(fd) < 0))
		err = no_file(d, path);
	if (fclose(f) != 0 && !err)
		err = no_file(d, path);
	if (!err && (rename(fresh, path) < 0 || sync_folder(path) < 0))
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
	char *target = NULL, *fresh;
	size_t size;
	int err;

	if (!path)
		return write_all(place, out, &n, &d) ? fail(&d) : 0;
	if (find_place(path, &target, &d))
		return fail(&d);
	size = strlen(target) + sizeof(".XXXXXX");
	fresh = malloc(size);
	if (fresh) {
		snprintf(fresh, size, "%s.XXXXXX", target);
		err = write_file(place, target, fresh, &n, &d);
	} else {
		err = diag_set(&d, AVER_NOMEM, 0, "out of memory");
	}
	free(fresh);
	free(target);
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
	int64_t end = 0; /* of the patience */
	uint64_t done = 0;
	int err, tries = 0;

	if (!f) {
		no_file(&d, path);
		return fail(&d);
	}
	err = store_open(place, STORE_WRITE, &s, &d);
	while (!err &&
	       (err = store_import(s, f, path, add, &n, &d)) == AVER_TEMP &&
	       ++tries < TRIES) {
		int64_t now = clock_mono_ms();

		/* the file may be so long that to read it again takes hours */
		if (end == 0 || n.done > done)
			end = now + PATIENCE_MS;
		else if (now >= end)
			break;
		done = n.done;
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
