/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/spf/spf.h"

#include "t/tap.h"

/* ---- a resolver over a table ---- */

struct rr {
	const char *name;
	uint16_t type;
	/*
	 * A, AAAA: address. MX: name, the preference is the index. TXT: text,
	 * "|" begins a new character-string. "!temp", "!bogus": that status.
	 */
	const char *value;
};

#define TXT DNS_TXT
#define MX DNS_MX
#define A DNS_A
#define AAAA DNS_AAAA
#define PTR DNS_PTR

static const struct rr zone[] = {
    {"all.test", TXT, "v=spf1 -all"},
    {"soft.test", TXT, "v=spf1 ~all"},
    {"neutral.test", TXT, "v=spf1 ?all"},
    {"empty.test", TXT, "v=spf1"},
    {"case.test", TXT, "V=SpF1 -ALL"},
    {"tab.test", TXT, "v=spf1\t-all"},
    {"v10.test", TXT, "v=spf10 -all"},
    {"other.test", TXT, "some text"},
    {"other.test", TXT, "v=spf"},
    {"other.test", TXT, "v=spf1 +all"},
    {"two.test", TXT, "v=spf1 -all"},
    {"two.test", TXT, "v=spf1 +all"},
    {"split.test", TXT, "v=sp|f1 ip4:192.0|.2.1 -all"},
    {"temp.test", TXT, "!temp"},
    {"bogus.test", TXT, "!bogus"},
    {"late.test", TXT, "v=spf1 +all ip4:bad"},
    {"ip4.test", TXT, "v=spf1 ip4:192.0.2.0/24 -all"},
    {"ip6.test", TXT, "v=spf1 ip6:2001:db8::/32 -all"},
    {"any4.test", TXT, "v=spf1 ip4:0.0.0.0/0 -all"},
    {"any6.test", TXT, "v=spf1 ip6:::/0 -all"},
    {"a.test", TXT, "v=spf1 a -all"},
    {"a.test", A, "192.0.2.1"},
    {"a.test", AAAA, "2001:db8::1"},
    {"a24.test", TXT, "v=spf1 a:a.test/24//64 -all"},
    {"atemp.test", TXT, "v=spf1 a:temp-host.test -all"},
    {"temp-host.test", A, "!temp"},
    {"temp-host.test", AAAA, "!temp"},
    {"abogus.test", TXT, "v=spf1 a:bogus-host.test -all"},
    {"bogus-host.test", A, "!bogus"},
    {"dotted.test", TXT, "v=spf1 a:a.test. -all"},
    {"mx.test", TXT, "v=spf1 mx -all"},
    {"mx.test", MX, "a.test"},
    {"mx24.test", TXT, "v=spf1 mx:mx.test/24 -all"},
    {"nullmx.test", TXT, "v=spf1 mx -all"},
    {"nullmx.test", MX, "."},
    {"nomx.test", TXT, "v=spf1 mx ?all"},
    {"nomx.test", A, "192.0.2.1"},
    {"mx11.test", TXT, "v=spf1 mx -all"},
    {"mx11.test", MX, "h0.test"},
    {"mx11.test", MX, "h1.test"},
    {"mx11.test", MX, "h2.test"},
    {"mx11.test", MX, "h3.test"},
    {"mx11.test", MX, "h4.test"},
    {"mx11.test", MX, "h5.test"},
    {"mx11.test", MX, "h6.test"},
    {"mx11.test", MX, "h7.test"},
    {"mx11.test", MX, "h8.test"},
    {"mx11.test", MX, "h9.test"},
    {"mx11.test", MX, "a.test"},
    {"h0.test", A, "198.51.100.0"},
    {"h1.test", A, "198.51.100.1"},
    {"h2.test", A, "198.51.100.2"},
    {"h3.test", A, "198.51.100.3"},
    {"h4.test", A, "198.51.100.4"},
    {"h5.test", A, "198.51.100.5"},
    {"h6.test", A, "198.51.100.6"},
    {"h7.test", A, "198.51.100.7"},
    {"h8.test", A, "198.51.100.8"},
    {"h9.test", A, "198.51.100.9"},
    {"inc.test", TXT, "v=spf1 include:ip4.test ?all"},
    {"incsoft.test", TXT, "v=spf1 include:soft.test -all"},
    {"incnone.test", TXT, "v=spf1 include:nothing.test -all"},
    {"inctext.test", TXT, "v=spf1 include:mute.test -all"},
    {"mute.test", TXT, "no policy"},
    {"incbad.test", TXT, "v=spf1 include:late.test -all"},
    {"inctemp.test", TXT, "v=spf1 include:temp.test +all"},
    {"incillegal.test", TXT, "v=spf1 include:a..b.test +all"},
    {"incfail.test", TXT, "v=spf1 -include:ip4.test ~all"},
    {"red.test", TXT, "v=spf1 redirect=ip4.test"},
    {"rednone.test", TXT, "v=spf1 redirect=nothing.test"},
    {"redall.test", TXT, "v=spf1 redirect=nothing.test ?all"},
    {"redillegal.test", TXT, "v=spf1 redirect=a..b.test"},
    {"redred.test", TXT, "v=spf1 a:h1.test redirect=red.test"},
    {"loop.test", TXT, "v=spf1 include:loop.test -all"},
    {"redloop.test", TXT, "v=spf1 redirect=redloop.test"},
    {"exists.test", TXT, "v=spf1 exists:%{ir}.%{v}.a.test -all"},
    {"1.2.0.192.in-addr.a.test", A, "127.0.0.2"},
    {"exists6.test", TXT, "v=spf1 exists:a.test -all"},
    {"existsl.test", TXT, "v=spf1 exists:%{l}.user.test -all"},
    {"joe.user.test", A, "127.0.0.2"},
    {"redl.test", TXT, "v=spf1 redirect=%{l}.user.test"},
    {"illegal.test", TXT, "v=spf1 a:a..b.test exists:%{h}.x.test -all"},
    {"noname.test", TXT, "v=spf1 a:%% +all"},
    {"void2.test", TXT, "v=spf1 a:n1.test a:n2.test -all"},
    {"void3.test", TXT, "v=spf1 a:n1.test a:n2.test a:n3.test +all"},
    {"voidmx.test", TXT, "v=spf1 mx -all"},
    {"voidmx.test", MX, "n1.test"},
    {"voidmx.test", MX, "n2.test"},
    {"voidmx.test", MX, "n3.test"},
    {"ten.test", TXT,
	"v=spf1 a:h0.test a:h1.test a:h2.test a:h3.test a:h4.test "
	"a:h5.test a:h6.test a:h7.test a:h8.test a:h9.test -all"},
    {"eleven.test", TXT,
	"v=spf1 a:h0.test a:h1.test a:h2.test a:h3.test a:h4.test "
	"a:h5.test a:h6.test a:h7.test a:h8.test a:h9.test a +all"},
    {"early.test", TXT,
	"v=spf1 a:a.test a:h1.test a:h2.test a:h3.test a:h4.test "
	"a:h5.test a:h6.test a:h7.test a:h8.test a:h9.test a a -all"},
    {"ptr.test", TXT, "v=spf1 ptr -all"},
    {"ptrtemp.test", TXT, "v=spf1 ptr -all"},
    {"1.2.0.192.in-addr.arpa", PTR, "forged.test"},
    {"1.2.0.192.in-addr.arpa", PTR, "host.ptr.test"},
    {"host.ptr.test", A, "192.0.2.1"},
    {"forged.test", A, "192.0.2.99"},
    {"3.2.0.192.in-addr.arpa", PTR, "!temp"},
    {"pmacro.test", TXT, "v=spf1 exists:%{p}.list.test -all"},
    {"host.ptr.test.list.test", A, "127.0.0.2"},
    {"exp.test", TXT, "v=spf1 -all exp=why.%{d}"},
    {"why.exp.test", TXT,
	"%{i} %{c} of %{s} at %{h}|%_seen by %{r} on %{t}: %{L} 100%%"},
    {"expinc.test", TXT, "v=spf1 include:exp.test -all"},
    {"expred.test", TXT, "v=spf1 redirect=exp.test exp=own.test"},
    {"own.test", TXT, "wrong text"},
    {"exptwo.test", TXT, "v=spf1 -all exp=two.test"},
    {"exptemp.test", TXT, "v=spf1 -all exp=temp.test"},
    {"expbad.test", TXT, "v=spf1 -all exp=badtext.test"},
    {"badtext.test", TXT, "you %{z}"},
    {"expctl.test", TXT, "v=spf1 -all exp=ctl.test"},
    {"ctl.test", TXT, "x\r\nSubject: y"},
    {"exphigh.test", TXT, "v=spf1 -all exp=high.test"},
    {"high.test", TXT, "caf\xc3\xa9"},
    {"expsoft.test", TXT, "v=spf1 ~all exp=own.test"},
    {"explong.test", TXT, "v=spf1 -all exp=long.test"},
    {"long.test", TXT, "%{l127}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}"},
    {"xn--bcher-kva.test", TXT, "v=spf1 exists:%{o}.ok.test -all"},
    {"xn--bcher-kva.test.ok.test", A, "127.0.0.2"},
};

