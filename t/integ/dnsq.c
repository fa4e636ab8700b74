/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Asks the libunbound back end and prints what it says, for dns.t:
 *
 *   dnsq [-s SERVER]... [-d auto|validate|off] [-a ANCHOR] [-t TIMEOUT_MS]
 *        [-c CACHE_ENTRIES] [-n TIMES] [-j THREADS] [-w DEADLINE_MS] [-T]
 *        [NAME TYPE]...
 *
 * One line an answer: NAME TYPE STATUS SECURITY TTL RDATA|RDATA... = CANONICAL
 * (WHY).
 * -T prints the self test first, -n asks all questions TIMES times and prints
 * the last answers and the rate. NAME "-" reads "NAME TYPE" lines from the
 * standard input, each answered before the next is read. -j asks from many
 * threads: each one all questions TIMES times, every third time with a label
 * of its own before the name; printed is how many had which status.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/dns/dns.h"
#include "lib/dns/dns_unbound.h"
#include "lib/dns/rdata.h"

#define SERVERS_MAX 8
#define THREADS_MAX 64

static const char *const dnssec_words[] = {
    [DNS_DNSSEC_AUTO] = "auto",
    [DNS_DNSSEC_VALIDATE] = "validate",
    [DNS_DNSSEC_OFF] = "off",
};

struct options {
	struct dns_unbound_config cfg;
	const char *servers[SERVERS_MAX];
	int times, threads, deadline_ms;
	bool selftest;
};

static int
usage(void)
{
	fprintf(stderr, "usage: see the head of dnsq.c\n");
	return 2;
}

static uint16_t
type_of(const char *word)
{
	for (uint16_t type = 1; type < 256; type++)
		if (strcmp(dns_type_name(type), word) == 0)
			return type;
	return (uint16_t)strtoul(word, NULL, 10);
}

static void
print_answer(const char *name, uint16_t type, const struct dns_rrset *rr)
{
	struct dname canonical;
	struct buf b;

	buf_init(&b, NULL, 1 << 20);
	buf_addf(&b, "%s %s %s %s %lu", name, dns_type_name(type),
	    dns_status_name(rr->status), rr->secure ? "secure" : "insecure",
	    (unsigned long)rr->ttl);
	for (size_t i = 0; i < rr->n; i++) {
		buf_add_c(&b, i ? '|' : ' ');
		rdata_print(&b, type, rr->rdata[i]);
	}
	if (dname_from_wire(rr->canonical, &canonical, NULL)) {
		buf_add_z(&b, " = ");
		dname_print(&b, &canonical);
	}
	if (*rr->why)
		buf_addf(&b, " (%s)", rr->why);
	puts(buf_z(&b));
	fflush(stdout);
	buf_fini(&b);
}

static void
ask(struct dns_source *src, const char *text, const char *word, bool print)
{
	struct arena arena;
	struct dns d;
	struct dname name;
	const struct dns_rrset *rr;

	if (!dname_from_text(str_from_z(text), &name)) {
		printf("%s is no name\n", text);
		return;
	}
	arena_init(&arena, 1 << 20);
	dns_init(&d, src, &arena, clock_mono_ms() + 60000, 10);
	rr = dns_lookup(&d, &name, type_of(word));
	if (print)
		print_answer(text, type_of(word), rr);
	arena_fini(&arena);
}

static void
ask_lines(struct dns_source *src)
{
	char line[1024], name[512], type[32];

	while (fgets(line, sizeof(line), stdin))
		if (sscanf(line, "%511s %31s", name, type) == 2)
			ask(src, name, type, true);
}

struct asker {
	struct dns_source *src;
	const struct options *o;
	char **words;
	int n, number;
	pthread_t thread;
	unsigned counts[DNS_STATUS_COUNT];
};

static void *
ask_much(void *arg)
{
	struct asker *a = arg;

	for (int i = 0; i < a->o->times * (a->n / 2); i++) {
		const char *text = a->words[i * 2 % (a->n & ~1)];
		uint16_t type = type_of(a->words[i * 2 % (a->n & ~1) + 1]);
		char label[32];
		struct dname name;
		struct dns_rrset *rr;

		snprintf(label, sizeof(label), "t%dx%d", a->number, i);
		if (!dname_from_text(str_from_z(text), &name) ||
		    (i % 3 == 0 &&
			!dname_prepend(str_from_z(label), &name, &name)))
			break;
		if (i % 5 == 0 && a->src->ops->prefetch)
			a->src->ops->prefetch(a->src, &name, type);
		rr = a->src->ops->resolve(
		    a->src, &name, type, clock_mono_ms() + a->o->deadline_ms);
		a->counts[rr->status]++;
		dns_rrset_unref(rr);
	}
	return NULL;
}

