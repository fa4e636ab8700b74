/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include <sys/resource.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/zip/gz.h"
#include "lib/zip/unzip.h"

#define MB ((size_t)1 << 20)

static int
collect(void *arg, struct str octets)
{
	struct buf *b = arg;

	buf_add(b, octets);
	return b->err;
}

static int
count(void *arg, struct str octets)
{
	uint64_t *n = arg;

	*n += octets.n;
	return 0;
}

static int
refuse(void *arg, struct str octets)
{
	(void)octets;
	return *(int *)arg;
}

/* Octets that zlib cannot make smaller. */
static void
noise(struct buf *b, size_t n)
{
	uint64_t x = 88172645463325252u;

	while (b->n < n) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf_add_c(b, (char)x);
	}
}

static void
pack(struct gz_writer *w, struct buf *out, struct str text)
{
	buf_clear(out);
	gz_writer_begin(w, collect, out);
	ok(gz_writer_add(w, text) == 0 && gz_writer_end(w) == 0, "packed");
	is_int(gz_writer_size(w), out->n, "size is what the sink got");
}

static void
twice(struct buf *b)
{
	struct buf copy;

	buf_init(&copy, NULL, 8 * MB);
	buf_add(&copy, buf_str(b));
	buf_add(b, buf_str(&copy));
	buf_fini(&copy);
}

static void
test_round_trip(void)
{
	struct gz_writer *w = gz_writer_new(GZ_FAST);
	struct buf text, packed, again;
	const size_t sizes[] = {0, 1, 100, 70000, 3 * MB};

	buf_init(&text, NULL, 8 * MB);
	buf_init(&packed, NULL, 8 * MB);
	buf_init(&again, NULL, 8 * MB);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		noise(&text, sizes[i]);
		pack(w, &packed, buf_str(&text));
		ok(gz_is(buf_str(&packed)), "is gzip");
		buf_clear(&again);
		is_int(gz_inflate(
			   buf_str(&packed), sizes[i], collect, &again, NULL),
		    0, "inflated at just the limit");
		ok(str_eq(buf_str(&again), buf_str(&text)), "%zu octets",
		    sizes[i]);
		if (sizes[i])
			is_int(gz_inflate(buf_str(&packed), sizes[i] - 1,
				   collect, &again, NULL),
			    AVER_LIMIT, "one octet above the limit");
	}
	buf_fini(&text);
	buf_fini(&packed);
	buf_fini(&again);
	gz_writer_free(w);
	gz_writer_free(NULL);
}

static void
test_deterministic(void)
{
	struct gz_writer *w = gz_writer_new(GZ_SMALL);
	struct buf a, b;

	buf_init(&a, NULL, MB);
	buf_init(&b, NULL, MB);
	pack(w, &a, STR("one text"));
	/* a member that is given up leaves nothing behind */
	gz_writer_begin(w, collect, &b);
	gz_writer_add(w, STR("other"));
	pack(w, &b, STR("one text"));
	is_str(buf_str(&b), buf_str(&a), "same input, same octets");
	is_int(gz_writer_add(w, STR("x")), AVER_BUG, "add after end");
	is_int(gz_writer_end(w), AVER_BUG, "end after end");
	buf_fini(&a);
	buf_fini(&b);
	gz_writer_free(w);
}

/* The bound holds at each step, with and without syncs. */
static void
bound_holds(struct str text, size_t step, size_t sync, const char *name)
{
	struct gz_writer *w = gz_writer_new(GZ_FAST);
	uint64_t n = 0, bound, least = UINT64_MAX;
	size_t at = 0;

	gz_writer_begin(w, count, &n);
	for (size_t i = 1; at < text.n; at += step, i++) {
		bound = gz_writer_bound(w, text.n - at);
		if (bound < least)
			least = bound;
		gz_writer_add(w, str_head(str_from(text, at), step));
		if (sync && i % sync == 0)
			gz_writer_sync(w);
	}
	bound = gz_writer_bound(w, 0);
	least = bound < least ? bound : least;
	is_int(gz_writer_end(w), 0, name);
	ok(n <= least, "%s: %llu octets, bound %llu", name,
	    (unsigned long long)n, (unsigned long long)least);
	gz_writer_free(w);
}

