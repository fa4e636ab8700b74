/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/buf.h"
#include "lib/mail/hdr.h"

#include "t/tap.h"

static const struct {
	const char *name;
	struct str raw, field, value;
} fields[] = {
    {"plain", STR_INIT("To: a"), STR_INIT("To"), STR_INIT(" a")},
    {"no space", STR_INIT("To:a"), STR_INIT("To"), STR_INIT("a")},
    {"colon in the value", STR_INIT("To:a:b"), STR_INIT("To"), STR_INIT("a:b")},
    {"space before the colon", STR_INIT("To \t: a"), STR_INIT("To"),
	STR_INIT(" a")},
    {"fold before the colon", STR_INIT("To\r\n : a"), STR_INIT("To"),
	STR_INIT(" a")},
    {"folded value", STR_INIT("To:\r\n a\r\n b"), STR_INIT("To"),
	STR_INIT("\r\n a\r\n b")},
    {"empty value", STR_INIT("To:"), STR_INIT("To"), STR_INIT("")},
    {"no colon", STR_INIT("To a "), STR_INIT("To a"), STR_INIT("")},
    {"empty name", STR_INIT(": a"), STR_INIT(""), STR_INIT(" a")},
    {"nothing", STR_INIT(""), STR_INIT(""), STR_INIT("")},
    {"NUL", STR_INIT("T\0o: a\0b"), STR_INIT("T\0o"), STR_INIT(" a\0b")},
    {"only white space", STR_INIT(" \t"), STR_INIT(""), STR_INIT("")},
};

static const struct {
	const char *name;
	struct str text;
	const char *raws; /* with "|" between them */
	const char *body; /* NULL: none */
} messages[] = {
    {"two fields and a body", STR_INIT("A: 1\r\nB: 2\r\n\r\nx\r\n"),
	"A: 1|B: 2", "x\r\n"},
    {"folds", STR_INIT("A: 1\r\n 2\r\n\t3\r\nB: 4\r\n\r\n"),
	"A: 1\r\n 2\r\n\t3|B: 4", ""},
    {"no body", STR_INIT("A: 1\r\nB: 2\r\n"), "A: 1|B: 2", NULL},
    {"no end of line", STR_INIT("A: 1\r\nB: 2"), "A: 1|B: 2", NULL},
    {"ends in a fold", STR_INIT("A: 1\r\n "), "A: 1\r\n ", NULL},
    {"line of white space", STR_INIT("A: 1\r\n \r\nB: 2\r\n\r\n"),
	"A: 1\r\n |B: 2", ""},
    {"no fields", STR_INIT("\r\nx"), "", "x"},
    {"nothing", STR_INIT(""), "", NULL},
    {"only an empty line", STR_INIT("\r\n"), "", ""},
    {"first line folded", STR_INIT(" A: 1\r\nB: 2\r\n\r\n"), " A: 1|B: 2", ""},
    {"bare LF is no line end", STR_INIT("A: 1\r\nB: 2\n\nC: 3\r\n\r\nx"),
	"A: 1|B: 2\n\nC: 3", "x"},
    {"bare CR is no line end", STR_INIT("A: 1\rB: 2\r\n\r\r\nx"),
	"A: 1\rB: 2|\r|x", NULL},
    {"LF line ends", STR_INIT("A: 1\nB: 2\n 3\n\nx\ny"), "A: 1|B: 2\r\n 3",
	"x\r\ny"},
    {"LF line ends and some CRLF", STR_INIT("A: 1\nB: 2\r\n\r\nx\r\n"),
	"A: 1|B: 2", "x\r\n"},
    {"LF first", STR_INIT("\nx\n"), "", "x\r\n"},
};

static void
test_split(void)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct hdr_list l;
		struct str body;
		struct arena a;
		struct buf b;
		size_t octets = 0;

		arena_init(&a, 1 << 16);
		buf_init(&b, &a, 4096);
		is_int(hdr_split_message(&a, messages[i].text, &l, &body), 0,
		    messages[i].name);
		for (size_t k = 0; k < l.n; k++) {
			buf_add_z(&b, k ? "|" : "");
			buf_add(&b, l.v[k].raw);
			octets += l.v[k].raw.n + 2;
		}
		is_str(buf_str(&b), str_from_z(messages[i].raws),
		    messages[i].name);
		is_str(body, str_from_z(messages[i].body), messages[i].name);
		ok((body.p == NULL) == (messages[i].body == NULL),
		    "%s: body or none", messages[i].name);
		is_int(l.octets, octets, messages[i].name);
		arena_fini(&a);
	}
}

static void
test_find(void)
{
	struct hdr_list l = {0};
	struct arena a;

	arena_init(&a, 1 << 20);
	for (int i = 0; i < 1000; i++)
		if (hdr_list_add(
			&l, &a, hdr_of(i % 10 ? STR("To: a") : STR("FROM: b"))))
			break;
	is_int(l.n, 1000, "1000 fields");
	is_int(hdr_count(&l, STR("from")), 100, "100 of one name");
	is_int(hdr_count(&l, STR("fro")), 0, "no prefix of a name");
	is_int(hdr_count(&l, STR_NONE), 0, "no empty name");
	ok(hdr_find(&l, STR("From"), 0) == &l.v[0], "the first");
	ok(hdr_find(&l, STR("From"), 99) == &l.v[990], "the last");
	ok(hdr_find(&l, STR("From"), 100) == NULL, "one too many");
	ok(hdr_find(&l, STR("Date"), 0) == NULL, "another name");
	arena_fini(&a);
}

static void
test_nomem(void)
{
	struct hdr_list l = {.n = 7};
	struct str body = STR("kept");
	struct arena a;

	arena_init(&a, 64);
	is_int(hdr_split_message(&a, STR("A: 1\r\n\r\n"), &l, &body), -1,
	    "no memory for the list");
	ok(l.n == 7 && str_eq(body, STR("kept")), "the outputs are untouched");
	arena_fini(&a);
	arena_init(&a, 16);
	is_int(hdr_split_message(
		   &a, STR("A: 12345678901234567890\n\n"), &l, &body),
	    -1, "no memory for the copy");
	arena_fini(&a);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct hdr h = hdr_of(fields[i].raw);

		is_str(h.name, fields[i].field, fields[i].name);
		is_str(h.value, fields[i].value, fields[i].name);
		is_str(h.raw, fields[i].raw, fields[i].name);
	}
	test_split();
	test_find();
	test_nomem();
	return tap_done();
}
