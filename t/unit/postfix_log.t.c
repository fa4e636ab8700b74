/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * TLS sessions from Postfix's log. The lines are in the form that 3.7.11 and
 * 3.12 write them, with names of our own.
 */

#include "lib/base/buf.h"
#include "lib/tlsrpt/postfix_line.h"
#include "lib/tlsrpt/postfix_log.h"
#include "t/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define MEMORY ((size_t)16 << 20)

#define T "Nov 21 22:42:12 out "
#define S T "postfix/smtp[11]: "
#define UP(level, host)                                                    \
	level " TLS connection established to " host                       \
	      ":25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "           \
	      "(256/256 bits) key-exchange X25519 server-signature ECDSA " \
	      "(prime256v1) server-digest SHA256\n"
#define BAD(host, why) \
	"certificate verification failed for " host ":25: " why "\n"
#define MAIL(id, rcpt, relay, more, text)  \
	id ": to=<" rcpt ">, relay=" relay \
	   ", delay=0.07, delays=0.01/0.01/0.05/0" more text "\n"
#define SENT ", dsn=2.0.0, status=sent (250 2.0.0 ok)"
#define UNVERIFIED \
	", dsn=4.7.5, status=deferred (Server certificate not verified)"
#define A "mx.a.example[192.0.2.1]"
#define B "mx.b.example[2001:db8::2]"

struct sink {
	struct buf b;
};

static void
note(void *arg, const struct postfix_event *e)
{
	static const char *const kinds[] = {"session", "policy", "offer"};
	struct sink *s = arg;

	buf_addf(&s->b, "%s %.*s %.*s[%.*s] %s %s", kinds[e->kind],
	    STRF(e->domain), STRF(e->mx), STRF(e->ip),
	    postfix_level_name(e->level), tlsrpt_result_name(e->result));
	if (e->reason.n)
		buf_addf(&s->b, " %.*s", STRF(e->reason));
	if (e->protocol.n)
		buf_addf(&s->b, " %.*s", STRF(e->protocol));
	if (e->lacks_starttls)
		buf_add_z(&s->b, " lacks");
	if (e->is_reported)
		buf_add_z(&s->b, " reported");
	if (e->tls.n)
		buf_addf(&s->b, " tls=%.*s", STRF(e->tls));
	buf_add_c(&s->b, '\n');
}

