/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A take is a token that the server holds under the domain's name for a while;
 * each call of its holder makes the while longer, and each call, the commit
 * too, is refused when the token is not there any more. The server's clock
 * counts, not those of the hosts. Reports wait beside the ledger until the
 * commit, which is one script.
 */
#include "lib/store/redis_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "lib/base/err.h"
#include "lib/store/rowsort.h"

#define PAGE 64 /* of incidents */
#define HOLD_ROWS 256 /* a hold is renewed after so many */
#define SORT_MEMORY ((size_t)16 << 20)
#define TOKEN 32

struct report_id {
	char p[LEDGER_ID_MAX];
	size_t n;
};

struct redis_take {
	struct store_take base;
	enum ledger_kind kind;
	struct str domain; /* of our own */
	int64_t from, to;
	char token[TOKEN + 1];
	struct report_id *ids;
	size_t n_ids;
	struct rowsort *rows; /* all that it holds, once they were read */
	bool broken;
};

static struct redis_take *
take_of(struct store_take *t)
{
	return (struct redis_take *)t;
}

static struct redis_store *
store_of(const struct redis_take *t)
{
	return redis_of(t->base.store);
}

static struct str
kind_name(enum ledger_kind kind)
{
	switch (kind) {
	case LEDGER_FAILURE:
		return REDIS_FAILURE;
	case LEDGER_TLS:
		return REDIS_TLS;
	case LEDGER_DMARC:
	case LEDGER_KIND_COUNT:
		break;
	}
	return REDIS_DMARC;
}

/* --- what is due */

struct due_walk {
	int (*fn)(void *arg, const struct store_due *due);
	void *arg;
};

static int
give_due(void *arg, const struct redis_due *x)
{
	struct due_walk *w = arg;
	const struct store_due due = {.policy_domain = x->domain,
	    .first = x->first,
	    .last = x->last,
	    .rows = x->rows,
	    .messages = x->a + x->b,
	    .optional = x->optional};

	return w->fn(w->arg, &due);
}

static int
each_due(struct store *base, enum ledger_kind kind, struct str after,
    int64_t to, int (*fn)(void *arg, const struct store_due *due), void *arg,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct due_walk w = {fn, arg};
	int err;

	s->walking++;
	err = redis_each_due(
	    s, kind_name(kind), after, to, false, give_due, &w, d);
	s->walking--;
	return err;
}

struct copy {
	struct arena *arena;
	struct store_due *out;
	struct diag *d;
	bool found;
};

static int
copy_due(void *arg, const struct store_due *due)
{
	struct copy *c = arg;
	struct store_due copy = *due;
	int err =
	    redis_dup(c->arena, (struct str *[]){&copy.policy_domain}, 1, c->d);

	if (err)
		return err;
	c->found = true;
	*c->out = copy;
	return 0;
}

static int
get_due(struct store *base, enum ledger_kind kind, struct str policy_domain,
    int64_t to, struct arena *arena, struct store_due *out, struct diag *d)
{
	struct copy c = {arena, out, d, false};
	struct due_walk w = {copy_due, &c};
	int err = redis_each_due(redis_of(base), kind_name(kind), policy_domain,
	    to, true, give_due, &w, d);

	if (err || c.found)
		return err;
	return diag_set(d, AVER_NOTFOUND, 0, "nothing is recorded");
}

/* --- take */

static void
take_free(struct redis_take *t)
{
	rowsort_free(t->rows);
	free((void *)t->domain.p);
	free(t->ids);
	free(t);
}

static struct redis_take *
take_new(struct store *base, enum ledger_kind kind, struct str domain,
    int64_t from, int64_t to)
{
	struct redis_take *t = calloc(1, sizeof(*t));
	char *copy = malloc(domain.n + 1);
	unsigned char random[TOKEN / 2];

	if (!t || !copy || RAND_bytes(random, sizeof(random)) != 1) {
		free(t);
		free(copy);
		return NULL;
	}
	if (domain.n)
		memcpy(copy, domain.p, domain.n);
	t->base.store = base;
	t->kind = kind;
	t->domain = (struct str){copy, domain.n};
	t->from = from;
	t->to = to;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(t->token + 2 * i, 3, "%02x", random[i]);
	return t;
}

