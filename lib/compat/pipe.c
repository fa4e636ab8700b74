/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#define _GNU_SOURCE /* pipe2(2), of Linux and the BSDs */

#include "lib/compat/pipe.h"

#include <fcntl.h>
#include <unistd.h>

int
compat_pipe(int fd[2])
{
	return pipe2(fd, O_CLOEXEC);
}
