/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the parts of a connection share: redis_find.c, which gets to a server
 * and logs in, and redis_conn.c, which greets it and makes the calls.
 */
#ifndef STORE_REDIS_CONN_INT_H
#define STORE_REDIS_CONN_INT_H

#include "lib/store/redis_conn.h"
#include "lib/store/redis_link.h"

#define REDIS_SMALL 65536 /* of replies while connecting */

struct redis_conn {
	struct redis_spec spec;
	struct redis_link link;
	SSL_CTX *ctx;
	enum store_mode mode;
	bool greeted; /* connected and all said that has to be */
	bool refused; /* the last attempt to connect: AVER_CONF */
	char sentinel_password[REDIS_TEXT_MAX + 1];
	size_t first; /* of the spec's hosts: the one to ask first */
	struct redis_host peer; /* where the link leads; port 0: a socket */
	struct redis_host failed[REDIS_HOSTS_MAX]; /* while connecting */
	size_t n_failed;
	int64_t broken_until;
	unsigned fails;
	char sha[REDIS_SCRIPT_COUNT][41];
	char key[80]; /* the key that names the slot */
	/* the call */
	enum redis_script script;
	struct buf args;
	size_t n_args;
	char where[REDIS_TEXT_MAX + 16];
};

/* --- what a server says is wrong */

void redis_drop(struct redis_conn *c);
/* text: of an error reply. */
int redis_server_error(struct redis_conn *c, struct str text, struct diag *d);
/* Puts the place before what the link said. Returns err. */
int redis_at_place(struct redis_conn *c, int err, struct diag *d);

/* --- a server */

/*
 * To the server that a host of the spec is or names, NULL: to its socket; with
 * its login, as the master where Sentinel says so, and in the database. What is
 * half done at an error the caller drops; then c->peer is who failed, and its
 * port 0 when that is one of c->failed.
 */
int redis_reach(
    struct redis_conn *c, const struct redis_host *host, struct diag *d);
/* To the node that MOVED names. 0: try there. */
int redis_follow(struct redis_conn *c, struct str moved, struct diag *d);
/* A plain command; an error reply is an error. */
int redis_say(struct redis_conn *c, const char *const *words, size_t n,
    struct arena *arena, struct resp *out, struct diag *d);

#endif
