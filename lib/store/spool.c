/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/batch.h"
#include "lib/store/sum.h"

#define MAGIC 0x4b4c4272657661u /* "averBLK" */
#define VERSION 1
#define ALIGN 8
#define COUNT_MAX ((uint64_t)1 << 48)
/* The largest block a batch makes, and room to spare. */
#define BLOCK_MAX ((uint64_t)4 << 20)
/* Octets looked through at once for a magic number. */
#define WINDOW 16384

struct block_header {
	uint64_t sum; /* of the rest of the header */
	uint64_t magic;
	uint64_t size;
	uint64_t source, from, to;
	uint64_t hash; /* of the rows */
	uint32_t version, n_rows;
};

struct row_header {
	uint32_t size, octets_n;
	uint32_t domain_n, flags;
	uint64_t count;
	int64_t hour;
	uint64_t seq;
};

_Static_assert(sizeof(struct block_header) == 64, "block header");
_Static_assert(sizeof(struct row_header) == 40, "row header");
_Static_assert(BATCH_OCTETS + RING_RECORD_MAX +
		       BATCH_ROWS * (sizeof(struct row_header) + ALIGN) +
		       sizeof(struct block_header) <=
		   BLOCK_MAX,
    "a batch fits in a block");

static uint64_t
header_sum(const struct block_header *h)
{
	return sum64(h->source, &h->magic, sizeof(*h) - sizeof(h->sum));
}

static bool
header_ok(const struct block_header *h)
{
	return h->magic == MAGIC && h->version == VERSION &&
	       h->size >= sizeof(*h) && h->size <= BLOCK_MAX &&
	       h->size % ALIGN == 0 && h->from <= h->to && h->n_rows > 0 &&
	       h->n_rows <= BATCH_ROWS && h->sum == header_sum(h);
}

