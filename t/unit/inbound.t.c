/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The pipeline of one message, over a zone file: results, actions, records. */

#include "t/tap.h"

#include "lib/conf/conf.h"
#include "lib/dns/dns_zone.h"
#include "lib/inbound/inbound_conf.h"
#include "lib/inbound/inbound_incident.h"

static const char zone_text[] =
    "good.example TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
    "_dmarc.good.example TXT \"v=DMARC1; p=reject\"\n"
    "_dmarc.xn--mnchen-3ya.example TXT \"v=DMARC1; p=reject\"\n"
    "quar.example TXT \"v=spf1 -all\"\n"
    "_dmarc.quar.example TXT \"v=DMARC1; p=quarantine\"\n"
    "test.example TXT \"v=spf1 -all\"\n"
    "_dmarc.test.example TXT \"v=DMARC1; p=reject; t=y\"\n"
    "watch.example TXT \"v=spf1 -all\"\n"
    "_dmarc.watch.example TXT \"v=DMARC1; p=none\"\n"
    "broken.example TXT \"v=spf1 -all\"\n"
    "_dmarc.broken.example SERVFAIL\n"
    "_dmarc.bad.example TXT \"v=DMARC1; p=what\"\n"
    "nodmarc.example TXT \"v=spf1 -all\"\n"
    "ruf.example TXT \"other\"\n"
    "ruf.example TXT \"v=spf1 ip4:192.0.2.1 ~all\"\n"
    "_dmarc.ruf.example TXT \"v=DMARC1; p=reject; "
    "ruf=mailto:f@ruf.example; fo=1:s\"\n"
    "1.2.0.192.in-addr.arpa PTR mail.good.example.\n"
    "mail.good.example A 192.0.2.1\n";

struct world {
	struct arena arena, message;
	struct dns_source *source;
	struct conf *conf;
	struct inbound_options options;
	struct dns dns;
	struct inbound in;
};

static bool
open_world(struct world *w, const char *conf)
{
	struct diag d = {{0}, 0};

	memset(w, 0, sizeof(*w));
	arena_init(&w->arena, 1 << 20);
	arena_init(&w->message, 16 << 20);
	if (dns_zone_parse(str_from_z(zone_text), &w->source, &d) ||
	    conf_parse("t", str_from_z(conf), &w->conf, &d) ||
	    inbound_options_from_conf(&w->options, w->conf, &w->arena, &d)) {
		printf("# %s\n", d.text);
		return false;
	}
	w->options.authserv_id = STR("mx.test");
	w->options.engine = dkim_engine_new(&w->arena);
	return w->options.engine != NULL;
}

static void
close_world(struct world *w)
{
	arena_fini(&w->message);
	arena_fini(&w->arena);
	dns_source_close(w->source);
	conf_unref(w->conf);
}

static struct inbound_facts
facts_of(const char *ip, const char *from)
{
	struct inbound_facts f = {
	    .helo = STR("mail.good.example"), .now = 1700000000};

	ip_parse(str_from_z(ip), &f.ip);
	f.mail_from = str_from_z(from);
	return f;
}

/* fields: header fields, one a line */
static void
run(struct world *w, const struct inbound_facts *f, const char *fields)
{
	struct str rest = str_from_z(fields);

	arena_reset(&w->message);
	dns_init(&w->dns, w->source, &w->message, INT64_MAX, 100);
	inbound_begin(&w->in, &w->options, &w->message, &w->dns, f);
	while (rest.p) {
		struct str line = str_cut(rest, '\n', &rest);

		if (line.n)
			inbound_field(&w->in, line);
	}
	inbound_eoh(&w->in);
	inbound_body(&w->in, STR("body\r\n"));
	inbound_finish(&w->in);
}

static const char *
authres(struct world *w)
{
	struct buf b;

	buf_init(&b, &w->message, 65536);
	inbound_authres(&w->in, &b, "\n");
	return buf_z(&b);
}