static void
test_bound(void)
{
	struct buf text;

	buf_init(&text, NULL, 8 * MB);
	noise(&text, 2 * MB);
	bound_holds(buf_str(&text), 2 * MB, 0, "noise at once");
	bound_holds(buf_str(&text), 1000, 0, "noise in pieces");
	bound_holds(buf_str(&text), 60000, 3, "noise with syncs");
	buf_clear(&text);
	while (text.n < 2 * MB)
		buf_add_z(&text, "<domain>example.com</domain>");
	bound_holds(buf_str(&text), 500, 0, "text in pieces");
	bound_holds(buf_str(&text), 500, 100, "text with syncs");
	buf_fini(&text);
}

static void
test_sync(void)
{
	struct gz_writer *w = gz_writer_new(GZ_FAST);
	struct buf out;

	buf_init(&out, NULL, MB);
	gz_writer_begin(w, collect, &out);
	for (int i = 0; i < 1000; i++)
		gz_writer_add(w, STR("the same again and again "));
	ok(out.n < 100, "the compressor holds back");
	is_int(gz_writer_sync(w), 0, "sync");
	ok(gz_writer_bound(w, 0) < out.n + 100, "nothing is held back");
	ok(gz_writer_bound(w, 0) < 1000, "so the bound is near");
	is_int(gz_writer_end(w), 0, "end");
	buf_fini(&out);
	gz_writer_free(w);
}

static void
test_sinks(void)
{
	struct gz_writer *w = gz_writer_new(GZ_FAST);
	struct buf packed;
	int code = 77;

	buf_init(&packed, NULL, MB);
	pack(w, &packed, STR("text"));
	is_int(gz_inflate(buf_str(&packed), 100, refuse, &code, NULL), 77,
	    "the sink's value comes back from inflate");
	gz_writer_begin(w, refuse, &code);
	is_int(gz_writer_add(w, STR("text")), 77, "and from the writer");
	is_int(gz_writer_end(w), AVER_BUG, "which is then dead");
	buf_fini(&packed);
	gz_writer_free(w);
}

static int
inflate(struct str in, uint64_t max, struct buf *out, struct diag *d)
{
	buf_clear(out);
	return gz_inflate(in, max, collect, out, d);
}

static void
test_damaged_gzip(void)
{
	struct gz_writer *w = gz_writer_new(GZ_FAST);
	struct buf packed, text, out;
	struct diag d;
	size_t bad = 0;

	buf_init(&packed, NULL, MB);
	buf_init(&text, NULL, MB);
	buf_init(&out, NULL, MB);
	noise(&text, 300);
	pack(w, &packed, buf_str(&text));
	for (size_t n = 0; n < packed.n; n++)
		bad += inflate(str_head(buf_str(&packed), n), MB, &out, &d) ==
		       AVER_SYNTAX;
	is_int(bad, packed.n, "cut off anywhere");
	packed.p[packed.n - 6] ^= 1;
	is_int(inflate(buf_str(&packed), MB, &out, &d), AVER_SYNTAX,
	    "wrong check sum");
	packed.p[packed.n - 6] ^= 1;
	buf_add_z(&packed, "trailing octets");
	is_int(inflate(buf_str(&packed), MB, &out, &d), 0, "trailing octets");
	buf_cut(&packed, packed.n - 15);
	twice(&packed);
	is_int(inflate(buf_str(&packed), MB, &out, &d), 0, "two members");
	is_int(out.n, 600, "both are there");
	is_int(inflate(buf_str(&packed), 599, &out, &d), AVER_LIMIT,
	    "the limit is for all members");
	is_int(inflate(STR("text"), MB, &out, &d), AVER_SYNTAX, "no gzip");
	buf_fini(&packed);
	buf_fini(&text);
	buf_fini(&out);
	gz_writer_free(w);
}

