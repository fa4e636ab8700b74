/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* One mail transaction (RFC 5321 section 3.3). */

#include "lib/base/clock.h"
#include "lib/smtp/smtp_conn.h"
#include "lib/smtp/smtp_text.h"

#define ARENA_MAX ((size_t)256 * 1024)
#define COMMANDS_MAX ((size_t)64 * 1024)

enum command { CMD_RSET, CMD_MAIL, CMD_RCPT, CMD_DATA };

struct transaction {
	struct smtp *c;
	const struct smtp_message *m;
	struct smtp_end *rcpt; /* of the caller or NULL */
	struct smtp_end *end;
	struct arena arena;
	struct smtp_text text;
	struct str from, to[SMTP_RCPT_MAX];
	bool utf8; /* an address or the header needs SMTPUTF8 */
	size_t n_rcpt; /* that the server will be told */
	size_t answered, accepted; /* of them, the first ones */
	bool failed; /* *end says why the transaction is over */
	bool refused; /* a recipient was: *end says what came of the first */
	bool data; /* the server waits for the message */
};

static bool
fail(struct transaction *t, enum smtp_outcome o, enum smtp_stage stage,
    const char *status, const char *why)
{
	smtp_conn_end(t->end, o, stage, status, "%s", why);
	t->end->reusable = !t->c->io.dead && !t->c->goodbye;
	t->failed = true;
	return false;
}

/* ---- before anything is sent ---------------------------------------- */

static bool
check_addresses(struct transaction *t)
{
	const struct smtp_message *m = t->m;
	bool utf8 = false;

	if (m->n_rcpt == 0 || m->n_rcpt > SMTP_RCPT_MAX)
		return fail(t, SMTP_PERM, SMTP_AT_RCPT, "5.5.3",
		    "no recipients, or too many");
	if (smtp_mailbox(&t->arena, m->from, &t->from, &utf8))
		return fail(t, SMTP_PERM, SMTP_AT_MAIL, "5.1.7",
		    "the sender's address is none");
	t->utf8 |= utf8;
	for (size_t i = 0; i < m->n_rcpt; i++) {
		if (m->rcpt[i].n == 0 ||
		    smtp_mailbox(&t->arena, m->rcpt[i], &t->to[i], &utf8))
			return fail(t, SMTP_PERM, SMTP_AT_RCPT, "5.1.3",
			    "the recipient's address is none");
		t->utf8 |= utf8;
	}
	return true;
}

static bool
check_message(struct transaction *t)
{
	const struct smtp_ehlo *e = &t->c->ehlo;

	smtp_text_scan(t->m->octets, &t->text);
	if (t->text.wrong)
		return fail(t, SMTP_PERM, SMTP_AT_BODY, "5.6.0", t->text.wrong);
	t->utf8 |= t->text.utf8;
	/* RFC 6531 section 3.2 */
	if (t->utf8 && !(e->offers & SMTP_SMTPUTF8))
		return fail(t, SMTP_PERM, SMTP_AT_MAIL, "5.6.7",
		    "the server does not offer SMTPUTF8");
	/* RFC 6152 section 3 */
	if (t->text.eight_bit && !(e->offers & SMTP_8BITMIME))
		return fail(t, SMTP_PERM, SMTP_AT_MAIL, "5.6.3",
		    "the server does not offer 8BITMIME");
	/* RFC 1870 section 6.1 */
	if (e->size && t->text.size > e->size)
		return fail(t, SMTP_PERM, SMTP_AT_MAIL, "5.3.4",
		    "the message is larger than the server takes");
	return true;
}

/* RFC 8689 section 4.2.1 */
static bool
check_requiretls(struct transaction *t)
{
	if (!t->m->requiretls)
		return true;
	if (!t->c->io.tls || !t->c->tls.authenticated)
		return fail(t, SMTP_PERM, SMTP_AT_MAIL, "5.7.10",
		    "REQUIRETLS wants a server whose certificate was "
		    "verified");
	if (!(t->c->ehlo.offers & SMTP_REQUIRETLS))
		return fail(t, SMTP_PERM, SMTP_AT_MAIL, "5.7.30",
		    "REQUIRETLS support required");
	return true;
}

/* ---- commands ------------------------------------------------------- */

static void
add_mail(const struct transaction *t, struct buf *b)
{
	unsigned offers = t->c->ehlo.offers;

	buf_add_z(b, "MAIL FROM:<");
	buf_add(b, t->from);
	buf_add_c(b, '>');
	if (offers & SMTP_SIZE) {
		buf_add_z(b, " SIZE=");
		buf_add_u64(b, t->text.size);
	}
	if (t->text.eight_bit)
		buf_add_z(b, " BODY=8BITMIME");
	if (t->utf8)
		buf_add_z(b, " SMTPUTF8");
	if (t->m->requiretls)
		buf_add_z(b, " REQUIRETLS");
	buf_add_z(b, "\r\n");
}

