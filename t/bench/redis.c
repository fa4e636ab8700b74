/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the store costs on a Redis or Valkey server of its own, on a socket:
 *
 *	distinct	ROWS different rows of 10 000 domains over a day
 *	mix		EVALUATIONS through the recorder, as a milter adds them
 *	processes	the same by one process and by four at once
 *	ten hosts	the same in the small batches of 1000 messages a second
 *	domain		ROWS of one domain, read for a report
 *
 * The mix: 10 000 policy domains of which the i-th most frequent has 1/i of the
 * first one's mail; 1 to 5 addresses each send in equal parts; of their
 * messages 85 % pass, 10 % fail DKIM, 5 % fail all and are refused; one hour.
 * Both without and with an append-only file. REDIS_CONFIG is added to the
 * server's configuration. Usage: redis DIR ROWS EVALUATIONS
 */
#include <sys/resource.h>
#include <time.h>

#include "lib/store/recorder.h"
#include "lib/store/redis_link.h"
#include "lib/store/take.h"
#include "t/unit/redis_server.h"

#define DOMAINS 10000u
#define SOURCES 5u
#define KINDS 3u
#define BATCH 4096u
#define HOUR 3600
#define NOON ((int64_t)1764072000)

static void
must(int err, const struct diag *d)
{
	if (!err)
		return;
	fprintf(stderr, "%s\n", d->text);
	exit(1);
}

/* --- the server */

struct bench {
	struct redis_server server;
	struct redis_link link;
	char dir[400], spec[800];
	unsigned long rows, evaluations;
	struct evaluation_text *texts;
	double *shares; /* of the domains, added up */
};

static struct str
say(struct bench *b, const char *command)
{
	struct str reply = STR_NONE;
	char text[200];
	int n = snprintf(text, sizeof(text), "%s\r\n", command);
	struct diag d;

	redis_link_start(&b->link, 60000);
	must(redis_link_send(&b->link, (struct str){text, (size_t)n}, &d), &d);
	must(redis_link_reply(&b->link, &reply, &d), &d);
	return reply;
}

/* A number of INFO. */
static double
info(struct bench *b, const char *name)
{
	struct str reply = say(b, "INFO");
	size_t n = strlen(name);

	for (size_t i = 0; i + n + 1 < reply.n; i++)
		if (reply.p[i] == '\n' && reply.p[i + n + 1] == ':' &&
		    memcmp(reply.p + i + 1, name, n) == 0)
			return strtod(reply.p + i + n + 2, NULL);
	return 0;
}

static void
start(struct bench *b, bool file)
{
	const char *more = getenv("REDIS_CONFIG");
	struct redis_spec spec;
	char text[160];
	struct diag d;

	b->server = redis_server_start(b->dir);
	if (!b->server.pid) {
		printf("redis-server is missing\n");
		exit(0);
	}
	snprintf(b->spec, sizeof(b->spec),
	    "unix:%s?timeout=5000&command_timeout=60000&lease=60000",
	    b->server.path);
	must(redis_spec_parse(str_from_z(b->spec), &spec, &d), &d);
	redis_link_init(&b->link);
	must(redis_link_open(&b->link, &spec, NULL, NULL, &d), &d);
	/* what a run that was killed left */
	say(b, "FLUSHALL");
	if (!file)
		say(b, "CONFIG SET appendonly no");
	if (more) {
		snprintf(text, sizeof(text), "CONFIG SET %s", more);
		say(b, text);
	}
}

static void
stop(struct bench *b)
{
	say(b, "FLUSHALL");
	redis_link_fini(&b->link);
	redis_server_stop(&b->server);
}

/* --- figures */

struct lap {
	double wall, own, thread, server, memory, octets;
};

