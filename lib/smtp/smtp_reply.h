/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * An SMTP reply as it comes in, octet by octet: one or more lines with the
 * same code (RFC 5321 section 4.2.1). Whatever the server sends, memory is
 * the struct's and nothing else.
 */
#ifndef SMTP_SMTP_REPLY_H
#define SMTP_SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"

#define SMTP_REPLY_LINE_MAX 4096 /* octets, without the line's end */
#define SMTP_REPLY_LINES_MAX 128
#define SMTP_REPLY_TEXT_MAX 16384

/* An enhanced status code (RFC 3463 section 2). */
struct smtp_status {
	uint8_t class; /* 2, 4 or 5; 0: none */
	uint16_t subject, detail; /* 0-999 */
};

struct smtp_reply {
	int code; /* 200-599 once the first line is there */
	unsigned lines; /* complete ones */
	size_t n; /* octets of text */
	/* What follows the code and its separator, a "\n" after each line. */
	char text[SMTP_REPLY_TEXT_MAX];
	/* state of the reader */
	size_t column, start; /* in the line; where its text begins */
	int line_code;
	bool last, cr;
	const char *wrong;
};

enum smtp_feed { SMTP_FEED_MORE, SMTP_FEED_DONE, SMTP_FEED_BAD };

void smtp_reply_init(struct smtp_reply *r);
/*
 * Takes octets of *in up to the end of the reply and removes them from *in.
 * SMTP_FEED_BAD: no reply (bad code, codes that differ, a NUL, a CR within a
 * line, too long); r->wrong says which, and the state stays so. A line may end
 * in LF alone.
 */
enum smtp_feed smtp_reply_feed(struct smtp_reply *r, struct str *in);

/* The text of a complete reply: a "\n" after each line. */
struct str smtp_reply_text(const struct smtp_reply *r);
/*
 * The enhanced status code of the first line; class 0 when there is none, or
 * one of another class than the code (RFC 2034 section 4).
 */
struct smtp_status smtp_reply_status(const struct smtp_reply *r);
/*
 * The text without enhanced status codes as one line of printable ASCII in
 * out, NUL-terminated and cut to fit; size > 0.
 */
void smtp_reply_print(const struct smtp_reply *r, char *out, size_t size);

/* "5.7.1" and no more at the begin of s, followed by a space or the end. */
bool smtp_status_parse(struct str s, struct smtp_status *out, size_t *length);

#endif
