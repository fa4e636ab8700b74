/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The file that remembers how far the log has been read. */
#ifndef POLICYD_LOG_STATE_H
#define POLICYD_LOG_STATE_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "policyd/log_source.h"

#define LOG_STATE_SOURCE 33

struct log_state {
	char source[LOG_STATE_SOURCE]; /* the name in the store, made once */
	uint64_t seq; /* of the last batch that was begun; 0: none */
	/*
	 * That batch is what stands between begin and end. look: a place before
	 * begin, from where the sessions that had begun are read again.
	 */
	struct log_mark look, begin, end;
};

/* A new one, with a name of its own. AVER_IO when there is no randomness. */
int log_state_new(struct log_state *out);
void log_state_print(struct buf *b, const struct log_state *s);
bool log_state_parse(struct str text, struct log_state *out);

/* AVER_NOTFOUND (none), AVER_SYNTAX (damaged), AVER_IO. */
int log_state_load(const char *path, struct log_state *out, struct diag *d);
/* All or nothing, whatever is killed when. */
int log_state_save(const char *path, const struct log_state *s, struct diag *d);

#endif
