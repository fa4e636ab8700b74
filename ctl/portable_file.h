/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A file of lines as portable.h has them: "store" first, "end" last with the
 * number and the SHA-256 of what is before it. Memory does not depend on the
 * file's size.
 */
#ifndef CTL_PORTABLE_FILE_H
#define CTL_PORTABLE_FILE_H

#include <stdint.h>
#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/sha256.h"
#include "ctl/portable.h"

struct portable_writer {
	FILE *f;
	struct sha256 *sum;
	struct buf line;
	uint64_t lines;
};

/* The lines go to f, which stays the caller's. AVER_NOMEM. */
int portable_writer_init(struct portable_writer *w, FILE *f);
void portable_writer_fini(struct portable_writer *w);
/* AVER_IO, AVER_NOMEM, AVER_LIMIT. */
int portable_write(
    struct portable_writer *w, const struct portable *p, struct diag *d);
/* The last line, and everything that stdio keeps. */
int portable_write_end(struct portable_writer *w, struct diag *d);

/*
 * Reads f from where it stands to its end: one call of fn for each line, the
 * first and the last included, with its number (from 1); p's texts are in
 * arena, which is emptied for each line. fn returns 0 to go on, anything else
 * stops and is returned, with "NAME:LINE: " put before the text in d.
 * AVER_SYNTAX: the file is damaged, cut short, or no such file. fn has seen the
 * lines before; the sum is known to be right when it sees the last one.
 */
int portable_read(FILE *f, const char *name, struct arena *arena,
    int (*fn)(
	void *arg, uint64_t line, const struct portable *p, struct diag *d),
    void *arg, struct diag *d);

#endif
