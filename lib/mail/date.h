/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Dates of message headers (RFC 5322 section 3.3) and of JSON reports. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

/* A point of time in UTC on the proleptic Gregorian calendar. */
struct date {
	int64_t year;
	unsigned month, day; /* from 1 */
	unsigned hour, minute, second;
	unsigned weekday; /* 0: Sunday */
};

/* t: seconds since the epoch, any value whose year fits. */
void date_of(int64_t t, struct date *out);
/* The inverse; the weekday is not looked at. */
int64_t date_seconds(const struct date *d);

/* Appends "Sun, 1 Nov 2026 10:00:00 +0000". */
void date_print(struct buf *b, int64_t t);
/* Appends "2026-11-01T10:00:00Z" (RFC 3339 section 5.6). */
void date_print_3339(struct buf *b, int64_t t);

#endif
