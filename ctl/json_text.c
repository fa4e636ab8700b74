/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/json_text.h"

#include "lib/base/b64.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

json_t *
json_text_out(struct str s)
{
	json_t *j = json_stringn(s.n ? s.p : "", s.n);
	struct buf b;

	if (j)
		return j;
	/* it is no UTF-8 */
	buf_init(&b, NULL, 4 * (s.n + 1));
	b64_encode(&b, s);
	j = buf_ok(&b) ? json_pack("{s:s}", "b64", buf_z(&b)) : NULL;
	buf_fini(&b);
	return j;
}

static struct str
string_of(const json_t *j)
{
	return (struct str){json_string_value(j), json_string_length(j)};
}

int
json_text_in(const json_t *j, struct arena *arena, struct str *out)
{
	const json_t *b64 = json_object_get(j, "b64");
	struct str s;

	if (json_is_string(j)) {
		s = arena_dup(arena, string_of(j));
		if (s.n != json_string_length(j))
			return AVER_NOMEM;
		*out = s;
		return 0;
	}
	if (!json_is_string(b64) || json_object_size(j) != 1)
		return AVER_NOTFOUND;
	return b64_decode(arena, string_of(b64), out);
}
