/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/redis_conn_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

#define COMMAND_MAX ((size_t)128 << 20)
#define REDIRECTS 5

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

/* path empty: nothing is read. *password stays what it was at an error. */
static int
read_password(
    const char *path, char password[REDIS_TEXT_MAX + 1], struct diag *d)
{
	FILE *f = path[0] ? fopen(path, "re") : NULL;
	char text[REDIS_TEXT_MAX + 1];
	bool good;
	size_t n;

	if (!path[0])
		return 0;
	if (!f)
		return diag_set(
		    d, AVER_CONF, 0, "%s: %s", path, strerror(errno));
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	good = n > 0 && n <= REDIS_TEXT_MAX && !memchr(text, 0, n);
	if (good) {
		memcpy(password, text, n);
		password[n] = 0;
	}
	OPENSSL_cleanse(text, sizeof(text));
	if (good)
		return 0;
	return diag_set(d, AVER_CONF, 0, "%s: no password of 1 to %d octets",
	    path, REDIS_TEXT_MAX);
}

/* c->ctx stays what it was at an error. */
static int
make_tls(struct redis_conn *c, struct diag *d)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int ok;

	if (!ctx)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	ok = c->spec.ca_file[0] ? SSL_CTX_load_verify_file(ctx, c->spec.ca_file)
				: SSL_CTX_set_default_verify_paths(ctx);
	if (ok == 1) {
		SSL_CTX_free(c->ctx);
		c->ctx = ctx;
		return 0;
	}
	SSL_CTX_free(ctx);
	return diag_set(d, AVER_CONF, 0, "%s: no certificates",
	    c->spec.ca_file[0] ? c->spec.ca_file : "the system's CA file");
}

static int
read_files(struct redis_conn *c, struct diag *d)
{
	int err = read_password(c->spec.password_file, c->spec.password, d);

	if (!err)
		err = read_password(
		    c->spec.sentinel_password_file, c->sentinel_password, d);
	return !err && c->spec.tls ? make_tls(c, d) : err;
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
		err = read_files(c, d);
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

	buf_init(&head, NULL, REDIS_SMALL);
	put_call(c, &head, script, whole, n_args);
	redis_link_start(&c->link, c->spec.command_timeout);
	/* a small call goes in one piece */
	if (args->n < REDIS_SMALL / 2)
		buf_add(&head, buf_str(args));
	err = redis_link_send(&c->link, buf_str(&head), d);
	if (!err && args->n >= REDIS_SMALL / 2)
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
		redis_at_place(c, err, d);
		redis_drop(c);
	}
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
			return redis_server_error(c, out->s, d);
		err = redis_follow(c, out->s, d);
		if (err)
			return err;
	}
	redis_drop(c);
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
	arena_init(&a, REDIS_SMALL);
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

	arena_init(&a, REDIS_SMALL);
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
open_at(struct redis_conn *c, const struct redis_host *host, struct diag *d)
{
	int err = redis_reach(c, host, d);

	if (!err)
		err = greet(c, d);
	if (err) {
		redis_drop(c);
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
	/* the operator may have changed them on the server and then here */
	if (c->refused)
		(void)read_files(c, NULL);
	err = open_any(c, d);
	c->refused = err == AVER_CONF;
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
		redis_drop(c);
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
	arena_init(&a, REDIS_SMALL);
	redis_link_start(&c->link, c->spec.command_timeout);
	err = redis_say(c, words, 3, &a, &r, d);
	if (!err && r.type != RESP_INT)
		err = redis_odd(c, d);
	else if (!err && r.number < (int64_t)c->spec.replicas)
		err = diag_set(d, AVER_TEMP, 0, "%s: only %lld of %u replicas",
		    c->where, (long long)r.number, c->spec.replicas);
	else if (err)
		redis_drop(c);
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
