/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/redis_conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/redis_error.h"
#include "lib/store/redis_link.h"

#define COMMAND_MAX ((size_t)128 << 20)
#define REDIRECTS 5
#define SMALL 65536 /* of replies while connecting */

struct redis_conn {
	struct redis_spec spec;
	struct redis_link link;
	SSL_CTX *ctx;
	enum store_mode mode;
	bool greeted; /* connected and all said that has to be */
	char sentinel_password[REDIS_TEXT_MAX + 1];
	size_t first; /* of the spec's hosts: the one to ask first */
	struct redis_host peer; /* where the link leads; port 0: a socket */
	struct redis_host failed[REDIS_HOSTS_MAX]; /* while connecting */
	size_t n_failed;
	int64_t broken_until;
	unsigned fails;
	char sha[REDIS_SCRIPT_COUNT][41];
	char key[80]; /* the key that names the slot */
	/* the call */
	enum redis_script script;
	struct buf args;
	size_t n_args;
	char where[REDIS_TEXT_MAX + 16];
};

/* --- make */

static bool
hash_scripts(struct redis_conn *c)
{
	for (unsigned i = 0; i < REDIS_SCRIPT_COUNT; i++) {
		const char *text = redis_script((enum redis_script)i);
		unsigned char md[EVP_MAX_MD_SIZE];
		size_t n;

		if (EVP_Q_digest(
			NULL, "SHA1", NULL, text, strlen(text), md, &n) != 1)
			return false;
		for (size_t k = 0; k < 20; k++)
			snprintf(c->sha[i] + 2 * k, 3, "%02x", md[k]);
	}
	return true;
}

/* path empty: nothing is read. */
static int
read_password(
    const char *path, char password[REDIS_TEXT_MAX + 1], struct diag *d)
{
	FILE *f = path[0] ? fopen(path, "re") : NULL;
	size_t n;

	if (!path[0])
		return 0;
	if (!f)
		return diag_set(
		    d, AVER_CONF, 0, "%s: %s", path, strerror(errno));
	n = fread(password, 1, REDIS_TEXT_MAX + 1, f);
	fclose(f);
	while (n && (password[n - 1] == '\n' || password[n - 1] == '\r'))
		n--;
	if (n == 0 || n > REDIS_TEXT_MAX || memchr(password, 0, n))
		return diag_set(d, AVER_CONF, 0,
		    "%s: no password of 1 to %d octets", path, REDIS_TEXT_MAX);
	password[n] = 0;
	return 0;
}

static int
make_tls(struct redis_conn *c, struct diag *d)
{
	int ok;

	c->ctx = SSL_CTX_new(TLS_client_method());
	if (!c->ctx)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	ok = c->spec.ca_file[0]
		 ? SSL_CTX_load_verify_file(c->ctx, c->spec.ca_file)
		 : SSL_CTX_set_default_verify_paths(c->ctx);
	if (ok == 1)
		return 0;
	return diag_set(d, AVER_CONF, 0, "%s: no certificates",
	    c->spec.ca_file[0] ? c->spec.ca_file : "the system's CA file");
}

int
redis_conn_new(const struct redis_spec *spec, enum store_mode mode,
    struct redis_conn **out, struct diag *d)
{
	struct redis_conn *c = calloc(1, sizeof(*c));
	int err = 0;