void
redis_take_call(struct redis_take *t, enum redis_script script)
{
	struct redis_conn *c = store_of(t)->c;

	redis_begin(c, script);
	redis_arg(c, kind_name(t->kind));
	redis_arg(c, t->domain);
	if (t->kind == LEDGER_FAILURE) {
		redis_arg_int(c, t->from);
		redis_arg_int(c, t->to);
	} else {
		redis_arg_code(c, t->from);
		redis_arg_code(c, t->to);
	}
	redis_arg(c, (struct str){t->token, TOKEN});
	redis_arg_int(c, redis_conn_spec(c)->lease);
}

static int
begin(struct store *base, enum ledger_kind kind, struct str policy_domain,
    int64_t from, int64_t to, int64_t now, struct store_take **out,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int64_t got = 0;
	struct redis_take *t;
	int err = redis_may_write(s, d);

	(void)now; /* the server's clock counts */
	if (err)
		return err;
	t = take_new(base, kind, policy_domain, from, to);
	if (!t)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	redis_take_call(t, REDIS_BEGIN);
	err = redis_run_int(s, true, &got, d);
	if (!err && got == 1)
		err = diag_set(d, AVER_TEMP, 0, "somebody else has them");
	else if (!err && got != 0)
		err = diag_set(d, AVER_NOTFOUND, 0, "nothing is recorded");
	if (err) {
		take_free(t);
		return err;
	}
	s->taking = true;
	*out = &t->base;
	return 0;
}

/* A TLS row's texts; the others' octets are as they are. */
static bool
set_octets(struct redis_take *t, struct str octets, struct arena *arena,
    struct store_take_row *row)
{
	row->octets = octets;
	if (t->kind == LEDGER_TLS)
		return redis_tls_decode(octets, arena, &row->octets,
		    &row->recipient_domain, &row->detail);
	if (t->kind == LEDGER_FAILURE) {
		/* before it: the number it came with */
		row->octets = str_from(octets, 16);
		return octets.n >= 16;
	}
	return true;
}

static void
set_counts(struct store_take_row *row, enum ledger_kind kind, bool wanted,
    uint64_t a, uint64_t b)
{
	if (kind == LEDGER_TLS) {
		row->success += a;
		row->failure += b;
	}
	row->count += a + b;
	if (wanted)
		row->wanted += a + b;
}

static bool
read_last(struct redis_take *t, const struct resp *r, struct arena *arena,
    struct store_take_row *row)
{
	bool bad = false;
	const struct resp *i;

	*row = (struct store_take_row){.count = 0};
	if (t->kind == LEDGER_FAILURE) {
		i = redis_items(r, 2, &bad);
		if (bad)
			return false;
		row->time = redis_int(&i[1], &bad);
		set_counts(row, t->kind, true, 1, 0);
	} else {
		i = redis_items(r, 5, &bad);
		if (bad)
			return false;
		row->time = redis_uncode(redis_text(&i[1], &bad), &bad);
		set_counts(row, t->kind,
		    str_eq(redis_text(&i[2], &bad), STR("n")),
		    redis_uint(&i[3], &bad), redis_uint(&i[4], &bad));
	}
	return set_octets(t, redis_text(&i[0], &bad), arena, row) && !bad;
}

static int
broken(struct redis_take *t, int err)
{
	t->broken = true;
	return err;
}

static int
last(struct store_take *base, struct arena *arena, struct store_take_row *out,
    struct diag *d)
{
	struct redis_take *t = take_of(base);
	struct redis_store *s = store_of(t);
	struct store_take_row row;
	struct arena a;
	struct resp r;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_take_call(t, REDIS_LAST);
	err = redis_run(s->c, true, &a, &r, d);
	if (!err && !read_last(t, &r, &a, &row))
		err = redis_odd(s->c, d);
	if (err)
		broken(t, err);
	else
		err = redis_dup(arena,
		    (struct str *[]){
			&row.octets, &row.recipient_domain, &row.detail},
		    3, d);
	arena_fini(&a);
	if (!err)
		*out = row;
	return err;
}

