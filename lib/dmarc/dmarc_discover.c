/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dmarc/dmarc_discover.h"

#include "lib/dmarc/dmarc_record.h"
#include "lib/mail/addr.h"

void
dmarc_finder_init(struct dmarc_finder *f, struct dns *dns,
    enum dmarc_discovery mode, const struct orgdom *psl)
{
	f->dns = dns;
	f->mode = mode;
	f->psl = psl;
	f->n = 0;
	f->secure = true;
	f->why = DMARC_WHY_NONE;
	f->detail = STR_NONE;
}

static void
note_failure(struct dmarc_finder *f, enum dmarc_reason why, struct str name)
{
	if (f->why != DMARC_WHY_NONE)
		return;
	f->why = why;
	f->detail = name;
}

static bool
question_of(struct str name, struct dname *out)
{
	struct dname plain;

	return dname_from_text(name, &plain) && plain.len > 1 &&
	       dname_prepend(STR("_dmarc"), &plain, out);
}

static enum dmarc_reason
why_of(const struct dns_rrset *rr)
{
	if (rr->status == DNS_BOGUS)
		return DMARC_WHY_BOGUS;
	if (rr == dns_rrset_fault(DNS_FAULT_BUDGET) || rr == dns_rrset_nomem())
		return DMARC_WHY_BUDGET;
	return DMARC_WHY_DNS;
}

static void
read_node(struct dmarc_node *node, const struct dns_rrset *rr,
    enum dmarc_discovery mode)
{
	const struct dmarc_answer *ans = dmarc_answer_of(rr, mode);

	if (!ans) {
		node->state = DMARC_NODE_ERROR;
		node->why = DMARC_WHY_BUDGET;
	} else if (ans->n > 1) {
		/* RFC 9989 section 4.10: several records, none counts */
		node->state = DMARC_NODE_SEVERAL;
	} else if (ans->n == 1) {
		node->state = DMARC_NODE_RECORD;
		node->record = &ans->record;
		node->text = ans->text;
		node->usable = ans->usable;
		node->secure = rr->secure;
	}
}

static void
ask_node(struct dmarc_finder *f, struct dmarc_node *node)
{
	const struct dns_rrset *rr;
	struct dname q;

	/* a name that cannot be asked for (a label above 63 octets, the
	 * whole above 255 with "_dmarc") cannot have a record */
	if (!question_of(node->name, &q))
		return;
	rr = dns_lookup(f->dns, &q, DNS_TXT);
	switch (rr->status) {
	case DNS_OK:
		read_node(node, rr, f->mode);
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		break;
	case DNS_TEMP:
	case DNS_BOGUS:
	case DNS_STATUS_COUNT:
		node->state = DMARC_NODE_ERROR;
		node->why = why_of(rr);
		break;
	}
}

const struct dmarc_node *
dmarc_node_at(struct dmarc_finder *f, struct str name)
{
	struct dmarc_node *node;

	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->nodes[i].name, name))
			return &f->nodes[i];
	if (f->n == DMARC_NODES_MAX) {
		f->overflow = (struct dmarc_node){.name = name,
		    .state = DMARC_NODE_ERROR,
		    .why = DMARC_WHY_BUDGET};
		return &f->overflow;
	}
	node = &f->nodes[f->n++];
	*node = (struct dmarc_node){.name = name};
	ask_node(f, node);
	return node;
}

/*
 * RFC 9989 section 4.10: how many labels the name after one of `labels`
 * labels has in the walk; 0: it is over.
 */
static unsigned
next_labels(unsigned labels, bool first)
{
	if (first && labels >= DMARC_WALK_MAX)
		return DMARC_WALK_MAX - 1;
	return labels - 1;
}

static const struct dmarc_node *
if_record(const struct dmarc_node *node, struct str name)
{
	if (!node || node->state != DMARC_NODE_RECORD)
		return NULL;
	return str_eq(node->name, name) ? node : NULL;
}

static void
relied_on(struct dmarc_finder *f, const struct dmarc_node *node)
{
	f->secure = f->secure && node->secure;
}

