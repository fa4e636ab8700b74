/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A hash table of all values. Each rule hangs on one of its conditions only,
 * the most selective: the one whose commonest value is the rarest in the
 * table. Whoever looks takes every value a message has, and checks the rest of
 * the conditions of the rules found there.
 *
 * The operator fills the table, senders only ask, so the hash needs no secret.
 */

#include "lib/policy/policy_rule.h"

#include <string.h>

#include "lib/base/err.h"

#define HASH_START 0xcbf29ce484222325u

static uint64_t
hash_add(uint64_t hash, char c)
{
	return (hash ^ (unsigned char)c) * 0x100000001b3u;
}

/* From the last octet to the first: one pass over a name gives the hashes of
 * all domains above it. */
static uint64_t
hash_text(struct str s)
{
	uint64_t h = HASH_START;

	for (size_t i = s.n; i-- > 0;)
		h = hash_add(h, s.p[i]);
	return h;
}

/* Values of different kinds do not meet, and all bits count. */
static uint64_t
hash_finish(uint64_t h, enum policy_what what)
{
	h ^= (uint64_t)(what + 1) * 0x9e3779b97f4a7c15u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ (h >> 32);
}

size_t
policy_net_text(const struct ip *ip, unsigned bits, char out[POLICY_NET_TEXT])
{
	size_t octets = ip->family == IP_V4 ? 4 : 16;

	memset(out, 0, POLICY_NET_TEXT);
	out[0] = (char)ip->family;
	out[1] = (char)bits;
	memcpy(out + 2, ip->a, bits / 8);
	if (bits % 8)
		out[2 + bits / 8] =
		    (char)(ip->a[bits / 8] & (uint8_t)(0xff00u >> bits % 8));
	return 2 + octets;
}

/* The slot of a value, or the free one where it would be. */
static size_t
find_slot(const struct policy_index *x, enum policy_what what, struct str text,
    uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);
	size_t i = (size_t)hash & x->mask;

	for (; x->slots[i].entry; i = (i + 1) & x->mask) {
		const struct policy_entry *e = &x->entries[x->slots[i].entry];

		if (x->slots[i].tag == tag && e->what == what &&
		    str_eq(e->text, text))
			break;
	}
	return i;
}

/* hash: of hash_text() */
static void
visit(const struct policy_index *x, enum policy_what what, struct str text,
    uint64_t hash, const struct policy_visitor *v)
{
	uint32_t entry;

	if (!(x->has & 1u << what))
		return;
	hash = hash_finish(hash, what);
	entry = x->slots[find_slot(x, what, text, hash)].entry;
	if (entry)
		v->visit(v->arg, &x->entries[entry]);
}

/* Returns the hash of name. */
static uint64_t
walk_name(const struct policy_index *x, struct str name, enum policy_what exact,
    enum policy_what below, const struct policy_visitor *v)
{
	uint64_t h = HASH_START;

	for (size_t i = name.n; i-- > 0;) {
		if (name.p[i] == '.')
			visit(x, below, str_from(name, i + 1), h, v);
		h = hash_add(h, name.p[i]);
	}
	visit(x, exact, name, h, v);
	return h;
}

void
policy_walk_name(const struct policy_index *x, struct str name,
    enum policy_what exact, enum policy_what below,
    const struct policy_visitor *v)
{
	if (x->has & (1u << exact | 1u << below))
		walk_name(x, name, exact, below, v);
}

void
policy_walk_rcpt(const struct policy_index *x, struct str rcpt,
    enum policy_what any, const struct policy_visitor *v)
{
	size_t at = str_rchr(rcpt, '@');
	uint64_t h;

	if (at == rcpt.n || !(x->has & 7u << any))
		return;
	h = walk_name(x, str_from(rcpt, at + 1), any, any + 1, v);
	for (size_t i = at + 1; i-- > 0;)
		h = hash_add(h, rcpt.p[i]);
	visit(x, any + 2, rcpt, h, v);
}

