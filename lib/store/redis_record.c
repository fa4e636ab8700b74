/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Batches, evaluations and known domains. A batch is one script, which looks
 * at the source's number first: a batch that is sent again because its reply
 * was lost counts once. One that is late finds the fence of who came after.
 */
#include "lib/store/redis_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"

#define DAY 86400
#define SEQ_MAX ((uint64_t)1 << 62)
#define KNOWN_PAGE 5000
#define FENCE_TRIES 16
#define BATCH_MAX ((size_t)128 << 20) /* of TLS results' texts */
#define ROW_MAX ((size_t)1 << 18) /* a TLS result's texts with escapes */

int64_t
redis_day(int64_t time)
{
	return time < 0 ? 0 : time - time % DAY;
}

/* --- batches */

static void
put_seq(struct redis_conn *c, uint64_t seq)
{
	char text[24];
	int n =
	    snprintf(text, sizeof(text), "%020llu", (unsigned long long)seq);

	redis_arg(c, (struct str){text, (size_t)n});
}

static void
put_fence(struct redis_conn *c, const struct store_fence *fence)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%016llx",
	    (unsigned long long)(fence ? fence->token : 0));

	redis_arg_int(c, fence ? (int64_t)fence->number : 0);
	redis_arg(c, (struct str){text, (size_t)n});
}

static void
put_known(struct redis_conn *c, const struct store_known *known, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		redis_arg(c, known[i].domain);
		redis_arg_int(c, redis_day(known[i].seen));
	}
}

/* The rows and results of a batch, and what their octets need. */
struct parcel {
	struct redis_item *rows, *results;
	size_t n_rows, n_results, row_groups, result_groups;
	struct arena arena;
};

static void
read_rows(struct parcel *it, const struct store_batch *b)
{
	for (size_t i = 0; i < b->n_rows; i++) {
		const struct store_evaluation *row = &b->rows[i];

		it->rows[i] = (struct redis_item){.domain = row->policy_domain,
		    .octets = row->octets,
		    .hour = row->hour,
		    .flag = row->optional   ? 'o'
			    : row->if_known ? 'k'
					    : 'n',
		    .a = row->count,
		    .place = i};
	}
	it->n_rows = b->n_rows;
	it->row_groups = redis_group(it->rows, &it->n_rows);
}

static int
read_results(struct parcel *it, const struct store_batch *b, struct diag *d)
{
	struct buf text;

	buf_init(&text, NULL, ROW_MAX);
	for (size_t i = 0; i < b->n_tls_results; i++) {
		const struct store_tls_result *r = &b->tls_results[i];

		buf_clear(&text);
		redis_tls_encode(
		    &text, r->policy, r->recipient_domain, r->detail);
		it->results[i] = (struct redis_item){.domain = r->policy_domain,
		    .octets = arena_dup(&it->arena, buf_str(&text)),
		    .hour = redis_day(r->day),
		    .flag = r->wanted ? 'n' : 'o',
		    .a = r->success,
		    .b = r->failure,
		    .place = i};
		if (!buf_ok(&text) || it->results[i].octets.n == 0)
			break;
		it->n_results++;
	}
	buf_fini(&text);
	if (it->n_results < b->n_tls_results)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	it->result_groups = redis_group(it->results, &it->n_results);
	return 0;
}

static void
put_batch(struct redis_conn *c, const struct store_batch *b, struct parcel *it)
{
	redis_begin(c, REDIS_ADD);
	redis_arg(c, b->source);
	put_seq(c, b->seq);
	redis_arg_int(c, (int64_t)b->n_known);
	redis_arg_int(c, (int64_t)it->row_groups);
	redis_arg_int(c, (int64_t)it->result_groups);
	redis_arg_int(c, (int64_t)b->n_incidents);
	redis_arg_int(c, (int64_t)b->n_sightings);
	redis_arg_int(c, STORE_INCIDENTS_MOST);
	put_seq(c, b->after);
	put_fence(c, b->fence);
	put_known(c, b->known, b->n_known);
	redis_group_args(c, REDIS_DMARC, it->rows, it->n_rows, b->known_days);
	redis_group_args(c, REDIS_TLS, it->results, it->n_results, 0);
	for (size_t i = 0; i < b->n_incidents; i++) {
		redis_arg(c, b->incidents[i].policy_domain);
		redis_arg_int(c, b->incidents[i].time);
		redis_arg(c, b->incidents[i].octets);
	}
	for (size_t i = 0; i < b->n_sightings; i++)
		redis_sighting_args(c, &b->sightings[i]);
	redis_bad_args(
	    c, b->bad_datagrams, b->n_bad_datagrams, b->more_bad_datagrams);
}