/* Incidents are given page by page, as they come. */
struct incidents {
	struct redis_take *t;
	int (*fn)(void *arg, const struct store_take_row *row);
	void *arg;
	struct diag *d;
	size_t at, n;
};

static int
give_incidents(struct incidents *p, const struct resp *r, struct arena *a)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 0, &bad);

	bad = bad || r->n % 2;
	p->n = bad ? 0 : r->n / 2;
	for (size_t k = 0; k < p->n; k++) {
		struct store_take_row row = {.count = 1, .wanted = 1};
		int stop;

		row.time = redis_int(&i[2 * k + 1], &bad);
		if (!set_octets(p->t, redis_text(&i[2 * k], &bad), a, &row) ||
		    bad)
			break;
		stop = p->fn(p->arg, &row);
		if (stop)
			return stop;
	}
	return bad ? broken(p->t, redis_odd(store_of(p->t)->c, p->d)) : 0;
}

static int
incident_page(struct incidents *p)
{
	struct redis_store *s = store_of(p->t);
	struct arena a;
	struct resp r;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_take_call(p->t, REDIS_ROWS);
	redis_arg_int(s->c, (int64_t)p->at);
	redis_arg_int(s->c, PAGE);
	err = redis_run(s->c, true, &a, &r, p->d);
	if (err)
		broken(p->t, err);
	else
		err = give_incidents(p, &r, &a);
	arena_fini(&a);
	p->at += p->n;
	return err;
}

static int
each_incident(struct incidents *p)
{
	int err = 0;

	p->n = 1;
	while (p->n > 0 && !err)
		err = incident_page(p);
	return err;
}

/* Rows of all hours come in no order and are sorted here. */
struct reading {
	struct rowsort *rows;
	struct diag *d;
};

static int
add_row(void *arg, struct str domain, const struct redis_row *row)
{
	struct reading *r = arg;
	const struct rowsort_row x = {.octets = row->octets,
	    .hour = row->hour,
	    .source = row->taken,
	    .flag = row->set == 'o',
	    .a = row->a,
	    .b = row->b};

	(void)domain;
	return rowsort_add(r->rows, &x, r->d);
}

static int
read_rows(struct redis_take *t, struct diag *d)
{
	struct reading r = {rowsort_new(SORT_MEMORY), d};
	struct redis_scan scan;
	int err = 0;

	if (!r.rows)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	redis_scan_init(
	    &scan, store_of(t), kind_name(t->kind), t->domain, t->from, t->to);
	scan.take = t;
	while (!err && redis_scan_more(&scan))
		err = redis_scan_page(&scan, add_row, &r, d);
	redis_scan_fini(&scan);
	if (err)
		rowsort_free(r.rows);
	else
		t->rows = r.rows;
	return err;
}

/* Makes one of the hours' rows with the same octets. */
struct sums {
	struct redis_take *t;
	int (*fn)(void *arg, const struct store_take_row *row);
	void *arg;
	struct diag *d;
	struct store_take_row row;
	struct buf octets;
	struct arena arena;
	bool any;
	size_t given;
};

static int
give_sum(struct sums *w)
{
	struct redis_store *s = store_of(w->t);
	int err = 0;

	if (!w->any)
		return 0;
	w->any = false;
	if (++w->given % HOLD_ROWS == 0) {
		redis_take_call(w->t, REDIS_HOLD);
		err = redis_run_ok(s, true, w->d);
		if (err)
			return broken(w->t, err);
	}
	arena_reset(&w->arena);
	if (!set_octets(w->t, buf_str(&w->octets), &w->arena, &w->row))
		return broken(w->t, redis_odd(s->c, w->d));
	return w->fn(w->arg, &w->row);
}

static int
add_sum(void *arg, const struct rowsort_row *x)
{
	struct sums *w = arg;
	int stop = 0;

	if (w->any && !str_eq(buf_str(&w->octets), x->octets))
		stop = give_sum(w);
	if (stop)
		return stop;
	if (!w->any) {
		w->any = true;
		w->row = (struct store_take_row){.time = x->hour};
		buf_clear(&w->octets);
		buf_add(&w->octets, x->octets);
	}
	set_counts(&w->row, w->t->kind, x->flag == 0, x->a, x->b);
	if (x->hour < w->row.time)
		w->row.time = x->hour;
	return buf_ok(&w->octets) ? 0 : AVER_NOMEM;
}