static size_t
row_size(size_t domain_n, size_t octets_n)
{
	size_t n = sizeof(struct row_header) + domain_n + octets_n;

	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

bool
spool_row_next(struct spool_block *block, struct store_evaluation *out,
    enum record_kind *kind, uint64_t *seq)
{
	struct row_header h;
	const char *p = block->rows.p;

	if (block->n_rows == 0 || block->rows.n < sizeof(h))
		return false;
	memcpy(&h, p, sizeof(h));
	if (h.domain_n > RING_DOMAIN_MAX || h.octets_n > RING_OCTETS_MAX ||
	    h.size != row_size(h.domain_n, h.octets_n) ||
	    h.size > block->rows.n || !record_flags_ok(h.flags) ||
	    h.count == 0 || h.count > COUNT_MAX || h.hour < 0 ||
	    (RECORD_KIND(h.flags) == RECORD_EVALUATION && h.hour % 3600 != 0))
		return false;
	p += sizeof(h);
	*out = (struct store_evaluation){.hour = h.hour,
	    .policy_domain = {p, h.domain_n},
	    .octets = {p + h.domain_n, h.octets_n},
	    .count = h.count,
	    .optional = RECORD_OPTIONAL(h.flags)};
	*kind = RECORD_KIND(h.flags);
	*seq = h.seq;
	block->rows = str_from(block->rows, h.size);
	block->n_rows--;
	return true;
}

bool
spool_block_parse(struct str octets, struct spool_block *out)
{
	struct block_header h;
	struct store_evaluation row;
	struct spool_block b;
	enum record_kind kind;
	uint64_t seq;

	if (octets.n < sizeof(h))
		return false;
	memcpy(&h, octets.p, sizeof(h));
	if (!header_ok(&h) || h.size > octets.n)
		return false;
	b = (struct spool_block){.source = h.source,
	    .from = h.from,
	    .to = h.to,
	    .n_rows = h.n_rows,
	    .size = h.size,
	    .rows = {octets.p + sizeof(h), h.size - sizeof(h)}};
	if (sum64(h.source, b.rows.p, b.rows.n) != h.hash)
		return false;
	*out = b;
	while (spool_row_next(&b, &row, &kind, &seq))
		if (seq <= h.from || seq > h.to)
			return false;
	return b.n_rows == 0 && b.rows.n == 0;
}

/* --- file */

static int
io_error(struct diag *d, const struct spool *sp, const char *what)
{
	return diag_set(
	    d, AVER_IO, 0, "%s: %s: %s", sp->path, what, strerror(errno));
}

/* n octets at the offset, or fewer at the end of the file. */
static ssize_t
read_at(const struct spool *sp, void *out, size_t n, uint64_t at)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = pread(
		    sp->fd, (char *)out + have, n - have, (off_t)(at + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

static bool
reserve(struct spool *sp, size_t n)
{
	char *buf;

	if (n <= sp->cap)
		return true;
	buf = realloc(sp->buf, n);
	if (!buf)
		return false;
	sp->buf = buf;
	sp->cap = n;
	return true;
}

static void
release(struct spool *sp)
{
	free(sp->buf);
	sp->buf = NULL;
	sp->cap = 0;
}

/* The whole block at the offset: 1, 0 when there is none, negative. */
static int
block_at(struct spool *sp, uint64_t at, struct spool_block *out, struct diag *d)
{
	struct block_header h;
	ssize_t n = read_at(sp, &h, sizeof(h), at);

	if (n < 0)
		return io_error(d, sp, "read");
	if ((size_t)n < sizeof(h) || !header_ok(&h))
		return 0;
	if (!reserve(sp, (size_t)h.size))
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	n = read_at(sp, sp->buf, (size_t)h.size, at);
	if (n < 0)
		return io_error(d, sp, "read");
	return spool_block_parse((struct str){sp->buf, (size_t)n}, out);
}

/*
 * The first place at or after from where a block's magic number, its second
 * word, says one begins; end when there is none.
 */
static int
find_magic(const struct spool *sp, uint64_t from, uint64_t end, uint64_t *out,
    struct diag *d)
{
	uint64_t window[WINDOW / sizeof(uint64_t)];

	*out = end;
	for (uint64_t at = from + ALIGN; at < end; at += sizeof(window)) {
		ssize_t n = read_at(sp, window, sizeof(window), at);

		if (n < 0)
			return io_error(d, sp, "read");
		for (size_t i = 0; i < (size_t)n / sizeof(uint64_t); i++)
			if (window[i] == MAGIC) {
				*out = at + (i - 1) * ALIGN;
				return 0;
			}
		if ((size_t)n < sizeof(window))
			break;
	}
	return 0;
}

/*
 * Moves *at to the first whole block at or after it: 1, 0 when there is none
 * before end, negative. *skipped: octets passed over.
 */
static int
next_block(struct spool *sp, uint64_t *at, uint64_t end,
    struct spool_block *out, uint64_t *skipped, struct diag *d)
{
	uint64_t start = *at, next;
	int got = 0;

	while (*at < end) {
		got = block_at(sp, *at, out, d);
		if (got)
			break;
		got = find_magic(sp, *at + ALIGN, end, &next, d);
		if (got)
			break;
		*at = next;
	}
	*skipped = *at - start;
	return got;
}

/* Walks all blocks: sets the end, and the last seq of a source. */
static int
scan(struct spool *sp, uint64_t size, uint64_t source, uint64_t *last,
    struct diag *d)
{
	struct spool_block b;
	uint64_t at = sp->read, skipped;
	int got;

	*last = 0;
	sp->end = sp->read;
	while ((got = next_block(sp, &at, size, &b, &skipped, d)) > 0) {
		at += b.size;
		sp->end = at;
		if (b.source == source && b.to > *last)
			*last = b.to;
	}
	release(sp);
	return got;
}

static int
open_file(struct spool *sp, struct diag *d)
{
	struct stat st;
	uint64_t last;
	int err;

	sp->fd =
	    open(sp->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (sp->fd < 0 || fstat(sp->fd, &st) < 0)
		return io_error(d, sp, "open");
	if (!S_ISREG(st.st_mode))
		return diag_set(
		    d, AVER_IO, 0, "%s: is no regular file", sp->path);
	err = scan(sp, (uint64_t)st.st_size, 0, &last, d);
	if (err)
		return err;
	if (sp->end == (uint64_t)st.st_size)
		return 0;
	sp->damaged += (uint64_t)st.st_size - sp->end;
	if (ftruncate(sp->fd, (off_t)sp->end) < 0)
		return io_error(d, sp, "truncate");
	return 0;
}

int
spool_open(const char *path, uint64_t max, struct spool **out, struct diag *d)
{
	struct spool *sp = calloc(1, sizeof(*sp));
	int err;

	if (!sp)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	sp->fd = -1;
	sp->max = max;
	sp->path = strdup(path);
	if (sp->path)
		err = open_file(sp, d);
	else
		err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	if (err) {
		spool_close(sp);
		return err;
	}
	*out = sp;
	return 0;
}

void
spool_close(struct spool *sp)
{
	if (!sp)
		return;
	if (sp->fd >= 0)
		close(sp->fd);
	free(sp->buf);
	free(sp->path);
	free(sp);
}

uint64_t
spool_waiting(const struct spool *sp)
{
	return sp->end - sp->read;
}

int
spool_last(struct spool *sp, uint64_t source, uint64_t *out, struct diag *d)
{
	return scan(sp, sp->end, source, out, d);
}

static char *
put_row(
    char *p, const struct store_evaluation *row, unsigned kind, uint64_t seq)
{
	size_t size = row_size(row->policy_domain.n, row->octets.n);
	struct row_header h = {.size = (uint32_t)size,
	    .octets_n = (uint32_t)row->octets.n,
	    .domain_n = (uint32_t)row->policy_domain.n,
	    .flags = RECORD_FLAGS(kind, row->optional),
	    .count = row->count,
	    .hour = row->hour,
	    .seq = seq};

	memset(p + size - ALIGN, 0, ALIGN);
	memcpy(p, &h, sizeof(h));
	if (h.domain_n)
		memcpy(p + sizeof(h), row->policy_domain.p, h.domain_n);
	if (h.octets_n)
		memcpy(p + sizeof(h) + h.domain_n, row->octets.p, h.octets_n);
	return p + size;
}

static int
write_block(struct spool *sp, size_t size, struct diag *d)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(sp->fd, sp->buf + done, size - done,
		    (off_t)(sp->end + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto failed;
		done += (size_t)n;
	}
	if (fdatasync(sp->fd) < 0)
		goto failed;
	sp->end += size;
	return 0;
failed:
	io_error(d, sp, "write");
	/* if this fails too the checksum tells at the next start */
	(void)!ftruncate(sp->fd, (off_t)sp->end);
	return AVER_IO;
}

int
spool_append(struct spool *sp, uint64_t source, uint64_t from, uint64_t to,
    const struct store_evaluation *rows, const uint8_t *kinds,
    const uint64_t *seqs, size_t n, struct diag *d)
{
	struct block_header h = {.magic = MAGIC,
	    .source = source,
	    .from = from,
	    .to = to,
	    .version = VERSION,
	    .n_rows = (uint32_t)n};
	size_t size = sizeof(h);
	char *p;
	int err;

	for (size_t i = 0; i < n; i++)
		size += row_size(rows[i].policy_domain.n, rows[i].octets.n);
	if (sp->end + size > sp->max)
		return diag_set(d, AVER_LIMIT, 0,
		    "%s: full, %llu octets are allowed", sp->path,
		    (unsigned long long)sp->max);
	if (!reserve(sp, size))
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	p = sp->buf + sizeof(h);
	for (size_t i = 0; i < n; i++)
		p = put_row(p, &rows[i], kinds ? kinds[i] : 0, seqs[i]);
	h.size = size;
	h.hash = sum64(source, sp->buf + sizeof(h), size - sizeof(h));
	h.sum = header_sum(&h);
	memcpy(sp->buf, &h, sizeof(h));
	err = write_block(sp, size, d);
	release(sp);
	return err;
}

int
spool_peek(struct spool *sp, struct spool_block *out, struct diag *d)
{
	uint64_t skipped;
	int got = next_block(sp, &sp->read, sp->end, out, &skipped, d);

	sp->damaged += skipped;
	if (got == 0 && sp->end > 0) {
		/* nothing whole was left */
		sp->read = sp->end = 0;
		(void)!ftruncate(sp->fd, 0);
	}
	if (got <= 0)
		release(sp);
	return got;
}

void
spool_pop(struct spool *sp, const struct spool_block *block)
{
	sp->read += block->size;
	if (sp->read < sp->end)
		return;
	/* if this fails the store's seq tells that it is all there */
	(void)!ftruncate(sp->fd, 0);
	sp->read = sp->end = 0;
	release(sp);
}
