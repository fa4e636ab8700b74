/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The file that report_credentials names:
 *
 *     # comment
 *     user = reports@example.com
 *     password = secret words, as they are
 *
 * One line each, in any order; white space around a value is not part of it.
 */
#ifndef SMTP_CREDENTIALS_H
#define SMTP_CREDENTIALS_H

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

#define CREDENTIALS_OCTETS_MAX 4096
#define CREDENTIALS_VALUE_MAX 512

struct credentials {
	struct str user, password; /* well-formed UTF-8 without controls */
};

/*
 * The views of *out point into text. Returns 0, or AVER_CONF with d, which
 * never holds anything of the text.
 */
int credentials_parse(struct str text, struct credentials *out, struct diag *d);

#endif
