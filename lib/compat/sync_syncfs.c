/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#define _GNU_SOURCE /* syncfs(2), of Linux */

#include "lib/compat/compat.h"

#include <unistd.h>

const bool compat_syncs_file_systems = true;

bool
compat_sync_file_system(int fd)
{
	return syncfs(fd) == 0;
}
