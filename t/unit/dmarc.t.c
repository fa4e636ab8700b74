/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/unit/dmarc_run.h"

/* ---- alignment ---------------------------------------------------------- */

/* author example.com and sub.example.com, records at both */
static const struct {
	const char *from, *id;
	bool strict, relaxed;
} cells[] = {
    {"example.com", "example.com", true, true},
    {"example.com", "EXAMPLE.com", true, true},
    {"example.com", "sub.example.com", false, true},
    {"example.com", "a.b.c.d.example.com", false, true},
    {"sub.example.com", "sub.example.com", true, true},
    {"sub.example.com", "example.com", false, true},
    {"sub.example.com", "sibling.example.com", false, true},
    {"sub.example.com", "a.sub.example.com", false, true},
    {"example.com", "example.net", false, false},
    {"example.com", "com", false, false},
    {"example.com", "other.com", false, false},
    {"example.com", "evilexample.com", false, false},
    {"example.com", "example.com.evil.net", false, false},
    {"example.com", "", false, false},
    {"sub.example.com", "com", false, false},
    {"sub.example.com", "evil.com", false, false},
    {"sub.example.com", "subexample.com", false, false},
};

static void
check_cell(size_t i, bool spf, bool strict)
{
	static const char *const zones[] = {
	    "_dmarc.example.com TXT v=DMARC1; p=reject; aspf=r; adkim=s\n"
	    "_dmarc.sub.example.com TXT v=DMARC1; p=reject; aspf=r; adkim=s",
	    "_dmarc.example.com TXT v=DMARC1; p=reject; aspf=s; adkim=r\n"
	    "_dmarc.sub.example.com TXT v=DMARC1; p=reject; aspf=s; adkim=r",
	};
	bool want = strict ? cells[i].strict : cells[i].relaxed;
	struct run r;
	struct buf id;

	buf_init(&id, NULL, 300);
	buf_addf(&id, "pass %s", cells[i].id);
	run_init(&r, zones[spf == strict], cells[i].from, spf ? buf_z(&id) : "",
	    spf ? "" : buf_z(&id));
	run_eval(&r);
	ok((spf ? r.v.spf_aligned : r.v.dkim_aligned) == want &&
		r.v.result == (want ? DMARC_PASS : DMARC_FAIL) &&
		!(spf ? r.v.dkim_aligned : r.v.spf_aligned) &&
		r.v.disposition ==
		    (want ? DMARC_POLICY_NONE : DMARC_POLICY_REJECT),
	    "%s %s: %s and %s", spf ? "spf" : "dkim",
	    strict ? "strict" : "relaxed", cells[i].from, cells[i].id);
	check_faults(&r, "cell");
	buf_fini(&id);
	run_fini(&r);
}

/* ---- whole evaluations ---------------------------------------------------- */

