/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the MTA hands over of the mail to our envelope senders. A bounce of a
 * report makes its address suppressed; whatever else it is, it is read, told
 * to the log and gone: nothing is sent, and nobody gets to see it.
 */
#include "reports/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/mail/mailto.h"
#include "lib/report/dsn.h"
#include "lib/store/suppress.h"
#include "reports/reporter.h"

#define MESSAGE_MEMORY (6 * DSN_OCTETS_MAX)
/* what we say and ask about it, which no message can use up */
#define MEMORY ((size_t)256 * 1024)

struct bounce {
	struct reporter r;
	struct reporter_options options;
	struct arena arena, message; /* message: what is read of it */
	struct buf text;
	struct dsn dsn;
	char id[REPORT_ID_OCTETS];
	unsigned number;
	struct ledger_submission sub;
	struct diag d;
};

/* All of it, or the MTA would see a broken pipe; the front is kept. */
static int
read_message(struct bounce *k)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0) {
		size_t room = DSN_OCTETS_MAX - k->text.n;

		buf_add(&k->text,
		    (struct str){chunk, (size_t)n < room ? (size_t)n : room});
	}
	if (n < 0)
		return diag_set(&k->d, AVER_IO, 0, "cannot read the message");
	return buf_ok(&k->text) ? 0 : AVER_NOMEM;
}

/* The recipient as the MTA says it: pipe(8) can, local(8) does. */
static struct str
envelope_recipient(int argc, char **argv)
{
	const char *names[] = {"ORIGINAL_RECIPIENT", "RECIPIENT"};
	struct str s = argc > 1 ? str_from_z(argv[1]) : STR_NONE;

	for (size_t i = 0; i < 2 && !s.n; i++)
		s = str_from_z(getenv(names[i]));
	return s;
}

static bool
find_address(struct bounce *k, struct str envelope)
{
	if (envelope.n &&
	    verp_parse(&k->r.verp, envelope, k->id, &k->number) == 0)
		return true;
	for (size_t i = 0; i < k->dsn.n_addresses; i++)
		if (verp_parse(&k->r.verp, k->dsn.addresses[i], k->id,
			&k->number) == 0)
			return true;
	return false;
}

static void
log_bounce(
    struct bounce *k, const char *action, struct str address, int64_t until)
{
	const struct dsn_recipient *rcpt = k->dsn.n ? &k->dsn.v[0] : NULL;
	struct buf line;

	buf_init(&line, &k->arena, 8192);
	buf_add_z(&line, "bounce:");
	kv_str(&line, "report", (struct str){k->id, sizeof(k->id)});
	kv_i64(&line, "number", k->number);
	kv_z(&line, "class", dsn_class_name(k->dsn.what));
	kv_z(&line, "action", action);
	if (address.n)
		kv_str(&line, "address", address);
	if (until)
		kv_i64(&line, "until", until);
	if (rcpt) {
		kv_str(&line, "status", rcpt->status);
		kv_str(&line, "diagnostic", rcpt->diagnostic);
	}
	log_line(LOG_LVL_INFO, &line);
}

static struct str
reason_of(const struct bounce *k)
{
	if (k->dsn.n && k->dsn.v[0].diagnostic.n)
		return k->dsn.v[0].diagnostic;
	return STR("the report came back");
}

static int
suppress(struct bounce *k)
{
	struct ledger_change change = {.state = LEDGER_BOUNCED};
	struct store_suppression sup = {.kind = SUPPRESS_ADDRESS};
	struct mailto to;
	struct str address, id = {k->id, sizeof(k->id)};
	int err = store_get_submission(
	    k->r.store, id, k->number, &k->arena, &k->sub, &k->d);

	if (err)
		return err;
	if (mailto_parse(&k->arena, k->sub.uri, &to, &k->d))
		return AVER_NOTFOUND;
	address = arena_lower(&k->arena, to.address);
	if (!address.n)
		return AVER_NOMEM;
	change.detail = reason_of(k);
	err = store_suppress_bounce(k->r.store, address, reporter_now(&k->r),
	    k->r.conf->report_suppression_time, change.detail, &sup, &k->d);
	if (!err)
		err = store_set_submissions(
		    k->r.store, id, k->number, &change, NULL, &k->d);
	if (!err)
		log_bounce(k, "suppress", address, sup.until);
	return err;
}

