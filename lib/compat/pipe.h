/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* pipe(2) for programs with threads. */
#ifndef COMPAT_PIPE_H
#define COMPAT_PIPE_H

/*
 * As pipe(2); both ends close on exec from the first moment, so that a
 * program which another thread starts meanwhile does not keep them open.
 */
int compat_pipe(int fd[2]);

#endif
