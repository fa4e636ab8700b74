/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Policy delegation between the server and the engine. */
#include "policyd/delegation.h"
#include "t/tap.h"
#include "t/unit/policyd_fake.h"
#include "t/unit/tmpdir.h"

#define HEAD "request=smtpd_access_policy\nprotocol_state=RCPT\n"

struct case_ {
	const char *name, *body, *want;
	enum delegation_outcome outcome;
};

/* The table: listed.example and .listed.example as recipients, and a sender. */
static const struct case_ cases[] = {
    {"not in the table", HEAD "sender=a@b.example\nrecipient=c@d.example\n",
	"action=DUNNO\n\n", DELEGATION_DUNNO},
    {"verified",
	HEAD "sender=a@b.example\nrecipient=c@verified.listed.example"
	     "\n",
	"action=FILTER safe:\n\n", DELEGATION_FILTER},
    {"in capitals", HEAD "sender=\nrecipient=C@VERIFIED.Listed.Example\n",
	"action=FILTER safe:\n\n", DELEGATION_FILTER},
    {"encrypted is not verified",
	HEAD "sender=a@b.example\nrecipient=c@encrypt.listed.example\n",
	"action=550 5.7.10 ", DELEGATION_NO_TLS},
    {"no policy", HEAD "sender=a@b.example\nrecipient=c@listed.example\n",
	"action=550 5.7.10 ", DELEGATION_NO_TLS},
    {"a sender", HEAD "sender=chief@b.example\nrecipient=c@none.example\n",
	"action=550 5.7.10 ", DELEGATION_NO_TLS},
    {"an address", HEAD "sender=chief@b.example\nrecipient=c@[192.0.2.1]\n",
	"action=550 5.7.10 ", DELEGATION_NO_TLS},
    {"trouble: no answer",
	HEAD "sender=a@b.example\nrecipient=c@trouble.listed.example\n", "",
	DELEGATION_TROUBLE},
    {"no domain", HEAD "sender=chief@b.example\nrecipient=postmaster\n",
	"action=DUNNO\n\n", DELEGATION_DUNNO},
    {"no recipient", HEAD "sender=chief@b.example\nrecipient=\n",
	"action=DUNNO\n\n", DELEGATION_DUNNO},
    {"another state",
	"request=smtpd_access_policy\nprotocol_state=DATA\n"
	"recipient=c@listed.example\n",
	"action=DUNNO\n\n", DELEGATION_DUNNO},
    {"no state", "request=smtpd_access_policy\nrecipient=c@listed.example\n",
	"action=DUNNO\n\n", DELEGATION_DUNNO},
    {"the last value counts",
	HEAD "sender=a@b.example\nrecipient=c@listed.example\n"
	     "recipient=c@d.example\n",
	"action=DUNNO\n\n", DELEGATION_DUNNO},
    {"unknown attributes, any order",
	"recipient=c@listed.example\nnew_in_4.0=x=y\nprotocol_state=RCPT\n"
	"mail_version=3.9.1\nsender=\nrequest=smtpd_access_policy\n",
	"action=550 5.7.10 ", DELEGATION_NO_TLS},
    /* no answer at all */
    {"no attribute", HEAD "recipient\n", "", DELEGATION_TROUBLE},
    {"no name", HEAD "=x\n", "", DELEGATION_TROUBLE},
    {"NUL is refused by the framer's reader", HEAD "recipient=a\x01\n",
	"action=DUNNO\n\n", DELEGATION_DUNNO},
    {"another request", "request=junk\n", "", DELEGATION_TROUBLE},
    {"no request", "protocol_state=RCPT\n", "", DELEGATION_TROUBLE},
    {"nothing", "", "", DELEGATION_TROUBLE},
};

static struct tls_file *
load_table(const struct tmpdir *t)
{
	static const char text[] = "listed.example\n.listed.example\n"
				   "chief@b.example sender\n";
	struct tmppath p = tmp_in(t->path, "require");
	struct diag d = {{0}, 0};
	struct tls_file *f = NULL;

	tmp_write(p.z, text, sizeof(text) - 1);
	if (tls_file_load(TLS_FILE_REQUIRE, p.z, &f, &d))
		printf("# %s\n", d.text);
	return f;
}

/* As the server does it. */
static void
ask(const struct serve_protocol *p, struct str body, struct buf *out)
{
	struct serve_answer a = {.close = false};
	struct str reply = STR_NONE;
	enum serve_verdict v = p->now(p->arg, body, clock_mono_ms(), &reply);

	buf_clear(out);
	if (v == SERVE_REPLY)
		buf_add(out, reply);
	if (v != SERVE_WORK)
		return;
	buf_init(&a.reply, NULL, 10000);
	p->work(p->arg, body, &a);
	ok(a.close == (a.reply.n == 0), "an answer, or the end");
	buf_add(out, buf_str(&a.reply));
	buf_fini(&a.reply);
}

