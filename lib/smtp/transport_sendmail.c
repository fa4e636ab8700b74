/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * sendmail: the command of the local MTA, without a shell in between. It reads
 * the message on standard input, with lines that end in LF as local programs
 * have it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/compat/pipe.h"
#include "lib/smtp/transport_ops.h"

#define ADDRESS_MAX 512
#define COMPLAINT_MAX 400
#define POLL_MS 20
#define KILL_MS 2000
#define EXIT_NOT_FOUND 127

struct command {
	pid_t pid;
	int in, err; /* our ends; -1: closed */
	struct str rest; /* of the message */
	bool written; /* all of it */
	char complaint[COMPLAINT_MAX]; /* begin of its standard error */
	size_t n;
	int64_t deadline;
	bool timed_out;
	int status; /* of waitpid(2) */
};

static int
sendmail_open(
    struct transport *t, const struct transport_config *config, struct diag *d)
{
	(void)config;
	if (access(t->path, X_OK))
		return diag_set(
		    d, AVER_CONF, 0, "%s: %s", t->path, strerror(errno));
	t->state = t;
	return 0;
}

static void
sendmail_close(struct transport *t)
{
	(void)t;
}

/* ---- start ---------------------------------------------------------- */

static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Both ends close on exec; our end does not block. */
static bool
make_pipe(int *ours, int *its, bool we_write)
{
	int fd[2];

	if (compat_pipe(fd))
		return false;
	*ours = fd[we_write];
	*its = fd[!we_write];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

/* A process group of its own, and no signal blocked or ignored. */
static int
set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setpgroup(attr, 0);
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
						  POSIX_SPAWN_SETSIGDEF |
						  POSIX_SPAWN_SETPGROUP);
}

static int
spawn(struct command *c, const char *path, const char *const argv[], int in,
    int err)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int e;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	e = posix_spawn_file_actions_adddup2(&actions, in, 0);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(&actions, err, 1);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(&actions, err, 2);
	if (e == 0)
		e = set_attributes(&attr);
	if (e == 0)
		e = posix_spawn(&c->pid, path, &actions, &attr,
		    (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return e;
}

static int
start(struct command *c, const char *path, const char *const argv[])
{
	int in = -1, err = -1, e;

	if (make_pipe(&c->in, &in, true) && make_pipe(&c->err, &err, false))
		e = spawn(c, path, argv, in, err);
	else
		e = errno;
	close_end(&in);
	close_end(&err);
	if (e) {
		close_end(&c->in);
		close_end(&c->err);
	}
	return e;
}

/* ---- run ------------------------------------------------------------ */

/* Writes what the pipe takes, CRLF as LF. */
static void
feed(struct command *c)
{
	char out[4096];
	size_t n = 0, taken = 0;
	ssize_t wrote;

	while (taken < c->rest.n && n < sizeof(out)) {
		char ch = c->rest.p[taken++];

		if (ch == '\r' && taken < c->rest.n && c->rest.p[taken] == '\n')
			continue;
		out[n++] = ch;
	}
	wrote = n ? write(c->in, out, n) : 0;
	if (wrote < 0) {
		if (errno != EAGAIN && errno != EINTR)
			close_end(&c->in); /* it does not want any more */
		return;
	}
	if ((size_t)wrote < n) {
		/* so many of the message as make that many octets */
		for (taken = 0, n = (size_t)wrote; n; taken++)
			if (c->rest.p[taken] != '\r' ||
			    c->rest.p[taken + 1] != '\n')
				n--;
	}
	c->rest = str_from(c->rest, taken);
	if (c->rest.n == 0) {
		c->written = true;
		close_end(&c->in);
	}
}

/* All it says is read, so that it does not block; the begin is kept. */
static void
listen_to(struct command *c)
{
	char raw[1024];
	ssize_t n = read(c->err, raw, sizeof(raw));
	size_t keep;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_end(&c->err);
		return;
	}
	keep = sizeof(c->complaint) - 1 - c->n;
	if (keep > (size_t)n)
		keep = (size_t)n;
	memcpy(c->complaint + c->n, raw, keep);
	c->n += keep;
}

static void
attend(struct command *c, int timeout)
{
	struct pollfd p[2] = {
	    {.fd = c->in, .events = POLLOUT}, {.fd = c->err, .events = POLLIN}};

	if (poll(p, 2, timeout) <= 0)
		return;
	if (p[0].revents)
		feed(c);
	if (p[1].revents)
		listen_to(c);
}

/*
 * Until it is gone. Its standard error alone tells nothing: a delivery that it
 * left in the background may hold it.
 */
static void
run(struct command *c)
{
	int64_t kill_at = 0, now;
	pid_t got;

	for (;;) {
		/* it is about to end when it has closed everything */
		attend(c, c->err < 0 ? 1 : POLL_MS);
		do
			got = waitpid(c->pid, &c->status, WNOHANG);
		while (got < 0 && errno == EINTR);
		if (got != 0)
			break;
		now = clock_mono_ms();
		if (!c->timed_out && now >= c->deadline) {
			c->timed_out = true;
			kill_at = now + KILL_MS;
			kill(-c->pid, SIGTERM);
		} else if (c->timed_out && now >= kill_at) {
			kill_at = now + KILL_MS;
			kill(-c->pid, SIGKILL);
		}
	}
	if (got < 0)
		c->status = -1;
	if (c->err >= 0)
		listen_to(c);
	close_end(&c->in);
	close_end(&c->err);
}

/* ---- what it means -------------------------------------------------- */

