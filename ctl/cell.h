/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Cells of the tables that commands print. This is the escaper of what goes to
 * a terminal: octets that are not printable ASCII, and the backslash, become
 * \xHH.
 */
#ifndef CTL_CELL_H
#define CTL_CELL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

/* s, escaped. */
void cell_escape(struct buf *b, struct str s);
/* The same without spaces (\x20), and "-" when s is empty. */
void cell_add(struct buf *b, struct str s);
/* Spaces up to that column, at least two between words. */
void cell_column(struct buf *b, size_t at);
/* Seconds since the epoch as YYYY-MM-DDTHH:MM:SSZ. */
void cell_time(struct buf *b, int64_t t);

#endif
