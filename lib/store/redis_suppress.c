/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Suppressions are fields of one hash: the kind's number and the value, to
 * "SINCE UNTIL STRIKES MANUAL COMMENT".
 */
#include "lib/store/redis_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

#define ENTRY_MAX (SUPPRESS_COMMENT_MAX + 100)
#define CHANGES 100 /* tries before somebody else's change is too much */

static void
put_key(struct buf *b, enum suppress_kind kind, struct str value)
{
	buf_add_c(b, (char)('0' + (int)kind));
	buf_add(b, value);
}

static void
encode(struct buf *b, const struct store_suppression *sup)
{
	buf_addf(b, "%lld %lld %u %d ", (long long)sup->since,
	    (long long)sup->until, sup->strikes, sup->manual);
	buf_add(b, str_head(sup->comment, SUPPRESS_COMMENT_MAX));
}

static bool
decode(struct str key, struct str text, struct store_suppression *out)
{
	int64_t v[4];
	bool bad = key.n < 2 || key.p[0] < '0' ||
		   key.p[0] >= '0' + SUPPRESS_KIND_COUNT;

	for (int i = 0; i < 4 && !bad; i++) {
		struct resp word = {.type = RESP_BULK};

		word.s = str_cut(text, ' ', &text);
		bad = !text.p;
		v[i] = redis_int(&word, &bad);
	}
	if (bad || v[2] < 0)
		return false;
	/* older programs put what they were told */
	if (v[2] > SUPPRESS_STRIKES_MAX)
		v[2] = SUPPRESS_STRIKES_MAX;
	*out = (struct store_suppression){
	    .kind = (enum suppress_kind)(key.p[0] - '0'),
	    .value = str_from(key, 1),
	    .since = v[0],
	    .until = v[1],
	    .strikes = (unsigned)v[2],
	    .manual = v[3] != 0,
	    .comment = text};
	return true;
}

/*
 * Replaces old (empty: none) when compare is set; *done: 1 somebody was
 * faster, 2 there was nothing to remove.
 */
static int
swap(struct redis_store *s, struct str key, bool compare, struct str new,
    struct str old, int64_t *done, struct diag *d)
{
	redis_begin(s->c, REDIS_SUPPRESS);
	redis_arg(s->c, key);
	redis_arg(s->c, compare ? STR("1") : STR("0"));
	redis_arg(s->c, new);
	redis_arg(s->c, old);
	return redis_run_int(s, !compare && new.n > 0, done, d);
}

static int
put(struct store *base, const struct store_suppression *sup, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct buf key, text;
	int64_t done = 0;
	int err = redis_may_write(s, d);

	if (err)
		return err;
	buf_init(&key, NULL, SUPPRESS_VALUE_MAX + 1);
	buf_init(&text, NULL, ENTRY_MAX);
	put_key(&key, sup->kind, sup->value);
	encode(&text, sup);
	err = swap(s, buf_str(&key), false, buf_str(&text), STR_NONE, &done, d);
	buf_fini(&key);
	buf_fini(&text);
	return err;
}

static int
remove_entry(struct store *base, enum suppress_kind kind, struct str value,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct buf key;
	int64_t done = 0;
	int err = redis_may_write(s, d);

	if (err)
		return err;
	buf_init(&key, NULL, SUPPRESS_VALUE_MAX + 1);
	put_key(&key, kind, value);
	err = swap(s, buf_str(&key), false, STR_NONE, STR_NONE, &done, d);
	buf_fini(&key);
	if (!err && done)
		err = diag_set(d, AVER_NOTFOUND, 0, "it is not listed");
	return err;
}

static int
by_key(const void *a, const void *b)
{
	const struct store_suppression *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return str_cmp(x->value, y->value);
}

static int
each(struct store *base, enum suppress_kind kind,
    int (*fn)(void *arg, const struct store_suppression *sup), void *arg,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct store_suppression *list = NULL;
	const struct resp *i;
	struct arena a;
	struct resp r;
	bool bad = false;
	size_t n = 0;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(s->c, REDIS_SUPPRESSIONS);
	err = redis_run(s->c, true, &a, &r, d);
	i = err ? NULL : redis_items(&r, 0, &bad);
	if (i)
		list = ARENA_ARRAY(&a, struct store_suppression, r.n / 2 + 1);
	if (i && !list)
		err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	for (size_t k = 0; list && k + 1 < r.n; k += 2)
		bad = bad || !decode(i[k].s, i[k + 1].s, &list[n++]);
	if (bad)
		err = redis_odd(s->c, d);
	if (!err)
		qsort(list, n, sizeof(*list), by_key);
	s->walking++;
	for (size_t k = 0; k < n && !err; k++)
		if (kind == SUPPRESS_KIND_COUNT || list[k].kind == kind)
			err = fn(arg, &list[k]);
	s->walking--;
	arena_fini(&a);
	return err;
}

/* The entry as text, in arena; empty: none. */
static int
get_text(struct redis_store *s, struct str key, struct arena *a,
    struct str *out, struct diag *d)
{
	struct resp r;
	int err;

