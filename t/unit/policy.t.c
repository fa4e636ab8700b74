/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The policy table, the map of actions, the templates of replies. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/policy/policy_action.h"
#include "lib/policy/policy_file.h"
#include "lib/policy/policy_reply.h"
#include "lib/policy/policy_table.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* --- facts from a line of words --------------------------------------- */

struct situation {
	struct policy_facts facts;
	struct str rcpts[8], dkim[8];
};

static size_t
split(struct str list, struct str *out)
{
	size_t n = 0;

	while (list.p)
		out[n++] = str_cut(list, ',', &list);
	return n;
}

/* "from=D client=IP mailfrom=D spf rcpt=A,A dkim=D,D more" */
static void
set_facts(struct situation *s, struct arena *a, const char *text)
{
	struct str rest = str_from_z(text);

	memset(s, 0, sizeof(*s));
	while (rest.p && rest.n) {
		struct str word = str_cut(rest, ' ', &rest);
		struct str value, key = str_cut(word, '=', &value);
		struct policy_facts *f = &s->facts;

		if (str_eq(key, STR("from")))
			f->from_domain = value;
		else if (str_eq(key, STR("client")))
			ok(ip_parse(value, &f->client), "client of a case");
		else if (str_eq(key, STR("mailfrom")))
			f->mail_from_domain = value;
		else if (str_eq(key, STR("spf")))
			f->mail_from_passed = true;
		else if (str_eq(key, STR("more")))
			f->rcpts_incomplete = true;
		else if (str_eq(key, STR("rcpt")))
			f->n_rcpts = split(value, s->rcpts);
		else if (str_eq(key, STR("dkim")))
			f->n_dkim_domains = split(value, s->dkim);
		else
			ok(false, "bad word in a case: %s", text);
	}
	for (size_t i = 0; i < s->facts.n_rcpts; i++)
		policy_rcpt_of(a, s->rcpts[i], &s->rcpts[i]);
	s->facts.rcpts = s->rcpts;
	s->facts.dkim_domains = s->dkim;
}

/* --- which rule applies ------------------------------------------------ */

static const struct {
	const char *name, *table, *facts;
	unsigned line; /* 0: no rule */
} decisions[] = {
    {"empty table", "", "from=example.com", 0},
    {"comments only", "# a\n\n  # b\n\t\n", "from=example.com", 0},

    {"from", "from=example.com ceiling=none", "from=example.com", 1},
    {"from: case", "from=EXAMPLE.com ceiling=none", "from=example.com", 1},
    {"from: final dot", "from=example.com. ceiling=none", "from=example.com",
	1},
    {"from: U-label",
	"from=b\xc3\xbc"
	"cher.example ceiling=none",
	"from=xn--bcher-kva.example", 1},
    {"from: not below", "from=example.com ceiling=none", "from=www.example.com",
	0},
    {"from: not a suffix", "from=example.com ceiling=none",
	"from=badexample.com", 0},
    {"from: none", "from=example.com ceiling=none", "rcpt=a@example.com", 0},
    {"from: not the other identities", "from=example.com ceiling=none",
	"from=x.example mailfrom=example.com spf rcpt=a@example.com "
	"dkim=example.com",
	0},
    {"below", "from=.example.com ceiling=none", "from=www.example.com", 1},
    {"below: deep", "from=.example.com ceiling=none", "from=a.b.c.example.com",
	1},
    {"below: not itself", "from=.example.com ceiling=none", "from=example.com",
	0},
    {"below: not a suffix", "from=.example.com ceiling=none",
	"from=badexample.com", 0},
    {"below: a top level", "from=.example floor=reject", "from=a.b.example", 1},
    {"values: first", "from=a.example,b.example ceiling=none", "from=a.example",
	1},
    {"values: last", "from=a.example,.b.example ceiling=none",
	"from=x.b.example", 1},
    {"values: none", "from=a.example,b.example ceiling=none", "from=c.example",
	0},

    {"client", "client=192.0.2.1 trusted_forwarder", "client=192.0.2.1", 1},
    {"client: other", "client=192.0.2.1 trusted_forwarder", "client=192.0.2.2",
	0},
    {"client: network", "client=192.0.2.128/25 action=accept",
	"client=192.0.2.200", 1},
    {"client: outside", "client=192.0.2.128/25 action=accept",
	"client=192.0.2.127", 0},
    {"client: odd length", "client=192.0.2.96/27 action=accept",
	"client=192.0.2.127", 1},
    {"client: everybody", "client=0.0.0.0/0 action=header",
	"client=203.0.113.9", 1},
    {"client: families", "client=0.0.0.0/0 action=header", "client=2001:db8::1",
	0},
    {"client: IPv6", "client=2001:db8::/32 action=header",
	"client=2001:db8:ffff::1", 1},
    {"client: IPv6 host", "client=2001:db8::1 action=header",
	"client=2001:db8::1", 1},
    {"client: IPv6 outside", "client=2001:db8::/33 action=header",
	"client=2001:db8:8000::1", 0},
    {"client: mapped client", "client=192.0.2.0/24 action=header",
	"client=::ffff:192.0.2.9", 1},
    {"client: mapped rule", "client=::ffff:192.0.2.0/120 action=header",
	"client=192.0.2.9", 1},
    {"client: unknown", "client=0.0.0.0/0,::/0 action=header",
	"from=example.com", 0},

    {"rcpt: address", "rcpt=abuse@example.org action=accept",
	"rcpt=abuse@example.org", 1},
    {"rcpt: case", "rcpt=Abuse@Example.ORG action=accept",
	"rcpt=<aBUSE@eXAMPLE.org>", 1},
    {"rcpt: other address", "rcpt=abuse@example.org action=accept",
	"rcpt=xabuse@example.org", 0},
    {"rcpt: domain", "rcpt=example.org action=accept", "rcpt=a@example.org", 1},
    {"rcpt: domain is not below", "rcpt=example.org action=accept",
	"rcpt=a@b.example.org", 0},
    {"rcpt: below", "rcpt=.example.org action=accept", "rcpt=a@b.example.org",
	1},
    {"rcpt: below is not itself", "rcpt=.example.org action=accept",
	"rcpt=a@example.org", 0},
    {"rcpt: quoted local part",
	"rcpt=\"\\\"a b\\\"@example.org\" "
	"action=accept",
	"rcpt=\"A@example.org", 0},
    {"rcpt: no domain", "rcpt=postmaster action=accept", "rcpt=postmaster", 0},
    {"rcpt: literal", "rcpt=example.org action=accept", "rcpt=a@[192.0.2.1]",
	0},
    {"rcpt: all match", "rcpt=example.org action=accept",
	"rcpt=a@example.org,b@example.org", 1},
    {"rcpt: one does not", "rcpt=abuse@example.org action=accept",
	"rcpt=abuse@example.org,b@example.org", 0},
    {"rcpt: the first does not", "rcpt=abuse@example.org action=accept",
	"rcpt=b@example.org,abuse@example.org", 0},
    {"rcpt: all, by different values",
	"rcpt=abuse@example.org,example.net action=accept",
	"rcpt=x@example.net,abuse@example.org", 1},
    {"rcpt: some are not known", "rcpt=example.org action=accept",
	"rcpt=a@example.org more", 0},
    {"rcpt: none", "rcpt=example.org action=accept", "from=a.example", 0},
    {"rcpt: quarantine is an exception",
	"rcpt=example.org "
	"action=quarantine",
	"rcpt=a@example.org,b@example.net", 0},
    {"rcpt: floor and ceiling are one",
	"rcpt=example.org "
	"floor=quarantine ceiling=quarantine",
	"rcpt=a@example.org,b@example.net", 0},
    {"rcpt: a restriction takes any", "rcpt=example.org floor=reject",
	"rcpt=b@example.net,a@example.org", 1},
    {"rcpt: restriction, address", "rcpt=ceo@example.org action=reject",
	"rcpt=b@example.net,ceo@example.org", 1},
    {"rcpt: restriction, below", "rcpt=.example.org action=tempfail",
	"rcpt=b@example.net,a@b.example.org more", 1},
    {"rcpt: restriction, none", "rcpt=example.org floor=reject",
	"rcpt=b@example.net,a@b.example.org", 0},

    {"mailfrom: verified", "mailfrom=fwd.example trusted_forwarder",
	"mailfrom=fwd.example spf", 1},
    {"mailfrom: only claimed", "mailfrom=fwd.example trusted_forwarder",
	"mailfrom=fwd.example", 0},
    {"mailfrom: below", "mailfrom=.fwd.example trusted_forwarder",
	"mailfrom=srs.fwd.example spf", 1},
    {"mailfrom: below, only claimed", "mailfrom=.fwd.example trusted_forwarder",
	"mailfrom=srs.fwd.example", 0},
    {"mailfrom: claimed is enough for a restriction",
	"mailfrom=bad.example floor=reject", "mailfrom=bad.example", 1},
    {"mailfrom: and below", "mailfrom=.bad.example floor=reject",
	"mailfrom=a.bad.example spf", 1},
    {"mailfrom: null", "mailfrom=a.example floor=reject", "spf", 0},

    {"list: verified", "list=lists.example.net mailing_list",
	"dkim=lists.example.net", 1},
    {"list: below", "list=example.net mailing_list", "dkim=lists.example.net",
	1},
    {"list: not above", "list=lists.example.net mailing_list",
	"dkim=example.net", 0},
    {"list: not a suffix", "list=example.net mailing_list",
	"dkim=badexample.net", 0},
    {"list: second signature", "list=example.net mailing_list",
	"dkim=a.example,example.net", 1},
    {"list: no signature", "list=example.net mailing_list",
	"from=example.net mailfrom=example.net spf", 0},

    {"and", "from=a.example client=192.0.2.1 ceiling=none",
	"from=a.example client=192.0.2.1", 1},
    {"and: one missing", "from=a.example client=192.0.2.1 ceiling=none",
	"from=a.example client=192.0.2.2", 0},
    {"and: the other missing", "from=a.example client=192.0.2.1 ceiling=none",
	"from=b.example client=192.0.2.1", 0},
    {"and: everything",
	"from=a.example client=192.0.2.1 "
	"rcpt=x@y.example mailfrom=m.example list=l.example mailing_list",
	"from=a.example client=192.0.2.1 rcpt=x@y.example "
	"mailfrom=m.example spf dkim=l.example",
	1},

    {"first wins",
	"from=a.example floor=reject\n"
	"client=192.0.2.1 trusted_forwarder\n",
	"from=a.example client=192.0.2.1", 1},
    {"first wins, the other way",
	"client=192.0.2.1 trusted_forwarder\n"
	"from=a.example floor=reject\n",
	"from=a.example client=192.0.2.1", 1},
    {"special before general",
	"from=news.a.example ceiling=none\n"
	"from=.a.example floor=reject\n",
	"from=news.a.example", 1},
    {"general after special",
	"from=news.a.example ceiling=none\n"
	"from=.a.example floor=reject\n",
	"from=x.a.example", 2},
    {"the first may not apply",
	"from=a.example client=192.0.2.1 "
	"ceiling=none\nfrom=a.example floor=reject\n",
	"from=a.example", 2},
    {"first of many under one value",
	"from=a.example client=192.0.2.1 ceiling=none\n"
	"from=a.example client=192.0.2.2 ceiling=none\n"
	"from=a.example client=192.0.2.3 ceiling=none\n",
	"from=a.example client=192.0.2.2", 2},
    {"longest network is not best",
	"client=192.0.2.1 rcpt=a@b.example "
	"action=accept\nclient=192.0.0.0/16 action=header\n",
	"client=192.0.2.1", 2},
    {"default ends the search",
	"from=ok.a.example default\n"
	"from=.a.example floor=reject\n",
	"from=ok.a.example", 1},

    {"line numbers", "# c\n\nfrom=a.example default\n", "from=a.example", 3},
    {"CRLF", "from=a.example default\r\nfrom=b.example default\r\n",
	"from=b.example", 2},
    {"no final newline", "from=a.example default\nfrom=b.example default",
	"from=b.example", 2},
    {"continued line",
	"from=a.example\n  client=192.0.2.1\n# c\n\n"
	"\tceiling=none\nfrom=b.example default\n",
	"from=a.example client=192.0.2.1", 1},
    {"the rule after it",
	"from=a.example\n  ceiling=none\n"
	"from=b.example default\n",
	"from=b.example", 3},
    {"names without case", "FROM=a.example Ceiling=NONE", "from=a.example", 1},
    {"same value twice", "from=a.example,a.example ceiling=none",
	"from=a.example", 1},
};