static const struct {
	const char *name, *ip, *mail_from, *fields;
	enum dmarc_result dmarc;
	enum policy_action action;
	enum policy_situation situation;
	int reason; /* enum eval_override, -1: none */
} cases[] = {
    {"pass", "192.0.2.1", "a@good.example", "From: a@good.example\n",
	DMARC_PASS, POLICY_ACCEPT, POLICY_SITUATION_COUNT, -1},
    {"p=reject", "192.0.2.9", "a@good.example", "From: a@good.example\n",
	DMARC_FAIL, POLICY_QUARANTINE, POLICY_DMARC_REJECT, EVAL_LOCAL_POLICY},
    {"p=quarantine", "192.0.2.9", "a@quar.example", "From: a@quar.example\n",
	DMARC_FAIL, POLICY_QUARANTINE, POLICY_DMARC_QUARANTINE, -1},
    {"t=y", "192.0.2.9", "a@test.example", "From: a@test.example\n", DMARC_FAIL,
	POLICY_QUARANTINE, POLICY_DMARC_QUARANTINE, EVAL_POLICY_TEST_MODE},
    {"p=none", "192.0.2.9", "a@watch.example", "From: a@watch.example\n",
	DMARC_FAIL, POLICY_ACCEPT, POLICY_DMARC_NONE, -1},
    {"temperror", "192.0.2.9", "a@broken.example", "From: a@broken.example\n",
	DMARC_TEMPERROR, POLICY_HEADER, POLICY_DMARC_TEMPERROR, -1},
    {"permerror", "192.0.2.9", "a@bad.example", "From: a@bad.example\n",
	DMARC_PERMERROR, POLICY_HEADER, POLICY_DMARC_PERMERROR, -1},
    {"SPF fail alone", "192.0.2.9", "a@nodmarc.example",
	"From: a@nodmarc.example\n", DMARC_NONE, POLICY_ACCEPT, POLICY_SPF_FAIL,
	-1},
    {"no From", "192.0.2.1", "a@good.example", "Subject: x\n", DMARC_PERMERROR,
	POLICY_HEADER, POLICY_FROM_INVALID, -1},
    {"two From with a policy", "192.0.2.1", "a@good.example",
	"From: a@good.example\nFrom: b@quar.example\n", DMARC_FAIL,
	POLICY_REJECT, POLICY_FROM_INVALID, -2},
    {"two From without", "192.0.2.1", "a@good.example",
	"From: a@watch.example\nFrom: b@nodmarc.example\n", DMARC_FAIL,
	POLICY_HEADER, POLICY_FROM_INVALID, -1},
    {"four authors without", "192.0.2.1", "a@good.example",
	"From: a@1.x.test, a@2.x.test, a@3.x.test, a@4.x.test\n",
	DMARC_PERMERROR, POLICY_HEADER, POLICY_FROM_INVALID, -1},
    {"a fifth author, who is not evaluated", "192.0.2.1", "a@good.example",
	"From: a@1.x.test, a@2.x.test, a@3.x.test, a@4.x.test, "
	"a@quar.example\n",
	DMARC_PERMERROR, POLICY_REJECT, POLICY_FROM_INVALID, -2},
};

static void
test_actions(void)
{
	struct world w;

	if (!ok(open_world(&w, ""), "defaults"))
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inbound_facts f =
		    facts_of(cases[i].ip, cases[i].mail_from);

		run(&w, &f, cases[i].fields);
		is_int(w.in.dmarc.result, cases[i].dmarc, cases[i].name);
		is_int(w.in.action, cases[i].action, "its action");
		is_int(w.in.outcome.situation, cases[i].situation, "its cause");
		if (cases[i].reason == -1)
			is_int(w.in.outcome.n_reasons, 0, "no reason");
		else if (cases[i].reason >= 0)
			ok(w.in.outcome.n_reasons == 1 &&
				(int)w.in.outcome.reasons[0].type ==
				    cases[i].reason,
			    "its reason");
	}
	close_world(&w);
}