/* --- ZIP archives, put together octet by octet */

static void
put16(struct buf *b, unsigned v)
{
	buf_add_c(b, (char)v);
	buf_add_c(b, (char)(v >> 8));
}

static void
put32(struct buf *b, uint32_t v)
{
	put16(b, v & 0xffff);
	put16(b, v >> 16);
}

struct part {
	const char *name;
	unsigned method, flags;
	struct str data; /* as it stands in the archive */
	uint32_t size, crc;
	int same_as; /* > 0: shares the octets of that member, from 1 */
};

static void
archive(struct buf *b, const struct part *parts, size_t n)
{
	size_t offset[100] = {0}, directory;

	buf_clear(b);
	for (size_t i = 0; i < n; i++) {
		const struct part *p = &parts[i];

		offset[i] = b->n;
		if (p->same_as) {
			offset[i] = offset[p->same_as - 1];
			continue;
		}
		buf_add(b, STR("PK\3\4\24\0"));
		put16(b, p->flags);
		put16(b, p->method);
		put32(b, 0);
		put32(b, p->crc);
		put32(b, (uint32_t)p->data.n);
		put32(b, p->size);
		put16(b, (unsigned)strlen(p->name));
		put16(b, 0);
		buf_add_z(b, p->name);
		buf_add(b, p->data);
	}
	directory = b->n;
	for (size_t i = 0; i < n; i++) {
		const struct part *p = &parts[i];

		buf_add(b, STR("PK\1\2\24\0\24\0"));
		put16(b, p->flags);
		put16(b, p->method);
		put32(b, 0);
		put32(b, p->crc);
		put32(b, (uint32_t)p->data.n);
		put32(b, p->size);
		put16(b, (unsigned)strlen(p->name));
		buf_add(b, STR("\0\0\0\0\0\0\0\0\0\0\0\0"));
		put32(b, (uint32_t)offset[i]);
		buf_add_z(b, p->name);
	}
	offset[0] = b->n - directory;
	buf_add(b, STR("PK\5\6\0\0\0\0"));
	put16(b, (unsigned)n);
	put16(b, (unsigned)n);
	put32(b, (uint32_t)offset[0]);
	put32(b, (uint32_t)directory);
	put16(b, 0);
}

/* "hello" stored and deflated, with its check sum */
#define HELLO STR_INIT("hello")
#define PACKED STR_INIT("\xcb\x48\xcd\xc9\xc9\x07\x00")
#define CRC 0x3610a686u

static void
read_one(const struct part *p, int want, const char *name)
{
	struct buf b, out;
	struct unzip z;
	struct diag d;

	buf_init(&b, NULL, MB);
	buf_init(&out, NULL, MB);
	archive(&b, p, 1);
	is_int(unzip_open(buf_str(&b), &z, &d), 0, name);
	is_int(unzip_read(&z.members[0], 5, collect, &out, &d), want, name);
	if (want == 0)
		is_str(buf_str(&out), STR("hello"), name);
	buf_fini(&b);
	buf_fini(&out);
}