static void
test_decisions(void)
{
	for (size_t i = 0; i < N(decisions); i++) {
		const struct policy_table *t = NULL;
		struct policy_decision d;
		struct situation s;
		struct diag why = {0};
		struct arena a;
		int err;

		arena_init(&a, POLICY_TABLE_MEMORY);
		set_facts(&s, &a, decisions[i].facts);
		err = policy_table_parse(
		    &a, "t", str_from_z(decisions[i].table), &t, NULL, &why);
		policy_decide(t, &s.facts, &d);
		if (!ok(err == 0 && d.line == decisions[i].line &&
			    (d.kind == POLICY_NO_RULE) == (d.line == 0),
			"decide: %s", decisions[i].name))
			printf("# err %d %s, line %u\n", err, why.text, d.line);
		arena_fini(&a);
	}
}

/* --- what a rule says -------------------------------------------------- */

static void
test_rule(void)
{
	static const struct {
		const char *text;
		struct policy_decision want;
	} cases[] = {
	    {"floor=quarantine",
		{POLICY_BOUNDS, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT,
		    POLICY_ACCEPT, EVAL_LOCAL_POLICY, STR_INIT(""), 1}},
	    {"ceiling=none reason=x",
		{POLICY_BOUNDS, DMARC_POLICY_NONE, DMARC_POLICY_NONE,
		    POLICY_ACCEPT, EVAL_LOCAL_POLICY, STR_INIT("x"), 1}},
	    {"floor=quarantine ceiling=quarantine reason=\"a \\\"b\\\" \\\\\"",
		{POLICY_BOUNDS, DMARC_POLICY_QUARANTINE,
		    DMARC_POLICY_QUARANTINE, POLICY_ACCEPT, EVAL_LOCAL_POLICY,
		    STR_INIT("a \"b\" \\"), 1}},
	    {"reason=\"why not\" override=other action=tempfail",
		{POLICY_FIXED, DMARC_POLICY_NONE, DMARC_POLICY_REJECT,
		    POLICY_TEMPFAIL, EVAL_OTHER, STR_INIT("why not"), 1}},
	    {"action=header override=local_policy reason=\"\"",
		{POLICY_FIXED, DMARC_POLICY_NONE, DMARC_POLICY_REJECT,
		    POLICY_HEADER, EVAL_LOCAL_POLICY, STR_INIT(""), 1}},
	    {"trusted_forwarder",
		{POLICY_EXEMPT, DMARC_POLICY_NONE, DMARC_POLICY_REJECT,
		    POLICY_ACCEPT, EVAL_TRUSTED_FORWARDER, STR_INIT(""), 1}},
	    {"mailing_list reason=list",
		{POLICY_EXEMPT, DMARC_POLICY_NONE, DMARC_POLICY_REJECT,
		    POLICY_ACCEPT, EVAL_MAILING_LIST, STR_INIT("list"), 1}},
	    {"default", {POLICY_DEFAULT, DMARC_POLICY_NONE, DMARC_POLICY_REJECT,
			    POLICY_ACCEPT, EVAL_LOCAL_POLICY, STR_INIT(""), 1}},
	};

	for (size_t i = 0; i < N(cases); i++) {
		const struct policy_decision *w = &cases[i].want;
		const struct policy_table *t = NULL;
		struct policy_decision d;
		struct situation s;
		struct arena a;
		char text[300];

		arena_init(&a, POLICY_TABLE_MEMORY);
		set_facts(&s, &a, "client=192.0.2.1 dkim=l.example");
		snprintf(text, sizeof(text),
		    "client=192.0.2.1 list=l.example %s", cases[i].text);
		policy_table_parse(&a, "t", str_from_z(text), &t, NULL, NULL);
		policy_decide(t, &s.facts, &d);
		ok(d.kind == w->kind && d.floor == w->floor &&
			d.ceiling == w->ceiling && d.action == w->action &&
			d.type == w->type && d.line == w->line,
		    "rule: %s", cases[i].text);
		is_str(d.comment, w->comment, "its comment");
		arena_fini(&a);
	}
}

