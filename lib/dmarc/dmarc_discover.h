/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Which record and which organizational domain belong to a name. A finder
 * serves one evaluation: it asks for each _dmarc name at most once, as the
 * walks of the author domain and of d= and MAIL FROM domains share names.
 */
#ifndef DMARC_DMARC_DISCOVER_H
#define DMARC_DMARC_DISCOVER_H

#include "lib/dmarc/dmarc.h"

#define DMARC_WALK_MAX 8 /* RFC 9989 section 4.10 */
/* _dmarc names one evaluation may ask for; one more is the author domain */
#define DMARC_NODES_MAX (DMARC_QUESTIONS_MAX - 1)

enum dmarc_node_state {
	DMARC_NODE_EMPTY, /* no record */
	DMARC_NODE_SEVERAL, /* several, which is as good as none */
	DMARC_NODE_RECORD,
	DMARC_NODE_ERROR, /* the lookup failed: see why */
	DMARC_NODE_STATE_COUNT
};

struct dmarc_node {
	struct str name; /* without "_dmarc." */
	enum dmarc_node_state state;
	enum dmarc_reason why;
	const struct dmarc_record *record; /* DMARC_NODE_RECORD only */
	struct str text; /* of the record */
	bool usable; /* section 4.10.1 */
	bool secure;
};

struct dmarc_finder {
	struct dns *dns;
	enum dmarc_discovery mode;
	const struct orgdom *psl;
	struct dmarc_node nodes[DMARC_NODES_MAX];
	size_t n;
	struct dmarc_node overflow;
	bool secure; /* all records relied on so far */
	/* of the first lookup that failed */
	enum dmarc_reason why;
	struct str detail;
};

void dmarc_finder_init(struct dmarc_finder *f, struct dns *dns,
    enum dmarc_discovery mode, const struct orgdom *psl);

/* What is known about a name's own record; asks when it is not yet. */
const struct dmarc_node *dmarc_node_at(struct dmarc_finder *f, struct str name);

struct dmarc_org {
	struct str name; /* a view of the name asked for */
	/* the record of a public suffix domain just above it (psd=y) */
	const struct dmarc_node *psd;
	/* its own, when the walk came by */
	const struct dmarc_node *own;
};

/*
 * The organizational domain of name. False when a lookup failed: f->why and
 * f->detail tell which.
 */
bool
dmarc_org_of(struct dmarc_finder *f, struct str name, struct dmarc_org *out);

enum dmarc_found {
	DMARC_FOUND,
	DMARC_FOUND_NOTHING, /* DMARC does not apply */
	DMARC_FOUND_BAD, /* an unusable record (section 4.10.1) */
	DMARC_FOUND_ERROR, /* f->why, f->detail */
	DMARC_FOUND_COUNT
};

/*
 * The policy record of an author domain; *at is where it is (DMARC_FOUND and
 * DMARC_FOUND_BAD; NULL otherwise).
 */
enum dmarc_found dmarc_find_policy(
    struct dmarc_finder *f, struct str from, const struct dmarc_node **at);

enum dmarc_existence {
	DMARC_EXISTS,
	DMARC_MISSING,
	DMARC_EXISTENCE_UNKNOWN, /* f->why, f->detail */
	DMARC_EXISTENCE_COUNT
};

/* RFC 9989 section 3.2.13: whether the name itself exists in the DNS. */
enum dmarc_existence
dmarc_existence_of(struct dmarc_finder *f, struct str name);

#endif
