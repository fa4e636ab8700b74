/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What exports and checks ask: sources, the row that was last, every key. */
#include "lib/store/redis_parts.h"

#include "lib/base/err.h"

#define LOOK 1000 /* keys of the server for one call */
#define STRAYS 500
#define TELL 5 /* of the same fault, one by one */

static int
freeze(struct store *base, struct diag *d)
{
	(void)base;
	return diag_set(d, AVER_NOTFOUND, 0, "the server shows what is now");
}

/*
 * Calls a script that goes over keys until its cursor is back at 0; each for
 * what stands behind the cursor.
 */
static int
scan(struct redis_store *s, enum redis_script script,
    int (*each)(void *arg, const struct resp *item), void *arg, struct diag *d)
{
	struct buf cursor;
	int err = 0;

	buf_init(&cursor, NULL, 64);
	buf_add(&cursor, STR("0"));
	do {
		const struct resp *i;
		struct arena a;
		struct resp r;
		bool bad = false;

		arena_init(&a, REDIS_ARENA);
		redis_begin(s->c, script);
		redis_arg(s->c, buf_str(&cursor));
		redis_arg_int(s->c, LOOK);
		err = redis_run(s->c, true, &a, &r, d);
		i = err ? NULL : redis_items(&r, 0, &bad);
		if (!err && (bad || r.n == 0 || i[0].type != RESP_BULK))
			err = redis_odd(s->c, d);
		if (!err) {
			buf_clear(&cursor);
			buf_add(&cursor, i[0].s);
		}
		for (size_t k = 1; !err && k < r.n; k++) {
			err = each(arg, &i[k]);
			if (err == AVER_SYNTAX)
				err = redis_odd(s->c, d);
		}
		arena_fini(&a);
	} while (!err && !str_eq(buf_str(&cursor), STR("0")));
	buf_fini(&cursor);
	return err;
}

struct sources {
	int (*fn)(void *arg, struct str name, uint64_t seq);
	void *arg;
};

static int
give_source(void *arg, const struct resp *item)
{
	struct sources *x = arg;
	bool bad = false;
	const struct resp *i = redis_items(item, 2, &bad);
	uint64_t seq = 0;

	if (bad || i[0].type != RESP_BULK || i[1].type != RESP_BULK ||
	    !str_to_u64(i[1].s, INT64_MAX, &seq))
		return AVER_SYNTAX;
	return x->fn(x->arg, i[0].s, seq);
}

/* One that the server shows twice, as it may, is given twice. */
static int
each_source(struct store *base,
    int (*fn)(void *arg, struct str name, uint64_t seq), void *arg,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct sources x = {fn, arg};
	int err;

	s->walking++;
	err = scan(s, REDIS_SOURCES, give_source, &x, d);
	s->walking--;
	return err;
}

static int
last_row(struct store *base, enum ledger_kind kind, struct str policy_domain,
    int64_t from, int64_t to, struct arena *arena, struct store_take_row *out,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct store_take_row row = {.count = 0};
	const struct resp *i;
	struct arena a;
	struct resp r;
	bool bad = false;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(s->c, REDIS_LAST_ROW);
	redis_arg(s->c, kind == LEDGER_TLS ? REDIS_TLS : REDIS_DMARC);
	redis_arg(s->c, policy_domain);
	redis_arg_code(s->c, from);
	redis_arg_code(s->c, to);
	err = redis_run(s->c, true, &a, &r, d);
	if (!err && r.type == RESP_NIL) {
		err = diag_set(d, AVER_NOTFOUND, 0, "it is not known");
	} else if (!err) {
		i = redis_items(&r, 3, &bad);
		row.octets = bad ? STR_NONE : redis_text(&i[0], &bad);
		row.time =
		    bad ? 0 : redis_uncode(redis_text(&i[1], &bad), &bad);
		row.wanted = !bad && str_eq(i[2].s, STR("n"));
		if (!bad && kind == LEDGER_TLS)
			bad = !redis_tls_decode(row.octets, &a, &row.octets,
			    &row.recipient_domain, &row.detail);
		err = bad ? redis_odd(s->c, d)
			  : redis_dup(arena,
				(struct str *[]){&row.octets,
				    &row.recipient_domain, &row.detail},
				3, d);
	}
	arena_fini(&a);
	if (!err)
		*out = row;
	return err;
}

/* --- inspection */

/* Every name that redis_lua.c lists, and what it is. */
static const struct {
	struct str name; /* with a colon at its end: the beginning of it */
	struct str type;
} kinds[] = {
    {STR_INIT("v"), STR_INIT("string")},
    {STR_INIT("c"), STR_INIT("hash")},
    {STR_INIT("s:"), STR_INIT("string")},
    {STR_INIT("o:"), STR_INIT("hash")},
    {STR_INIT("k"), STR_INIT("zset")},
    {STR_INIT("ie"), STR_INIT("zset")},
    {STR_INIT("it"), STR_INIT("zset")},
    {STR_INIT("F"), STR_INIT("zset")},
    {STR_INIT("he:"), STR_INIT("hash")},
    {STR_INIT("ht:"), STR_INIT("hash")},
    {STR_INIT("f:"), STR_INIT("zset")},
    {STR_INIT("q:"), STR_INIT("string")},
    {STR_INIT("y:"), STR_INIT("string")},
    {STR_INIT("z:"), STR_INIT("hash")},
    {STR_INIT("r:"), STR_INIT("hash")},
    {STR_INIT("R"), STR_INIT("zset")},
    {STR_INIT("rd:"), STR_INIT("zset")},
    {STR_INIT("D"), STR_INIT("zset")},
    {STR_INIT("tr"), STR_INIT("zset")},
    {STR_INIT("td:"), STR_INIT("zset")},
    {STR_INIT("w"), STR_INIT("hash")},
    {STR_INIT("p"), STR_INIT("hash")},
    {STR_INIT("M"), STR_INIT("zset")},
    {STR_INIT("m:"), STR_INIT("hash")},
    {STR_INIT("l:"), STR_INIT("string")},
    {STR_INIT("L"), STR_INIT("zset")},
    {STR_INIT("X"), STR_INIT("zset")},
    {STR_INIT("xs"), STR_INIT("zset")},
    {STR_INIT("x:"), STR_INIT("hash")},
    {STR_INIT("b"), STR_INIT("list")},
};