static const struct eval_case walks[] = {
    {"no record", "example.com A", "a.example.com", "pass a.example.com",
	"pass a.example.com",
	"none org a.example.com (no record: a.example.com)",
	"_dmarc.a.example.com _dmarc.example.com _dmarc.com"},
    {"same domain: one question", EX, "example.com", "pass example.com",
	"pass example.com", "pass p=reject>none at example.com sd",
	"_dmarc.example.com"},
    {"nothing to align: one question", EX, "example.com", "fail example.com",
	"fail example.com", "fail p=reject>reject at example.com",
	"_dmarc.example.com"},
    {"other suffix: one question", EX, "example.com", "pass attacker.net",
	"pass attacker.org", "fail p=reject>reject at example.com",
	"_dmarc.example.com"},
    {"outside the organization: no walk there", EX, "example.com",
	"pass attacker.com", "pass a.b.c.d.attacker.com",
	"fail p=reject>reject at example.com org example.com",
	"_dmarc.example.com _dmarc.com"},
    {"strict: one question",
	"_dmarc.example.com TXT v=DMARC1; p=reject; adkim=s; aspf=s",
	"example.com", "pass a.example.com", "pass b.example.com",
	"fail p=reject>reject at example.com", "_dmarc.example.com"},
    {"shared names once", EX, "a.example.com", "pass b.example.com",
	"fail x.example.com, pass c.b.example.com, pass b.example.com",
	"pass p=reject>none at example.com org example.com sd",
	"_dmarc.a.example.com _dmarc.example.com _dmarc.com "
	"_dmarc.b.example.com _dmarc.c.b.example.com"},
    {"the author's signature first", EX, "example.com", "",
	"pass a.example.com, pass example.com",
	"pass p=reject>none at example.com d", "_dmarc.example.com"},
    /* RFC 9989 section 4.10: the walk */
    {"7 labels", "", "a.b.c.d.e.f.g", "", "",
	"none org a.b.c.d.e.f.g (no record: a.b.c.d.e.f.g)",
	"_dmarc.a.b.c.d.e.f.g _dmarc.b.c.d.e.f.g _dmarc.c.d.e.f.g "
	"_dmarc.d.e.f.g _dmarc.e.f.g _dmarc.f.g _dmarc.g"},
    {"8 labels", "", "a.b.c.d.e.f.g.h", "", "",
	"none org a.b.c.d.e.f.g.h (no record: a.b.c.d.e.f.g.h)",
	"_dmarc.a.b.c.d.e.f.g.h _dmarc.b.c.d.e.f.g.h _dmarc.c.d.e.f.g.h "
	"_dmarc.d.e.f.g.h _dmarc.e.f.g.h _dmarc.f.g.h _dmarc.g.h _dmarc.h"},
    {"9 labels", "", "a.b.c.d.e.f.g.h.i", "", "",
	"none org a.b.c.d.e.f.g.h.i (no record: a.b.c.d.e.f.g.h.i)",
	"_dmarc.a.b.c.d.e.f.g.h.i _dmarc.c.d.e.f.g.h.i _dmarc.d.e.f.g.h.i "
	"_dmarc.e.f.g.h.i _dmarc.f.g.h.i _dmarc.g.h.i _dmarc.h.i _dmarc.i"},
    {"13 labels: names in between are never seen",
	"_dmarc.b.c.d.e.f.g.h.i.j.mail.example.com TXT v=DMARC1; p=none\n"
	"_dmarc.f.g.h.i.j.mail.example.com TXT v=DMARC1; p=none\n" EX,
	"a.b.c.d.e.f.g.h.i.j.mail.example.com", "", "",
	"fail p=reject>reject at example.com org example.com",
	"_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com "
	"_dmarc.g.h.i.j.mail.example.com _dmarc.h.i.j.mail.example.com "
	"_dmarc.i.j.mail.example.com _dmarc.j.mail.example.com "
	"_dmarc.mail.example.com _dmarc.example.com _dmarc.com"},
    {"one label", "_dmarc.localhost TXT v=DMARC1; p=reject", "localhost", "",
	"", "fail p=reject>reject at localhost", "_dmarc.localhost"},
    {"one label without record", "", "com", "", "",
	"none org com (no record: com)", "_dmarc.com"},
    {"no name", EX, "", "", "", "none (no record: )", ""},
    {"a label of 64 octets has no record of its own", EX,
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	".example.com",
	"", "", "fail p=reject>reject at example.com org example.com",
	"_dmarc.example.com _dmarc.com"},
    /* section 4.10.2 */
    {"fewest labels", "_dmarc.mail.example.com TXT v=DMARC1; p=quarantine\n" EX,
	"a.mail.example.com", "", "",
	"fail p=reject>reject at example.com org example.com", NULL},
    {"author's record, organization above",
	"_dmarc.mail.example.com TXT v=DMARC1; p=quarantine\n" EX,
	"mail.example.com", "pass other.example.com", "",
	"pass p=quarantine>none at mail.example.com org example.com s",
	"_dmarc.mail.example.com _dmarc.example.com _dmarc.com "
	"_dmarc.other.example.com"},
    {"psd=n wins",
	"_dmarc.mail.example.com TXT v=DMARC1; p=quarantine; psd=n\n" EX,
	"a.mail.example.com", "", "",
	"fail p=quarantine>quarantine at mail.example.com org "
	"mail.example.com",
	"_dmarc.a.mail.example.com _dmarc.mail.example.com"},
    {"psd=n isolates from above",
	"_dmarc.mail.example.com TXT v=DMARC1; p=reject; psd=n\n" EX,
	"mail.example.com", "pass example.com", "pass a.mail.example.com",
	"pass p=reject>none at mail.example.com org mail.example.com d",
	"_dmarc.mail.example.com _dmarc.a.mail.example.com"},
    {"psd=n below isolates the identifier",
	"_dmarc.mail.example.com TXT v=DMARC1; p=reject; psd=n\n" EX,
	"example.com", "pass mail.example.com", "pass a.mail.example.com",
	"fail p=reject>reject at example.com org example.com", NULL},
    {"psd=u does not stop",
	"_dmarc.mail.example.com TXT v=DMARC1; p=none; psd=u\n" EX,
	"a.mail.example.com", "", "",
	"fail p=reject>reject at example.com org example.com", NULL},
    {"TLD with a plain record", "_dmarc.com TXT v=DMARC1; p=none\n" EX,
	"a.example.com", "pass other.com", "",
	"pass p=none>none at com org com s", NULL},
    {"TLD with psd=y", "_dmarc.com TXT v=DMARC1; p=none; psd=y\n" EX,
	"a.example.com", "pass other.com", "pass example.com",
	"pass p=reject>none at example.com org example.com d", NULL},
    {"TLD with psd=y, no other record",
	"_dmarc.com TXT v=DMARC1; p=quarantine; psd=y", "a.example.com",
	"pass other.com", "pass b.example.com",
	"pass p=quarantine>none at com org example.com d", NULL},
    {"unusable record counts for the walk",
	"_dmarc.a.example.com TXT v=DMARC1; p=reject\n"
	"_dmarc.example.com TXT v=DMARC1; p=bogus; psd=y\n",
	"a.example.com", "pass b.example.com", "",
	"fail p=reject>reject at a.example.com org a.example.com", NULL},
    /* appendix B.4 */
    {"B.4 giant", BANK, "mail.giant.bank.example",
	"pass mail.giant.bank.example", "pass mail.mega.bank.example",
	"pass p=quarantine>none at giant.bank.example "
	"org giant.bank.example s",
	"_dmarc.mail.giant.bank.example _dmarc.giant.bank.example "
	"_dmarc.bank.example"},
    {"B.4 mega", BANK, "mail.mega.bank.example", "",
	"pass mail.giant.bank.example, pass mega.bank.example",
	"pass sp=none>none at bank.example org mega.bank.example d", NULL},
    {"siblings under a PSD", BANK, "mega.bank.example",
	"pass giant.bank.example", "pass bank.example, pass tiny.bank.example",
	"fail sp=none>none at bank.example org mega.bank.example",
	"_dmarc.mega.bank.example _dmarc.bank.example"},
    {"author is the PSD", BANK, "bank.example", "pass giant.bank.example",
	"pass mega.bank.example",
	"fail p=reject>reject at bank.example org bank.example", NULL},
    {"author is the PSD and signs", BANK, "bank.example", "",
	"pass bank.example", "pass p=reject>none at bank.example d",
	"_dmarc.bank.example"},
    {"PSD at 7 labels of a long name",
	"_dmarc.c.d.e.f.g.h.i TXT v=DMARC1; p=reject; psd=y",
	"z.a.b.c.d.e.f.g.h.i", "pass y.b.c.d.e.f.g.h.i", "pass c.d.e.f.g.h.i",
	"pass p=reject>none at c.d.e.f.g.h.i org b.c.d.e.f.g.h.i s", NULL},
    /* several records */
    {"several at the author: the walk goes on",
	"_dmarc.mail.example.com TXT v=DMARC1; p=none\n"
	"_dmarc.mail.example.com TXT v=DMARC1; p=reject\n" EX,
	"mail.example.com", "", "",
	"fail p=reject>reject at example.com org example.com", NULL},
    {"several and no other", EX EX, "example.com", "pass example.com", "",
	"none org example.com (unusable record: example.com)", NULL},
    {"other TXT beside",
	"_dmarc.example.com TXT hello\n" EX
	"_dmarc.example.com TXT v=spf1 -all\n",
	"example.com", "", "", "fail p=reject>reject at example.com", NULL},
};

