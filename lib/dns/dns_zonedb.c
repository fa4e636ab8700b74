/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_zonedb.h"

#include "lib/base/err.h"

#define LINKS_MAX 16
#define RECORDS_MAX 500
#define MEMORY_MAX ((size_t)256 << 20)
#define FIRST_TABLE 64

struct record {
	struct record *next;
	uint32_t ttl;
	uint16_t type;
	struct str rdata;
};

struct mark {
	struct mark *next;
	enum zonedb_mark kind;
	uint16_t type; /* 0: all */
};

struct alias {
	struct alias *next;
	uint16_t type;
	struct dname canonical;
};

struct node {
	struct str name; /* wire form */
	uint64_t hash;
	struct record *records, **records_end; /* in the order of the file */
	struct mark *marks;
	struct alias *aliases;
	bool own; /* a line of its own says that it exists */
	bool exists; /* own, or a name below is */
};

struct zonedb {
	struct dns_source base;
	struct arena arena; /* of this struct too */
	struct node **table; /* open addressing, mask + 1 places */
	size_t mask, count;
};

/* ---- nodes -------------------------------------------------------------- */

static struct str
wire_str(const struct dname *name)
{
	return (struct str){(const char *)name->wire, name->len};
}

static struct node **
place_of(struct node **table, size_t mask, struct str name, uint64_t hash)
{
	size_t i = hash & mask;

	while (table[i] &&
	       (table[i]->hash != hash || !str_eq(table[i]->name, name)))
		i = (i + 1) & mask;
	return &table[i];
}

static struct node *
find_node(const struct zonedb *z, struct str name)
{
	return *place_of(z->table, z->mask, name, str_hash(name, 0));
}

static bool
grow_table(struct zonedb *z)
{
	size_t size = z->table ? 2 * (z->mask + 1) : FIRST_TABLE;
	struct node **table = ARENA_ARRAY(&z->arena, struct node *, size);

	if (!table)
		return false;
	for (size_t i = 0; z->table && i <= z->mask; i++) {
		struct node *n = z->table[i];

		if (n)
			*place_of(table, size - 1, n->name, n->hash) = n;
	}
	z->table = table;
	z->mask = size - 1;
	return true;
}

/* The node of a name, new if need be; NULL: no memory. */
static struct node *
make_node(struct zonedb *z, struct str name)
{
	uint64_t hash = str_hash(name, 0);
	struct node **at = place_of(z->table, z->mask, name, hash);

	if (*at)
		return *at;
	if (2 * z->count > z->mask) {
		if (!grow_table(z))
			return NULL;
		at = place_of(z->table, z->mask, name, hash);
	}
	*at = ARENA_NEW(&z->arena, struct node);
	if (!*at)
		return NULL;
	(*at)->name = arena_dup(&z->arena, name);
	(*at)->hash = hash;
	(*at)->records_end = &(*at)->records;
	z->count++;
	return (*at)->name.n ? *at : NULL;
}

/* The name and all above it exist. */
static bool
make_exist(struct zonedb *z, struct node *n)
{
	struct str name = n->name;

	n->own = true;
	while (!n->exists) {
		n->exists = true;
		if (name.n == 1)
			break;
		name = str_from(name, (size_t)(unsigned char)name.p[0] + 1);
		n = make_node(z, name);
		if (!n)
			return false;
	}
	return true;
}

static const struct mark *
find_mark(const struct node *n, enum zonedb_mark kind, uint16_t type)
{
	const struct mark *m = n->marks;

	while (m && (m->kind != kind || m->type != type))
		m = m->next;
	return m;
}

static bool
says_exists(enum zonedb_mark kind)
{
	return kind == ZONEDB_SERVFAIL || kind == ZONEDB_TIMEOUT ||
	       kind == ZONEDB_NODATA;
}

int
zonedb_add_mark(struct zonedb *z, const struct dname *name,
    enum zonedb_mark kind, uint16_t type)
{
	struct node *n = make_node(z, wire_str(name));
	struct mark *m;

	if (!n)
		return AVER_NOMEM;
	if (find_mark(n, kind, type))
		return 0;
	m = ARENA_NEW(&z->arena, struct mark);
	if (!m)
		return AVER_NOMEM;
	*m = (struct mark){n->marks, kind, type};
	n->marks = m;
	return !says_exists(kind) || make_exist(z, n) ? 0 : AVER_NOMEM;
}

