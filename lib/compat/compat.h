/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What daemons ask of the operating system beyond POSIX, or that is easily
 * done wrong: privileges, the host's name, the service manager, PID files.
 * Call from the main thread, before others are started, where not said
 * otherwise.
 */
#ifndef COMPAT_COMPAT_H
#define COMPAT_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/diag.h"

/*
 * When the process is root: becomes user with all of that user's groups, for
 * good, and verifies it. An unknown user, no user at all or one that is root
 * too is AVER_CONF. Any other process stays what it is: 0. Returns 0,
 * AVER_CONF or AVER_IO with d filled.
 */
int compat_drop_privileges(const char *user, struct diag *d);

/*
 * Gives the file at path the mode and, unless group is empty, the group. A
 * process that is not root has to be a member of it. Returns 0, AVER_CONF (no
 * such group) or AVER_IO, with d filled.
 */
int compat_set_access(
    const char *path, mode_t mode, const char *group, struct diag *d);

/*
 * Makes the directory path (its parent has to exist) unless it is there. When
 * the process is root the new one belongs to user. Returns 0,
 * AVER_CONF (no such user) or AVER_IO, with d filled.
 */
int compat_make_directory(
    const char *path, mode_t mode, const char *user, struct diag *d);

/*
 * The host's name, in lower case: the fully qualified one if the system knows
 * it (which may ask DNS), else what gethostname(3) says, else "localhost".
 * size: of out, 256 is enough for any.
 */
void compat_hostname(char *out, size_t size);

/*
 * Fills the numbers of standard files that are closed, so that no socket or
 * database gets one and what is printed goes there. To read or write them
 * remains an error. To be called before anything is opened.
 */
void compat_hold_standard_files(void);

/* Raises the soft limit on open files to the hard one. */
void compat_raise_files(void);

/*
 * Waits until all that was written to the file system of fd is on the disk.
 * False with errno, also when that failed for something written since fd was
 * opened (Linux 5.8 and later); ENOSYS where the system has no such call. Any
 * thread may.
 */
bool compat_sync_file_system(int fd);
extern const bool compat_syncs_file_systems; /* there is such a call */

/*
 * Tells the service manager (the protocol of sd_notify(3)) a state such as
 * "READY=1", "RELOADING=1" or "STOPPING=1". Does nothing when there is none
 * that listens. Thread-safe as long as nobody changes the environment.
 */
void compat_notify(const char *state);

/*
 * Sets TCP_NODELAY on every socket of the process that listens on TCP;
 * accepted connections inherit it. Returns how many there were.
 */
unsigned compat_nodelay_listeners(void);

/*
 * Creates path, locks it for the life of the process and writes the process's
 * ID into it. Returns the descriptor, to be left open (the lock goes with
 * it); AVER_CONF when another process holds the lock, AVER_IO; with d filled.
 */
int compat_pidfile(const char *path, struct diag *d);
/*
 * The process that holds the lock of path: what the system says, so that a
 * stale file never names a stranger. AVER_NOTFOUND when there is no file or
 * no lock, AVER_IO; with d filled. Never in the process that holds it: closing
 * the file would give up the lock.
 */
int compat_pidfile_owner(const char *path, pid_t *out, struct diag *d);

#endif