static int
run_add(struct redis_store *s, const struct store_batch *b, struct diag *d)
{
	int64_t what = 0;
	int err = redis_run_int(s, b->seq > 0, &what, d);

	if (!err && what == 2)
		return diag_set(d, AVER_NOTFOUND, 0,
		    "another process records as %.*s now", STRF(b->source));
	if (!err && what == 3)
		return diag_set(d, AVER_IO, 0,
		    "the number of %.*s is not what it was", STRF(b->source));
	return err;
}

int
redis_add(struct store *base, const struct store_batch *b, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct parcel it = {.n_rows = 0};
	int err = redis_may_write(s, d);

	if (err)
		return err;
	if (b->seq > SEQ_MAX)
		return diag_set(d, AVER_BUG, 0, "impossible number");
	arena_init(&it.arena, BATCH_MAX);
	it.rows = calloc(b->n_rows + 1, sizeof(*it.rows));
	it.results = calloc(b->n_tls_results + 1, sizeof(*it.results));
	if (!it.rows || !it.results)
		err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	if (!err) {
		read_rows(&it, b);
		err = read_results(&it, b, d);
	}
	if (!err)
		put_batch(s->c, b, &it);
	free(it.rows);
	free(it.results);
	arena_fini(&it.arena);
	return err ? err : run_add(s, b, d);
}

int
redis_committed(
    struct store *base, struct str source, uint64_t *seq, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	uint64_t v = 0;
	struct arena a;
	struct resp r;
	int err;

	arena_init(&a, 1 << 12);
	redis_begin(s->c, REDIS_COMMITTED);
	redis_arg(s->c, source);
	err = redis_run(s->c, true, &a, &r, d);
	if (!err && r.type != RESP_NIL &&
	    (r.type != RESP_BULK || !str_to_u64(r.s, SEQ_MAX, &v)))
		err = redis_odd(s->c, d);
	arena_fini(&a);
	if (!err)
		*seq = v;
	return err;
}

struct fenced {
	int64_t what;
	uint64_t number, seq;
};

static int
run_fence(struct redis_store *s, struct str source,
    const struct store_fence *fence, uint64_t follows, struct fenced *out,
    struct diag *d)
{
	const struct resp *i;
	char token[24];
	struct arena a;
	struct resp r;
	bool bad = false;
	int err;

	snprintf(
	    token, sizeof(token), "%016llx", (unsigned long long)fence->token);
	arena_init(&a, 1 << 12);
	redis_begin(s->c, REDIS_FENCE);
	redis_arg(s->c, source);
	redis_arg(s->c, str_from_z(token));
	redis_arg_int(s->c, (int64_t)fence->number);
	redis_arg_int(s->c, (int64_t)follows);
	err = redis_run(s->c, true, &a, &r, d);
	i = err ? NULL : redis_items(&r, 3, &bad);
	if (i) {
		out->what = redis_int(&i[0], &bad);
		out->number = redis_uint(&i[1], &bad);
		bad = bad || i[2].type != RESP_BULK ||
		      !str_to_u64(i[2].s, SEQ_MAX, &out->seq);
	}
	arena_fini(&a);
	return err || !bad ? err : redis_odd(s->c, d);
}

int
redis_fence(struct store *base, struct str source, struct store_fence *fence,
    uint64_t *seq, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct fenced f = {2, 0, 0};
	int err = redis_may_write(s, d);

	/* again when somebody else did it in between */
	for (int i = 0; i < FENCE_TRIES && !err && f.what == 2; i++)
		err = run_fence(s, source, fence, f.number, &f, d);
	if (!err && f.what == 2)
		err = diag_set(
		    d, AVER_TEMP, 0, "others want %.*s as well", STRF(source));
	else if (!err && f.what == 1)
		err = diag_set(d, AVER_NOTFOUND, 0,
		    "another process records as %.*s now", STRF(source));
	if (err)
		return err;
	fence->number = f.number;
	*seq = f.seq;
	return 0;
}

/* --- evaluations */

struct evaluations {
	int (*fn)(void *arg, const struct store_evaluation *row);
	void *arg;
};

static int
give_row(void *arg, struct str domain, const struct redis_row *row)
{
	struct evaluations *e = arg;
	const struct store_evaluation x = {.policy_domain = domain,
	    .hour = row->hour,
	    .optional = row->set == 'o',
	    .count = row->a,
	    .octets = row->octets};

	return e->fn(e->arg, &x);
}