static void
test_replies(void)
{
	struct world w;
	struct inbound_facts f = facts_of("192.0.2.9", "a@good.example");

	if (!ok(open_world(&w,
		    "dmarc_reject_action = reject\n"
		    "dmarc_temperror_action = tempfail\n"
		    "tempfail_reply = 451 4.7.0 %{reason} (%{helo})\n"),
		"rejecting"))
		return;
	run(&w, &f, "From: a@good.example\n");
	is_str(w.in.reply,
	    STR("550 5.7.1 Email rejected per DMARC policy for "
		"good.example"),
	    "the reply names DMARC and the domain");
	f = facts_of("192.0.2.9", "a@broken.example");
	f.helo = STR("x\r\n250 ok\x80");
	run(&w, &f, "From: a@broken.example\n");
	is_int(w.in.action, POLICY_TEMPFAIL, "tempfail");
	ok(str_starts(w.in.reply, STR("451 4.7.0 ")) &&
		str_chr(w.in.reply, '\r') == w.in.reply.n &&
		str_chr(w.in.reply, '\n') == w.in.reply.n &&
		str_chr(w.in.reply, '\x80') == w.in.reply.n,
	    "what a client says cannot leave its line");
	close_world(&w);
}

static void
test_test_mode(void)
{
	struct world w;
	struct inbound_facts f = facts_of("192.0.2.9", "a@good.example");
	struct evaluation ev;

	if (!ok(open_world(
		    &w, "dmarc_reject_action = reject\ntest_mode = yes\n"),
		"test mode"))
		return;
	run(&w, &f, "From: a@good.example\n");
	is_int(w.in.action, POLICY_ACCEPT, "nothing is done");
	is_int(w.in.would, POLICY_REJECT, "but would be");
	ok(inbound_evaluation(&w.in, &ev), "it is recorded");
	is_int(ev.disposition, EVAL_DISP_NONE, "as what was done");
	ok(ev.n_reasons == 1 && ev.reasons[0].type == EVAL_LOCAL_POLICY,
	    "with the reason");
	close_world(&w);
}

static void
test_authres(void)
{
	struct world w;
	struct inbound_facts f = facts_of("192.0.2.1", "a@good.example");
	const char *text;

	if (!ok(open_world(&w, ""), "results"))
		return;
	run(&w, &f, "From: a@good.example\n");
	text = authres(&w);
	ok(strstr(text, " mx.test;") == text, "the name first");
	ok(strstr(text, "iprev=pass (mail.good.example) "
			"policy.iprev=192.0.2.1;") != NULL,
	    "iprev");
	ok(strstr(text, "spf=pass") && strstr(text, "dkim=none") &&
		strstr(text, "dmarc=pass") && !strstr(text, "\tarc=") &&
		!strstr(text, " arc="),
	    "the others; arc only where there are fields of it");
	run(&w, &f, "From: a@good.example\nARC-Seal: i=1; cv=none; x\n");
	text = authres(&w);
	ok(strstr(text, "arc=fail") && strstr(text, "smtp.remote-ip=192.0.2.1"),
	    "arc");
	f.exempt = true;
	run(&w, &f, "From: a@good.example\n");
	is_str(str_from_z(authres(&w)), STR(" mx.test; none"), "exempt");
	f.auth_user = STR("al ice\r\nx");
	run(&w, &f, "From: a@good.example\n");
	text = authres(&w);
	ok(strstr(text, "auth=pass") && !strchr(text, '\r') &&
		!strstr(text, "\nx"),
	    "a login that tries to break out");
	close_world(&w);
}

static void
test_tls(void)
{
	struct world w;
	struct inbound_facts f = facts_of("192.0.2.1", "a@good.example");

	if (!ok(open_world(&w, ""), "TLS wishes"))
		return;
	run(&w, &f, "From: a@good.example\nTLS-Required: No\n");
	is_str(str_from_z(inbound_tls_wish(&w.in)), STR("tls-required=no"),
	    "TLS-Required");
	ok(strstr(authres(&w), "mx.test (tls-required=no);") != NULL,
	    "shown as a comment");
	f.requiretls = true;
	run(&w, &f, "From: a@good.example\nTLS-Required: No\n");
	is_str(str_from_z(inbound_tls_wish(&w.in)), STR("requiretls"),
	    "RFC 8689 section 4.1: REQUIRETLS wins");
	f.requiretls = false;
	run(&w, &f,
	    "From: a@good.example\nTLS-Required: No\nTLS-Required: No\n");
	is_str(str_from_z(inbound_tls_wish(&w.in)), STR(""), "two are none");
	run(&w, &f, "From: a@good.example\nTLS-Required: Yes\n");
	is_str(str_from_z(inbound_tls_wish(&w.in)), STR(""),
	    "the only value is No");
	close_world(&w);
}