void
policy_walk_client(const struct policy_index *x, const struct ip *ip,
    unsigned max_bits, const struct policy_visitor *v)
{
	const uint8_t *bits = ip->family == IP_V4 ? x->bits4 : x->bits6;
	size_t n = ip->family == IP_V4 ? x->n_bits4 : x->n_bits6;
	char text[POLICY_NET_TEXT];

	for (size_t i = 0; ip->family != IP_NONE && i < n; i++) {
		struct str s = {text, 0};

		if (bits[i] > max_bits)
			continue;
		s.n = policy_net_text(ip, bits[i], text);
		visit(x, POLICY_CLIENT, s, hash_text(s), v);
	}
}

static struct policy_entry *
entry_of(struct policy_index *x, const struct policy_value *v)
{
	uint64_t hash = hash_finish(hash_text(v->text), v->what);
	size_t i = find_slot(x, v->what, v->text, hash);
	struct policy_slot *slot = &x->slots[i];

	if (!slot->entry) {
		slot->tag = (uint32_t)(hash >> 32);
		slot->entry = ++x->n_entries;
		x->entries[slot->entry].text = v->text;
		x->entries[slot->entry].what = v->what;
	}
	return &x->entries[slot->entry];
}

static void
note_bits(uint8_t *lengths, size_t *n, uint8_t bits)
{
	if (!memchr(lengths, bits, *n))
		lengths[(*n)++] = bits;
}

static void
note_what(struct policy_index *x, const struct policy_value *v)
{
	x->has |= 1u << v->what;
	if (v->what != POLICY_CLIENT)
		return;
	if (v->text.p[0] == IP_V4)
		note_bits(x->bits4, &x->n_bits4, (uint8_t)v->text.p[1]);
	else
		note_bits(x->bits6, &x->n_bits6, (uint8_t)v->text.p[1]);
}

struct cover {
	uint32_t line; /* the earliest found; 0: none */
};

static void
note_cover(void *arg, const struct policy_entry *e)
{
	struct cover *c = arg;

	if (e->alone && (!c->line || e->alone < c->line))
		c->line = e->alone;
}

static uint32_t
cover_of_net(const struct policy_index *x, struct str text)
{
	bool v4 = text.p[0] == IP_V4;
	struct ip ip = ip_from_bytes(v4 ? IP_V4 : IP_V6, text.p + 2);
	struct cover c = {0};
	const struct policy_visitor v = {note_cover, &c};

	policy_walk_client(x, &ip, (unsigned char)text.p[1], &v);
	return c.line;
}

/*
 * The line of an earlier rule that has no other condition and is met by
 * whatever meets this value; 0 if there is none.
 */
static uint32_t
cover_of(const struct policy_index *x, const struct policy_value *value)
{
	struct str s = value->text;
	enum policy_what what = value->what;
	struct cover c = {0};
	const struct policy_visitor v = {note_cover, &c};

	switch (what) {
	case POLICY_CLIENT:
		return cover_of_net(x, s);
	case POLICY_RCPT_ADDRESS:
	case POLICY_ANY_ADDRESS:
		policy_walk_rcpt(x, s, what - 2, &v);
		break;
	case POLICY_FROM_BELOW:
	case POLICY_RCPT_BELOW:
	case POLICY_MAILFROM_BELOW:
	case POLICY_ANY_BELOW:
	case POLICY_CLAIMED_BELOW:
	case POLICY_LIST:
		policy_walk_name(x, s, what, what, &v);
		break;
	case POLICY_FROM:
	case POLICY_RCPT:
	case POLICY_MAILFROM:
	case POLICY_ANY:
	case POLICY_CLAIMED:
	case POLICY_WHAT_COUNT:
		policy_walk_name(x, s, what, what + 1, &v);
		break;
	}
	return c.line;
}

