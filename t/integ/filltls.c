/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Fills a store with TLS results, for tests and benchmarks:
 *
 *	filltls STORE				rows from standard input
 *	filltls STORE DOMAINS SESSIONS DAY SEED	made-up ones
 *
 * A row is a line of words; "-" is nothing, and in STRINGS "_" is a space:
 *
 *	DAY POLICY-DOMAIN RECIPIENT-DOMAIN wanted|unwanted SUCCESS FAILURE
 *	TYPE DOMAIN STRING;STRING... MX,MX...
 *	[RESULT MX-HOST IP REASON]
 *
 * Made-up sessions go to d0.example, d1.example, ... in turn. Prints the
 * number of sessions.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/store/store.h"
#include "lib/store/tls_result.h"
#include "lib/tlsrpt/tlsrpt_codec.h"

#define BATCH 2000
#define MEMORY ((size_t)64 << 20)
#define LISTED 100

struct line {
	const char *word[14];
	size_t n;
};

static struct str
word(const struct line *l, size_t i)
{
	struct str s = str_from_z(i < l->n ? l->word[i] : "");

	return str_eq(s, STR("-")) ? STR_NONE : s;
}

static size_t
list(struct str text, char sep, struct str out[LISTED])
{
	size_t n = 0;

	while (text.n && n < LISTED)
		out[n++] = str_cut(text, sep, &text);
	return n;
}

static void
spaces(char *p)
{
	for (; *p; p++)
		if (*p == '_')
			*p = ' ';
}

static struct str
policy_of(struct arena *a, const struct line *l)
{
	struct str strings[LISTED], hosts[LISTED];
	struct tlsrpt_policy p = {.type = word(l, 6), .domain = word(l, 7)};
	struct buf b;

	p.n_strings = list(word(l, 8), ';', strings);
	p.n_mx_hosts = list(word(l, 9), ',', hosts);
	p.strings = strings;
	p.mx_hosts = hosts;
	buf_init(&b, a, STORE_TLS_POLICY_MAX);
	tlsrpt_policy_encode(&b, &p);
	return buf_str(&b);
}

static struct str
detail_of(struct arena *a, const struct line *l)
{
	struct tlsrpt_failure f = {.result_type = word(l, 10),
	    .receiving_mx_hostname = word(l, 11),
	    .receiving_ip = word(l, 12),
	    .reason_code = word(l, 13)};
	struct buf b;

	if (l->n < 11)
		return STR_NONE;
	buf_init(&b, a, STORE_TLS_DETAIL_MAX);
	tlsrpt_failure_encode(&b, &f);
	return buf_str(&b);
}

static void
make_row(
    struct arena *a, struct line *l, char *text, struct store_tls_result *row)
{
	char *rest = text, *w;

	l->n = 0;
	while (l->n < 14 && (w = strtok_r(rest, " \n", &rest)))
		l->word[l->n++] = w;
	if (l->n > 8)
		spaces((char *)l->word[8]);
	*row = (struct store_tls_result){
	    .day = strtoll(l->n ? l->word[0] : "0", NULL, 10),
	    .policy_domain = arena_dup(a, word(l, 1)),
	    .recipient_domain = arena_dup(a, word(l, 2)),
	    .wanted = str_eq(word(l, 3), STR("wanted")),
	    .success = strtoull(l->n > 4 ? l->word[4] : "0", NULL, 10),
	    .failure = strtoull(l->n > 5 ? l->word[5] : "0", NULL, 10),
	    .policy = policy_of(a, l),
	    .detail = detail_of(a, l)};
}

static int
from_input(struct store *s, uint64_t *total, struct diag *d)
{
	static struct store_tls_result rows[BATCH];
	static char text[65536];
	struct arena a;
	struct line l;
	size_t n;
	int err = 0;

	arena_init(&a, MEMORY);
	do {
		arena_reset(&a);
		for (n = 0; n < BATCH && fgets(text, sizeof(text), stdin);
		     n++) {
			make_row(&a, &l, text, &rows[n]);
			*total += rows[n].success + rows[n].failure;
		}
		if (n)
			err = store_add_tls_results(
			    s, STR("filltls"), 0, rows, n, d);
	} while (!err && n == BATCH);
	arena_fini(&a);
	return err;
}

/* splitmix64: the same numbers on every machine */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* One in four fails, in one of some ways. */
static void
make_up(struct arena *a, uint64_t domain, int64_t day, uint64_t r,
    struct store_tls_result *row)
{
	static const char *const results[] = {"certificate-expired",
	    "certificate-host-mismatch", "starttls-not-supported",
	    "validation-failure"};
	bool fails = r % 4 == 0;
	char text[1024];
	struct line l;

	snprintf(text, sizeof(text),
	    "%lld d%llu.example d%llu.example wanted %d %d sts d%llu.example "
	    "version:_STSv1;mode:_enforce;mx:_mx.d%llu.example;max_age:_86400 "
	    "mx.d%llu.example",
	    (long long)day, (unsigned long long)domain,
	    (unsigned long long)domain, !fails, fails,
	    (unsigned long long)domain, (unsigned long long)domain,
	    (unsigned long long)domain);
	if (fails)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    " %s mx%u.d%llu.example 192.0.2.%u reason-%u",
		    results[r / 4 % 4], (unsigned)(r / 16 % 3),
		    (unsigned long long)domain, (unsigned)(r / 64 % 8),
		    (unsigned)(r / 512 % 4));
	make_row(a, &l, text, row);
}

static int
made_up(struct store *s, char **argv, uint64_t *total, struct diag *d)
{
	static struct store_tls_result rows[BATCH];
	uint64_t domains = strtoull(argv[2], NULL, 10);
	uint64_t sessions = strtoull(argv[3], NULL, 10);
	uint64_t state = strtoull(argv[5], NULL, 10);
	int64_t day = strtoll(argv[4], NULL, 10);
	struct arena a;
	int err = 0;

	arena_init(&a, MEMORY);
	for (uint64_t i = 0; i < sessions && !err;) {
		size_t n = 0;

		arena_reset(&a);
		for (; n < BATCH && i < sessions; n++, i++)
			make_up(&a, i % domains, day, next_random(&state),
			    &rows[n]);
		err = store_add_tls_results(s, STR("filltls"), 0, rows, n, d);
	}
	arena_fini(&a);
	*total = sessions;
	return err;
}

int
main(int argc, char **argv)
{
	struct diag d = {{0}, 0};
	uint64_t total = 0;
	struct store *s;
	int err;

	if (argc != 2 && argc != 6) {
		fprintf(stderr, "usage: filltls STORE [DOMAINS SESSIONS DAY "
				"SEED]\n");
		return 2;
	}
	err = store_open(argv[1], STORE_WRITE, &s, &d);
	if (!err)
		err = argc == 2 ? from_input(s, &total, &d)
				: made_up(s, argv, &total, &d);
	if (err) {
		fprintf(stderr, "filltls: %s\n", d.text);
		return 1;
	}
	store_close(s);
	printf("%" PRIu64 "\n", total);
	return 0;
}
