/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Where a store on Redis is, and the protocol's octets. */
#include "lib/store/redis_spec.h"

#include "lib/base/err.h"
#include "lib/store/resp.h"
#include "t/tap.h"

static void
describe(const struct redis_spec *s, struct buf *b)
{
	buf_addf(b, "%d%s", (int)s->kind, s->tls ? "T" : "");
	for (size_t i = 0; i < s->n_hosts; i++)
		buf_addf(b, " %s#%u", s->hosts[i].name, s->hosts[i].port);
	buf_addf(b, " path=%s master=%s user=%s password=%s db=%u", s->path,
	    s->master, s->user, s->password, s->db);
	if (s->sentinel_password_file[0])
		buf_addf(b, " sentinel=%s", s->sentinel_password_file);
	if (s->sentinel_user[0])
		buf_addf(b, " of %s", s->sentinel_user);
	buf_addf(b, " file=%s ca=%s prefix=%s %u %u %u", s->password_file,
	    s->ca_file, s->prefix, s->timeout, s->command_timeout, s->lease);
	if (s->replicas)
		buf_addf(b, " of %u", s->replicas);
}

static void
good_specs(void)
{
	static const struct {
		const char *spec, *want;
	} t[] = {
	    {"redis://h",
		"0 h#6379 path= master= user= password= db=0 file= ca= "
		"prefix=aver 50 1000 10000"},
	    {"redis://u:p%40%3a%2F@h.example:1/2",
		"0 h.example#1 path= master= user=u password=p@:/ db=2 file= "
		"ca= prefix=aver 50 1000 10000"},
	    {"redis://:p@h",
		"0 h#6379 path= master= user= password=p db=0 file= ca= "
		"prefix=aver 50 1000 10000"},
	    {"rediss://[2001:db8::1]:7/?ca_file=/c&prefix=mx-1",
		"0T 2001:db8::1#7 path= master= user= password= db=0 file= "
		"ca=/c prefix=mx-1 50 1000 10000"},
	    {"redis-sentinel://a,b:2/main?tls=yes&password_file=/p",
		"1T a#26379 b#2 path= master=main user= password= db=0 "
		"file=/p ca= prefix=aver 50 1000 10000"},
	    {"redis-sentinel://a/m?sentinel_password_file=/s",
		"1 a#26379 path= master=m user= password= db=0 sentinel=/s "
		"file= ca= prefix=aver 50 1000 10000"},
	    {"redis-sentinel://a/m?sentinel_user=a%26b&"
	     "sentinel_password_file=/s",
		"1 a#26379 path= master=m user= password= db=0 sentinel=/s "
		"of a&b file= ca= prefix=aver 50 1000 10000"},
	    {"redis-cluster://a:1,b:2,c:3",
		"2 a#1 b#2 c#3 path= master= user= password= db=0 file= ca= "
		"prefix=aver 50 1000 10000"},
	    {"unix:/run/r.sock?timeout=7&command_timeout=8&lease=9&replicas=2",
		"3 path=/run/r.sock master= user= password= db=0 file= ca= "
		"prefix=aver 7 8 9 of 2"},
	};
	struct redis_spec s;
	struct buf b;

	buf_init(&b, NULL, 4096);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct diag d = {.text = ""};

		buf_clear(&b);
		ok(redis_spec_parse(str_from_z(t[i].spec), &s, &d) == 0,
		    "%s %s", t[i].spec, d.text);
		describe(&s, &b);
		is_str(buf_str(&b), str_from_z(t[i].want), t[i].spec);
	}
	buf_fini(&b);
}

