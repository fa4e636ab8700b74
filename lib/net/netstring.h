/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Netstrings, LENGTH ":" OCTETS ",", as socketmap_table(5) uses them: the
 * length is decimal, without sign, space or leading zeros.
 */
#ifndef NET_NETSTRING_H
#define NET_NETSTRING_H

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/net/frame.h"

/*
 * max: most octets between ":" and ",". A length above it is FRAME_LONG at
 * once, not when so much has arrived.
 */
enum frame_result netstring_frame(struct str in, size_t max, struct frame *f);

/* Appends s as a netstring. */
void netstring_add(struct buf *b, struct str s);

#endif