/* --- malformed --------------------------------------------------------- */

static const struct {
	const char *text, *want;
} malformed[] = {
    {"from", "t:1: from: it has no value"},
    {"from=", "t:1: from: \"\" is no domain name"},
    {"from=a,", "t:1: from: \"\" is no domain name"},
    {"from=.", "t:1: from: \".\" is no domain name"},
    {"from=a..b default", "t:1: from: \"a..b\" is no domain name"},
    {"from=..b default", "t:1: from: \"..b\" is no domain name"},
    {"from=*.example.com default", "t:1: from: \"*.example.com\" is no"},
    {"from=a@example.com default", "t:1: from: \"a@example.com\" is no"},
    {"from=192.0.2.1/24 default", "t:1: from: \"192.0.2.1/24\" is no"},
    {"from=\xff\xfe default", "t:1: from: \"??\" is no domain name"},
    {"from=a.example from=b.example default", "t:1: from: set a second"},
    {"from=a.example", "t:1: the rule has no effect"},
    {"default", "t:1: the rule has no condition"},
    {"floor=reject reason=x", "t:1: the rule has no condition"},
    {"rcpt=@example.com default", "t:1: rcpt: \"@example.com\" is no"},
    {"rcpt=a@ default", "t:1: rcpt: \"a@\" is no address"},
    {"rcpt=a@b@ default", "t:1: rcpt: \"a@b@\" is no address"},
    {"rcpt=a@[192.0.2.1] default", "t:1: rcpt: \"a@[192.0.2.1]\" is no"},
    {"rcpt=\xc3\x28@example.com default", "t:1: rcpt: \"?(@example.com\""},
    {"client=example.com default", "t:1: client: \"example.com\" is no"},
    {"client=192.0.2 default", "t:1: client: \"192.0.2\" is no network"},
    {"client=192.0.2.0/33 default", "t:1: client: \"192.0.2.0/33\" is no"},
    {"client=192.0.2.0/ default", "t:1: client: \"192.0.2.0/\" is no"},
    {"client=192.0.2.1/24 default", "t:1: client: \"192.0.2.1/24\" has bits"},
    {"client=2001:db8::/129 default", "t:1: client: \"2001:db8::/129\" is"},
    {"client=2001:db8::1/32 default", "t:1: client: \"2001:db8::1/32\" has"},
    {"client=192.0.2.1-9 default", "t:1: client: \"192.0.2.1-9\" is no"},
    {"list=.lists.example mailing_list", "t:1: list: \".lists.example\" beg"},
    {"mailfrom=a@b.example default", "t:1: mailfrom: \"a@b.example\" is no"},
    {"from=a.example floor=none", "t:1: floor: \"none\" is no limit"},
    {"from=a.example floor=accept", "t:1: floor: \"accept\" is no limit"},
    {"from=a.example ceiling=reject", "t:1: ceiling: \"reject\" is no"},
    {"from=a.example floor=reject ceiling=none", "t:1: the floor is above"},
    {"from=a.example action=", "t:1: action: \"\" is none"},
    {"from=a.example action=discard", "t:1: action: \"discard\" is none"},
    {"from=a.example action=accept ceiling=none", "t:1: the rule has several"},
    {"client=::1 trusted_forwarder default", "t:1: the rule has several"},
    {"client=::1 trusted_forwarder=yes", "t:1: trusted_forwarder: it takes"},
    {"from=a.example trusted_forwarder", "t:1: trusted_forwarder without"},
    {"rcpt=a.example trusted_forwarder", "t:1: trusted_forwarder without"},
    {"from=a.example mailing_list", "t:1: mailing_list without a list"},
    {"client=::1 mailing_list", "t:1: mailing_list without a list"},
    {"from=a.example action=accept override=mailing_list",
	"t:1: override: \"mailing_list\" is no choice"},
    {"client=::1 trusted_forwarder override=other reason=x",
	"t:1: override goes with"},
    {"from=a.example action=accept override=other", "t:1: override=other"},
    {"from=a.example default reason=\"a", "t:1: reason: the quotes"},
    {"from=a.example default reason=\"a\"b", "t:1: reason: the quotes"},
    {"from=a.example default reason=\"a\\\"", "t:1: reason: the quotes"},
    {"from=a.example default reason=\"\xc3\xa4\"", "t:1: reason: the text has"},
    {"from=a.example default # why", "t:1: there is a \"#\" behind a rule"},
    {"from = a.example default", "t:1: from: it has no value"},
    {"=a.example default", "t:1: \"\": there is no such word"},
    {"sender=a.example default", "t:1: \"sender\": there is no such word"},
    {"from=a.example reject", "t:1: \"reject\": there is no such word"},
    {"from=a.example defau\x01lt", "t:1: there is a control octet (0x01) in"},
    {"from=a.example\rdefault", "t:1: there is a control octet (0x0d) in"},
    {" from=a.example default", "t:1: white space at the start"},
    {"# c\n\n\tfrom=a.example default", "t:3: white space at the start"},
    {"from=a.example\n default\n\n x", "t:4: \"x\": there is no such word"},
    {"\xef\xbb\xbf"
     "from=a.example default",
	"t:1: \"???from\": there is no"},

    {"from=a.example default\nfrom=a.example ceiling=none",
	"t:2: the rule is never reached: line 1"},
    {"from=.a.example default\n#\nfrom=b.a.example ceiling=none",
	"t:3: the rule is never reached: line 1"},
    {"from=.a.example default\nfrom=.b.a.example client=::1 default",
	"t:2: the rule is never reached: line 1"},
    {"client=192.0.0.0/16 default\nclient=192.0.2.0/24 default",
	"t:2: the rule is never reached: line 1"},
    {"client=::/0 default\nclient=2001:db8::/32 from=a.example default",
	"t:2: the rule is never reached: line 1"},
    {"rcpt=a.example default\nrcpt=x@a.example default",
	"t:2: the rule is never reached: line 1"},
    {"rcpt=.example default\nrcpt=x@a.example,.b.example default",
	"t:2: the rule is never reached: line 1"},
    {"list=a.example default\nlist=b.a.example mailing_list",
	"t:2: the rule is never reached: line 1"},
    {"mailfrom=a.example floor=reject\nmailfrom=a.example action=reject",
	"t:2: the rule is never reached: line 1"},
    {"from=a.example,b.example default\nfrom=b.example,a.example default",
	"t:2: the rule is never reached: line 1"},
};