static const struct {
	const char *name, *lines, *want;
} logs[] = {
    {"delivered, verified",
	S UP("Verified", A) S MAIL("1A", "u@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] verified success TLSv1.3\n"},
    {"delivered, encrypted only",
	S UP("Untrusted", A) S MAIL("1A", "u@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] untrusted success "
	"TLSv1.3\n"},
    {"delivered in clear", S MAIL("1A", "u@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] clear success\n"},
    {"self-signed, secure",
	S BAD(A, "self-signed certificate") S UP("Untrusted", A)
	    S MAIL("1A", "u@a.example", A ":25", "", UNVERIFIED),
	"session a.example mx.a.example[192.0.2.1] untrusted "
	"validation-failure self-signed_certificate TLSv1.3\n"},
    {"expired",
	S "server " BAD(A, "certificate has expired") S UP("Untrusted", A)
	    S MAIL("1A", "u@a.example", A ":25", "", UNVERIFIED),
	"session a.example mx.a.example[192.0.2.1] untrusted "
	"certificate-expired TLSv1.3\n"},
    {"no matching TLSA",
	S "server " BAD(A, "num=65:no matching DANE TLSA records")
	    S UP("Untrusted", A)
		S MAIL("1A", "u@a.example", A ":25", "", UNVERIFIED),
	"session a.example mx.a.example[192.0.2.1] untrusted "
	"certificate-not-trusted TLSv1.3\n"},
    {"another name",
	S "server " BAD(A, "num=62:hostname mismatch") S UP("Untrusted", A)
	    S MAIL("1A", "u@a.example", A ":25", "", UNVERIFIED),
	"session a.example mx.a.example[192.0.2.1] untrusted "
	"certificate-host-mismatch TLSv1.3\n"},
    {"trusted, but another name, by the level alone",
	S UP("Trusted", A) S MAIL("1A", "u@a.example", A ":25", "", UNVERIFIED),
	"session a.example mx.a.example[192.0.2.1] trusted "
	"certificate-host-mismatch TLSv1.3\n"},
    {"unknown issuer",
	S BAD(A, "untrusted issuer /CN=x: y") S UP("Untrusted", A)
	    S MAIL("1A", "u@a.example", A ":25", "", UNVERIFIED),
	"session a.example mx.a.example[192.0.2.1] untrusted "
	"validation-failure untrusted_issuer TLSv1.3\n"},
    {"failed certificate at level may is no failure",
	S BAD(A, "self-signed certificate") S UP("Untrusted", A)
	    S MAIL("1A", "u@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] untrusted success "
	"TLSv1.3\n"},
    {"not offered",
	S MAIL("1A", "u@a.example", A ":25", "",
	    ", dsn=4.7.4, status=deferred (TLS is required, but was not "
	    "offered by host " A ")"),
	"session a.example mx.a.example[192.0.2.1] clear "
	"starttls-not-supported lacks\n"},
    {"refused",
	S MAIL("1A", "u@a.example", A ":25", "",
	    ", dsn=4.7.0, status=deferred (TLS is required, but host " A
	    " refused to start TLS: 454 4.7.0 no)"),
	"session a.example mx.a.example[192.0.2.1] clear "
	"starttls-not-supported\n"},
    {"handshake failed, TLS required",
	S "SSL_connect error to " A
	  ":25: lost connection\n" S MAIL("1A", "u@a.example", A ":25", "",
	      ", dsn=4.7.5, status=deferred (Cannot start TLS: handshake "
	      "failure)"),
	"session a.example mx.a.example[192.0.2.1] clear validation-failure "
	"tls-handshake-failure\n"},
    {"handshake failed, then in clear",
	S "SSL_connect error to " A
	  ":25: -1\n" S MAIL("1A", "u@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] clear validation-failure "
	"tls-handshake-failure\n"},
    {"on to the next host",
	S BAD(A, "self-signed certificate") S UP("Untrusted", A) S
	"1A: Server certificate not verified\n" S
	"1A: TLS is required, but was not offered by host " B
	"\n" S UP("Verified", "mx.c.example[192.0.2.3]")
	    S MAIL("1A", "u@a.example", "mx.c.example[192.0.2.3]:25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] untrusted "
	"validation-failure self-signed_certificate TLSv1.3\n"
	"session a.example mx.b.example[2001:db8::2] clear "
	"starttls-not-supported lacks\n"
	"session a.example mx.c.example[192.0.2.3] verified success TLSv1.3\n"},
    {"two recipients, one session",
	S UP("Verified", A) S MAIL("1A", "u@a.example", A ":25", "", SENT)
	    S MAIL("1A", "v@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] verified success TLSv1.3\n"},
    {"two recipients in clear",
	S MAIL("1A", "u@a.example", A ":25", "", SENT)
	    S MAIL("1A", "v@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] clear success\n"},
    {"one session, two messages",
	S UP("Verified", A) S MAIL("1A", "u@a.example", A ":25", "", SENT) S
	"1B: to=<u@a.example>, relay=" A ":25, conn_use=2, delay=1, "
	"delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)\n",
	"session a.example mx.a.example[192.0.2.1] verified success TLSv1.3\n"},
    {"a second session, in clear",
	S UP("Verified", A) S MAIL("1A", "u@a.example", A ":25", "", SENT)
	    S MAIL("1B", "u@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] verified success TLSv1.3\n"
	"session a.example mx.a.example[192.0.2.1] clear success\n"},
    {"two sessions",
	S UP("Verified", A) S MAIL("1A", "u@a.example", A ":25", "", SENT)
	    S UP("Trusted", A) S MAIL("1B", "u@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] verified success TLSv1.3\n"
	"session a.example mx.a.example[192.0.2.1] trusted success TLSv1.3\n"},
    {"two processes at once",
	S UP("Verified", A) T "postfix/smtp[12]: " UP("Untrusted", B) T
	"postfix/smtp[12]: " MAIL("2B", "u@b.example", B ":25", "", SENT)
	    S MAIL("1A", "u@a.example", A ":25", "", SENT),
	"session b.example mx.b.example[2001:db8::2] untrusted success "
	"TLSv1.3\n"
	"session a.example mx.a.example[192.0.2.1] verified success TLSv1.3\n"},
    {"tlsproxy",
	T "postfix/tlsproxy[99]: " UP("Verified", A) S MAIL("1A", "u@a.example",
	    A ":25", "", SENT) S MAIL("1A", "v@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] verified success TLSv1.3\n"},
    {"reused by tlsproxy",
	S "Verified TLS connection reused to " A ":25: TLSv1.3 with cipher X "
	  "(1/1 bits)\n" S MAIL("1A", "u@a.example", A ":25", "", SENT),
	""},
    {"reported by Postfix, 3.12",
	S UP("Verified", A) S
	"TLSRPT: status=success, domain=a.example, receiving_mx=" A
	"\n" S MAIL("1A", "u@a.example", A ":25", ", tls=secure", SENT),
	"session a.example mx.a.example[192.0.2.1] verified success TLSv1.3 "
	"reported tls=secure\n"},
    {"reported failure, 3.12",
	S BAD(A, "self-signed certificate") S
	"TLSRPT: status=failure, domain=a.example, receiving_mx=" A
	", failure_type=validation_failure, "
	"failure_reason=self-signed_certificate\n" S UP("Untrusted", A)
	    S MAIL("1A", "u@a.example", A ":25", ", tls=!secure", UNVERIFIED),
	"session a.example mx.a.example[192.0.2.1] untrusted "
	"validation-failure self-signed_certificate TLSv1.3 reported "
	"tls=!secure\n"},
    {"host not in the policy, 3.12",
	S "warning: MX name 'mx.x.example' does not match STS MX pattern for "
	  "'a.example'\n" S MAIL("1A", "u@a.example", "none", ", tls=secure?",
	      ", dsn=4.3.0, status=deferred (server unavailable or unable to "
	      "receive mail)"),
	"policy a.example mx.x.example[] clear validation-failure "
	"mx-not-in-policy\n"},
    {"TLSA lookup failed",
	S "warning: TLS policy lookup for a.example/mx.a.example: TLSA lookup "
	  "error for mx.a.example:25\n" S MAIL("1A", "u@a.example", "none", "",
	      ", dsn=4.7.5, status=deferred (TLSA lookup error for "
	      "mx.a.example:25)"),
	"policy a.example mx.a.example[] clear dnssec-invalid "
	"TLSA-lookup-error\n"},
    {"dane-only without TLSA",
	S "warning: TLS policy lookup for a.example/mx.a.example: no TLSA "
	  "records found\n",
	"policy a.example mx.a.example[] clear dane-required "
	"no-TLSA-records\n"},
    {"a policy of ours that Postfix does not understand",
	S "warning: TLS policy lookup for a.example/mx.a.example: client TLS "
	  "configuration problem\n",
	""},
    {"all TLSA records unusable",
	S "warning: " A ":25: all TLSA records unusable, fallback to "
	  "unauthenticated TLS\n" S UP("Untrusted", A)
	      S MAIL("1A", "u@a.example", A ":25", "", SENT),
	"session a.example mx.a.example[192.0.2.1] untrusted tlsa-invalid "
	"all-TLSA-records-unusable TLSv1.3\n"},
    {"offered", S "Host offered STARTTLS: [mx.a.example]\n",
	"offer  mx.a.example[] clear success\n"},
    {"other instances, ISO time",
	"2026-11-21T22:42:12.123456+01:00 out postfix-out/relay/smtp[11]: " UP(
	    "Verified", A) "2026-11-21T22:42:12.123456+01:00 out "
			   "postfix-out/relay/smtp[11]: " MAIL("4bXyZ12345z",
			       "u@a.example", A ":587", "", SENT),
	"session a.example mx.a.example[192.0.2.1] verified success TLSv1.3\n"},
    {"orig_to",
	S "1A: to=<u@a.example>, orig_to=<x@z.example>, relay=" A ":25, "
	  "delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)\n",
	"session a.example mx.a.example[192.0.2.1] clear success\n"},
    {"bounced by the other side",
	S UP("Trusted", A) S MAIL("1A", "u@a.example", A ":25", "",
	    ", dsn=5.1.1, status=bounced (host " A " said: 550 no (in reply to "
	    "RCPT TO command))"),
	"session a.example mx.a.example[192.0.2.1] trusted success TLSv1.3\n"},
    /* what has no session */
    {"no connection",
	S MAIL("1A", "u@a.example", "none", "",
	    ", dsn=4.4.1, status=deferred (connect to " A
	    ":25: Connection refused)"),
	""},
    {"other programs",
	T "postfix/smtpd[11]: Untrusted TLS connection established from x"
	  "[192.0.2.9]: TLSv1.3\n" T "postfix/qmgr[11]: 1A: removed\n" T
	  "kernel: x\n" T
	  "postfix/lmtp[11]: " MAIL("1A", "u@a.example", A ":24", "", SENT),
	""},
    /* what others write into the log */
    {"a program that quotes a line of smtp",
	T "postfix/cleanup[3]: 1A: warning: header Subject: Nov 1 0:0:0 out "
	  "postfix/smtp[11]: " MAIL("1A", "u@evil.example", A ":25", "", SENT) T
	"postfix/smtpd[3]: NOQUEUE: reject: x: postfix/smtp[11]: " MAIL(
	    "1A", "u@evil.example", A ":25", "", SENT),
	""},
    {"a reply that looks like a line",
	S UP("Untrusted", A) S MAIL("1A", "u@a.example", A ":25", "",
	    ", dsn=2.0.0, status=sent (250 ok>, relay=" B ":25, delay=1, "
	    "delays=0/0/0/1, dsn=4.7.5, status=deferred (Server certificate "
	    "not verified))"),
	""},
    {"an address that looks like a line",
	S MAIL("1A",
	    "\"a>, relay=" B ":25, delay=1, delays=1, dsn=2.0.0, "
	    "status=sent (x\"@evil.example",
	    A ":25", "", SENT),
	""},
    {"a reply that speaks of TLS",
	S UP("Untrusted", A) S MAIL("1A", "u@a.example", A ":25", "",
	    ", dsn=4.7.5, status=deferred (host " A " said: 450 Server "
	    "certificate not verified)"),
	"session a.example mx.a.example[192.0.2.1] untrusted success "
	"TLSv1.3\n"},
    {"names that are none",
	S UP("Verified", "mx a.example[192.0.2.1]")
	    S UP("Verified", "mx.a.example[192.0.2.999]")
		S UP("Verified", "mx.a.example[192.0.2.1]x") S
	"Host offered STARTTLS: [mx]a.example]\n" S
	"TLSRPT: status=success, domain=a b, receiving_mx=" A "\n" S
	"warning: TLS policy lookup for a b/mx: no TLSA records found\n" S
	"warning: MX name 'a'b' does not match STS MX pattern for 'c'\n",
	""},
    {"no address", S MAIL("1A", "postmaster", A ":25", "", SENT), ""},
    {"cut off",
	S "1A: to=<u@a.example>, relay=" A ":25, delay=0.07, delays=0/0/0/0, "
	  "dsn=2.0.0, status=sent (250\n" S "1A: to=<u@a.example>, relay=\n" S
	  "1A: to=<\n" S "1A: \n" S "\n" T "postfix/smtp[11]:\n" T
	  "postfix/smtp[x]: 1A: y\n"
	  "\n"
	  "Nov\n",
	""},
};

static struct str
run(struct arena *a, const char *lines, struct postfix_log_stats *stats)
{
	struct str rest = str_from_z(lines);
	struct postfix_log *l;
	struct sink s;

	buf_init(&s.b, a, 20000);
	l = postfix_log_new(a, 16, note, &s);
	while (rest.n)
		postfix_log_line(l, str_cut(rest, '\n', &rest));
	postfix_log_stats(l, stats);
	return buf_str(&s.b);
}

static void
test_logs(void)
{
	for (size_t i = 0; i < N(logs); i++) {
		struct postfix_log_stats stats;
		struct arena a;

		arena_init(&a, MEMORY);
		is_str(run(&a, logs[i].lines, &stats), str_from_z(logs[i].want),
		    logs[i].name);
		is_int(stats.lost, 0, logs[i].name);
		arena_fini(&a);
	}
}

static void
count(void *arg, const struct postfix_event *e)
{
	size_t *n = arg;

	*n += e->kind == POSTFIX_EVENT_SESSION;
}

/* More processes than are followed: some sessions are lost, and counted. */
static void
test_bounds(void)
{
	struct postfix_log_stats stats;
	struct postfix_log *l;
	size_t n = 0, taken;
	struct arena a;
	char line[400];

	arena_init(&a, MEMORY);
	l = postfix_log_new(&a, 64, count, &n);
	taken = a.taken;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line),
		    T "postfix/smtp[%u]: " UP("Verified", A), i);
		postfix_log_line(l, str_from_z(line));
	}
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line),
		    T "postfix/smtp[%u]: " MAIL(
			"1A", "u@a.example", A ":25", "", SENT),
		    i);
		postfix_log_line(l, str_from_z(line));
	}
	postfix_log_stats(l, &stats);
	is_int(n, 1000, "every delivery is told of");
	ok(stats.lost >= 1000 - 64 && stats.lost <= 1000,
	    "sessions that gave way are counted: %d", (int)stats.lost);
	is_int(stats.lines, 2000, "lines");
	for (unsigned i = 0; i < 20; i++)
		postfix_log_line(
		    l, STR(S "1A: Server certificate not verified"));
	postfix_log_stats(l, &stats);
	ok(stats.lost >= 1000 - 64 + 16, "hosts beyond the bound are counted");
	is_int(a.taken, taken, "no memory is taken later");
	arena_fini(&a);
	arena_init(&a, 100);
	ok(!postfix_log_new(&a, 64, count, &n), "out of memory");
	arena_fini(&a);
}

static void
test_long_line(void)
{
	static char line[20000] = S "1A: to=<";
	struct postfix_log_stats stats;
	size_t n = 0;
	struct arena a;

	memset(line + strlen(line), 'x', sizeof(line) - 1 - strlen(line));
	arena_init(&a, MEMORY);
	{
		struct postfix_log *l = postfix_log_new(&a, 4, count, &n);

		postfix_log_line(l, str_from_z(line));
		postfix_log_stats(l, &stats);
	}
	ok(n == 0 && stats.odd == 1, "a long line is passed over, and counted");
	arena_fini(&a);
}

/* 2026-11-25T12:00:00Z */
#define NOW ((int64_t)1795608000)

static const struct {
	const char *stamp;
	int offset;
	int64_t want; /* relative to NOW; INT64_MAX: no time */
} stamps[] = {
    {"2026-11-25T12:00:00Z", 3600, 0},
    {"2026-11-25T12:00:00.123456+00:00", 3600, 0},
    {"2026-11-25T13:00:01+01:00", 0, 1},
    {"2026-11-25T11:00:01-0100", 0, 1},
    {"2026-11-25T13:00:00", 3600, 0},
    {"1970-01-01T00:00:00Z", 0, -NOW},
    {"2024-02-29T12:00:00Z", 0, -1000 * (int64_t)86400},
    {"Nov 25 12:00:00", 0, 0},
    {"Nov 25 13:00:00", 3600, 0},
    {"Nov  5 12:00:00", 0, -20 * 86400},
    {"Nov 5 12:00:00", 0, -20 * 86400},
    {"Dec 31 12:00:00", 0, 36 * 86400},
    {"Jan  1 12:00:00", 0, 37 * 86400},
    {"Jul  1 12:00:00", 0, -147 * 86400},
    {"", 0, INT64_MAX},
    {"now", 0, INT64_MAX},
    {"Nov 32 12:00:00", 0, INT64_MAX},
    {"Nov 0 12:00:00", 0, INT64_MAX},
    {"Nov 25 24:00:00", 0, INT64_MAX},
    {"Nov 25 12:00", 0, INT64_MAX},
    {"nov 25 12:00:00", 0, INT64_MAX},
    {"Nov 25 12:00:00 x", 0, INT64_MAX},
    {"2026-13-25T12:00:00Z", 0, INT64_MAX},
    {"2026-11-25 12:00:00Z", 0, INT64_MAX},
    {"2026-11-25T12:00:00+1", 0, INT64_MAX},
    {"2026-11-25T12:00:00Zx", 0, INT64_MAX},
};

static void
test_stamps(void)
{
	for (size_t i = 0; i < N(stamps); i++) {
		int64_t got = NOW;
		bool good = postfix_stamp_time(
		    str_from_z(stamps[i].stamp), NOW, stamps[i].offset, &got);

		is_int(good ? got - NOW : INT64_MAX, stamps[i].want,
		    stamps[i].stamp);
	}
}

int
main(void)
{
	test_logs();
	test_bounds();
	test_long_line();
	test_stamps();
	return tap_done();
}
