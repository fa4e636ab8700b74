/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/ring_format.h"
#include "lib/store/sum.h"

#define BUCKETS (sizeof(((struct ring *)0)->bucket) / sizeof(uint16_t))

/* --- file */

static int
io_error(struct diag *d, const char *path, const char *what)
{
	return diag_set(
	    d, AVER_IO, 0, "%s: %s: %s", path, what, strerror(errno));
}

static int
suffixed(
    char *out, size_t n, const char *path, const char *suffix, struct diag *d)
{
	int len = snprintf(out, n, "%s%s", path, suffix);

	if (len < 0 || (size_t)len >= n)
		return diag_set(
		    d, AVER_IO, 0, "%s: the name is too long", path);
	return 0;
}

static int
take_lock(struct ring *r, struct diag *d)
{
	char path[4096];
	int err = suffixed(path, sizeof(path), r->path, ".lock", d);

	if (err)
		return err;
	r->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (r->lock < 0)
		return io_error(d, path, "open");
	if (flock(r->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return io_error(d, path, "lock");
	return diag_set(d, AVER_CONF, 0,
	    "%s: in use by another process; each needs a state directory of "
	    "its own",
	    r->path);
}

/*
 * The header and slots once, the data twice in a row: the record that passes
 * the end of the data goes on at its beginning.
 */
static int
map(struct ring *r, size_t size, struct diag *d)
{
	size_t all = RING_DATA + 2 * size;
	char *base =
	    mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const int prot = PROT_READ | PROT_WRITE, how = MAP_SHARED | MAP_FIXED;

	if (base == MAP_FAILED)
		return io_error(d, r->path, "map");
	if (mmap(base, RING_DATA + size, prot, how, r->fd, 0) == MAP_FAILED ||
	    mmap(base + RING_DATA + size, size, prot, how, r->fd, RING_DATA) ==
		MAP_FAILED) {
		int err = io_error(d, r->path, "map");

		munmap(base, all);
		return err;
	}
	r->h = (struct ring_header *)base;
	r->slots = (struct ring_slot *)(base + RING_HEADER_SIZE);
	r->data = base + RING_DATA;
	r->size = size;
	return 0;
}

static void
unmap(struct ring *r)
{
	if (r->h)
		munmap(r->h, RING_DATA + 2 * r->size);
	r->h = NULL;
	r->slots = NULL;
	r->data = NULL;
}

/* Counts the records of a mapped file; false when one is not whole. */
static bool
walk(struct ring *r)
{
	uint64_t pos = ring_tail(r), head = ring_head(r), n = 0;
	struct ring_entry e;

	for (; pos < head; n++)
		if (!ring_next(r, &pos, &e))
			return false;
	atomic_store(&r->records, n);
	return true;
}

/* Every block now: a store into a hole of a full disk is a SIGBUS. */
static int
allocate(const struct ring *r, size_t size, const char *path, struct diag *d)
{
	int e = posix_fallocate(r->fd, 0, (off_t)(RING_DATA + size));

	if (e == 0)
		return 0;
	return diag_set(d, AVER_IO, 0, "%s: allocate %zu octets: %s", path,
	    RING_DATA + size, strerror(e));
}

/* Decides r->state; maps the file when it is sound. */
static int
inspect(struct ring *r, struct diag *d)
{
	struct ring_header h = {0};
	struct stat st;
	ssize_t n = pread(r->fd, &h, sizeof(h), 0);
	int err;

	if (n < 0 || fstat(r->fd, &st) < 0)
		return io_error(d, r->path, "read");
	if (!S_ISREG(st.st_mode))
		return diag_set(
		    d, AVER_IO, 0, "%s: is no regular file", r->path);
	r->state = RING_DAMAGED;
	if ((size_t)n < sizeof(h) || !ring_header_ok(&h) ||
	    st.st_size != (off_t)(RING_DATA + h.size))
		return 0;
	err = map(r, (size_t)h.size, d);
	if (err)
		return err;
	r->source = h.source;
	if (walk(r))
		r->state = h.size == r->want ? RING_SOUND : RING_RESIZED;
	if (r->state != RING_SOUND)
		unmap(r);
	/* out of a backup it may have come with holes */
	return r->state == RING_SOUND ? allocate(r, r->want, r->path, d) : 0;
}

static size_t
round_size(size_t size)
{
	if (size < RING_SIZE_MIN)
		size = RING_SIZE_MIN;
	if (size > RING_SIZE_MAX)
		size = RING_SIZE_MAX;
	return (size + RING_UNIT - 1) / RING_UNIT * RING_UNIT;
}

static int
open_file(struct ring *r, struct diag *d)
{
	static const struct ring_salvaged none;
	int err = take_lock(r, d);

	if (err)
		return err;
	r->fd = open(r->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd >= 0)
		return inspect(r, d);
	if (errno != ENOENT)
		return io_error(d, r->path, "open");
	r->state = RING_CREATED;
	return ring_renew(r, &none, d);
}

int
ring_open(const char *path, size_t size, struct ring **out, struct diag *d)
{
	struct ring *r = calloc(1, sizeof(*r));
	int err = AVER_NOMEM;

	if (!r)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	r->fd = r->lock = -1;
	r->want = round_size(size);
	r->path = strdup(path);
	r->next = calloc(RING_SLOTS, sizeof(*r->next));
	if (r->path && r->next)
		err = open_file(r, d);
	else
		diag_set(d, AVER_NOMEM, 0, "out of memory");
	if (err) {
		ring_close(r);
		return err;
	}
	*out = r;
	return 0;
}

void
ring_close(struct ring *r)
{
	if (!r)
		return;
	unmap(r);
	if (r->fd >= 0)
		close(r->fd);
	if (r->lock >= 0)
		close(r->lock);
	free(r->next);
	free(r->path);
	free(r);
}

/* The doubts of the old file at fd, one after the other, into new slots. */
static int
carry_doubts(
    struct ring *r, int fd, const struct ring_salvaged *old, struct diag *d)
{
	struct ring_slot buf[256];
	off_t at = RING_HEADER_SIZE;
	size_t used = 0;

	while (fd >= 0 && at < RING_DATA) {
		ssize_t n = pread(fd, buf, sizeof(buf), at);

		if (n < 0)
			return io_error(d, r->path, "read");
		n /= RING_SLOT_SIZE;
		for (ssize_t i = 0; i < n && at < RING_DATA; i++) {
			int64_t t = ring_slot_worth(&buf[i], old->last_seq);

			at += RING_SLOT_SIZE;
			if (t < 0)
				continue;
			memcpy(r->slots[used].fingerprint, buf[i].fingerprint,
			    RING_FINGERPRINT);
			r->slots[used++].word = (uint64_t)t << 2 | RING_DOUBT;
		}
		if (n == 0)
			break;
	}
	return 0;
}

/* Fills the empty file at r->fd. */
static int
build(struct ring *r, int old_fd, const struct ring_salvaged *old,
    const char *path, struct diag *d)
{
	int err = allocate(r, r->want, path, d);

	if (!err)
		err = map(r, r->want, d);
	if (err)
		return err;
	if (getentropy(&r->source, sizeof(r->source)) < 0)
		return io_error(d, path, "random number");
	err = carry_doubts(r, old_fd, old, d);
	if (err)
		return err;
	r->h->version = RING_VERSION;
	r->h->slots = RING_SLOTS;
	r->h->size = r->want;
	r->h->source = r->source;
	r->h->renamed = old->naming.source;
	r->h->name = old->naming.name;
	r->h->done = old->naming.done;
	r->h->sum = ring_header_sum(r->h);
	memcpy(r->h->magic, ring_magic, sizeof(ring_magic));
	return fsync(r->fd) < 0 ? io_error(d, path, "write") : 0;
}

int
ring_renew(struct ring *r, const struct ring_salvaged *old, struct diag *d)
{
	char path[4096];
	int old_fd = r->fd;
	int err = suffixed(path, sizeof(path), r->path, ".new", d);

	if (err)
		return err;
	unmap(r);
	if (unlink(path) < 0 && errno != ENOENT)
		return io_error(d, path, "remove");
	r->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (r->fd < 0) {
		r->fd = old_fd;
		return io_error(d, path, "create");
	}
	err = build(r, old_fd, old, path, d);
	if (!err && rename(path, r->path) < 0)
		err = io_error(d, path, "rename");
	if (err)
		unlink(path);
	if (old_fd >= 0)
		close(old_fd);
	atomic_store(&r->records, 0);
	return err;
}

void
ring_sync(struct ring *r)
{
	/* what cannot be written now is tried again by the kernel */
	(void)fsync(r->fd);
}

/* --- slots */

static unsigned
bucket_of(const uint8_t fp[RING_FINGERPRINT])
{
	return (unsigned)(sum64(0, fp, RING_FINGERPRINT) % BUCKETS);
}

static void
list_free(struct ring *r, unsigned i)
{
	r->next[i] = r->free_list;
	r->free_list = (uint16_t)(i + 1);
}

static void
list_doubt(struct ring *r, unsigned i)
{
	unsigned b = bucket_of(r->slots[i].fingerprint);

	r->next[i] = r->bucket[b];
	r->bucket[b] = (uint16_t)(i + 1);
	atomic_fetch_add_explicit(&r->doubts, 1, memory_order_relaxed);
}

/* Takes the slot out of its bucket's list. */
static void
unlist_doubt(struct ring *r, unsigned i)
{
	uint16_t *at = &r->bucket[bucket_of(r->slots[i].fingerprint)];

	while (*at && *at != i + 1)
		at = &r->next[*at - 1];
	if (*at)
		*at = r->next[i];
	atomic_fetch_sub_explicit(&r->doubts, 1, memory_order_relaxed);
}

static void
set_word(struct ring_slot *s, int64_t time, unsigned state)
{
	uint64_t t = time < 0 ? 0 : (uint64_t)time;

	atomic_store_explicit(
	    &s->word, state ? t << 2 | state : 0, memory_order_release);
}

static uint64_t
get_word(const struct ring_slot *s)
{
	return atomic_load_explicit(&s->word, memory_order_relaxed);
}

static bool
too_old(int64_t time, int64_t now)
{
	/* a time to come is a clock that was wrong, or a damaged slot */
	return time < now - RING_DOUBT_SECONDS || time > now + 86400;
}

unsigned
ring_settle(struct ring *r, int64_t now)
{
	uint64_t head = ring_head(r);

	r->free_list = 0;
	memset(r->bucket, 0, sizeof(r->bucket));
	atomic_store(&r->doubts, 0);
	atomic_store(&r->open, 0);
	for (unsigned i = RING_SLOTS; i-- > 0;) {
		struct ring_slot *s = &r->slots[i];
		int64_t t = ring_slot_worth(s, head);

		if (t < 0 || too_old(t, now)) {
			if (get_word(s))
				set_word(s, 0, RING_FREE);
			list_free(r, i);
			continue;
		}
		/*
		 * seq 0 first: a kill between the two leaves an open slot
		 * that is still counted.
		 */
		if (s->seq)
			s->seq = 0;
		set_word(s, t, RING_DOUBT);
		list_doubt(r, i);
	}
	return atomic_load(&r->doubts);
}

/* The slot of the oldest doubt, free now. */
static void
give_up_oldest(struct ring *r)
{
	uint64_t oldest = UINT64_MAX;
	unsigned at = 0;

	for (unsigned i = 0; i < RING_SLOTS; i++) {
		uint64_t word = get_word(&r->slots[i]);

		if ((word & 3) == RING_DOUBT && word < oldest) {
			oldest = word;
			at = i;
		}
	}
	unlist_doubt(r, at);
	set_word(&r->slots[at], 0, RING_FREE);
	list_free(r, at);
}

int
ring_slot_open(struct ring *r, const uint8_t fp[RING_FINGERPRINT], uint64_t seq,
    int64_t now)
{
	struct ring_slot *s;
	unsigned i;

	if (!r->free_list) {
		if (!atomic_load_explicit(&r->doubts, memory_order_relaxed))
			return -1;
		give_up_oldest(r);
	}
	i = r->free_list - 1u;
	r->free_list = r->next[i];
	s = &r->slots[i];
	memcpy(s->fingerprint, fp, RING_FINGERPRINT);
	s->seq = seq;
	set_word(s, now, RING_OPEN);
	atomic_fetch_add_explicit(&r->open, 1, memory_order_relaxed);
	return (int)i;
}

int
ring_slot_doubted(
    struct ring *r, const uint8_t fp[RING_FINGERPRINT], int64_t now)
{
	if (!atomic_load_explicit(&r->doubts, memory_order_relaxed))
		return -1;
	for (unsigned at = r->bucket[bucket_of(fp)]; at; at = r->next[at - 1]) {
		struct ring_slot *s = &r->slots[at - 1];

		if (memcmp(s->fingerprint, fp, RING_FINGERPRINT) != 0 ||
		    too_old((int64_t)(get_word(s) >> 2), now))
			continue;
		unlist_doubt(r, at - 1);
		set_word(s, now, RING_OPEN);
		atomic_fetch_add_explicit(&r->open, 1, memory_order_relaxed);
		return (int)at - 1;
	}
	return -1;
}

void
ring_slot_confirm(struct ring *r, int slot)
{
	set_word(&r->slots[slot], 0, RING_FREE);
	list_free(r, (unsigned)slot);
	atomic_fetch_sub_explicit(&r->open, 1, memory_order_relaxed);
}

unsigned
ring_expire(struct ring *r, int64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RING_SLOTS; i++) {
		uint64_t word = get_word(&r->slots[i]);

		if ((word & 3) != RING_DOUBT ||
		    !too_old((int64_t)(word >> 2), now))
			continue;
		unlist_doubt(r, i);
		set_word(&r->slots[i], 0, RING_FREE);
		list_free(r, i);
		n++;
	}
	return n;
}

/* --- records */

uint64_t
ring_head(const struct ring *r)
{
	return atomic_load_explicit(&r->h->head, memory_order_acquire);
}

uint64_t
ring_tail(const struct ring *r)
{
	return atomic_load_explicit(&r->h->tail, memory_order_acquire);
}

uint64_t
ring_used(const struct ring *r)
{
	/* tail first: it never passes the head */
	uint64_t tail = ring_tail(r);

	return ring_head(r) - tail;
}

uint64_t
ring_hash(const struct ring *r, struct str policy_domain, struct str octets)
{
	return ring_payload_hash(r->source, policy_domain, octets);
}

/* Room for a record at that position? */
static bool
prepare_at(const struct ring *r, uint64_t head, struct str policy_domain,
    struct str octets, struct ring_put *out)
{
	size_t size = sizeof(struct ring_record);

	if (policy_domain.n > RING_DOMAIN_MAX || octets.n > RING_OCTETS_MAX)
		return false;
	size += policy_domain.n + octets.n;
	size = (size + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
	if (size > r->size - (head - ring_tail(r)))
		return false;
	*out = (struct ring_put){head, head + size, (uint32_t)size};
	return true;
}

bool
ring_prepare(const struct ring *r, struct str policy_domain, struct str octets,
    struct ring_put *out)
{
	return prepare_at(r, ring_head(r), policy_domain, octets, out);
}

bool
ring_prepare_next(const struct ring *r, const struct ring_put *first,
    struct str policy_domain, struct str octets, struct ring_put *out)
{
	return prepare_at(r, first->seq, policy_domain, octets, out);
}

void
ring_write(
    struct ring *r, const struct ring_put *put, const struct ring_entry *e)
{
	struct ring_record h = {
	    .magic = RING_RECORD_MAGIC,
	    .size = put->size,
	    .source = r->source,
	    .seq = put->seq,
	    .time = e->time,
	    .hash = e->hash,
	    .octets_n = (uint32_t)e->octets.n,
	    .domain_n = (uint16_t)e->policy_domain.n,
	    .flags = (uint16_t)RECORD_FLAGS(e->kind, e->optional),
	};
	char *p = r->data + put->pos % r->size;

	h.sum = ring_record_sum(&h);
	memcpy(p, &h, sizeof(h));
	p += sizeof(h);
	if (h.domain_n)
		memcpy(p, e->policy_domain.p, h.domain_n);
	if (h.octets_n)
		memcpy(p + h.domain_n, e->octets.p, h.octets_n);
}

void
ring_publish(struct ring *r, const struct ring_put *put)
{
	ring_publish_all(r, put, 1);
}

void
ring_publish_all(struct ring *r, const struct ring_put *put, unsigned n)
{
	atomic_fetch_add_explicit(&r->records, n, memory_order_relaxed);
	atomic_store_explicit(&r->h->head, put->seq, memory_order_release);
}

bool
ring_next(const struct ring *r, uint64_t *pos, struct ring_entry *out)
{
	const struct ring_view v = {r->data, r->size};
	uint32_t size;

	if (!ring_record_at(&v, *pos % r->size, out, &size) ||
	    out->source != r->source || out->seq != *pos + size ||
	    out->seq > ring_head(r))
		return false;
	*pos = out->seq;
	return true;
}

void
ring_advance(struct ring *r, uint64_t pos, uint64_t n)
{
	atomic_fetch_sub_explicit(&r->records, n, memory_order_relaxed);
	atomic_store_explicit(&r->h->tail, pos, memory_order_release);
}

void
ring_skip(struct ring *r, uint64_t seq)
{
	uint64_t tail = ring_tail(r), pos = tail, n = 0;
	struct ring_entry e;

	if (seq <= tail)
		return;
	if (seq >= ring_head(r)) {
		pos = (seq + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
		n = atomic_load(&r->records);
		/* the head first: the tail never passes it */
		atomic_store_explicit(&r->h->head, pos, memory_order_release);
	} else {
		for (; pos < seq; n++)
			if (!ring_next(r, &pos, &e))
				break;
	}
	ring_advance(r, pos, n);
}

/* --- names */

/* A kill in between leaves the old name, for which done is right too. */
void
ring_rename(struct ring *r, uint64_t name, uint64_t done)
{
	if (r->h->renamed != r->source)
		atomic_store(&r->h->name, 0);
	atomic_store(&r->h->done, done);
	atomic_store(&r->h->renamed, r->source);
	atomic_store(&r->h->name, name);
	ring_sync(r);
}

uint64_t
ring_name(const struct ring *r, uint64_t source, uint64_t *done)
{
	bool other = r->h->name && r->h->renamed == source;

	*done = other ? r->h->done : 0;
	return other ? r->h->name : source;
}
