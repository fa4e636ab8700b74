/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * How our own mail leaves this host: the value of report_transport.
 *
 *     sendmail:[/PATH]            the local MTA's sendmail command, the
 *                                 default: /usr/sbin/sendmail -i -f FROM -- TO
 *     smtp://HOST[:PORT]          SMTP with STARTTLS, port 25
 *     submission://HOST[:PORT]    the same, port 587
 *     submissions://HOST[:PORT]   TLS from the first octet, port 465
 *     directory:/PATH             a file for each message
 *
 * A file in a directory is there as a whole or not at all, and hidden before
 * (".SECONDS.RANDOM.eml.tmp"). Its octets are on
 * the disk when SENT is said; its name is once the transport is closed, and in
 * between every quarter of a second.
 *
 * Never in plain text over the network: the three SMTP forms want TLS, and a
 * certificate that belongs to HOST unless tls_verify says otherwise.
 *
 * A transport belongs to one thread at a time; several may be open at once,
 * also for the same URL. It keeps its connection between messages, makes a
 * new one when the server ended it (421, LIMITS of RFC 9422, a lost idle
 * connection), and never sends a message twice by itself.
 */
#ifndef SMTP_TRANSPORT_H
#define SMTP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/smtp/tls_result.h"

enum transport_verify {
	TRANSPORT_VERIFY_YES, /* the certificate has to be HOST's */
	TRANSPORT_VERIFY_NO, /* any certificate will do */
	TRANSPORT_VERIFY_COUNT
};

/* All strings are copied by transport_open(); NULL counts as empty. */
struct transport_config {
	const char *url; /* empty: "sendmail:" */
	const char *helo; /* this host's name, for EHLO */
	/* report_credentials, a file; empty: no authentication. */
	const char *credentials;
	const char *sasl_mechanism; /* empty: the strongest one offered */
	const char *tls_ca_file; /* empty: the system's CAs */
	enum transport_verify tls_verify;
	/* For one reply or one exit of sendmail; 0: five minutes. All of one
	 * transport_send() takes at most four times as long. */
	int64_t timeout_ms;
};

struct transport;

/*
 * Checks the configuration, reads the credentials and the CA file; makes no
 * connection and starts no program. Returns 0, AVER_CONF with d, AVER_NOMEM.
 */
int transport_open(const struct transport_config *config,
    struct transport **out, struct diag *d);
/* Says goodbye to the server; NULL allowed. */
void transport_close(struct transport *t);
/* The URL with its defaults filled in, for logs; lives as long as t. */
const char *transport_name(const struct transport *t);

enum transport_flag {
	/* The REQUIRETLS parameter of RFC 8689: SMTP only, PERM when the
	 * server does not know it. */
	TRANSPORT_REQUIRETLS = 1 << 0,
};

struct transport_message {
	struct str envelope_from; /* without angle brackets; empty: null */
	struct str rcpt; /* one address, without angle brackets */
	struct str message; /* RFC 5322, lines end in CRLF */
	unsigned flags; /* of enum transport_flag */
};

enum transport_outcome {
	TRANSPORT_SENT, /* the next one has the responsibility */
	TRANSPORT_TEMP, /* try again later */
	TRANSPORT_PERM, /* this message will never be taken */
	TRANSPORT_OUTCOME_COUNT
};

const char *transport_outcome_name(enum transport_outcome o);

struct transport_reply {
	enum transport_outcome outcome;
	char status[16]; /* enhanced status code (RFC 3463), "2.0.0" */
	int code; /* of SMTP, or the exit code of sendmail; may be 0 */
	char text[512]; /* one line of printable ASCII; may be "" */
	char host[288]; /* the server's name and address, or "" */
	/*
	 * TEMP, but the other side may have taken the message: sending it
	 * again may make a duplicate, which the report's ID tells apart.
	 */
	bool in_doubt;
	/*
	 * The trouble is the transport's (no connection, no authentication, a
	 * missing program), not the message's: others will fare alike for
	 * now.
	 */
	bool transport_down;
	/* What was said came before the recipient was named, so it is not about
	 * the recipient, whatever the status is. SMTP only. */
	bool before_rcpt;
	struct tls_result tls; /* of the connection used; tls.tried */
};

/*
 * Sends one message to one recipient, within the time of the configuration.
 * Returns out->outcome; out is filled in any case.
 */
enum transport_outcome transport_send(struct transport *t,
    const struct transport_message *m, struct transport_reply *out);

/*
 * Several messages that share the wait for the disk, where there is one:
 * transport_stage() each, transport_sync() once, transport_deliver() each.
 * Before the last of these nobody has the message.
 */
struct transport_stage {
	char name[64]; /* "": nothing is staged */
};

/* transport_stage() prepares messages; else it sends them. */
bool transport_can_stage(const struct transport *t);
/*
 * Either prepares the message (SENT, and a stage that is not empty), or does
 * all that transport_send() does. A stage has to be delivered or dropped, by
 * this transport or by another one that is open for the same URL; its
 * transport_sync() is good for what was staged by any of them before.
 */
enum transport_outcome
transport_stage(struct transport *t, const struct transport_message *m,
    struct transport_stage *stage, struct transport_reply *out);
/*
 * The octets of all that is staged are on the disk then: SENT. TEMP: drop them
 * all, out tells why.
 */
enum transport_outcome
transport_sync(struct transport *t, struct transport_reply *out);
/* The stage is empty afterwards, whatever came of it. */
enum transport_outcome transport_deliver(struct transport *t,
    struct transport_stage *stage, struct transport_reply *out);
void transport_drop(struct transport *t, struct transport_stage *stage);

/*
 * Removes what programs that were killed have left of messages that nobody has
 * got: hidden files in a directory, of this user and older than a day.
 */
void transport_tidy(struct transport *t);

#endif
