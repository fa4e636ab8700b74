/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the subcommands of aver-report share: the configuration made ready to
 * be used, the open store, resolver and transport, and a clock.
 */
#ifndef REPORTS_REPORTER_H
#define REPORTS_REPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/conf/conf.h"
#include "lib/dkim/dkim_sign.h"
#include "lib/dns/dns.h"
#include "lib/http/http.h"
#include "lib/mail/orgdom.h"
#include "lib/report/verp.h"
#include "lib/smtp/transport.h"
#include "lib/store/ledger.h"
#include "lib/store/store.h"

/* Exit codes, for cron and systemd. */
#define EXIT_OK 0
#define EXIT_FAILED 1 /* an operator has to do something */
#define EXIT_USAGE 2
#define EXIT_LATER 75 /* EX_TEMPFAIL of sysexits.h: the next run may do */

#define REPORTER_KEYS 2

/* of the command line */
struct reporter_options {
	const char *zone; /* answer DNS questions from this file; NULL: no */
	bool has_now;
	int64_t now;
	bool no_wait;
};

struct reporter {
	const struct conf *conf;
	const struct reporter_options *options;
	struct arena arena; /* for the life of the program */

	/* who we are; A-labels in lower case */
	struct str host; /* this host's name */
	struct str email, domain; /* report_email and its domain */
	struct str org_name;
	struct verp_config verp; /* its secret once the store is open */

	const struct dkim_engine *engine;
	struct dkim_sign_config sign[REPORTER_KEYS]; /* key NULL: none */

	struct store *store;
	uint8_t verp_secret[VERP_SECRET];
	uint8_t id_salt[STORE_SECRET];
	struct dns_source *dns;
	struct orgdom *psl; /* with dmarc_discovery = psl */
	struct transport *transport;
	struct http_client *http; /* NULL until the first report by HTTPS */

	/* With --now the clock stands still, and jumps instead of waiting. */
	bool clock_jumps;
	int64_t clock;
};

/*
 * Who we are and with which keys we sign. Returns 0, AVER_CONF with d,
 * AVER_NOMEM. r is zeroed before; reporter_close() also after a failure.
 */
int reporter_init(struct reporter *r, const struct conf *c,
    const struct reporter_options *o, struct diag *d);
/* Reads the signing keys; not every subcommand does. AVER_CONF with d. */
int reporter_keys(struct reporter *r, struct diag *d);
/* mode STORE_READ leaves the secrets empty. */
int reporter_store(struct reporter *r, enum store_mode mode, struct diag *d);
int reporter_dns(struct reporter *r, struct diag *d);
/* What report_transport says; any number may be open at once. */
int reporter_transport(
    const struct reporter *r, struct transport **out, struct diag *d);
void reporter_close(struct reporter *r);

int64_t reporter_now(const struct reporter *r);
/* Waits until then; false when the program has been told to stop. */
bool reporter_wait(struct reporter *r, int64_t until);

/* SIGTERM and SIGINT: finish what is begun, then stop. */
void reporter_catch_signals(void);
bool reporter_stopped(void);

/*
 * A name of ours that nothing is reported about: the domain that reports come
 * from, and that of their envelope senders.
 */
bool reporter_is_own(const struct reporter *r, struct str domain);

/* The key of a selector: why its file cannot be used goes to d. */
int reporter_key_file(const char *path, struct buf *pem, struct diag *d);

#endif
