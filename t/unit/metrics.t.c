/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include <pthread.h>

#include "lib/base/err.h"
#include "lib/metrics/metrics.h"
#include "lib/metrics/metrics_http.h"
#include "lib/metrics/metrics_listen.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { PLAIN, LABELS, GAUGE, SUMMARY, HISTOGRAM, FAMILIES };

static const struct metric_series pairs[] = {
    {{"a", "1"}}, {{"a", "2"}}, {{"q\"\\\n\x7f\xc3", ""}}};
static const uint64_t bounds[] = {200, 1000000, 2500000};

static const struct metric_family table[FAMILIES] = {
    [PLAIN] = {.name = "t_plain_total",
	.type = METRIC_COUNTER,
	.help = "Back\\slash, \"quote\",\nline."},
    [LABELS] = {.name = "t_labels_total",
	.type = METRIC_COUNTER,
	.help = "Two labels.",
	.label = {"one", "two"},
	.series = pairs,
	.n_series = COUNT(pairs)},
    [GAUGE] = {.name = "t_seconds",
	.type = METRIC_GAUGE,
	.seconds = true,
	.help = "A gauge."},
    [SUMMARY] = {.name = "t_summary_seconds",
	.type = METRIC_SUMMARY,
	.seconds = true,
	.help = "A summary."},
    [HISTOGRAM] = {.name = "t_histogram_seconds",
	.type = METRIC_HISTOGRAM,
	.seconds = true,
	.help = "A histogram.",
	.label = {"one", "two"},
	.series = pairs,
	.n_series = 1,
	.bounds = bounds,
	.n_bounds = COUNT(bounds)},
};

static const char *const fresh =
    "# HELP t_plain_total Back\\\\slash, \"quote\",\\nline.\n"
    "# TYPE t_plain_total counter\n"
    "t_plain_total 0\n"
    "# HELP t_labels_total Two labels.\n"
    "# TYPE t_labels_total counter\n"
    "t_labels_total{one=\"a\",two=\"1\"} 0\n"
    "t_labels_total{one=\"a\",two=\"2\"} 0\n"
    "t_labels_total{one=\"q\\\"\\\\\\n??\",two=\"\"} 0\n"
    "# HELP t_seconds A gauge.\n"
    "# TYPE t_seconds gauge\n"
    "t_seconds 0\n"
    "# HELP t_summary_seconds A summary.\n"
    "# TYPE t_summary_seconds summary\n"
    "t_summary_seconds_sum 0\n"
    "t_summary_seconds_count 0\n"
    "# HELP t_histogram_seconds A histogram.\n"
    "# TYPE t_histogram_seconds histogram\n"
    "t_histogram_seconds_bucket{one=\"a\",two=\"1\",le=\"0.0002\"} 0\n"
    "t_histogram_seconds_bucket{one=\"a\",two=\"1\",le=\"1\"} 0\n"
    "t_histogram_seconds_bucket{one=\"a\",two=\"1\",le=\"2.5\"} 0\n"
    "t_histogram_seconds_bucket{one=\"a\",two=\"1\",le=\"+Inf\"} 0\n"
    "t_histogram_seconds_sum{one=\"a\",two=\"1\"} 0\n"
    "t_histogram_seconds_count{one=\"a\",two=\"1\"} 0\n";

static struct metrics *
make(void)
{
	struct metrics *m = NULL;
	struct diag d = {{0}, 0};

	if (metrics_new(table, FAMILIES, &m, &d)) {
		printf("Bail out! %s\n", d.text);
		exit(1);
	}
	return m;
}

/* Does the output hold this line? */
static bool
has_line(struct metrics *m, const char *line)
{
	struct buf b;
	const char *at;
	size_t n = strlen(line);
	bool found = false;

	buf_init(&b, NULL, 65536);
	metrics_print(m, &b);
	for (at = buf_z(&b); !found && (at = strstr(at, line)); at++)
		found = at[n] == '\n' && (at == buf_z(&b) || at[-1] == '\n');
	if (!found)
		tap_quote("output", buf_str(&b));
	buf_fini(&b);
	return found;
}