int
zonedb_add_alias(struct zonedb *z, const struct dname *name, uint16_t type,
    const struct dname *canonical)
{
	struct node *n = make_node(z, wire_str(name));
	struct alias *a = ARENA_NEW(&z->arena, struct alias);

	if (!n || !a)
		return AVER_NOMEM;
	*a = (struct alias){n->aliases, type, *canonical};
	n->aliases = a;
	return 0;
}

int
zonedb_add_record(struct zonedb *z, const struct dname *name, uint16_t type,
    uint32_t ttl, struct str rdata)
{
	struct node *n = make_node(z, wire_str(name));
	struct record *r = ARENA_NEW(&z->arena, struct record);

	if (!n || !r)
		return AVER_NOMEM;
	r->type = type;
	r->ttl = ttl;
	r->rdata = arena_dup(&z->arena, rdata);
	if (r->rdata.n != rdata.n)
		return AVER_NOMEM;
	*n->records_end = r;
	n->records_end = &r->next;
	return make_exist(z, n) ? 0 : AVER_NOMEM;
}

/* ---- answers ------------------------------------------------------------ */

static bool
has_type(const struct node *n, uint16_t type)
{
	const struct record *r = n->records;

	while (r && r->type != type)
		r = r->next;
	return r != NULL;
}

static bool
is_marked(const struct node *n, enum zonedb_mark kind, uint16_t type)
{
	return find_mark(n, kind, type) || find_mark(n, kind, 0);
}

/* The name itself or the wildcard that stands for it (RFC 4592). */
static const struct node *
match(const struct zonedb *z, const struct dname *name, uint16_t type)
{
	const struct node *n = find_node(z, wire_str(name));
	struct dname up = *name, wild;

	if (n && (n->exists || is_marked(n, ZONEDB_NXDOMAIN, type)))
		return n;
	while (dname_parent(&up, &up)) {
		if (dname_prepend(STR("*"), &up, &wild)) {
			n = find_node(z, wire_str(&wild));
			if (n && n->own)
				return n;
		}
		n = find_node(z, wire_str(&up));
		if (n && n->exists)
			break;
	}
	return NULL;
}

/* ZONEDB_SECURE, ZONEDB_INSECURE or ZONEDB_BOGUS */
static enum zonedb_mark
security_of(const struct zonedb *z, const struct dname *name, uint16_t type)
{
	struct str rest = wire_str(name);
	bool exact = true;

	for (;;) {
		const struct node *n = find_node(z, rest);

		for (int k = ZONEDB_SECURE; n && k <= ZONEDB_BOGUS; k++)
			if (exact && find_mark(n, (enum zonedb_mark)k, type))
				return (enum zonedb_mark)k;
		for (int k = ZONEDB_SECURE; n && k <= ZONEDB_BOGUS; k++)
			if (find_mark(n, (enum zonedb_mark)k, 0))
				return (enum zonedb_mark)k;
		if (rest.n == 1)
			return ZONEDB_INSECURE;
		rest = str_from(rest, (size_t)(unsigned char)rest.p[0] + 1);
		exact = false;
	}
}

struct answer {
	enum dns_status status;
	bool secure, bogus;
	uint32_t ttl;
	size_t n;
	const char *why;
	struct str rdata[RECORDS_MAX];
};

/* What the pseudo types say; false when they leave it to the records. */
static bool
answer_by_marks(const struct node *n, uint16_t type, struct answer *a)
{
	bool has = has_type(n, type) || has_type(n, DNS_CNAME);

	if (is_marked(n, ZONEDB_SERVFAIL, type)) {
		a->status = DNS_TEMP;
		a->why = "SERVFAIL";
	} else if (find_mark(n, ZONEDB_TIMEOUT, type) ||
		   (!has && find_mark(n, ZONEDB_TIMEOUT, 0))) {
		a->status = DNS_TEMP;
		a->why = NULL;
	} else if (is_marked(n, ZONEDB_NXDOMAIN, type)) {
		a->status = DNS_NXDOMAIN;
	} else if (find_mark(n, ZONEDB_NODATA, type)) {
		a->status = DNS_NODATA;
	} else {
		return false;
	}
	return true;
}

