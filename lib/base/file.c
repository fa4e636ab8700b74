/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"

#define READ_STEP 16384

int
file_fail(const char *path, int err, const char *why, struct buf *errors,
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
	return file_fail(path, AVER_CONF, why, errors, d);
}

int
file_read(
    const char *path, struct buf *text, struct buf *errors, struct diag *d)
{
	char chunk[READ_STEP];
	int number, fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return fail_errno(path, errno, errors, d);
	while (n != 0 && buf_ok(text) && text->n < text->max) {
		size_t room = text->max - text->n;

		n = read(
		    fd, chunk, room < sizeof(chunk) ? room : sizeof(chunk));
		if (n > 0)
			buf_add(text, (struct str){chunk, (size_t)n});
		else if (n < 0 && errno != EINTR)
			break;
	}
	number = errno;
	close(fd);
	if (n < 0)
		return fail_errno(path, number, errors, d);
	if (!buf_ok(text))
		return file_fail(
		    path, AVER_NOMEM, aver_err_name(AVER_NOMEM), errors, d);
	return 0;
}