static double
seconds(clockid_t id)
{
	struct timespec t = {0, 0};

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
children(void)
{
	struct rusage r;

	getrusage(RUSAGE_CHILDREN, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static struct lap
now(struct bench *b)
{
	clockid_t id;

	if (clock_getcpuclockid(b->server.pid, &id) != 0)
		id = CLOCK_MONOTONIC;
	return (struct lap){.wall = seconds(CLOCK_MONOTONIC),
	    .own = seconds(CLOCK_PROCESS_CPUTIME_ID) + children(),
	    .thread = seconds(CLOCK_THREAD_CPUTIME_ID),
	    .server = seconds(id),
	    .memory = info(b, "used_memory"),
	    .octets = info(b, "total_net_input_bytes")};
}

/* thread: what this thread did is not the writer's. */
static void
tell(struct bench *b, const char *what, const struct lap *from, unsigned long n,
    bool thread)
{
	struct lap t = now(b);
	double wall = t.wall - from->wall, k = 1000 / (double)n;
	double own = t.own - from->own - (thread ? t.thread - from->thread : 0);
	double server = t.server - from->server;

	printf("%-26s %8lu  %7.0f/s; CPU of 1000: client %6.2f ms, server "
	       "%6.2f ms: %7.0f/s if neither waits; %4.0f octets sent each\n",
	    what, n, (double)n / wall, own * k * 1000, server * k * 1000,
	    (double)n / (own > server ? own : server),
	    (t.octets - from->octets) / (double)n);
	fflush(stdout);
}

/* --- evaluations */

struct evaluation_text {
	char domain[24];
	unsigned sources;
	struct {
		uint16_t n;
		char p[254];
	} octets[SOURCES][KINDS];
};

static void
encode(struct evaluation_text *t, unsigned i, unsigned source, unsigned kind)
{
	const uint8_t ip[4] = {192, 0, (uint8_t)(i % 256), (uint8_t)source};
	struct str domain = str_from_z(t->domain);
	char selector[16];
	struct evaluation e = {.policy_domain = domain,
	    .p = DMARC_POLICY_REJECT,
	    .fo = DMARC_FO_0,
	    .source_ip = ip_from_bytes(IP_V4, ip),
	    .header_from = domain,
	    .envelope_from = domain,
	    .envelope_to = STR("receiver.example"),
	    .disposition = kind == 2 ? EVAL_DISP_REJECT : EVAL_DISP_PASS,
	    .dkim_aligned = kind == 0,
	    .spf_aligned = kind < 2,
	    .n_dkim = 1,
	    .has_spf = true,
	    .spf_domain = domain,
	    .spf_result = kind < 2 ? SPF_PASS : SPF_FAIL};
	struct buf b;

	snprintf(selector, sizeof(selector), "s%u", i % 7);
	e.dkim[0] = (struct eval_dkim){
	    domain, str_from_z(selector), kind == 0 ? DKIM_PASS : DKIM_FAIL};
	buf_init(&b, NULL, sizeof(t->octets[0][0].p));
	evaluation_encode(&b, &e);
	t->octets[source][kind].n = (uint16_t)b.n;
	memcpy(t->octets[source][kind].p, buf_str(&b).p, b.n);
	buf_fini(&b);
}

static void
make_texts(struct bench *b)
{
	double sum = 0;

	b->texts = calloc(DOMAINS, sizeof(*b->texts));
	b->shares = calloc(DOMAINS, sizeof(*b->shares));
	if (!b->texts || !b->shares)
		exit(1);
	for (unsigned i = 0; i < DOMAINS; i++) {
		struct evaluation_text *t = &b->texts[i];

		snprintf(t->domain, sizeof(t->domain), "mail%04u.example", i);
		t->sources = 1 + i * 7919u % SOURCES;
		for (unsigned s = 0; s < t->sources; s++)
			for (unsigned k = 0; k < KINDS; k++)
				encode(t, i, s, k);
		sum += 1 / (double)(i + 1);
		b->shares[i] = sum;
	}
	for (unsigned i = 0; i < DOMAINS; i++)
		b->shares[i] /= sum;
}

static unsigned
next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33);
}

static struct evaluation_text *
any_domain(struct bench *b, uint64_t *seed)
{
	double x = (double)next_random(seed) / 2147483648.0;
	unsigned low = 0, high = DOMAINS - 1;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (b->shares[mid] < x)
			low = mid + 1;
		else
			high = mid;
	}
	return &b->texts[low];
}

/* --- distinct rows */

struct names {
	char octets[BATCH][256];
};

static void
distinct(
    struct bench *b, const char *what, unsigned long rows, unsigned domains)
{
	static struct store_evaluation batch[BATCH];
	static struct names names;
	struct lap from;
	struct store *s;
	struct diag d;
	uint64_t seq = 0;

