/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * gzip (RFC 1952): a streaming writer, and a reader with a bound.
 *
 * Both hand their output to a sink, piece by piece: int fn(void *arg, struct
 * str octets). A sink that returns other than 0 stops the work, and that value
 * comes back from the function that called it.
 */
#ifndef ZIP_GZ_H
#define ZIP_GZ_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"

/* --- writing */

struct gz_writer;

/* How hard to try: zlib's levels. */
#define GZ_FAST 1
#define GZ_SMALL 6

/*
 * A writer for any number of gzip members, one after the other; it takes
 * about 300 kB once and nothing later. NULL when memory is out. To be freed
 * with gz_writer_free(), which takes NULL too.
 */
struct gz_writer *gz_writer_new(int level);
void gz_writer_free(struct gz_writer *w);

/*
 * Begins a member; one that was not ended is forgotten. The header has no
 * name and no time, so that the same input always gives the same octets.
 */
void gz_writer_begin(
    struct gz_writer *w, int (*sink)(void *arg, struct str octets), void *arg);
/* 0, the sink's value, or AVER_BUG. After a failure only begin works. */
int gz_writer_add(struct gz_writer *w, struct str octets);
/* Completes the member. */
int gz_writer_end(struct gz_writer *w);
/*
 * Has all that was added so far given to the sink, as a block of its own. It
 * costs some octets: for who needs to know the size.
 */
int gz_writer_sync(struct gz_writer *w);
/*
 * The size that the member has at most when it is ended after `more` further
 * octets. What the compressor still holds back counts uncompressed;
 * gz_writer_sync() makes that nothing.
 */
uint64_t gz_writer_bound(const struct gz_writer *w, uint64_t more);
/* Octets given to the sink since begin; after end the member's size. */
uint64_t gz_writer_size(const struct gz_writer *w);

/* --- reading */

/* in begins as a gzip file does. */
bool gz_is(struct str in);

/*
 * Inflates the gzip members of in, at most max octets in all. Octets after the
 * last member that begin no further one are ignored, as gzip(1) does. Returns
 * 0, the sink's value, AVER_SYNTAX (no gzip, damaged, cut off, wrong check
 * sum), AVER_LIMIT (more than max) or AVER_NOMEM; what came before the fault
 * has been given to the sink.
 */
int gz_inflate(struct str in, uint64_t max,
    int (*sink)(void *arg, struct str octets), void *arg, struct diag *d);

#endif
