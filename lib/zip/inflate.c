/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/zip/inflate.h"

#include <inttypes.h>
#include <stdlib.h>

#include <zlib.h>

#include "lib/base/err.h"

#define GZIP_FORMAT 16
#define OUT_SIZE ((size_t)32 * 1024)

struct inflate_state {
	z_stream z;
	unsigned char out[OUT_SIZE];
};

int
inflate_begin(
    struct inflate_job *job, enum inflate_format format, struct diag *d)
{
	int bits =
	    format == INFLATE_GZIP ? MAX_WBITS + GZIP_FORMAT : -MAX_WBITS;

	job->size = 0;
	job->crc = 0;
	job->state = calloc(1, sizeof(*job->state));
	if (job->state && inflateInit2(&job->state->z, bits) == Z_OK)
		return 0;
	free(job->state);
	job->state = NULL;
	return diag_set(d, AVER_NOMEM, 0, "out of memory");
}

void
inflate_end(struct inflate_job *job)
{
	if (!job->state)
		return;
	inflateEnd(&job->state->z);
	free(job->state);
	job->state = NULL;
}

/* What fits into the bound goes to the sink, even if not all of it does. */
static int
give(struct inflate_job *job, struct str out, struct diag *d)
{
	uint64_t room = job->max - job->size;
	struct str part = out.n > room ? str_head(out, (size_t)room) : out;
	int err = 0;

	job->size += part.n;
	job->crc =
	    (uint32_t)crc32(job->crc, (const Bytef *)part.p, (uInt)part.n);
	if (part.n)
		err = job->sink(job->arg, part);
	if (!err && part.n < out.n)
		err = diag_set(d, AVER_LIMIT, 0,
		    "more than %" PRIu64 " octets when uncompressed", job->max);
	return err;
}

int
inflate_stored(struct inflate_job *job, struct str in, struct diag *d)
{
	int err = 0;

	job->size = 0;
	job->crc = 0;
	while (!err && in.n) {
		err = give(job, str_head(in, OUT_SIZE), d);
		in = str_from(in, OUT_SIZE);
	}
	return err;
}

static int
fault(int status, const z_stream *z, size_t at, struct diag *d)
{
	if (status == Z_MEM_ERROR)
		return diag_set(d, AVER_NOMEM, at, "out of memory");
	if (status == Z_BUF_ERROR)
		return diag_set(
		    d, AVER_SYNTAX, at, "compressed data is cut off");
	return diag_set(d, AVER_SYNTAX, at, "compressed data is damaged: %s",
	    z->msg ? z->msg : "wrong format");
}

int
inflate_run(
    struct inflate_job *job, struct str in, struct str *rest, struct diag *d)
{
	z_stream *z = &job->state->z;
	struct str left = in;
	int status = inflateReset(z), err = 0;

	while (!err && status == Z_OK) {
		struct str part = str_head(left, (size_t)1 << 30);

		z->next_in = (z_const Bytef *)part.p;
		z->avail_in = (uInt)part.n;
		z->next_out = job->state->out;
		z->avail_out = OUT_SIZE;
		status = inflate(z, Z_NO_FLUSH);
		left = str_from(left, part.n - z->avail_in);
		err = give(job,
		    (struct str){
			(const char *)job->state->out, OUT_SIZE - z->avail_out},
		    d);
	}
	if (err)
		return err;
	if (status != Z_STREAM_END)
		return fault(status, z, in.n - left.n, d);
	*rest = left;
	return 0;
}
