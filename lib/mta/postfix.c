/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mta/postfix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/mta/child.h"

#define OUTPUT_MAX ((size_t)16 * 1024)

static const struct {
	const char *name;
	size_t offset;
} facts[] = {
    {"mail_version", offsetof(struct postfix_facts, mail_version)},
    {"smtp_dns_support_level",
	offsetof(struct postfix_facts, smtp_dns_support_level)},
    {"smtp_tls_security_level",
	offsetof(struct postfix_facts, smtp_tls_security_level)},
    {"smtp_tls_dane_insecure_mx_policy",
	offsetof(struct postfix_facts, smtp_tls_dane_insecure_mx_policy)},
    {"smtp_use_tls", offsetof(struct postfix_facts, smtp_use_tls)},
    {"smtp_enforce_tls", offsetof(struct postfix_facts, smtp_enforce_tls)},
    {"smtp_tls_enforce_peername",
	offsetof(struct postfix_facts, smtp_tls_enforce_peername)},
};

#define N_FACTS (sizeof(facts) / sizeof(facts[0]))

static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_PRINT))
			return false;
	return s.n < POSTFIX_VALUE_MAX;
}

void
postfix_parse(struct str text, struct postfix_facts *out)
{
	while (text.n) {
		struct str value, line = str_cut(text, '\n', &text);
		struct str name = str_trim_fws(str_cut(line, '=', &value));

		value = str_trim_fws(value);
		for (size_t i = 0; i < N_FACTS && value.p && is_plain(value);
		     i++) {
			char *to = (char *)out + facts[i].offset;

			if (!str_eq(name, str_from_z(facts[i].name)))
				continue;
			memcpy(to, value.p, value.n);
			to[value.n] = '\0';
		}
	}
}

static bool
is(const char *value, const char *word)
{
	return str_eq_ci(str_from_z(value), str_from_z(word));
}

/* postconf(5): where the level is empty, what Postfix before 2.3 had counts. */
static void
settle_level(struct postfix_facts *f)
{
	const char *level = "";

	if (f->smtp_tls_security_level[0])
		return;
	if (is(f->smtp_enforce_tls, "yes"))
		level = is(f->smtp_tls_enforce_peername, "no") ? "encrypt"
							       : "verify";
	else if (is(f->smtp_use_tls, "yes"))
		level = "may";
	memcpy(f->smtp_tls_security_level, level, strlen(level) + 1);
}

/* ---- running it --------------------------------------------------------- */

static int
spawn(const char *command, int out, pid_t *pid)
{
	static const char expand[] = "-x";
	const char *argv[N_FACTS + 3] = {command, expand};

	for (size_t i = 0; i < N_FACTS; i++)
		argv[i + 2] = facts[i].name;
	return child_start(argv, out, pid);
}

/* Reads to the end; false when it does not come in time. */
static bool
read_all(int fd, int64_t deadline, struct buf *b)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - clock_mono_ms();
		char chunk[1024];
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		buf_add(b, (struct str){chunk, (size_t)n});
	}
}

/* Its output has ended, or its time: it must not outlive us. */
static void
reap(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

int
postfix_ask(const char *command, int timeout_ms, struct postfix_facts *out,
    struct diag *d)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	struct postfix_facts said = {.mail_version = ""};
	int fds[2], err;
	struct buf b;
	bool ended;
	pid_t pid;

	if (pipe(fds) < 0)
		return diag_set(
		    d, AVER_IO, 0, "%s: %s", command, strerror(errno));
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	err = spawn(command, fds[1], &pid);
	close(fds[1]);
	if (err) {
		close(fds[0]);
		return diag_set(
		    d, AVER_NOTFOUND, 0, "%s: %s", command, strerror(err));
	}
	buf_init(&b, NULL, OUTPUT_MAX);
	ended = read_all(fds[0], deadline, &b);
	close(fds[0]);
	reap(pid);
	postfix_parse(buf_str(&b), &said);
	buf_fini(&b);
	if (!ended)
		return diag_set(d, AVER_TEMP, 0, "%s: no end within %d ms",
		    command, timeout_ms);
	if (!said.mail_version[0])
		return diag_set(d, AVER_SYNTAX, 0,
		    "%s: does not say its mail_version", command);
	settle_level(&said);
	*out = said;
	return 0;
}

/* ---- advice ------------------------------------------------------------- */

void
postfix_advice(struct buf *b, const struct postfix_facts *f, bool validating)
{
	if (!is(f->smtp_dns_support_level, "dnssec"))
		buf_addf(b,
		    "Postfix has smtp_dns_support_level = %s: it will defer "
		    "mail to every domain that is answered with dane or "
		    "dane-only; set it to dnssec, with a validating resolver "
		    "on this host in /etc/resolv.conf, or set dane = no here\n",
		    f->smtp_dns_support_level);
	if (!f->smtp_tls_security_level[0] ||
	    is(f->smtp_tls_security_level, "none"))
		buf_addf(b,
		    "Postfix has smtp_tls_security_level = %s: domains "
		    "without a policy get mail in clear; set it to may, or to "
		    "dane\n",
		    f->smtp_tls_security_level);
	if (is(f->smtp_tls_security_level, "dane") &&
	    !is(f->smtp_dns_support_level, "dnssec"))
		buf_add_z(b,
		    "Postfix has smtp_tls_security_level = dane, which without "
		    "smtp_dns_support_level = dnssec is no more than may\n");
	if (!validating)
		buf_add_z(b,
		    "the resolver of this program does not validate DNSSEC: no "
		    "domain is answered with dane or dane-only\n");
}
