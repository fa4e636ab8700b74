/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The value of report_transport: see transport.h. */
#ifndef CONF_TRANSPORT_URL_H
#define CONF_TRANSPORT_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"

enum transport_kind {
	TRANSPORT_SENDMAIL,
	TRANSPORT_SMTP,
	TRANSPORT_SUBMISSION,
	TRANSPORT_SUBMISSIONS,
	TRANSPORT_DIRECTORY,
	TRANSPORT_KIND_COUNT
};

const char *transport_kind_name(enum transport_kind k); /* the scheme */

struct transport_url {
	enum transport_kind kind;
	struct str path; /* sendmail, directory: absolute */
	struct str host; /* a name or an address without brackets */
	bool literal; /* host is an address */
	uint16_t port; /* given, or the scheme's */
};

/*
 * False when s is none; *out is then untouched. The views point into s or are
 * constants. Schemes without regard to case; an IPv6 address in brackets; no
 * user, query or fragment.
 */
bool transport_url_parse(struct str s, struct transport_url *out);

#endif
