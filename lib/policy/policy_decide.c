/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/policy/policy_table.h"

#include "lib/base/err.h"
#include "lib/mail/addr.h"
#include "lib/policy/policy_rule.h"

struct search {
	const struct policy_table *table;
	const struct policy_facts *facts;
	struct ip client; /* never IPv4-mapped */
	uint32_t best; /* index of the first rule so far; n_rules: none */
};

/* name is below parent, and not parent itself. */
static bool
is_deeper(struct str name, struct str parent)
{
	return name.n > parent.n && domain_is_below(name, parent);
}

static struct str
domain_of(struct str rcpt)
{
	struct str local, domain;

	addr_split(rcpt, &local, &domain);
	return domain;
}

static bool
rcpt_matches(struct str rcpt, const struct policy_value *v)
{
	struct str domain = domain_of(rcpt);

	switch (v->what) {
	case POLICY_RCPT:
	case POLICY_ANY:
		return str_eq(domain, v->text);
	case POLICY_RCPT_BELOW:
	case POLICY_ANY_BELOW:
		return is_deeper(domain, v->text);
	case POLICY_RCPT_ADDRESS:
	case POLICY_ANY_ADDRESS:
		return str_eq(rcpt, v->text);
	case POLICY_FROM:
	case POLICY_FROM_BELOW:
	case POLICY_LIST:
	case POLICY_CLIENT:
	case POLICY_MAILFROM:
	case POLICY_MAILFROM_BELOW:
	case POLICY_CLAIMED:
	case POLICY_CLAIMED_BELOW:
	case POLICY_WHAT_COUNT:
		break;
	}
	return false;
}

static bool
rcpts_match(const struct search *s, const struct policy_rule *r)
{
	const struct policy_condition *c = &r->on[POLICY_KEY_RCPT];
	const struct policy_value *v = s->table->values + c->first;
	const struct policy_facts *f = s->facts;

	if (!r->restricts && (f->rcpts_incomplete || f->n_rcpts == 0))
		return false;
	for (size_t i = 0; i < f->n_rcpts; i++) {
		uint32_t k = 0;

		while (k < c->n && !rcpt_matches(f->rcpts[i], &v[k]))
			k++;
		if ((k < c->n) == r->restricts)
			return r->restricts;
	}
	return !r->restricts;
}

static bool
list_matches(const struct search *s, const struct policy_value *v)
{
	for (size_t i = 0; i < s->facts->n_dkim_domains; i++)
		if (domain_is_below(s->facts->dkim_domains[i], v->text))
			return true;
	return false;
}

static bool
client_matches(const struct search *s, struct str net)
{
	struct ip ip =
	    ip_from_bytes(net.p[0] == IP_V4 ? IP_V4 : IP_V6, net.p + 2);

	return ip_in(&s->client, &ip, (unsigned char)net.p[1]);
}

/* Anything but recipients. */
static bool
value_matches(const struct search *s, const struct policy_value *v)
{
	const struct policy_facts *f = s->facts;

	switch (v->what) {
	case POLICY_FROM:
		return str_eq(f->from_domain, v->text);
	case POLICY_FROM_BELOW:
		return is_deeper(f->from_domain, v->text);
	case POLICY_MAILFROM:
		return f->mail_from_passed &&
		       str_eq(f->mail_from_domain, v->text);
	case POLICY_MAILFROM_BELOW:
		return f->mail_from_passed &&
		       is_deeper(f->mail_from_domain, v->text);
	case POLICY_CLAIMED:
		return str_eq(f->mail_from_domain, v->text);
	case POLICY_CLAIMED_BELOW:
		return is_deeper(f->mail_from_domain, v->text);
	case POLICY_LIST:
		return list_matches(s, v);
	case POLICY_CLIENT:
		return client_matches(s, v->text);
	case POLICY_RCPT:
	case POLICY_RCPT_BELOW:
	case POLICY_RCPT_ADDRESS:
	case POLICY_ANY:
	case POLICY_ANY_BELOW:
	case POLICY_ANY_ADDRESS:
	case POLICY_WHAT_COUNT:
		break;
	}
	return false;
}

static bool
condition_met(
    const struct search *s, const struct policy_rule *r, enum policy_key key)
{
	const struct policy_condition *c = &r->on[key];

	if (c->n == 0)
		return true;
	if (key == POLICY_KEY_RCPT)
		return rcpts_match(s, r);
	for (uint32_t i = 0; i < c->n; i++)
		if (value_matches(s, &s->table->values[c->first + i]))
			return true;
	return false;
}

static bool
applies(const struct search *s, const struct policy_rule *r)
{
	for (int k = 0; k < POLICY_KEY_COUNT; k++)
		if (!condition_met(s, r, (enum policy_key)k))
			return false;
	return true;
}

/* The rules of an entry stand in the order of the file. */
static void
try_entry(void *arg, const struct policy_entry *e)
{
	struct search *s = arg;
	const struct policy_node *nodes = s->table->index.nodes;

	for (uint32_t i = e->head; i && nodes[i].rule < s->best;
	     i = nodes[i].next)
		if (applies(s, &s->table->rules[nodes[i].rule]))
			s->best = nodes[i].rule;
}

static void
search_rcpts(struct search *s, const struct policy_visitor *v)
{
	const struct policy_index *x = &s->table->index;
	const struct policy_facts *f = s->facts;

	/* what all recipients match, the first one does */
	if (f->n_rcpts > 0)
		policy_walk_rcpt(x, f->rcpts[0], POLICY_RCPT, v);
	for (size_t i = 0; i < f->n_rcpts; i++)
		policy_walk_rcpt(x, f->rcpts[i], POLICY_ANY, v);
}

void
policy_decide(const struct policy_table *t, const struct policy_facts *f,
    struct policy_decision *out)
{
	struct search s = {.table = t, .facts = f};
	const struct policy_visitor v = {try_entry, &s};

	*out = (struct policy_decision){.kind = POLICY_NO_RULE};
	if (!t || t->n_rules == 0)
		return;
	s.best = (uint32_t)t->n_rules;
	s.client = ip_unmap(f->client);
	policy_walk_name(
	    &t->index, f->from_domain, POLICY_FROM, POLICY_FROM_BELOW, &v);
	search_rcpts(&s, &v);
	policy_walk_client(&t->index, &s.client, 128, &v);
	if (f->mail_from_passed)
		policy_walk_name(&t->index, f->mail_from_domain,
		    POLICY_MAILFROM, POLICY_MAILFROM_BELOW, &v);
	policy_walk_name(&t->index, f->mail_from_domain, POLICY_CLAIMED,
	    POLICY_CLAIMED_BELOW, &v);
	for (size_t i = 0; i < f->n_dkim_domains; i++)
		policy_walk_name(&t->index, f->dkim_domains[i], POLICY_LIST,
		    POLICY_LIST, &v);
	if (s.best < t->n_rules)
		*out = t->rules[s.best].decision;
}

int
policy_rcpt_of(struct arena *a, struct str raw, struct str *out)
{
	struct str local, domain, whole = addr_strip(raw);
	int err;

	addr_split(whole, &local, &domain);
	err = domain_to_ascii(a, domain, &domain);
	if (err == AVER_NOMEM)
		return err;
	whole = arena_lower(a, whole);
	if (err == 0) {
		local = str_head(whole, local.n + 1); /* with the "@" */
		whole = arena_cat(a, local, domain);
	}
	if (arena_failed(a))
		return AVER_NOMEM;
	*out = whole;
	return 0;
}

size_t
policy_table_rules(const struct policy_table *t)
{
	return t->n_rules;
}
