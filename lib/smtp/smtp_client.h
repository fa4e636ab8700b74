/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * An SMTP client (RFC 5321) for one server: connect, greeting, EHLO,
 * STARTTLS (RFC 3207), authentication, then any number of messages over the
 * one connection. Every call blocks no longer than its limits; sockets are
 * non-blocking and all waits have a deadline. Whatever the server says is
 * hostile: replies are bounded in lines, octets and time, and nothing that
 * came before the TLS handshake counts after it.
 *
 * A connection belongs to one thread at a time; nothing is shared. SIGPIPE is
 * never raised.
 */
#ifndef SMTP_SMTP_CLIENT_H
#define SMTP_SMTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/smtp/smtp_reply.h"
#include "lib/smtp/tls_client.h"
#include "lib/smtp/tls_result.h"

struct smtp_credentials {
	struct str user, password; /* UTF-8, no NUL */
	/* A mechanism by name, else (empty) the strongest one offered. */
	struct str mechanism;
};

/* What a connection is made from; borrowed as long as it lives. */
struct smtp_settings {
	const struct ip *addresses; /* tried in this order */
	size_t n_addresses;
	uint16_t port;
	struct str host; /* the server's name, for results and SASL */
	struct str helo; /* of this host: a domain or an address literal */

	enum tls_mode mode;
	struct tls_client *tls; /* NULL only with TLS_MODE_NONE */
	struct tls_peer peer; /* peer.tell_only is ignored: see mode */

	const struct smtp_credentials *credentials; /* NULL: no AUTH */

	int64_t connect_ms; /* for one address */
	/*
	 * For one reply, and for the server to take another part of the
	 * message; twice that for the reply to the end of the data (RFC 5321
	 * section 4.5.3.2).
	 */
	int64_t command_ms;
	int64_t total_ms; /* for one smtp_open() or smtp_send() */
};

/*
 * With TLS_MODE_OPPORTUNISTIC a failed verification is told in the result and
 * mail goes on; a failed handshake makes one more connection without TLS. With
 * TLS_MODE_REQUIRED and TLS_MODE_IMPLICIT both end the connection.
 */

enum smtp_outcome { SMTP_OK, SMTP_TEMP, SMTP_PERM };

enum smtp_stage {
	SMTP_AT_CONNECT,
	SMTP_AT_GREETING,
	SMTP_AT_EHLO,
	SMTP_AT_STARTTLS,
	SMTP_AT_HANDSHAKE,
	SMTP_AT_AUTH,
	SMTP_AT_MAIL,
	SMTP_AT_RCPT,
	SMTP_AT_DATA,
	SMTP_AT_BODY,
	SMTP_AT_END, /* between the last octet of the data and its reply */
	SMTP_STAGE_COUNT
};

const char *smtp_stage_name(enum smtp_stage s); /* "connect", ... */

/* How an operation ended. */
struct smtp_end {
	enum smtp_outcome outcome;
	enum smtp_stage stage; /* where it ended, when it is not SMTP_OK */
	int code; /* the reply's; 0 when the server said nothing */
	struct smtp_status status; /* the server's or a fitting one of ours */
	char text[512]; /* one line of printable ASCII */
	bool reusable; /* the connection can take another message */
	/*
	 * The connection was lost after the last octet of the data and before
	 * its reply: the server may have taken the message (RFC 5321 section
	 * 6.1 speaks of the duplicates).
	 */
	bool in_doubt;
};

struct smtp; /* a connection */

/*
 * Returns true with *out, or false with *end saying why; *end is filled in
 * both cases. result (NULL allowed): how the last handshake went or why there
 * was none, also when there is no connection; result->tried says if any.
 */
bool smtp_open(const struct smtp_settings *s, struct smtp **out,
    struct tls_result *result, struct smtp_end *end);

/* How TLS went; valid as long as the connection is. */
const struct tls_result *smtp_tls(const struct smtp *c);

#define SMTP_RCPT_MAX 100 /* of one smtp_send() */

struct smtp_message {
	struct str from; /* without angle brackets; empty: the null sender */
	const struct str *rcpt; /* without angle brackets */
	size_t n_rcpt;
	/*
	 * Header, empty line, body; lines end in CRLF, or in LF alone, which
	 * becomes CRLF. A CR alone is refused: see SMTP_AT_BODY.
	 */
	struct str octets;
	bool requiretls; /* the REQUIRETLS parameter (RFC 8689 section 4.2) */
};

/*
 * Sends one message. Returns what it was for the message as a whole: SMTP_OK
 * when all recipients were accepted and the data was; with several recipients
 * of which some are refused, the message goes to the others and rcpt[i] (may
 * be NULL; n_rcpt of them) says what came of each, and end what came of the
 * data. Addresses are checked before anything is sent: an address that could
 * break the command line (CR, LF, NUL, angle brackets outside quotes) is
 * SMTP_PERM. An address or header that is not ASCII wants SMTPUTF8 (RFC 6531)
 * from the server, and 8-bit octets in the body want 8BITMIME (RFC 6152):
 * without, SMTP_PERM.
 */
enum smtp_outcome smtp_send(struct smtp *c, const struct smtp_message *m,
    struct smtp_end *rcpt, struct smtp_end *end);

/* True while another message may go over the connection: LIMITS (RFC 9422)
 * leaves room, and the server did not say goodbye. */
bool smtp_usable(struct smtp *c);
/* What REQUIRETLS and STARTTLS the server offered, for later decisions. */
bool smtp_offers_requiretls(const struct smtp *c);

/* QUIT (waits for the reply only a short time) and close; NULL allowed. */
void smtp_close(struct smtp *c);

#endif