static void
test_malformed(void)
{
	for (size_t i = 0; i < N(malformed); i++) {
		const struct policy_table *t = NULL;
		struct diag d = {0};
		struct arena a;
		int err;

		arena_init(&a, POLICY_TABLE_MEMORY);
		err = policy_table_parse(
		    &a, "t", str_from_z(malformed[i].text), &t, NULL, &d);
		if (!ok(err == AVER_CONF && !t &&
			    strncmp(d.text, malformed[i].want,
				strlen(malformed[i].want)) == 0,
			"malformed: %s", malformed[i].want))
			printf("# %d %s\n", err, d.text);
		arena_fini(&a);
	}
}

/* Near to what is refused, and right. */
static void
test_not_hidden(void)
{
	static const char *const good[] = {
	    /* two rules of which neither is met by a mixed message */
	    "rcpt=a.example default\nrcpt=b.example default\n"
	    "rcpt=a.example,b.example action=accept",
	    /* claimed and verified */
	    "mailfrom=a.example ceiling=none\nmailfrom=a.example floor=reject",
	    /* all and any */
	    "rcpt=a.example ceiling=none\nrcpt=a.example floor=reject",
	    "from=.a.example default\nfrom=a.example default",
	    "from=b.a.example default\nfrom=.a.example default",
	    "client=192.0.2.0/24 default\nclient=192.0.0.0/16 default",
	    "client=0.0.0.0/0 default\nclient=::/0 default",
	    "from=a.example client=::1 default\nfrom=a.example default",
	    "from=a.example,b.example default\nfrom=a.example,c.example "
	    "default",
	    "list=b.a.example default\nlist=a.example default",
	};

	for (size_t i = 0; i < N(good); i++) {
		const struct policy_table *t = NULL;
		struct diag d = {0};
		struct arena a;

		arena_init(&a, POLICY_TABLE_MEMORY);
		if (!ok(policy_table_parse(
			    &a, "t", str_from_z(good[i]), &t, NULL, &d) == 0,
			"not hidden: %zu", i))
			printf("# %s\n", d.text);
		arena_fini(&a);
	}
}

static void
test_all_errors(void)
{
	const struct policy_table *t = NULL;
	struct buf errors, text;
	struct diag d = {0};
	struct arena a;
	size_t lines = 0;

	arena_init(&a, POLICY_TABLE_MEMORY);
	buf_init(&errors, &a, 100000);
	buf_init(&text, &a, 100000);
	is_int(policy_table_parse(&a, "dir/file",
		   STR("from=a.example bad\n"
		       "from=b.example\n"
		       "client=::1 default\n"
		       "rcpt=x rcpt=y\n bad\n"
		       "client=::1 action=accept\n"),
		   &t, &errors, &d),
	    AVER_CONF, "several errors");
	is_str(buf_str(&errors),
	    STR("dir/file:1: \"bad\": there is no such word; expected one of "
		"aver-policy_table(5)\n"
		"dir/file:2: the rule has no effect; expected floor=, "
		"ceiling=, action=, trusted_forwarder, mailing_list or "
		"default\n"
		"dir/file:4: rcpt: set a second time in one rule; expected "
		"values separated by commas\n"
		"dir/file:6: the rule is never reached: line 3 comes first "
		"and matches all that it would; the first rule decides\n"),
	    "all are reported, one a rule");
	is_str(str_from_z(d.text),
	    STR("dir/file:1: \"bad\": there is no such word; expected one of "
		"aver-policy_table(5)"),
	    "and the first by itself");
	ok(!t, "nothing is set");

	for (int i = 0; i < 1000; i++)
		buf_add_z(&text, "bad\n");
	buf_clear(&errors);
	policy_table_parse(&a, "f", buf_str(&text), &t, &errors, &d);
	for (size_t i = 0; i < errors.n; i++)
		lines += errors.p[i] == '\n';
	is_int(lines, 101, "at most 100 and a last word");
	arena_fini(&a);
}

static void
test_bounds(void)
{
	const struct policy_table *t = NULL;
	struct diag d = {0};
	struct buf b;
	struct arena a;

	arena_init(&a, POLICY_TABLE_MEMORY);
	buf_init(&b, NULL, POLICY_TABLE_OCTETS_MAX + 10);
	for (int i = 0; i < 200000; i++)
		buf_add_z(&b, "#\n");
	is_int(policy_table_parse(&a, "t", buf_str(&b), &t, NULL, &d), 0,
	    "200 000 lines");
	buf_add_z(&b, "#");
	is_int(policy_table_parse(&a, "t", buf_str(&b), &t, NULL, &d),
	    AVER_CONF, "one more");
	is_str(str_from_z(d.text), STR("t: there are more than 200000 lines"),
	    "and why");
	buf_clear(&b);
	buf_add_z(&b, "from=a.example default reason=");
	for (int i = 0; i < 201; i++)
		buf_add_c(&b, 'x');
	is_int(policy_table_parse(
		   &a, "t", str_head(buf_str(&b), b.n - 1), &t, NULL, &d),
	    0, "a reason of 200 octets");
	is_int(policy_table_parse(&a, "t", buf_str(&b), &t, NULL, &d),
	    AVER_CONF, "and one of 201");
	buf_clear(&b);
	buf_add_z(&b, "default from=a");
	for (int i = 0; i < 999; i++)
		buf_addf(&b, ",a%d", i);
	is_int(policy_table_parse(&a, "t", buf_str(&b), &t, NULL, &d), 0,
	    "1000 values");
	buf_add_z(&b, ",b");
	is_int(policy_table_parse(&a, "t", buf_str(&b), &t, NULL, &d),
	    AVER_CONF, "1001 values");
	buf_clear(&b);
	while (b.n < POLICY_LINE_MAX)
		buf_add_z(&b, "default ");
	buf_add_c(&b, 'x');
	is_int(policy_table_parse(&a, "t", buf_str(&b), &t, NULL, &d),
	    AVER_CONF, "a line of 8193 octets");
	ok(strstr(d.text, "line is too long") != NULL, "is too long");
	while (b.n <= POLICY_TABLE_OCTETS_MAX)
		buf_add_c(&b, '\n');
	is_int(policy_table_parse(&a, "t", buf_str(&b), &t, NULL, &d),
	    AVER_CONF, "16 MB and an octet");
	ok(strstr(d.text, "too large") != NULL, "are too large");
	buf_fini(&b);
	arena_fini(&a);
}

/* The largest table there may be fits the memory it is given. */
static void
test_memory(void)
{
	const struct policy_table *t = NULL;
	struct diag d = {0};
	struct buf b;
	struct arena a;
	char filler[1000] = "#";
	unsigned n = 0;

	memset(filler, '#', 998);
	filler[998] = '\n';
	buf_init(&b, NULL, POLICY_TABLE_OCTETS_MAX);
	while (n < 498000) {
		buf_add_z(&b, "default from=");
		for (int i = 0; i < 3; i++, n++)
			buf_addf(
			    &b, "%sd%06u.department.example", i ? "," : "", n);
		buf_add_c(&b, '\n');
	}
	for (size_t to = POLICY_TABLE_OCTETS_MAX; b.n < to;)
		buf_add_z(&b, to - b.n < 999 ? "\n" : filler);
	arena_init(&a, POLICY_TABLE_MEMORY);
	is_int(policy_table_parse(&a, "t", buf_str(&b), &t, NULL, &d), 0,
	    "166 000 rules, 498 000 values, 16 MB");
	printf("# %s%zu octets of memory\n", d.text, a.taken);
	is_int(t ? policy_table_rules(t) : 0, 166000, "are there");
	arena_fini(&a);
	buf_fini(&b);
}

