/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* TLS results and bad datagrams. */
#include "lib/store/redis_parts.h"

#include <stdlib.h>

#include "lib/base/err.h"

/* --- rows */

static void
put_part(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		buf_add_c(b, s.p[i]);
		if (s.p[i] == 0)
			buf_add_c(b, '\xff');
	}
	buf_add(b, STR("\0\1"));
}

void
redis_tls_encode(
    struct buf *b, struct str policy, struct str recipient, struct str detail)
{
	put_part(b, policy);
	put_part(b, recipient);
	put_part(b, detail);
}

static bool
get_part(struct str *rest, struct arena *arena, struct str *out)
{
	char *copy = arena_alloc(arena, rest->n);
	size_t n = 0;

	if (!copy)
		return false;
	for (size_t i = 0; i < rest->n; i++) {
		if (rest->p[i] != 0) {
			copy[n++] = rest->p[i];
			continue;
		}
		if (++i == rest->n)
			return false;
		if (rest->p[i] == 1) {
			*out = (struct str){copy, n};
			*rest = str_from(*rest, i + 1);
			return true;
		}
		if (rest->p[i] != '\xff')
			return false;
		copy[n++] = 0;
	}
	return false;
}

bool
redis_tls_decode(struct str octets, struct arena *arena, struct str *policy,
    struct str *recipient, struct str *detail)
{
	return get_part(&octets, arena, policy) &&
	       get_part(&octets, arena, recipient) &&
	       get_part(&octets, arena, detail) && octets.n == 0;
}

/* Rows of one day, to be given by recipient domain. */
struct results {
	struct redis_store *s;
	int (*fn)(void *arg, const struct store_tls_result *row);
	void *arg;
	struct diag *d;
	struct arena arena;
	struct store_tls_result *rows;
	size_t n, room;
};

static int
by_recipient(const void *a, const void *b)
{
	const struct store_tls_result *x = a, *y = b;
	int c = str_cmp(x->recipient_domain, y->recipient_domain);

	if (c == 0 && x->wanted != y->wanted)
		return x->wanted - y->wanted;
	if (c == 0)
		c = str_cmp(x->policy, y->policy);
	return c ? c : str_cmp(x->detail, y->detail);
}

static int
flush_day(struct results *w)
{
	int err = 0;

	if (w->n)
		qsort(w->rows, w->n, sizeof(*w->rows), by_recipient);
	for (size_t i = 0; i < w->n && !err; i++)
		err = w->fn(w->arg, &w->rows[i]);
	w->n = 0;
	arena_reset(&w->arena);
	return err;
}

static bool
grow(struct results *w)
{
	size_t room = w->room ? 2 * w->room : 64;
	void *more = w->n < w->room ? w->rows
				    : realloc(w->rows, room * sizeof(*w->rows));

	if (!more)
		return false;
	if (w->n == w->room)
		w->room = room;
	w->rows = more;
	return true;
}

static int
keep_row(void *arg, struct str domain, const struct redis_row *row)
{
	struct results *w = arg;
	struct store_tls_result r = {.day = row->hour,
	    .wanted = row->set == 'n',
	    .success = row->a,
	    .failure = row->b};
	struct str name = domain;
	int err = 0;

	if (w->n && (w->rows[0].day != row->hour ||
			!str_eq(w->rows[0].policy_domain, domain)))
		err = flush_day(w);
	if (err)
		return err;
	if (!grow(w) || redis_dup(&w->arena, (struct str *[]){&name}, 1, w->d))
		return diag_set(w->d, AVER_NOMEM, 0, "out of memory");
	r.policy_domain = name;
	if (!redis_tls_decode(row->octets, &w->arena, &r.policy,
		&r.recipient_domain, &r.detail))
		return redis_odd(w->s->c, w->d);
	w->rows[w->n++] = r;
	return 0;
}

static int
each(struct store *base, struct str policy_domain, int64_t from, int64_t to,
    int (*fn)(void *arg, const struct store_tls_result *row), void *arg,
    struct diag *d)
{
	struct results w = {redis_of(base), fn, arg, d, .rows = NULL};
	int err;

	arena_init(&w.arena, 4 * REDIS_ARENA);
	w.s->walking++;
	err = redis_each_row(
	    w.s, REDIS_TLS, policy_domain, from, to, keep_row, &w, d);
	if (!err)
		err = flush_day(&w);
	w.s->walking--;
	arena_fini(&w.arena);
	free(w.rows);
	return err;
}