static int
each(struct store *base, struct str policy_domain, int64_t from, int64_t to,
    int (*fn)(void *arg, const struct store_evaluation *row), void *arg,
    struct diag *d)
{
	struct evaluations e = {fn, arg};

	return redis_each_row(redis_of(base), REDIS_DMARC, policy_domain, from,
	    to, give_row, &e, d);
}

struct domains {
	int (*fn)(void *arg, const struct store_domain *dom);
	void *arg;
};

static int
give_domain(void *arg, const struct redis_due *due)
{
	struct domains *x = arg;
	const struct store_domain dom = {.policy_domain = due->domain,
	    .first_hour = due->first,
	    .last_hour = due->last,
	    .rows = due->rows,
	    .messages = due->a,
	    .optional_messages = due->optional};

	return x->fn(x->arg, &dom);
}

static int
each_domain(struct store *base,
    int (*fn)(void *arg, const struct store_domain *dom), void *arg,
    struct diag *d)
{
	struct domains x = {fn, arg};

	return redis_each_due(redis_of(base), REDIS_DMARC, STR_NONE, INT64_MAX,
	    false, give_domain, &x, d);
}

static int
remove_domain(struct store *base, struct str policy_domain, uint64_t *removed,
    struct diag *d)
{
	return redis_remove_rows(
	    redis_of(base), REDIS_DMARC, policy_domain, removed, d);
}

/* --- known domains */

static int
know(struct store *base, const struct store_known *known, size_t n,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_KNOW);
	put_known(s->c, known, n);
	return redis_run_ok(s, true, d);
}

static int
forget(struct store *base, int64_t before, uint64_t most, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_FORGET_KNOWN);
	redis_arg_int(s->c, redis_day(before));
	redis_arg_int(s->c, most > INT64_MAX ? INT64_MAX : (int64_t)most);
	return redis_run_ok(s, true, d);
}

static int
by_name(const void *a, const void *b)
{
	const struct store_known *x = a, *y = b;

	return str_cmp(x->domain, y->domain);
}

/* The domains and days of a page, after the n that are there. */
static int
keep_known(const struct resp *page, struct store_known **list, size_t *n,
    bool *bad, struct diag *d)
{
	const struct resp *i = redis_items(page, 0, bad);
	struct store_known *more;

	if (*bad)
		return 0;
	more = realloc(*list, (*n + page->n / 2 + 1) * sizeof(**list));
	if (!more)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	*list = more;
	for (size_t k = 0; !*bad && k + 1 < page->n; k += 2)
		more[(*n)++] = (struct store_known){
		    redis_text(&i[k], bad), redis_int(&i[k + 1], bad)};
	return 0;
}

/*
 * All known domains, in arena. Not by their ranks: one that is seen again moves
 * to the end, and another would take its place before the page that is next.
 */
static int
load_known(struct redis_store *s, struct arena *a, struct store_known **list,
    size_t *n, struct diag *d)
{
	struct str cursor = STR("0");
	int err;

	do {
		const struct resp *i;
		bool bad = false;
		struct resp r;

		redis_begin(s->c, REDIS_KNOWN);
		redis_arg(s->c, cursor);
		redis_arg_int(s->c, KNOWN_PAGE);
		err = redis_run(s->c, true, a, &r, d);
		i = err ? NULL : redis_items(&r, 2, &bad);
		if (i && !bad) {
			cursor = redis_text(&i[0], &bad);
			err = keep_known(&i[1], list, n, &bad, d);
		}
		if (bad)
			err = redis_odd(s->c, d);
	} while (!err && !str_eq(cursor, STR("0")));
	return err;
}

static int
each_known(struct store *base,
    int (*fn)(void *arg, const struct store_known *known), void *arg,
    struct diag *d)
{
	struct store_known *list = NULL;
	struct arena a;
	size_t n = 0;
	int err;

	arena_init(&a, REDIS_ARENA);
	err = load_known(redis_of(base), &a, &list, &n, d);
	if (n)
		qsort(list, n, sizeof(*list), by_name);
	/* one that moved while it was read may be there twice */
	for (size_t i = 0; i < n && !err; i++)
		if (i == 0 || by_name(&list[i - 1], &list[i]) != 0)
			err = fn(arg, &list[i]);
	free(list);
	arena_fini(&a);
	return err;
}

const struct store_evaluation_ops redis_evaluation_ops = {
    .each = each,
    .each_domain = each_domain,
    .remove = remove_domain,
    .know = know,
    .forget = forget,
    .each_known = each_known,
};
