/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* `aver conf` and `aver reload`: statuses, output and messages. */

#include "t/tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/cmd_conf.h"
#include "ctl/cmd_reload.h"
#include "lib/compat/compat.h"

#define WORDS_MAX 4
#define USAGE                                         \
	"usage: aver conf [-c FILE] [-v] [-d | -n]\n" \
	"       aver conf [-c FILE] [-d] NAME ...\n"  \
	"       aver conf [-c FILE] -t\n"

/* The test cannot go on. */
static void
bail(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

static const struct {
	const char *file;
	const char *words[WORDS_MAX]; /* after "conf" */
	int status;
	const char *out; /* NULL: any, but not empty */
	const char *err;
} rows[] = {
    {"good", {"-n"}, 0, "user = mail\nspf_helo = no\n", ""},
    {"good", {"-nv"}, 0,
	"# The user that daemons run as when root starts them.\n"
	"user = mail\n"
	"\n"
	"# Whether SPF is evaluated for the HELO name too.\n"
	"spf_helo = no\n",
	""},
    {"good", {NULL}, 0, NULL, ""},
    {"good", {"-v"}, 0, NULL, ""},
    {"good", {"user", "spf_max_void"}, 0, "user = mail\nspf_max_void = 2\n",
	""},
    {"good", {"-d", "user"}, 0, "user = aver\n", ""},
    {"good", {"--", "user"}, 2, "", USAGE},
    {"good", {"nothing", "user"}, 1, "user = mail\n",
	"aver conf: there is no parameter of the name nothing\n"},
    {"good", {"-t"}, 0, "", ""},
    {"bad", {"-t"}, 1, "",
	"bad:1: parameter spf_helo: \"x\" is neither yes nor no; expected yes "
	"or no\n"
	"bad:2: parameter usr: there is none of this name; did you mean "
	"user?\n"},
    {"sasl", {"-t"}, 1, "", "report_sasl_mechanism: unknown: LOGIN\n"},
    {"redis", {"-t"}, 0, "", ""},
    {"redis_bad", {"-t"}, 1, "", "store: a port is malformed\n"},
    {"transport", {"-t"}, 1, "",
	"transport:1: parameter report_transport: \"smtp://-x.example\" is not "
	"usable here; expected sendmail:, sendmail:/PATH, smtp://HOST, "
	"submission://HOST, submissions://HOST (each with :PORT), or "
	"directory:/PATH\n"},
    {"bad", {"-n"}, 1, "",
	"aver conf: bad:1: parameter spf_helo: \"x\" is neither yes nor no; "
	"expected yes or no\n"},
    {"bad", {"-d", "spf_helo"}, 0, "spf_helo = yes\n", ""},
    {"missing", {"-n"}, 1, "",
	"aver conf: missing: cannot be read: No such file or directory\n"},
    {"missing", {"-d"}, 0, NULL, ""},
    {"missing", {"-c", "good", "user"}, 0, "user = mail\n", ""},
    {"missing", {"-t", "-c", "good"}, 0, "", ""},
    {"missing", {"-tc", "good"}, 0, "", ""},
    {"good", {"-c"}, 2, "", USAGE},
    {"good", {"-cgood"}, 2, "", USAGE},
    {"good", {"-x"}, 2, "", USAGE},
    {"good", {"-t", "user"}, 2, "", USAGE},
    {"good", {"-td"}, 2, "", USAGE},
    {"good", {"-n", "-d"}, 2, "", USAGE},
    {"good", {"-n", "user"}, 2, "", USAGE},
    {"good", {"-v", "user"}, 2, "", USAGE},
};

struct result {
	char *out, *err;
	size_t n_out, n_err;
	FILE *fout, *ferr;
	int status;
};

static void
open_result(struct result *r)
{
	r->fout = open_memstream(&r->out, &r->n_out);
	r->ferr = open_memstream(&r->err, &r->n_err);
	if (!r->fout || !r->ferr)
		bail("open_memstream");
}

static void
close_result(struct result *r)
{
	fclose(r->fout);
	fclose(r->ferr);
}

static void
free_result(struct result *r)
{
	free(r->out);
	free(r->err);
}

static void
test_conf(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *argv[WORDS_MAX + 2] = {(char *)"conf"};
		char name[100] = "aver conf";
		struct result r;
		int argc = 1;

		for (int j = 0; j < WORDS_MAX && rows[i].words[j]; j++) {
			size_t n = strlen(name);

			argv[argc++] = (char *)rows[i].words[j];
			snprintf(name + n, sizeof(name) - n, " %s",
			    rows[i].words[j]);
		}
		open_result(&r);
		r.status = cmd_conf(rows[i].file, argc, argv, r.fout, r.ferr);
		close_result(&r);
		is_int(r.status, rows[i].status, name);
		if (rows[i].out)
			is_str(
			    str_from_z(r.out), str_from_z(rows[i].out), name);
		else
			ok(r.n_out > 500, "%s: prints all", name);
		is_str(str_from_z(r.err), str_from_z(rows[i].err), name);
		free_result(&r);
	}
}