static int
each_sum(struct sums *w)
{
	int err = 0;

	if (!w->t->rows) {
		err = read_rows(w->t, w->d);
		if (err)
			return broken(w->t, err);
	}
	buf_init(&w->octets, NULL, ROWSORT_OCTETS);
	arena_init(&w->arena, 4 * ROWSORT_OCTETS);
	err = rowsort_each(w->t->rows, add_sum, w, w->d);
	if (!err)
		err = give_sum(w);
	buf_fini(&w->octets);
	arena_fini(&w->arena);
	return err;
}

static int
each(struct store_take *base,
    int (*fn)(void *arg, const struct store_take_row *row), void *arg,
    struct diag *d)
{
	struct redis_take *t = take_of(base);
	struct redis_store *s = store_of(t);
	int err;

	s->walking++;
	if (t->kind == LEDGER_FAILURE)
		err = each_incident(&(struct incidents){t, fn, arg, d, 0, 0});
	else
		err = each_sum(&(struct sums){t, fn, arg, d, .any = false});
	s->walking--;
	return err;
}

/* --- reports */

static bool
remember_id(struct redis_take *t, struct str id)
{
	struct report_id *more =
	    realloc(t->ids, (t->n_ids + 1) * sizeof(*t->ids));

	if (!more)
		return false;
	t->ids = more;
	memcpy(more[t->n_ids].p, id.p, id.n);
	more[t->n_ids++].n = id.n;
	return true;
}

static struct str
id_of(const struct redis_take *t, size_t i)
{
	return (struct str){t->ids[i].p, t->ids[i].n};
}

static int
report(struct store_take *base, const struct ledger_report *r,
    const struct ledger_submission *submissions, size_t n, struct diag *d)
{
	struct redis_take *t = take_of(base);
	struct redis_store *s = store_of(t);
	int64_t got = 0;
	int err;

	for (size_t i = 0; i < t->n_ids; i++)
		if (str_eq(id_of(t, i), r->id))
			got = 1;
	if (got == 0) {
		redis_begin(s->c, REDIS_STAGE);
		redis_arg(s->c, (struct str){t->token, TOKEN});
		redis_report_args(s->c, r, submissions, n);
		err = redis_run_int(s, true, &got, d);
		if (err)
			return broken(t, err);
	}
	if (got != 0)
		return diag_set(
		    d, AVER_LIMIT, 0, "there is a report with that id");
	if (!remember_id(t, r->id))
		return broken(t, diag_set(d, AVER_NOMEM, 0, "out of memory"));
	return 0;
}

static void
end(struct redis_take *t)
{
	store_of(t)->taking = false;
	take_free(t);
}

static void
abort_take(struct store_take *base)
{
	struct redis_take *t = take_of(base);
	struct redis_store *s = store_of(t);

	redis_take_call(t, REDIS_ABORT);
	for (size_t i = 0; i < t->n_ids; i++)
		redis_arg(s->c, id_of(t, i));
	/* if it does not get there the hold ends by itself */
	(void)redis_run_ok(s, true, NULL);
	end(t);
}

static int
commit(struct store_take *base, struct diag *d)
{
	struct redis_take *t = take_of(base);
	struct redis_store *s = store_of(t);
	int64_t got = 1;
	int err;

	if (t->broken) {
		abort_take(base);
		return diag_set(
		    d, AVER_TEMP, 0, "not committed after an error");
	}
	redis_take_call(t, REDIS_COMMIT);
	for (size_t i = 0; i < t->n_ids; i++)
		redis_arg(s->c, id_of(t, i));
	err = redis_run_int(s, true, &got, d);
	if (!err && got != 0) {
		abort_take(base);
		return diag_set(
		    d, AVER_TEMP, 0, "not committed: the hold has ended");
	}
	end(t);
	return err;
}

const struct store_take_ops redis_take_ops = {
    .each_due = each_due,
    .get_due = get_due,
    .begin = begin,
    .last = last,
    .each = each,
    .report = report,
    .commit = commit,
    .abort = abort_take,
};
