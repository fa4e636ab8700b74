/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* RFC 9990 section 4, RFC 9991 section 5. */

#include "lib/base/err.h"
#include "lib/dmarc/dmarc_rua.h"
#include "lib/dns/dns_zone.h"

#include "t/tap.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG L63 "." L63 "." L63 ".abcdefghijklmnopqrstuvwxyz0123.example"

static const char zone_text[] =
    "_dmarc.example.com. TXT \"v=DMARC1; p=none\"\n"
    "_dmarc.blue.example.com. TXT \"v=DMARC1; p=none\"\n"
    "_dmarc.apart.example.com. TXT \"v=DMARC1; p=none; psd=n\"\n"
    "_dmarc.down.example. SERVFAIL\n"
    "_dmarc.forged.example. BOGUS\n"
    "_dmarc.forged.example. TXT \"v=DMARC1; p=none\"\n"
    /* authorizations */
    "example.com._report._dmarc.plain.example. TXT \"v=DMARC1\"\n"
    "example.com._report._dmarc.semi.example. TXT \"v=DMARC1;\"\n"
    "example.com._report._dmarc.policy.example. TXT \"v=DMARC1; p=bad\"\n"
    "blue.example.com._report._dmarc.red.example.net. TXT \"v=DMARC1\"\n"
    "*._report._dmarc.any.example. TXT \"v=DMARC1\"\n"
    "example.com._report._dmarc.cname.example. CNAME ok.any2.example.\n"
    "ok.any2.example. TXT \"v=DMARC1\"\n"
    "example.com._report._dmarc.several.example. TXT \"v=DMARC1\"\n"
    "example.com._report._dmarc.several.example. TXT \"v=DMARC1; x=y\"\n"
    "example.com._report._dmarc.mixed.example. TXT \"v=spf1 -all\"\n"
    "example.com._report._dmarc.mixed.example. TXT \"v=DMARC1\"\n"
    "example.com._report._dmarc.wrong.example. TXT \"v=DMARC2\"\n"
    "example.com._report._dmarc.late.example. TXT \"p=none; v=DMARC1\"\n"
    "example.com._report._dmarc.text.example. TXT \"yes please\"\n"
    "example.com._report._dmarc.empty.example. TXT \"\"\n"
    "example.com._report._dmarc.mx.example. MX 1 a.example.\n"
    "_report._dmarc.parent.example. TXT \"v=DMARC1\"\n"
    "example.com._report._dmarc.org.example. TXT \"v=DMARC1\"\n"
    "example.com._report._dmarc.fail.example. SERVFAIL\n"
    "example.com._report._dmarc.fake.example. TXT \"v=DMARC1\"\n"
    "example.com._report._dmarc.fake.example. BOGUS\n"
    /* overrides */
    "example.com._report._dmarc.ov.example. TXT \"v=DMARC1; "
    "rua=mailto:new@ov.example\"\n"
    "example.com._report._dmarc.ovtwo.example. TXT \"v=DMARC1; "
    "rua=mailto:one@ovtwo.example,mailto:two@ovtwo.example!5m\"\n"
    "example.com._report._dmarc.ovhost.example. TXT \"v=DMARC1; "
    "rua=mailto:victim@elsewhere.example\"\n"
    "example.com._report._dmarc.ovsub.example. TXT \"v=DMARC1; "
    "rua=mailto:a@sub.ovsub.example\"\n"
    "example.com._report._dmarc.ovcase.example. TXT \"v=DMARC1; "
    "rua=mailto:new@OVCASE.example\"\n"
    "example.com._report._dmarc.ovhalf.example. TXT \"v=DMARC1; "
    "rua=mailto:a@elsewhere.example,mailto:b@ovhalf.example\"\n"
    "example.com._report._dmarc.ovbad.example. TXT \"v=DMARC1; rua=rubbish\"\n"
    "example.com._report._dmarc.ovhttp.example. TXT \"v=DMARC1; "
    "rua=https://ovhttp.example/r\"\n"
    "example.com._report._dmarc.ovsame.example. TXT \"v=DMARC1; "
    "rua=mailto:r@ovsame.example\"\n"
    "example.com._report._dmarc.ovruf.example. TXT \"v=DMARC1; "
    "ruf=mailto:fail@ovruf.example\"\n"
    "example.com._report._dmarc.ovboth.example. TXT \"v=DMARC1; "
    "rua=mailto:agg@ovboth.example; ruf=mailto:fail@ovboth.example\"\n"
    "_dmarc.psd.example. TXT \"v=DMARC1; p=none; psd=y\"\n";