struct table_source {
	struct dns_source base;
	int asked;
	int fail_at; /* that question is answered DNS_TEMP */
	bool secure;
};

static struct str
to_rdata(const struct rr *rr, unsigned index, char room[1024])
{
	struct dname name;
	struct str rest = str_from_z(rr->value);
	struct ip ip;
	size_t n = 0;

	switch (rr->type) {
	case DNS_A:
	case DNS_AAAA:
		if (!ip_parse(rest, &ip))
			abort();
		n = rr->type == DNS_A ? 4 : 16;
		memcpy(room, ip.a, n);
		break;
	case DNS_MX:
		room[n++] = 0;
		room[n++] = (char)index;
		/* fall through */
	case DNS_PTR:
		if (!dname_from_text(rest, &name))
			abort();
		memcpy(room + n, name.wire, name.len);
		n += name.len;
		break;
	case DNS_TXT:
		while (rest.p) {
			struct str part = str_cut(rest, '|', &rest);

			room[n++] = (char)part.n;
			memcpy(room + n, part.p, part.n);
			n += part.n;
		}
		break;
	}
	return (struct str){room, n};
}

static struct dns_rrset *
table_resolve(struct dns_source *src, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	struct table_source *t = (struct table_source *)src;
	enum dns_status st = DNS_NXDOMAIN;
	struct str rdata[16];
	char room[16][1024];
	unsigned n = 0;

	(void)deadline;
	if (t->asked++ == t->fail_at)
		return dns_rrset_new(DNS_TEMP, false, 0, 0, NULL, "injected");
	for (size_t i = 0; i < sizeof(zone) / sizeof(*zone); i++) {
		struct dname owner;

		if (!dname_from_text(str_from_z(zone[i].name), &owner))
			abort();
		if (!dname_eq(&owner, name))
			continue;
		if (st == DNS_NXDOMAIN)
			st = DNS_NODATA;
		if (zone[i].type != type)
			continue;
		st = DNS_OK;
		if (strcmp(zone[i].value, "!temp") == 0)
			st = DNS_TEMP;
		else if (strcmp(zone[i].value, "!bogus") == 0)
			st = DNS_BOGUS;
		else
			rdata[n] = to_rdata(&zone[i], n, room[n]), n++;
	}
	return dns_rrset_new(st, t->secure, 60, n, rdata, "");
}