static const struct exit_code {
	int code;
	enum transport_outcome outcome;
	const char *status;
	const char *text;
	bool down; /* others will fare alike */
} exits[] = {
    {EX_OK, TRANSPORT_SENT, "2.0.0", "accepted", false},
    {EX_DATAERR, TRANSPORT_PERM, "5.6.0", "data format error", false},
    {EX_NOUSER, TRANSPORT_PERM, "5.1.1", "user unknown", false},
    {EX_NOHOST, TRANSPORT_PERM, "5.1.2", "host name unknown", false},
    {EX_USAGE, TRANSPORT_TEMP, "4.3.5", "command line usage error", true},
    {EX_NOINPUT, TRANSPORT_TEMP, "4.3.0", "cannot open input", false},
    {EX_UNAVAILABLE, TRANSPORT_TEMP, "4.3.0", "service unavailable", false},
    {EX_SOFTWARE, TRANSPORT_TEMP, "4.3.0", "internal software error", false},
    {EX_OSERR, TRANSPORT_TEMP, "4.3.0", "system error", true},
    {EX_OSFILE, TRANSPORT_TEMP, "4.3.5", "critical OS file missing", true},
    {EX_CANTCREAT, TRANSPORT_TEMP, "4.3.0", "cannot create output", true},
    {EX_IOERR, TRANSPORT_TEMP, "4.3.0", "input/output error", true},
    {EX_TEMPFAIL, TRANSPORT_TEMP, "4.3.0", "temporary failure", false},
    {EX_PROTOCOL, TRANSPORT_TEMP, "4.5.0", "remote error in protocol", false},
    {EX_NOPERM, TRANSPORT_TEMP, "4.7.1", "permission denied", true},
    {EX_CONFIG, TRANSPORT_TEMP, "4.3.5", "configuration error", true},
    {EXIT_NOT_FOUND, TRANSPORT_TEMP, "4.3.5", "cannot be run", true},
};

/* The first line that it complained in. */
static struct str
complaint(const struct command *c)
{
	struct str all = str_trim_fws((struct str){c->complaint, c->n}), rest;

	return str_trim_fws(str_cut(all, '\n', &rest));
}

static void
explain(const struct command *c, struct transport_reply *out)
{
	struct exit_code unknown = {
	    0, TRANSPORT_TEMP, "4.3.0", "unknown exit code", false};
	const struct exit_code *e = &unknown;
	struct str why = complaint(c);
	int code = WEXITSTATUS(c->status);

	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++)
		if (exits[i].code == code)
			e = &exits[i];
	transport_answer(out, e->outcome, e->status, code, "%s%s%.*s", e->text,
	    why.n ? ": " : "", STRF(why));
	out->transport_down = e->down;
	/* It exits well without having read the message: not to be believed. */
	if (code == 0 && !c->written)
		transport_answer(out, TRANSPORT_TEMP, "4.3.0", 0,
		    "did not read the message%s%.*s", why.n ? ": " : "",
		    STRF(why));
}

static void
judge(const struct command *c, struct transport_reply *out)
{
	if (c->timed_out) {
		transport_answer(
		    out, TRANSPORT_TEMP, "4.4.2", 0, "did not end in time");
		out->in_doubt = c->written;
	} else if (c->status == -1) {
		transport_answer(
		    out, TRANSPORT_TEMP, "4.3.0", 0, "its exit got lost");
		out->in_doubt = c->written;
	} else if (WIFEXITED(c->status)) {
		explain(c, out);
	} else {
		transport_answer(out, TRANSPORT_TEMP, "4.3.0", 0,
		    "ended by signal %d", WTERMSIG(c->status));
		out->in_doubt = c->written;
	}
}

/* ---- send ----------------------------------------------------------- */

/* SIGPIPE of a pipe that it closed is ours to take, not the program's. */
static void
run_without_sigpipe(struct command *c)
{
	struct timespec none = {0, 0};
	sigset_t sigpipe, old, pending;
	bool before;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	sigpending(&pending);
	before = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &sigpipe, &old);
	run(c);
	if (!before)
		while (
		    sigtimedwait(&sigpipe, NULL, &none) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static bool
to_z(char out[ADDRESS_MAX], struct str s)
{
	return snprintf(out, ADDRESS_MAX, "%.*s", STRF(s)) < ADDRESS_MAX;
}

static void
sendmail_send(struct transport *t, const struct transport_message *m,
    struct transport_reply *out)
{
	char from[ADDRESS_MAX], to[ADDRESS_MAX];
	struct str sender = m->envelope_from.n ? m->envelope_from : STR("<>");
	struct command c = {.in = -1,
	    .err = -1,
	    .rest = m->message,
	    .deadline = clock_mono_ms() + t->timeout_ms};
	const char *argv[] = {t->path, "-i", "-f", from, "--", to, NULL};
	int e;

	if (m->flags & TRANSPORT_REQUIRETLS) {
		transport_answer(out, TRANSPORT_PERM, "5.7.30", 0,
		    "sendmail cannot promise REQUIRETLS");
		return;
	}
	if (!to_z(from, sender) || !to_z(to, m->rcpt)) {
		transport_answer(
		    out, TRANSPORT_PERM, "5.1.3", 0, "an address too long");
		return;
	}
	e = start(&c, t->path, argv);
	if (e) {
		transport_answer(out, TRANSPORT_TEMP, "4.3.5", 0, "%s: %s",
		    t->path, strerror(e));
		out->transport_down = true;
		return;
	}
	run_without_sigpipe(&c);
	judge(&c, out);
}

const struct transport_ops transport_sendmail = {
    .open = sendmail_open,
    .send = sendmail_send,
    .close = sendmail_close,
};