	must(store_open(b->spec, STORE_WRITE, &s, &d), &d);
	from = now(b);
	for (unsigned long n = 0; n < rows;) {
		size_t k = 0;

		for (; k < BATCH && n < rows; k++, n++) {
			const struct evaluation_text *t =
			    &b->texts[n % domains];
			size_t size = t->octets[0][0].n;

			memcpy(names.octets[k], t->octets[0][0].p, size);
			/* the address: each row has its own */
			memcpy(names.octets[k] + 6, &n, 4);
			batch[k] = (struct store_evaluation){
			    .hour = NOON + HOUR * (int64_t)(n * 24 / rows),
			    .policy_domain = str_from_z(t->domain),
			    .octets = {names.octets[k], size},
			    .count = 1};
		}
		must(store_add_evaluations(
			 s, STR("distinct"), ++seq, batch, k, &d),
		    &d);
	}
	tell(b, what, &from, rows, false);
	printf("%-26s %8.0f octets of memory each\n", "",
	    (info(b, "used_memory") - from.memory) / (double)rows);
	store_close(s);
}

/* --- the mix, through the recorder */

static struct recorder *
open_recorder(struct bench *b, unsigned who)
{
	char name[16];
	const struct recorder_config c = {.store = b->spec,
	    .directory = b->dir,
	    .name = name,
	    .ring_size = (size_t)32 << 20,
	    .batch_ms = 250,
	    .spool_max = (size_t)1 << 30,
	    .close_ms = 60000,
	    .known_days = 90};
	struct recorder *r;
	struct diag d;

	snprintf(name, sizeof(name), "bench%u", who);
	must(recorder_open(&c, &r, &d), &d);
	return r;
}

static void
add_mix(struct bench *b, struct recorder *r, uint64_t seed, unsigned long n)
{
	struct recorder_ticket ticket;
	struct recorder_stats stats;
	struct diag d = {.text = "a record was lost"};

	for (unsigned long i = 0; i < n; i++) {
		struct evaluation_text *t = any_domain(b, &seed);
		unsigned source = next_random(&seed) % t->sources;
		unsigned x = next_random(&seed) % 100;
		unsigned kind = x < 85 ? 0 : x < 95 ? 1 : 2;
		uint8_t print[RECORDER_FINGERPRINT] = {0};

		memcpy(print, &i, sizeof(i));
		must(recorder_add(r, NOON, str_from_z(t->domain),
			 (struct str){t->octets[source][kind].p,
			     t->octets[source][kind].n},
			 false, print, &ticket),
		    &d);
		recorder_confirm(r, &ticket);
		recorder_stats(r, &stats);
		while (i % 1000 == 0 && stats.queued > 60000) {
			usleep(500);
			recorder_stats(r, &stats);
		}
	}
	do {
		usleep(500);
		recorder_stats(r, &stats);
	} while (stats.committed < n && stats.commit_failures == 0);
	if (stats.commit_failures || stats.lost) {
		fprintf(stderr, "the store did not take all\n");
		exit(1);
	}
	printf("%-26s %8lu commands, one for %.0f evaluations\n", "",
	    (unsigned long)stats.commits, (double)n / (double)stats.commits);
	fflush(stdout);
}

static void
mix(struct bench *b)
{
	struct recorder *r = open_recorder(b, 0);
	struct lap from = now(b);

	add_mix(b, r, 1, b->evaluations);
	tell(b, "mix, one writer", &from, b->evaluations, true);
	recorder_close(r);
}

