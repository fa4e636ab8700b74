/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* A folder of its own for a test, and what tests do with files in it. */
#ifndef UNIT_TMPDIR_H
#define UNIT_TMPDIR_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tmpdir {
	char path[512];
};

struct tmppath {
	char z[1024];
};

__attribute__((unused)) static struct tmppath
tmp_in(const char *dir, const char *name)
{
	struct tmppath p;

	snprintf(p.z, sizeof(p.z), "%s/%s", dir, name);
	return p;
}

/* The name with a suffix, as SQLite's other files have it. */
__attribute__((unused)) static struct tmppath
tmp_beside(const char *path, const char *suffix)
{
	struct tmppath p = {""};
	size_t n = strlen(path), m = strlen(suffix);

	if (n + m < sizeof(p.z)) {
		memcpy(p.z, path, n);
		memcpy(p.z + n, suffix, m + 1);
	}
	return p;
}

/* A new folder below base; exits when there is none to be had. */
static struct tmpdir
tmpdir_below(const char *base)
{
	struct tmpdir t;

	snprintf(t.path, sizeof(t.path), "%s/aver-t-XXXXXX", base);
	if (!mkdtemp(t.path)) {
		perror("mkdtemp");
		exit(99);
	}
	return t;
}

/* Below $TMPDIR. */
__attribute__((unused)) static struct tmpdir
tmpdir_new(void)
{
	const char *base = getenv("TMPDIR");

	return tmpdir_below(base && *base ? base : "/tmp");
}

/* In memory where there is such a place: for many small files. */
__attribute__((unused)) static struct tmpdir
tmpdir_fast(void)
{
	if (access("/dev/shm", W_OK | X_OK) == 0)
		return tmpdir_below("/dev/shm");
	return tmpdir_new();
}

/* Removes the files in it and the folder; one level of folders below. */
static void
tmpdir_remove(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct tmppath p = tmp_in(path, e->d_name);
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (lstat(p.z, &st) == 0 && S_ISDIR(st.st_mode))
			tmpdir_remove(p.z);
		else
			unlink(p.z);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

/* All octets of a file in malloc'd memory; NULL when it cannot be read. */
__attribute__((unused)) static char *
tmp_read(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	char *p = NULL;

	if (fd >= 0 && fstat(fd, &st) == 0 &&
	    (p = malloc((size_t)st.st_size + 1))) {
		ssize_t got = read(fd, p, (size_t)st.st_size);

		*n = got < 0 ? 0 : (size_t)got;
		p[*n] = '\0';
	}
	if (fd >= 0)
		close(fd);
	return p;
}

__attribute__((unused)) static bool
tmp_write(const char *path, const void *octets, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	bool done = fd >= 0 && write(fd, octets, n) == (ssize_t)n;

	if (fd >= 0)
		close(fd);
	return done;
}

__attribute__((unused)) static bool
tmp_copy(const char *from, const char *to)
{
	size_t n = 0;
	char *p = tmp_read(from, &n);
	bool done = p && tmp_write(to, p, n);

	free(p);
	return done;
}

#endif
