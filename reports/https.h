/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Reports that are handed over by HTTPS (RFC 8460 section 5.4). */
#ifndef REPORTS_HTTPS_H
#define REPORTS_HTTPS_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/http/http.h"
#include "reports/reporter.h"

struct https_url {
	struct str host; /* A-labels in lower case */
	int port; /* 0: none is named */
	struct str path; /* with the query, at least "/" */
};

/*
 * "https://HOST[:PORT][/PATH][?QUERY]"; a fragment is left out. AVER_SYNTAX:
 * another scheme, a user, an address in place of a name, no path that HTTP
 * could carry. AVER_NOMEM. The URL lives in a and uri.
 */
int https_url_parse(struct arena *a, struct str uri, struct https_url *out);

struct https_reply {
	bool sent; /* 2xx */
	bool mute; /* the host cannot be used: others to it would wait, too */
	int status; /* of HTTP; 0: there was no answer */
	char detail[HTTP_REASON + 64]; /* printable ASCII */
};

/* The client, made when it is needed first, by one thread. 0, or d says why. */
int https_open(struct reporter *r, struct diag *d);

/*
 * Sends it with that media type to one of the addresses that the DNS has for
 * the host and the configuration allows. Whatever fails may work later. After
 * https_open() by any number of threads, report_senders at the same time.
 */
void https_post(struct reporter *r, struct str uri, const char *content_type,
    struct str content, struct https_reply *out);

#endif