/* RFC 9989 section 4.10.2, from the longest name to the shortest. */
static bool
org_by_walk(struct dmarc_finder *f, struct str start, struct dmarc_org *out)
{
	const struct dmarc_node *node, *prev = NULL, *last = NULL;
	unsigned labels = domain_labels(start);
	bool first = true;

	*out = (struct dmarc_org){.name = start};
	for (; labels > 0; labels = next_labels(labels, first), first = false) {
		node = dmarc_node_at(f, domain_tail(start, labels));
		if (node->state == DMARC_NODE_ERROR) {
			/* never on to a shorter name: its policy or its
			 * idea of the organization may differ */
			note_failure(f, node->why, node->name);
			return false;
		}
		if (node->state == DMARC_NODE_RECORD) {
			last = node;
			/* rule 2, but not at the start */
			if (node->record->psd == DMARC_PSD_Y && !first) {
				out->name = domain_tail(start, labels + 1);
				out->own = if_record(prev, out->name);
				out->psd = node;
				relied_on(f, node);
				return true;
			}
			/* rule 1; at the start psd=y ends the walk too */
			if (node->record->psd != DMARC_PSD_U)
				break;
		}
		prev = node;
	}
	/* rules 3 and 4 */
	if (last) {
		out->name = last->name;
		out->own = last;
		relied_on(f, last);
	}
	return true;
}

bool
dmarc_org_of(struct dmarc_finder *f, struct str name, struct dmarc_org *out)
{
	if (f->mode == DMARC_TREEWALK)
		return org_by_walk(f, name, out);
	if (!f->psl) {
		note_failure(f, DMARC_WHY_BUDGET, STR("public suffix list"));
		return false;
	}
	*out = (struct dmarc_org){.name = orgdom_of(f->psl, name)};
	return true;
}

static enum dmarc_found
found_at(struct dmarc_finder *f, const struct dmarc_node *node,
    const struct dmarc_node **at)
{
	relied_on(f, node);
	*at = node;
	return node->usable ? DMARC_FOUND : DMARC_FOUND_BAD;
}

/*
 * RFC 7489 section 6.6.3: several records end the discovery, at whichever
 * name they are.
 */
static enum dmarc_found
find_by_psl(
    struct dmarc_finder *f, struct str from, const struct dmarc_node **at)
{
	const struct dmarc_node *node = dmarc_node_at(f, from);
	struct dmarc_org org;

	if (node->state == DMARC_NODE_EMPTY) {
		if (!dmarc_org_of(f, from, &org))
			return DMARC_FOUND_ERROR;
		node = dmarc_node_at(f, org.name);
	}
	switch (node->state) {
	case DMARC_NODE_RECORD:
		return found_at(f, node, at);
	case DMARC_NODE_ERROR:
		note_failure(f, node->why, node->name);
		return DMARC_FOUND_ERROR;
	case DMARC_NODE_EMPTY:
	case DMARC_NODE_SEVERAL:
	case DMARC_NODE_STATE_COUNT:
		break;
	}
	return DMARC_FOUND_NOTHING;
}

/* RFC 9989 section 4.10.1: author domain, organizational domain, PSD. */
static enum dmarc_found
find_by_walk(
    struct dmarc_finder *f, struct str from, const struct dmarc_node **at)
{
	const struct dmarc_node *node = dmarc_node_at(f, from);
	struct dmarc_org org;

	if (node->state == DMARC_NODE_RECORD)
		return found_at(f, node, at);
	if (!dmarc_org_of(f, from, &org))
		return DMARC_FOUND_ERROR;
	if (org.own)
		return found_at(f, org.own, at);
	if (org.psd)
		return found_at(f, org.psd, at);
	return DMARC_FOUND_NOTHING;
}

enum dmarc_found
dmarc_find_policy(
    struct dmarc_finder *f, struct str from, const struct dmarc_node **at)
{
	*at = NULL;
	if (f->mode == DMARC_PSL)
		return find_by_psl(f, from, at);
	return find_by_walk(f, from, at);
}

/*
 * RFC 9989 section 3.2.13 and appendix A.4: any type will do, at the name
 * itself; nothing follows from NXDOMAIN for its _dmarc name.
 */
enum dmarc_existence
dmarc_existence_of(struct dmarc_finder *f, struct str name)
{
	const struct dns_rrset *rr;
	struct dname q;

	if (!dname_from_text(name, &q))
		return DMARC_MISSING;
	rr = dns_lookup(f->dns, &q, DNS_A);
	switch (rr->status) {
	case DNS_OK:
	case DNS_NODATA:
		return DMARC_EXISTS;
	case DNS_NXDOMAIN:
		return DMARC_MISSING;
	case DNS_TEMP:
	case DNS_BOGUS:
	case DNS_STATUS_COUNT:
		break;
	}
	note_failure(f, why_of(rr), name);
	return DMARC_EXISTENCE_UNKNOWN;
}

void
dmarc_prefetch(
    struct dns *dns, struct str from_domain, enum dmarc_discovery discovery)
{
	unsigned labels = domain_labels(from_domain);
	bool first = true;
	struct dname q;

	for (; labels > 0; labels = next_labels(labels, first), first = false) {
		if (question_of(domain_tail(from_domain, labels), &q))
			dns_prefetch(dns, &q, DNS_TXT);
		if (discovery == DMARC_PSL)
			return;
	}
}
