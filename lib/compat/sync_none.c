/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* sync(2) tells neither when it is done nor what went wrong. */
#include "lib/compat/compat.h"

#include <errno.h>

const bool compat_syncs_file_systems = false;

bool
compat_sync_file_system(int fd)
{
	(void)fd;
	errno = ENOSYS;
	return false;
}
