/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Lines of a log file over rotation and restarts, of a stream, and of the
 * journal by way of a program that plays journalctl(1); the place that is
 * remembered.
 */
#include "lib/base/err.h"
#include "policyd/journal_export.h"
#include "policyd/log_source.h"
#include "policyd/log_state.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define TURNS 60 /* of 100 ms */

static const struct log_mark nowhere;

static void
add(const char *path, const char *text)
{
	FILE *f = fopen(path, "a");

	fputs(text, f);
	fclose(f);
}

/* The lines that are there, each with a "/" behind it. */
static void
read_all(struct log_source *s, struct buf *b, struct log_mark *at)
{
	struct str line;
	struct log_mark after;

	while (s->next(s->self, &line, &after, NULL) == 1) {
		buf_addf(b, "%.*s/", STRF(line));
		*at = after;
	}
}

/* Until all of it came, or far too long. */
static void
expect(struct log_source *s, const char *want, const char *name,
    struct log_mark *at)
{
	struct buf b;

	buf_init(&b, NULL, 100000);
	read_all(s, &b, at);
	for (int i = 0; i < TURNS && buf_str(&b).n < strlen(want); i++) {
		usleep(100000);
		read_all(s, &b, at);
	}
	is_str(buf_str(&b), str_from_z(want), name);
	buf_fini(&b);
}

static void
test_follow(const char *dir)
{
	struct tmppath log = tmp_in(dir, "mail.log");
	struct tmppath one = tmp_in(dir, "mail.log.1");
	struct log_mark at = nowhere;
	struct log_source s;

	add(log.z, "old\nhalf");
	is_int(log_source_file(log.z, &s), 0, "a file");
	is_int(s.seek(s.self, &nowhere, NULL), 0, "from its end");
	s.here(s.self, &at);
	is_int((long long)at.offset, 8, "which is known at once");
	add(log.z, " of a line\nnew\nunfin");
	expect(&s, "/new/", "only what is new, in whole lines", &at);
	is_int((long long)s.lag(s.self), 5, "the rest waits");
	add(log.z, "ished\n");
	expect(&s, "unfinished/", "until it is a line", &at);
	rename(log.z, one.z);
	add(one.z, "late\n");
	expect(&s, "late/", "renamed, and still written to", &at);
	add(log.z, "first\n");
	add(one.z, "later\n");
	expect(&s, "later/first/", "then the new one", &at);
	if (truncate(log.z, 0))
		ok(false, "truncate");
	expect(&s, "", "truncated", &at);
	add(log.z, "a\n");
	expect(&s, "a/", "from its begin", &at);
	s.close(s.self);
}

/* /var/log/mail, as some systems have it, with logs of some levels beside. */
static void
test_neighbours(const char *dir)
{
	static const char *const others[] = {
	    "mail.info", "mail.warn", "mail.info.1", "mailbox-1", "mail.1.gz"};
	struct tmppath log = tmp_in(dir, "mail"), one = tmp_in(dir, "mail-1");
	struct log_mark at = nowhere;
	struct log_source s;

	add(log.z, "");
	(void)log_source_file(log.z, &s);
	is_int(s.seek(s.self, &nowhere, NULL), 0, "a log among others");
	add(log.z, "a\n");
	expect(&s, "a/", "is followed", &at);
	rename(log.z, one.z);
	for (size_t i = 0; i < N(others); i++)
		add(tmp_in(dir, others[i]).z, "other\n");
	usleep(20000);
	add(log.z, "b\n");
	expect(&s, "b/", "and what is beside it is not its next", &at);
	s.close(s.self);
}

static void
test_restart(const char *dir)
{
	struct tmppath log = tmp_in(dir, "r.log"), one = tmp_in(dir, "r.log.1");
	struct tmppath two = tmp_in(dir, "r.log.2");
	struct tmppath zip = tmp_in(dir, "r.log.3.gz");
	struct log_mark at = nowhere, gone;
	struct log_source s;

	add(zip.z, "compressed\n");
	(void)log_source_file(log.z, &s);
	is_int(s.seek(s.self, &nowhere, NULL), 0, "no file yet");
	expect(&s, "", "nothing", &at);
	add(log.z, "a\n");
	expect(&s, "a/", "a file that came later is new as a whole", &at);
	s.close(s.self);

	/* two rotations while nobody looked */
	add(log.z, "b\n");
	rename(log.z, two.z);
	usleep(20000);
	add(one.z, "c\n");
	usleep(20000);
	add(log.z, "d\n");
	(void)log_source_file(log.z, &s);
	is_int(s.seek(s.self, &at, NULL), 0, "the file under another name");
	expect(&s, "b/c/d/", "all that came, in order", &at);
	s.close(s.self);

	/* truncated and filled again: as long as before, but not the same */
	if (truncate(log.z, 0))
		ok(false, "truncate");
	add(log.z, "e\n");
	(void)log_source_file(log.z, &s);
	is_int(s.seek(s.self, &at, NULL), AVER_NOTFOUND, "another content");
	expect(&s, "e/", "is read from its begin", &at);
	s.close(s.self);

	gone = at;
	gone.ino += 12345;
	(void)log_source_file(log.z, &s);
	is_int(
	    s.seek(s.self, &gone, NULL), AVER_NOTFOUND, "a file that is gone");
	expect(&s, "e/", "then the one of that name", &at);
	s.close(s.self);
}

