/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/redis_conn_int.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/store/redis_error.h"

/* --- what a server says is wrong */

void
redis_drop(struct redis_conn *c)
{
	redis_link_close(&c->link);
	c->greeted = false;
}

int
redis_server_error(struct redis_conn *c, struct str text, struct diag *d)
{
	struct str shown;
	bool drops;
	int err = redis_error(text, &shown, &drops);

	if (drops)
		redis_drop(c);
	return diag_set(d, err, 0, "%s: %.*s", c->where, STRF(shown));
}

int
redis_at_place(struct redis_conn *c, int err, struct diag *d)
{
	char text[sizeof(d->text)];

	if (!d)
		return err;
	memcpy(text, d->text, sizeof(text));
	return diag_set(d, err, 0, "%s: %s", c->where, text);
}

int
redis_odd(struct redis_conn *c, struct diag *d)
{
	redis_drop(c);
	return diag_set(
	    d, AVER_IO, 0, "%s: an answer of the wrong kind", c->where);
}

/* --- plain commands, while connecting */

static int
exchange(struct redis_conn *c, struct buf *command, struct arena *arena,
    struct resp *out, struct diag *d)
{
	struct str octets;
	int err = redis_link_send(&c->link, buf_str(command), d);

	if (!err)
		err = redis_link_reply(&c->link, &octets, d);
	if (!err && resp_read(arena_dup(arena, octets), arena, out))
		err = diag_set(d, AVER_IO, 0, "this is no Redis");
	return err;
}

int
redis_say(struct redis_conn *c, const char *const *words, size_t n,
    struct arena *arena, struct resp *out, struct diag *d)
{
	struct buf b;
	int err;

	buf_init(&b, NULL, REDIS_SMALL);
	resp_put_count(&b, n);
	for (size_t i = 0; i < n; i++)
		resp_put_word(&b, str_from_z(words[i]));
	err = exchange(c, &b, arena, out, d);
	OPENSSL_cleanse(b.p, b.n);
	buf_fini(&b);
	if (err)
		return redis_at_place(c, err, d);
	if (out->type == RESP_ERROR)
		return redis_server_error(c, out->s, d);
	return 0;
}

/* password empty: nothing is said; user empty: the default one */
static int
login(struct redis_conn *c, const char *user, const char *password,
    struct arena *a, struct diag *d)
{
	const char *words[] = {"AUTH", user, password};
	const char *without[] = {"AUTH", password};
	struct resp r;

	if (!password[0])
		return 0;
	return user[0] ? redis_say(c, words, 3, a, &r, d)
		       : redis_say(c, without, 2, a, &r, d);
}

static int
select_db(struct redis_conn *c, struct arena *a, struct diag *d)
{
	char db[16];
	const char *words[] = {"SELECT", db};
	struct resp r;

	if (c->spec.db == 0)
		return 0;
	snprintf(db, sizeof(db), "%u", c->spec.db);
	return redis_say(c, words, 2, a, &r, d);
}

static int
open_link(struct redis_conn *c, const struct redis_host *h, struct diag *d)
{
	int err;

	if (h)
		snprintf(c->where, sizeof(c->where), "%s:%u", h->name,
		    (unsigned)h->port);
	else
		snprintf(c->where, sizeof(c->where), "%s", c->spec.path);
	c->peer = h ? *h : (struct redis_host){.port = 0};
	err = redis_link_open(&c->link, &c->spec, h, c->ctx, d);
	if (err)
		return redis_at_place(c, err, d);
	redis_link_start(&c->link, c->spec.command_timeout);
	return 0;
}

/* --- Sentinel and Cluster */

static bool
host_from(struct str name, struct str port, struct redis_host *out)
{
	uint64_t v;

	if (name.n == 0 || name.n > REDIS_TEXT_MAX ||
	    memchr(name.p, 0, name.n) || !str_to_u64(port, 65535, &v) || v == 0)
		return false;
	memcpy(out->name, name.p, name.n);
	out->name[name.n] = 0;
	out->port = (uint16_t)v;
	return true;
}

