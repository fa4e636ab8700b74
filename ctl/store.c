/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/store.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "ctl/store_check.h"
#include "ctl/store_copy.h"
#include "ctl/usage.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/move.h"

#define FAILED 1
#define TRIES 50 /* while the store is busy or away */
#define PAUSE_US 200000

static int
fail(const struct diag *d)
{
	fprintf(stderr, "aver: %s\n", d->text);
	return FAILED;
}

/* --- status */

static void
print_figures(const struct store_stats *st, FILE *out)
{
	const struct {
		const char *name;
		uint64_t n;
	} lines[] = {
	    {"evaluations", st->evaluations},
	    {"known domains", st->known_domains},
	    {"TLS results", st->tls_results},
	    {"failure incidents", st->incidents},
	    {"failure incidents dropped", st->incidents_dropped},
	    {"bad datagrams", st->bad_datagrams},
	    {"destinations", st->destinations},
	    {"MTA-STS policies", st->sts_policies},
	    {"suppressions", st->suppressions},
	    {"reports", st->reports},
	    {"pending submissions", st->pending},
	    {"octets", st->octets},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		fprintf(out, "%-26s %" PRIu64 "\n", lines[i].name, lines[i].n);
}

static int
status(const char *place, FILE *out)
{
	struct store *s = NULL;
	struct store_stats st;
	struct diag d = {.text = ""};
	int64_t start = clock_mono_us();
	int err = store_open(place, STORE_READ, &s, &d);
	int64_t took = clock_mono_us() - start;

	if (!err)
		err = store_stats(s, &st, &d);
	store_close(s);
	if (err)
		return fail(&d);
	print_figures(&st, out);
	fprintf(out, "%-26s %" PRId64 " us\n", "opened in", took);
	return 0;
}

/* --- migrate */

static void
print_moved(const struct store_moved *n, FILE *out)
{
	fprintf(out,
	    "moved: messages=%" PRIu64 " sessions=%" PRIu64
	    " incidents=%" PRIu64 "\n"
	    "copied: reports=%" PRIu64 " known=%" PRIu64
	    " suppressions=%" PRIu64 " policies=%" PRIu64
	    " destinations=%" PRIu64 "\n",
	    n->messages, n->sessions, n->incidents, n->reports, n->known,
	    n->suppressions, n->policies, n->destinations);
	if (n->busy)
		fprintf(out,
		    "left: %" PRIu64 " reports are being sent; run this again "
		    "later\n",
		    n->busy);
}

static int
migrate(const char *from, const char *to, FILE *out)
{
	struct store *a = NULL, *b = NULL;
	struct store_moved n = {0};
	struct diag d = {.text = ""};
	int err, tries = 0;

	if (strcmp(from, to) == 0) {
		fputs("aver: both are the same store\n", stderr);
		return USAGE_STATUS;
	}
	err = store_open(from, STORE_CHANGE, &a, &d);
	if (!err)
		err = store_open(to, STORE_WRITE, &b, &d);
	if (!err)
		while ((err = store_move(a, b, &n, &d)) == AVER_TEMP &&
		       ++tries < TRIES) {
			/* what is counted again was copied again */
			n.reports = n.busy = n.known = n.suppressions = 0;
			n.policies = n.destinations = 0;
			usleep(PAUSE_US);
		}
	if (a && b)
		print_moved(&n, out);
	store_close(a);
	store_close(b);
	return err ? fail(&d) : n.busy ? FAILED : 0;
}

int
cmd_store(const struct conf *c, int argc, char **argv, FILE *out)
{
	if (argc == 1 || (argc == 2 && strcmp(argv[1], "status") == 0))
		return status(c->store, out);
	if (argc == 4 && strcmp(argv[1], "migrate") == 0)
		return migrate(argv[2], argv[3], out);
	if (argc == 2 && strcmp(argv[1], "check") == 0)
		return store_check(c->store, c->state_directory, false, out);
	if (argc == 3 && strcmp(argv[1], "check") == 0 &&
	    strcmp(argv[2], "--json") == 0)
		return store_check(c->store, c->state_directory, true, out);
	if (argc == 2 && strcmp(argv[1], "export") == 0)
		return store_copy_out(c->store, NULL, out);
	if (argc == 3 && strcmp(argv[1], "export") == 0 && argv[2][0] != '-')
		return store_copy_out(c->store, argv[2], out);
	if (argc == 3 && strcmp(argv[1], "import") == 0 && argv[2][0] != '-')
		return store_copy_in(c->store, argv[2], false, out);
	if (argc == 4 && strcmp(argv[1], "import") == 0 &&
	    strcmp(argv[2], "--add") == 0)
		return store_copy_in(c->store, argv[3], true, out);
	return usage_fail(stderr, "store", NULL);
}
