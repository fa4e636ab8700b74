/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Failing lookups, and discovery by the public suffix list. */
#include "t/unit/dmarc_run.h"

#include <unistd.h>

#define P "fail p=reject>reject at example.com"
#define T "temperror p=reject>none at example.com"
#define O " org example.com"

static const struct eval_case errors[] = {
    {"author's record", "_dmarc.example.com TEMP", "example.com",
	"pass example.com", "pass example.com",
	"temperror (DNS lookup failed: example.com)", "_dmarc.example.com"},
    {"author's record, no fall-through", "_dmarc.a.example.com TEMP\n" EX,
	"a.example.com", "pass a.example.com", "",
	"temperror (DNS lookup failed: a.example.com)", "_dmarc.a.example.com"},
    {"bogus", "_dmarc.example.com BOGUS", "example.com", "pass example.com", "",
	"temperror (DNSSEC validation failed: example.com)", NULL},
    {"a step of the walk",
	"_dmarc.example.com TEMP\n"
	"_dmarc.com TXT v=DMARC1; p=none",
	"a.example.com", "pass a.example.com", "",
	"temperror (DNS lookup failed: example.com)",
	"_dmarc.a.example.com _dmarc.example.com"},
    {"last step of the walk", "_dmarc.com TEMP\n" EX, "a.example.com",
	"pass a.example.com", "", "temperror (DNS lookup failed: com)", NULL},
    {"a pass that needs no walk", "_dmarc.com TEMP\n" EX, "example.com", "",
	"pass a.example.com, pass example.com",
	"pass p=reject>none at example.com d", "_dmarc.example.com"},
    {"a pass beside an open question", "_dmarc.com TEMP\n" EX, "example.com",
	"pass a.example.com", "pass example.com",
	"pass p=reject>none at example.com d", NULL},
    {"an open question", "_dmarc.com TEMP\n" EX, "example.com",
	"pass a.example.com", "", T " (DNS lookup failed: com)", NULL},
    {"identifier elsewhere is no question", "_dmarc.com TEMP\n" EX,
	"example.com", "pass a.net", "", P, NULL},
    {"identifier's own organization is known",
	"_dmarc.com TEMP\n_dmarc.a.com TXT v=DMARC1; p=none; psd=n\n" EX,
	"example.com", "pass a.com", "", P, NULL},
    {"identifier's walk fails", "_dmarc.a.example.com TEMP\n" EX, "example.com",
	"pass a.example.com", "", T O " (DNS lookup failed: a.example.com)",
	NULL},
    {"identifier's walk fails, another passes",
	"_dmarc.a.example.com TEMP\n" EX, "example.com", "pass a.example.com",
	"pass b.example.com", "pass p=reject>none at example.com" O " d", NULL},
    /* SPF and DKIM that could not be evaluated */
    {"spf, same", EX, "example.com", "temperror example.com", "",
	T " (SPF temperror: example.com)", "_dmarc.example.com"},
    {"spf, below", EX, "example.com", "temperror a.example.com", "",
	T O " (SPF temperror: a.example.com)", NULL},
    {"spf, elsewhere", EX, "example.com", "temperror other.net", "", P, NULL},
    {"spf, same suffix", EX, "example.com", "temperror other.com", "", P O,
	NULL},
    {"spf, strict", "_dmarc.example.com TXT v=DMARC1; p=reject; aspf=s",
	"example.com", "temperror a.example.com", "", P, NULL},
    {"spf, alignment unknown", "_dmarc.com TEMP\n" EX, "example.com",
	"temperror a.example.com", "", T " (SPF temperror: a.example.com)",
	NULL},
    {"spf, dkim passes", EX, "example.com", "temperror example.com",
	"pass example.com", "pass p=reject>none at example.com d", NULL},
    {"spf, dkim passes elsewhere", EX, "example.com", "temperror example.com",
	"pass other.net", T " (SPF temperror: example.com)", NULL},
    {"spf, no domain", EX, "example.com", "temperror ", "", P, NULL},
    {"spf permerror decides", EX, "example.com", "permerror example.com", "", P,
	NULL},
    {"dkim, same", EX, "example.com", "", "temperror example.com",
	T " (DKIM temperror: example.com)", NULL},
    {"dkim, below", EX, "example.com", "", "temperror a.example.com",
	T O " (DKIM temperror: a.example.com)", NULL},
    {"dkim, elsewhere", EX, "example.com", "", "temperror other.net", P, NULL},
    {"dkim, strict", "_dmarc.example.com TXT v=DMARC1; p=reject; adkim=s",
	"example.com", "", "temperror a.example.com", P, NULL},
    {"dkim, spf passes", EX, "example.com", "pass example.com",
	"temperror example.com", "pass p=reject>none at example.com s", NULL},
    {"dkim, another passes", EX, "example.com", "",
	"temperror example.com, pass a.example.com",
	"pass p=reject>none at example.com" O " d", NULL},
    {"dkim, second of two", EX, "example.com", "fail example.com",
	"fail example.com, temperror other.net, temperror example.com",
	T " (DKIM temperror: example.com)", NULL},
    {"dkim permerror decides", EX, "example.com", "", "permerror example.com",
	P, NULL},
    {"dkim policy and neutral are no pass", EX, "example.com", "",
	"policy example.com, neutral example.com, none example.com", P, NULL},
    {"spf results that are no pass: softfail", EX, "example.com",
	"softfail example.com", "", P, NULL},
    {"spf results that are no pass: neutral", EX, "example.com",
	"neutral example.com", "", P, NULL},
    {"spf results that are no pass: none", EX, "example.com",
	"none example.com", "", P, NULL},
    {"temperror with p=none", "_dmarc.example.com TXT v=DMARC1; p=none",
	"example.com", "temperror example.com", "",
	"temperror p=none>none at example.com (SPF temperror: example.com)",
	NULL},
};

