/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What went wrong, for a human: a short text and where in the input. Library
 * functions fill one when the caller passes it (NULL is allowed everywhere)
 * and never log. The text holds printable ASCII only: other octets of the
 * arguments are replaced.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stddef.h>

struct diag {
	char text[160];
	size_t offset; /* octets into the input, 0 when it has no meaning */
};

/* Fills d (when not NULL) and returns err, so that a caller can return it. */
int diag_set(struct diag *d, int err, size_t offset, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