static void
test_record(void)
{
	struct world w;
	struct inbound_facts f = facts_of("192.0.2.1", "a@good.example");
	struct str rcpt = STR("dmarc@own.test");
	struct evaluation ev;
	uint8_t one[16], two[16];
	/* where answers to our own reports go */
	static const struct {
		const char *rcpt;
		bool optional;
	} ours[] = {
	    {"reports@own.test", true},
	    {"back@in.own.test", true},
	    {"back-abc@in.own.test", true},
	    {"back+abc@in.own.test", false},
	    {"backabc@in.own.test", false},
	    {"back-abc@own.test", false},
	    {"reports-abc@own.test", false},
	};

	if (!ok(open_world(&w, "report_addresses = dmarc@own.test\n"
			       "report_email = reports@own.test\n"
			       "report_bounce_address = back@in.own.test\n"
			       "recipient_delimiter = -\n"),
		"records"))
		return;
	f.rcpt_domain = STR("own.test");
	run(&w, &f, "From: a@good.example\nSubject: hello\n");
	ok(inbound_evaluation(&w.in, &ev) && !ev.optional, "a plain one");
	is_str(ev.policy_domain, STR("good.example"), "policy domain");
	is_str(ev.envelope_from, STR("good.example"), "envelope_from");
	is_str(ev.envelope_to, STR("own.test"), "envelope_to");
	is_int(ev.disposition, EVAL_DISP_PASS, "disposition");
	ok(ev.spf_aligned && !ev.dkim_aligned, "alignment");
	inbound_fingerprint(&w.in, one);
	inbound_fingerprint(&w.in, two);
	ok(memcmp(one, two, 16) == 0, "the same message, the same print");
	run(&w, &f, "From: a@good.example\nSubject: hullo\n");
	inbound_fingerprint(&w.in, two);
	ok(memcmp(one, two, 16) != 0, "another, another");
	run(&w, &f,
	    "From: a@good.example\n"
	    "Subject: Report Domain: x.example Submitter: y\n");
	ok(inbound_evaluation(&w.in, &ev) && ev.optional, "a DMARC report");
	run(&w, &f, "From: a@good.example\nTLS-Report-Domain: x.example\n");
	ok(inbound_evaluation(&w.in, &ev) && ev.optional, "a TLS report");
	f.rcpts = &rcpt;
	f.n_rcpts = 1;
	run(&w, &f, "From: a@good.example\n");
	ok(inbound_evaluation(&w.in, &ev) && ev.optional,
	    "to our report address");
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		rcpt = str_from_z(ours[i].rcpt);
		run(&w, &f, "From: a@good.example\n");
		ok(inbound_evaluation(&w.in, &ev) &&
			ev.optional == ours[i].optional,
		    "to %s", ours[i].rcpt);
	}
	f = facts_of("192.0.2.1", "");
	f.helo = STR("good.example");
	run(&w, &f, "From: a@good.example\n");
	ok(inbound_evaluation(&w.in, &ev) && ev.optional &&
		ev.envelope_from.n == 0,
	    "the null sender");
	f = facts_of("192.0.2.1", "a@nodmarc.example");
	run(&w, &f, "From: a@nodmarc.example\n");
	ok(!inbound_evaluation(&w.in, &ev), "no record, no evaluation");
	f.exempt = true;
	run(&w, &f, "From: a@good.example\n");
	ok(!inbound_evaluation(&w.in, &ev), "exempt clients are not");
	close_world(&w);
}