static void
test_requests(const struct serve_protocol *p)
{
	struct buf b;

	buf_init(&b, NULL, 10000);
	fake_conf.require_tls_transport = "safe";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct case_ *k = &cases[i];
		unsigned before = fake_outcomes[k->outcome];

		ask(p, str_from_z(k->body), &b);
		ok(*k->want ? str_starts(buf_str(&b), str_from_z(k->want)) &&
				  str_ends_ci(buf_str(&b), STR("\n\n"))
			    : b.n == 0,
		    "%s: %.*s", k->name,
		    STRF(str_head(buf_str(&b), str_chr(buf_str(&b), '\n'))));
		is_int(fake_outcomes[k->outcome], before + 1, "counted");
	}
	ask(p, STR(HEAD "sender=\nrecipient=a\0b@listed.example\n"), &b);
	is_int(b.n, 0, "NUL: no answer");
	fake_conf.require_tls_transport = "";
	ask(p, STR(HEAD "sender=\nrecipient=c@verified.listed.example\n"), &b);
	is_str(buf_str(&b), STR("action=DUNNO\n\n"),
	    "verified, without a transport");
	is_int(fake_asked_known, 0, "the memory of destinations is not asked");
	fake_conf.require_tls_strict = true;
	ask(p, STR(HEAD "sender=a@b\nrecipient=c@verified.listed.example\n"),
	    &b);
	ok(str_starts(buf_str(&b), STR("action=550 5.7.30 ")) &&
		fake_asked_known == 1,
	    "but where REQUIRETLS is a must");
	fake_conf.require_tls_strict = false;
	is_int(fake_versions, 1, "a version was noted");
	ok(fake_complaints >= 6, "what is no request is logged");
	buf_fini(&b);
}

/* One line, however the values look: Postfix reads it up to its end. */
static void
test_no_injection(const struct serve_protocol *p)
{
	struct buf b;
	size_t lines = 0;

	buf_init(&b, NULL, 10000);
	ask(p,
	    STR(HEAD "sender=chief@b.example\n"
		     "recipient=\"x\raction=OK\"@none.example\raction=OK\n"),
	    &b);
	for (size_t i = 0; i < b.n; i++)
		lines += b.p[i] == '\n';
	ok(lines == 2 && !str_contains_ci(buf_str(&b), STR("action=OK")),
	    "nothing of the request is in the answer");
	buf_fini(&b);
}

static void
test_weigh(void)
{
	struct delegation_request mail = {.sender = STR("a@b.example")};
	struct delegation_request bounce = {.sender = STR_NONE};

	is_int(delegation_weigh(REQUIRETLS_NO_SUPPORT, &mail, "t"),
	    DELEGATION_NO_SUPPORT, "5.7.30 for mail");
	is_int(delegation_weigh(REQUIRETLS_NO_SUPPORT, &bounce, "t"),
	    DELEGATION_FILTER, "a bounce is not lost for it");
	is_int(delegation_weigh(REQUIRETLS_NO_TLS, &bounce, "t"),
	    DELEGATION_NO_TLS, "without TLS it is");
	is_int(delegation_weigh(REQUIRETLS_GO, &mail, "t"), DELEGATION_FILTER,
	    "go by the transport");
	is_int(delegation_weigh(REQUIRETLS_GO, &mail, ""), DELEGATION_VERIFIED,
	    "or without");
	is_int(delegation_weigh(REQUIRETLS_LATER, &mail, "t"),
	    DELEGATION_TROUBLE, "not known");
	for (int o = 0; o < DELEGATION_OUTCOME_COUNT; o++)
		ok(delegation_outcome_name((enum delegation_outcome)o)[0],
		    "outcome %d has a name", o);
}

static void
test_late(const struct serve_protocol *p)
{
	struct serve_answer a = {.close = false};

	buf_init(&a.reply, NULL, 1000);
	p->late(p->arg, STR(HEAD), &a);
	ok(a.close && a.reply.n == 0, "who waited too long is disconnected");
	buf_fini(&a.reply);
}

int
main(void)
{
	struct tmpdir t = tmpdir_new();
	struct serve_protocol p;
	struct delegation *g;

	fake_start();
	fake_snapshot.require = load_table(&t);
	g = delegation_new(&fake_service);
	delegation_protocol(g, &p);
	ok(p.starts('r') && !p.starts('1') && !p.starts('\0'),
	    "a letter begins a request");
	test_requests(&p);
	test_no_injection(&p);
	test_weigh();
	test_late(&p);
	delegation_free(g);
	is_int(atomic_load(&fake_snapshot.refs), 1, "all references are back");
	tls_file_unref(fake_snapshot.require);
	tmpdir_remove(t.path);
	return tap_done();
}