static void
test_long(const char *dir)
{
	struct tmppath log = tmp_in(dir, "l.log");
	struct log_mark at = nowhere;
	struct log_source s;
	FILE *f;

	add(log.z, "");
	(void)log_source_file(log.z, &s);
	(void)s.seek(s.self, &nowhere, NULL);
	f = fopen(log.z, "a");
	for (size_t i = 0; i < 3 * LOG_LINE_MAX + 7; i++)
		fputc('x', f);
	fputs("\nshort\n", f);
	fclose(f);
	expect(&s, "/short/", "a line that is too long is passed over", &at);
	is_int((long long)at.offset, (long long)(3 * LOG_LINE_MAX + 7 + 7),
	    "and counted");
	s.close(s.self);
	(void)log_source_file(log.z, &s);
	is_int(s.seek(s.self, &at, NULL), 0, "the place behind is good");
	s.close(s.self);
}

static void
test_stream(void)
{
	struct log_mark at;
	struct log_source s;
	struct str line;
	int fd[2];

	if (pipe(fd))
		return;
	(void)log_source_stream(fd[0], &s);
	is_int(s.seek(s.self, &nowhere, NULL), 0, "a stream");
	is_int(s.next(s.self, &line, &at, NULL), 0, "nothing yet");
	ok(write(fd[1], "a\nb\nc", 5) == 5, "write");
	expect(&s, "a/b/", "its lines", &at);
	close(fd[1]);
	is_int(s.next(s.self, &line, &at, NULL), AVER_NOTFOUND, "its end");
	s.close(s.self);
	close(fd[0]);
}

/* ---- the journal -------------------------------------------------------- */

#define ENTRY(cursor, message)                                         \
	"__CURSOR=" cursor "\n__REALTIME_TIMESTAMP=1795300912123456\n" \
	"PRIORITY=6\n_HOSTNAME=out\nSYSLOG_IDENTIFIER=postfix/smtp\n"  \
	"SYSLOG_PID=11\n" message "\n"
#define BINARY "MESSAGE\n\x05\0\0\0\0\0\0\0x\ny\xffz\n"
#define HEAD "2026-11-21T22:41:52+00:00 out postfix/smtp[11]: "

static const char stream[] = ENTRY("s=1;i=1", "MESSAGE=one\n") "\n" ENTRY(
    "s=1;i=2", BINARY) "__CURSOR=s=1;i=3\n\n" ENTRY("s=1;i=4",
    "BLOB\n\xff\xff\x01\0\0\0\0\0");

static void
feed(struct journal_export *j, struct str octets, struct buf *out)
{
	while (octets.n) {
		size_t room;
		char *p = journal_room(j, &room);

		room = room < octets.n ? room : octets.n;
		memcpy(p, octets.p, room);
		journal_added(j, room);
		octets = str_from(octets, room);
		while (journal_next(j)) {
			buf_addf(out,
			    "%.*s=", STRF(journal_value(j, JOURNAL_CURSOR)));
			journal_line(j, out);
			buf_add_c(out, '/');
		}
	}
}

static void
test_export(void)
{
	static const struct str want =
	    STR_INIT("s=1;i=1=" HEAD "one/s=1;i=2=" HEAD "x y\xffz/s=1;i=3=/"
		     "s=1;i=4=" HEAD "after/");
	struct journal_export *j = malloc(sizeof(*j));
	static const size_t steps[] = {1, 2, 3, 7, 64, 100000};
	struct str all = {stream, sizeof(stream) - 1};
	struct buf b;

	buf_init(&b, NULL, 10000);
	for (size_t i = 0; i < N(steps); i++) {
		struct str rest = all;

		journal_export_init(j);
		buf_clear(&b);
		while (rest.n) {
			feed(j, str_head(rest, steps[i]), &b);
			rest = str_from(rest, steps[i]);
		}
		/* a value of 131071 octets */
		for (size_t k = 0; k < 0x1fffe; k++)
			feed(j, STR("\n"), &b);
		feed(j, STR("\nMESSAGE=after\n\n"), &b);
		is_str(buf_str(&b), want, "the same in any pieces");
	}
	buf_fini(&b);
	free(j);
}