/* RFC 9990 section 3.1.1.11: what is reported of too many signatures. */
static void
test_signatures(void)
{
	static const struct {
		struct str domain;
		enum dkim_result result;
		int place; /* in the evaluation */
	} v[] = {
	    {STR_INIT("other.example"), DKIM_PASS, 2},
	    {STR_INIT("good.example"), DKIM_FAIL, 3},
	    {STR_INIT("mail.good.example"), DKIM_PASS, 1},
	    {STR_INIT("mail.good.example"), DKIM_PERMERROR, 4},
	    {STR_INIT("Good.example"), DKIM_PASS, 0},
	};
	const size_t n = sizeof(v) / sizeof(v[0]);
	struct inbound_facts f = facts_of("192.0.2.1", "a@good.example");
	struct dkim_verdict many[EVAL_DKIM_MAX + 20];
	struct evaluation ev;
	struct world w;

	if (!ok(open_world(&w, ""), "signatures"))
		return;
	run(&w, &f, "From: a@good.example\n");
	memset(many, 0, sizeof(many));
	for (size_t i = 0; i < EVAL_DKIM_MAX + 20; i++) {
		/* those that count come last */
		size_t k = i < EVAL_DKIM_MAX + 20 - n
			       ? n
			       : i - (EVAL_DKIM_MAX + 20 - n);

		many[i].selector = STR("s");
		many[i].domain = k < n ? v[k].domain : STR("bulk.example");
		many[i].result = k < n ? v[k].result : DKIM_FAIL;
	}
	w.in.dkim = many + EVAL_DKIM_MAX + 20 - n;
	w.in.n_dkim = n;
	ok(inbound_evaluation(&w.in, &ev), "an evaluation");
	is_int(ev.n_dkim, n, "all, when there are few");
	for (size_t i = 0; i < n; i++)
		ok(str_eq(ev.dkim[v[i].place].domain, v[i].domain) &&
			ev.dkim[v[i].place].result == v[i].result,
		    "signature %zu is number %d", i, v[i].place);
	w.in.dkim = many;
	w.in.n_dkim = EVAL_DKIM_MAX + 20;
	ok(inbound_evaluation(&w.in, &ev), "an evaluation of many");
	is_int(ev.n_dkim, EVAL_DKIM_MAX, "no more than a row has");
	for (int i = 0; i < 3; i++)
		is_int(ev.dkim[i].result, DKIM_PASS, "those that pass first");
	is_str(ev.dkim[0].domain, STR("Good.example"), "the aligned one first");
	close_world(&w);
}

static void
test_incident(void)
{
	struct inbound_facts f = facts_of("192.0.2.9", "a@ruf.example"), g;
	static struct str rcpt = STR_INIT("you@own.test");
	struct arf_incident in;
	struct world w;

	if (!ok(open_world(&w, "failure_headers = subject X-Y\n"), "incidents"))
		return;
	f.rcpts = &rcpt;
	f.n_rcpts = 1;
	run(&w, &f,
	    "From: a@x.ruf.example\nSubject: hello\nX-Y: 1\nx-y: 2\n"
	    "To: you@own.test\n");
	if (!ok(inbound_incident(&w.in, &in), "a message that fails"))
		return;
	is_str(in.policy_domain, STR("ruf.example"), "policy domain");
	is_str(in.from_domain, STR("x.ruf.example"), "author domain");
	is_str(in.reporter, STR("mx.test"), "reporter");
	is_str(in.mail_from, STR("a@ruf.example"), "envelope sender");
	is_str(in.rcpt_to, rcpt, "recipient");
	is_int(in.failure, ARF_DMARC, "kind");
	is_int(in.delivery, ARF_SPAM, "what was done");
	is_int(in.spf_result, SPF_SOFTFAIL, "SPF");
	ok(in.has_spf && in.spf_aligned, "SPF domain in line");
	is_str(in.spf_record, STR("v=spf1 ip4:192.0.2.1 ~all"), "its record");
	is_int(in.n_fields, 3, "only the fields that are listed");
	is_str(in.fields[2], STR("x-y: 2"), "as they stand");
	run(&w, &f, "From: a@quar.example\n");
	ok(!inbound_incident(&w.in, &in), "no ruf, no incident");
	run(&w, &f,
	    "From: a@ruf.example\nContent-Type: multipart/report; "
	    "report-type=feedback-report\n");
	ok(!inbound_incident(&w.in, &in), "not about a report");
	run(&w, &f,
	    "From: a@ruf.example\nSubject: Report Domain: x Submitter: y\n");
	ok(!inbound_incident(&w.in, &in), "nor about one of DMARC");
	g = f;
	g.mail_from = STR_NONE;
	run(&w, &g, "From: a@ruf.example\n");
	ok(!inbound_incident(&w.in, &in), "not of the null sender");
	g = f;
	g.exempt = true;
	run(&w, &g, "From: a@ruf.example\n");
	ok(!inbound_incident(&w.in, &in), "not of trusted hosts");
	g = facts_of("192.0.2.1", "a@ruf.example");
	run(&w, &g, "From: a@ruf.example\n");
	ok(inbound_incident(&w.in, &in) && in.spf_record.n == 0 &&
		in.rcpt_to.n == 0 && in.delivery == ARF_DELIVERED,
	    "fo=1: passes with SPF alone");
	close_world(&w);
}

