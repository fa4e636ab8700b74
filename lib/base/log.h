/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Log lines of the programs: "subject: key=value key=value". The line is
 * built in a buffer by kv_*(), which is the one escaper for logs, and written
 * by log_line(). Libraries of lib/ that evaluate never log.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

enum log_level { LOG_LVL_ERROR, LOG_LVL_WARN, LOG_LVL_INFO, LOG_LVL_DEBUG };

enum log_where { LOG_TO_SYSLOG, LOG_TO_STDERR };

/*
 * Call once, before threads. program: a literal, the syslog identity.
 * facility: as for openlog(3), ignored on standard error.
 */
void log_open(const char *program, enum log_where where, int facility);
void log_set_level(enum log_level most);
bool log_wants(enum log_level level);

/* One line of plain text; control octets in it are replaced. */
void log_msg(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A line built by kv_*(); no-op when the buffer failed. */
void log_line(enum log_level level, const struct buf *line);

/*
 * Appends " key=value". A value that is empty or holds a space, quote,
 * backslash, control or non-ASCII octet is put in double quotes, with \"
 * \\ and \xHH; at most 256 octets of it are kept, then "...". key: a
 * literal.
 */
void kv_str(struct buf *b, const char *key, struct str value);
void kv_z(struct buf *b, const char *key, const char *value);
void kv_i64(struct buf *b, const char *key, int64_t value);

#endif