static const struct eval_case policies[] = {
    {"p", SUBS, "example.com", "", "", "fail p=reject>reject at example.com",
	"_dmarc.example.com"},
    {"sp of an existing name", SUBS, "there.example.com", "", "",
	"fail sp=quarantine>quarantine at example.com org example.com",
	"_dmarc.there.example.com _dmarc.example.com _dmarc.com "
	"there.example.com/A"},
    {"sp of an empty non-terminal", SUBS, "ent.example.com", "", "",
	"fail sp=quarantine>quarantine at example.com org example.com", NULL},
    {"np", SUBS, "ghost.example.com", "", "",
	"fail np=none>none at example.com org example.com", NULL},
    {"np not asked for when it passes", SUBS, "ghost.example.com", "",
	"pass example.com",
	"pass sp=quarantine>none at example.com org example.com d",
	"_dmarc.ghost.example.com _dmarc.example.com _dmarc.com"},
    {"np equal to sp not asked for",
	"_dmarc.example.com TXT v=DMARC1; p=none; sp=reject; np=reject",
	"ghost.example.com", "", "",
	"fail sp=reject>reject at example.com org example.com",
	"_dmarc.ghost.example.com _dmarc.example.com _dmarc.com"},
    {"np unknown", SUBS "bad.example.com TEMP", "bad.example.com", "", "",
	"temperror sp=quarantine>none at example.com org example.com "
	"(DNS lookup failed: bad.example.com)",
	NULL},
    {"np without sp", "_dmarc.example.com TXT v=DMARC1; p=none; np=reject",
	"g.example.com", "", "",
	"fail np=reject>reject at example.com org example.com", NULL},
    {"np without sp, existing",
	"_dmarc.example.com TXT v=DMARC1; p=none; np=reject\ng.example.com A",
	"g.example.com", "", "",
	"fail p=none>none at example.com org example.com", NULL},
    {"np of a PSD",
	"_dmarc.bank.example TXT v=DMARC1; p=none; psd=y; np=reject",
	"ghost.bank.example", "", "",
	"fail np=reject>reject at bank.example org ghost.bank.example", NULL},
    {"own record: neither sp nor np",
	"_dmarc.a.example.com TXT v=DMARC1; p=reject; sp=none; np=none",
	"a.example.com", "", "", "fail p=reject>reject at a.example.com",
	"_dmarc.a.example.com"},
    {"t=y: reject", "_dmarc.example.com TXT v=DMARC1; p=reject; t=y",
	"example.com", "", "", "fail p=reject>quarantine at example.com", NULL},
    {"t=y: quarantine", "_dmarc.example.com TXT v=DMARC1; p=quarantine; t=y",
	"example.com", "", "", "fail p=quarantine>none at example.com", NULL},
    {"t=y: none", "_dmarc.example.com TXT v=DMARC1; p=none; t=y", "example.com",
	"", "", "fail p=none>none at example.com", NULL},
    {"pct is history", "_dmarc.example.com TXT v=DMARC1; p=reject; pct=0",
	"example.com", "", "", "fail p=reject>reject at example.com", NULL},
    {"bad p with rua acts as none",
	"_dmarc.example.com TXT v=DMARC1; p=x; sp=reject; rua=mailto:a@b",
	"a.example.com", "", "",
	"fail p=none>none at example.com org example.com", NULL},
    {"bad p with rua can pass",
	"_dmarc.example.com TXT v=DMARC1; p=x; rua=mailto:a@b", "example.com",
	"pass example.com", "", "pass p=none>none at example.com s", NULL},
    {"bad p without rua", "_dmarc.example.com TXT v=DMARC1; p=x", "example.com",
	"pass example.com", "",
	"permerror p=none>none at example.com (unusable record: example.com)",
	NULL},
    {"bad np without rua, from below",
	"_dmarc.example.com TXT v=DMARC1; p=reject; np=x", "a.example.com", "",
	"",
	"permerror p=none>none at example.com org example.com "
	"(unusable record: example.com)",
	NULL},
    {"bad record at the author hides the one above",
	"_dmarc.a.example.com TXT v=DMARC1; p=x\n" EX, "a.example.com", "", "",
	"permerror p=none>none at a.example.com "
	"(unusable record: a.example.com)",
	NULL},
};

