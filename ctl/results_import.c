/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/results_import.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/inforce.h"
#include "collect/log_time.h"
#include "collect/own_mail.h"
#include "collect/rows.h"
#include "ctl/tls_setup.h"
#include "ctl/usage.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/mac.h"
#include "lib/compat/compat.h"
#include "lib/store/store.h"
#include "lib/tlsrpt/postfix_log.h"
#include "lib/tlsrpt/tlsrpt_datagram.h"

#define CHUNK ((size_t)65536)
#define LINE_MAX_OCTETS (TLSRPT_DATAGRAM_MAX + 2)
#define BATCH_LINES 1000u
#define PROCESSES 4096u
#define PARSER_MEMORY ((size_t)24 << 20)
#define NAME_LETTERS 32
#define HOST_MAX 256

enum format { FORMAT_UNKNOWN, FORMAT_POSTFIX, FORMAT_DATAGRAMS };

struct import {
	const struct conf *conf;
	struct tls_options tls;
	enum format format;
	bool again;
	const char *path; /* NULL: standard input */

	FILE *f;
	char source[sizeof("import-") + NAME_LETTERS];
	uint64_t seq, done; /* batches; of an earlier run */
	struct tls_setup setup;
	struct store *store;
	struct tally *tally;
	struct arena memory, arena;
	struct postfix_log *parser;
	struct own_mail *own;
	char sender[HOST_MAX + 32];
	int64_t now;
	/* figures */
	uint64_t lines, sessions, bad, reported, rows, cut;
	struct diag first_bad;
};

enum option_id {
	OPT_FORMAT = 1,
	OPT_AGAIN,
};

static bool
set_format(struct import *m, const char *name)
{
	if (strcmp(name, "postfix") == 0)
		m->format = FORMAT_POSTFIX;
	else if (strcmp(name, "datagrams") == 0)
		m->format = FORMAT_DATAGRAMS;
	return m->format != FORMAT_UNKNOWN;
}

static bool
set_option(struct import *m, int id)
{
	switch (id) {
	case OPT_FORMAT:
		return set_format(m, optarg);
	case OPT_AGAIN:
		m->again = true;
		return true;
	default:
		return eval_source_set(&m->tls.source, id);
	}
}

