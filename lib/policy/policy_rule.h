/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The inside of a policy table, for the files of this folder only. */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/policy/policy_table.h"

/* Conditions. */
enum policy_key {
	POLICY_KEY_FROM,
	POLICY_KEY_RCPT,
	POLICY_KEY_CLIENT,
	POLICY_KEY_MAILFROM,
	POLICY_KEY_LIST,
	POLICY_KEY_COUNT
};

/* What a value of a condition is, and where it is to be found. */
enum policy_what {
	POLICY_FROM, /* this domain */
	POLICY_FROM_BELOW, /* domains below this one */
	POLICY_LIST, /* this domain and those below */
	POLICY_CLIENT, /* a network: see policy_net_text() */
	/* of exceptions: all recipients, and MAIL FROM with an SPF pass */
	POLICY_RCPT,
	POLICY_RCPT_BELOW,
	POLICY_RCPT_ADDRESS,
	POLICY_MAILFROM,
	POLICY_MAILFROM_BELOW,
	/* of restrictions, in the same order: any, and as claimed */
	POLICY_ANY,
	POLICY_ANY_BELOW,
	POLICY_ANY_ADDRESS,
	POLICY_CLAIMED,
	POLICY_CLAIMED_BELOW,
	POLICY_WHAT_COUNT
};

/* From a kind of exceptions to that of restrictions. */
#define POLICY_RESTRICT (POLICY_ANY - POLICY_RCPT)

struct policy_value {
	struct str text; /* lower case, A-labels */
	enum policy_what what;
};

struct policy_condition {
	uint32_t first, n; /* of the table's values; n 0: no condition */
};

struct policy_rule {
	struct policy_decision decision;
	bool restricts;
	struct policy_condition on[POLICY_KEY_COUNT];
};

/* A different value, with the rules that are found through it. */
struct policy_entry {
	struct str text;
	enum policy_what what;
	uint32_t uses; /* in the whole table */
	uint32_t alone; /* line of the first rule with no other condition */
	uint32_t head, tail; /* of the nodes, ascending; 0: none */
};

struct policy_node {
	uint32_t rule, next; /* next 0: none */
};

struct policy_slot {
	uint32_t tag; /* of the hash */
	uint32_t entry; /* 0: free */
};

/* Open addressing; at least half of the slots are free. */
struct policy_index {
	struct policy_slot *slots;
	size_t mask;
	struct policy_entry *entries; /* from 1 */
	uint32_t n_entries;
	struct policy_node *nodes; /* from 1 */
	uint32_t n_nodes;
	unsigned has; /* bits 1 << enum policy_what */
	/* prefix lengths of client networks, each once */
	uint8_t bits4[33], bits6[129];
	size_t n_bits4, n_bits6;
};

struct policy_table {
	struct policy_rule *rules;
	size_t n_rules, rules_cap;
	struct policy_value *values;
	size_t n_values, values_cap;
	struct policy_index index;
};

#define POLICY_NET_TEXT 18

/*
 * A network as octets to be looked for: family, prefix length and the address
 * with its host bits cleared. Returns how many are used.
 */
size_t
policy_net_text(const struct ip *ip, unsigned bits, char out[POLICY_NET_TEXT]);

/* Called for a rule that can never decide, as the one at line earlier does. */
struct policy_dead {
	void (*report)(void *arg, unsigned line, unsigned earlier);
	void *arg;
};

/* Builds t->index from the rules and values. 0 or AVER_NOMEM. */
int policy_index_build(
    struct arena *a, struct policy_table *t, const struct policy_dead *dead);

/*
 * Call visit for each entry that a name, a recipient or a client matches. below
 * and exact: the kinds for domains above name, and for name itself; for a
 * recipient any is POLICY_RCPT or POLICY_ANY. Networks of more than max_bits
 * are left out.
 */
struct policy_visitor {
	void (*visit)(void *arg, const struct policy_entry *e);
	void *arg;
};
void policy_walk_name(const struct policy_index *x, struct str name,
    enum policy_what exact, enum policy_what below,
    const struct policy_visitor *v);
void policy_walk_rcpt(const struct policy_index *x, struct str rcpt,
    enum policy_what any, const struct policy_visitor *v);
void policy_walk_client(const struct policy_index *x, const struct ip *ip,
    unsigned max_bits, const struct policy_visitor *v);

#endif
