/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The journal, by way of journalctl(1): no library of systemd is needed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/compat/pipe.h"
#include "lib/net/listen.h"
#include "lib/mta/child.h"
#include "policyd/journal_export.h"
#include "policyd/log_source.h"

#define AGAIN_MS 5000 /* from the end of a child to the next */
/* machine-id(5): so many hexadecimal digits */
#define ID_LEN 32
#define MATCH "_MACHINE_ID="
#define MATCH_NAME_LEN (sizeof(MATCH) - 1)
#define MATCH_LEN (MATCH_NAME_LEN + ID_LEN)

struct log_journal {
	char *command;
	pid_t pid; /* 0: none */
	int fd;
	int64_t ended; /* when the last one did; clock_mono_ms() */
	struct log_mark at; /* after the last entry */
	struct journal_export export;
	struct buf line;
};

/* A match for what this machine itself logged; false: it has no ID. */
static bool
match_machine(char match[static MATCH_LEN + 1])
{
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	memcpy(match, MATCH, MATCH_NAME_LEN);
	n = read(fd, match + MATCH_NAME_LEN, ID_LEN);
	close(fd);
	match[MATCH_LEN] = '\0';
	return n == ID_LEN &&
	       strspn(match + MATCH_NAME_LEN, "0123456789abcdef") == ID_LEN;
}

/*
 * Without a cursor none but new entries. --follow alone would leave out those
 * of earlier boots, so all between a cursor and the end of its boot, and in a
 * container that is given a boot ID of its own, where journalctl sees another
 * one behind ProtectProc=, everything. What turns that off in all versions is
 * --merge, which brings in what other machines have sent here; the match for
 * the machine takes that out again.
 */
static int
spawn(struct log_journal *j, int out)
{
	char after[LOG_CURSOR_MAX + 32], machine[MATCH_LEN + 1];
	const char *argv[] = {j->command, "--follow", "--no-tail", "--quiet",
	    "--output=export", after, "--merge", "SYSLOG_FACILITY=2",
	    match_machine(machine) ? machine : NULL, NULL};

	snprintf(after, sizeof(after), "--after-cursor=%s", j->at.cursor);
	if (!j->at.cursor[0]) {
		argv[2] = "--lines=0";
		argv[5] = "--no-pager";
	}
	return child_start(argv, out, &j->pid);
}

static void
end_child(struct log_journal *j)
{
	if (j->pid) {
		kill(j->pid, SIGKILL);
		while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	if (j->fd >= 0)
		close(j->fd);
	j->pid = 0;
	j->fd = -1;
	j->ended = clock_mono_ms();
}

static int
start_child(struct log_journal *j, struct diag *d)
{
	int fds[2], err;

	if (compat_pipe(fds) < 0)
		return diag_set(
		    d, AVER_IO, 0, "%s: %s", j->command, strerror(errno));
	err = spawn(j, fds[1]);
	close(fds[1]);
	if (err || !listen_set_flags(fds[0])) {
		close(fds[0]);
		j->pid = err ? 0 : j->pid;
		end_child(j);
		return diag_set(d, AVER_IO, 0, "%s: %s", j->command,
		    strerror(err ? err : errno));
	}
	j->fd = fds[0];
	journal_export_init(&j->export);
	return 0;
}

static int
journal_seek(void *self, const struct log_mark *at, struct diag *d)
{
	struct log_journal *j = self;

	end_child(j);
	j->at = *at;
	return start_child(j, d);
}

static void
journal_here(void *self, struct log_mark *out)
{
	*out = ((struct log_journal *)self)->at;
}

/* Reads what is there; 1: something, 0: nothing now, or an error. */
static int
fill(struct log_journal *j, struct diag *d)
{
	size_t room;
	char *p = journal_room(&j->export, &room);
	ssize_t n = read(j->fd, p, room);

	if (n > 0) {
		journal_added(&j->export, (size_t)n);
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	end_child(j);
	return diag_set(d, AVER_IO, 0,
	    "%s ended, and is started again; may the user read "
	    "the journal?",
	    j->command);
}

static void
move_on(struct log_journal *j)
{
	struct str cursor = journal_value(&j->export, JOURNAL_CURSOR);
	struct log_mark m = {.dev = 0};
	struct buf b;

	buf_init(&b, NULL, LOG_CURSOR_MAX + 16);
	buf_add_z(&b, "cursor ");
	buf_add(&b, cursor);
	if (log_mark_parse(buf_str(&b), &m))
		j->at = m;
	buf_fini(&b);
}

static int
journal_get(
    void *self, struct str *line, struct log_mark *after, struct diag *d)
{
	struct log_journal *j = self;
	int err;

	if (j->fd < 0) {
		if (clock_mono_ms() - j->ended < AGAIN_MS)
			return 0;
		err = start_child(j, d);
		if (err)
			return err;
	}
	while (!journal_next(&j->export)) {
		err = fill(j, d);
		if (err <= 0)
			return err;
	}
	buf_clear(&j->line);
	journal_line(&j->export, &j->line);
	move_on(j);
	*line = buf_str(&j->line);
	*after = j->at;
	return 1;
}

static int
journal_fd(void *self)
{
	return ((struct log_journal *)self)->fd;
}

static uint64_t
journal_lag(void *self)
{
	(void)self;
	return 0;
}

static void
journal_close(void *self)
{
	struct log_journal *j = self;

	if (!j)
		return;
	end_child(j);
	buf_fini(&j->line);
	free(j->command);
	free(j);
}

int
log_source_journal(const char *command, struct log_source *out)
{
	struct log_journal *j = calloc(1, sizeof(*j));

	if (!j)
		return AVER_NOMEM;
	j->fd = -1;
	j->command = strdup(command);
	buf_init(&j->line, NULL, LOG_LINE_MAX);
	if (!j->command) {
		journal_close(j);
		return AVER_NOMEM;
	}
	*out = (struct log_source){journal_seek, journal_here, journal_get,
	    journal_fd, journal_lag, journal_close, j};
	return 0;
}