/* Whatever the memory: the whole table, or none. */
static void
test_out_of_memory(void)
{
	struct str text = STR("from=a.example,b.example ceiling=none "
			      "reason=\"x\"\nrcpt=a@b.example default\n");
	unsigned refused = 0, wrong = 0;

	for (size_t cap = 0; cap < 20000; cap += 50) {
		const struct policy_table *t = NULL;
		struct arena a;
		int err;

		arena_init(&a, cap);
		err = policy_table_parse(&a, "t", text, &t, NULL, NULL);
		refused += err == AVER_NOMEM;
		wrong += (err != 0 && err != AVER_NOMEM) || !t != !!err;
		arena_fini(&a);
	}
	printf("# %u of 400 refused\n", refused);
	ok(wrong == 0 && refused > 20 && refused < 390, "out of memory");
}

/* --- against a plain search -------------------------------------------- */

struct plain {
	const char *from, *rcpt, *client, *mailfrom, *list;
	bool restricts, dead;
};

static const char *const names[] = {"a.example", "b.a.example", ".a.example",
    ".example", "c.b.a.example", ".b.a.example", "x.example"};
static const char *const addresses[] = {"u@a.example", "v@a.example",
    "a.example", ".example", ".a.example", "u@b.a.example", "b.a.example"};
static const char *const nets[] = {"192.0.2.0/24", "192.0.2.1", "192.0.0.0/16",
    "2001:db8::/32", "0.0.0.0/0", "192.0.2.0/30", "2001:db8::1"};
static const char *const lists[] = {"a.example", "b.a.example", "example",
    "x.example", "c.b.a.example", "y.example", "z.example"};

static const char *
pick(uint64_t *random, const char *const *from, unsigned odds)
{
	*random = *random * 6364136223846793005u + 1442695040888963407u;
	if ((*random >> 33) % odds)
		return NULL;
	return from[(*random >> 40) % 7];
}

static bool
name_is(const char *pattern, struct str name)
{
	struct str p = str_from_z(pattern);

	if (p.p[0] == '.')
		return name.n > p.n && str_ends_ci(name, p);
	return str_eq(p, name);
}

static bool
rcpt_is(const char *pattern, struct str rcpt)
{
	struct str p = str_from_z(pattern);

	if (str_chr(p, '@') < p.n)
		return str_eq(p, rcpt);
	return name_is(pattern, str_from(rcpt, str_chr(rcpt, '@') + 1));
}

static bool
plain_rcpts(const struct plain *r, const struct policy_facts *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_rcpts; i++)
		n += rcpt_is(r->rcpt, f->rcpts[i]);
	return r->restricts ? n > 0 : f->n_rcpts > 0 && n == f->n_rcpts;
}

static bool
plain_applies(const struct plain *r, const struct policy_facts *f)
{
	struct ip_net net;
	bool found = false;

	if (r->from && !name_is(r->from, f->from_domain))
		return false;
	if (r->rcpt && !plain_rcpts(r, f))
		return false;
	if (r->client && (!ip_net_parse(str_from_z(r->client), &net) ||
			     !ip_in(&f->client, &net.ip, net.bits)))
		return false;
	if (r->mailfrom && (!name_is(r->mailfrom, f->mail_from_domain) ||
			       !(r->restricts || f->mail_from_passed)))
		return false;
	for (size_t i = 0; i < f->n_dkim_domains && r->list; i++) {
		char below[64];

		snprintf(below, sizeof(below), ".%s", r->list);
		found |= name_is(r->list, f->dkim_domains[i]) ||
			 name_is(below, f->dkim_domains[i]);
	}
	return !r->list || found;
}

#define PLAIN_RULES 12

static void
make_plain(uint64_t *random, struct plain *r)
{
	do {
		r->from = pick(random, names, 3);
		r->rcpt = pick(random, addresses, 3);
		r->client = pick(random, nets, 3);
		r->mailfrom = pick(random, names, 4);
		r->list = pick(random, lists, 4);
		r->restricts = pick(random, names, 3) != NULL;
	} while (
	    !r->from && !r->rcpt && !r->client && !r->mailfrom && !r->list);
	r->dead = false;
}

static void
print_plain(struct buf *b, const struct plain *r)
{
	const char *const keys[] = {
	    "from", "rcpt", "client", "mailfrom", "list"};
	const char *const values[] = {
	    r->from, r->rcpt, r->client, r->mailfrom, r->list};

	buf_add_z(b, r->dead ? "#" : "");
	for (size_t i = 0; i < N(keys); i++)
		if (values[i])
			buf_addf(b, "%s=%s ", keys[i], values[i]);
	buf_add_z(b, r->restricts ? "floor=reject\n" : "ceiling=none\n");
}

/* Parses, leaving out what is never reached. */
static const struct policy_table *
parse_plain(struct arena *a, struct plain *rules, struct buf *text)
{
	for (;;) {
		const struct policy_table *t;
		struct diag d;
		unsigned line;

		buf_clear(text);
		for (size_t i = 0; i < PLAIN_RULES; i++)
			print_plain(text, &rules[i]);
		if (policy_table_parse(a, "t", buf_str(text), &t, NULL, &d) ==
		    0)
			return t;
		if (sscanf(d.text, "t:%u: the rule is never", &line) != 1)
			return NULL;
		rules[line - 1].dead = true;
	}
}

static void
make_facts(uint64_t *random, struct policy_facts *f, struct str rcpts[3],
    struct str dkim[2])
{
	static const char *const domains[] = {"a.example", "b.a.example",
	    "c.b.a.example", "x.example", "q.x.example", "example", ""};
	static const char *const people[] = {"u@a.example", "v@a.example",
	    "u@b.a.example", "w@c.b.a.example", "u@x.example", "u@example",
	    "u@a.example"};
	static const char *const hosts[] = {"192.0.2.1", "192.0.2.9",
	    "192.0.9.9", "2001:db8::1", "2001:db8::2", "203.0.113.1",
	    "192.0.2.3"};

	memset(f, 0, sizeof(*f));
	f->from_domain = str_from_z(pick(random, domains, 1));
	f->mail_from_domain = str_from_z(pick(random, domains, 1));
	f->mail_from_passed = pick(random, domains, 2) != NULL;
	ip_parse(str_from_z(pick(random, hosts, 1)), &f->client);
	for (; f->n_rcpts < 3 && pick(random, people, 2); f->n_rcpts++)
		rcpts[f->n_rcpts] = str_from_z(pick(random, people, 1));
	for (; f->n_dkim_domains < 2 && pick(random, people, 2);
	     f->n_dkim_domains++)
		dkim[f->n_dkim_domains] = str_from_z(pick(random, domains, 1));
	f->rcpts = rcpts;
	f->dkim_domains = dkim;
}

static void
test_plain(void)
{
	uint64_t random = 1;
	unsigned wrong = 0, hits = 0, dead = 0, failed = 0;

	for (int round = 0; round < 1500; round++) {
		struct plain rules[PLAIN_RULES];
		const struct policy_table *t;
		struct str rcpts[3], dkim[2];
		struct policy_decision d;
		struct policy_facts f;
		struct arena a;
		struct buf text;

		arena_init(&a, (size_t)1 << 20);
		buf_init(&text, &a, 10000);
		for (size_t i = 0; i < PLAIN_RULES; i++)
			make_plain(&random, &rules[i]);
		t = parse_plain(&a, rules, &text);
		failed += !t;
		for (size_t i = 0; i < PLAIN_RULES; i++)
			dead += rules[i].dead;
		for (int k = 0; t && k < 100; k++) {
			unsigned want = 0;

			make_facts(&random, &f, rcpts, dkim);
			for (unsigned i = 0; i < PLAIN_RULES && !want; i++)
				if (plain_applies(&rules[i], &f))
					want = i + 1;
			policy_decide(t, &f, &d);
			wrong += d.line != want;
			hits += want > 0;
		}
		arena_fini(&a);
	}
	printf("# %u hits, %u rules never reached\n", hits, dead);
	is_int(failed, 0, "random tables parse");
	ok(hits > 10000 && hits < 140000 && dead > 500,
	    "rules apply and do not");
	is_int(wrong, 0, "as a plain search says");
}

