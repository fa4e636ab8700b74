/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Where lines of Postfix's log come from: a file that is rotated, the journal,
 * or a stream. One thread.
 */
#ifndef POLICYD_LOG_SOURCE_H
#define POLICYD_LOG_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

#define LOG_LINE_MAX ((size_t)16384) /* longer ones are passed over */
#define LOG_CURSOR_MAX ((size_t)300)

/* A place between two lines. All 0: none. */
struct log_mark {
	/* of a file */
	uint64_t dev, ino, offset;
	/* hash of the last octets before offset, to know the file again */
	uint64_t check;
	uint64_t n_check; /* how many octets */
	/* of the journal; empty else */
	char cursor[LOG_CURSOR_MAX];
};

bool log_mark_is(const struct log_mark *m); /* not none */
bool log_mark_eq(const struct log_mark *a, const struct log_mark *b);
/* One line of text without its end, and back; false when it is none. */
void log_mark_print(struct buf *b, const struct log_mark *m);
bool log_mark_parse(struct str s, struct log_mark *out);

struct log_source {
	/*
	 * Goes to the mark; none: to the end of what is there, so that only
	 * new lines come. Returns 0; AVER_NOTFOUND: the place is gone, and it
	 * begins with the oldest lines that are certainly newer; others with d
	 * filled: try again later.
	 */
	int (*seek)(void *self, const struct log_mark *at, struct diag *d);
	/* Where it is; none when that is not known. */
	void (*here)(void *self, struct log_mark *out);
	/*
	 * The next line, a view until the next call, and the place after it.
	 * Returns 1; 0: none now; AVER_NOTFOUND: there will never be one;
	 * others with d filled: try again later. Never waits.
	 */
	int (*next)(void *self, struct str *line, struct log_mark *after,
	    struct diag *d);
	/* A descriptor to wait for, or -1: look again after some time. */
	int (*fd)(void *self);
	/* Octets that are there and have not been read, as far as known. */
	uint64_t (*lag)(void *self);
	void (*close)(void *self); /* frees self */
	void *self;
};

/* path: followed by name. AVER_NOMEM. */
int log_source_file(const char *path, struct log_source *out);
/*
 * command: journalctl(1). It is started by the first seek, without a shell.
 * Its messages of the facility mail come as lines of syslog.
 */
int log_source_journal(const char *command, struct log_source *out);
/* A descriptor that stays the caller's. */
int log_source_stream(int fd, struct log_source *out);

#endif
