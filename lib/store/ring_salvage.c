/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The ring's file as octets that may be anything: what is whole in it. Also
 * used for a sound file of another size.
 */
#include "lib/store/ring_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/store/sum.h"

const char ring_magic[8] = {'A', 'V', 'E', 'R', 'R', 'N', 'G', '\n'};

uint64_t
ring_header_sum(const struct ring_header *h)
{
	uint64_t sum = sum64_word(0, (uint64_t)h->version << 32 | h->slots);

	return sum64_word(sum64_word(sum, h->size), h->source);
}

uint64_t
ring_record_sum(const struct ring_record *h)
{
	return sum64(h->source, &h->magic,
	    sizeof(*h) - offsetof(struct ring_record, magic));
}

uint64_t
ring_payload_hash(uint64_t source, struct str policy_domain, struct str octets)
{
	uint64_t sum = sum64(source, policy_domain.p, policy_domain.n);

	return sum64(sum, octets.p, octets.n);
}

bool
ring_header_ok(const struct ring_header *h)
{
	uint64_t head = h->head, tail = h->tail;

	return memcmp(h->magic, ring_magic, sizeof(ring_magic)) == 0 &&
	       h->version == RING_VERSION && h->slots == RING_SLOTS &&
	       h->sum == ring_header_sum(h) && h->size >= RING_SIZE_MIN &&
	       h->size <= RING_SIZE_MAX && h->size % RING_UNIT == 0 &&
	       head % RING_ALIGN == 0 && tail % RING_ALIGN == 0 &&
	       tail <= head && head - tail <= h->size;
}

bool
ring_record_at(const struct ring_view *v, uint64_t offset,
    struct ring_entry *out, uint32_t *size)
{
	struct ring_record h;
	const char *p = v->data + offset;
	size_t need;

	memcpy(&h, p, sizeof(h));
	if (h.magic != RING_RECORD_MAGIC || h.octets_n > RING_OCTETS_MAX ||
	    h.domain_n > RING_DOMAIN_MAX || !record_flags_ok(h.flags))
		return false;
	need = sizeof(h) + h.domain_n + h.octets_n;
	need = (need + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
	if (h.size != need || h.size > v->size || h.seq < h.size ||
	    (h.seq - h.size) % v->size != offset ||
	    h.sum != ring_record_sum(&h))
		return false;
	p += sizeof(h);
	*out = (struct ring_entry){
	    .source = h.source,
	    .seq = h.seq,
	    .kind = RECORD_KIND(h.flags),
	    .time = h.time,
	    .policy_domain = {p, h.domain_n},
	    .octets = {p + h.domain_n, h.octets_n},
	    .optional = RECORD_OPTIONAL(h.flags),
	    .hash = h.hash,
	};
	*size = h.size;
	return h.hash ==
	       ring_payload_hash(h.source, out->policy_domain, out->octets);
}

int64_t
ring_slot_worth(const struct ring_slot *s, uint64_t last_seq)
{
	uint64_t word = s->word;
	uint64_t state = word & 3;

	if (state == RING_DOUBT || (state == RING_OPEN && s->seq <= last_seq))
		return (int64_t)(word >> 2);
	return -1;
}

struct found {
	struct ring_entry *v;
	size_t n, cap;
};

static bool
found_add(struct found *f, const struct ring_entry *e)
{
	struct ring_entry *v;
	size_t cap;

	if (f->n == f->cap) {
		cap = f->cap ? f->cap * 2 : 64;
		v = realloc(f->v, cap * sizeof(*v));
		if (!v)
			return false;
		f->v = v;
		f->cap = cap;
	}
	f->v[f->n++] = *e;
	return true;
}

static int
by_seq(const void *x, const void *y)
{
	const struct ring_entry *a = x, *b = y;

	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->seq > b->seq) - (a->seq < b->seq);
}

/* Every whole record that may still be wanted, wherever it stands. */
static bool
find_all(const struct ring_view *v, const struct ring_header *h,
    struct found *f, struct ring_salvaged *out)
{
	struct ring_entry e;
	uint32_t size;