static void
table_close(struct dns_source *src)
{
	(void)src;
}

static const struct dns_source_ops table_ops = {
    .resolve = table_resolve,
    .close = table_close,
};

static struct table_source
table_source(void)
{
	return (struct table_source){.base = {&table_ops}, .fail_at = -1};
}

/* ---- cases ---- */

struct spf_case {
	const char *from, *ip, *helo;
	enum spf_result result;
	enum spf_reason reason;
	const char *mechanism;
};

#define IP "192.0.2.1"
#define OTHER "203.0.113.5"
#define IP6 "2001:db8::1"
#define HELO "mail.client.test"
#define DEFAULT "default"

static const struct spf_case cases[] = {
    /* which record */
    {"u@all.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@ALL.Test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@all.test.", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@soft.test", IP, HELO, SPF_SOFTFAIL, SPF_WHY_NONE, "~all"},
    {"u@neutral.test", IP, HELO, SPF_NEUTRAL, SPF_WHY_NONE, "?all"},
    {"u@empty.test", IP, HELO, SPF_NEUTRAL, SPF_WHY_NONE, DEFAULT},
    {"u@case.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-ALL"},
    {"u@tab.test", IP, HELO, SPF_NONE, SPF_WHY_NO_RECORD, DEFAULT},
    {"u@v10.test", IP, HELO, SPF_NONE, SPF_WHY_NO_RECORD, DEFAULT},
    {"u@other.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "+all"},
    {"u@two.test", IP, HELO, SPF_PERMERROR, SPF_WHY_SEVERAL, DEFAULT},
    {"u@split.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "ip4:192.0.2.1"},
    {"u@nothing.test", IP, HELO, SPF_NONE, SPF_WHY_NO_RECORD, DEFAULT},
    {"u@temp.test", IP, HELO, SPF_TEMPERROR, SPF_WHY_DNS, DEFAULT},
    {"u@bogus.test", IP, HELO, SPF_TEMPERROR, SPF_WHY_BOGUS, DEFAULT},
    {"u@late.test", IP, HELO, SPF_PERMERROR, SPF_WHY_SYNTAX, DEFAULT},
    /* which domain */
    {"", IP, "all.test", SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"", IP, "[192.0.2.1]", SPF_NONE, SPF_WHY_NO_DOMAIN, DEFAULT},
    {"", IP, "localhost", SPF_NONE, SPF_WHY_NO_DOMAIN, DEFAULT},
    {"", IP, "", SPF_NONE, SPF_WHY_NO_DOMAIN, DEFAULT},
    {"", IP,
	"b\xc3\xbc"
	"cher.test",
	SPF_NONE, SPF_WHY_NO_DOMAIN, DEFAULT},
    {"u", IP, HELO, SPF_NONE, SPF_WHY_NO_DOMAIN, DEFAULT},
    {"u@", IP, HELO, SPF_NONE, SPF_WHY_NO_DOMAIN, DEFAULT},
    {"u@test", IP, HELO, SPF_NONE, SPF_WHY_NO_DOMAIN, DEFAULT},
    {"u@a..test", IP, HELO, SPF_NONE, SPF_WHY_NO_DOMAIN, DEFAULT},
    {"u@[192.0.2.1]", IP, HELO, SPF_NONE, SPF_WHY_NO_DOMAIN, DEFAULT},
    {"u@a b.test", IP, HELO, SPF_NONE, SPF_WHY_NO_DOMAIN, DEFAULT},
    {"@all.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"\"x@y\"@all.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@b\xc3\xbc"
     "cher.test",
	IP, HELO, SPF_PASS, SPF_WHY_NONE, "exists:%{o}.ok.test"},
    /* addresses */
    {"u@ip4.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "ip4:192.0.2.0/24"},
    {"u@ip4.test", "::ffff:192.0.2.1", HELO, SPF_PASS, SPF_WHY_NONE,
	"ip4:192.0.2.0/24"},
    {"u@ip4.test", IP6, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@ip6.test", IP6, HELO, SPF_PASS, SPF_WHY_NONE, "ip6:2001:db8::/32"},
    {"u@ip6.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@any4.test", IP6, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@any6.test", "::ffff:192.0.2.1", HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@a.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "a"},
    {"u@a.test", IP6, HELO, SPF_PASS, SPF_WHY_NONE, "a"},
    {"u@a.test", OTHER, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@a24.test", "192.0.2.77", HELO, SPF_PASS, SPF_WHY_NONE,
	"a:a.test/24//64"},
    {"u@a24.test", "2001:db8::7", HELO, SPF_PASS, SPF_WHY_NONE,
	"a:a.test/24//64"},
    {"u@a24.test", "2001:db8:1::7", HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@atemp.test", IP, HELO, SPF_TEMPERROR, SPF_WHY_DNS, DEFAULT},
    {"u@abogus.test", IP, HELO, SPF_TEMPERROR, SPF_WHY_BOGUS, DEFAULT},
    {"u@dotted.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "a:a.test."},
    {"u@mx.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "mx"},
    {"u@mx24.test", "192.0.2.7", HELO, SPF_PASS, SPF_WHY_NONE, "mx:mx.test/24"},
    {"u@nullmx.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@nomx.test", IP, HELO, SPF_NEUTRAL, SPF_WHY_NONE, "?all"},
    {"u@mx11.test", "198.51.100.9", HELO, SPF_PASS, SPF_WHY_NONE, "mx"},
    {"u@mx11.test", IP, HELO, SPF_PERMERROR, SPF_WHY_NAMES, DEFAULT},
    /* include and redirect */
    {"u@inc.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "include:ip4.test"},
    {"u@inc.test", OTHER, HELO, SPF_NEUTRAL, SPF_WHY_NONE, "?all"},
    {"u@incsoft.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@incnone.test", IP, HELO, SPF_PERMERROR, SPF_WHY_INCLUDE_NONE, DEFAULT},
    {"u@inctext.test", IP, HELO, SPF_PERMERROR, SPF_WHY_INCLUDE_NONE, DEFAULT},
    {"u@incbad.test", IP, HELO, SPF_PERMERROR, SPF_WHY_SYNTAX, DEFAULT},
    {"u@inctemp.test", IP, HELO, SPF_TEMPERROR, SPF_WHY_DNS, DEFAULT},
    {"u@incillegal.test", IP, HELO, SPF_PERMERROR, SPF_WHY_INCLUDE_NONE,
	DEFAULT},
    {"u@incfail.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-include:ip4.test"},
    {"u@red.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "ip4:192.0.2.0/24"},
    {"u@red.test", OTHER, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@rednone.test", IP, HELO, SPF_PERMERROR, SPF_WHY_INCLUDE_NONE, DEFAULT},
    {"u@redall.test", IP, HELO, SPF_NEUTRAL, SPF_WHY_NONE, "?all"},
    {"u@redillegal.test", IP, HELO, SPF_PERMERROR, SPF_WHY_INCLUDE_NONE,
	DEFAULT},
    {"u@redred.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "ip4:192.0.2.0/24"},
    {"u@loop.test", IP, HELO, SPF_PERMERROR, SPF_WHY_LOOKUPS, DEFAULT},
    {"u@redloop.test", IP, HELO, SPF_PERMERROR, SPF_WHY_LOOKUPS, DEFAULT},
    /* exists, macros, names that are none */
    {"u@exists.test", IP, HELO, SPF_PASS, SPF_WHY_NONE,
	"exists:%{ir}.%{v}.a.test"},
    {"u@exists.test", OTHER, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@exists6.test", IP6, HELO, SPF_PASS, SPF_WHY_NONE, "exists:a.test"},
    {"joe@existsl.test", IP, HELO, SPF_PASS, SPF_WHY_NONE,
	"exists:%{l}.user.test"},
    {"j\xc3\xb6"
     "e@existsl.test",
	IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"j\xc3\xb6"
     "e@redl.test",
	IP, HELO, SPF_NEUTRAL, SPF_WHY_NONE, DEFAULT},
    {"u@illegal.test", IP, "a..b", SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@noname.test", IP, HELO, SPF_PERMERROR, SPF_WHY_SYNTAX, DEFAULT},
    /* limits */
    {"u@void2.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@void3.test", IP, HELO, SPF_PERMERROR, SPF_WHY_VOID, DEFAULT},
    {"u@voidmx.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@ten.test", IP, HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@eleven.test", IP, HELO, SPF_PERMERROR, SPF_WHY_LOOKUPS, DEFAULT},
    {"u@early.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "a:a.test"},
    /* ptr */
    {"u@ptr.test", IP, HELO, SPF_PASS, SPF_WHY_NONE, "ptr"},
    {"u@ptr.test", "192.0.2.2", HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@ptrtemp.test", "192.0.2.3", HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
    {"u@pmacro.test", IP, HELO, SPF_PASS, SPF_WHY_NONE,
	"exists:%{p}.list.test"},
    {"u@pmacro.test", "192.0.2.3", HELO, SPF_FAIL, SPF_WHY_NONE, "-all"},
};

#define N_CASES (sizeof(cases) / sizeof(*cases))

static struct spf_input
input_of(const char *from, const char *ip, const char *helo)
{
	struct spf_input in = {
	    .scope = SPF_SCOPE_MFROM,
	    .mail_from = str_from_z(from),
	    .helo = str_from_z(helo),
	    .receiver = STR("mx.receiver.test"),
	    .now = 1700000000,
	    .want_explanation = true,
	    .limits = SPF_LIMITS_DEFAULT,
	};

	if (!ip_parse(str_from_z(ip), &in.ip))
		abort();
	return in;
}

/* Resets the arena of the last evaluation. */
static struct spf_verdict
eval(struct table_source *src, struct arena *a, const struct spf_input *in,
    unsigned max_questions)
{
	struct spf_verdict v;
	struct dns dns;

	arena_reset(a);
	src->asked = 0;
	dns_init(&dns, &src->base, a, INT64_MAX, max_questions);
	spf_eval(&dns, a, in, &v);
	return v;
}

static void
test_cases(struct arena *a)
{
	struct table_source src = table_source();

	for (size_t i = 0; i < N_CASES; i++) {
		const struct spf_case *c = &cases[i];
		struct spf_input in = input_of(c->from, c->ip, c->helo);
		struct spf_verdict v = eval(&src, a, &in, 200);

		ok(v.result == c->result && v.reason == c->reason &&
			str_eq(v.mechanism, str_from_z(c->mechanism)),
		    "%s from %s helo %s: %s by %s", c->from, c->ip, c->helo,
		    spf_result_name(c->result), c->mechanism);
		if (v.result != c->result || v.reason != c->reason)
			printf("# got %s (%s) %.*s\n",
			    spf_result_name(v.result),
			    spf_reason_name(v.reason), STRF(v.detail));
		if (!str_eq(v.mechanism, str_from_z(c->mechanism)))
			tap_quote("mechanism", v.mechanism);
	}
}

/* A lookup that fails must never make a pass of what was none. */
static void
test_failed_lookups(struct arena *a)
{
	struct table_source src = table_source();
	unsigned tried = 0, turned = 0;

	for (size_t i = 0; i < N_CASES; i++) {
		const struct spf_case *c = &cases[i];
		struct spf_input in = input_of(c->from, c->ip, c->helo);
		int asked;

		src.fail_at = -1;
		eval(&src, a, &in, 200);
		asked = src.asked;
		if (c->result == SPF_PASS)
			continue;
		for (src.fail_at = 0; src.fail_at < asked; src.fail_at++) {
			tried++;
			turned += eval(&src, a, &in, 200).result == SPF_PASS;
		}
		for (int max = 0; max < asked; max++)
			turned += eval(&src, a, &in, (unsigned)max).result ==
				  SPF_PASS;
	}
	ok(tried > 100, "%u lookups were made to fail", tried);
	is_int(turned, 0, "none of them turned into a pass");
}

/* ---- explanations ---- */

static void
test_explanations(struct arena *a)
{
	static const struct {
		const char *from, *want;
	} table[] = {
	    {"a+b@exp.test",
		"192.0.2.1 192.0.2.1 of a+b@exp.test at mail.client.test "
		"seen by mx.receiver.test on 1700000000: a%2Bb 100%"},
	    {"u@expinc.test", ""},
	    {"u@exptwo.test", ""},
	    {"u@exptemp.test", ""},
	    {"u@expbad.test", ""},
	    {"u@expctl.test", ""},
	    {"u@exphigh.test", ""},
	    {"u@expsoft.test", ""},
	    {"\x01@exp.test", ""},
	    {"\xc3\xa4@exp.test", ""},
	};
	struct table_source src = table_source();
	struct spf_input in;
	struct spf_verdict v;
	char long_helo[201];

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		in = input_of(table[i].from, IP, HELO);
		v = eval(&src, a, &in, 200);
		is_str(v.explanation, str_from_z(table[i].want), table[i].from);
	}
	in = input_of("a@expred.test", IP, HELO);
	v = eval(&src, a, &in, 200);
	ok(str_starts(v.explanation, STR("192.0.2.1 192.0.2.1 of a@expred")),
	    "the redirect's target explains");
	is_int(v.lookups, 1, "and that does not count");
	in = input_of("a@exp.test", "2001:db8::ef", HELO);
	v = eval(&src, a, &in, 200);
	ok(str_starts(v.explanation,
	       STR("2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		   "0.E.F 2001:db8::ef of ")),
	    "the nibbles of an explanation are capitals");

	memset(long_helo, 'h', 200);
	long_helo[200] = '\0';
	in = input_of("u@explong.test", IP, long_helo);
	v = eval(&src, a, &in, 200);
	is_int(v.explanation.n, 500, "an explanation is cut");
	in.want_explanation = false;
	v = eval(&src, a, &in, 200);
	is_int(src.asked, 1, "it is not asked for when nobody wants it");

	in = input_of("u@expred.test", IP, HELO);
	v = eval(&src, a, &in, 2);
	ok(v.result == SPF_FAIL && v.explanation.n == 0,
	    "a budget spent on the explanation leaves the result");
}

/* ---- the rest ---- */

static void
test_trouble(struct arena *a)
{
	struct table_source src = table_source();
	struct spf_input in = input_of("u@redred.test", IP, HELO);
	struct spf_verdict v = eval(&src, a, &in, 2);
	struct arena small;
	unsigned failed = 0;

	ok(v.result == SPF_TEMPERROR && v.reason == SPF_WHY_BUDGET,
	    "a spent budget is a temperror");
	is_str(v.detail, STR("TXT red.test"), "the detail is the question");
	in = input_of("u@ptr.test", IP, HELO);
	v = eval(&src, a, &in, 1);
	ok(v.result == SPF_TEMPERROR && v.reason == SPF_WHY_BUDGET,
	    "also where ptr ignores errors");
	v = eval(&src, a, &in, 2);
	ok(v.result == SPF_TEMPERROR && v.reason == SPF_WHY_BUDGET,
	    "also for the names of ptr");

	in = input_of("joe@pmacro.test", IP, HELO);
	for (size_t cap = 16; cap < 8192; cap += 16) {
		arena_init(&small, cap);
		v = eval(&src, &small, &in, 200);
		if (v.result != SPF_PASS) {
			failed++;
			if (v.result != SPF_TEMPERROR ||
			    v.reason != SPF_WHY_BUDGET)
				failed += 10000;
		}
		arena_fini(&small);
	}
	ok(failed > 0 && failed < 8192 / 16,
	    "without memory it is a temperror, %u times", failed);
}

static void
test_verdict(struct arena *a)
{
	struct table_source src = table_source();
	struct spf_input in = input_of("U@A24.Test.", IP, HELO);
	struct spf_verdict v;
	struct dname name, want;

	v = eval(&src, a, &in, 200);
	is_str(v.domain, STR("a24.test"), "the domain is in lower case");
	ok(!v.secure && !v.used_helo, "not validated, not helo");
	ok(v.lookups == 1 && v.voids == 0, "one lookup");
	src.secure = true;
	v = eval(&src, a, &in, 200);
	ok(v.secure, "validated when all answers are");
	src.fail_at = 1;
	v = eval(&src, a, &in, 200);
	ok(!v.secure, "not when one was not");
	src.fail_at = -1;
	in = input_of("u@bad", IP, HELO);
	ok(!eval(&src, a, &in, 200).secure, "not when there was none");
	ok(!spf_first_name(a, &in, &name), "no first name");

	in = input_of("", IP, "Soft.test");
	v = eval(&src, a, &in, 200);
	ok(v.used_helo && v.scope == SPF_SCOPE_MFROM, "null sender: helo");
	is_str(v.domain, STR("soft.test"), "whose domain is checked");
	ok(spf_first_name(a, &in, &name) &&
		dname_from_text(STR("soft.test"), &want) &&
		dname_eq(&name, &want),
	    "and is the first name");
	in = input_of("u@all.test", IP, "soft.test");
	in.scope = SPF_SCOPE_HELO;
	v = eval(&src, a, &in, 200);
	ok(v.result == SPF_SOFTFAIL && !v.used_helo &&
		v.scope == SPF_SCOPE_HELO,
	    "scope helo ignores the sender");

	in = input_of("\x01\x80@noname.test", IP, HELO);
	in.limits.max_lookups = 0;
	v = eval(&src, a, &in, 200);
	ok(v.reason == SPF_WHY_LOOKUPS && str_eq(v.detail, STR("a:%%")),
	    "the detail is the term");
	in = input_of("u@loop.test", IP, HELO);
	in.limits.max_lookups = 1000000;
	v = eval(&src, a, &in, 1000000);
	is_int(v.result, SPF_PERMERROR, "a deep recursion ends");
}

static void
test_received(struct arena *a)
{
	struct table_source src = table_source();
	struct spf_input in = input_of("u@ip4.test", IP, HELO);
	struct spf_verdict v = eval(&src, a, &in, 200);
	struct buf b;
	size_t line = 0, longest = 0;
	bool clean = true;

	buf_init(&b, a, 4000);
	spf_received(&b, &in, &v, "\r\n");
	is_str(buf_str(&b),
	    STR(" pass (ip4.test permits 192.0.2.1) receiver=mx.receiver.test;"
		"\r\n\tclient-ip=192.0.2.1; helo=mail.client.test;"
		"\r\n\tenvelope-from=\"u@ip4.test\"; identity=mailfrom;"
		"\r\n\tmechanism=\"ip4:192.0.2.0/24\""),
	    "a pass");

	in = input_of("", IP6, "temp.test");
	v = eval(&src, a, &in, 200);
	buf_init(&b, a, 4000);
	spf_received(&b, &in, &v, "\n");
	is_str(buf_str(&b),
	    STR(" temperror (temp.test could not be asked about 2001:db8::1: "
		"DNS"
		"\n\tlookup failed) receiver=mx.receiver.test; "
		"client-ip=\"2001:db8::1\";"
		"\n\thelo=temp.test; envelope-from=\"postmaster@temp.test\";"
		"\n\tidentity=mailfrom; problem=\"TXT temp.test\""),
	    "a temperror of a null sender");

	in = input_of(
	    "a\r\nX: \"y\\\" (\xc3\xa4@all.test", IP, "e\nvil) ; x=\"y\\");
	v = eval(&src, a, &in, 200);
	buf_init(&b, a, 4000);
	spf_received(&b, &in, &v, "\n");
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] == '\n' && i + 1 < b.n && b.p[i + 1] == '\t') {
			line = 0;
			i++;
			continue;
		}
		clean &= b.p[i] >= ' ' && b.p[i] < 0x7f;
		longest = ++line > longest ? line : longest;
	}
	ok(buf_ok(&b) && clean && longest < 78, "hostile input stays inside");
	ok(str_contains_ci(buf_str(&b), STR("helo=\"e?vil) ; x=\\\"y\\\\\";")),
	    "quoted");

	buf_init(&b, a, 100);
	spf_received(&b, &in, &v, "\n");
	ok(!buf_ok(&b), "a full buffer is seen");
}

static void
test_names(void)
{
	ok(strcmp(spf_result_name(SPF_SOFTFAIL), "softfail") == 0 &&
		strcmp(spf_scope_name(SPF_SCOPE_HELO), "helo") == 0 &&
		strcmp(spf_reason_name(SPF_WHY_NONE), "") == 0,
	    "names");
	for (int i = 0; i < SPF_RESULT_COUNT; i++)
		ok(strcmp(spf_result_name((enum spf_result)i), "?") != 0,
		    "result %d has a name", i);
	for (int i = 0; i < SPF_REASON_COUNT; i++)
		ok(strcmp(spf_reason_name((enum spf_reason)i), "?") != 0,
		    "reason %d has a name", i);
}

int
main(void)
{
	struct arena a;

	arena_init(&a, (size_t)1 << 22);
	test_names();
	test_cases(&a);
	test_failed_lookups(&a);
	test_explanations(&a);
	test_trouble(&a);
	test_verdict(&a);
	test_received(&a);
	arena_fini(&a);
	return tap_done();
}
