/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The journal's export format in two ways of cutting it up gives the same
 * entries, each of which is one line; a remembered place is printed as it was
 * read.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/journal_export.h"
#include "policyd/log_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
feed(struct str octets, size_t step, struct buf *out)
{
	struct journal_export *j = malloc(sizeof(*j));
	struct buf line;

	assert(j);
	journal_export_init(j);
	buf_init(&line, NULL, 100000);
	while (octets.n) {
		size_t room;
		char *p = journal_room(j, &room);

		assert(room > 0);
		room = room < octets.n ? room : octets.n;
		room = room < step ? room : step;
		memcpy(p, octets.p, room);
		journal_added(j, room);
		octets = str_from(octets, room);
		while (journal_next(j)) {
			buf_clear(&line);
			journal_line(j, &line);
			assert(buf_ok(&line));
			assert(str_chr(buf_str(&line), '\n') == line.n);
			buf_add(out, buf_str(&line));
			buf_add_c(out, '\n');
			buf_add(out, journal_value(j, JOURNAL_CURSOR));
			buf_add_c(out, '\n');
		}
	}
	buf_fini(&line);
	free(j);
}

static void
try_state(struct str text)
{
	struct log_state s;
	struct buf b;

	if (!log_state_parse(text, &s))
		return;
	buf_init(&b, NULL, 100000);
	log_state_print(&b, &s);
	assert(log_state_parse(buf_str(&b), &s));
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct buf whole, pieces;

	buf_init(&whole, NULL, (size_t)8 << 20);
	buf_init(&pieces, NULL, (size_t)8 << 20);
	feed(text, SIZE_MAX, &whole);
	feed(text, 3, &pieces);
	assert(str_eq(buf_str(&whole), buf_str(&pieces)));
	buf_fini(&whole);
	buf_fini(&pieces);
	try_state(text);
	return 0;
}
