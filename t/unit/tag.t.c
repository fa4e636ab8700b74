/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/tag/tag.h"
#include "t/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- tag_list_parse ------------------------------------------------- */

struct list_case {
	const char *name;
	struct str in;
	unsigned flags;
	int err;
	const char *want; /* "name=value|" for each tag */
};

#define SKIPPING (TAG_SKIP_BAD | TAG_FIRST_WINS | TAG_FOLD_CASE)

static const struct list_case good[] = {
    {"one", STR_INIT("a=b"), 0, 0, "a=b|"},
    {"two", STR_INIT("a=b;c=d"), 0, 0, "a=b|c=d|"},
    {"last semicolon", STR_INIT("a=b;"), 0, 0, "a=b|"},
    {"white space after it", STR_INIT("a=b; \r\n\t"), 0, 0, "a=b|"},
    {"FWS everywhere", STR_INIT("\r\n a\t=\r\n b \r\n; c = d"), 0, 0,
	"a=b|c=d|"},
    {"FWS inside a value", STR_INIT("b=Zm9v\r\n Zg=="), 0, 0,
	"b=Zm9v\r\n Zg==|"},
    {"empty value", STR_INIT("p=;s="), 0, 0, "p=|s=|"},
    {"equals in a value", STR_INIT("a==b="), 0, 0, "a==b=|"},
    {"name", STR_INIT("aB_9=1"), 0, 0, "aB_9=1|"},
    {"case matters", STR_INIT("a=1;A=2"), 0, 0, "a=1|A=2|"},
    {"8-bit allowed", STR_INIT("i=\xc3\xbc@x"), TAG_HIGH, 0, "i=\xc3\xbc@x|"},
    {"first wins", STR_INIT("a=1;b=2;a=3"), TAG_FIRST_WINS, 0, "a=1|b=2|"},
    {"first wins, any case", STR_INIT("p=none;P=reject"),
	TAG_FIRST_WINS | TAG_FOLD_CASE, 0, "p=none|"},
    {"bad part skipped", STR_INIT("v=1;x;=;p=y"), TAG_SKIP_BAD, 0, "v=1|p=y|"},
    {"bad octet skipped", STR_INIT("v=1;a=\x01;p=y"), SKIPPING, 0, "v=1|p=y|"},
    {"empty parts skipped", STR_INIT(";;a=1;;;"), TAG_SKIP_BAD, 0, "a=1|"},
};

static const struct list_case bad[] = {
    {"empty", STR_INIT(""), 0, AVER_SYNTAX, NULL},
    {"NULL", {NULL, 0}, 0, AVER_SYNTAX, NULL},
    {"white space", STR_INIT(" \t"), 0, AVER_SYNTAX, NULL},
    {"only a semicolon", STR_INIT(";"), 0, AVER_SYNTAX, NULL},
    {"only semicolons, skipping", STR_INIT(";;;"), TAG_SKIP_BAD, AVER_SYNTAX,
	NULL},
    {"two semicolons at the end", STR_INIT("a=b;;"), 0, AVER_SYNTAX, NULL},
    {"empty part", STR_INIT("a=b;;c=d"), 0, AVER_SYNTAX, NULL},
    {"no equals", STR_INIT("a"), 0, AVER_SYNTAX, NULL},
    {"no name", STR_INIT("=b"), 0, AVER_SYNTAX, NULL},
    {"digit first", STR_INIT("1a=b"), 0, AVER_SYNTAX, NULL},
    {"underscore first", STR_INIT("_a=b"), 0, AVER_SYNTAX, NULL},
    {"hyphen in a name", STR_INIT("a-b=c"), 0, AVER_SYNTAX, NULL},
    {"space in a name", STR_INIT("a b=c"), 0, AVER_SYNTAX, NULL},
    {"8-bit in a name", STR_INIT("\xc3\xbc=c"), TAG_HIGH, AVER_SYNTAX, NULL},
    {"8-bit value", STR_INIT("a=\xc3\xbc"), 0, AVER_SYNTAX, NULL},
    {"NUL", STR_INIT("a=x\0y"), 0, AVER_SYNTAX, NULL},
    {"NUL with 8-bit allowed", STR_INIT("a=x\0y"), TAG_HIGH, AVER_SYNTAX, NULL},
    {"DEL", STR_INIT("a=\x7f"), TAG_HIGH, AVER_SYNTAX, NULL},
    {"vertical tab", STR_INIT("a=b\vc"), 0, AVER_SYNTAX, NULL},
    {"twice", STR_INIT("a=1;b=2;a=1"), 0, AVER_SYNTAX, NULL},
    {"twice, any case", STR_INIT("a=1;A=1"), TAG_FOLD_CASE, AVER_SYNTAX, NULL},
};

