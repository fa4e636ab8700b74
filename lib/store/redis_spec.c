/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/redis_spec.h"

#include <string.h>

#include "lib/base/err.h"

#define PORT 6379
#define SENTINEL_PORT 26379
#define DB_MAX 1000000
#define TIME_MAX 60000
#define REPLICAS_MAX 9

static const struct {
	struct str scheme;
	enum redis_kind kind;
	bool tls;
} schemes[] = {
    {STR_INIT("redis://"), REDIS_SERVER, false},
    {STR_INIT("rediss://"), REDIS_SERVER, true},
    {STR_INIT("redis-sentinel://"), REDIS_SENTINEL, false},
    {STR_INIT("redis-cluster://"), REDIS_CLUSTER, false},
    {STR_INIT("unix:"), REDIS_UNIX, false},
};

#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

static size_t
find_scheme(struct str spec)
{
	size_t i = 0;

	while (i < SCHEMES && !str_starts(spec, schemes[i].scheme))
		i++;
	return i;
}

bool
redis_spec_is(struct str spec)
{
	return find_scheme(spec) < SCHEMES;
}

static int
bad(struct diag *d, const char *what)
{
	return diag_set(d, AVER_CONF, 0, "store: %s", what);
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Copies s with %XX decoded; false when too long, malformed, or with a NUL. */
static bool
copy_text(struct str s, char out[REDIS_TEXT_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			if (i + 2 >= s.n || hex(s.p[i + 1]) < 0 ||
			    hex(s.p[i + 2]) < 0)
				return false;
			c = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
			i += 2;
		}
		if (c == 0 || n == REDIS_TEXT_MAX)
			return false;
		out[n++] = c;
	}
	out[n] = 0;
	return true;
}

static bool
copy_plain(struct str s, char *out, size_t max)
{
	if (s.n > max || (s.n && memchr(s.p, 0, s.n)))
		return false;
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = 0;
	return true;
}

static bool
name_octet(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
}

static bool
all_name_octets(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!name_octet(s.p[i]))
			return false;
	return s.n > 0;
}

/* --- options */

static bool
set_time(struct str value, unsigned *out)
{
	uint64_t v;

	if (!str_to_u64(value, TIME_MAX, &v) || v == 0)
		return false;
	*out = (unsigned)v;
	return true;
}

static bool
set_path(struct str value, char *out)
{
	return value.n && value.p[0] == '/' &&
	       copy_plain(value, out, REDIS_TEXT_MAX);
}

static bool
set_option(struct redis_spec *s, struct str name, struct str value)
{
	if (str_eq(name, STR("password_file")))
		return set_path(value, s->password_file);
	if (str_eq(name, STR("sentinel_password_file")))
		return s->kind == REDIS_SENTINEL &&
		       set_path(value, s->sentinel_password_file);
	if (str_eq(name, STR("sentinel_user")))
		return s->kind == REDIS_SENTINEL && value.n &&
		       copy_text(value, s->sentinel_user);
	if (str_eq(name, STR("ca_file")))
		return set_path(value, s->ca_file);
	if (str_eq(name, STR("prefix")))
		return all_name_octets(value) &&
		       copy_plain(value, s->prefix, sizeof(s->prefix) - 1);
	if (str_eq(name, STR("timeout")))
		return set_time(value, &s->timeout);
	if (str_eq(name, STR("command_timeout")))
		return set_time(value, &s->command_timeout);
	if (str_eq(name, STR("lease")))
		return set_time(value, &s->lease);
	if (str_eq(name, STR("replicas"))) {
		uint64_t v;

		if (!str_to_u64(value, REPLICAS_MAX, &v))
			return false;
		s->replicas = (unsigned)v;
		return true;
	}
	if (str_eq(name, STR("tls")) && s->kind != REDIS_UNIX) {
		s->tls = s->tls || str_eq(value, STR("yes"));
		return str_eq(value, STR("yes"));
	}
	return false;
}

/* No text of theirs in d: a "?" in a password would put it here. */
static int
read_options(struct redis_spec *s, struct str options, struct diag *d)
{
	for (unsigned i = 1; options.n; i++) {
		struct str value, rest;
		struct str one = str_cut(options, '&', &rest);
		struct str name = str_cut(one, '=', &value);

		if (!set_option(s, name, value))
			return diag_set(d, AVER_CONF, 0,
			    "store: option %u is unknown or malformed", i);
		options = rest;
	}
	return 0;
}