enum fault { UNKNOWN, TYPE, FOREVER, LOST, STRAY, FAULT_COUNT };

static const char *const fault_texts[FAULT_COUNT] = {
    [UNKNOWN] = "is of no known kind",
    [TYPE] = "is of another type than its name says",
    [FOREVER] = "never expires",
    [LOST] = "is a report that is in no index",
    [STRAY] = "is in an index, and is no such report or submission",
};

struct inspection {
	int (*fn)(void *arg, bool fault, struct str text);
	void *arg;
	uint64_t keys, n[FAULT_COUNT];
};

/* Names hold what strangers chose. */
static void
put_name(struct buf *b, struct str name)
{
	for (size_t i = 0; i < name.n && i < 100; i++) {
		char c = name.p[i];

		buf_add_c(b, c > ' ' && c < 0x7f && c != '"' ? c : '?');
	}
}

static int
tell(struct inspection *x, enum fault fault, struct str name)
{
	struct buf text;
	int stop;

	if (++x->n[fault] > TELL)
		return 0;
	buf_init(&text, NULL, 256);
	buf_add_z(&text, "key \"");
	put_name(&text, name);
	buf_addf(&text, "\" %s", fault_texts[fault]);
	stop = x->fn(x->arg, true, buf_str(&text));
	buf_fini(&text);
	return stop;
}

static int
tell_rest(struct inspection *x)
{
	struct buf text;
	int stop = 0;

	buf_init(&text, NULL, 256);
	for (int i = 0; i < FAULT_COUNT && !stop; i++) {
		if (x->n[i] <= TELL)
			continue;
		buf_clear(&text);
		buf_addf(&text, "%llu keys more: %s",
		    (unsigned long long)(x->n[i] - TELL), fault_texts[i]);
		stop = x->fn(x->arg, true, buf_str(&text));
	}
	buf_fini(&text);
	return stop;
}

static int
check_key(struct inspection *x, struct str name, struct str type, int64_t ttl)
{
	size_t n = sizeof(kinds) / sizeof(kinds[0]), i;

	for (i = 0; i < n; i++) {
		struct str want = kinds[i].name;

		if (want.p[want.n - 1] == ':' ? str_starts(name, want)
					      : str_eq(name, want))
			break;
	}
	if (i == n)
		return tell(x, UNKNOWN, name);
	if (!str_eq(type, kinds[i].type))
		return tell(x, TYPE, name);
	if (ttl == -1)
		return tell(x, FOREVER, name);
	return 0;
}

static int
give_key(void *arg, const struct resp *item)
{
	struct inspection *x = arg;
	bool bad = false;
	const struct resp *i = redis_items(item, 4, &bad);
	int64_t ttl = bad ? 0 : redis_int(&i[2], &bad);
	int stop;

	if (bad || i[0].type != RESP_BULK || i[1].type != RESP_BULK ||
	    i[3].type != RESP_BULK)
		return AVER_SYNTAX;
	x->keys++;
	stop = check_key(x, i[0].s, i[1].s, ttl);
	if (!stop && str_eq(i[3].s, STR("1")))
		stop = tell(x, LOST, i[0].s);
	return stop;
}

/* What an index names that is not there. */
static int
strays(struct redis_store *s, const char *index, struct inspection *x,
    struct diag *d)
{
	int64_t at = 0, n = STRAYS;
	int err = 0;

	while (n == STRAYS && !err) {
		const struct resp *i;
		struct arena a;
		struct resp r;
		bool bad = false;

		arena_init(&a, REDIS_ARENA);
		redis_begin(s->c, REDIS_STRAYS);
		redis_arg(s->c, str_from_z(index));
		redis_arg_int(s->c, at);
		redis_arg_int(s->c, at + STRAYS - 1);
		err = redis_run(s->c, true, &a, &r, d);
		i = err ? NULL : redis_items(&r, 0, &bad);
		if (!err && (bad || r.n == 0))
			err = redis_odd(s->c, d);
		n = err ? 0 : redis_int(&i[0], &bad);
		for (size_t k = 1; !err && k < r.n && !bad; k++) {
			struct str name = redis_text(&i[k], &bad);

			err = bad ? 0 : tell(x, STRAY, name);
		}
		if (bad)
			err = redis_odd(s->c, d);
		at += n;
		arena_fini(&a);
	}
	return err;
}

static int
inspect(struct store *base, uint64_t *looked,
    int (*fn)(void *arg, bool fault, struct str text), void *arg,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct inspection x = {.fn = fn, .arg = arg};
	int err = scan(s, REDIS_KEYS, give_key, &x, d);

	if (!err)
		err = strays(s, "R", &x, d);
	if (!err)
		err = strays(s, "D", &x, d);
	if (!err)
		err = tell_rest(&x);
	if (!err)
		*looked = x.keys;
	return err;
}

const struct store_upkeep_ops redis_upkeep_ops = {
    .freeze = freeze,
    .each_source = each_source,
    .last_row = last_row,
    .inspect = inspect,
};