static void
ask_from_threads(
    struct dns_source *src, const struct options *o, int n, char **words)
{
	static struct asker asker[THREADS_MAX];
	int64_t from = clock_mono_us();
	struct dns_stats st;

	for (int i = 0; i < o->threads; i++) {
		asker[i] = (struct asker){src, o, words, n, i, .counts = {0}};
		if (pthread_create(&asker[i].thread, NULL, ask_much, &asker[i]))
			exit(1);
	}
	for (int i = 0; i < o->threads; i++) {
		pthread_join(asker[i].thread, NULL);
		for (int s = 0; i && s < DNS_STATUS_COUNT; s++)
			asker[0].counts[s] += asker[i].counts[s];
	}
	for (int s = 0; s < DNS_STATUS_COUNT; s++)
		printf("%s %u ", dns_status_name((enum dns_status)s),
		    asker[0].counts[s]);
	printf("in %lld ms\n", (long long)(clock_mono_us() - from) / 1000);
	dns_unbound_stats(src, &st);
	printf("hits %llu misses %llu joined %llu timeouts %llu refused %llu "
	       "in flight %zu\n",
	    (unsigned long long)st.hits, (unsigned long long)st.misses,
	    (unsigned long long)st.joined, (unsigned long long)st.timeouts,
	    (unsigned long long)st.refused, st.in_flight);
}

static void
print_state(struct dns_source *src)
{
	struct dns_unbound_state state;
	const char *what;

	dns_unbound_get_state(src, &state);
	printf("state: %s: %s\n", state.validating ? "on" : "off", state.what);
	dns_unbound_selftest(src, &what);
	printf("selftest: %s\n", what);
}

static void
run(struct dns_source *src, const struct options *o, int n, char **words)
{
	int64_t from = clock_mono_us();

	if (o->selftest)
		print_state(src);
	if (n == 1 && strcmp(words[0], "-") == 0) {
		ask_lines(src);
		return;
	}
	if (o->threads) {
		ask_from_threads(src, o, n, words);
		return;
	}
	for (int t = 1; t <= o->times; t++)
		for (int i = 0; i + 1 < n; i += 2)
			ask(src, words[i], words[i + 1], t == o->times);
	if (o->times > 1)
		printf("%.3f us each\n",
		    (double)(clock_mono_us() - from) / (o->times * (n / 2)));
}

static bool
parse(int argc, char **argv, struct options *o)
{
	int c, word;

	while ((c = getopt(argc, argv, "s:d:a:t:c:n:j:w:T")) != -1) {
		if (c == 's' && o->cfg.n_servers < SERVERS_MAX) {
			o->servers[o->cfg.n_servers++] = optarg;
		} else if (c == 'd') {
			word = name_find(dnssec_words, 3, str_from_z(optarg));
			if (word < 0)
				return false;
			o->cfg.dnssec = (enum dns_dnssec)word;
		} else if (c == 'a') {
			o->cfg.trust_anchor = optarg;
		} else if (c == 't') {
			o->cfg.timeout_ms = (int)strtol(optarg, NULL, 10);
		} else if (c == 'c') {
			o->cfg.cache_entries = strtoul(optarg, NULL, 10);
		} else if (c == 'n') {
			o->times = (int)strtol(optarg, NULL, 10);
		} else if (c == 'j') {
			o->threads = (int)strtol(optarg, NULL, 10);
		} else if (c == 'w') {
			o->deadline_ms = (int)strtol(optarg, NULL, 10);
		} else if (c == 'T') {
			o->selftest = true;
		} else {
			return false;
		}
	}
	o->cfg.servers = o->servers;
	return o->threads >= 0 && o->threads <= THREADS_MAX;
}

int
main(int argc, char **argv)
{
	struct options o = {.cfg = {.dnssec = DNS_DNSSEC_OFF,
				.timeout_ms = 2000,
				.cache_entries = 1000,
				.max_ttl = 86400,
				.max_negative_ttl = 3600},
	    .times = 1};
	struct dns_source *src;
	struct diag d = {0};
	int err;

	if (!parse(argc, argv, &o))
		return usage();
	err = dns_unbound_open(&o.cfg, &src, &d);
	if (err) {
		printf("error: %s: %s\n", aver_err_name(err), d.text);
		return 1;
	}
	run(src, &o, argc - optind, argv + optind);
	dns_source_close(src);
	return 0;
}
