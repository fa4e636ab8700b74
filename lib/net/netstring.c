/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/net/netstring.h"

enum frame_result
netstring_frame(struct str in, size_t max, struct frame *f)
{
	size_t n = 0, i = 0;

	for (; i < in.n && in.p[i] >= '0' && in.p[i] <= '9'; i++) {
		if (i > 0 && n == 0)
			return FRAME_BAD; /* a leading zero */
		n = n * 10 + (size_t)(in.p[i] - '0');
		if (n > max)
			return FRAME_LONG;
	}
	if (i == in.n)
		return FRAME_MORE;
	if (i == 0 || in.p[i] != ':')
		return FRAME_BAD;
	i++;
	if (in.n - i <= n)
		return FRAME_MORE;
	if (in.p[i + n] != ',')
		return FRAME_BAD;
	f->body = (struct str){in.p + i, n};
	f->used = i + n + 1;
	return FRAME_READY;
}

void
netstring_add(struct buf *b, struct str s)
{
	buf_add_u64(b, s.n);
	buf_add_c(b, ':');
	buf_add(b, s);
	buf_add_c(b, ',');
}