static int
parse_options(int argc, char **argv, struct import *m)
{
	static const struct option longs[] = {
	    {"format", required_argument, NULL, OPT_FORMAT},
	    {"again", no_argument, NULL, OPT_AGAIN},
	    EVAL_SOURCE_LONGS,
	    {NULL, 0, NULL, 0},
	};
	int id;

	optind = 0; /* the main program has parsed its own options */
	while ((id = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!set_option(m, id))
			return usage_fail(stderr, "results",
			    id == '?' ? "" : "unknown format");
	if (eval_source_wrong(&m->tls.source))
		return usage_fail(
		    stderr, "results", eval_source_wrong(&m->tls.source));
	if (optind + 1 < argc)
		return usage_fail(stderr, "results", "one file at a time");
	if (optind < argc && strcmp(argv[optind], "-") != 0)
		m->path = argv[optind];
	return 0;
}

/* ---- the file ----------------------------------------------------------- */

/* Standard input is read twice too: it is put aside. */
static int
put_aside(struct import *m, FILE *in)
{
	char chunk[4096];
	size_t n;

	m->f = tmpfile();
	if (!m->f)
		return AVER_IO;
	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		if (fwrite(chunk, 1, n, m->f) != n)
			return AVER_IO;
	return ferror(in) || fseek(m->f, 0, SEEK_SET) ? AVER_IO : 0;
}

static int
open_file(struct import *m, FILE *in, struct diag *d)
{
	int err = 0;

	if (!m->path)
		err = put_aside(m, in);
	else if (!(m->f = fopen(m->path, "r")))
		err = AVER_IO;
	if (err)
		return diag_set(d, err, 0, "%s: %s",
		    m->path ? m->path : "standard input", strerror(errno));
	return 0;
}

/* Chained over the chunks, each with what came before as the key. */
static int
digest(struct import *m, struct diag *d)
{
	uint8_t mac[MAC_OCTETS] = {0};
	char *chunk = malloc(CHUNK);
	size_t n;
	bool good = chunk != NULL;

	while (good && (n = fread(chunk, 1, CHUNK, m->f)) > 0) {
		struct str key = {(const char *)mac, sizeof(mac)};
		uint8_t next[MAC_OCTETS];

		good = mac_sha256(key, (struct str){chunk, n}, next);
		memcpy(mac, next, sizeof(mac));
	}
	free(chunk);
	if (!good || ferror(m->f) || fseek(m->f, 0, SEEK_SET))
		return diag_set(d, AVER_IO, 0, "cannot read the file");
	memcpy(m->source, "import-", 7);
	mac_base32(mac, m->source + 7, NAME_LETTERS);
	m->source[7 + NAME_LETTERS] = '\0';
	return 0;
}

/* ---- recording ---------------------------------------------------------- */

static int
commit(struct import *m, struct diag *d)
{
	struct store_batch b;
	int err;

	memset(&b, 0, sizeof(b));
	b.source = str_from_z(m->source);
	b.seq = m->again ? 0 : ++m->seq;
	b.tls_results = tally_rows(m->tally, &b.n_tls_results);
	b.sightings = tally_sightings(m->tally, &b.n_sightings);
	m->rows += b.n_tls_results;
	err = store_add_batch(m->store, &b, d);
	tally_clear(m->tally);
	return err;
}

static void
on_event(void *arg, const struct postfix_event *e)
{
	struct import *m = arg;
	struct tlsrpt_policy p = {.type = STR_NONE};
	struct rows r = {.tally = m->tally,
	    .arena = &m->arena,
	    .wanted = !own_mail_is(m->own, e->queue_id)};

	/* aver-policyd has the datagram of that session */
	if (e->is_reported && *m->conf->tlsrpt_socket) {
		m->reported++;
		return;
	}
	if (!log_time(e->stamp, m->now, &r.time) || r.time < 0)
		r.time = m->now;
	if (e->kind != POSTFIX_EVENT_OFFER)
		inforce_ask(m->setup.engine, e->domain, e->mx, e->port,
		    tls_setup_deadline(&m->setup), &m->arena, &p);
	m->sessions += rows_of_event(&r, e, &p);
	m->cut += r.cut;
	arena_reset(&m->arena);
}

static void
on_datagram(struct import *m, struct str line)
{
	struct rows r = {.tally = m->tally,
	    .arena = &m->arena,
	    .time = m->now,
	    .wanted = true};
	struct tlsrpt_datagram g;
	struct diag d = {"d is no domain", 0};

	line = str_trim_fws(line);
	if (line.n == 0)
		return;
	if (tlsrpt_datagram_parse(&m->arena, line, &g, &d) ||
	    rows_of_datagram(&r, &g)) {
		if (!m->bad++)
			diag_set(&m->first_bad, 0, 0, "line %" PRIu64 ": %s",
			    m->lines, d.text);
	} else {
		m->sessions++;
		m->cut += r.cut + g.n_cut;
	}
	arena_reset(&m->arena);
}

static void
on_line(struct import *m, struct str line)
{
	m->lines++;
	if (m->format == FORMAT_UNKNOWN)
		m->format = str_starts(str_trim_fws(line), STR("{"))
				? FORMAT_DATAGRAMS
				: FORMAT_POSTFIX;
	if (m->format == FORMAT_DATAGRAMS) {
		on_datagram(m, line);
		return;
	}
	own_mail_line(m->own, line);
	postfix_log_line(m->parser, line);
}

/* One line at a time, whatever its length; false at the end. */
static bool
read_line(FILE *f, char *buf, struct str *line)
{
	size_t n = 0;
	int c;

	while ((c = getc_unlocked(f)) != EOF && c != '\n')
		if (n < LINE_MAX_OCTETS)
			buf[n++] = (char)c;
	*line = (struct str){buf, n};
	return c != EOF || n > 0;
}

static int
read_all(struct import *m, struct diag *d)
{
	char *buf = malloc(LINE_MAX_OCTETS);
	struct str line;
	int err = 0;

	if (!buf)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	while (!err && read_line(m->f, buf, &line)) {
		on_line(m, line);
		if (m->lines % BATCH_LINES == 0 || tally_is_full(m->tally))
			err = commit(m, d);
	}
	free(buf);
	if (!err && ferror(m->f))
		err = diag_set(d, AVER_IO, 0, "cannot read the file");
	return err ? err : commit(m, d);
}

/* ---- the command -------------------------------------------------------- */

static void
set_sender(struct import *m)
{
	const struct conf *c = m->conf;
	const char *set = *c->report_bounce_address ? c->report_bounce_address
						    : c->report_email;
	char host[HOST_MAX];

	if (!*set) {
		compat_hostname(host, sizeof(host));
		snprintf(
		    m->sender, sizeof(m->sender), "noreply-dmarc@%s", host);
		set = m->sender;
	}
	own_mail_init(m->own, str_from_z(set), c->recipient_delimiter[0]);
}

static int
prepare(struct import *m, struct diag *d)
{
	arena_init(&m->memory, PARSER_MEMORY);
	arena_init(&m->arena, TLS_ARENA + TLSRPT_DATAGRAM_MEMORY);
	m->now = clock_now();
	m->tally = tally_new();
	m->own = malloc(sizeof(*m->own));
	m->parser = postfix_log_new(&m->memory, PROCESSES, on_event, m);
	if (!m->tally || !m->own || !m->parser)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	set_sender(m);
	return 0;
}

static int
run(struct import *m, FILE *in, struct diag *d)
{
	int err = open_file(m, in, d);

	if (!err)
		err = digest(m, d);
	if (!err)
		err = prepare(m, d);
	if (!err)
		err = tls_setup_open(m->conf, &m->tls, &m->setup, d);
	if (!err)
		err = store_open(m->conf->store, STORE_WRITE, &m->store, d);
	if (!err && !m->again)
		err = store_committed(
		    m->store, str_from_z(m->source), &m->done, d);
	return err ? err : read_all(m, d);
}

static void
finish(struct import *m)
{
	store_close(m->store);
	tls_setup_close(&m->setup);
	tally_free(m->tally);
	arena_fini(&m->memory);
	arena_fini(&m->arena);
	free(m->own);
	if (m->f)
		fclose(m->f);
}

static void
print_figures(const struct import *m, FILE *out)
{
	fprintf(out,
	    "%" PRIu64 " lines, %" PRIu64 " sessions, %" PRIu64 " rows\n",
	    m->lines, m->sessions, m->rows);
	if (m->reported)
		fprintf(out,
		    "%" PRIu64 " sessions left out: Postfix told of them "
		    "itself\n",
		    m->reported);
	if (m->cut)
		fprintf(out, "%" PRIu64 " parts had no room\n", m->cut);
	if (m->bad)
		fprintf(out, "%" PRIu64 " datagrams could not be read, %s\n",
		    m->bad, m->first_bad.text);
	if (m->done >= m->seq && !m->again)
		fputs("it was imported before: nothing was counted\n", out);
	else if (m->done)
		fputs(
		    "an import that had been interrupted was completed\n", out);
}

int
results_import(const struct conf *c, int argc, char **argv, FILE *in, FILE *out)
{
	struct import *m = calloc(1, sizeof(*m));
	struct diag d = {{0}, 0};
	int status;

	if (!m)
		return 1;
	m->conf = c;
	status = parse_options(argc, argv, m);
	if (status) {
		free(m);
		return status;
	}
	if (run(m, in, &d)) {
		fprintf(stderr, "aver results: %s\n", d.text);
		status = 1;
	} else {
		print_figures(m, out);
		status = m->bad && m->sessions == 0;
	}
	finish(m);
	free(m);
	return status;
}