static const struct eval_case psl_cases[] = {
    {"psl: own record", EX, "example.com", "pass a.example.com", "",
	"pass p=reject>none at example.com org example.com s",
	"_dmarc.example.com"},
    {"psl: record of the organization", EX, "a.b.example.com", "",
	"pass c.example.com",
	"pass p=reject>none at example.com org example.com d",
	"_dmarc.a.b.example.com _dmarc.example.com"},
    {"psl: nothing in between", "_dmarc.b.example.com TXT v=DMARC1; p=reject",
	"a.b.example.com", "", "",
	"none org example.com (no record: a.b.example.com)", NULL},
    {"psl: public suffix not asked", "_dmarc.co.uk TXT v=DMARC1; p=reject",
	"example.co.uk", "", "",
	"none org example.co.uk (no record: example.co.uk)",
	"_dmarc.example.co.uk"},
    {"psl: siblings under a suffix", "_dmarc.a.co.uk TXT v=DMARC1; p=reject",
	"a.co.uk", "pass b.co.uk", "pass co.uk",
	"fail p=reject>reject at a.co.uk org a.co.uk", NULL},
    {"psl: sp", SUBS, "there.example.com", "", "",
	"fail sp=quarantine>quarantine at example.com org example.com",
	"_dmarc.there.example.com _dmarc.example.com"},
    {"psl: no np", SUBS, "ghost.example.com", "", "",
	"fail sp=quarantine>quarantine at example.com org example.com", NULL},
    {"psl: no t", "_dmarc.example.com TXT v=DMARC1; p=reject; t=y",
	"example.com", "", "",
	"fail p=reject>reject at example.com org example.com", NULL},
    {"psl: no psd", "_dmarc.a.example.com TXT v=DMARC1; p=reject; psd=n\n" EX,
	"a.example.com", "pass example.com", "",
	"pass p=reject>none at a.example.com org example.com s", NULL},
    {"psl: several end it",
	"_dmarc.a.example.com TXT v=DMARC1; p=none\n"
	"_dmarc.a.example.com TXT v=DMARC1; p=none\n" EX,
	"a.example.com", "", "",
	"none org example.com (unusable record: a.example.com)",
	"_dmarc.a.example.com"},
    {"psl: p not second", "_dmarc.example.com TXT v=DMARC1; sp=none; p=reject",
	"example.com", "", "",
	"permerror p=none>none at example.com org example.com "
	"(unusable record: example.com)",
	NULL},
    {"psl: lookup fails", "_dmarc.a.example.com TEMP\n" EX, "a.example.com",
	"pass a.example.com", "",
	"temperror (DNS lookup failed: a.example.com)", NULL},
    {"psl: lookup at the organization fails", "_dmarc.example.com TEMP",
	"a.example.com", "pass a.example.com", "",
	"temperror (DNS lookup failed: example.com)", NULL},
    {"psl: pct, chosen", "_dmarc.example.com TXT v=DMARC1; p=reject; pct=51",
	"example.com", "", "",
	"fail p=reject>reject at example.com org example.com", NULL},
    {"psl: pct, not chosen",
	"_dmarc.example.com TXT v=DMARC1; p=reject; pct=50", "example.com", "",
	"", "fail p=reject>quarantine at example.com org example.com", NULL},
    {"psl: pct=0", "_dmarc.example.com TXT v=DMARC1; p=quarantine; pct=0",
	"example.com", "", "",
	"fail p=quarantine>none at example.com org example.com", NULL},
};

static struct orgdom *
small_psl(void)
{
	static const char text[] = "com\nnet\nuk\nco.uk\nexample\n";
	char path[] = "/tmp/dmarc.t.XXXXXX";
	int fd = mkstemp(path);
	struct orgdom *o = NULL;

	if (fd < 0)
		return NULL;
	if (write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1)
		o = orgdom_open(path);
	close(fd);
	unlink(path);
	return o;
}

static void
test_psl(void)
{
	struct orgdom *o = small_psl();
	struct run r;

	if (!ok(o != NULL, "a list of our own"))
		return;
	for (size_t i = 0; i < COUNT(psl_cases); i++)
		check_case(&psl_cases[i], DMARC_PSL, o, 50);
	orgdom_close(o);

	run_init(&r, EX, "a.example.com", "pass example.com", "");
	r.in.discovery = DMARC_PSL;
	run_eval(&r);
	is_int(r.v.result, DMARC_TEMPERROR, "psl: without a list");
	run_fini(&r);
}

int
main(void)
{
	for (size_t i = 0; i < COUNT(errors); i++)
		check_case(&errors[i], DMARC_TREEWALK, NULL, 0);
	test_psl();
	return tap_done();
}
