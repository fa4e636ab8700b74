/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The input as lines of a log. */

#include <assert.h>

#include "lib/base/chars.h"
#include "lib/base/ip.h"
#include "lib/tlsrpt/postfix_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
	struct str text; /* all lines */
	uint64_t events;
};

static void
check_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		assert(chars_is(s.p[i], CH_LDH | CH_TAGNAME) || s.p[i] == '.');
}

static void
check_event(void *arg, const struct postfix_event *e)
{
	struct sink *s = arg;
	int64_t t;
	struct ip ip;

	s->events++;
	check_name(e->mx);
	assert(e->ip.n == 0 || ip_parse(e->ip, &ip));
	assert(e->level < POSTFIX_LEVEL_COUNT);
	assert(e->result < TLSRPT_RESULT_COUNT);
	assert(e->kind == POSTFIX_EVENT_OFFER || e->domain.n > 0);
	assert(e->domain.n <= POSTFIX_LINE_MAX);
	for (size_t i = 0; i < e->reason.n; i++)
		assert(chars_is(e->reason.p[i], CH_LDH | CH_TAGNAME));
	postfix_stamp_time(e->stamp, 1795608000, 3600, &t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sink s = {.text = {(const char *)data, size}};
	struct postfix_log_stats stats;
	struct str rest = s.text;
	struct postfix_log *l;
	uint64_t lines = 0;
	struct arena a;
	int64_t t;

	arena_init(&a, (size_t)1 << 20);
	l = postfix_log_new(&a, 8, check_event, &s);
	assert(l);
	for (; rest.n; lines++)
		postfix_log_line(l, str_cut(rest, '\n', &rest));
	postfix_log_stats(l, &stats);
	assert(stats.lines == lines && stats.events == s.events);
	assert(stats.used <= lines);
	/* a line makes at most the event of its own and those of four hosts */
	assert(stats.events <= 5 * stats.used);
	postfix_stamp_time(str_head(s.text, 40), (int64_t)size, 0, &t);
	arena_fini(&a);
	return 0;
}
