/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <string.h>

#include "lib/base/chars.h"
#include "policyd/log_source.h"

bool
log_mark_is(const struct log_mark *m)
{
	return m->ino || m->cursor[0];
}

bool
log_mark_eq(const struct log_mark *a, const struct log_mark *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->offset == b->offset &&
	       strcmp(a->cursor, b->cursor) == 0;
}

void
log_mark_print(struct buf *b, const struct log_mark *m)
{
	if (m->cursor[0]) {
		buf_addf(b, "cursor %s", m->cursor);
		return;
	}
	buf_add_z(b, "file ");
	buf_add_u64(b, m->dev);
	buf_add_c(b, ' ');
	buf_add_u64(b, m->ino);
	buf_add_c(b, ' ');
	buf_add_u64(b, m->offset);
	buf_add_c(b, ' ');
	buf_add_u64(b, m->check);
	buf_add_c(b, ' ');
	buf_add_u64(b, m->n_check);
}

/* What goes to journalctl(1) as an argument. */
static bool
parse_cursor(struct str s, struct log_mark *out)
{
	if (s.n == 0 || s.n >= LOG_CURSOR_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_PRINT) || s.p[i] == ' ')
			return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->cursor, s.p, s.n);
	return true;
}

bool
log_mark_parse(struct str s, struct log_mark *out)
{
	struct str rest, word = str_cut(s, ' ', &rest);
	struct log_mark m = {.dev = 0};
	uint64_t *v[] = {&m.dev, &m.ino, &m.offset, &m.check, &m.n_check};
	size_t i;

	if (str_eq(word, STR("cursor")))
		return parse_cursor(rest, out);
	if (!str_eq(word, STR("file")))
		return false;
	for (i = 0; i < sizeof(v) / sizeof(v[0]) && rest.p; i++)
		if (!str_to_u64(str_cut(rest, ' ', &rest), UINT64_MAX, v[i]))
			return false;
	if (rest.p || i != sizeof(v) / sizeof(v[0]))
		return false;
	*out = m;
	return true;
}
