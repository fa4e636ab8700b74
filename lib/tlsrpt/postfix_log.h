/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * TLS sessions from Postfix's log, for versions that have no libtlsrpt: lines
 * in, events out. Memory is bounded whatever the lines are.
 *
 * A session is told of by several lines of one process: the certificate, the
 * connection, the delivery. The delivery names the recipient, so the event
 * comes with it, once for each connection. tlsproxy(8) is a process of its
 * own; its lines are joined by the host's name and address.
 */
#ifndef TLSRPT_POSTFIX_LOG_H
#define TLSRPT_POSTFIX_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/tlsrpt/postfix_line.h"

enum postfix_event_kind {
	/* A connection: domain, mx, ip, level, result. */
	POSTFIX_EVENT_SESSION,
	/* A host that was left out for its policy: domain, mx, result. */
	POSTFIX_EVENT_POLICY,
	/* mx offered STARTTLS, though it was not used. */
	POSTFIX_EVENT_OFFER,
};

/* Views that are good for the call. */
struct postfix_event {
	enum postfix_event_kind kind;
	struct str stamp; /* time as in the log, see postfix_stamp_time() */
	/*
	 * Of the recipient, as written; of a policy the next hop. A site with
	 * transport tables delivers to another next hop, which no line names.
	 */
	struct str domain;
	struct str mx, ip;
	uint16_t port; /* 0: not known */
	enum postfix_level level; /* reached; POSTFIX_CLEAR: no TLS */
	struct str protocol; /* "TLSv1.3" */
	/*
	 * TLSRPT_SUCCESS: the session was as Postfix's policy wanted it. At
	 * POSTFIX_CLEAR no TLS was wanted, or it was given up: then see
	 * lacks_starttls.
	 */
	enum tlsrpt_result result;
	struct str reason; /* failure-reason-code, or empty */
	bool lacks_starttls; /* TLS was required, and not offered */
	bool is_reported; /* Postfix sent a datagram of its own */
	struct str tls; /* of "tls=", or empty */
	struct str queue_id; /* of a session's first message */
};

struct postfix_log;

#define POSTFIX_LOG_PROCESSES_MAX 65536u

/*
 * processes: how many are followed at once, 3 kB for each; those that were
 * silent for longest give way. All of it lives in the arena, and nothing is
 * taken later. NULL when it is exhausted.
 */
struct postfix_log *postfix_log_new(struct arena *a, unsigned processes,
    void (*event)(void *arg, const struct postfix_event *e), void *arg);

/* One line, with or without its end. May call event any number of times. */
void postfix_log_line(struct postfix_log *l, struct str line);

struct postfix_log_stats {
	uint64_t lines, used; /* seen; of those that said something */
	uint64_t odd; /* that could be read in two ways, or were too long */
	uint64_t lost; /* unfinished sessions that had to give way */
	uint64_t events;
};

void
postfix_log_stats(const struct postfix_log *l, struct postfix_log_stats *out);

#endif
