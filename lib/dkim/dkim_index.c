/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_index.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"

static uint32_t
hash_name(uint64_t seed, struct str s)
{
	uint64_t h = 0xcbf29ce484222325u ^ seed;

	/* FNV-1a, letters without case, then stirred with the seed again */
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)chars_lower(s.p[i])) * 0x100000001b3u;
	h ^= seed >> 7;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return (uint32_t)(h >> 32);
}

static struct dkim_index_slot *
find_slot(const struct dkim_index *x, struct str name)
{
	uint32_t hash = hash_name(x->seed, name);
	size_t i = hash & x->mask;

	for (; x->slots[i].bottom; i = (i + 1) & x->mask)
		if (x->slots[i].hash == hash &&
		    str_eq_ci(x->headers->v[x->slots[i].bottom - 1].name, name))
			break;
	x->slots[i].hash = hash;
	return &x->slots[i];
}

int
dkim_index_init(struct dkim_index *x, struct arena *a,
    const struct hdr_list *headers, uint64_t seed)
{
	size_t slots = 16;

	/* at most half full: fields are numbered from 1 in 32 bits */
	if (headers->n > UINT32_MAX / 4)
		return AVER_LIMIT;
	while (slots < 2 * headers->n)
		slots *= 2;
	*x = (struct dkim_index){.headers = headers,
	    .seed = seed,
	    .mask = slots - 1,
	    .slots = ARENA_ARRAY(a, struct dkim_index_slot, slots),
	    .above = ARENA_ARRAY(a, uint32_t, headers->n)};
	if (!x->slots || !x->above)
		return AVER_NOMEM;
	for (size_t i = 0; i < headers->n; i++) {
		struct dkim_index_slot *s = find_slot(x, headers->v[i].name);

		x->above[i] = s->bottom;
		s->bottom = (uint32_t)i + 1;
	}
	return 0;
}

void
dkim_index_rewind(struct dkim_index *x)
{
	x->round++;
}

const struct hdr *
dkim_index_take(struct dkim_index *x, struct str name)
{
	struct dkim_index_slot *s = find_slot(x, name);
	uint32_t at;

	if (s->round != x->round) {
		s->round = x->round;
		s->next = s->bottom;
	}
	at = s->next;
	if (at == 0)
		return NULL;
	s->next = x->above[at - 1];
	return &x->headers->v[at - 1];
}