/* What a process of its own adds; their work counts as the client's. */
static void
several(struct bench *b, unsigned writers)
{
	unsigned long each = b->evaluations / writers;
	struct lap from;
	char what[64];

	say(b, "FLUSHALL");
	from = now(b);
	for (unsigned i = 0; i < writers; i++) {
		fflush(stdout);
		if (fork() == 0) {
			struct recorder *r = open_recorder(b, i + 10);

			add_mix(b, r, i + 1, each);
			recorder_close(r);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < writers; i++)
		wait(NULL);
	snprintf(what, sizeof(what), "mix, %u processes", writers);
	tell(b, what, &from, each * writers, false);
}

/*
 * As ten hosts with 1000 messages a second in all: each has 25 of them in the
 * 250 ms after which it writes.
 */
static void
ten_hosts(struct bench *b)
{
	struct store *stores[10];
	struct store_evaluation batch[25];
	unsigned long commands = b->evaluations / 25;
	uint64_t seed = 5;
	struct lap from;
	struct diag d;
	char name[16];

	say(b, "FLUSHALL");
	for (unsigned i = 0; i < 10; i++)
		must(store_open(b->spec, STORE_WRITE, &stores[i], &d), &d);
	from = now(b);
	for (unsigned long n = 0; n < commands; n++) {
		for (unsigned k = 0; k < 25; k++) {
			struct evaluation_text *t = any_domain(b, &seed);
			unsigned source = next_random(&seed) % t->sources;

			batch[k] = (struct store_evaluation){.hour = NOON,
			    .policy_domain = str_from_z(t->domain),
			    .octets = {t->octets[source][0].p,
				t->octets[source][0].n},
			    .count = 1};
		}
		snprintf(name, sizeof(name), "host%lu", n % 10);
		must(store_add_evaluations(stores[n % 10], str_from_z(name),
			 n + 1, batch, 25, &d),
		    &d);
	}
	tell(b, "ten hosts, 25 in each", &from, commands * 25, false);
	for (unsigned i = 0; i < 10; i++)
		store_close(stores[i]);
}

/* --- one domain */

static int
count_row(void *arg, const struct store_take_row *row)
{
	*(uint64_t *)arg += row->count;
	return 0;
}

/*
 * The longest command since SLOWLOG RESET, in milliseconds of the wall clock:
 * on a busy machine that is mostly the time of others.
 */
static double
longest(struct bench *b)
{
	struct arena a;
	struct resp r;
	int64_t most = 0;

	arena_init(&a, 1 << 24);
	if (resp_read(say(b, "SLOWLOG GET 1000"), &a, &r) == 0 &&
	    r.type == RESP_ARRAY)
		for (size_t i = 0; i < r.n; i++)
			if (r.items[i].n > 2 &&
			    r.items[i].items[2].number > most)
				most = r.items[i].items[2].number;
	arena_fini(&a);
	say(b, "SLOWLOG RESET");
	return (double)most / 1000;
}

static void
domain(struct bench *b)
{
	struct store_take *t;
	struct store *s;
	struct lap from;
	struct diag d;
	uint64_t n = 0;

	say(b, "FLUSHALL");
	say(b, "CONFIG SET slowlog-log-slower-than 500");
	say(b, "CONFIG SET slowlog-max-len 1000");
	say(b, "SLOWLOG RESET");
	distinct(b, "one domain: add", b->rows, 1);
	printf("%-26s longest command %.1f ms\n", "", longest(b));
	must(store_open(b->spec, STORE_WRITE, &s, &d), &d);
	from = now(b);
	must(store_take_begin(s, LEDGER_DMARC, str_from_z(b->texts[0].domain),
		 0, INT64_MAX, 0, &t, &d),
	    &d);
	must(store_take_each(t, count_row, &n, &d), &d);
	tell(b, "one domain: first walk", &from, b->rows, false);
	from = now(b);
	must(store_take_each(t, count_row, &n, &d), &d);
	tell(b, "one domain: second walk", &from, b->rows, false);
	must(store_take_commit(t, &d), &d);
	printf("%-26s longest command %.1f ms\n", "", longest(b));
	store_close(s);
	if (n != 2 * b->rows)
		exit(1);
}

int
main(int argc, char **argv)
{
	static struct bench b;

	if (argc != 4) {
		fprintf(stderr, "usage: redis DIR ROWS EVALUATIONS\n");
		return 2;
	}
	snprintf(b.dir, sizeof(b.dir), "%s", argv[1]);
	b.rows = strtoul(argv[2], NULL, 10);
	b.evaluations = strtoul(argv[3], NULL, 10);
	make_texts(&b);
	for (int file = 0; file < 2; file++) {
		start(&b, file);
		printf("%s\n", file ? "With an append-only file"
				    : "Without an append-only file");
		distinct(&b, "distinct rows", b.rows, DOMAINS);
		say(&b, "FLUSHALL");
		mix(&b);
		if (!file) {
			several(&b, 1);
			several(&b, 4);
			ten_hosts(&b);
			domain(&b);
		}
		stop(&b);
	}
	free(b.texts);
	free(b.shares);
	return 0;
}