static void
test_print(void)
{
	struct metrics *m = make();
	struct buf b;

	buf_init(&b, NULL, 65536);
	metrics_print(m, &b);
	is_str(buf_str(&b), str_from_z(fresh), "all series are there with 0");
	buf_fini(&b);
	buf_init(&b, NULL, 100);
	metrics_print(m, &b);
	ok(!buf_ok(&b), "what does not fit is a failure of the buffer");
	buf_fini(&b);
	metrics_free(m);
	metrics_free(NULL);
}

static void
test_values(void)
{
	struct metrics *m = make();
	static const char *const want[] = {
	    "t_plain_total 18446744073709551615",
	    "t_labels_total{one=\"a\",two=\"2\"} 7",
	    "t_labels_total{one=\"a\",two=\"1\"} 0",
	    "t_seconds 3.000001",
	    "t_summary_seconds_sum 1.5",
	    "t_summary_seconds_count 2",
	    "t_histogram_seconds_bucket{one=\"a\",two=\"1\",le=\"0.0002\"} 2",
	    "t_histogram_seconds_bucket{one=\"a\",two=\"1\",le=\"1\"} 3",
	    "t_histogram_seconds_bucket{one=\"a\",two=\"1\",le=\"2.5\"} 3",
	    "t_histogram_seconds_bucket{one=\"a\",two=\"1\",le=\"+Inf\"} 4",
	    "t_histogram_seconds_sum{one=\"a\",two=\"1\"} 2.500402",
	    "t_histogram_seconds_count{one=\"a\",two=\"1\"} 4",
	};

	metrics_set(m, PLAIN, 0, UINT64_MAX - 5);
	metrics_add(m, PLAIN, 0, 5);
	metrics_add(m, LABELS, 1, 3);
	metrics_add(m, LABELS, 1, 4);
	metrics_set(m, GAUGE, 0, 3000001);
	metrics_set_summary(m, SUMMARY, 0, 1, 1000000);
	metrics_observe(m, SUMMARY, 0, 500000);
	/* a bound belongs to its bucket */
	metrics_observe(m, HISTOGRAM, 0, 0);
	metrics_observe(m, HISTOGRAM, 0, 200);
	metrics_observe(m, HISTOGRAM, 0, 201);
	metrics_observe(m, HISTOGRAM, 0, 2500001);
	for (size_t i = 0; i < COUNT(want); i++)
		ok(has_line(m, want[i]), "%s", want[i]);
	metrics_free(m);
}

/* Wrong indices and wrong types change nothing. */
static void
test_misuse(void)
{
	struct metrics *m = make();
	struct buf b;

	for (size_t f = 0; f <= FAMILIES; f++) {
		bool value = f == PLAIN || f == LABELS || f == GAUGE;

		for (size_t s = value ? 3 : 0; s < 5; s++) {
			metrics_add(m, f, s, 1);
			metrics_set(m, f, s, 1);
		}
		metrics_observe(m, f, value ? 0 : 1, 1);
		metrics_set_summary(m, f, f == SUMMARY ? 1 : 0, 1, 1);
		metrics_add(m, f, SIZE_MAX, 1);
		metrics_observe(m, f, SIZE_MAX, 1);
	}
	metrics_add(m, SIZE_MAX, 0, 1);
	buf_init(&b, NULL, 65536);
	metrics_print(m, &b);
	is_str(buf_str(&b), str_from_z(fresh), "misuse changes nothing");
	buf_fini(&b);
	metrics_free(m);
}

static const uint64_t falling[] = {1, 1};
static const struct metric_series twice[] = {{{"x"}}, {{"y"}}, {{"x"}}};
static const struct metric_series half[] = {{{"x", NULL}}};