static void
render(struct buf *b, const struct tag_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		buf_add(b, l->v[i].name);
		buf_add_c(b, '=');
		buf_add(b, l->v[i].value);
		buf_add_c(b, '|');
	}
}

static void
run_list(const struct list_case *t)
{
	struct tag_list l = {NULL, 99};
	struct diag d = {"", 0};
	struct arena a;
	struct buf b;
	int err;

	arena_init(&a, 1 << 16);
	buf_init(&b, &a, 1000);
	err = tag_list_parse(&a, t->in, t->flags, &l, &d);
	if (!is_int(err, t->err, t->name) || err) {
		ok(l.n == 99 && d.text[0] && d.offset <= t->in.n,
		    "%s: untouched, with a text", t->name);
	} else {
		render(&b, &l);
		is_str(buf_str(&b), str_from_z(t->want), t->name);
	}
	arena_fini(&a);
}

static void
test_raw(void)
{
	struct tag_list l;
	struct arena a;

	arena_init(&a, 1 << 16);
	tag_list_parse(&a, STR("a=1; b = x \r\n y ;c=2"), 0, &l, NULL);
	is_str(l.v[1].raw, STR(" x \r\n y "), "raw: all up to the semicolon");
	ok(tag_find(&l, STR("c")) == &l.v[2] && !tag_find(&l, STR("C")) &&
		!tag_find(&l, STR("")),
	    "find: exact names only");
	arena_fini(&a);
}

/* n tags "aN=x;", then the arena's cap. */
static int
parse_many(int n, unsigned flags, size_t cap)
{
	struct tag_list l;
	struct arena a;
	struct buf b;
	int err;

	buf_init(&b, NULL, 1 << 20);
	for (int i = 0; i < n; i++)
		buf_addf(&b, "a%d=x;", i);
	arena_init(&a, cap);
	err = tag_list_parse(&a, buf_str(&b), flags, &l, NULL);
	arena_fini(&a);
	buf_fini(&b);
	return err;
}

static void
test_bounds(void)
{
	struct tag_list l;
	struct diag d;
	struct arena a;

	is_int(parse_many(TAG_LIST_MAX, 0, 1 << 16), 0, "bounds: most tags");
	is_int(parse_many(TAG_LIST_MAX + 1, 0, 1 << 16), AVER_LIMIT,
	    "bounds: one more");
	is_int(parse_many(50000, SKIPPING, 1 << 16), AVER_LIMIT,
	    "bounds: very many");
	is_int(parse_many(10, 0, 100), AVER_NOMEM, "bounds: no memory");
	arena_init(&a, 1 << 16);
	tag_list_parse(&a, STR("a=1; b=2; ?"), 0, &l, &d);
	is_int(d.offset, 9, "bounds: where the bad part is");
	arena_fini(&a);
}

/* ---- tag_apply ------------------------------------------------------ */

struct record {
	struct str v, p;
	int n, m;
};

static int
parse_text(struct arena *a, struct str value, void *field, struct diag *d)
{
	(void)a;
	(void)d;
	*(struct str *)field = value;
	return 0;
}