static void
bad_specs(void)
{
	static const char *const t[] = {"", "redis:", "redis:h", "http://h",
	    "redis://", "redis:///0", "redis://h:0", "redis://h:65536",
	    "redis://h:x", "redis://h:", "redis://h/x", "redis://h/-1",
	    "redis://a,b", "redis://[::1", "redis://[::1]x", "redis://[]",
	    "redis://h h", "redis://u@h", "redis://u:%4@h", "redis://u:%00@h",
	    "redis://u:%zz@h", "redis://u:p@h?password_file=/x", "redis://h?",
	    "redis://h?x", "redis://h?x=1", "redis://h?timeout=0",
	    "redis://h?timeout=60001", "redis://h?timeout=5ms",
	    "redis://h?prefix=", "redis://h?prefix={a}", "redis://h?prefix=a:b",
	    "redis://h?sentinel_password_file=/x",
	    "redis-sentinel://h/m?sentinel_password_file=x",
	    "redis-sentinel://h/m?sentinel_user=u",
	    "redis-sentinel://h/m?sentinel_user=u&password_file=/x",
	    "redis-sentinel://h/m?sentinel_password_file=/x&sentinel_user=",
	    "redis-sentinel://h/m?sentinel_password_file=/x&sentinel_user=%0",
	    "redis-sentinel://h/m?sentinel_password_file=/x&sentinel_user=%00",
	    "redis://u:p@h?sentinel_user=u", "redis://h?password_file=x",
	    "redis://h?tls=no", "redis://h?replicas=10",
	    "redis://h?replicas=", "redis-sentinel://h", "redis-sentinel://h/",
	    "redis-cluster://h/1", "redis-cluster://h,", "redis-cluster://,h",
	    "unix:", "unix:x", "unix:/x?tls=yes",
	    "redis-cluster://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct redis_spec s = {.db = 77};
		struct diag d = {.text = ""};
		int err = redis_spec_parse(str_from_z(t[i]), &s, &d);

		/* an empty list of options is none */
		if (strcmp(t[i], "redis://h?") == 0) {
			is_int(err, 0, t[i]);
			continue;
		}
		ok(err == AVER_CONF && d.text[0], "\"%s\": %s", t[i], d.text);
		is_int(s.db, 77, "out is untouched");
	}
}

/* --- RESP */

static void
scans(void)
{
	static const struct {
		const char *name;
		struct str s;
		int want;
	} t[] = {
	    {"nothing", STR_INIT(""), 0},
	    {"a status", STR_INIT("+OK\r\n"), 1},
	    {"half a line", STR_INIT("+OK\r"), 0},
	    {"no carriage return", STR_INIT("+OK\n"), AVER_SYNTAX},
	    {"another protocol", STR_INIT("HTTP/1.1 200 OK\r\n"), AVER_SYNTAX},
	    {"RESP 3", STR_INIT("%1\r\n"), AVER_SYNTAX},
	    {"a bulk", STR_INIT("$3\r\nab\n\r\n"), 1},
	    {"half a bulk", STR_INIT("$3\r\nab\n\r"), 0},
	    {"a huge bulk", STR_INIT("$9223372036854775807\r\n"), AVER_LIMIT},
	    {"above the maximum", STR_INIT("$1000\r\n"), AVER_LIMIT},
	    {"a negative bulk", STR_INIT("$-2\r\n"), AVER_SYNTAX},
	    {"no number", STR_INIT("$x\r\n"), AVER_SYNTAX},
	    {"an array", STR_INIT("*2\r\n:1\r\n$-1\r\n"), 1},
	    {"half an array", STR_INIT("*2\r\n:1\r\n"), 0},
	    {"a huge array", STR_INIT("*1048577\r\n"), AVER_LIMIT},
	    {"no array", STR_INIT("*-1\r\n"), 1},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct resp_scan scan = {.started = false};

		is_int(resp_scan(&scan, t[i].s, 999), t[i].want, t[i].name);
	}
}

static void
reads(void)
{
	static const struct str bad[] = {STR_INIT(""), STR_INIT("$3\r\nabcd\r"),
	    STR_INIT("*2\r\n:1\r\n"), STR_INIT(":1\r\n:2\r\n"),
	    STR_INIT("*1000\r\n:1\r\n"),
	    STR_INIT("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n")};
	struct arena a;
	struct resp r;

	arena_init(&a, 1 << 16);
	is_int(
	    resp_read(STR("*3\r\n$1\r\nx\r\n:-7\r\n*1\r\n-ERR no\r\n"), &a, &r),
	    0, "an array");
	ok(r.type == RESP_ARRAY && r.n == 3 && r.items[1].number == -7 &&
		r.items[2].n == 1 && r.items[2].items[0].type == RESP_ERROR,
	    "with all in it");
	is_str(r.items[2].items[0].s, STR("ERR no"), "an error");
	is_str(r.items[0].s, STR("x"), "a bulk");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(resp_read(bad[i], &a, &r) < 0, "malformed %zu", i);
	arena_fini(&a);
}

/* What is wrong is told, and no more. */
static void
half_a_login(void)
{
	struct redis_spec s;
	struct diag d = {.text = ""};

	is_int(redis_spec_parse(
		   STR("redis-sentinel://mx:s3cret@h/m?sentinel_user=watch"),
		   &s, &d),
	    AVER_CONF, "a user of Sentinel without a password");
	is_str(str_from_z(d.text),
	    STR("store: a sentinel_user without a sentinel_password_file"),
	    "is told");
}

int
main(void)
{
	good_specs();
	bad_specs();
	half_a_login();
	scans();
	reads();
	return tap_done();
}