/* --- hosts */

static int
read_host(struct redis_spec *s, struct str one, struct diag *d)
{
	struct redis_host *h = &s->hosts[s->n_hosts];
	struct str port = STR_NONE, name = one;
	uint64_t v = s->kind == REDIS_SENTINEL ? SENTINEL_PORT : PORT;

	if (one.n && one.p[0] == '[') {
		size_t end = str_chr(one, ']');

		name = str_head(str_from(one, 1), end - 1);
		port = str_from(one, end + 1);
		if (end == one.n || (port.n && port.p[0] != ':'))
			return bad(d, "a bracket is not closed");
		port = str_from(port, 1);
	} else {
		name = str_cut(one, ':', &port);
		if (!all_name_octets(name))
			return bad(d, "a host name is missing or malformed");
	}
	if (name.n == 0 || !copy_plain(name, h->name, REDIS_TEXT_MAX))
		return bad(d, "a host name is missing or malformed");
	if (port.p && (!str_to_u64(port, 65535, &v) || v == 0))
		return bad(d, "a port is malformed");
	h->port = (uint16_t)v;
	s->n_hosts++;
	return 0;
}

static int
read_hosts(struct redis_spec *s, struct str list, struct diag *d)
{
	do {
		struct str rest;
		struct str one = str_cut(list, ',', &rest);
		int err;

		if (s->n_hosts == REDIS_HOSTS_MAX)
			return bad(d, "too many hosts");
		err = read_host(s, one, d);
		if (err)
			return err;
		list = rest;
	} while (list.p);
	if (s->kind == REDIS_SERVER && s->n_hosts > 1)
		return bad(d, "redis:// takes one host");
	return 0;
}

/* --- the whole */

static int
read_user(struct redis_spec *s, struct str *rest, struct diag *d)
{
	size_t at = str_rchr(*rest, '@');
	struct str user, password;

	if (at == rest->n)
		return 0;
	user = str_cut(str_head(*rest, at), ':', &password);
	if (!copy_text(user, s->user) || !copy_text(password, s->password))
		return bad(d, "user or password is malformed");
	*rest = str_from(*rest, at + 1);
	return 0;
}

/* What follows the hosts: a database's number, or the master's name. */
static int
read_tail(struct redis_spec *s, struct str tail, struct diag *d)
{
	uint64_t db = 0;

	if (s->kind == REDIS_SENTINEL) {
		if (tail.n == 0 || !copy_text(tail, s->master))
			return bad(d, "the name of the master is missing");
		return 0;
	}
	if (tail.n && s->kind == REDIS_CLUSTER)
		return bad(d, "a cluster has no databases");
	if (tail.n && !str_to_u64(tail, DB_MAX, &db))
		return bad(d, "the database is no number");
	s->db = (unsigned)db;
	return 0;
}

static int
read_place(struct redis_spec *s, struct str rest, struct diag *d)
{
	struct str authority, tail;
	int err;

	if (s->kind == REDIS_UNIX) {
		err = read_user(s, &rest, d);
		if (!err && !set_path(rest, s->path))
			err = bad(d, "unix: takes an absolute path");
		return err;
	}
	/* user and password have no plain slash */
	authority = str_cut(rest, '/', &tail);
	err = read_user(s, &authority, d);
	if (!err)
		err = read_hosts(s, authority, d);
	return err ? err : read_tail(s, tail, d);
}

int
redis_spec_parse(struct str spec, struct redis_spec *out, struct diag *d)
{
	size_t i = find_scheme(spec);
	struct redis_spec s = {.prefix = "aver",
	    .timeout = 50,
	    .command_timeout = 1000,
	    .lease = 10000};
	struct str options, rest;
	int err;

	if (i == SCHEMES)
		return bad(d, "no such form");
	s.kind = schemes[i].kind;
	s.tls = schemes[i].tls;
	rest = str_cut(str_from(spec, schemes[i].scheme.n), '?', &options);
	err = read_place(&s, rest, d);
	if (!err)
		err = read_options(&s, options, d);
	if (!err && s.password[0] && s.password_file[0])
		err = bad(d, "a password and a password_file");
	if (!err && s.user[0] && !s.password[0] && !s.password_file[0])
		err = bad(d, "a user without a password");
	if (!err && s.sentinel_user[0] && !s.sentinel_password_file[0])
		err =
		    bad(d, "a sentinel_user without a sentinel_password_file");
	if (err)
		return err;
	*out = s;
	return 0;
}
