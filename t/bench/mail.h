/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The corpus that corpus.py wrote, in memory in the form an MTA has it. */
#ifndef BENCH_MAIL_H
#define BENCH_MAIL_H

#include <stddef.h>

struct mail_field {
	const char *name;
	const char *value; /* from after the colon; folds as LF */
};

/* Text is NUL-terminated; "" where there is none. */
struct mail {
	const char *file, *ip, *host, *helo, *mail_from, *rcpt;
	const char *spf, *dkim, *dmarc; /* expected results */
	struct mail_field *fields;
	size_t n_fields;
	const char *body; /* CRLF lines */
	size_t body_n;
	size_t octets; /* of the whole message */
};

/*
 * Reads FOLDER/index.tsv and the messages it names. Ends the program with a
 * message when something is missing. *out lives as long as the process.
 */
size_t mail_load(const char *folder, struct mail **out);

#endif