/* --- actions ----------------------------------------------------------- */

static const struct {
	const char *name;
	/* "fail p=reject d=quarantine t from spf dkim budget" */
	const char *results;
	const char *rule; /* of a client; NULL: none */
	const char *want; /* "action situation; type comment; ..." */
} outcomes[] = {
    {"pass", "pass p=reject", NULL, "accept ?"},
    {"none", "none", NULL, "accept ?"},
    {"fail reject", "fail p=reject", NULL,
	"quarantine dmarc_reject; local_policy quarantined: RFC 9989 section "
	"7.4"},
    {"fail quarantine", "fail p=quarantine", NULL,
	"quarantine dmarc_quarantine"},
    {"fail none", "fail p=none", NULL, "accept dmarc_none"},
    {"permerror", "permerror", NULL, "header dmarc_permerror"},
    {"temperror", "temperror", NULL,
	"tempfail dmarc_temperror; local_policy DMARC temperror"},
    {"From", "permerror from", NULL,
	"reject from_invalid; local_policy invalid From field"},
    {"From and a failing domain", "fail p=reject from", NULL,
	"reject from_invalid"},
    {"SPF alone", "none spf", NULL,
	"quarantine spf_fail; local_policy SPF fail"},
    {"SPF is not alone: DMARC passes", "pass p=none spf", NULL, "accept ?"},
    {"SPF is not alone: DMARC fails", "fail p=none spf", NULL,
	"accept dmarc_none"},
    {"SPF alone, DMARC is broken", "permerror spf", NULL,
	"quarantine spf_fail; local_policy SPF fail"},
    {"SPF with temperror", "temperror spf dkim", NULL,
	"tempfail dmarc_temperror; local_policy DMARC temperror"},
    {"DKIM alone", "none dkim", NULL, "header dkim_policy"},
    {"DKIM is not alone", "pass p=none dkim", NULL, "accept ?"},
    {"budget", "none budget", NULL,
	"tempfail budget; local_policy a limit was reached"},
    {"budget, and yet a pass", "pass p=reject budget", NULL,
	"tempfail budget; local_policy a limit was reached"},
    {"the strictest wins", "fail p=none from budget", NULL,
	"reject from_invalid; local_policy invalid From field"},

    {"test mode", "fail p=reject d=quarantine t", NULL,
	"quarantine dmarc_quarantine; policy_test_mode "},
    {"test mode of quarantine", "fail p=quarantine d=none t", NULL,
	"accept dmarc_none; policy_test_mode "},
    {"pct", "fail p=reject d=quarantine", NULL,
	"quarantine dmarc_quarantine; other not in the sample of pct (RFC "
	"7489)"},
    {"test mode, and stricter all the same", "fail p=quarantine d=none t",
	"floor=quarantine reason=phish",
	"quarantine dmarc_quarantine; local_policy phish"},
    {"test mode, and milder", "fail p=reject d=quarantine t", "ceiling=none",
	"accept dmarc_none; policy_test_mode ; "
	"local_policy "},

    {"floor", "fail p=none", "floor=quarantine reason=\"much phished\"",
	"quarantine dmarc_quarantine; local_policy much phished"},
    {"floor of reject, quarantined", "fail p=none", "floor=reject",
	"quarantine dmarc_reject; local_policy "},
    {"floor, nothing to lift", "fail p=reject", "floor=quarantine",
	"quarantine dmarc_reject; local_policy quarantined: RFC 9989 section "
	"7.4"},
    {"floor: not without a record", "none", "floor=reject", "accept ?"},
    {"floor: not when it passes", "pass p=none", "floor=reject", "accept ?"},
    {"floor: not with temperror", "temperror", "floor=reject",
	"tempfail dmarc_temperror; local_policy DMARC temperror"},
    {"ceiling", "fail p=reject", "ceiling=none",
	"accept dmarc_none; local_policy "},
    {"ceiling of quarantine", "fail p=reject", "ceiling=quarantine",
	"quarantine dmarc_quarantine; local_policy "},
    {"ceiling, nothing to lower", "fail p=none", "ceiling=quarantine",
	"accept dmarc_none"},
    {"ceiling: other situations stay", "fail p=reject budget", "ceiling=none",
	"tempfail budget"},
    {"override=other", "fail p=reject",
	"ceiling=none override=other reason=\"fax gateway\"",
	"accept dmarc_none; other fax gateway"},

    {"accept", "fail p=reject", "action=accept reason=abuse",
	"accept dmarc_reject; local_policy abuse"},
    {"accept: also a From", "permerror from", "action=accept",
	"accept from_invalid"},
    {"accept: also a budget", "none budget", "action=accept", "accept budget"},
    {"header", "fail p=quarantine", "action=header",
	"header dmarc_quarantine; local_policy "},
    {"reject, as was asked", "fail p=reject", "action=reject",
	"reject dmarc_reject"},
    {"reject more than was asked", "fail p=none", "action=reject",
	"reject dmarc_none; local_policy "},
    {"fixed: not when it passes", "pass p=reject", "action=reject", "accept ?"},
    {"fixed: not when nothing is against it", "none", "action=reject",
	"accept ?"},
    {"fixed: SPF alone", "none spf", "action=reject",
	"reject spf_fail; local_policy "},
    {"tempfail", "fail p=quarantine", "action=tempfail",
	"tempfail dmarc_quarantine; local_policy "},

    {"forwarder", "fail p=reject", "trusted_forwarder",
	"accept ?; trusted_forwarder "},
    {"forwarder, SPF alone", "none spf dkim", "trusted_forwarder", "accept ?"},
    {"forwarder, p=none", "fail p=none", "trusted_forwarder", "accept ?"},
    {"forwarder: not a From", "permerror from", "trusted_forwarder",
	"reject from_invalid; local_policy invalid From field"},
    {"forwarder: a From that fails", "fail p=reject from", "trusted_forwarder",
	"reject from_invalid"},
    {"forwarder: not temperror", "temperror", "trusted_forwarder",
	"tempfail dmarc_temperror; local_policy DMARC temperror"},
    {"forwarder: not a budget", "fail p=reject budget", "trusted_forwarder",
	"tempfail budget"},
    {"forwarder: a From, of two domains", "fail p=quarantine from",
	"trusted_forwarder",
	"reject from_invalid; trusted_forwarder ; local_policy invalid From "
	"field"},
    {"list", "fail p=quarantine", "mailing_list reason=\"our list\"",
	"accept ?; mailing_list our list"},
    {"default", "fail p=quarantine", "default", "quarantine dmarc_quarantine"},
};

static bool
has_word(const char *text, const char *word)
{
	struct str rest = str_from_z(text);

	while (rest.p)
		if (str_eq(str_cut(rest, ' ', &rest), str_from_z(word)))
			return true;
	return false;
}