static void
test_journal(const char *dir)
{
	struct tmppath fake = tmp_in(dir, "journalctl");
	struct tmppath args = tmp_in(dir, "args");
	struct log_mark at = nowhere;
	struct log_source s;
	char text[1024] = "";
	FILE *f = fopen(fake.z, "w");

	/* the second time it is asked to go on after the first entry */
	fprintf(f,
	    "#!/bin/sh\necho \"$*\" >>%s\ncase \"$*\" in *i=1*) n=2;; *) "
	    "n=1;; esac\nprintf '__CURSOR=s=1;i=%%s\\n"
	    "__REALTIME_TIMESTAMP=1795300912123456\\n_HOSTNAME=out\\n"
	    "SYSLOG_IDENTIFIER=postfix/smtp\\nSYSLOG_PID=11\\n"
	    "MESSAGE=m%%s\\n\\n' $n $n\nexec sleep 60\n",
	    args.z);
	fclose(f);
	chmod(fake.z, 0700);
	(void)log_source_journal(fake.z, &s);
	is_int(s.seek(s.self, &nowhere, NULL), 0, "journalctl");
	expect(&s, HEAD "m1/", "an entry", &at);
	ok(strcmp(at.cursor, "s=1;i=1") == 0, "its cursor");
	is_int(s.seek(s.self, &at, NULL), 0, "again");
	expect(&s, HEAD "m2/", "after the cursor", &at);
	s.close(s.self);
	f = fopen(args.z, "r");
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	ok(strstr(text, "--lines=0") && strstr(text, "--after-cursor=s=1;i=1"),
	    "its arguments: %s", text);
	(void)log_source_journal("/nonexistent/journalctl", &s);
	is_int(s.seek(s.self, &nowhere, NULL), AVER_IO, "no such program");
	s.close(s.self);
}

/* ---- the place ---------------------------------------------------------- */

static const char *const bad_states[] = {
    "",
    "aver tls-log 1\n",
    "aver tls-log 2\nsource a\nseq 1\nfile 1 2 3 4 5\nfile 1 2 3 4 5\n"
    "file 1 2 3 4 5\nend\n",
    "aver tls-log 1\nsource a b\nseq 1\nfile 1 2 3 4 5\nfile 1 2 3 4 5\n"
    "file 1 2 3 4 5\nend\n",
    "aver tls-log 1\nsource a\nseq -1\nfile 1 2 3 4 5\nfile 1 2 3 4 5\n"
    "file 1 2 3 4 5\nend\n",
    "aver tls-log 1\nsource a\nseq 1\nfile 1 2 3 4\nfile 1 2 3 4 5\n"
    "file 1 2 3 4 5\nend\n",
    "aver tls-log 1\nsource a\nseq 1\nfile 1 2 3 4 5 6\nfile 1 2 3 4 5\n"
    "file 1 2 3 4 5\nend\n",
    "aver tls-log 1\nsource a\nseq 1\ncursor a b\nfile 1 2 3 4 5\n"
    "file 1 2 3 4 5\nend\n",
    "aver tls-log 1\nsource a\nseq 1\ncursor \nfile 1 2 3 4 5\n"
    "file 1 2 3 4 5\nend\n",
    "aver tls-log 1\nsource a\nseq 1\nfile 1 2 3 4 5\nfile 1 2 3 4 5\n"
    "file 1 2 3 4 5\nen",
    "aver tls-log 1\nsource a\nseq 1\nfile 1 2 3 4 5\nfile 1 2 3 4 5\n"
    "file 1 2 3 4 5\nend\nmore",
};

static void
test_state(const char *dir)
{
	struct tmppath path = tmp_in(dir, "state");
	struct log_state s, back;
	struct diag d;

	is_int(log_state_load(path.z, &back, &d), AVER_NOTFOUND, "none yet");
	is_int(log_state_new(&s), 0, "a new one");
	s.seq = 7;
	s.begin = (struct log_mark){.dev = 1, .ino = 2, .offset = UINT64_MAX};
	s.end = (struct log_mark){.cursor = "s=1;i=2"};
	is_int(log_state_save(path.z, &s, &d), 0, "written");
	is_int(log_state_load(path.z, &back, &d), 0, "and read");
	ok(strcmp(back.source, s.source) == 0 && back.seq == 7 &&
		log_mark_eq(&back.begin, &s.begin) &&
		log_mark_eq(&back.end, &s.end) && !log_mark_is(&back.look),
	    "the same");
	for (size_t i = 0; i < N(bad_states); i++)
		ok(!log_state_parse(str_from_z(bad_states[i]), &back),
		    "damaged %zu", i);
	ok(back.seq == 7, "leaves what was there");
	add(path.z, "x");
	is_int(log_state_load(path.z, &back, &d), AVER_SYNTAX, "damaged");
}

int
main(void)
{
	struct tmpdir dir = tmpdir_new();

	test_follow(dir.path);
	test_neighbours(dir.path);
	test_restart(dir.path);
	test_long(dir.path);
	test_stream();
	test_export();
	test_journal(dir.path);
	test_state(dir.path);
	tmpdir_remove(dir.path);
	return tap_done();
}
