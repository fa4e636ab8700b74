/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The spool file with anything in it: as a block, and as a file. */
#include <stdlib.h>
#include <unistd.h>

#include "lib/store/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look(struct spool_block block)
{
	struct store_evaluation row;
	uint32_t n = block.n_rows;
	enum record_kind kind;
	uint64_t seq;

	for (; spool_row_next(&block, &row, &kind, &seq); n--)
		if (row.count == 0 || seq <= block.from || seq > block.to)
			abort();
	if (n != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/aver-fuzz-XXXXXX";
	struct spool_block b;
	struct spool *sp;
	int fd = mkstemp(path);

	if (spool_block_parse((struct str){(const char *)data, size}, &b))
		look(b);
	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size &&
	    spool_open(path, 1 << 20, &sp, NULL) == 0) {
		while (spool_peek(sp, &b, NULL) == 1) {
			look(b);
			spool_pop(sp, &b);
		}
		if (spool_waiting(sp) != 0)
			abort();
		spool_close(sp);
	}
	close(fd);
	unlink(path);
	return 0;
}