	for (uint64_t at = 0; at < v->size;) {
		if (!ring_record_at(v, at, &e, &size)) {
			at += RING_ALIGN;
			continue;
		}
		at += size;
		if (!out->header && e.seq > out->last_seq)
			out->last_seq = e.seq;
		if (out->header && (e.source != h->source || e.seq <= h->tail ||
				       e.seq > h->head))
			continue;
		if (!found_add(f, &e))
			return false;
	}
	if (f->n)
		qsort(f->v, f->n, sizeof(*f->v), by_seq);
	return true;
}

static int
salvage_view(const struct ring_view *v, const struct ring_header *h,
    int (*fn)(void *arg, const struct ring_entry *e), void *arg,
    struct ring_salvaged *out)
{
	struct found f = {0};
	int err = 0;

	if (!find_all(v, h, &f, out))
		err = AVER_NOMEM;
	for (size_t i = 0; i < f.n && err == 0; i++) {
		err = fn(arg, &f.v[i]);
		out->records += err == 0;
	}
	if (err == 0)
		err = fn(arg, NULL);
	free(f.v);
	return err;
}

void
ring_naming_of(const void *image, size_t n, struct ring_naming *out)
{
	struct ring_header h;

	*out = (struct ring_naming){0};
	if (n < sizeof(h))
		return;
	memcpy(&h, image, sizeof(h));
	if (ring_header_ok(&h) && h.name)
		*out = (struct ring_naming){h.renamed, h.name, h.done};
}

int
ring_salvage_image(const void *image, size_t n,
    int (*fn)(void *arg, const struct ring_entry *e), void *arg,
    struct ring_salvaged *out)
{
	struct ring_header h;
	struct ring_view v;
	size_t have;
	char *data;
	int err;

	*out = (struct ring_salvaged){0};
	if (n < RING_DATA + RING_ALIGN)
		return 0;
	memcpy(&h, image, sizeof(h));
	have = (n - RING_DATA) / RING_ALIGN * RING_ALIGN;
	out->header = ring_header_ok(&h);
	ring_naming_of(image, n, &out->naming);
	v.size = have;
	if (out->header) {
		out->last_seq = h.head;
		out->source = h.source;
		v.size = h.size;
	}
	/* what a truncated file lacks is zeros, which are no records */
	data = calloc(1, v.size + RING_RECORD_MAX + RING_ALIGN);
	if (!data)
		return AVER_NOMEM;
	have = have < v.size ? have : v.size;
	memcpy(data, (const char *)image + RING_DATA, have);
	memcpy(data + v.size, data,
	    v.size < RING_RECORD_MAX ? v.size : RING_RECORD_MAX);
	v.data = data;
	err = salvage_view(&v, &h, fn, arg, out);
	free(data);
	return err;
}

int
ring_salvage(struct ring *r, int (*fn)(void *arg, const struct ring_entry *e),
    void *arg, struct ring_salvaged *out, struct diag *d)
{
	struct stat st;
	void *image;
	size_t n;
	int err;

	*out = (struct ring_salvaged){0};
	if (fstat(r->fd, &st) < 0)
		return diag_set(
		    d, AVER_IO, 0, "%s: %s", r->path, strerror(errno));
	if (st.st_size > (off_t)(RING_DATA + RING_SIZE_MAX))
		return diag_set(d, AVER_IO, 0,
		    "%s: is no ring file: %lld "
		    "octets are too many",
		    r->path, (long long)st.st_size);
	if (st.st_size == 0)
		return 0;
	n = (size_t)st.st_size;
	image = mmap(NULL, n, PROT_READ, MAP_PRIVATE, r->fd, 0);
	if (image == MAP_FAILED)
		return diag_set(
		    d, AVER_IO, 0, "%s: %s", r->path, strerror(errno));
	err = ring_salvage_image(image, n, fn, arg, out);
	munmap(image, n);
	return err;
}
