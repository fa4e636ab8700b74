/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A store on Redis as older programs left it, made anew by the first who opens
 * it to record or to change what is there: nothing is lost and nothing of the
 * old keys stays.
 */
#include "lib/store/redis_link.h"
#include "lib/store/take.h"
#include "lib/store/tls_result.h"
#include "t/unit/store_backend.h"

#define HOUR 3600
#define DAY 86400
#define EVER ((int64_t)1 << 40)
#define MANY 1203 /* rows of a set: three steps */

struct server {
	struct redis_spec spec;
	struct redis_link link;
};

static void
open_server(struct server *s, const char *spec)
{
	struct diag d;

	redis_link_init(&s->link);
	if (redis_spec_parse(str_from_z(spec), &s->spec, &d) ||
	    redis_link_open(&s->link, &s->spec, NULL, NULL, &d)) {
		printf("Bail out! %s\n", d.text);
		exit(99);
	}
}

/* Sends an inline command; its reply stays until the next one. */
static struct str
say(struct server *s, const char *fmt, ...)
{
	struct str reply = STR_NONE;
	char text[2000];
	va_list ap;
	struct diag d;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text) - 2, fmt, ap);
	va_end(ap);
	memcpy(text + n, "\r\n", 2);
	redis_link_start(&s->link, 5000);
	if (redis_link_send(&s->link, (struct str){text, (size_t)n + 2}, &d) ||
	    redis_link_reply(&s->link, &reply, &d) || reply.p[0] == '-') {
		printf("Bail out! %s: %.*s\n", text, STRF(reply));
		exit(99);
	}
	return reply;
}

static void
add_evaluations(struct server *s)
{
	say(s, "ZADD {old}:E 0 a.example 0 b.example");
	/* 10:00: taken by somebody who is gone, and some that came later */
	say(s, "HSET {old}:ec:a.example 36000fn 7 36000fo 1 36000ln 5 39600ln "
	       "2 43200lo 4");
	say(s, "HSET {old}:el:a.example 36000f ntwo 36000l none 39600l ntwo "
	       "43200l ozero");
	say(s, "ZADD {old}:e:f:36000:n:a.example 3 one 4 two");
	say(s, "ZADD {old}:e:f:36000:o:a.example 1 one");
	say(s, "ZADD {old}:e:l:36000:n:a.example 5 one");
	say(s, "ZADD {old}:e:l:39600:n:a.example 2 two");
	say(s, "ZADD {old}:e:l:43200:o:a.example 4 \"ze\\x00ro\"");
	say(s, "HSET {old}:el:a.example 43200l \"oze\\x00ro\"");
	say(s, "HSET {old}:ec:b.example 36000ln %d", MANY);
	say(s, "HSET {old}:el:b.example 36000l nr1001");
	for (int i = 0; i < MANY; i++)
		say(s, "ZADD {old}:e:l:36000:n:b.example 1 r%d", i);
}

static void
add_results(struct server *s)
{
	/* policy, recipient, detail: each ends in NUL and 1 */
	const char *x = "\"p\\x00\\x01r\\x00\\x01x\\x00\\x01\"";
	const char *y = "\"p\\x00\\x01r\\x00\\x01y\\x00\\x01\"";

	say(s, "ZADD {old}:T 0 t.example");
	say(s, "HSET {old}:tc:t.example 0lns 10 0lnf 2 0los 1 0lof 0");
	say(s, "HSET {old}:tl:t.example 0l \"np\\x00\\x01r\\x00\\x01x\\x00\\x01"
	       "\"");
	say(s, "ZADD {old}:t:l:0:ns:t.example 10 %s 0 %s", x, y);
	say(s, "ZADD {old}:t:l:0:nf:t.example 0 %s 2 %s", x, y);
	say(s, "ZADD {old}:t:l:0:os:t.example 1 %s", x);
	say(s, "ZADD {old}:t:l:0:of:t.example 0 %s", x);
}

static int
print_evaluation(void *arg, const struct store_evaluation *row)
{
	buf_addf(arg, "%.*s %lld %c ", STRF(row->policy_domain),
	    (long long)row->hour / HOUR, row->optional ? 'o' : 'n');
	for (size_t i = 0; i < row->octets.n; i++)
		buf_add_c(arg, row->octets.p[i] ? row->octets.p[i] : '0');
	buf_addf(arg, " %llu\n", (unsigned long long)row->count);
	return 0;
}