static void
test_members(void)
{
	static const struct {
		const char *name;
		struct part part;
		int want;
	} cases[] = {
	    {"stored", {"a", 0, 0, HELLO, 5, CRC, 0}, 0},
	    {"deflated", {"a", 8, 0, PACKED, 5, CRC, 0}, 0},
	    {"says too few", {"a", 8, 0, PACKED, 4, CRC, 0}, AVER_SYNTAX},
	    {"says too many", {"a", 8, 0, PACKED, 6, CRC, 0}, AVER_SYNTAX},
	    {"stored, says more", {"a", 0, 0, HELLO, 9, CRC, 0}, AVER_SYNTAX},
	    {"wrong sum", {"a", 8, 0, PACKED, 5, CRC + 1, 0}, AVER_SYNTAX},
	    {"encrypted", {"a", 8, 1, PACKED, 5, CRC, 0}, AVER_SYNTAX},
	    {"bzip2", {"a", 12, 0, PACKED, 5, CRC, 0}, AVER_SYNTAX},
	    {"no deflate data", {"a", 8, 0, HELLO, 5, CRC, 0}, AVER_SYNTAX},
	    {"cut off", {"a", 8, 0, STR_INIT("\xcb\x48\xcd"), 5, CRC, 0},
		AVER_SYNTAX},
	    {"octets behind",
		{"a", 8, 0, STR_INIT("\xcb\x48\xcd\xc9\xc9\x07\0x"), 5, CRC, 0},
		AVER_SYNTAX},
	    {"above the limit",
		{"a", 0, 0, STR_INIT("hello!"), 6, 0xa4ff9cd6, 0}, AVER_LIMIT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		read_one(&cases[i].part, cases[i].want, cases[i].name);
}

static void
test_archives(void)
{
	struct part parts[UNZIP_MEMBERS_MAX + 1];
	struct buf b;
	struct unzip z;
	struct diag d;
	size_t bad = 0;

	buf_init(&b, NULL, MB);
	for (size_t i = 0; i <= UNZIP_MEMBERS_MAX; i++)
		parts[i] = (struct part){"name/", 0, 0, HELLO, 5, CRC, 0};
	archive(&b, parts, UNZIP_MEMBERS_MAX);
	is_int(unzip_open(buf_str(&b), &z, &d), 0, "as many as allowed");
	ok(z.n == UNZIP_MEMBERS_MAX && z.members[0].folder, "all listed");
	archive(&b, parts, UNZIP_MEMBERS_MAX + 1);
	is_int(unzip_open(buf_str(&b), &z, &d), AVER_LIMIT, "one more");
	parts[1].same_as = 1;
	archive(&b, parts, 2);
	is_int(unzip_open(buf_str(&b), &z, &d), AVER_SYNTAX, "overlap");
	archive(&b, parts, 1);
	for (size_t n = 0; n < b.n; n++)
		bad +=
		    unzip_open(str_head(buf_str(&b), n), &z, &d) == AVER_SYNTAX;
	is_int(bad, b.n, "cut off anywhere");
	buf_add_z(&b, "x");
	is_int(unzip_open(buf_str(&b), &z, &d), AVER_SYNTAX, "octets behind");
	archive(&b, NULL, 0);
	ok(unzip_open(buf_str(&b), &z, &d) == 0 && z.n == 0, "empty");
	buf_fini(&b);
}

/* A gigabyte of zeros: the limit ends it, and nothing grows. */
static void
test_bomb(void)
{
	struct gz_writer *w = gz_writer_new(9);
	struct buf packed, zeros;
	uint64_t n = 0;
	struct rusage before, after;
	struct diag d = {.text = ""};

	buf_init(&packed, NULL, 8 * MB);
	buf_init(&zeros, NULL, MB);
	while (zeros.n < MB)
		buf_add_c(&zeros, '\0');
	gz_writer_begin(w, collect, &packed);
	for (int i = 0; i < 64; i++)
		gz_writer_add(w, buf_str(&zeros));
	gz_writer_end(w);
	getrusage(RUSAGE_SELF, &before);
	for (int i = 0; i < 4; i++)
		twice(&packed);
	is_int(gz_inflate(buf_str(&packed), 100 * MB, count, &n, &d),
	    AVER_LIMIT, "bomb");
	is_int(n, 100 * MB, "nothing past the limit");
	ok(strstr(d.text, "104857600"), "%s", d.text);
	getrusage(RUSAGE_SELF, &after);
	ok(after.ru_maxrss - before.ru_maxrss < 4096, "grew by %ld kB",
	    after.ru_maxrss - before.ru_maxrss);
	buf_fini(&packed);
	buf_fini(&zeros);
	gz_writer_free(w);
}

int
main(void)
{
	test_round_trip();
	test_deterministic();
	test_bound();
	test_sync();
	test_sinks();
	test_damaged_gzip();
	test_members();
	test_archives();
	test_bomb();
	return tap_done();
}
