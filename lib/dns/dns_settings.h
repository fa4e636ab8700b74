/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The checked configuration of the libunbound back end and the reading of its
 * self test: what of dns_unbound.c needs no libunbound.
 */
#ifndef DNS_SETTINGS_H
#define DNS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/dns/dns_unbound.h"

/* A copy of a struct dns_unbound_config with strings of its own. */
struct dns_settings {
	struct arena arena;
	const char **servers; /* "system" | "recursive" | ADDR@PORT... */
	size_t n_servers;
	const char *anchor; /* NULL: no validation */
	int timeout_ms;
	bool keep; /* false: the serial source, without any caching */
	uint32_t max_ttl, max_negative_ttl;
	struct dns_unbound_state state;
};

/*
 * Checks and copies cfg; dnssec replaces the one in cfg, anything but OFF wants
 * the trust anchor. Returns 0, AVER_CONF with the reason in d, AVER_NOMEM.
 */
int dns_settings_new(const struct dns_unbound_config *cfg,
    enum dns_dnssec dnssec, struct dns_settings **out, struct diag *d);
void dns_settings_free(struct dns_settings *s); /* NULL allowed */

/* What an answer to a question for the root's SOA shows. */
enum dns_selftest
dns_selftest_judge(const struct dns_rrset *rr, bool validating);
const char *dns_selftest_words(enum dns_selftest result);

#endif
