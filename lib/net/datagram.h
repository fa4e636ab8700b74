/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* A socket file that datagrams are received on. */
#ifndef NET_DATAGRAM_H
#define NET_DATAGRAM_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/diag.h"
#include "lib/net/listen.h"

struct datagram_access {
	mode_t mode; /* who may send needs write permission */
	const char *owner, *group; /* empty: as the system gives it */
};

/*
 * Opens it at path, as listen_add() does for those that stream: only a file of
 * a process that is gone is replaced. buffer: octets that the kernel should
 * keep, as far as it lets us. Call from the main thread before others are
 * started, with the privileges to change the owner. To be closed with
 * datagram_close(). Returns 0, AVER_CONF (in use, no such account), AVER_IO,
 * with d filled.
 */
int datagram_open(const char *path, const struct datagram_access *access,
    size_t buffer, struct listener *out, struct diag *d);
/* Removes the file if it is still ours; fd < 0 allowed. */
void datagram_close(struct listener *l);

/*
 * How many datagrams the kernel lets wait in a socket file, 0 when that is not
 * known; those above it are lost to a sender that does not wait.
 */
unsigned datagram_queue_length(void);

#endif
