/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Lines that somebody writes to a descriptor of ours. No place is kept. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "policyd/log_source.h"

struct log_stream {
	int fd;
	char buf[LOG_LINE_MAX];
	size_t at, n;
	bool is_long;
};

static int
stream_seek(void *self, const struct log_mark *at, struct diag *d)
{
	(void)self;
	(void)at;
	(void)d;
	return 0;
}

static void
stream_here(void *self, struct log_mark *out)
{
	(void)self;
	memset(out, 0, sizeof(*out));
}

static bool
take_line(struct log_stream *s, struct str *line)
{
	struct str rest = {s->buf + s->at, s->n - s->at};
	size_t end = str_chr(rest, '\n');

	if (end == rest.n)
		return false;
	*line = s->is_long ? STR_NONE : str_head(rest, end);
	s->at += end + 1;
	s->is_long = false;
	return true;
}

static void
shift(struct log_stream *s)
{
	if (s->at == 0 && s->n == LOG_LINE_MAX) {
		s->is_long = true;
		s->n = 0;
		return;
	}
	memmove(s->buf, s->buf + s->at, s->n - s->at);
	s->n -= s->at;
	s->at = 0;
}

static int
stream_next(
    void *self, struct str *line, struct log_mark *after, struct diag *d)
{
	struct log_stream *s = self;

	memset(after, 0, sizeof(*after));
	while (!take_line(s, line)) {
		/* the descriptor is shared: it stays as it is */
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, 0) <= 0)
			return 0;
		shift(s);
		n = read(s->fd, s->buf + s->n, LOG_LINE_MAX - s->n);
		if (n < 0)
			return errno == EINTR || errno == EAGAIN
				   ? 0
				   : diag_set(d, AVER_IO, 0,
					 "standard input: %s", strerror(errno));
		if (n == 0)
			return diag_set(
			    d, AVER_NOTFOUND, 0, "standard input has ended");
		s->n += (size_t)n;
	}
	return 1;
}

static int
stream_fd(void *self)
{
	return ((struct log_stream *)self)->fd;
}

static uint64_t
stream_lag(void *self)
{
	(void)self;
	return 0;
}

int
log_source_stream(int fd, struct log_source *out)
{
	struct log_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return AVER_NOMEM;
	s->fd = fd;
	*out = (struct log_source){stream_seek, stream_here, stream_next,
	    stream_fd, stream_lag, free, s};
	return 0;
}