/* ---- odds and ends ------------------------------------------------------ */

static void
test_helo_scope(void)
{
	struct run r;

	run_init(&r, EX, "example.com", "pass example.com", "");
	r.spf.scope = SPF_SCOPE_HELO;
	run_eval(&r);
	is_int(r.v.result, DMARC_FAIL, "a HELO result does not count");
	r.spf.result = SPF_TEMPERROR;
	run_eval(&r);
	is_int(r.v.result, DMARC_FAIL, "nor does its temperror");
	r.spf = (struct spf_verdict){.result = SPF_PASS,
	    .scope = SPF_SCOPE_MFROM,
	    .used_helo = true,
	    .domain = STR("example.com")};
	run_eval(&r);
	is_int(r.v.result, DMARC_PASS, "HELO of a null reverse-path does");
	run_fini(&r);
}

static void
test_secure(void)
{
	struct run r;

	run_init(&r, "_dmarc.example.com SEC v=DMARC1; p=reject",
	    "a.example.com", "pass example.com", "");
	run_eval(&r);
	ok(r.v.secure, "one validated record");
	run_fini(&r);
	run_init(&r, EX, "example.com", "", "");
	run_eval(&r);
	ok(!r.v.secure, "one that is not");
	run_fini(&r);
	run_init(&r, "_dmarc.a.example.com SEC v=DMARC1; p=reject\n" EX,
	    "a.example.com", "pass example.com", "");
	run_eval(&r);
	ok(!r.v.secure, "the organization's record is not");
	run_fini(&r);
	run_init(&r, "", "example.com", "", "");
	run_eval(&r);
	ok(!r.v.secure, "no record");
	run_fini(&r);
}