static int
ask_sentinel(struct redis_conn *c, const struct redis_host *sentinel,
    struct redis_host *master, struct diag *d)
{
	const char *words[] = {
	    "SENTINEL", "get-master-addr-by-name", c->spec.master};
	struct arena a;
	struct resp r;
	int err = open_link(c, sentinel, d);

	if (err)
		return err;
	arena_init(&a, REDIS_SMALL);
	err = login(c, c->spec.sentinel_user, c->sentinel_password, &a, d);
	if (!err)
		err = redis_say(c, words, 3, &a, &r, d);
	if (!err && r.type == RESP_NIL)
		/* also while somebody tells it anew, or it began anew */
		err = diag_set(d, AVER_TEMP, 0, "%s: knows no master \"%s\"",
		    c->where, c->spec.master);
	else if (!err && (r.type != RESP_ARRAY || r.n != 2 ||
			     !host_from(r.items[0].s, r.items[1].s, master)))
		err = redis_odd(c, d);
	arena_fini(&a);
	redis_drop(c);
	return err;
}

/* A server that was the master may not know yet that it no longer is. */
static int
check_role(struct redis_conn *c, struct arena *a, struct diag *d)
{
	const char *words[] = {"ROLE"};
	struct resp r;
	int err = redis_say(c, words, 1, a, &r, d);

	if (err)
		return err;
	if (r.type != RESP_ARRAY || r.n == 0)
		return redis_odd(c, d);
	if (!str_eq(r.items[0].s, STR("master")))
		return diag_set(
		    d, AVER_TEMP, 0, "%s: is no master now", c->where);
	return 0;
}

static bool
same_host(const struct redis_host *a, const struct redis_host *b)
{
	return a->port == b->port && strcmp(a->name, b->name) == 0;
}

/*
 * To a node that another one named. Each of them may name the one that is down,
 * for which one wait is enough.
 */
static int
open_named(struct redis_conn *c, const struct redis_host *h, struct diag *d)
{
	for (size_t i = 0; i < c->n_failed; i++) {
		if (!same_host(h, &c->failed[i]))
			continue;
		c->peer.port = 0;
		return diag_set(d, AVER_TEMP, 0, "%s:%u: does not answer",
		    h->name, (unsigned)h->port);
	}
	return open_link(c, h, d);
}

/* "MOVED 3999 host:port"; the host may be empty: the same as now. */
static bool
read_redirect(
    const struct redis_conn *c, struct str text, struct redis_host *out)
{
	struct str rest, host;
	size_t colon;

	str_cut(text, ' ', &rest);
	str_cut(rest, ' ', &host);
	colon = str_rchr(host, ':');
	if (colon == host.n)
		return false;
	return host_from(
	    colon ? str_head(host, colon) : str_from_z(c->peer.name),
	    str_from(host, colon + 1), out);
}

int
redis_follow(struct redis_conn *c, struct str text, struct diag *d)
{
	struct redis_host to;
	struct arena a;
	int err;

	if (c->spec.kind != REDIS_CLUSTER)
		return diag_set(d, AVER_CONF, 0,
		    "%s: is a cluster: use redis-cluster://", c->where);
	if (!read_redirect(c, text, &to))
		return redis_odd(c, d);
	err = open_named(c, &to, d);
	arena_init(&a, REDIS_SMALL);
	if (!err)
		err = login(c, c->spec.user, c->spec.password, &a, d);
	arena_fini(&a);
	if (err)
		redis_drop(c);
	return err;
}

/* --- from a host of the spec to the server */

static int
find_server(struct redis_conn *c, const struct redis_host *host, struct diag *d)
{
	struct redis_host master;
	int err;

	if (c->spec.kind != REDIS_SENTINEL)
		return open_link(c, host, d);
	err = ask_sentinel(c, host, &master, d);
	return err ? err : open_named(c, &master, d);
}

int
redis_reach(struct redis_conn *c, const struct redis_host *host, struct diag *d)
{
	struct arena a;
	int err;

	arena_init(&a, REDIS_SMALL);
	err = find_server(c, host, d);
	if (!err)
		err = login(c, c->spec.user, c->spec.password, &a, d);
	if (!err && c->spec.kind == REDIS_SENTINEL)
		err = check_role(c, &a, d);
	if (!err)
		err = select_db(c, &a, d);
	arena_fini(&a);
	return err;
}