#define SIGNATURE(b)                                                        \
	"DKIM-Signature: v=1; a=rsa-sha256; d=good.example; s=s1; h=from; " \
	"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=" b "\n"

static void
test_telling_b(void)
{
	struct world w;
	struct inbound_facts f = facts_of("192.0.2.1", "a@good.example");
	const char *text;

	if (!ok(open_world(&w, ""), "header.b"))
		return;
	run(&w, &f,
	    "From: a@good.example\n" SIGNATURE("AAAABBBBCCCC1111")
		SIGNATURE("AAAABBBBCCCC2222") SIGNATURE("ZZZZBBBBCCCC1111"));
	text = authres(&w);
	ok(strstr(text, "header.b=AAAABBBBCCCC1\n") ||
		strstr(text, "header.b=AAAABBBBCCCC1;"),
	    "as long as it takes to tell the first from the second");
	ok(strstr(text, "header.b=AAAABBBBCCCC2\n") ||
		strstr(text, "header.b=AAAABBBBCCCC2;"),
	    "and the second from the first");
	ok(strstr(text, "header.b=ZZZZBBBB\n") ||
		strstr(text, "header.b=ZZZZBBBB;"),
	    "eight characters where that is enough");
	run(&w, &f,
	    "From: a@good.example\n" SIGNATURE("AAAABBBBCCCC1111")
		SIGNATURE("AAAABBBBCCCC1111"));
	ok(strstr(authres(&w), "header.b=AAAABBBBCCCC1111"),
	    "all of it where nothing tells them apart");
	close_world(&w);
}