static void
test_parsed_once(void)
{
	const struct dmarc_record *first;
	struct run r;

	run_init(&r, EX, "example.com", "", "");
	run_eval(&r);
	first = r.v.record;
	run_eval(&r);
	ok(first && first == r.v.record, "a kept answer is parsed once");
	r.in.discovery = DMARC_PSL;
	run_eval(&r);
	ok(first != r.v.record, "each discovery has its own reading");
	run_fini(&r);
}

/* What SPF and DKIM asked before is no way out. */
static void
test_budget(void)
{
	struct run r;

	run_init(&r, SUBS, "there.example.com", "pass other.com", "");
	dns_init(&r.dns, &r.fake.source, &r.arena, INT64_MAX, 1);
	r.dns.questions = 1;
	dmarc_eval(&r.dns, &r.arena, &r.in, &r.v);
	is_int(r.v.result, DMARC_FAIL, "no questions left: decided");
	is_int(r.v.disposition, DMARC_POLICY_QUARANTINE, "and sp found");
	is_int(r.dns.max_questions, 1, "the message's bound is as before");
	is_int(r.dns.questions, 5, "all are counted");
	run_fini(&r);

	run_init(&r, EX, "example.com", "", "temperror example.com");
	r.dkim[0].reason = DKIM_WHY_BUDGET;
	run_eval(&r);
	is_int(r.v.result, DMARC_FAIL, "a signature beyond the limits");
	run_fini(&r);
}