static void
answer_by_records(const struct node *n, uint16_t type, struct answer *a)
{
	a->status = DNS_NODATA;
	for (const struct record *r = n->records; r; r = r->next) {
		if (r->type != type)
			continue;
		if (a->n == RECORDS_MAX) {
			a->status = DNS_TEMP;
			a->why = "more than 500 records";
			a->n = 0;
			return;
		}
		if (a->n == 0 || r->ttl < a->ttl)
			a->ttl = r->ttl;
		a->rdata[a->n++] = r->rdata;
		a->status = DNS_OK;
	}
}

/* One link; true when *name is the next one to look at. */
static bool
follow(
    const struct zonedb *z, struct dname *name, uint16_t type, struct answer *a)
{
	enum zonedb_mark security = security_of(z, name, type);
	const struct node *n = match(z, name, type);
	const struct record *r;

	a->secure = a->secure && security == ZONEDB_SECURE;
	a->bogus = a->bogus || security == ZONEDB_BOGUS;
	if (!n) {
		a->status = DNS_NXDOMAIN;
		return false;
	}
	if (answer_by_marks(n, type, a))
		return false;
	if (has_type(n, type) || !has_type(n, DNS_CNAME)) {
		answer_by_records(n, type, a);
		return false;
	}
	for (r = n->records; r->type != DNS_CNAME; r = r->next)
		;
	if (dname_from_wire(r->rdata, name, NULL))
		return true;
	a->status = DNS_TEMP;
	a->why = "malformed CNAME";
	return false;
}

/* What CNAMEs, or an ALIAS line for the name asked for, led to; or NULL. */
static const struct dname *
canonical_name(const struct zonedb *z, const struct dname *name, uint16_t type,
    const struct dname *end, int links)
{
	const struct node *n = find_node(z, wire_str(name));

	if (links > 0)
		return end;
	for (const struct alias *a = n ? n->aliases : NULL; a; a = a->next)
		if (a->type == type)
			return &a->canonical;
	return NULL;
}

static struct dns_rrset *
zone_resolve(struct dns_source *src, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	const struct zonedb *z = (const struct zonedb *)src;
	const struct dname *canonical;
	struct answer a;
	struct dname at = *name;
	struct dns_rrset *rr;
	int links = 0;

	(void)deadline;
	a.status = DNS_TEMP;
	a.secure = true;
	a.bogus = false;
	a.ttl = ZONEDB_TTL;
	a.n = 0;
	a.why = "";
	while (follow(z, &at, type, &a)) {
		if (++links > LINKS_MAX) {
			a.status = DNS_TEMP;
			a.why = "CNAME loop, or more than 16 links";
			break;
		}
	}
	canonical = canonical_name(z, name, type, &at, links);
	if (a.status == DNS_TEMP) {
		canonical = NULL;
		if (!a.why)
			return dns_rrset_fault(DNS_FAULT_TIMEOUT);
		a.secure = false;
	} else if (a.bogus) {
		a.status = DNS_BOGUS;
		canonical = NULL;
		a.secure = false;
		a.why = "validation failed";
		a.n = 0;
	}
	rr = dns_rrset_new_alias(
	    canonical, a.status, a.secure, a.ttl, a.n, a.rdata, a.why);
	return rr ? rr : dns_rrset_nomem();
}

static void
zone_close(struct dns_source *src)
{
	struct arena arena = ((struct zonedb *)src)->arena;

	arena_fini(&arena);
}

static const struct dns_source_ops zone_ops = {zone_resolve, NULL, zone_close};

struct zonedb *
zonedb_new(void)
{
	struct arena arena;
	struct zonedb *z;

	arena_init(&arena, MEMORY_MAX);
	z = ARENA_NEW(&arena, struct zonedb);
	if (!z)
		return NULL;
	z->base.ops = &zone_ops;
	z->arena = arena;
	if (grow_table(z))
		return z;
	zone_close(&z->base);
	return NULL;
}

struct dns_source *
zonedb_source(struct zonedb *z)
{
	return &z->base;
}

struct arena *
zonedb_arena(struct zonedb *z)
{
	return &z->arena;
}