/* clang-format off */
static const struct {
	const char *name;
	struct metric_family families[2];
	size_t n;
	int want;
} tables[] = {
    {"no family", {{0}}, 0, 0},
    {"one", {{.name = "a", .help = ""}}, 1, 0},
    {"name missing", {{.help = ""}}, 1, AVER_BUG},
    {"name empty", {{.name = "", .help = ""}}, 1, AVER_BUG},
    {"name with a digit first", {{.name = "1a", .help = ""}}, 1, AVER_BUG},
    {"name with a hyphen", {{.name = "a-b", .help = ""}}, 1, AVER_BUG},
    {"name with a line feed", {{.name = "a\nb", .help = ""}}, 1, AVER_BUG},
    {"name twice",
	{{.name = "a", .help = ""}, {.name = "a", .help = ""}}, 2, AVER_BUG},
    {"no help", {{.name = "a"}}, 1, AVER_BUG},
    {"label without series",
	{{.name = "a", .help = "", .label = {"l"}}}, 1, AVER_BUG},
    {"series without label",
	{{.name = "a", .help = "", .series = twice, .n_series = 1}}, 1,
	AVER_BUG},
    {"bad label name",
	{{.name = "a", .help = "", .label = {"l="}, .series = twice,
	    .n_series = 1}}, 1, AVER_BUG},
    {"label without value",
	{{.name = "a", .help = "", .label = {"l", "k"}, .series = half,
	    .n_series = 1}}, 1, AVER_BUG},
    {"two series",
	{{.name = "a", .help = "", .label = {"l"}, .series = twice,
	    .n_series = 2}}, 1, 0},
    {"series twice",
	{{.name = "a", .help = "", .label = {"l"}, .series = twice,
	    .n_series = 3}}, 1, AVER_BUG},
    {"histogram without bounds",
	{{.name = "a", .help = "", .type = METRIC_HISTOGRAM}}, 1, AVER_BUG},
    {"bounds that do not ascend",
	{{.name = "a", .help = "", .type = METRIC_HISTOGRAM,
	    .bounds = falling, .n_bounds = 2}}, 1, AVER_BUG},
    {"counter with bounds",
	{{.name = "a", .help = "", .bounds = falling, .n_bounds = 1}}, 1,
	AVER_BUG},
};
/* clang-format on */

static void
test_tables(void)
{
	for (size_t i = 0; i < COUNT(tables); i++) {
		struct metrics *m = NULL;
		struct diag d = {{0}, 0};

		is_int(metrics_new(tables[i].families, tables[i].n, &m, &d),
		    tables[i].want, tables[i].name);
		ok(!m == !!tables[i].want && !*d.text == !tables[i].want,
		    "%s: %s", tables[i].name, d.text);
		metrics_free(m);
	}
}

static void
collect(struct metrics *m, void *arg)
{
	metrics_set(m, GAUGE, 0, ++*(uint64_t *)arg * 1000000);
}

static void
test_collectors(void)
{
	struct metrics *m = make();
	uint64_t calls = 0;
	int err = 0;

	for (int i = 0; i < METRICS_COLLECTORS_MAX && !err; i++)
		err = metrics_on_print(m, collect, &calls);
	is_int(err, 0, "collectors");
	is_int(
	    metrics_on_print(m, collect, &calls), AVER_LIMIT, "one too many");
	ok(has_line(m, "t_seconds 4"), "each is called for a print");
	ok(has_line(m, "t_seconds 8"), "and for the next one");
	metrics_free(m);
}

#define THREADS 4
#define ROUNDS 20000

static void *
count_much(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		metrics_add(arg, LABELS, 2, 1);
		metrics_observe(arg, HISTOGRAM, 0, (uint64_t)i);
	}
	return NULL;
}

