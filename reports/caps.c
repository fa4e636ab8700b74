/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/caps.h"

#include "lib/base/err.h"
#include "lib/store/ledger.h"

#define DAY 86400
#define MEMORY ((size_t)8 << 20)

int
caps_init(struct caps *c, struct store *s, const uint64_t limits[3],
    uint64_t seed, int64_t now, struct diag *d)
{
	*c = (struct caps){.store = s,
	    .run = limits[0],
	    .day = limits[1],
	    .host = limits[2],
	    .seed = seed,
	    .since = now - DAY};
	arena_init(&c->arena, MEMORY);
	c->slots = ARENA_ARRAY(&c->arena, struct caps_slot, CAPS_SLOTS);
	if (!c->slots)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	return store_count_submissions(s, c->since, STR_NONE, &c->day_tried, d);
}

void
caps_fini(struct caps *c)
{
	arena_fini(&c->arena);
}

bool
caps_reached(const struct caps *c)
{
	return c->run_tried >= c->run || c->day_tried >= c->day;
}

/* Its slot, or the empty one where it belongs. */
static struct caps_slot *
slot_of(const struct caps *c, struct str destination)
{
	size_t i = (size_t)(str_hash(destination, c->seed) % CAPS_SLOTS);

	while (c->slots[i].destination.n &&
	       !str_eq(c->slots[i].destination, destination))
		i = (i + 1) % CAPS_SLOTS;
	return &c->slots[i];
}

int
caps_host(struct caps *c, struct str destination, bool *out, struct diag *d)
{
	struct caps_slot *slot = slot_of(c, destination);
	struct str name;
	uint64_t tried;
	int err;

	if (slot->destination.n) {
		*out = slot->tried >= c->host;
		return 0;
	}
	err =
	    store_count_submissions(c->store, c->since, destination, &tried, d);
	if (err)
		return err;
	*out = tried >= c->host;
	/* half full is full: then the store is asked each time */
	name = c->n < CAPS_SLOTS / 2 ? arena_dup(&c->arena, destination)
				     : STR_NONE;
	if (name.n) {
		*slot = (struct caps_slot){name, tried};
		c->n++;
	}
	return 0;
}

void
caps_count(struct caps *c, struct str destination)
{
	struct caps_slot *slot = slot_of(c, destination);

	c->run_tried++;
	c->day_tried++;
	if (slot->destination.n)
		slot->tried++;
}

void
caps_uncount(struct caps *c, struct str destination)
{
	struct caps_slot *slot = slot_of(c, destination);

	c->run_tried--;
	c->day_tried--;
	if (slot->destination.n)
		slot->tried--;
}
