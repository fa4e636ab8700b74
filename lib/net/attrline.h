/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Lists of attributes as SMTPD_POLICY_README has them: "name=value" lines
 * that end in LF, and an empty line.
 */
#ifndef NET_ATTRLINE_H
#define NET_ATTRLINE_H

#include "lib/base/str.h"
#include "lib/net/frame.h"

/*
 * The body are the lines without the empty one. max: most octets of all
 * lines, the empty one included.
 */
enum frame_result attrline_frame(struct str in, size_t max, struct frame *f);

enum attrline_result {
	ATTRLINE_END,
	ATTRLINE_OK,
	ATTRLINE_BAD, /* a line without "=", without a name, or with NUL */
};

/*
 * Takes the next line off *rest, the body of a request. The value is what
 * stands after the first "=", as it is.
 */
enum attrline_result
attrline_next(struct str *rest, struct str *name, struct str *value);

#endif