	if (!c)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	c->spec = *spec;
	c->mode = mode;
	redis_link_init(&c->link);
	buf_init(&c->args, NULL, COMMAND_MAX);
	snprintf(c->key, sizeof(c->key), "{%s}:v", spec->prefix);
	if (!hash_scripts(c))
		err = diag_set(d, AVER_CRYPTO, 0, "no SHA-1");
	if (!err)
		err = read_password(spec->password_file, c->spec.password, d);
	if (!err)
		err = read_password(
		    spec->sentinel_password_file, c->sentinel_password, d);
	if (!err && spec->tls)
		err = make_tls(c, d);
	if (err) {
		redis_conn_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void
redis_conn_free(struct redis_conn *c)
{
	if (!c)
		return;
	redis_link_fini(&c->link);
	buf_fini(&c->args);
	SSL_CTX_free(c->ctx);
	OPENSSL_cleanse(c->spec.password, sizeof(c->spec.password));
	OPENSSL_cleanse(c->sentinel_password, sizeof(c->sentinel_password));
	free(c);
}

const struct redis_spec *
redis_conn_spec(const struct redis_conn *c)
{
	return &c->spec;
}

/* --- what a server says is wrong */

static void
drop(struct redis_conn *c)
{
	redis_link_close(&c->link);
	c->greeted = false;
}

static int
server_error(struct redis_conn *c, struct str text, struct diag *d)
{
	struct str shown;
	bool drops;
	int err = redis_error(text, &shown, &drops);

	if (drops)
		drop(c);
	return diag_set(d, err, 0, "%s: %.*s", c->where, STRF(shown));
}

/* Puts the place before what the link said. */
static int
at_place(struct redis_conn *c, int err, struct diag *d)
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
	drop(c);
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

static int
say(struct redis_conn *c, const char *const *words, size_t n,
    struct arena *arena, struct resp *out, struct diag *d)
{
	struct buf b;
	int err;

	buf_init(&b, NULL, SMALL);
	resp_put_count(&b, n);
	for (size_t i = 0; i < n; i++)
		resp_put_word(&b, str_from_z(words[i]));
	err = exchange(c, &b, arena, out, d);
	OPENSSL_cleanse(b.p, b.n);
	buf_fini(&b);
	if (err)
		return at_place(c, err, d);
	if (out->type == RESP_ERROR)
		return server_error(c, out->s, d);
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
	return user[0] ? say(c, words, 3, a, &r, d)
		       : say(c, without, 2, a, &r, d);
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
	return say(c, words, 2, a, &r, d);
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
		return at_place(c, err, d);
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
	arena_init(&a, SMALL);
	err = login(c, c->spec.sentinel_user, c->sentinel_password, &a, d);
	if (!err)
		err = say(c, words, 3, &a, &r, d);
	if (!err && r.type == RESP_NIL)
		/* also while somebody tells it anew, or it began anew */
		err = diag_set(d, AVER_TEMP, 0, "%s: knows no master \"%s\"",
		    c->where, c->spec.master);
	else if (!err && (r.type != RESP_ARRAY || r.n != 2 ||
			     !host_from(r.items[0].s, r.items[1].s, master)))
		err = redis_odd(c, d);
	arena_fini(&a);
	drop(c);
	return err;
}

/* A server that was the master may not know yet that it no longer is. */
static int
check_role(struct redis_conn *c, struct arena *a, struct diag *d)
{
	const char *words[] = {"ROLE"};
	struct resp r;
	int err = say(c, words, 1, a, &r, d);

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

/* --- scripts */

static void
put_call(struct redis_conn *c, struct buf *b, enum redis_script script,
    bool whole, size_t n_args)
{
	resp_put_count(b, n_args + 4);
	resp_put_word(b, whole ? STR("EVAL") : STR("EVALSHA"));
	resp_put_word(
	    b, str_from_z(whole ? redis_script(script) : c->sha[script]));
	resp_put_word(b, STR("1"));
	resp_put_word(b, str_from_z(c->key));
}

/* Sends the call, reads the reply. */
static int
call_once(struct redis_conn *c, enum redis_script script, bool whole,
    const struct buf *args, size_t n_args, struct arena *arena,
    struct resp *out, struct diag *d)
{
	struct buf head;
	struct str octets;
	int err;

	buf_init(&head, NULL, SMALL);
	put_call(c, &head, script, whole, n_args);
	redis_link_start(&c->link, c->spec.command_timeout);
	/* a small call goes in one piece */
	if (args->n < SMALL / 2)
		buf_add(&head, buf_str(args));
	err = redis_link_send(&c->link, buf_str(&head), d);
	if (!err && args->n >= SMALL / 2)
		err = redis_link_send(&c->link, buf_str(args), d);
	if (!err)
		err = redis_link_reply(&c->link, &octets, d);
	buf_fini(&head);
	if (!err) {
		struct str copy = arena_dup(arena, octets);

		err = copy.n ? resp_read(copy, arena, out) : AVER_NOMEM;
		if (err == AVER_NOMEM)
			diag_set(d, err, 0, "no memory for the reply");
		else if (err)
			err = diag_set(d, AVER_IO, 0, "this is no Redis");
	}
	if (err) {
		at_place(c, err, d);
		drop(c);
	}
	return err;
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

/* Goes to the node that an error names. 0: try there. */
static int
follow(struct redis_conn *c, struct str text, struct diag *d)
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
	arena_init(&a, SMALL);
	if (!err)
		err = login(c, c->spec.user, c->spec.password, &a, d);
	arena_fini(&a);
	if (err)
		drop(c);
	return err;
}

static int
call(struct redis_conn *c, enum redis_script script, const struct buf *args,
    size_t n_args, struct arena *arena, struct resp *out, struct diag *d)
{
	bool whole = false;
	int err;

	for (int i = 0; i < REDIRECTS; i++) {
		err = call_once(c, script, whole, args, n_args, arena, out, d);
		if (err)
			return err;
		if (out->type != RESP_ERROR)
			return 0;
		if (str_starts(out->s, STR("NOSCRIPT"))) {
			whole = true;
			continue;
		}
		if (!str_starts(out->s, STR("MOVED ")))
			return server_error(c, out->s, d);
		err = follow(c, out->s, d);
		if (err)
			return err;
	}
	drop(c);
	return diag_set(d, AVER_TEMP, 0, "%s: too many redirects", c->where);
}

/* --- connect */

static int
say_hello(struct redis_conn *c, struct arena *a, struct resp *r, struct diag *d)
{
	struct buf args;
	int err;

	buf_init(&args, NULL, 64);
	resp_put_word(&args, c->mode == STORE_WRITE ? STR("w") : STR("r"));
	err = call(c, REDIS_HELLO, &args, 1, a, r, d);
	buf_fini(&args);
	if (!err && r->type != RESP_BULK && r->type != RESP_NIL)
		err = redis_odd(c, d);
	return err;
}

/* Makes this version of the older one, step by step. */
static int
renew_rows(struct redis_conn *c, struct diag *d)
{
	struct resp r = {.number = 1};
	struct buf none;
	struct arena a;
	int err = 0;

	buf_init(&none, NULL, 1);
	arena_init(&a, SMALL);
	while (!err && r.number != 0) {
		arena_reset(&a);
		err = call(c, REDIS_RENEW_ROWS, &none, 0, &a, &r, d);
		if (!err && r.type != RESP_INT)
			err = redis_odd(c, d);
	}
	arena_fini(&a);
	return err;
}

/* The store's version, which a writer sets in an empty one. */
static int
greet(struct redis_conn *c, struct diag *d)
{
	struct arena a;
	struct resp r;
	int err;

	arena_init(&a, SMALL);
	err = say_hello(c, &a, &r, d);
	if (!err && c->mode != STORE_READ &&
	    str_eq(r.s, STR(REDIS_OLD_VERSION))) {
		err = renew_rows(c, d);
		if (!err)
			err = say_hello(c, &a, &r, d);
	}
	if (!err && r.type == RESP_NIL)
		err = diag_set(d, AVER_TEMP, 0,
		    "%s: nothing has been recorded yet, there is no store",
		    c->where);
	else if (!err && str_eq(r.s, STR(REDIS_OLD_VERSION)))
		err = diag_set(d, AVER_TEMP, 0,
		    "%s: version %s of the store, which the milter brings to "
		    "version %s",
		    c->where, REDIS_OLD_VERSION, REDIS_VERSION);
	else if (!err && !str_eq(r.s, STR(REDIS_VERSION)))
		err = diag_set(d, AVER_CONF, 0,
		    "%s: version %.*s of the store, not this program's "
		    "%s",
		    c->where, STRF(str_head(r.s, 16)), REDIS_VERSION);
	arena_fini(&a);
	return err;
}

/* host: of the spec, NULL: its socket */
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

static int
open_at(struct redis_conn *c, const struct redis_host *host, struct diag *d)
{
	struct arena a;
	int err;

	arena_init(&a, SMALL);
	err = find_server(c, host, d);
	if (!err)
		err = login(c, c->spec.user, c->spec.password, &a, d);
	if (!err && c->spec.kind == REDIS_SENTINEL)
		err = check_role(c, &a, d);
	if (!err)
		err = select_db(c, &a, d);
	if (!err)
		err = greet(c, d);
	arena_fini(&a);
	if (err) {
		drop(c);
		if (c->peer.port && c->n_failed < REDIS_HOSTS_MAX)
			c->failed[c->n_failed++] = c->peer;
	}
	return err;
}

/*
 * A Sentinel that is cut off names the master that was, a node that hangs takes
 * connections and says nothing: so the next one is asked, whatever the first
 * comes to. What the operator has to mend is told before what passes.
 */
static int
open_any(struct redis_conn *c, struct diag *d)
{
	size_t n = c->spec.n_hosts;
	struct diag one = {.text = ""};
	int err = AVER_TEMP;

	if (c->spec.kind == REDIS_UNIX)
		return open_at(c, NULL, d);
	for (size_t k = 0; k < n; k++) {
		size_t i = (c->first + k) % n;
		int now = open_at(c, &c->spec.hosts[i], &one);

		if (!now) {
			c->first = i;
			return 0;
		}
		/* one that is named again has told already */
		if (k > 0 && (err == AVER_CONF || c->peer.port == 0))
			continue;
		err = now;
		if (d)
			*d = one;
	}
	return err;
}

int
redis_conn_open(struct redis_conn *c, struct diag *d)
{
	int err;

	if (c->greeted)
		return 0;
	err = open_any(c, d);
	c->n_failed = 0;
	if (err) {
		unsigned wait = REDIS_BREAK_MS << (c->fails < 5 ? c->fails : 5);

		c->fails++;
		if (wait > REDIS_BREAK_MAX_MS)
			wait = REDIS_BREAK_MAX_MS;
		c->broken_until = clock_mono_ms() + wait;
		return err;
	}
	c->greeted = true;
	c->fails = 0;
	c->broken_until = 0;
	return 0;
}

/* --- calls */

void
redis_begin(struct redis_conn *c, enum redis_script script)
{
	/* a large command's memory is not kept */
	if (c->args.cap > (8u << 20)) {
		buf_fini(&c->args);
		buf_init(&c->args, NULL, COMMAND_MAX);
	}
	buf_clear(&c->args);
	c->n_args = 0;
	c->script = script;
}

void
redis_arg(struct redis_conn *c, struct str s)
{
	resp_put_word(&c->args, s);
	c->n_args++;
}

void
redis_arg_cat(struct redis_conn *c, struct str x, struct str y)
{
	resp_put_head(&c->args, x.n + y.n);
	buf_add(&c->args, x);
	buf_add(&c->args, y);
	buf_add(&c->args, STR("\r\n"));
	c->n_args++;
}

static struct str
digits(char text[24], uint64_t v, bool minus)
{
	size_t i = 24;

	do {
		text[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	if (minus)
		text[--i] = '-';
	return (struct str){text + i, 24 - i};
}

void
redis_arg_int(struct redis_conn *c, int64_t v)
{
	char text[24];

	redis_arg(c, digits(text, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0));
}

void
redis_arg_two(struct redis_conn *c, uint64_t a, uint64_t b)
{
	char first[24], second[24];
	struct str x = digits(first, a, false), y = digits(second, b, false);

	second[24 - y.n - 1] = ' ';
	redis_arg_cat(c, x, (struct str){y.p - 1, y.n + 1});
}

static int
ready(struct redis_conn *c, struct diag *d)
{
	if (c->greeted && !redis_link_idle(&c->link))
		drop(c);
	if (!c->greeted && clock_mono_ms() < c->broken_until)
		return diag_set(d, AVER_TEMP, 0,
		    "%s: not reachable; tried again soon", c->where);
	return redis_conn_open(c, d);
}

/*
 * What would be missed if it were lost, unlike what can be found out again. The
 * number of a source is a question, but whoever hears it lets go of what has
 * been counted up to there, so it has to be there after a fail-over as well.
 */
static bool
needs_replicas(enum redis_script script)
{
	static const enum redis_script list[] = {REDIS_ADD, REDIS_COMMITTED,
	    REDIS_FENCE, REDIS_REMOVE, REDIS_COMMIT, REDIS_PUT, REDIS_CLAIM,
	    REDIS_RENEW, REDIS_RELEASE, REDIS_FINISH, REDIS_SET,
	    REDIS_FORGET_REPORTS, REDIS_SECRET, REDIS_SUPPRESS,
	    REDIS_INCIDENTS_REMOVE};
	size_t i = 0;

	while (i < sizeof(list) / sizeof(list[0]) && list[i] != script)
		i++;
	return i < sizeof(list) / sizeof(list[0]);
}

static int
wait_for_replicas(struct redis_conn *c, struct diag *d)
{
	char n[16], ms[16];
	const char *words[] = {"WAIT", n, ms};
	struct arena a;
	struct resp r;
	int err;

	snprintf(n, sizeof(n), "%u", c->spec.replicas);
	snprintf(ms, sizeof(ms), "%u", c->spec.command_timeout / 2 + 1);
	arena_init(&a, SMALL);
	redis_link_start(&c->link, c->spec.command_timeout);
	err = say(c, words, 3, &a, &r, d);
	if (!err && r.type != RESP_INT)
		err = redis_odd(c, d);
	else if (!err && r.number < (int64_t)c->spec.replicas)
		err = diag_set(d, AVER_TEMP, 0, "%s: only %lld of %u replicas",
		    c->where, (long long)r.number, c->spec.replicas);
	else if (err)
		drop(c);
	arena_fini(&a);
	return err;
}

int
redis_run(struct redis_conn *c, bool again, struct arena *arena,
    struct resp *out, struct diag *d)
{
	int err;

	if (!buf_ok(&c->args))
		return diag_set(d, c->args.err, 0, "%s",
		    c->args.err == AVER_LIMIT ? "a command is too large"
					      : "out of memory");
	for (int i = 0;; i++) {
		err = ready(c, d);
		if (err)
			return err;
		err = call(c, c->script, &c->args, c->n_args, arena, out, d);
		/* a connection that was lost: once more over another */
		if (err != AVER_TEMP || c->greeted || !again || i > 0)
			break;
	}
	if (!err && c->spec.replicas && needs_replicas(c->script))
		err = wait_for_replicas(c, d);
	return err;
}