static const struct {
	const char *name, *domain, *uris;
	enum dmarc_uri_tag tag;
	size_t most;
	const char *want; /* "ADDRESS why[; ...]" */
} cases[] = {
    /* inside the organization: nothing to verify */
    {"same domain", "example.com", "mailto:r@example.com", 0, 9,
	"r@example.com same organization"},
    {"below it", "example.com", "mailto:r@mail.example.com", 0, 9,
	"r@mail.example.com same organization"},
    {"above it", "blue.example.com", "mailto:r@example.com", 0, 9,
	"r@example.com same organization"},
    {"sibling", "blue.example.com", "mailto:r@red.example.com", 0, 9,
	"r@red.example.com same organization"},
    {"below, but an organization of its own", "example.com",
	"mailto:r@apart.example.com", 0, 9,
	"r@apart.example.com not authorized by its host"},
    {"a policy of a PSD", "psd.example", "mailto:r@psd.example", 0, 9,
	"r@psd.example same organization"},
    {"below a PSD is another organization", "psd.example",
	"mailto:r@reg.psd.example", 0, 9,
	"r@reg.psd.example not authorized by its host"},
    /* steps 1 to 8 */
    {"authorized", "example.com", "mailto:r@plain.example", 0, 9,
	"r@plain.example authorized by its host"},
    {"trailing semicolon", "example.com", "mailto:r@semi.example", 0, 9,
	"r@semi.example authorized by its host"},
    {"p does not matter", "example.com", "mailto:r@policy.example", 0, 9,
	"r@policy.example authorized by its host"},
    {"the RFC's example", "blue.example.com", "mailto:reports@red.example.net",
	0, 9, "reports@red.example.net authorized by its host"},
    {"the name of the policy domain counts, not its organization",
	"blue.example.com", "mailto:r@plain.example", 0, 9,
	"r@plain.example not authorized by its host"},
    {"wildcard", "example.com", "mailto:r@any.example", 0, 9,
	"r@any.example authorized by its host"},
    {"CNAME", "example.com", "mailto:r@cname.example", 0, 9,
	"r@cname.example authorized by its host"},
    {"several records", "example.com", "mailto:r@several.example", 0, 9,
	"r@several.example authorized by its host"},
    {"another record beside it", "example.com", "mailto:r@mixed.example", 0, 9,
	"r@mixed.example authorized by its host"},
    {"no record", "example.com", "mailto:r@none.example", 0, 9,
	"r@none.example not authorized by its host"},
    {"another version", "example.com", "mailto:r@wrong.example", 0, 9,
	"r@wrong.example not authorized by its host"},
    {"v not first", "example.com", "mailto:r@late.example", 0, 9,
	"r@late.example not authorized by its host"},
    {"some text", "example.com", "mailto:r@text.example", 0, 9,
	"r@text.example not authorized by its host"},
    {"empty text", "example.com", "mailto:r@empty.example", 0, 9,
	"r@empty.example not authorized by its host"},
    {"another type", "example.com", "mailto:r@mx.example", 0, 9,
	"r@mx.example not authorized by its host"},
    {"without the policy domain in front", "example.com",
	"mailto:r@parent.example", 0, 9,
	"r@parent.example not authorized by its host"},
    {"the host itself, not its organization", "example.com",
	"mailto:r@sub.org.example", 0, 9,
	"r@sub.org.example not authorized by its host"},
    {"name too long", "example.com", "mailto:r@" LONG, 0, 9,
	"r@" LONG " name to verify is too long"},
    /* step 5 and the walks */
    {"temporary error", "example.com", "mailto:r@fail.example", 0, 9,
	"r@fail.example DNS lookup failed"},
    {"bogus", "example.com", "mailto:r@fake.example", 0, 9,
	"r@fake.example DNSSEC validation failed"},
    {"temporary error in the walk", "example.com", "mailto:r@down.example", 0,
	9, "r@down.example DNS lookup failed"},
    {"bogus in the walk", "example.com", "mailto:r@forged.example", 0, 9,
	"r@forged.example DNSSEC validation failed"},
    {"after a failed walk others are fine", "example.com",
	"mailto:r@down.example,mailto:r@plain.example", 0, 9,
	"r@down.example DNS lookup failed; "
	"r@plain.example authorized by its host"},
    /* step 9 */
    {"override", "example.com", "mailto:r@ov.example", 0, 9,
	"new@ov.example authorized by its host"},
    {"override by two", "example.com", "mailto:r@ovtwo.example", 0, 9,
	"one@ovtwo.example authorized by its host; "
	"two@ovtwo.example authorized by its host"},
    {"override to another host", "example.com", "mailto:r@ovhost.example", 0, 9,
	"victim@elsewhere.example replaced by one at another host"},
    {"override to a host below", "example.com", "mailto:r@ovsub.example", 0, 9,
	"a@sub.ovsub.example replaced by one at another host"},
    {"the host in capitals", "example.com", "mailto:r@ovcase.example", 0, 9,
	"new@ovcase.example authorized by its host"},
    {"override of which one is elsewhere", "example.com",
	"mailto:r@ovhalf.example", 0, 9,
	"a@elsewhere.example replaced by one at another host; "
	"b@ovhalf.example authorized by its host"},
    {"override that is no URI", "example.com", "mailto:r@ovbad.example", 0, 9,
	"r@ovbad.example replaced by one at another host"},
    {"override that is not mailto", "example.com", "mailto:r@ovhttp.example", 0,
	9, " not mailto"},
    {"override by the same", "example.com", "mailto:r@ovsame.example", 0, 9,
	"r@ovsame.example authorized by its host"},
    {"ruf does not override rua", "example.com", "mailto:r@ovruf.example", 0, 9,
	"r@ovruf.example authorized by its host"},
    {"ruf overrides ruf", "example.com", "mailto:r@ovruf.example", DMARC_RUF, 9,
	"fail@ovruf.example authorized by its host"},
    {"each its own: rua", "example.com", "mailto:r@ovboth.example", 0, 9,
	"agg@ovboth.example authorized by its host"},
    {"each its own: ruf", "example.com", "mailto:r@ovboth.example", DMARC_RUF,
	9, "fail@ovboth.example authorized by its host"},
    {"no recursion", "example.com",
	"mailto:r@ovsame.example,mailto:r@ov.example", 0, 9,
	"r@ovsame.example authorized by its host; "
	"new@ov.example authorized by its host"},
    /* lists */
    {"order is kept", "example.com",
	"mailto:b@example.com,mailto:x@none.example,mailto:a@example.com", 0, 9,
	"b@example.com same organization; "
	"x@none.example not authorized by its host; "
	"a@example.com same organization"},
    {"duplicates", "example.com",
	"mailto:r@example.com,mailto:%72@EXAMPLE.com,mailto:R@example.com", 0,
	9,
	"r@example.com same organization; r@example.com duplicate; "
	"R@example.com same organization"},
    {"duplicate of an override", "example.com",
	"mailto:r@ov.example,mailto:new@ov.example", 0, 9,
	"new@ov.example authorized by its host; new@ov.example duplicate"},
    {"most", "example.com",
	"mailto:a@example.com,mailto:b@example.com,mailto:c@example.com", 0, 2,
	"a@example.com same organization; b@example.com same organization; "
	"c@example.com limit of destinations reached"},
    {"what is skipped does not count", "example.com",
	"mailto:a@none.example,https://b.example/,mailto:c@example.com", 0, 1,
	"a@none.example not authorized by its host;  not mailto; "
	"c@example.com same organization"},
    {"most within an override", "example.com", "mailto:r@ovtwo.example", 0, 1,
	"one@ovtwo.example authorized by its host; "
	"two@ovtwo.example limit of destinations reached"},
    /* what is no destination */
    {"https", "example.com", "https://example.com/r", 0, 9, " not mailto"},
    {"no address", "example.com", "mailto:a%20b@example.com", 0, 9,
	" no usable address"},
    {"local host", "example.com", "mailto:root@localhost", 0, 9,
	" no usable address"},
    {"none", "example.com", "", 0, 9, ""},
};