static int
print_result(void *arg, const struct store_tls_result *row)
{
	buf_addf(arg, "%.*s %lld %s %.*s %.*s %.*s %llu/%llu\n",
	    STRF(row->policy_domain), (long long)row->day,
	    row->wanted ? "wanted" : "not", STRF(row->policy),
	    STRF(row->recipient_domain), STRF(row->detail),
	    (unsigned long long)row->success, (unsigned long long)row->failure);
	return 0;
}

static int
print_due(void *arg, const struct store_due *due)
{
	buf_addf(arg, "%.*s %lld-%lld %llu %llu %llu\n",
	    STRF(due->policy_domain), (long long)due->first,
	    (long long)due->last, (unsigned long long)due->rows,
	    (unsigned long long)due->messages,
	    (unsigned long long)due->optional);
	return 0;
}

static void
is_all_there(struct store *s)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_each_evaluation(
		   s, STR("a.example"), 0, EVER, print_evaluation, &b, NULL),
	    0, "evaluations");
	is_text(&b,
	    "a.example 10 n one 8\na.example 10 n two 4\n"
	    "a.example 10 o one 1\na.example 11 n two 2\n"
	    "a.example 12 o ze0ro 4\n",
	    "are there, those of a take that ended too");
	is_int(store_each_due(
		   s, LEDGER_DMARC, STR_NONE, EVER, print_due, &b, NULL),
	    0, "due");
	is_text(&b,
	    "a.example 36000-43200 5 19 5\n"
	    "b.example 36000-36000 1203 1203 0\n",
	    "are the same sums");
	is_int(
	    store_each_tls_result(s, STR_NONE, 0, EVER, print_result, &b, NULL),
	    0, "TLS results");
	is_text(&b,
	    "t.example 0 not p r x 1/0\nt.example 0 wanted p r x 10/0\n"
	    "t.example 0 wanted p r y 0/2\n",
	    "are there");
	is_int(
	    store_each_due(s, LEDGER_TLS, STR_NONE, EVER, print_due, &b, NULL),
	    0, "due");
	is_text(&b, "t.example 0-0 3 13 1\n", "are the same sums");
	buf_fini(&b);
}

static void
is_last(struct store *s, const char *domain, int64_t to, struct str want)
{
	struct store_take_row row;
	struct store_take *t;
	struct arena a;
	struct diag d;

	arena_init(&a, 1 << 16);
	is_int(store_take_begin(
		   s, LEDGER_DMARC, str_from_z(domain), 0, to, 0, &t, &d),
	    0, "a take, though somebody held one");
	is_int(store_take_last(t, &a, &row, &d), 0, "its last row");
	is_str(row.octets, want, "is the one of the old store");
	store_take_abort(t);
	arena_fini(&a);
}

static void
made_anew(const char *spec, enum store_mode mode)
{
	struct store_fence fence = {.token = 1};
	struct server server;
	struct store *s;
	struct diag d = {.text = ""};
	struct str keys;
	uint64_t seq = 0;

	open_server(&server, spec);
	say(&server, "SET {old}:v 1");
	say(&server, "SET {old}:s:ring 00000000000000000007");
	say(&server, "SET {old}:q:e:a.example somebody");
	add_evaluations(&server);
	add_results(&server);
	is_int(store_open(spec, STORE_READ, &s, &d), AVER_TEMP,
	    "a reader waits for somebody who may write");
	ok(strstr(d.text, "version 1"), "and says so: %s", d.text);
	s = store_now(spec, mode);
	is_all_there(s);
	is_last(s, "a.example", EVER, STR("ze\0ro"));
	is_last(s, "a.example", 11 * HOUR, STR("one"));
	is_last(s, "b.example", EVER, STR("r1001"));
	store_close(s);
	s = store_now(spec, STORE_READ);
	store_close(s);
	keys = say(&server, "GET {old}:v");
	is_str(keys, STR("$1\r\n2\r\n"), "it has the new version");
	keys = say(&server, "GET {old}:s:ring");
	is_str(keys, STR("$20\r\n00000000000000000007\r\n"),
	    "what was committed is not forgotten");
	s = store_now(spec, STORE_WRITE);
	is_int(store_fence_source(s, STR("ring"), &fence, &seq, NULL), 0,
	    "the source gets an owner");
	ok(seq == 7 && fence.number == 1, "the first one");
	store_close(s);
	keys = say(&server, "KEYS {old}:[eEtT]*");
	is_str(keys, STR("*0\r\n"), "nothing old is left");
	redis_link_fini(&server.link);
}

static void
recorded(const char *spec)
{
	made_anew(spec, STORE_WRITE);
}

static void
changed(const char *spec)
{
	made_anew(spec, STORE_CHANGE);
}

int
main(void)
{
	on_redis("old", recorded);
	on_redis("old", changed);
	return tap_done();
}
