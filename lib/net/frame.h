/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the framers of this folder answer. A framer looks at octets that a
 * client has sent so far and finds the first request in them. It is asked
 * again when there are more; what it has looked at already it does not look
 * at again.
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include <stddef.h>

#include "lib/base/str.h"

enum frame_result {
	FRAME_MORE, /* no whole request yet */
	FRAME_READY,
	FRAME_BAD, /* not of this protocol: nothing that follows can be read */
	FRAME_LONG, /* longer than the limit */
};

struct frame {
	/* kept between two calls for the same request; 0 for a new one */
	size_t scanned;
	/* set with FRAME_READY */
	struct str body; /* a view into the octets */
	size_t used; /* octets that belong to the request, frame included */
};

#endif
