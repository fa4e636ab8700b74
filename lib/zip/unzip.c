/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The ZIP file format (PKWARE's APPNOTE.TXT, 6.3.x): at the end stands a
 * record that says where the central directory is, there an entry for each
 * member that says where its local header is, and behind that the data. Only
 * the entries are believed; of the local header just its length.
 */
#include "lib/zip/unzip.h"

#include "lib/base/err.h"
#include "lib/zip/inflate.h"

#define END_SIZE ((size_t)22)
#define COMMENT_MAX ((size_t)65535) /* behind it */
#define ENTRY_SIZE ((size_t)46)
#define LOCAL_SIZE ((size_t)30)
#define UNKNOWN 0xffffffffu /* the value stands in the Zip64 field */

#define METHOD_STORED 0
#define METHOD_DEFLATED 8
#define FLAG_ENCRYPTED 1u
#define EXTRA_ZIP64 1

static unsigned
get16(struct str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.p + at;

	return p[0] | (unsigned)p[1] << 8;
}

static uint32_t
get32(struct str s, size_t at)
{
	return get16(s, at) | (uint32_t)get16(s, at + 2) << 16;
}

static uint64_t
get64(struct str s, size_t at)
{
	return get32(s, at) | (uint64_t)get32(s, at + 4) << 32;
}

/* n octets of in at that place; false when they are not all there. */
static bool
cut(struct str in, uint64_t at, uint64_t n, struct str *out)
{
	if (at > in.n || n > in.n - at)
		return false;
	*out = str_head(str_from(in, (size_t)at), (size_t)n);
	return true;
}

bool
unzip_is(struct str in)
{
	return str_starts(in, STR("PK\3\4")) || str_starts(in, STR("PK\5\6"));
}

/* The last end record whose comment reaches to the end of the file. */
static bool
find_end(struct str in, struct str *end)
{
	size_t back;

	for (back = END_SIZE; back <= in.n && back <= END_SIZE + COMMENT_MAX;
	     back++) {
		*end = str_from(in, in.n - back);
		if (str_starts(*end, STR("PK\5\6")) &&
		    get16(*end, 20) == back - END_SIZE)
			return true;
	}
	return false;
}

/* An entry of the central directory, and what of it is needed once. */
struct entry {
	struct str fixed; /* ENTRY_SIZE octets */
	struct str name, extra;
	uint64_t size, packed, offset;
};

/* Takes the next of the values that are too large for the entry itself. */
static bool
widen(struct str *field, uint64_t *value)
{
	if (*value != UNKNOWN)
		return true;
	if (field->n < 8)
		return false;
	*value = get64(*field, 0);
	*field = str_from(*field, 8);
	return true;
}

static bool
read_extra(struct entry *e)
{
	struct str left = e->extra, field;

	while (left.n >= 4) {
		if (!cut(left, 4, get16(left, 2), &field))
			return false;
		if (get16(left, 0) == EXTRA_ZIP64)
			return widen(&field, &e->size) &&
			       widen(&field, &e->packed) &&
			       widen(&field, &e->offset);
		left = str_from(left, 4 + field.n);
	}
	return true;
}

static bool
next_entry(struct str *left, struct entry *e)
{
	size_t n_name, n_extra, n_comment;

	if (!cut(*left, 0, ENTRY_SIZE, &e->fixed) ||
	    !str_starts(*left, STR("PK\1\2")))
		return false;
	n_name = get16(e->fixed, 28);
	n_extra = get16(e->fixed, 30);
	n_comment = get16(e->fixed, 32);
	if (!cut(*left, ENTRY_SIZE, n_name, &e->name) ||
	    !cut(*left, ENTRY_SIZE + n_name, n_extra, &e->extra) ||
	    left->n - ENTRY_SIZE - n_name - n_extra < n_comment)
		return false;
	*left = str_from(*left, ENTRY_SIZE + n_name + n_extra + n_comment);
	e->packed = get32(e->fixed, 20);
	e->size = get32(e->fixed, 24);
	e->offset = get32(e->fixed, 42);
	return read_extra(e);
}

static bool
find_data(struct str in, const struct entry *e, struct unzip_member *m)
{
	struct str local;

	return cut(in, e->offset, LOCAL_SIZE, &local) &&
	       str_starts(local, STR("PK\3\4")) &&
	       cut(in,
		   e->offset + LOCAL_SIZE + get16(local, 26) + get16(local, 28),
		   e->packed, &m->data);
}

static void
describe(const struct entry *e, struct unzip_member *m)
{
	unsigned method = get16(e->fixed, 10);

	m->name = e->name;
	m->size = e->size;
	m->crc = get32(e->fixed, 16);
	m->deflated = method == METHOD_DEFLATED;
	m->folder = e->name.n && e->name.p[e->name.n - 1] == '/';
	m->readable = !(get16(e->fixed, 8) & FLAG_ENCRYPTED) &&
		      (m->deflated || method == METHOD_STORED);
}

/* What keeps a small archive from unfolding into the same data many times. */
static bool
overlaps(const struct unzip *z, const struct unzip_member *m)
{
	for (size_t i = 0; i < z->n; i++) {
		struct str other = z->members[i].data;

		if (m->data.p < other.p + other.n &&
		    other.p < m->data.p + m->data.n)
			return true;
	}
	return false;
}

int
unzip_open(struct str in, struct unzip *out, struct diag *d)
{
	struct str end, left;
	size_t n;

	out->n = 0;
	if (!unzip_is(in) || !find_end(in, &end))
		return diag_set(d, AVER_SYNTAX, 0, "no ZIP archive");
	n = get16(end, 10);
	if (n > UNZIP_MEMBERS_MAX)
		return diag_set(d, AVER_LIMIT, 0,
		    "more than %d members in a ZIP archive", UNZIP_MEMBERS_MAX);
	if (!cut(in, get32(end, 16), get32(end, 12), &left))
		return diag_set(d, AVER_SYNTAX, 0,
		    "a ZIP archive whose directory is not in it");
	while (out->n < n) {
		struct unzip_member *m = &out->members[out->n];
		struct entry e;

		if (!next_entry(&left, &e) || !find_data(in, &e, m))
			return diag_set(d, AVER_SYNTAX,
			    left.p ? (size_t)(left.p - in.p) : 0,
			    "a ZIP archive with a damaged directory");
		if (overlaps(out, m))
			return diag_set(d, AVER_SYNTAX, 0,
			    "a ZIP archive whose members overlap");
		describe(&e, m);
		out->n++;
	}
	return 0;
}

int
unzip_read(const struct unzip_member *m, uint64_t max,
    int (*sink)(void *arg, struct str octets), void *arg, struct diag *d)
{
	struct inflate_job job = {.sink = sink, .arg = arg, .max = max};
	struct str rest = STR_NONE;
	int err;

	if (!m->readable)
		return diag_set(d, AVER_SYNTAX, 0,
		    "a ZIP member that is encrypted or packed by a method "
		    "other than deflate");
	if (m->deflated) {
		err = inflate_begin(&job, INFLATE_RAW, d);
		if (!err)
			err = inflate_run(&job, m->data, &rest, d);
		inflate_end(&job);
	} else {
		err = inflate_stored(&job, m->data, d);
	}
	if (err)
		return err;
	if (job.size != m->size || job.crc != m->crc || rest.n)
		return diag_set(d, AVER_SYNTAX, 0,
		    "a ZIP member without the size and check sum that the "
		    "archive says");
	return 0;
}
