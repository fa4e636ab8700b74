/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What a program in the place of postconf(1) says, or does not. */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/mta/postfix.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"

static struct tmppath
script(const struct tmpdir *t, const char *name, const char *text)
{
	struct tmppath p = tmp_in(t->path, name);

	tmp_write(p.z, text, strlen(text));
	chmod(p.z, 0755);
	return p;
}

static void
test_parse(void)
{
	struct postfix_facts f = {.mail_version = ""};
	char big[400];

	postfix_parse(STR("mail_version = 3.7.11\n"
			  "smtp_dns_support_level = \n"
			  "smtp_tls_security_level = dane\n"
			  "something_else = x\n"
			  "smtp_tls_dane_insecure_mx_policy=may"),
	    &f);
	is_str(str_from_z(f.mail_version), STR("3.7.11"), "the version");
	is_str(str_from_z(f.smtp_dns_support_level), STR(""), "empty");
	is_str(str_from_z(f.smtp_tls_security_level), STR("dane"), "a level");
	is_str(str_from_z(f.smtp_tls_dane_insecure_mx_policy), STR("may"),
	    "without spaces and line end");
	memset(big, 'x', sizeof(big));
	memcpy(big, "mail_version = ", 15);
	postfix_parse((struct str){big, sizeof(big)}, &f);
	is_str(str_from_z(f.mail_version), STR("3.7.11"),
	    "what does not fit is not taken");
	postfix_parse(STR("mail_version = \x1b[2J\nmail_version\n=\n\n"), &f);
	is_str(str_from_z(f.mail_version), STR("3.7.11"),
	    "nor what is not printable");
}

static void
test_run(const struct tmpdir *t)
{
	struct postfix_facts f = {.mail_version = "before"};
	struct diag d = {{0}, 0};
	struct tmppath p = script(t, "good",
	    "#!/bin/sh\n"
	    "[ \"$1\" = -x ] && [ $# = 8 ] || exit 1\n"
	    "echo 'mail_version = 3.9.1'\necho noise >&2\n"
	    "echo 'smtp_dns_support_level = dnssec'\n");

	is_int(postfix_ask(p.z, 5000, &f, &d), 0, "it is asked");
	is_str(str_from_z(f.mail_version), STR("3.9.1"), "for its version");
	is_str(str_from_z(f.smtp_dns_support_level), STR("dnssec"),
	    "and settings");
	p = script(t, "mute", "#!/bin/sh\nexit 1\n");
	is_int(postfix_ask(p.z, 5000, &f, &d), AVER_SYNTAX, "without version");
	is_str(str_from_z(f.mail_version), STR("3.9.1"), "nothing changes");
	is_int(postfix_ask("/no/such/postconf", 5000, &f, &d), AVER_NOTFOUND,
	    "there is none");
	ok(strstr(d.text, "/no/such/postconf"), "which is said: %s", d.text);
	p = script(t, "hang",
	    "#!/bin/sh\necho 'mail_version = 3.9'\n"
	    "exec sleep 100000\n");
	is_int(postfix_ask(p.z, 300, &f, &d), AVER_TEMP, "one that hangs");
	p = script(t, "flood", "#!/bin/sh\nexec yes 'mail_version = 3.8'\n");
	is_int(
	    postfix_ask(p.z, 300, &f, &d), AVER_TEMP, "one that never stops");
	/* the shell's words are no shell's here */
	is_int(postfix_ask("/bin/echo;true", 300, &f, &d), AVER_NOTFOUND,
	    "no shell is in between");
}

static const struct {
	const char *name, *said, *want;
} levels[] = {
    {"none is said", "", ""},
    {"TLS is used", "echo smtp_use_tls = yes\n", "may"},
    {"TLS is a must", "echo smtp_enforce_tls = yes\n", "verify"},
    {"TLS is a must, whoever it is",
	"echo smtp_enforce_tls = yes\necho smtp_tls_enforce_peername = no\n",
	"encrypt"},
    {"the level counts before",
	"echo smtp_enforce_tls = yes\necho smtp_tls_security_level = may\n",
	"may"},
    {"nothing of it",
	"echo smtp_use_tls = no\necho smtp_enforce_tls = no\n"
	"echo smtp_tls_enforce_peername = yes\n",
	""},
};

/* main.cf may be older than smtp_tls_security_level. */
static void
test_levels(const struct tmpdir *t)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct postfix_facts f = {.mail_version = ""};
		struct diag d = {{0}, 0};
		struct tmppath p;
		struct buf b;

		buf_init(&b, NULL, 1000);
		buf_addf(&b, "#!/bin/sh\necho mail_version = 3.10.4\n%s",
		    levels[i].said);
		p = script(t, "levels", buf_z(&b));
		is_int(postfix_ask(p.z, 5000, &f, &d), 0, levels[i].name);
		is_str(str_from_z(f.smtp_tls_security_level),
		    str_from_z(levels[i].want), levels[i].name);
		buf_fini(&b);
	}
}

static void
expect_advice(const char *dns, const char *level, bool validating,
    const char *want, const char *name)
{
	struct postfix_facts f = {.mail_version = "3.7"};
	struct buf b;

	snprintf(f.smtp_dns_support_level, sizeof(f.smtp_dns_support_level),
	    "%s", dns);
	snprintf(f.smtp_tls_security_level, sizeof(f.smtp_tls_security_level),
	    "%s", level);
	buf_init(&b, NULL, 4096);
	postfix_advice(&b, &f, validating);
	ok(*want ? strstr(buf_z(&b), want) != NULL : b.n == 0, "%s", name);
	buf_fini(&b);
}

int
main(void)
{
	struct tmpdir t = tmpdir_new();

	signal(SIGPIPE, SIG_IGN);
	test_parse();
	test_run(&t);
	test_levels(&t);
	expect_advice("dnssec", "dane", true, "", "all is well");
	expect_advice("dnssec", "may", true, "", "this too");
	expect_advice(
	    "", "may", true, "smtp_dns_support_level", "no DNSSEC in Postfix");
	expect_advice("enabled", "dane", true, "no more than may",
	    "dane without it is worth little");
	expect_advice("dnssec", "", true, "in clear", "no TLS at all");
	expect_advice("dnssec", "dane", false, "does not validate", "nor here");
	tmpdir_remove(t.path);
	return tap_done();
}
