/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A socket with deadlines, in the clear at first and then perhaps inside TLS.
 * Deadlines are times of clock_mono_ms(). The first failure is for good:
 * io->dead, and io->why says what it was.
 */
#ifndef SMTP_SMTP_IO_H
#define SMTP_SMTP_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/smtp/tls_client.h"

#define SMTP_IO_OCTETS ((size_t)16384)

struct smtp_io {
	int fd; /* -1: none */
	struct tls *tls; /* owned; NULL: in the clear */
	bool dead, timed_out;
	char why[128];
	size_t at, n; /* octets that came and nobody has read yet */
	size_t fed; /* octets given to TLS since it last wanted more */
	char in[SMTP_IO_OCTETS];
};

void smtp_io_init(struct smtp_io *io);
bool smtp_io_connect(
    struct smtp_io *io, const struct ip *to, uint16_t port, int64_t deadline);
/* This end's address; IP_NONE if unknown. */
struct ip smtp_io_local(const struct smtp_io *io);
/*
 * Drops whatever the peer said so far, then shakes hands; t is owned by io
 * from now on, whatever comes of it. False: no TLS; tls_result() of io->tls
 * tells why.
 */
bool smtp_io_start_tls(struct smtp_io *io, struct tls *t, int64_t deadline);
/* All of octets; what comes in meanwhile is kept, up to a bound. */
bool smtp_io_write(struct smtp_io *io, struct str octets, int64_t deadline);
/* Waits until there is something to read: smtp_io_pending(). */
bool smtp_io_fill(struct smtp_io *io, int64_t deadline);
/*
 * For a dead one, without waiting: what the peer said before it went is there
 * to read, up to a bound, also what TLS or the system still holds.
 */
void smtp_io_salvage(struct smtp_io *io);
struct str smtp_io_pending(const struct smtp_io *io);
/* The first n octets of it are read. */
void smtp_io_consume(struct smtp_io *io, size_t n);
/* Without waiting: has the peer said something, or gone? */
bool smtp_io_quiet(struct smtp_io *io);
void smtp_io_close(struct smtp_io *io);

#endif