/* Many identifiers with walks of their own end at a bound of ours. */
static void
test_many_walks(void)
{
	static const char list[] =
	    "pass a.a.a.a.a.a.example.com, pass b.b.b.b.b.b.example.com, "
	    "pass c.c.c.c.c.c.example.com, pass d.d.d.d.d.d.example.com, "
	    "pass e.e.e.e.e.e.example.com, pass f.f.f.f.f.f.example.com, "
	    "pass g.g.g.g.g.g.example.com, pass h.h.h.h.h.h.example.com, "
	    "pass i.i.i.i.i.i.example.com, pass j.j.j.j.j.j.example.com, "
	    "pass k.k.k.k.k.k.example.com, pass x.example.com";
	struct run r;

	run_init(&r,
	    EX "_dmarc.a.example.com TXT v=DMARC1; p=none; psd=n\n"
	       "_dmarc.b.example.com TXT v=DMARC1; p=none; psd=n\n"
	       "_dmarc.c.example.com TXT v=DMARC1; p=none; psd=n\n"
	       "_dmarc.d.example.com TXT v=DMARC1; p=none; psd=n\n"
	       "_dmarc.e.example.com TXT v=DMARC1; p=none; psd=n\n"
	       "_dmarc.f.example.com TXT v=DMARC1; p=none; psd=n\n"
	       "_dmarc.g.example.com TXT v=DMARC1; p=none; psd=n\n"
	       "_dmarc.h.example.com TXT v=DMARC1; p=none; psd=n\n"
	       "_dmarc.i.example.com TXT v=DMARC1; p=none; psd=n\n"
	       "_dmarc.j.example.com TXT v=DMARC1; p=none; psd=n\n"
	       "_dmarc.k.example.com TXT v=DMARC1; p=none; psd=n\n",
	    "example.com", "", list);
	run_eval(&r);
	is_int(r.v.result, DMARC_TEMPERROR, "walks without end");
	is_int(r.v.reason, DMARC_WHY_BUDGET, "are a budget");
	is_int(r.fake.count, 64, "of 64 names");
	run_fini(&r);
}

static void
test_prefetch(void)
{
	struct arena a;
	struct fake f;
	struct dns d;

	arena_init(&a, 65536);
	fake_init(&f, "");
	dns_init(&d, &f.source, &a, INT64_MAX, 20);
	dmarc_prefetch(&d, STR("a.b.c.d.e.f.g.h.i"), DMARC_TREEWALK);
	is_str(buf_str(&f.asked),
	    STR("_dmarc.a.b.c.d.e.f.g.h.i _dmarc.c.d.e.f.g.h.i "
		"_dmarc.d.e.f.g.h.i _dmarc.e.f.g.h.i _dmarc.f.g.h.i "
		"_dmarc.g.h.i _dmarc.h.i _dmarc.i"),
	    "prefetch: the walk");
	buf_clear(&f.asked);
	dmarc_prefetch(&d, STR("a.example.com"), DMARC_PSL);
	is_str(buf_str(&f.asked), STR("_dmarc.a.example.com"), "prefetch: psl");
	buf_clear(&f.asked);
	dmarc_prefetch(&d, STR_NONE, DMARC_TREEWALK);
	dmarc_prefetch(&d, STR(".."), DMARC_TREEWALK);
	is_int(f.asked.n, 0, "prefetch: no names");
	arena_fini(&a);
	fake_fini(&f);
}

static void
test_names(void)
{
	bool named = true;

	for (int i = 0; i < DMARC_POLICY_COUNT; i++)
		named = named && strcmp(dmarc_policy_name(i), "?");
	for (int i = 0; i < DMARC_RESULT_COUNT; i++)
		named = named && strcmp(dmarc_result_name(i), "?");
	for (int i = 0; i < DMARC_DISCOVERY_COUNT; i++)
		named = named && strcmp(dmarc_discovery_name(i), "?");
	for (int i = 0; i < DMARC_REASON_COUNT; i++)
		named = named && strcmp(dmarc_reason_name(i), "?");
	for (int i = 0; i < DMARC_ALIGN_COUNT; i++)
		named = named && strcmp(dmarc_align_name(i), "?");
	for (int i = 0; i < DMARC_PSD_COUNT; i++)
		named = named && strcmp(dmarc_psd_name(i), "?");
	ok(named, "every value has a name");
	is_str(str_from_z(dmarc_reason_name(DMARC_WHY_NONE)), STR(""),
	    "no reason");
}

int
main(void)
{
	for (size_t i = 0; i < COUNT(cells); i++)
		for (int how = 0; how < 4; how++)
			check_cell(i, how & 1, how & 2);
	for (size_t i = 0; i < COUNT(walks); i++)
		check_case(&walks[i], DMARC_TREEWALK, NULL, 0);
	for (size_t i = 0; i < COUNT(policies); i++)
		check_case(&policies[i], DMARC_TREEWALK, NULL, 0);
	test_helo_scope();
	test_secure();
	test_parsed_once();
	test_budget();
	test_many_walks();
	test_prefetch();
	test_names();
	return tap_done();
}