static int
parse_number(struct arena *a, struct str value, void *field, struct diag *d)
{
	uint64_t n;

	(void)a;
	if (str_eq(value, STR("memory")))
		return AVER_NOMEM;
	if (!str_to_u64(value, 100, &n))
		return diag_set(d, AVER_SYNTAX, 0, "not a number");
	*(int *)field = (int)n;
	return 0;
}

#define OFF(f) offsetof(struct record, f)

static const struct tag_def defs[] = {
    {STR_INIT("v"), parse_text, OFF(v), TAGDEF_REQUIRED | TAGDEF_FIRST, NULL},
    {STR_INIT("p"), parse_text, OFF(p), 0, "dflt"},
    {STR_INIT("n"), parse_number, OFF(n), 0, NULL},
    {STR_INIT("m"), parse_number, OFF(m), TAGDEF_LENIENT, "7"},
};

static const struct {
	const char *name, *in;
	unsigned flags;
	int err;
	const char *p;
	int n, m;
	unsigned present;
	const char *text; /* part of the diag */
} apply[] = {
    {"all", "v=1;p=x;n=2;m=3", 0, 0, "x", 2, 3, 15, ""},
    {"defaults", "v=1", 0, 0, "dflt", -1, 7, 1, ""},
    {"order is free", "v=1;m=3;n=2;p=x", 0, 0, "x", 2, 3, 15, ""},
    {"unknown tags", "v=1;z=9;p=x", 0, 0, "x", -1, 7, 3, ""},
    {"empty is present", "v=1;p=", 0, 0, "", -1, 7, 3, ""},
    {"lenient", "v=1;m=many", 0, 0, "dflt", -1, 7, 1, ""},
    {"case folded", "V=1;P=x", TAG_FOLD_CASE, 0, "x", -1, 7, 3, ""},
    {"case kept", "V=1;p=x", 0, AVER_SYNTAX, NULL, 0, 0, 0, "v is missing"},
    {"missing", "p=x", 0, AVER_SYNTAX, NULL, 0, 0, 0, "v is missing"},
    {"not first", "p=x;v=1", 0, AVER_SYNTAX, NULL, 0, 0, 0, "v is not first"},
    {"bad value", "v=1;n=101", 0, AVER_SYNTAX, NULL, 0, 0, 0, "tag n"},
    {"bad empty value", "v=1;n=", 0, AVER_SYNTAX, NULL, 0, 0, 0, "tag n"},
    {"memory", "v=1;n=memory", 0, AVER_NOMEM, NULL, 0, 0, 0, ""},
    {"memory, lenient", "v=1;m=memory", 0, AVER_NOMEM, NULL, 0, 0, 0, ""},
};

static void
test_apply(void)
{
	struct arena a;

	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < COUNT(apply); i++) {
		struct record r = {STR_NONE, STR_NONE, -1, -1};
		struct tag_list l;
		struct diag d = {"", 0};
		unsigned present = 0;
		int err;

		tag_list_parse(
		    &a, str_from_z(apply[i].in), apply[i].flags, &l, NULL);
		err = tag_apply(&a, &l, defs, COUNT(defs), apply[i].flags, &r,
		    &present, &d);
		ok(err == apply[i].err && strstr(d.text, apply[i].text),
		    "apply: %s", apply[i].name);
		if (err)
			continue;
		ok(r.n == apply[i].n && r.m == apply[i].m &&
			present == apply[i].present,
		    "apply: %s, values", apply[i].name);
		is_str(r.p, str_from_z(apply[i].p), apply[i].name);
	}
	arena_fini(&a);
}

int
main(void)
{
	for (size_t i = 0; i < COUNT(good); i++)
		run_list(&good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		run_list(&bad[i]);
	test_raw();
	test_bounds();
	test_apply();
	return tap_done();
}