	redis_begin(s->c, REDIS_SUPPRESSED);
	redis_arg(s->c, key);
	err = redis_run(s->c, true, a, &r, d);
	if (!err && r.type != RESP_NIL && r.type != RESP_BULK)
		err = redis_odd(s->c, d);
	if (!err)
		*out = r.type == RESP_BULK ? r.s : STR_NONE;
	return err;
}

static int
get(struct store *base, enum suppress_kind kind, struct str value,
    struct arena *arena, struct store_suppression *out, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct store_suppression sup;
	struct str text = STR_NONE;
	struct arena a;
	struct buf key;
	int err;

	arena_init(&a, 1 << 16);
	buf_init(&key, &a, SUPPRESS_VALUE_MAX + 1);
	put_key(&key, kind, str_head(value, SUPPRESS_VALUE_MAX));
	err = get_text(s, buf_str(&key), &a, &text, d);
	if (!err && (text.n == 0 || value.n > SUPPRESS_VALUE_MAX))
		err = diag_set(d, AVER_NOTFOUND, 0, "it is not listed");
	if (!err && !decode(buf_str(&key), text, &sup))
		err = redis_odd(s->c, d);
	if (!err)
		err = redis_dup(
		    arena, (struct str *[]){&sup.value, &sup.comment}, 2, d);
	arena_fini(&a);
	if (!err)
		*out = sup;
	return err;
}

/* One try; *done as of swap(). */
static int
change_once(struct redis_store *s, struct str key,
    void (*next)(void *arg, const struct store_suppression *old,
	struct store_suppression *out),
    void *arg, int64_t *done, struct diag *d)
{
	struct store_suppression old, new;
	struct str text = STR_NONE;
	struct arena a;
	struct buf b;
	int err;

	arena_init(&a, 1 << 16);
	buf_init(&b, &a, ENTRY_MAX);
	err = get_text(s, key, &a, &text, d);
	if (!err && text.n && !decode(key, text, &old))
		err = redis_odd(s->c, d);
	if (!err) {
		next(arg, text.n ? &old : NULL, &new);
		encode(&b, &new);
		err = swap(s, key, true, buf_str(&b), text, done, d);
	}
	arena_fini(&a);
	return err;
}

static int
change(struct store *base, enum suppress_kind kind, struct str value,
    void (*next)(void *arg, const struct store_suppression *old,
	struct store_suppression *out),
    void *arg, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct buf key;
	int64_t done = 1;
	int err = redis_may_write(s, d);

	if (err)
		return err;
	buf_init(&key, NULL, SUPPRESS_VALUE_MAX + 1);
	put_key(&key, kind, value);
	for (int i = 0; i < CHANGES && !err && done; i++)
		err = change_once(s, buf_str(&key), next, arg, &done, d);
	buf_fini(&key);
	if (!err && done)
		err = diag_set(d, AVER_TEMP, 0, "others change it too");
	return err;
}

struct over {
	struct buf keys; /* of each: key and text, each after its length */
	int64_t before;
};

static int
note_over(void *arg, const struct store_suppression *sup)
{
	struct over *o = arg;
	char n[24];
	size_t at;

	if (sup->until == 0 || sup->until >= o->before)
		return 0;
	buf_addf(&o->keys, "%04zu", sup->value.n + 1);
	put_key(&o->keys, sup->kind, sup->value);
	at = o->keys.n;
	buf_add_z(&o->keys, "0000");
	encode(&o->keys, sup);
	if (buf_ok(&o->keys)) {
		snprintf(n, sizeof(n), "%04zu", o->keys.n - at - 4);
		memcpy(o->keys.p + at, n, 4);
	}
	return 0;
}

static struct str
cut_counted(struct str *rest)
{
	uint64_t n = 0;
	struct str s;

	str_to_u64(str_head(*rest, 4), 9999, &n);
	s = str_head(str_from(*rest, 4), (size_t)n);
	*rest = str_from(*rest, 4 + (size_t)n);
	return s;
}

/* Each with its text, so that one that was renewed meanwhile stays. */
static int
forget(struct store *base, int64_t before, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct over o = {.before = before};
	struct str rest;
	int64_t done;
	int err = redis_may_write(s, d);

	if (err)
		return err;
	buf_init(&o.keys, NULL, REDIS_REPLY_MAX);
	err = each(base, SUPPRESS_KIND_COUNT, note_over, &o, d);
	rest = buf_str(&o.keys);
	while (rest.n > 4 && !err) {
		struct str key = cut_counted(&rest);
		struct str text = cut_counted(&rest);

		err = swap(s, key, true, STR_NONE, text, &done, d);
	}
	if (!err && !buf_ok(&o.keys))
		err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	buf_fini(&o.keys);
	return err;
}

const struct store_suppress_ops redis_suppress_ops = {
    .put = put,
    .remove = remove_entry,
    .each = each,
    .get = get,
    .change = change,
    .forget = forget,
};