static void
set_results(struct policy_results *r, const char *text)
{
	char word[32];

	memset(r, 0, sizeof(*r));
	for (int i = 0; i < DMARC_RESULT_COUNT; i++)
		if (has_word(text, dmarc_result_name((enum dmarc_result)i)))
			r->dmarc = (enum dmarc_result)i;
	for (int i = 0; i < DMARC_POLICY_COUNT; i++) {
		const char *name = dmarc_policy_name((enum dmarc_policy)i);

		snprintf(word, sizeof(word), "p=%s", name);
		if (has_word(text, word))
			r->policy = (enum dmarc_policy)i;
	}
	r->disposition = r->policy;
	for (int i = 0; i < DMARC_POLICY_COUNT; i++) {
		const char *name = dmarc_policy_name((enum dmarc_policy)i);

		snprintf(word, sizeof(word), "d=%s", name);
		if (has_word(text, word))
			r->disposition = (enum dmarc_policy)i;
	}
	r->testing = has_word(text, "t");
	r->from_invalid = has_word(text, "from");
	r->spf_fail = has_word(text, "spf");
	r->dkim_unacceptable = has_word(text, "dkim");
	r->over_budget = has_word(text, "budget");
}

static void
print_outcome(struct buf *b, const struct policy_outcome *o)
{
	buf_addf(b, "%s %s", policy_action_name(o->action),
	    policy_situation_name(o->situation));
	for (size_t i = 0; i < o->n_reasons; i++)
		buf_addf(b, "; %s %.*s", eval_override_name(o->reasons[i].type),
		    STRF(o->reasons[i].comment));
}

static const struct policy_actions test_actions = {{
    [POLICY_DMARC_REJECT] = POLICY_QUARANTINE,
    [POLICY_DMARC_QUARANTINE] = POLICY_QUARANTINE,
    [POLICY_DMARC_NONE] = POLICY_ACCEPT,
    [POLICY_DMARC_PERMERROR] = POLICY_HEADER,
    [POLICY_DMARC_TEMPERROR] = POLICY_TEMPFAIL,
    [POLICY_FROM_INVALID] = POLICY_REJECT,
    [POLICY_SPF_FAIL] = POLICY_QUARANTINE,
    [POLICY_DKIM_POLICY] = POLICY_HEADER,
    [POLICY_BUDGET] = POLICY_TEMPFAIL,
}};

static void
test_outcomes(void)
{
	for (size_t i = 0; i < N(outcomes); i++) {
		const struct policy_table *t = NULL;
		struct policy_decision d;
		struct policy_results r;
		struct policy_outcome o;
		struct situation s;
		struct arena a;
		struct buf b;

		arena_init(&a, (size_t)1 << 20);
		buf_init(&b, &a, 1000);
		set_facts(&s, &a, "client=192.0.2.1 dkim=l.example");
		if (outcomes[i].rule) {
			buf_addf(&b, "client=192.0.2.1 list=l.example %s",
			    outcomes[i].rule);
			if (policy_table_parse(
				&a, "t", buf_str(&b), &t, NULL, NULL))
				ok(false, "rule: %s", outcomes[i].rule);
			buf_clear(&b);
		}
		policy_decide(t, &s.facts, &d);
		set_results(&r, outcomes[i].results);
		policy_apply(&test_actions, &r, &d, &o);
		print_outcome(&b, &o);
		is_str(buf_str(&b), str_from_z(outcomes[i].want),
		    outcomes[i].name);
		arena_fini(&a);
	}
}

/*
 * Everything at once, for all results and all rules: a message that nothing is
 * against is never touched, a departure never goes without a reason, and there
 * is no reason without one.
 */
static void
check_invariants(const struct policy_results *r,
    const struct policy_decision *d, unsigned *bad)
{
	static const enum dmarc_policy done[] = {
	    [POLICY_ACCEPT] = DMARC_POLICY_NONE,
	    [POLICY_HEADER] = DMARC_POLICY_NONE,
	    [POLICY_QUARANTINE] = DMARC_POLICY_QUARANTINE,
	    [POLICY_TEMPFAIL] = DMARC_POLICY_REJECT,
	    [POLICY_REJECT] = DMARC_POLICY_REJECT};
	enum dmarc_policy asked =
	    r->dmarc == DMARC_FAIL ? r->disposition : DMARC_POLICY_NONE;
	struct policy_outcome o;
	size_t local = 0;

	policy_apply(&test_actions, r, d, &o);
	for (size_t i = 0; i < o.n_reasons; i++)
		local += o.reasons[i].type != EVAL_POLICY_TEST_MODE;
	*bad += !o.situations && (o.action != POLICY_ACCEPT || o.n_reasons);
	*bad += (done[o.action] != asked) != (local > 0);
	*bad += o.n_reasons > POLICY_REASONS_MAX;
	*bad += o.asked != asked;
}

static void
test_invariants(void)
{
	unsigned bad = 0, n = 0;

	for (unsigned i = 0; i < 5 * 3 * 2 * 16 * 5 * 9 * 5; i++, n++) {
		unsigned k = i;
		struct policy_results r = {0};
		struct policy_decision d = {0};

		r.dmarc = (enum dmarc_result)(k % 5);
		k /= 5;
		r.policy = r.disposition = (enum dmarc_policy)(k % 3);
		k /= 3;
		if (k % 2 && r.policy) {
			r.testing = true;
			r.disposition--;
		}
		k /= 2;
		r.from_invalid = k & 1;
		r.spf_fail = k & 2;
		r.dkim_unacceptable = k & 4;
		r.over_budget = k & 8;
		k /= 16;
		d.kind = (enum policy_kind)(k % 5);
		k /= 5;
		d.floor = (enum dmarc_policy)(k % 3);
		d.ceiling = (enum dmarc_policy)(k / 3 % 3);
		if (d.floor > d.ceiling)
			continue;
		k /= 9;
		d.action = (enum policy_action)k;
		check_invariants(&r, &d, &bad);
	}
	ok(bad == 0, "invariants, %u combinations", n);
}

/* --- replies ----------------------------------------------------------- */

