/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/zip/gz.h"

#include <stdlib.h>

#include <zlib.h>

#include "lib/base/err.h"
#include "lib/zip/inflate.h"

/* RFC 1952 section 2.3: what each member adds to the deflated data. */
#define HEADER_SIZE 10
#define TRAILER_SIZE 8
#define GZIP_FORMAT 16 /* zlib's window bits: with this, a gzip header */
#define MEM_LEVEL 8
#define OUT_SIZE ((size_t)32 * 1024)

struct gz_writer {
	z_stream z;
	int (*sink)(void *arg, struct str octets);
	void *arg;
	uint64_t size; /* given to the sink */
	uint64_t held; /* octets added since the last sync, at most */
	bool live; /* between begin and end, nothing failed */
	unsigned char out[OUT_SIZE];
};

/* --- writing */

struct gz_writer *
gz_writer_new(int level)
{
	struct gz_writer *w = calloc(1, sizeof(*w));

	if (w && deflateInit2(&w->z, level, Z_DEFLATED, MAX_WBITS + GZIP_FORMAT,
		     MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(w);
		return NULL;
	}
	return w;
}

void
gz_writer_free(struct gz_writer *w)
{
	if (!w)
		return;
	deflateEnd(&w->z);
	free(w);
}

void
gz_writer_begin(
    struct gz_writer *w, int (*sink)(void *arg, struct str octets), void *arg)
{
	w->sink = sink;
	w->arg = arg;
	w->size = 0;
	w->held = 0;
	w->live = deflateReset(&w->z) == Z_OK;
}

static int
give(struct gz_writer *w)
{
	size_t n = OUT_SIZE - w->z.avail_out;
	int err = 0;

	if (n)
		err = w->sink(w->arg, (struct str){(const char *)w->out, n});
	w->size += n;
	return err;
}

/* Has zlib take all that is in next_in; gives what it makes to the sink. */
static int
run(struct gz_writer *w, int flush)
{
	int err = 0, status;

	if (!w->live)
		return AVER_BUG;
	do {
		w->z.next_out = w->out;
		w->z.avail_out = OUT_SIZE;
		status = deflate(&w->z, flush);
		if (status == Z_STREAM_ERROR)
			err = AVER_BUG;
		else
			err = give(w);
	} while (!err && w->z.avail_out == 0);
	if (err)
		w->live = false;
	return err;
}

int
gz_writer_add(struct gz_writer *w, struct str octets)
{
	int err = w->live ? 0 : AVER_BUG;

	while (!err && octets.n) {
		struct str part = str_head(octets, (size_t)1 << 30);

		w->z.next_in = (z_const Bytef *)part.p;
		w->z.avail_in = (uInt)part.n;
		w->held += part.n;
		octets = str_from(octets, part.n);
		err = run(w, Z_NO_FLUSH);
	}
	return err;
}

int
gz_writer_sync(struct gz_writer *w)
{
	int err;

	w->z.next_in = NULL;
	w->z.avail_in = 0;
	if (w->live && w->held == 0)
		return 0;
	err = run(w, Z_SYNC_FLUSH);
	if (!err)
		w->held = 0;
	return err;
}

int
gz_writer_end(struct gz_writer *w)
{
	int err;

	w->z.next_in = NULL;
	w->z.avail_in = 0;
	err = run(w, Z_FINISH);
	w->held = 0;
	w->live = false;
	return err;
}

/*
 * What cannot be compressed is stored, in blocks of some 16 kB with 5 octets
 * of head: zlib's own deflateBound() says so for this memory level.
 */
uint64_t
gz_writer_bound(const struct gz_writer *w, uint64_t more)
{
	uint64_t held = w->held + more;
	uint64_t begun = w->size ? 0 : HEADER_SIZE;

	return w->size + begun + held + (held >> 12) + (held >> 14) + 64 +
	       TRAILER_SIZE;
}

uint64_t
gz_writer_size(const struct gz_writer *w)
{
	return w->size;
}

/* --- reading */

bool
gz_is(struct str in)
{
	return str_starts(in, STR("\x1f\x8b\x08"));
}

int
gz_inflate(struct str in, uint64_t max,
    int (*sink)(void *arg, struct str octets), void *arg, struct diag *d)
{
	struct inflate_job job = {.sink = sink, .arg = arg, .max = max};
	struct str rest = in;
	int err;

	if (!gz_is(in))
		return diag_set(d, AVER_SYNTAX, 0, "no gzip file");
	err = inflate_begin(&job, INFLATE_GZIP, d);
	if (err)
		return err;
	do {
		err = inflate_run(&job, rest, &rest, d);
	} while (!err && gz_is(rest));
	inflate_end(&job);
	return err;
}
