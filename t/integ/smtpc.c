/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Drives the SMTP client and the transports for t/integ/smtp.t:
 *
 *     smtpc [-u URL | -a ADDRESS -p PORT] [options] FROM RCPT[,RCPT] FILE ...
 *
 * Each FILE is a message; all go over one transport or connection. With "-" in
 * place of a FILE it waits for a line on standard input. One line of output
 * for a message: NAME=VALUE, separated by tabs, the text last.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/smtp/smtp_client.h"
#include "lib/smtp/transport.h"

#define MESSAGE_MAX ((size_t)64 << 20)
#define LIST_MAX 16
#define STAGES_MAX 64

static const char *const modes[] = {
    "none", "opportunistic", "required", "implicit"};
static const char *const verifies[] = {"none", "pkix", "dane"};

struct options {
	struct transport_config transport;
	unsigned flags;
	int count;
	char staged; /* 'S': deliver, 'D': drop, 0: messages go at once */
	const char *address, *host;
	struct ip ip[LIST_MAX];
	struct str names[LIST_MAX];
	struct tls_tlsa tlsa[LIST_MAX];
	struct smtp_settings s;
	struct arena arena;
};

static int
find(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	fprintf(stderr, "smtpc: %s?\n", word);
	exit(2);
}

/* "3 1 1 0123..." */
static void
add_tlsa(struct options *o, const char *text)
{
	struct tls_tlsa *r = &o->tlsa[o->s.peer.n_tlsa++];
	unsigned u, s, m;
	int at = 0;
	char *data = arena_alloc(&o->arena, strlen(text));
	size_t n = 0;

	if (sscanf(text, "%u %u %u %n", &u, &s, &m, &at) < 3)
		exit(2);
	for (const char *p = text + at; p[0] && p[1]; p += 2)
		data[n++] = (char)(chars_hex(p[0]) << 4 | chars_hex(p[1]));
	*r = (struct tls_tlsa){(uint8_t)u, (uint8_t)s, (uint8_t)m, {data, n}};
}

static void
client_option(struct options *o, int c)
{
	switch (c) {
	case 'a':
		o->address = optarg;
		if (!ip_parse(str_from_z(optarg), &o->ip[o->s.n_addresses++]))
			exit(2);
		break;
	case 'p':
		o->s.port = (uint16_t)strtoul(optarg, NULL, 10);
		break;
	case 'm':
		o->s.mode = (enum tls_mode)find(modes, 4, optarg);
		break;
	case 'v':
		o->s.peer.verify = (enum tls_verify)find(verifies, 3, optarg);
		break;
	case 'n':
		o->names[o->s.peer.n_names++] = str_from_z(optarg);
		break;
	case 'd':
		add_tlsa(o, optarg);
		break;
	default:
		exit(2);
	}
}

static void
option(struct options *o, int c)
{
	switch (c) {
	case 'u':
		o->transport.url = optarg;
		break;
	case 'H':
		o->transport.helo = optarg;
		break;
	case 'c':
		o->transport.credentials = optarg;
		break;
	case 's':
		o->transport.sasl_mechanism = optarg;
		break;
	case 'C':
		o->transport.tls_ca_file = optarg;
		break;
	case 'k':
		o->transport.tls_verify = TRANSPORT_VERIFY_NO;
		break;
	case 't':
		o->transport.timeout_ms = strtol(optarg, NULL, 10);
		break;
	case 'R':
		o->flags = TRANSPORT_REQUIRETLS;
		break;
	case 'S':
	case 'D':
		o->staged = (char)c;
		break;
	case 'x':
		o->count = (int)strtol(optarg, NULL, 10);
		break;
	default:
		client_option(o, c);
	}
}

static struct str
read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *p = malloc(MESSAGE_MAX);
	size_t n;

	if (!f || !p) {
		perror(path);
		exit(2);
	}
	n = fread(p, 1, MESSAGE_MAX, f);
	fclose(f);
	return (struct str){realloc(p, n + 1), n};
}

