/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What a kind of transport implements; see transport.h. */
#ifndef SMTP_TRANSPORT_OPS_H
#define SMTP_TRANSPORT_OPS_H

#include "lib/base/arena.h"
#include "lib/smtp/credentials.h"
#include "lib/smtp/transport.h"
#include "lib/conf/transport_url.h"

struct transport_ops {
	/* The kind's own checks; sets t->state. 0 or as transport_open(). */
	int (*open)(struct transport *t, const struct transport_config *config,
	    struct diag *d);
	/* m's addresses were checked; *out is zeroed. */
	void (*send)(struct transport *t, const struct transport_message *m,
	    struct transport_reply *out);
	/*
	 * NULL, all four: messages are sent at once. An empty stage leaves it
	 * to send.
	 */
	void (*stage)(struct transport *t, const struct transport_message *m,
	    struct transport_stage *stage, struct transport_reply *out);
	void (*sync)(struct transport *t, struct transport_reply *out);
	void (*deliver)(
	    struct transport *t, const char *name, struct transport_reply *out);
	void (*drop)(struct transport *t, const char *name);
	/* NULL: nothing is ever left behind */
	void (*tidy)(struct transport *t);
	void (*close)(struct transport *t);
};

struct transport {
	const struct transport_ops *ops;
	struct arena arena; /* of the strings here and of the state */
	struct transport_url url;
	const char *name; /* transport_name() */
	const char *path; /* sendmail, directory */
	int64_t timeout_ms;
	void *state;
};

extern const struct transport_ops transport_sendmail, transport_directory,
    transport_smtp;

/* Fills outcome, status, code and text, which is cleaned. */
void transport_answer(struct transport_reply *out, enum transport_outcome o,
    const char *status, int code, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
