/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/zip/gz.h"
#include "lib/zip/unzip.h"

#define OUTPUT_MAX ((uint64_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
count(void *arg, struct str octets)
{
	uint64_t *n = arg;

	*n += octets.n;
	return 0;
}

static int
collect(void *arg, struct str octets)
{
	buf_add(arg, octets);
	return 0;
}

static bool
inside(struct str part, struct str whole)
{
	return part.n == 0 ||
	       (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* No more comes out than allowed; members lie in the archive. */
static void
unpack(struct str in)
{
	struct unzip z;
	uint64_t n = 0;
	int err = gz_inflate(in, OUTPUT_MAX, count, &n, NULL);

	assert(n <= OUTPUT_MAX);
	assert(err != AVER_LIMIT || n == OUTPUT_MAX);
	if (unzip_open(in, &z, NULL))
		return;
	assert(z.n <= UNZIP_MEMBERS_MAX);
	for (size_t i = 0; i < z.n; i++) {
		const struct unzip_member *m = &z.members[i];

		assert(inside(m->name, in) && inside(m->data, in));
		n = 0;
		err = unzip_read(m, OUTPUT_MAX, count, &n, NULL);
		assert(n <= OUTPUT_MAX);
		assert(err || n == m->size);
	}
}

/* Packing and unpacking give the input back, within the bound. */
static void
round_trip(struct str in)
{
	struct gz_writer *w = gz_writer_new(GZ_FAST);
	struct buf packed, out;
	uint64_t bound;

	assert(w);
	buf_init(&packed, NULL, (size_t)1 << 24);
	buf_init(&out, NULL, (size_t)1 << 24);
	gz_writer_begin(w, collect, &packed);
	bound = gz_writer_bound(w, in.n);
	assert(gz_writer_add(w, in) == 0 && gz_writer_end(w) == 0);
	assert(packed.n <= bound && packed.n == gz_writer_size(w));
	assert(gz_inflate(buf_str(&packed), in.n, collect, &out, NULL) == 0);
	assert(str_eq(buf_str(&out), in));
	buf_fini(&packed);
	buf_fini(&out);
	gz_writer_free(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};

	unpack(in);
	round_trip(in);
	return 0;
}
