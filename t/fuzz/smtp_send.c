/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A transaction with a server that says the input, whatever it is asked, and
 * goes. The first octet says what it offered, the second how many recipients
 * there are.
 */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/chars.h"
#include "lib/smtp/smtp_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RCPT_MAX 5
#define SAID_MAX 65536
#define INPUT_MAX 30000 /* fits the socket's buffer */

static const struct smtp_settings settings = {
    .command_ms = 1000, .total_ms = 1000};

/* Whether the lines of what the client said hold one of this. */
static bool
has_line(const char *said, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = said; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, line, n) == 0)
			return true;
	}
	return false;
}

static void
check(const struct smtp *c, const struct smtp_end *end, const char *said)
{
	for (const char *p = end->text; *p; p++)
		assert(chars_is(*p, CH_PRINT));
	assert(!end->reusable || (!c->io.dead && !c->goodbye));
	assert(end->code == 0 || (end->code >= 200 && end->code < 600));
	assert(!end->in_doubt || (end->outcome == SMTP_TEMP && end->code == 0 &&
				     has_line(said, ".\r\n")));
	if (end->outcome == SMTP_OK)
		assert(end->code / 100 == 2 && strstr(said, "body\r\n.\r\n"));
}

static size_t
read_all(int fd, char *to)
{
	size_t n = 0;
	ssize_t got;

	while ((got = recv(fd, to + n, SAID_MAX - 1 - n, MSG_DONTWAIT)) > 0)
		n += (size_t)got;
	to[n] = '\0';
	return n;
}

static void
transact(struct smtp *c, size_t n_rcpt, int server)
{
	static char said[SAID_MAX];
	static struct smtp_end ends[RCPT_MAX];
	struct str rcpt[RCPT_MAX];
	struct smtp_message m = {.from = STR("from@sender.example"),
	    .rcpt = rcpt,
	    .n_rcpt = n_rcpt,
	    .octets = STR("Subject: x\r\n\r\nbody\r\n")};
	struct smtp_end end;
	enum smtp_outcome o;

	for (size_t i = 0; i < n_rcpt; i++)
		rcpt[i] = STR("to@rcpt.example");
	/* as many as the server is for */
	for (int i = 0; i < 4; i++) {
		for (size_t k = 0; k < n_rcpt; k++)
			ends[k].stage = SMTP_STAGE_COUNT;
		o = smtp_send(c, &m, ends, &end);
		assert(o == end.outcome);
		for (size_t k = 0; k < n_rcpt; k++)
			assert(ends[k].stage < SMTP_STAGE_COUNT);
		read_all(server, said);
		check(c, &end, said);
		if (!end.reusable)
			break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct smtp c;
	int fd[2];

	if (size < 2 || size > INPUT_MAX)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd))
		return 0;
	memset(&c, 0, sizeof(c));
	c.s = &settings;
	smtp_io_init(&c.io);
	c.io.fd = fd[0];
	c.ehlo.offers = data[0];
	c.ehlo.rcptmax = data[1] >> 6;
	if (send(fd[1], data + 2, size - 2, MSG_NOSIGNAL) ==
	    (ssize_t)(size - 2)) {
		shutdown(fd[1], SHUT_WR);
		transact(&c, data[1] % RCPT_MAX + 1, fd[1]);
	}
	smtp_io_close(&c.io);
	close(fd[1]);
	return 0;
}