static void
test_budgets(void)
{
	struct world w;
	struct inbound_facts f = facts_of("192.0.2.1", "a@good.example");

	if (!ok(open_world(&w, "max_header_fields = 100\n"), "budgets"))
		return;
	arena_reset(&w.message);
	dns_init(&w.dns, w.source, &w.message, INT64_MAX, 100);
	inbound_begin(&w.in, &w.options, &w.message, &w.dns, &f);
	inbound_field(&w.in, STR("From: a@good.example"));
	inbound_field(&w.in, STR("DKIM-Signature: v=1; a=rsa-sha256"));
	for (int i = 0; i < 200; i++)
		inbound_field(&w.in, STR("X-Field: x"));
	inbound_field(&w.in, STR("From: b@quar.example"));
	inbound_eoh(&w.in);
	inbound_finish(&w.in);
	is_int(w.in.over, INBOUND_HEADER_FIELDS, "too many fields");
	ok(w.in.n_dkim == 1 && w.in.dkim[0].result == DKIM_PERMERROR &&
		w.in.dkim[0].reason == DKIM_WHY_BUDGET,
	    "no signature may pass then");
	is_int(w.in.from.status, FROM_REPEATED,
	    "a second From beyond the budget is seen");
	is_int(w.in.action, POLICY_REJECT, "and refused");
	/* nor is one that only some readers take for a From field missed */
	arena_reset(&w.message);
	dns_init(&w.dns, w.source, &w.message, INT64_MAX, 100);
	inbound_begin(&w.in, &w.options, &w.message, &w.dns, &f);
	inbound_field(&w.in, STR("From: a@good.example"));
	for (int i = 0; i < 200; i++)
		inbound_field(&w.in, STR("X-Field: x"));
	inbound_field(&w.in, STR("Fr\x80om: b@quar.example"));
	inbound_eoh(&w.in);
	inbound_finish(&w.in);
	is_int(w.in.from.status, FROM_REPEATED, "an odd second From is seen");
	is_int(w.in.action, POLICY_REJECT, "and refused");
	/* nor does a third one behind two harmless ones help */
	arena_reset(&w.message);
	dns_init(&w.dns, w.source, &w.message, INT64_MAX, 100);
	inbound_begin(&w.in, &w.options, &w.message, &w.dns, &f);
	inbound_field(&w.in, STR("From: a@nodmarc.example"));
	for (int i = 0; i < 200; i++)
		inbound_field(&w.in, STR("X-Field: x"));
	inbound_field(&w.in, STR("From: a@nodmarc.example"));
	inbound_field(&w.in, STR("From: b@quar.example"));
	inbound_eoh(&w.in);
	inbound_finish(&w.in);
	is_int(w.in.action, POLICY_REJECT, "a third one is refused unseen");
	/* one message cannot spend what the author's policy needs */
	dns_init(&w.dns, w.source, &w.message, INT64_MAX, 0);
	inbound_begin(&w.in, &w.options, &w.message, &w.dns, &f);
	inbound_field(&w.in, STR("From: a@good.example"));
	inbound_eoh(&w.in);
	inbound_finish(&w.in);
	is_int(w.in.spf.result, SPF_TEMPERROR, "SPF without questions");
	ok(w.in.dmarc.result == DMARC_TEMPERROR ||
		w.in.dmarc.result == DMARC_FAIL,
	    "is never a pass");
	close_world(&w);
}

/*
 * Whoever fills the memory of his message up gets no temperror for it, which
 * would keep the policy of the author domain from being applied.
 */
static void
test_memory(void)
{
	static const struct {
		const char *mail_from, *from;
		enum policy_situation situation;
	} rows[] = {
	    {"a@good.example", "From: a@good.example", POLICY_DMARC_REJECT},
	    {"", "From: a@m\xc3\xbcnchen.example", POLICY_DMARC_REJECT},
	};
	struct world w;

	if (!ok(open_world(&w, ""), "memory"))
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct inbound_facts f =
		    facts_of("192.0.2.9", rows[i].mail_from);

		arena_reset(&w.message);
		dns_init(&w.dns, w.source, &w.message, INT64_MAX, 100);
		inbound_begin(&w.in, &w.options, &w.message, &w.dns, &f);
		inbound_field(&w.in, str_from_z(rows[i].from));
		ok(!arena_alloc(&w.message, 64 << 20), "a field too much");
		inbound_drop_field(&w.in, INBOUND_MEMORY);
		inbound_eoh(&w.in);
		inbound_finish(&w.in);
		is_int(w.in.over, INBOUND_MEMORY, "the limit is seen");
		is_int(w.in.spf.result, i == 0 ? SPF_FAIL : SPF_NONE,
		    "SPF goes on");
		is_int(w.in.dmarc.result, DMARC_FAIL, "DMARC fails");
		is_int(w.in.outcome.situation, rows[i].situation, "as such");
		is_int(w.in.action, POLICY_QUARANTINE, "and is enforced");
	}
	close_world(&w);
}

int
main(void)
{
	test_memory();
	test_actions();
	test_replies();
	test_test_mode();
	test_authres();
	test_tls();
	test_record();
	test_signatures();
	test_incident();
	test_telling_b();
	test_budgets();
	return tap_done();
}