static void
add_command(
    const struct transaction *t, enum command cmd, size_t i, struct buf *b)
{
	switch (cmd) {
	case CMD_RSET:
		buf_add_z(b, "RSET\r\n");
		break;
	case CMD_MAIL:
		add_mail(t, b);
		break;
	case CMD_RCPT:
		buf_add_z(b, "RCPT TO:<");
		buf_add(b, t->to[i]);
		buf_add_z(b, ">\r\n");
		break;
	case CMD_DATA:
		buf_add_z(b, "DATA\r\n");
		break;
	}
}

/* The k-th command of the transaction; false: there is none. */
static bool
command_at(const struct transaction *t, bool reset, size_t k, enum command *cmd,
    size_t *i)
{
	*i = 0;
	if (reset && k-- == 0) {
		*cmd = CMD_RSET;
		return true;
	}
	if (k == 0) {
		*cmd = CMD_MAIL;
		return true;
	}
	*i = k - 1;
	*cmd = *i < t->n_rcpt ? CMD_RCPT : CMD_DATA;
	return *i <= t->n_rcpt;
}

/* ---- replies -------------------------------------------------------- */

/* All recipients were refused: the first refusal is what came of it. */
static bool
is_for_nobody(const struct transaction *t)
{
	return t->answered == t->n_rcpt && t->accepted == 0;
}

static bool
lost(struct transaction *t, enum smtp_stage stage)
{
	if (!t->failed && !is_for_nobody(t))
		smtp_conn_end_lost(t->c, stage, t->end);
	t->end->reusable = false;
	t->failed = true;
	return false;
}

/* The reply ends the transaction. */
static void
bad_reply(struct transaction *t, enum smtp_stage stage)
{
	if (t->failed)
		return;
	smtp_conn_end_reply(t->c, stage, t->end);
	if (t->end->outcome == SMTP_OK) {
		t->end->outcome = SMTP_TEMP;
		t->end->status.class = 4;
	}
	t->failed = true;
}

static void
rcpt_reply(struct transaction *t, size_t i)
{
	struct smtp_end end;

	smtp_conn_end_reply(t->c, SMTP_AT_RCPT, &end);
	if (t->rcpt)
		t->rcpt[i] = end;
	t->answered = i + 1;
	if (end.outcome == SMTP_OK) {
		t->accepted++;
	} else if (!t->refused && !t->failed) {
		*t->end = end;
		t->refused = true;
	}
}

static void
data_reply(struct transaction *t)
{
	t->data = t->c->reply.code == 354;
	if (!t->data && !is_for_nobody(t))
		bad_reply(t, SMTP_AT_DATA);
	/* as with the recipients, the first refusal is the reason */
	if (!t->data)
		t->failed = true;
}

/*
 * RFC 5321 section 4.2: the first digit tells. What is taken for a failure
 * after the data was accepted is sent a second time.
 */
static bool
is_positive(const struct smtp *c)
{
	return c->reply.code / 100 == 2;
}

/*
 * The server does not forget the message before this one, which says nothing
 * about this one: it is for another connection.
 */
static void
reset_reply(struct transaction *t)
{
	if (is_positive(t->c))
		return;
	if (t->c->reply.code == 421)
		bad_reply(t, SMTP_AT_MAIL);
	t->c->goodbye = true;
	if (!t->failed)
		fail(t, SMTP_TEMP, SMTP_AT_MAIL, "4.5.0",
		    "the server refused RSET");
}

static void
judge(struct transaction *t, enum command cmd, size_t i)
{
	switch (cmd) {
	case CMD_RSET:
		reset_reply(t);
		break;
	case CMD_MAIL:
		if (!is_positive(t->c))
			bad_reply(t, SMTP_AT_MAIL);
		break;
	case CMD_RCPT:
		rcpt_reply(t, i);
		break;
	case CMD_DATA:
		data_reply(t);
		break;
	}
}

static const enum smtp_stage stage_of[] = {
    [CMD_RSET] = SMTP_AT_MAIL,
    [CMD_MAIL] = SMTP_AT_MAIL,
    [CMD_RCPT] = SMTP_AT_RCPT,
    [CMD_DATA] = SMTP_AT_DATA,
};

/* Whether there is no sense in another command. */
static bool
over(const struct transaction *t, enum command cmd)
{
	return t->failed || t->c->goodbye ||
	       (cmd == CMD_DATA && t->accepted == 0);
}

/*
 * The commands up to DATA and their replies; in one write where the server
 * offers PIPELINING (RFC 2920 section 3.1), and then all replies are read
 * whatever they are.
 */
static bool
converse(struct transaction *t, struct buf *b)
{
	bool reset = t->c->reset;
	bool piped = t->c->ehlo.offers & SMTP_PIPELINING;
	enum command cmd;
	size_t i;

	for (size_t k = 0; piped && command_at(t, reset, k, &cmd, &i); k++)
		add_command(t, cmd, i, b);
	t->c->reset = true;
	t->c->mails++;
	if (piped && (!buf_ok(b) || !smtp_conn_write(t->c, buf_str(b))))
		return lost(t, SMTP_AT_MAIL);
	for (size_t k = 0; command_at(t, reset, k, &cmd, &i); k++) {
		if (!piped) {
			if (over(t, cmd))
				break;
			buf_clear(b);
			add_command(t, cmd, i, b);
			if (!buf_ok(b) || !smtp_conn_write(t->c, buf_str(b)))
				return lost(t, stage_of[cmd]);
		}
		if (!smtp_conn_reply(t->c, 1))
			return lost(t, stage_of[cmd]);
		judge(t, cmd, i);
	}
	return true;
}

