/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/credentials_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"

static int
check(int fd, const char *path, struct diag *d)
{
	struct stat st;
	mode_t open_bits;

	if (fstat(fd, &st))
		return diag_set(
		    d, AVER_CONF, 0, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return diag_set(d, AVER_CONF, 0, "%s: no regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return diag_set(d, AVER_CONF, 0,
		    "%s: belongs to another user; chown it to this one or "
		    "root",
		    path);
	/* root's group may read it: the usual way to give a daemon a secret */
	open_bits =
	    st.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
	if (st.st_mode & open_bits)
		return diag_set(d, AVER_CONF, 0,
		    "%s: mode %03o is open to others; expected %s", path,
		    (unsigned)(st.st_mode & 0777),
		    st.st_uid == 0 ? "0640 or less" : "0600 or less");
	return 0;
}

/* Returns the octets, negative on failure. */
static ssize_t
read_all(int fd, char *to, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, to + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

int
credentials_load(
    struct arena *a, const char *path, struct credentials *out, struct diag *d)
{
	/* one more than may be there, to notice it */
	size_t size = CREDENTIALS_OCTETS_MAX + 1;
	char *p = arena_alloc(a, size);
	struct diag why = {.text = ""};
	ssize_t n;
	int err, fd;

	if (!p)
		return AVER_NOMEM;
	/* O_NONBLOCK: a FIFO must not hold us */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return diag_set(d, AVER_CONF, 0, "%s: %s", path,
		    errno == ELOOP ? "is a symbolic link" : strerror(errno));
	err = check(fd, path, d);
	if (err == 0) {
		n = read_all(fd, p, size);
		if (n < 0)
			err = diag_set(
			    d, AVER_CONF, 0, "%s: %s", path, strerror(errno));
		else if ((err = credentials_parse(
			      (struct str){p, (size_t)n}, out, &why)))
			diag_set(d, err, 0, "%s: %s", path, why.text);
	}
	close(fd);
	return err;
}
