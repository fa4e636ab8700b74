/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/journal_export.h"

#include <string.h>
#include <time.h>

#define SIZE_OCTETS 8
#define MICRO 1000000

static const char *const names[JOURNAL_FIELD_COUNT] = {
    [JOURNAL_CURSOR] = "__CURSOR",
    [JOURNAL_TIME] = "__REALTIME_TIMESTAMP",
    [JOURNAL_HOST] = "_HOSTNAME",
    [JOURNAL_NAME] = "SYSLOG_IDENTIFIER",
    [JOURNAL_PID] = "SYSLOG_PID",
    [JOURNAL_MESSAGE] = "MESSAGE",
};

static void
clear(struct journal_export *j)
{
	for (size_t i = 0; i < JOURNAL_FIELD_COUNT; i++) {
		j->v[i].n = 0;
		j->v[i].is_there = false;
	}
}

void
journal_export_init(struct journal_export *j)
{
	j->n = 0;
	j->skip = 0;
	j->skip_line = j->given = false;
	clear(j);
}

char *
journal_room(struct journal_export *j, size_t *n)
{
	*n = sizeof(j->in) - j->n;
	return j->in + j->n;
}

void
journal_added(struct journal_export *j, size_t n)
{
	j->n += n;
}

static void
eat(struct journal_export *j, size_t n)
{
	memmove(j->in, j->in + n, j->n - n);
	j->n -= n;
}

static void
set(struct journal_export *j, struct str name, struct str value)
{
	for (size_t i = 0; i < JOURNAL_FIELD_COUNT; i++) {
		if (!str_eq(name, str_from_z(names[i])))
			continue;
		value = str_head(value, JOURNAL_VALUE);
		if (value.n)
			memcpy(j->v[i].p, value.p, value.n);
		j->v[i].n = value.n;
		j->v[i].is_there = true;
	}
}

/* What is being passed over; false when there is more of it to come. */
static bool
pass_over(struct journal_export *j)
{
	size_t n;

	if (j->skip) {
		n = j->skip < j->n ? (size_t)j->skip : j->n;
		j->skip -= n;
		eat(j, n);
		if (j->skip)
			return false;
	}
	if (j->skip_line) {
		n = str_chr((struct str){j->in, j->n}, '\n');
		j->skip_line = n == j->n;
		eat(j, j->skip_line ? n : n + 1);
	}
	return !j->skip_line;
}

static uint64_t
size_at(const char *p)
{
	uint64_t v = 0;

	for (int i = SIZE_OCTETS - 1; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

/* A value with its length in front; false when it is not all there. */
static bool
take_binary(struct journal_export *j, struct str name)
{
	size_t head = name.n + 1 + SIZE_OCTETS;
	uint64_t size;

	if (j->n < head)
		return false;
	size = size_at(j->in + name.n + 1);
	if (size > sizeof(j->in) - head - 1) {
		/* too long to be of interest; a newline stands behind it */
		j->skip = size < UINT64_MAX ? size + 1 : size;
		eat(j, head);
		return true;
	}
	if (j->n < head + size + 1)
		return false;
	set(j, name, (struct str){j->in + head, (size_t)size});
	eat(j, head + (size_t)size + 1);
	return true;
}

/* One field or the end of the entry; false when more octets are needed. */
static bool
take_field(struct journal_export *j, bool *is_end)
{
	struct str in = {j->in, j->n}, line, value;
	size_t end = str_chr(in, '\n');

	if (end == in.n) {
		if (in.n < sizeof(j->in))
			return false;
		j->skip_line = true;
		j->n = 0;
		return true;
	}
	line = str_head(in, end);
	*is_end = line.n == 0;
	if (str_chr(line, '=') == line.n && line.n) {
		/* a name that long is none, and its value has no place */
		if (line.n < sizeof(j->in) / 2)
			return take_binary(j, line);
		eat(j, end + 1);
		return true;
	}
	line = str_cut(line, '=', &value);
	set(j, line, value);
	eat(j, end + 1);
	return true;
}

static bool
is_empty(const struct journal_export *j)
{
	for (size_t i = 0; i < JOURNAL_FIELD_COUNT; i++)
		if (j->v[i].is_there)
			return false;
	return true;
}

bool
journal_next(struct journal_export *j)
{
	bool is_end = false;

	if (j->given)
		clear(j);
	j->given = false;
	for (;;) {
		if (!pass_over(j) || !take_field(j, &is_end))
			return false;
		if (is_end && !is_empty(j))
			return j->given = true;
		is_end = false;
	}
}

struct str
journal_value(const struct journal_export *j, enum journal_field f)
{
	return (struct str){j->v[f].p, j->v[f].n};
}

/* "2026-11-21T22:41:43+00:00" */
static bool
add_stamp(struct buf *b, struct str us)
{
	struct tm tm;
	uint64_t v;
	time_t t;

	if (!str_to_u64(us, INT64_MAX, &v))
		return false;
	t = (time_t)(v / MICRO);
	if (!gmtime_r(&t, &tm) || tm.tm_year > 8000)
		return false;
	buf_addf(b, "%04d-%02d-%02dT%02d:%02d:%02d+00:00", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return true;
}

static void
add_clean(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_add_c(b, s.p[i] == '\n' || s.p[i] == '\0' ? ' ' : s.p[i]);
}

void
journal_line(const struct journal_export *j, struct buf *b)
{
	struct str name = journal_value(j, JOURNAL_NAME);
	struct str host = journal_value(j, JOURNAL_HOST);
	struct str message = journal_value(j, JOURNAL_MESSAGE);

	if (name.n == 0 || message.n == 0 ||
	    !add_stamp(b, journal_value(j, JOURNAL_TIME)))
		return;
	buf_add_c(b, ' ');
	add_clean(b, host.n ? host : STR("-"));
	buf_add_c(b, ' ');
	add_clean(b, name);
	buf_add_c(b, '[');
	add_clean(b, journal_value(j, JOURNAL_PID));
	buf_add_z(b, "]: ");
	add_clean(b, message);
}
