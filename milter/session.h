/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * One connection of the MTA: what SMTP said so far and the message in
 * flight. Knows nothing of libmilter; callbacks.c drives it. A session moves
 * between threads, but only one uses it at a time.
 */
#ifndef MILTER_SESSION_H
#define MILTER_SESSION_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/inbound/inbound.h"
#include "milter/forged.h"
#include "milter/service.h"
#include "milter/tls_mark.h"

/* Recipients that are kept; a message with more is known to be incomplete. */
#define SESSION_RCPTS_MAX 200

struct session {
	struct service *service;
	struct snapshot *snapshot;
	struct arena connection; /* helo and the like */
	struct arena message;
	struct ip ip;
	uint16_t port; /* of the client */
	bool local; /* no client address: submitted on this host */
	struct str helo;

	/* of the message in flight */
	bool in_message;
	struct dns dns;
	struct inbound inbound;
	struct forged forged;
	struct tls_mark tls_mark;
	bool keeps_results; /* the client may speak in our name */
	struct str queue_id;
	struct str rcpt_domain;
	bool rcpt_mixed;
	unsigned recipients;
	struct str *rcpts; /* SESSION_RCPTS_MAX, for the policy table */
	size_t n_rcpts;
	int64_t eom_start; /* of clock_mono_us() */

	struct recorder_ticket ticket;
};

/* What became of what a failure report would need of the message. */
enum session_incident {
	SESSION_INCIDENT_NONE, /* no report is due */
	SESSION_INCIDENT_RECORDED,
	SESSION_INCIDENT_LIMITED, /* beyond failure_rate(_total) */
};

/* What to do with the message; views live in the message's arena. */
struct session_verdict {
	enum policy_action action;
	struct str authres; /* value to insert as topmost field */
	struct str received_spf; /* empty: none */
	struct str reply; /* of reject and tempfail: code, code, text */
	struct str quarantine; /* reason of quarantine */
	struct str verdict; /* value of VERDICT_FIELD; empty: none */
	bool tls_mark; /* add tls_required_header */
	enum session_incident incident;
	/* out of memory, or more than REMOVED_MAX fields are to go: ask the
	 * client to retry */
	bool failed;
};

/* NULL: no memory, or the service drains. ip of IP_NONE, port 0: not known. */
struct session *
session_new(struct service *service, struct ip ip, uint16_t port);
void session_free(struct session *s); /* NULL allowed */

void session_helo(struct session *s, struct str helo);

/* The MTA's next command, or its orderly end: it has read our last reply. */
void session_confirm(struct session *s);

/* Parameters of the MAIL command that matter here. */
struct session_mail {
	struct str from; /* as the client sent it */
	struct str auth_user; /* SASL login; empty: not authenticated */
	bool smtputf8; /* RFC 6531 section 3.4 */
	bool requiretls; /* RFC 8689 section 2 */
};

/* A new message; the views are copied. */
void session_mail(struct session *s, const struct session_mail *mail);
/* mailer: the transport that the MTA will use; empty: not said */
void session_rcpt(struct session *s, struct str rcpt, struct str mailer);
/* value as libmilter gives it: the octet after the colon first, folds as LF
 * followed by white space. */
void session_header(struct session *s, struct str name, struct str value);
void session_eoh(struct session *s);
void session_body(struct session *s, struct str chunk);
/* Evaluates, records and logs. */
void session_eom(
    struct session *s, struct str queue_id, struct session_verdict *out);
/* The message ends without a verdict, or after session_eom(). */
void session_end_message(struct session *s);

#endif