struct run {
	struct dns_source *source;
	struct arena arena;
	struct dns dns;
	struct dmarc_finder finder;
	struct dmarc_dests dests;
};

static int
judge(struct run *r, size_t i, unsigned questions)
{
	struct str uris[32], rest = str_from_z(cases[i].uris);
	size_t n = 0;

	while (rest.n && n < N(uris))
		uris[n++] = str_cut(rest, ',', &rest);
	dns_init(&r->dns, r->source, &r->arena, INT64_MAX, questions);
	dmarc_finder_init(&r->finder, &r->dns, DMARC_TREEWALK, NULL);
	return dmarc_destinations(&r->finder, &r->arena,
	    str_from_z(cases[i].domain), uris, n, cases[i].tag, cases[i].most,
	    &r->dests);
}

static void
check_case(struct run *r, size_t i)
{
	size_t usable = 0, later = 0;
	struct buf b;

	is_int(judge(r, i, 200), 0, cases[i].name);
	buf_init(&b, &r->arena, 8192);
	for (size_t k = 0; k < r->dests.n; k++) {
		const struct dmarc_dest *d = &r->dests.v[k];

		buf_add_z(&b, k ? "; " : "");
		buf_add(&b, d->address);
		buf_addf(&b, " %s", dmarc_dest_why_name(d->why));
		usable += dmarc_dest_state(d->why) == DMARC_DEST_USE;
		later += dmarc_dest_state(d->why) == DMARC_DEST_LATER;
		ok(d->uri.n && str_ends_ci(d->address, d->domain), "%s: parts",
		    cases[i].name);
	}
	is_str(buf_str(&b), str_from_z(cases[i].want), cases[i].name);
	ok(r->dests.usable == usable && r->dests.later == later, "%s: counts",
	    cases[i].name);
	arena_reset(&r->arena);
}

