/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The MTA's side of the milter protocol, version 6, as Postfix speaks it: a
 * connection for each SMTP session, macros before the commands, no waiting
 * where the milter promised no reply, header fields with their leading space
 * if it wants that, bodies in chunks of 65535 octets. Several milters form a
 * chain: each sees the fields that those before it inserted.
 */
#ifndef BENCH_MTA_H
#define BENCH_MTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include "t/bench/mail.h"

#define MTA_CHAIN_MAX 4
#define MTA_INSERTED_MAX 32
#define MTA_BUFFER 65536

struct mta_address {
	const char *text;
	struct sockaddr_storage sa;
	socklen_t n;
};

/* One milter of the chain. */
struct mta_link {
	const struct mta_address *address;
	int fd; /* -1: not connected */
	uint32_t steps; /* SMFIP_* that were agreed on */
	bool done; /* wants no more of this message */
	char verdict; /* last reply that was no action */
	const char *trouble; /* why it broke, or NULL */
	size_t out_n, in_n, in_at;
	unsigned char out[MTA_BUFFER], in[2 * MTA_BUFFER];
};

struct mta {
	struct mta_link *link[MTA_CHAIN_MAX];
	size_t n;
	struct mail_field inserted[MTA_INSERTED_MAX]; /* newest first */
	size_t n_inserted;
	char text[MTA_BUFFER]; /* of inserted */
	size_t text_n;
	unsigned others; /* changes of other kinds */
	int64_t eom_ns; /* from the end of the message to the verdicts */
	char verdict; /* 'c', or of the first that said otherwise */
};

/* "unix:/path" or "inet:host:port"; false when it is neither. */
bool mta_address(struct mta_address *out, const char *text);

/* Allocates the links; false when memory is out. */
bool mta_init(struct mta *m, const struct mta_address *addresses, size_t n);
void mta_fini(struct mta *m);

/*
 * One SMTP session with one message: connects to all, sends all, quits. seq
 * makes the queue ID. False when a connection broke or the protocol was
 * violated: mta_trouble() says why. inserted, eom_ns and verdict are filled.
 */
bool mta_deliver(struct mta *m, const struct mail *mail, unsigned long seq);
const char *mta_trouble(const struct mta *m);

/* of CLOCK_MONOTONIC */
int64_t mta_now_ns(void);

#endif
