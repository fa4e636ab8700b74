/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Programs of the MTA and the system that are run, and whose output is read. */
#ifndef LIB_MTA_CHILD_H
#define LIB_MTA_CHILD_H

#include <sys/types.h>

/*
 * Starts the program at the path argv[0]; argv ends with NULL. It writes to
 * out, reads nothing, what it complains about is lost, and its signals are as
 * by default: ours are blocked. Returns 0 with *pid, to be waited for, or an
 * errno.
 */
int child_start(const char *const *argv, int out, pid_t *pid);

#endif