/* However few questions there are: nothing is used that else is not. */
static void
check_budget(struct run *r, size_t i)
{
	unsigned questions;
	size_t usable, most = 0;
	bool good = true;

	judge(r, i, 200);
	usable = r->dests.usable;
	questions = r->dns.questions;
	arena_reset(&r->arena);
	for (unsigned q = 0; q <= questions; q++) {
		good = good && judge(r, i, q) == 0 &&
		       r->dests.usable <= usable && r->dests.usable >= most;
		most = r->dests.usable;
		arena_reset(&r->arena);
	}
	ok(good && most == usable, "%s: up to %u questions", cases[i].name,
	    questions);
}

int
main(void)
{
	struct run r;
	struct diag d;

	if (dns_zone_parse(str_from_z(zone_text), &r.source, &d)) {
		ok(false, "zone: %s", d.text);
		return tap_done();
	}
	arena_init(&r.arena, (size_t)1 << 20);
	for (size_t i = 0; i < N(cases); i++) {
		check_case(&r, i);
		/* with a limit of destinations fewer answers leave room */
		if (cases[i].most == 9)
			check_budget(&r, i);
	}
	arena_fini(&r.arena);
	arena_init(&r.arena, 256);
	is_int(judge(&r, 0, 9), AVER_NOMEM, "no memory");
	arena_fini(&r.arena);
	dns_source_close(r.source);
	return tap_done();
}