static void
test_replies(void)
{
	static const struct {
		const char *text;
		enum policy_action action;
		const char *want; /* expanded; or with "!" the error */
	} cases[] = {
	    {"550 5.7.1 Email rejected per DMARC policy for %{domain}",
		POLICY_REJECT,
		"550 5.7.1 Email rejected per DMARC policy for a.example"},
	    {"554 5.7.26 100%% %{policy} of %{policy_domain}: %{reason}",
		POLICY_REJECT, "554 5.7.26 100% reject of unknown: 5% ?[31m"},
	    {"451 4.7.1 %{ip} %{helo} %{mailfrom} %{qid} %{host}",
		POLICY_TEMPFAIL,
		"451 4.7.1 192.0.2.1 unknown ???@b 4F1 unknown"},
	    {"550 5.7.1 %{DOMAIN}", POLICY_REJECT, "550 5.7.1 a.example"},
	    {"550 5.7.1 }{%%{domain}", POLICY_REJECT, "550 5.7.1 }{%{domain}"},
	    {"450 4.7.1 x", POLICY_REJECT, "!the reply code 450 is not for"},
	    {"550 5.7.1 x", POLICY_TEMPFAIL, "!the reply code 550 is not for"},
	    {"421 4.7.1 x", POLICY_TEMPFAIL, "!the reply code 421 closes"},
	    {"550 4.7.1 x", POLICY_REJECT, "!the enhanced status code 4.7.1"},
	    {"550 x", POLICY_REJECT, "!there is no enhanced status code"},
	    {"550 5.7 x", POLICY_REJECT, "!there is no enhanced status code"},
	    {"550 5.7.1.1 x", POLICY_REJECT, "!there is no enhanced status"},
	    {"550 5.7.1000 x", POLICY_REJECT, "!there is no enhanced status"},
	    {"550 55.7.1 x", POLICY_REJECT, "!there is no enhanced status"},
	    {"550 5..1 x", POLICY_REJECT, "!there is no enhanced status"},
	    {"550", POLICY_REJECT, "!there is no enhanced status code"},
	    {"550 5.7.1", POLICY_REJECT, "!there is no text behind"},
	    {"550 5.7.1 ", POLICY_REJECT, "!there is no text behind"},
	    {"", POLICY_REJECT, "!it does not begin with a reply code"},
	    {"x", POLICY_REJECT, "!it does not begin with a reply code"},
	    {" 550 5.7.1 x", POLICY_REJECT, "!it does not begin with a reply"},
	    {"5500 5.7.1 x", POLICY_REJECT, "!it does not begin with a reply"},
	    {"250 2.0.0 x", POLICY_REJECT, "!it does not begin with a reply"},
	    {"560 5.7.1 x", POLICY_REJECT, "!it does not begin with a reply"},
	    {"550-5.7.1 x", POLICY_REJECT, "!it does not begin with a reply"},
	    {"550 5.7.1 50% of it", POLICY_REJECT, "!there is a single \"%\""},
	    {"550 5.7.1 %", POLICY_REJECT, "!there is a single \"%\""},
	    {"550 5.7.1 %s%n", POLICY_REJECT, "!there is a single \"%\""},
	    {"550 5.7.1 %{}", POLICY_REJECT, "!there is no field %{}"},
	    {"550 5.7.1 %{domain", POLICY_REJECT, "!there is no field %{dom"},
	    {"550 5.7.1 %{from}", POLICY_REJECT, "!there is no field %{from}"},
	    {"550 5.7.1 a\r\n250 x", POLICY_REJECT, "!there are other charac"},
	    {"550 5.7.1 \xc3\xa4", POLICY_REJECT, "!there are other charac"},
	};
	const struct str fields[REPLY_FIELD_COUNT] = {
	    [REPLY_DOMAIN] = STR("a.example"),
	    [REPLY_POLICY] = STR("reject"),
	    [REPLY_REASON] = STR("5% \x1b[31m"),
	    [REPLY_IP] = STR("192.0.2.1"),
	    [REPLY_MAILFROM] = STR("\r\n\0@b"),
	    [REPLY_QID] = STR("4F1"),
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct reply_template t;
		struct diag d = {0};
		struct buf b;
		int err = reply_template_parse(
		    str_from_z(cases[i].text), cases[i].action, &t, &d);

		if (cases[i].want[0] == '!') {
			if (!ok(err == AVER_SYNTAX &&
				    strncmp(d.text, cases[i].want + 1,
					strlen(cases[i].want + 1)) == 0,
				"reply refused: %s", cases[i].want + 1))
				printf("# %s\n", d.text);
			continue;
		}
		buf_init(&b, NULL, 1000);
		if (ok(err == 0, "reply: %s", cases[i].want))
			reply_expand(&t, fields, &b);
		is_str(buf_str(&b), str_from_z(cases[i].want), "expanded");
		buf_fini(&b);
	}
}

static void
test_long_replies(void)
{
	struct str fields[REPLY_FIELD_COUNT] = {{0}};
	struct reply_template t;
	char text[600], big[400];
	struct buf b;

	memset(big, 'a', sizeof(big));
	buf_init(&b, NULL, 2000);
	for (int i = 0; i < REPLY_FIELD_COUNT; i++)
		fields[i] = (struct str){big, sizeof(big)};
	reply_template_parse(
	    STR("550 5.7.1 %{domain}."), POLICY_REJECT, &t, NULL);
	reply_expand(&t, fields, &b);
	is_int(b.n, 10 + 255 + 1, "a field is cut");
	ok(str_ends_ci(buf_str(&b), STR("aa....")), "and says so");
	buf_clear(&b);
	reply_template_parse(STR("550 5.7.1 %{domain}%{helo}%{domain}"),
	    POLICY_REJECT, &t, NULL);
	reply_expand(&t, fields, &b);
	is_int(b.n, REPLY_OCTETS_MAX, "a line is cut");
	snprintf(text, sizeof(text), "550 5.7.1 %0500d", 0);
	is_int(reply_template_parse(str_from_z(text), POLICY_REJECT, &t, NULL),
	    0, "a text of 510 octets");
	buf_clear(&b);
	reply_expand(&t, fields, &b);
	is_str(buf_str(&b), str_from_z(text), "is kept");
	snprintf(text, sizeof(text), "550 5.7.1 %0501d", 0);
	is_int(reply_template_parse(str_from_z(text), POLICY_REJECT, &t, NULL),
	    AVER_SYNTAX, "one of 511 is not");
	memcpy(text, "550 5.7.1 ", 11);
	for (int i = 0; i < 33; i++)
		snprintf(text + 10 + 7 * i, 8, "%%{qid} ");
	is_int(reply_template_parse(str_from_z(text), POLICY_REJECT, &t, NULL),
	    AVER_SYNTAX, "33 fields are too many");
	buf_fini(&b);
}

/* --- files ------------------------------------------------------------- */

static void
write_file(const char *path, const char *text)
{
	ok(tmp_write(path, text, strlen(text)), "wrote a file");
}

static void
test_file(const char *dir)
{
	struct policy_file *f = NULL;
	struct policy_decision d;
	struct situation s;
	struct diag why = {0};
	struct arena a;
	struct buf errors;
	char path[600], want[700];

	arena_init(&a, 100000);
	buf_init(&errors, &a, 10000);
	snprintf(path, sizeof(path), "%s/table", dir);
	set_facts(&s, &a, "from=a.example");
	is_int(policy_file_load(path, &f, &why), AVER_CONF, "no file");
	ok(!f && strstr(why.text, "cannot be read: No such file"), "%s",
	    why.text);
	is_int(policy_file_check(path, &errors), AVER_CONF, "checked");
	snprintf(want, sizeof(want),
	    "%s: cannot be read: No such file or directory\n", path);
	is_str(buf_str(&errors), str_from_z(want), "and reported");
	is_int(policy_file_load(dir, &f, &why), AVER_CONF, "a directory");

	write_file(path, "from=a.example ceiling=none reason=\"x\"\n");
	buf_clear(&errors);
	is_int(policy_file_check(path, &errors), 0, "a good one");
	is_int(errors.n, 0, "no errors");
	is_int(policy_file_load(path, &f, &why), 0, "and loaded");
	write_file(path, "from=a.example\nfrom=b.example\n");
	policy_decide(policy_file_table(f), &s.facts, &d);
	is_int(d.line, 1, "lives without its file");
	is_str(d.comment, STR("x"), "with its text");
	policy_file_free(f);
	f = NULL;
	is_int(policy_file_load(path, &f, &why), AVER_CONF, "a wrong one");
	ok(!f && strstr(why.text, "/table:1: the rule has no effect"), "%s",
	    why.text);
	is_int(policy_file_check(path, &errors), AVER_CONF, "checked too");
	ok(str_contains_ci(buf_str(&errors), STR("/table:2: the rule")),
	    "all its errors");
	policy_decide(policy_file_table(NULL), &s.facts, &d);
	is_int(d.kind, POLICY_NO_RULE, "no file, no rule");
	policy_file_free(NULL);
	arena_fini(&a);
	unlink(path);
}

int
main(void)
{
	struct tmpdir dir = tmpdir_new();

	test_decisions();
	test_rule();
	test_malformed();
	test_not_hidden();
	test_all_errors();
	test_bounds();
	test_memory();
	test_out_of_memory();
	test_plain();
	test_outcomes();
	test_invariants();
	test_replies();
	test_long_replies();
	test_file(dir.path);
	tmpdir_remove(dir.path);
	return tap_done();
}
