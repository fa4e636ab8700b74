/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What an operation that is no protocol verdict can answer. Operations return
 * int: 0, or one of these (all negative). A protocol verdict (SPF permerror,
 * DMARC fail) is a value of its own enum and never one of these.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum aver_err {
	AVER_NOMEM = -1, /* out of memory */
	AVER_LIMIT = -2, /* a bound of ours was reached */
	AVER_SYNTAX = -3, /* the input is not of its grammar */
	AVER_NOTFOUND = -4, /* there is no such thing */
	AVER_TEMP = -5, /* may work later */
	AVER_IO = -6, /* the system said no; errno tells more */
	AVER_CONF = -7, /* the operator's configuration is at fault */
	AVER_CRYPTO = -8, /* OpenSSL refused */
	AVER_BUG = -9, /* an impossible state */
};

/* Returns a short constant text for an enum aver_err, "ok" for 0. */
const char *aver_err_name(int err);

#endif