static void
reload(const char *file, const char *pidfile, int status, const char *err)
{
	const struct reload_daemon daemons[] = {
	    {"one", "nowhere"}, {"aver-milter", pidfile}, {NULL, NULL}};
	struct result r;

	open_result(&r);
	r.status = cmd_reload(file, daemons, r.ferr);
	close_result(&r);
	is_int(r.status, status, "aver reload");
	is_str(str_from_z(r.err), str_from_z(err), "aver reload's message");
	free_result(&r);
}

/* A process that holds pid, and ends at SIGUSR1 with status 7. */
static pid_t
start_daemon(void)
{
	sigset_t set;
	int pipes[2], sig;
	char c;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe(pipes) < 0 || (pid = fork()) < 0)
		bail("fork");
	if (pid == 0) {
		alarm(20);
		c = compat_pidfile("pid", NULL) >= 0 ? 'y' : 'n';
		if (write(pipes[1], &c, 1) != 1 || c == 'n')
			_exit(1);
		sigwait(&set, &sig);
		_exit(7);
	}
	if (read(pipes[0], &c, 1) != 1 || c != 'y')
		bail("no PID file");
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static void
test_reload(void)
{
	pid_t pid;
	int status = 0;

	reload("good", "pid", 1,
	    "aver reload: one does not run: nowhere: no such file\n"
	    "aver reload: aver-milter does not run: pid: no such file\n");
	pid = start_daemon();
	reload("bad", "pid", 1,
	    "bad:1: parameter spf_helo: \"x\" is neither yes nor no; expected "
	    "yes or no\n"
	    "bad:2: parameter usr: there is none of this name; did you mean "
	    "user?\n"
	    "aver reload: nothing is changed\n");
	is_int(waitpid(pid, &status, WNOHANG), 0, "no signal was sent");
	reload("good", "pid", 0, "");
	is_int(waitpid(pid, &status, 0), pid, "the daemon got a signal");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "SIGUSR1");
	reload("good", "pid", 1,
	    "aver reload: one does not run: nowhere: no such file\n"
	    "aver reload: aver-milter does not run: pid: no process holds "
	    "it\n");
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		bail(path);
}

int
main(void)
{
	char dir[] = "/tmp/aver-cmd-XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0)
		bail("mkdtemp");
	write_file("good", "user = mail\nspf_helo = no\n");
	write_file("bad", "spf_helo = x\nusr = mail\n");
	write_file("sasl", "report_sasl_mechanism = LOGIN\n");
	write_file("redis", "store = redis://h.example/1?prefix=mx\n");
	write_file("redis_bad", "store = redis://h:x\n");
	write_file("transport", "report_transport = smtp://-x.example\n");
	test_conf();
	test_reload();
	unlink("good");
	unlink("bad");
	unlink("sasl");
	unlink("redis");
	unlink("redis_bad");
	unlink("transport");
	unlink("pid");
	ok(rmdir(dir) == 0, "no files are left");
	return tap_done();
}
