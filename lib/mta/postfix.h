/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the Postfix of this host says of itself, by postconf(1): its version,
 * and whether it can use the answers at all.
 */
#ifndef LIB_MTA_POSTFIX_H
#define LIB_MTA_POSTFIX_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

#define POSTFIX_VALUE_MAX 128

/* Empty: not said. */
struct postfix_facts {
	char mail_version[POSTFIX_VALUE_MAX];
	char smtp_dns_support_level[POSTFIX_VALUE_MAX];
	/* of postfix_ask(): or what older parameters say in its place */
	char smtp_tls_security_level[POSTFIX_VALUE_MAX];
	char smtp_tls_dane_insecure_mx_policy[POSTFIX_VALUE_MAX];
	char smtp_use_tls[POSTFIX_VALUE_MAX];
	char smtp_enforce_tls[POSTFIX_VALUE_MAX];
	char smtp_tls_enforce_peername[POSTFIX_VALUE_MAX];
};

/*
 * Runs command, an absolute path, without a shell, and waits at most
 * timeout_ms for its end. Returns 0; AVER_NOTFOUND (it cannot be run),
 * AVER_TEMP (it took too long, and was ended), AVER_SYNTAX (it did not say
 * its version), AVER_IO, with d filled and out untouched.
 */
int postfix_ask(const char *command, int timeout_ms, struct postfix_facts *out,
    struct diag *d);

/* Reads what postconf(1) prints: "name = value" lines. */
void postfix_parse(struct str text, struct postfix_facts *out);

/*
 * What an administrator should change for DANE answers to work, in plain
 * words: appends a line for each. validating: our resolver validates.
 */
void
postfix_advice(struct buf *b, const struct postfix_facts *f, bool validating);

#endif
