/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the parts of the client share; see smtp_client.h. */
#ifndef SMTP_SMTP_CONN_H
#define SMTP_SMTP_CONN_H

#include "lib/smtp/smtp_client.h"
#include "lib/smtp/smtp_ehlo.h"
#include "lib/smtp/smtp_io.h"
#include "lib/smtp/smtp_reply.h"

struct smtp {
	const struct smtp_settings *s;
	struct smtp_io io;
	struct smtp_reply reply; /* the last one */
	struct smtp_ehlo ehlo;
	struct tls_result tls;
	int64_t deadline; /* of the operation, clock_mono_ms() */
	unsigned mails; /* MAIL commands so far */
	bool goodbye; /* the server ends the session */
	bool reset; /* a transaction is open: RSET before the next */
};

/* Sends octets; false: the connection is lost. */
bool smtp_conn_write(struct smtp *c, struct str octets);
/*
 * Reads one reply within times * command_ms. False: the connection is lost or
 * what came is no reply; either way it is of no more use.
 */
bool smtp_conn_reply(struct smtp *c, int times);
/* Both: one command, without its CRLF. */
bool smtp_conn_command(struct smtp *c, struct str line);

/* *end from the last reply; 4xx and what does not fit are SMTP_TEMP. */
void smtp_conn_end_reply(
    const struct smtp *c, enum smtp_stage stage, struct smtp_end *end);
/* *end from a lost connection. */
void smtp_conn_end_lost(
    const struct smtp *c, enum smtp_stage stage, struct smtp_end *end);
/* *end of ours: "4.7.5" and a text. */
void smtp_conn_end(struct smtp_end *end, enum smtp_outcome outcome,
    enum smtp_stage stage, const char *status, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* AUTH (RFC 4954). False with *end. */
bool smtp_conn_authenticate(struct smtp *c, struct smtp_end *end);

#endif