static bool
is_pause(const char *file)
{
	char line[16];

	if (strcmp(file, "-") != 0)
		return false;
	printf("waiting\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(2);
	return true;
}

static void
print_tls(const struct tls_result *r)
{
	printf("tls=%s\tauthenticated=%d\tprotocol=%s\treason=%s\tserver=%s\t",
	    r->tried ? tls_type_name(r->type) : "", r->authenticated,
	    r->protocol, r->reason, r->helo);
}

/* ---- transport ------------------------------------------------------ */

static void
print_reply(const struct transport_reply *r, int64_t took)
{
	printf("outcome=%s\tstatus=%s\tcode=%d\tdoubt=%d\tdown=%d\thost=%s\t",
	    transport_outcome_name(r->outcome), r->status, r->code, r->in_doubt,
	    r->transport_down, r->host);
	print_tls(&r->tls);
	printf("ms=%lld\ttext=%s\n", (long long)took, r->text);
	fflush(stdout);
}

/*
 * All copies of the message are staged, and end together: one line for each
 * that was not staged, one for the sync, one for each that was delivered.
 */
static void
run_staged(
    struct options *o, struct transport *t, const struct transport_message *m)
{
	struct transport_stage stages[STAGES_MAX];
	struct transport_reply r;
	int n = 0;

	for (int i = 0; i < o->count && n < STAGES_MAX; i++) {
		transport_stage(t, m, &stages[n], &r);
		if (*stages[n].name)
			n++;
		else
			print_reply(&r, 0);
	}
	if (n) {
		transport_sync(t, &r);
		print_reply(&r, 0);
	}
	for (int i = 0; i < n; i++) {
		if (o->staged == 'D') {
			transport_drop(t, &stages[i]);
			continue;
		}
		transport_deliver(t, &stages[i], &r);
		print_reply(&r, 0);
	}
}

static int
run_transport(struct options *o, char **argv)
{
	struct transport_message m = {.envelope_from = str_from_z(argv[0]),
	    .rcpt = str_from_z(argv[1]),
	    .flags = o->flags};
	struct transport_reply r;
	struct transport *t;
	struct diag d = {.text = ""};

	if (transport_open(&o->transport, &t, &d)) {
		printf("outcome=conf\ttext=%s\n", d.text);
		return 1;
	}
	for (argv += 2; *argv; argv++) {
		if (is_pause(*argv))
			continue;
		m.message = read_file(*argv);
		if (o->staged)
			run_staged(o, t, &m);
		for (int i = 0; i < o->count && !o->staged; i++) {
			int64_t start = clock_mono_ms();

			transport_send(t, &m, &r);
			print_reply(&r, clock_mono_ms() - start);
		}
		free((char *)m.message.p);
	}
	transport_close(t);
	return 0;
}

/* ---- client --------------------------------------------------------- */

static void
print_end(const struct smtp_end *e, const char *what)
{
	static const char *const outcomes[] = {"ok", "temp", "perm"};

	printf("%s=%s\tstatus=%u.%u.%u\tcode=%d\tstage=%s\tdoubt=%d\t", what,
	    outcomes[e->outcome], e->status.class, e->status.subject,
	    e->status.detail, e->code, smtp_stage_name(e->stage), e->in_doubt);
}

static size_t
split(char *list, struct str *out)
{
	size_t n = 0;
	struct str rest = str_from_z(list);

	while (rest.n && n < LIST_MAX)
		out[n++] = str_cut(rest, ',', &rest);
	return n;
}

static void
send_file(struct options *o, struct smtp *c, char **argv, const char *file)
{
	struct str rcpt[LIST_MAX];
	struct smtp_end ends[LIST_MAX], end;
	struct smtp_message m = {.from = str_from_z(argv[0]),
	    .rcpt = rcpt,
	    .n_rcpt = split(argv[1], rcpt),
	    .octets = read_file(file),
	    .requiretls = o->flags};

	smtp_send(c, &m, ends, &end);
	for (size_t i = 0; i < m.n_rcpt; i++) {
		print_end(&ends[i], "rcpt");
		printf("text=%s\n", ends[i].text);
	}
	print_end(&end, "outcome");
	print_tls(smtp_tls(c));
	printf("text=%s\n", end.text);
	fflush(stdout);
	free((char *)m.octets.p);
}

static int
run_client(struct options *o, char **argv)
{
	struct tls_result r;
	struct smtp_end end;
	struct diag d;
	struct smtp *c;

	o->s.addresses = o->ip;
	o->s.host = o->s.peer.n_names ? o->names[0] : str_from_z(o->address);
	o->s.peer.sni = o->s.host;
	o->s.peer.names = o->names;
	o->s.peer.tlsa = o->tlsa;
	o->s.helo = str_from_z(o->transport.helo);
	o->s.command_ms = o->s.connect_ms = o->transport.timeout_ms;
	o->s.total_ms = 4 * o->transport.timeout_ms;
	if (tls_client_open(o->transport.tls_ca_file, &o->s.tls, &d))
		return 1;
	if (!smtp_open(&o->s, &c, &r, &end)) {
		print_end(&end, "open");
		print_tls(&r);
		printf("text=%s\n", end.text);
	} else {
		for (char **file = argv + 2; *file; file++)
			for (int i = 0; !is_pause(*file) && i < o->count; i++)
				send_file(o, c, argv, *file);
		smtp_close(c);
	}
	tls_client_close(o->s.tls);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct options o = {
	    .transport = {.helo = "client.example", .timeout_ms = 5000},
	    .count = 1};
	int c, status;

	arena_init(&o.arena, 65536);
	while ((c = getopt(argc, argv, "SDu:H:c:s:C:kt:Rx:a:p:m:v:n:d:")) != -1)
		option(&o, c);
	if (argc - optind < 2)
		return 2;
	status = o.address ? run_client(&o, argv + optind)
			   : run_transport(&o, argv + optind);
	arena_fini(&o.arena);
	return status;
}