static void
test_threads(void)
{
	struct metrics *m = make();
	pthread_t t[THREADS];
	int err = 0;

	for (int i = 0; i < THREADS; i++)
		err |= pthread_create(&t[i], NULL, count_much, m);
	is_int(err, 0, "threads");
	for (int i = 0; i < THREADS && !err; i++) {
		struct buf b;

		buf_init(&b, NULL, 65536);
		metrics_print(m, &b);
		buf_fini(&b);
	}
	for (int i = 0; i < THREADS && !err; i++)
		pthread_join(t[i], NULL);
	ok(has_line(m, "t_labels_total{one=\"q\\\"\\\\\\n??\",two=\"\"} "
		       "80000"),
	    "nothing is lost between threads");
	/* 4 * (0 + 1 + ... + 19999) microseconds */
	ok(has_line(m, "t_histogram_seconds_sum{one=\"a\",two=\"1\"} 799.96"),
	    "nor of the sum");
	ok(has_line(m, "t_histogram_seconds_count{one=\"a\",two=\"1\"} 80000"),
	    "nor of the count");
	metrics_free(m);
}

static const struct {
	const char *text;
	bool want;
	unsigned port;
	const char *ip;
} addresses[] = {
    {"127.0.0.1:9550", true, 9550, "127.0.0.1"},
    {"[::1]:9550", true, 9550, "::1"},
    {"0.0.0.0:1", true, 1, "0.0.0.0"},
    {"[::]:65535", true, 65535, "::"},
    {"", false, 0, NULL},
    {":", false, 0, NULL},
    {"127.0.0.1", false, 0, NULL},
    {"127.0.0.1:", false, 0, NULL},
    {"127.0.0.1:0", false, 0, NULL},
    {"127.0.0.1:65536", false, 0, NULL},
    {"127.0.0.1:95 50", false, 0, NULL},
    {"127.0.0.1:-1", false, 0, NULL},
    {":9550", false, 0, NULL},
    {"*:9550", false, 0, NULL},
    {"localhost:9550", false, 0, NULL},
    {"::1:9550", false, 0, NULL},
    {"[::1]9550", false, 0, NULL},
    {"[::1:9550", false, 0, NULL},
    {"[]:9550", false, 0, NULL},
    {"[127.0.0.1]:9550", false, 0, NULL},
    {"[fe80::1%eth0]:9550", false, 0, NULL},
    {"inet:127.0.0.1:9550", false, 0, NULL},
};

static void
test_addresses(void)
{
	for (size_t i = 0; i < COUNT(addresses); i++) {
		const char *text = addresses[i].text;
		struct ip ip = {0};
		uint16_t port = 0;
		bool good = metrics_listen_parse(str_from_z(text), &ip, &port);
		struct buf b;

		is_int(good, addresses[i].want, text);
		if (!good)
			continue;
		buf_init(&b, NULL, 64);
		ip_print(&b, &ip);
		is_str(buf_str(&b), str_from_z(addresses[i].ip), text);
		is_int(port, addresses[i].port, text);
		buf_fini(&b);
	}
}

static void
test_server(void)
{
	struct metrics *m = make();
	struct metrics_http_config cfg = {.listen = "", .metrics = m};
	struct metrics_http *h = (void *)m;
	struct diag d = {{0}, 0};

	is_int(metrics_http_open(&cfg, &h, &d), 0, "no address, no server");
	ok(!h, "and nothing to close");
	metrics_http_close(h);
	cfg.listen = "nowhere";
	h = (void *)m;
	is_int(metrics_http_open(&cfg, &h, &d), AVER_CONF, "a bad address");
	ok(!h && strstr(d.text, "nowhere"), "%s", d.text);
	/* of a network for documentation: no host has it (RFC 5737) */
	cfg.listen = "192.0.2.1:9550";
	is_int(metrics_http_open(&cfg, &h, &d),
	    metrics_http_built() ? AVER_IO : AVER_CONF, "not an address here");
	ok(!h && strstr(d.text, "192.0.2.1:9550"), "%s", d.text);
	metrics_free(m);
}

int
main(void)
{
	test_print();
	test_values();
	test_misuse();
	test_tables();
	test_collectors();
	test_threads();
	test_addresses();
	test_server();
	return tap_done();
}
