/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/net/attrline.h"

#include <string.h>

enum frame_result
attrline_frame(struct str in, size_t max, struct frame *f)
{
	size_t at = f->scanned;

	while (at < in.n && at < max) {
		const char *lf =
		    memchr(in.p + at, '\n', (in.n < max ? in.n : max) - at);

		if (!lf) {
			at = in.n;
			break;
		}
		at = (size_t)(lf - in.p);
		/* an empty line: the first one, or after another's end */
		if (at == 0 || in.p[at - 1] == '\n') {
			f->body = (struct str){in.p, at};
			f->used = at + 1;
			return FRAME_READY;
		}
		at++;
	}
	f->scanned = at;
	return in.n >= max ? FRAME_LONG : FRAME_MORE;
}

enum attrline_result
attrline_next(struct str *rest, struct str *name, struct str *value)
{
	struct str line, v, n;

	if (rest->n == 0)
		return ATTRLINE_END;
	line = str_cut(*rest, '\n', rest);
	n = str_cut(line, '=', &v);
	if (!v.p || n.n == 0 || str_chr(line, '\0') < line.n)
		return ATTRLINE_BAD;
	*name = n;
	*value = v;
	return ATTRLINE_OK;
}
