/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Where a store on Redis or Valkey is:
 *
 *	redis://[USER[:PASSWORD]@]HOST[:PORT][/DB][?OPTIONS]
 *	rediss://...			the same over TLS
 *	redis-sentinel://[USER[:PASSWORD]@]HOST[:PORT],.../NAME[?OPTIONS]
 *	redis-cluster://[USER[:PASSWORD]@]HOST[:PORT],...[?OPTIONS]
 *	unix:[USER[:PASSWORD]@]/PATH[?OPTIONS]
 *
 * USER, PASSWORD and NAME may have octets as %XX. An IPv6 address stands in
 * brackets. OPTIONS are NAME=VALUE joined by "&": see struct redis_spec.
 */
#ifndef STORE_REDIS_SPEC_H
#define STORE_REDIS_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"

#define REDIS_HOSTS_MAX 16
#define REDIS_TEXT_MAX 255 /* octets of a name, password or path */

enum redis_kind { REDIS_SERVER, REDIS_SENTINEL, REDIS_CLUSTER, REDIS_UNIX };

struct redis_host {
	char name[REDIS_TEXT_MAX + 1];
	uint16_t port;
};

struct redis_spec {
	enum redis_kind kind;
	bool tls; /* rediss:, or tls=yes for the other forms */
	struct redis_host hosts[REDIS_HOSTS_MAX];
	size_t n_hosts;
	char path[REDIS_TEXT_MAX + 1]; /* REDIS_UNIX */
	char master[REDIS_TEXT_MAX + 1]; /* REDIS_SENTINEL */
	char user[REDIS_TEXT_MAX + 1];
	char password[REDIS_TEXT_MAX + 1];
	unsigned db;
	/* options */
	char password_file[REDIS_TEXT_MAX + 1]; /* password_file=/PATH */
	/* sentinel_password_file=/PATH; empty: the Sentinels ask for none */
	char sentinel_password_file[REDIS_TEXT_MAX + 1];
	/* sentinel_user=NAME, with %XX; empty: Sentinel's default user */
	char sentinel_user[REDIS_TEXT_MAX + 1];
	char ca_file[REDIS_TEXT_MAX +
		     1]; /* ca_file=/PATH; empty: the system's */
	char prefix[64 + 1]; /* prefix=NAME, "aver": [A-Za-z0-9_.-]+ */
	unsigned timeout; /* timeout=MS, 50: to connect; 1 to 60000 */
	unsigned command_timeout; /* command_timeout=MS, 1000: of silence */
	unsigned lease; /* lease=MS, 10000: of a take that nobody renews */
	/*
	 * replicas=N, 0: replicas that must have what is written before a call
	 * is done; fewer is AVER_TEMP. A fail-over loses what the replica that
	 * is promoted has not.
	 */
	unsigned replicas;
};

/* True when it has one of the schemes above, well formed or not. */
bool redis_spec_is(struct str spec);

/* AVER_CONF with d filled; the password is in no text of d. */
int redis_spec_parse(struct str spec, struct redis_spec *out, struct diag *d);

#endif