struct domains {
	int (*fn)(void *arg, const struct store_tls_domain *dom);
	void *arg;
};

static int
give_domain(void *arg, const struct redis_due *due)
{
	struct domains *x = arg;
	const struct store_tls_domain dom = {.policy_domain = due->domain,
	    .first_day = due->first,
	    .last_day = due->last,
	    .rows = due->rows,
	    .success = due->a,
	    .failure = due->b,
	    .unwanted = due->optional};

	return x->fn(x->arg, &dom);
}

static int
each_domain(struct store *base,
    int (*fn)(void *arg, const struct store_tls_domain *dom), void *arg,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct domains x = {fn, arg};
	int err;

	s->walking++;
	err = redis_each_due(
	    s, REDIS_TLS, STR_NONE, INT64_MAX, false, give_domain, &x, d);
	s->walking--;
	return err;
}

static int
remove_domain(struct store *base, struct str policy_domain, uint64_t *removed,
    struct diag *d)
{
	uint64_t sum = 0;
	int err = redis_remove_rows(
	    redis_of(base), REDIS_TLS, policy_domain, &sum, d);

	if (!err && removed)
		*removed = sum;
	return err;
}

/* --- bad datagrams: "TIME LENGTH WHY" and the octets */

void
redis_bad_args(struct redis_conn *c, const struct store_bad_datagram *bad,
    size_t n, uint64_t more)
{
	size_t from = n > STORE_BAD_MAX ? n - STORE_BAD_MAX : 0;
	struct buf b;

	redis_arg_int(c, (int64_t)(n - from));
	redis_arg_int(
	    c, more > INT32_MAX ? INT32_MAX : (int64_t)more + (int64_t)n);
	buf_init(&b, NULL, 2 * STORE_BAD_OCTETS);
	for (size_t i = from; i < n; i++) {
		struct str why = str_head(bad[i].why, STORE_BAD_WHY);

		buf_clear(&b);
		buf_addf(&b, "%lld %zu ", (long long)bad[i].time, why.n);
		buf_add(&b, why);
		buf_add(&b, str_head(bad[i].octets, STORE_BAD_OCTETS));
		redis_arg(c, buf_str(&b));
	}
	buf_fini(&b);
}

static bool
read_bad(struct str s, struct store_bad_datagram *out)
{
	struct resp time = {.type = RESP_BULK}, length = time;
	bool bad = false;
	size_t n;

	time.s = str_cut(s, ' ', &s);
	length.s = str_cut(s, ' ', &s);
	n = (size_t)redis_uint(&length, &bad);
	*out = (struct store_bad_datagram){.time = redis_int(&time, &bad),
	    .why = str_head(s, n),
	    .octets = str_from(s, n)};
	return !bad && n <= s.n;
}

static int
add_bad(struct store *base, const struct store_bad_datagram *bad, size_t n,
    uint64_t more, struct diag *d)
{
	const struct store_batch b = {.bad_datagrams = bad,
	    .n_bad_datagrams = n,
	    .more_bad_datagrams = more};

	return redis_add(base, &b, d);
}

static int
each_bad(struct store *base, uint64_t *total,
    int (*fn)(void *arg, const struct store_bad_datagram *bad), void *arg,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	const struct resp *i, *list = NULL;
	struct store_bad_datagram x;
	struct arena a;
	struct resp r;
	bool bad = false;
	uint64_t n = 0;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(s->c, REDIS_BADS);
	err = redis_run(s->c, true, &a, &r, d);
	i = err ? NULL : redis_items(&r, 2, &bad);
	if (i) {
		n = redis_uint(&i[0], &bad);
		list = redis_items(&i[1], 0, &bad);
	}
	if (bad)
		err = redis_odd(s->c, d);
	if (!err && total)
		*total = n;
	s->walking++;
	for (size_t k = 0; !err && k < i[1].n; k++)
		err = read_bad(redis_text(&list[k], &bad), &x)
			  ? fn(arg, &x)
			  : redis_odd(s->c, d);
	s->walking--;
	arena_fini(&a);
	return err;
}

const struct store_tls_ops redis_tls_ops = {
    .each = each,
    .each_domain = each_domain,
    .remove = remove_domain,
    .add_bad = add_bad,
    .each_bad = each_bad,
};
