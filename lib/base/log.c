/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/base/chars.h"

#define VALUE_MAX 256
#define LINE_MAX_OCTETS 4096

static enum log_where destination = LOG_TO_STDERR;
static atomic_int most_level = LOG_LVL_INFO;
static const char *program_name = "aver";

void
log_open(const char *program, enum log_where where, int facility)
{
	program_name = program;
	destination = where;
	if (where == LOG_TO_SYSLOG)
		openlog(program, LOG_PID | LOG_NDELAY, facility);
}

void
log_set_level(enum log_level most)
{
	atomic_store_explicit(&most_level, most, memory_order_relaxed);
}

bool
log_wants(enum log_level level)
{
	return (int)level <=
	       atomic_load_explicit(&most_level, memory_order_relaxed);
}

/* One write for each line, so that lines of several threads do not mix. */
static void
write_line(const char *word, struct str text)
{
	char line[LINE_MAX_OCTETS];
	int n = snprintf(line, sizeof(line), "%s[%ld]: %s%.*s\n", program_name,
	    (long)getpid(), word, STRF(text));
	ssize_t written;

	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* there is nobody to tell when standard error is gone */
	written = write(STDERR_FILENO, line, (size_t)n);
	(void)written;
}

static void
emit(enum log_level level, struct str text)
{
	static const int priority[] = {
	    LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	static const char *const word[] = {
	    "error: ", "warning: ", "", "debug: "};

	if (destination == LOG_TO_SYSLOG)
		syslog(priority[level], "%s%.*s", word[level], STRF(text));
	else
		write_line(word[level], text);
}

void
log_msg(enum log_level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if (chars_is(*p, CH_CTL))
			*p = '?';
	emit(level, str_from_z(text));
}

void
log_line(enum log_level level, const struct buf *line)
{
	if (buf_ok(line) && log_wants(level))
		emit(level, buf_str(line));
}

static bool
is_plain(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!chars_is(v.p[i], CH_PRINT) || v.p[i] == ' ' ||
		    v.p[i] == '"' || v.p[i] == '\\')
			return false;
	return v.n > 0;
}

static void
quoted(struct buf *b, struct str v)
{
	buf_add_c(b, '"');
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == '"' || c == '\\')
			buf_add_c(b, '\\');
		if (chars_is(c, CH_PRINT))
			buf_add_c(b, c);
		else
			buf_addf(b, "\\x%02x", (unsigned char)c);
	}
	buf_add_c(b, '"');
}

void
kv_str(struct buf *b, const char *key, struct str value)
{
	struct str kept = str_head(value, VALUE_MAX);

	if (b->n)
		buf_add_c(b, ' ');
	buf_add_z(b, key);
	buf_add_c(b, '=');
	if (is_plain(kept))
		buf_add(b, kept);
	else
		quoted(b, kept);
	if (kept.n < value.n)
		buf_add_z(b, "...");
}

void
kv_z(struct buf *b, const char *key, const char *value)
{
	kv_str(b, key, str_from_z(value));
}

void
kv_i64(struct buf *b, const char *key, int64_t value)
{
	if (b->n)
		buf_add_c(b, ' ');
	buf_addf(b, "%s=%lld", key, (long long)value);
}