/* ---- the message ---------------------------------------------------- */

static bool
write_body(struct transaction *t)
{
	struct smtp_dots dots;
	char out[8192];
	size_t n;

	smtp_dots_init(&dots, t->m->octets);
	while ((n = smtp_dots_take(&dots, out, sizeof(out))) > 0)
		if (!smtp_conn_write(t->c, (struct str){out, n}))
			return false;
	return true;
}

static bool
body(struct transaction *t)
{
	struct smtp *c = t->c;

	if (!write_body(t)) {
		/* perhaps it said why */
		smtp_io_salvage(&c->io);
		if (smtp_io_pending(&c->io).n && smtp_conn_reply(c, 1)) {
			smtp_conn_end_reply(c, SMTP_AT_BODY, t->end);
			if (t->end->outcome == SMTP_OK)
				smtp_conn_end_lost(c, SMTP_AT_BODY, t->end);
			t->end->reusable = false;
			t->failed = true;
			return false;
		}
		return lost(t, SMTP_AT_BODY);
	}
	/* RFC 5321 section 4.5.3.2.6: the longest of all waits */
	if (!smtp_conn_reply(c, 2))
		return lost(t, SMTP_AT_END);
	c->reset = false;
	if (is_positive(c)) {
		smtp_conn_end_reply(c, SMTP_AT_END, t->end);
		return true;
	}
	bad_reply(t, SMTP_AT_END);
	return false;
}

/*
 * RFC 2920 section 3.1: DATA went out before it was known that nobody is to
 * get the message; the server waits for it all the same.
 */
static void
empty_body(struct transaction *t)
{
	struct smtp_end keep = *t->end;

	if (!smtp_conn_write(t->c, STR(".\r\n")) || !smtp_conn_reply(t->c, 2))
		t->c->io.dead = true;
	*t->end = keep;
	t->end->reusable = !t->c->io.dead && !t->c->goodbye;
}

/* The server waits for a message that is not to be sent. */
static void
no_body(struct transaction *t)
{
	/* it refused MAIL or RSET, and yet it took recipients: they shall not
	 * get an empty message, nor the one before */
	if (t->accepted)
		t->c->io.dead = true;
	else
		empty_body(t);
}

static void
all_rcpt(struct transaction *t)
{
	for (size_t i = 0; t->rcpt && i < t->m->n_rcpt; i++)
		t->rcpt[i] = *t->end;
}

/* Those of which the server has not refused any by itself. */
static void
unrefused_rcpt(struct transaction *t)
{
	for (size_t i = 0; t->rcpt && i < t->n_rcpt; i++)
		if (i >= t->answered || t->rcpt[i].outcome == SMTP_OK)
			t->rcpt[i] = *t->end;
}

static void
transact(struct transaction *t, struct buf *b)
{
	size_t max = t->c->ehlo.rcptmax;

	/* RFC 9422: what is too much for one transaction is for the next */
	t->n_rcpt = t->m->n_rcpt;
	if (max && t->n_rcpt > max)
		t->n_rcpt = max;
	for (size_t i = t->n_rcpt; t->rcpt && i < t->m->n_rcpt; i++)
		smtp_conn_end(&t->rcpt[i], SMTP_TEMP, SMTP_AT_RCPT, "4.5.3",
		    "the server takes %zu recipients at a time", max);
	if (!converse(t, b)) {
		unrefused_rcpt(t);
		return;
	}
	/* 421 to a recipient, and nothing was asked after it */
	if (!t->failed && !t->data && !is_for_nobody(t))
		bad_reply(t, SMTP_AT_RCPT);
	if (t->failed || t->accepted == 0) {
		if (t->data)
			no_body(t);
		if (t->end->stage == SMTP_AT_MAIL)
			all_rcpt(t);
		else if (t->answered < t->n_rcpt)
			unrefused_rcpt(t);
		return;
	}
	/* what a refused recipient left in *end is in rcpt[] */
	body(t);
}

enum smtp_outcome
smtp_send(struct smtp *c, const struct smtp_message *m, struct smtp_end *rcpt,
    struct smtp_end *end)
{
	struct transaction t = {.c = c, .m = m, .rcpt = rcpt, .end = end};
	struct buf b;

	c->deadline = clock_mono_ms() + c->s->total_ms;
	arena_init(&t.arena, ARENA_MAX);
	buf_init(&b, &t.arena, COMMANDS_MAX);
	smtp_conn_end(end, SMTP_TEMP, SMTP_AT_MAIL, "4.0.0", "not sent");
	if (check_addresses(&t) && check_message(&t) && check_requiretls(&t))
		transact(&t, &b);
	else
		all_rcpt(&t);
	arena_fini(&t.arena);
	/* a later reply may have ended what an earlier one left open */
	if (c->io.dead || c->goodbye)
		end->reusable = false;
	return end->outcome;
}