/*
 * The line of an earlier rule that is met whenever the values of c are. It has
 * to be the same one for all of them: recipients of two values together may
 * meet neither of two rules.
 */
static uint32_t
cover_of_condition(
    const struct policy_table *t, const struct policy_condition *c)
{
	uint32_t line = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t one = cover_of(&t->index, &t->values[c->first + i]);

		if (!one || (line && line != one))
			return 0;
		line = one;
	}
	return line;
}

/* The first rule decides: one covered condition is enough to hide a rule. */
static uint32_t
cover_of_rule(const struct policy_table *t, const struct policy_rule *r)
{
	uint32_t line = 0;

	for (int k = 0; k < POLICY_KEY_COUNT && !line; k++)
		line = cover_of_condition(t, &r->on[k]);
	return line;
}

/* Enters all values of a rule. */
static void
enter_values(struct policy_table *t, const struct policy_rule *r)
{
	unsigned conditions = 0;

	for (int k = 0; k < POLICY_KEY_COUNT; k++)
		conditions += r->on[k].n > 0;
	for (int k = 0; k < POLICY_KEY_COUNT; k++)
		for (uint32_t i = 0; i < r->on[k].n; i++) {
			const struct policy_value *v =
			    &t->values[r->on[k].first + i];
			struct policy_entry *e = entry_of(&t->index, v);

			e->uses++;
			if (conditions == 1 && !e->alone)
				e->alone = r->decision.line;
			note_what(&t->index, v);
		}
}

/* The condition whose commonest value is the rarest. */
static const struct policy_condition *
most_selective(struct policy_table *t, const struct policy_rule *r)
{
	const struct policy_condition *best = NULL;
	uint32_t least = UINT32_MAX;

	for (int k = 0; k < POLICY_KEY_COUNT; k++) {
		uint32_t most = 0;

		for (uint32_t i = 0; i < r->on[k].n; i++) {
			const struct policy_value *v =
			    &t->values[r->on[k].first + i];
			uint32_t uses = entry_of(&t->index, v)->uses;

			most = uses > most ? uses : most;
		}
		if (most && most < least) {
			least = most;
			best = &r->on[k];
		}
	}
	return best;
}

static void
hang_rule(struct policy_table *t, uint32_t rule)
{
	const struct policy_condition *c = most_selective(t, &t->rules[rule]);
	struct policy_index *x = &t->index;

	for (uint32_t i = 0; c && i < c->n; i++) {
		struct policy_entry *e = entry_of(x, &t->values[c->first + i]);

		/* a value may stand twice in one condition */
		if (e->tail && x->nodes[e->tail].rule == rule)
			continue;
		x->nodes[++x->n_nodes].rule = rule;
		if (e->tail)
			x->nodes[e->tail].next = x->n_nodes;
		else
			e->head = x->n_nodes;
		e->tail = x->n_nodes;
	}
}

int
policy_index_build(
    struct arena *a, struct policy_table *t, const struct policy_dead *dead)
{
	struct policy_index *x = &t->index;
	size_t slots = 4;

	while (slots < 2 * t->n_values)
		slots *= 2;
	x->mask = slots - 1;
	x->slots = ARENA_ARRAY(a, struct policy_slot, slots);
	x->entries = ARENA_ARRAY(a, struct policy_entry, t->n_values + 1);
	x->nodes = ARENA_ARRAY(a, struct policy_node, t->n_values + 1);
	if (!x->slots || !x->entries || !x->nodes)
		return AVER_NOMEM;
	for (size_t i = 0; i < t->n_rules; i++) {
		const struct policy_rule *r = &t->rules[i];
		uint32_t earlier = cover_of_rule(t, r);

		if (earlier)
			dead->report(dead->arg, r->decision.line, earlier);
		enter_values(t, r);
	}
	for (size_t i = 0; i < t->n_rules; i++)
		hang_rule(t, (uint32_t)i);
	return 0;
}