/*
 * RFC 3463 section 3.2: 5.1.7 and 5.1.8 are about the sender's address. That is
 * ours to put right, and no report arrives until then, wherever it goes.
 */
static bool
is_about_sender(const struct dsn *d)
{
	bool about = false;

	for (size_t i = 0; i < d->n; i++) {
		struct str status = d->v[i].status;

		if (d->v[i].action != DSN_FAILED)
			continue;
		if (!str_eq(status, STR("5.1.7")) &&
		    !str_eq(status, STR("5.1.8")))
			return false;
		about = true;
	}
	return about;
}

/*
 * It takes more memory than there is for one, and would the next time too: the
 * MTA is not to try again for days. A report that goes to the same address
 * comes back, too.
 */
static int
give_up(struct bounce *k, struct str envelope)
{
	struct buf line;

	buf_init(&line, &k->arena, 8192);
	buf_add_z(&line, "bounce:");
	if (find_address(k, envelope))
		kv_str(&line, "report", (struct str){k->id, sizeof(k->id)});
	kv_z(&line, "action", "ignore");
	kv_z(&line, "reason", "cannot be read: its parts take too much memory");
	log_line(LOG_LVL_WARN, &line);
	return 0;
}

static int
judge(struct bounce *k, struct str envelope)
{
	int err = dsn_read(&k->message, buf_str(&k->text), envelope, &k->dsn);

	if (err)
		return give_up(k, envelope);
	if (!find_address(k, envelope)) {
		log_msg(LOG_LVL_INFO,
		    "bounce: class=%s action=ignore reason=\"belongs to no "
		    "report of ours\"",
		    dsn_class_name(k->dsn.what));
		return 0;
	}
	switch (k->dsn.what) {
	case DSN_IS_FAILURE:
		if (is_about_sender(&k->dsn)) {
			log_bounce(k, "ignore: it is about our own address",
			    STR_NONE, 0);
			return 0;
		}
		err = suppress(k);
		if (err != AVER_NOTFOUND)
			return err;
		log_bounce(k, "ignore: the report is forgotten", STR_NONE, 0);
		return 0;
	case DSN_IS_DELAY:
	case DSN_IS_SUCCESS:
	case DSN_IS_REPLY:
	case DSN_IS_OTHER:
	case DSN_CLASS_COUNT:
		break;
	}
	log_bounce(k, "ignore", STR_NONE, 0);
	return 0;
}

static int
handle(struct bounce *k, const struct conf *c, struct str envelope)
{
	/* all of it first, so that the MTA is not kept waiting */
	int err = read_message(k);

	if (!err)
		err = reporter_init(&k->r, c, &k->options, &k->d);
	if (!err)
		err = reporter_store(&k->r, STORE_WRITE, &k->d);
	return err ? err : judge(k, envelope);
}

int
command_bounce(const struct conf *c, int argc, char **argv)
{
	struct bounce *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return EXIT_LATER;
	if (argc > 2) {
		fputs("usage: aver-report bounce [RECIPIENT]\n", stderr);
		free(k);
		return EXIT_LATER;
	}
	arena_init(&k->arena, MEMORY);
	arena_init(&k->message, MESSAGE_MEMORY);
	buf_init(&k->text, NULL, DSN_OCTETS_MAX);
	err = handle(k, c, envelope_recipient(argc, argv));
	if (err)
		log_msg(LOG_LVL_ERROR, "bounce: %s",
		    *k->d.text ? k->d.text : aver_err_name(err));
	reporter_close(&k->r);
	buf_fini(&k->text);
	arena_fini(&k->message);
	arena_fini(&k->arena);
	free(k);
	/* the MTA keeps the message and tries again; it bounces nothing */
	return err ? EXIT_LATER : EXIT_OK;
}
