/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The spool file with anything in it: as a block, and as a file. What is read
 * can be sorted for the store and keeps to its bounds.
 */
#include <stdlib.h>
#include <unistd.h>

#include "lib/store/items.h"
#include "lib/store/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
sort(struct batch *b)
{
	struct items it = {.rows = NULL};
	struct store_batch out = {.n_rows = 0};
	struct store_evaluation *rows;

	if (items_sort(&it, b, &out, &rows) != 0)
		return;
	if (out.n_rows + out.n_tls_results + out.n_sightings + out.n_incidents +
		out.n_bad_datagrams + it.refused !=
	    b->n)
		abort();
	for (size_t i = 0; i < out.n_tls_results; i++)
		if (out.tls_results[i].success > (uint64_t)1 << 48 ||
		    out.tls_results[i].policy_domain.n == 0)
			abort();
	items_fini(&it);
}

static void
look(struct spool_block block)
{
	struct store_evaluation row;
	static struct batch b;
	uint32_t n = block.n_rows;
	enum record_kind kind;
	uint64_t seq;

	b.n = 0;
	for (; spool_row_next(&block, &row, &kind, &seq); n--) {
		if (row.count == 0 || seq <= block.from || seq > block.to)
			abort();
		b.kinds[b.n] = (uint8_t)kind;
		b.rows[b.n++] = row;
	}
	if (n != 0)
		abort();
	sort(&b);
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
