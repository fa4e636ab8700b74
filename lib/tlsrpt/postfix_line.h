/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * One line of Postfix's log, as smtp(8) and tlsproxy(8) of 3.4 to 3.12 write
 * them: what it says about a TLS session. Names in it come from the DNS, and
 * addresses and replies from whoever sends them: a line that can be read in
 * two ways is not read at all.
 */
#ifndef TLSRPT_POSTFIX_LINE_H
#define TLSRPT_POSTFIX_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"
#include "lib/tlsrpt/tlsrpt_result.h"

#define POSTFIX_LINE_MAX ((size_t)8192) /* longer ones are passed over */

enum postfix_level {
	POSTFIX_CLEAR, /* no TLS */
	POSTFIX_ANONYMOUS,
	POSTFIX_UNTRUSTED,
	POSTFIX_TRUSTED,
	POSTFIX_VERIFIED,
	POSTFIX_LEVEL_COUNT
};

const char *postfix_level_name(enum postfix_level l);

enum postfix_line_kind {
	POSTFIX_OTHER, /* nothing of interest */
	POSTFIX_ODD, /* would be of interest, but can be read in two ways */
	POSTFIX_ESTABLISHED, /* host, level, protocol */
	POSTFIX_REUSED, /* host: a connection that was counted before */
	POSTFIX_CERTIFICATE, /* host, result, reason: it was not verified */
	POSTFIX_HANDSHAKE, /* host: SSL_connect failed */
	POSTFIX_OFFER, /* host.mx: it offered STARTTLS */
	POSTFIX_TLSRPT, /* domain, host: Postfix reported the session itself */
	POSTFIX_POLICY, /* domain, host.mx, result, reason: no session */
	POSTFIX_SKIPPED, /* queue_id, trouble: on to the next host */
	POSTFIX_DELIVERY, /* queue_id, rcpt, host, conn_use, tls, trouble */
};

/* What ended an attempt, as far as TLS is to blame. */
enum postfix_trouble {
	POSTFIX_FINE, /* or an end that has nothing to do with TLS */
	POSTFIX_NOT_VERIFIED, /* the certificate, at a level that demands it */
	POSTFIX_NOT_OFFERED, /* no STARTTLS, at a level that demands TLS */
	POSTFIX_REFUSED, /* STARTTLS was refused, at such a level */
	POSTFIX_NO_HANDSHAKE,
	POSTFIX_NOT_REACHED, /* no session came to be */
};

/* "mx.example.org[192.0.2.1]:25" */
struct postfix_host {
	struct str mx, ip;
	uint16_t port; /* 0: not there */
};

/* All strings are views of the line. */
struct postfix_line {
	enum postfix_line_kind kind;
	struct str stamp; /* the time as written, without host name */
	uint32_t pid;
	bool is_proxy; /* of tlsproxy(8), which works for any smtp(8) */
	struct postfix_host host;
	enum postfix_level level;
	struct str protocol;
	enum tlsrpt_result result;
	struct str reason;
	struct str domain;
	struct str queue_id;
	struct str rcpt;
	unsigned conn_use; /* 1: the first message of a connection */
	struct str tls; /* of "tls=", from 3.11 on */
	enum postfix_trouble trouble;
};

/* A line without its end; false for POSTFIX_OTHER. */
bool postfix_line_read(struct str line, struct postfix_line *out);

/*
 * The time of a stamp as seconds since the epoch. "2026-11-21T22:41:43+01:00",
 * with or without fraction or zone; "Nov 21 22:41:43", whose year is that
 * which brings it nearest to now. offset: seconds east of UTC of stamps that
 * have no zone. False when it is none.
 */
bool
postfix_stamp_time(struct str stamp, int64_t now, int offset, int64_t *out);

#endif
