/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * From facts to decisions, and from those to answers, for each version and map;
 * the grammar check; REQUIRETLS.
 */

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "t/tap.h"
#include "tlspolicy/decision.h"
#include "tlspolicy/render.h"
#include "tlspolicy/requiretls.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define MEMORY ((size_t)4 << 20)

#define ENFORCE                                                \
	"version: STSv1\nmode: enforce\nmx: mx1.example.com\n" \
	"mx: *.example.net\nmax_age: 604800\n"
#define TESTING \
	"version: STSv1\nmode: testing\nmx: mx1.example.com\nmax_age: 9\n"
#define NO_MODE "version: STSv1\nmode: none\nmax_age: 9\n"

/* --- facts from words -------------------------------------------------- */

struct input {
	const char *key; /* NULL: example.com */
	const char *rule; /* of the table for this key, NULL: none */
	char mx; /* s i f d 0: secure, insecure, failed, no domain, null */
	const char *hosts; /* "aunf0x?" as enum dane_state, a letter a host */
	const char *policy; /* text, or NULL */
	enum tlsrpt_result failure;
	const char *trouble;
	bool is_lenient, sts_unknown;
	enum tls_seen starttls, requiretls;
};

struct world {
	struct arena a;
	struct nexthop nexthop;
	struct dane_host hosts[8];
	struct sts_policy policy;
	const struct tls_table *table;
	struct tls_facts facts;
};

static void
set_hosts(struct world *w, const char *list)
{
	static const char letters[] = "aunf0x?"; /* as enum dane_state */
	static const char *const names[] = {
	    "mx1.example.com", "mx2.example.net", "mx3.example.org"};
	size_t n = 0;

	for (; list && list[n]; n++) {
		w->hosts[n] =
		    (struct dane_host){.name = str_from_z(names[n % N(names)]),
			.state = (enum dane_state)(
			    strchr(letters, list[n]) - letters)};
		if (list[n] == 'f' || list[n] == 'x')
			w->hosts[n].why = STR("server failure");
	}
	w->facts.hosts = w->hosts;
	w->facts.n_hosts = n;
}

static enum dane_mx
mx_of(char letter)
{
	switch (letter) {
	case 's':
		return DANE_MX_SECURE;
	case 'i':
		return DANE_MX_INSECURE;
	case 'f':
		return DANE_MX_FAILED;
	case 'd':
		return DANE_MX_NO_DOMAIN;
	case '0':
		return DANE_MX_NULL;
	}
	return DANE_MX_UNASKED;
}

static void
set_rule(struct world *w, const char *key, const char *rule)
{
	struct diag d = {"", 0};
	struct buf b;

	buf_init(&b, &w->a, 1000);
	buf_addf(&b, "%s %s\n", key, rule);
	if (tls_table_parse(&w->a, "t", buf_str(&b), &w->table, NULL, &d))
		ok(false, "the table of a case: %s", d.text);
	w->facts.rule = tls_table_find(w->table, &w->nexthop);
}

static void
build(struct world *w, const struct input *in)
{
	const char *key = in->key ? in->key : "example.com";
	struct diag d = {"", 0};

	memset(w, 0, sizeof(*w));
	arena_init(&w->a, MEMORY);
	nexthop_parse(&w->a, str_from_z(key), &w->nexthop, NULL);
	w->facts.nexthop = &w->nexthop;
	w->facts.mx = mx_of(in->mx);
	set_hosts(w, in->hosts);
	if (in->rule)
		set_rule(w, key, in->rule);
	if (in->policy) {
		if (sts_policy_parse(
			&w->a, str_from_z(in->policy), &w->policy, &d))
			ok(false, "the policy of a case: %s", d.text);
		w->facts.sts.policy = &w->policy;
		w->facts.sts.id = STR("id1");
	}
	w->facts.sts.failure = in->failure;
	if (in->failure != TLSRPT_SUCCESS)
		w->facts.sts.failure_detail = STR("HTTP status 404");
	if (in->trouble)
		w->facts.trouble = str_from_z(in->trouble);
	w->facts.is_lenient = in->is_lenient;
	w->facts.sts_unknown = in->sts_unknown;
	w->facts.known.starttls = in->starttls;
	w->facts.known.requiretls = in->requiretls;
}

/* --- decisions --------------------------------------------------------- */

static const struct {
	const char *name;
	struct input in;
	enum tls_kind kind;
	enum tls_why why;
	bool is_short_lived;
} decisions[] = {
    {"nothing", {.mx = 'i', .hosts = "aa"}, TLS_NONE, TLS_WHY_NO_POLICY, 0},
    {"DANE for all", {.mx = 's', .hosts = "uu", .policy = ENFORCE},
	TLS_DANE_ONLY, TLS_WHY_DANE_ALL, 0},
    {"DANE for some", {.mx = 's', .hosts = "ua"}, TLS_DANE, TLS_WHY_DANE_SOME,
	0},
    {"DANE for some, testing", {.mx = 's', .hosts = "ua", .policy = TESTING},
	TLS_DANE, TLS_WHY_DANE_SOME, 0},
    {"unusable records", {.mx = 's', .hosts = "n"}, TLS_DANE, TLS_WHY_DANE_SOME,
	0},
    {"DANE and a failed lookup", {.mx = 's', .hosts = "uf"}, TLS_DANE,
	TLS_WHY_DANE_SOME, 1},
    /* an enforced policy binds the hosts that DANE leaves alone */
    {"DANE for some, enforce", {.mx = 's', .hosts = "ua", .policy = ENFORCE},
	TLS_DANE_ONLY, TLS_WHY_DANE_STRICT, 0},
    {"DANE, unusable records, enforce",
	{.mx = 's', .hosts = "un", .policy = ENFORCE}, TLS_DANE_ONLY,
	TLS_WHY_DANE_STRICT, 0},
    {"DANE and a failed lookup, enforce",
	{.mx = 's', .hosts = "uf", .policy = ENFORCE}, TLS_DANE_ONLY,
	TLS_WHY_DANE_STRICT, 1},
    {"unusable records, enforce", {.mx = 's', .hosts = "n", .policy = ENFORCE},
	TLS_STS_ENFORCE, TLS_WHY_STS_ENFORCE, 0},
    {"unusable records for some, enforce",
	{.mx = 's', .hosts = "na", .policy = ENFORCE}, TLS_STS_ENFORCE,
	TLS_WHY_STS_ENFORCE, 0},
    {"unusable records and a failed lookup, enforce",
	{.mx = 's', .hosts = "nf", .policy = ENFORCE}, TLS_TEMP,
	TLS_WHY_TLSA_FAILED, 1},
    {"DANE for some, enforce, no-sts",
	{.rule = "no-sts", .mx = 's', .hosts = "ua", .policy = ENFORCE},
	TLS_DANE, TLS_WHY_DANE_SOME, 0},
    {"DANE, insecure MX", {.mx = 'i', .hosts = "u"}, TLS_DANE,
	TLS_WHY_DANE_INSECURE_MX, 0},
    {"DANE, insecure MX, testing", {.mx = 'i', .hosts = "u", .policy = TESTING},
	TLS_DANE, TLS_WHY_DANE_INSECURE_MX, 0},
    {"DANE, insecure MX, enforce", {.mx = 'i', .hosts = "u", .policy = ENFORCE},
	TLS_STS_ENFORCE, TLS_WHY_STS_ENFORCE, 0},
    {"enforce", {.mx = 's', .hosts = "aa", .policy = ENFORCE}, TLS_STS_ENFORCE,
	TLS_WHY_STS_ENFORCE, 0},
    {"enforce, and one host cannot be looked up",
	{.mx = 'i', .hosts = "ax", .policy = ENFORCE}, TLS_STS_ENFORCE,
	TLS_WHY_STS_ENFORCE, 1},
    {"enforce, refresh failed",
	{.mx = 'i',
	    .hosts = "a",
	    .policy = ENFORCE,
	    .failure = TLSRPT_STS_POLICY_FETCH_ERROR},
	TLS_STS_ENFORCE, TLS_WHY_STS_ENFORCE, 0},
    {"enforce, no such domain", {.mx = 'd', .policy = ENFORCE}, TLS_STS_ENFORCE,
	TLS_WHY_STS_ENFORCE, 0},
    {"enforce, null MX", {.mx = '0', .policy = ENFORCE}, TLS_STS_ENFORCE,
	TLS_WHY_STS_ENFORCE, 0},
    {"testing", {.mx = 'i', .hosts = "a", .policy = TESTING}, TLS_STS_TESTING,
	TLS_WHY_STS_TESTING, 0},
    {"mode none", {.mx = 'i', .hosts = "a", .policy = NO_MODE}, TLS_NONE,
	TLS_WHY_STS_NONE, 0},
    {"fetch failed",
	{.mx = 'i', .hosts = "a", .failure = TLSRPT_STS_POLICY_INVALID},
	TLS_NONE, TLS_WHY_STS_FAILED, 0},
    /* a lookup that fails is no reason to do without */
    {"TLSA failed, enforce", {.mx = 's', .hosts = "fa", .policy = ENFORCE},
	TLS_TEMP, TLS_WHY_TLSA_FAILED, 1},
    {"TLSA failed, enforce, lenient",
	{.mx = 's', .hosts = "fa", .policy = ENFORCE, .is_lenient = true},
	TLS_TEMP, TLS_WHY_TLSA_FAILED, 1},
    {"TLSA failed, other hosts", {.mx = 's', .hosts = "fa"}, TLS_DANE,
	TLS_WHY_TLSA_FAILED, 1},
    {"TLSA failed, testing", {.mx = 's', .hosts = "fa", .policy = TESTING},
	TLS_DANE, TLS_WHY_TLSA_FAILED, 1},
    {"TLSA failed for all, lenient",
	{.mx = 's', .hosts = "ff", .is_lenient = true}, TLS_TEMP,
	TLS_WHY_TLSA_FAILED, 1},
    {"MX failed", {.mx = 'f'}, TLS_TEMP, TLS_WHY_MX_FAILED, 1},
    {"MX failed, enforce, lenient",
	{.mx = 'f', .policy = ENFORCE, .is_lenient = true}, TLS_TEMP,
	TLS_WHY_MX_FAILED, 1},
    {"MX failed, lenient", {.mx = 'f', .is_lenient = true}, TLS_NONE,
	TLS_WHY_MX_FAILED, 1},
    {"addresses failed", {.mx = 's', .hosts = "x0"}, TLS_TEMP,
	TLS_WHY_ADDRESS_FAILED, 1},
    {"no address", {.mx = 's', .hosts = "00"}, TLS_NONE, TLS_WHY_NO_POLICY, 0},
    {"no domain", {.mx = 'd'}, TLS_NONE, TLS_WHY_NO_DOMAIN, 0},
    {"null MX", {.mx = '0'}, TLS_NONE, TLS_WHY_NULL_MX, 0},
    {"trouble", {.mx = 's', .hosts = "u", .trouble = "no time"}, TLS_TEMP,
	TLS_WHY_TROUBLE, 1},
    {"trouble, lenient", {.trouble = "no time", .is_lenient = true}, TLS_TEMP,
	TLS_WHY_TROUBLE, 1},
    /* keys */
    {"parent",
	{.key = ".example.com", .mx = 's', .hosts = "u", .policy = ENFORCE},
	TLS_NONE, TLS_WHY_PARENT, 0},
    {"no key", {.key = "a b", .mx = 's', .hosts = "u", .policy = ENFORCE},
	TLS_NONE, TLS_WHY_BAD_KEY, 0},
    {"literal", {.key = "[192.0.2.1]"}, TLS_NONE, TLS_WHY_LITERAL, 0},
    {"literal in the table", {.key = "[192.0.2.1]", .rule = "encrypt"},
	TLS_FIXED, TLS_WHY_TABLE, 0},
    {"host in brackets",
	{.key = "[mx1.example.com]:587", .mx = 's', .hosts = "u"},
	TLS_DANE_ONLY, TLS_WHY_DANE_ALL, 0},
    /* the table */
    {"fixed", {.rule = "may", .mx = 's', .hosts = "u", .policy = ENFORCE},
	TLS_FIXED, TLS_WHY_TABLE, 0},
    {"fixed in spite of trouble", {.rule = "encrypt", .trouble = "no time"},
	TLS_FIXED, TLS_WHY_TABLE, 0},
    {"no-sts", {.rule = "no-sts", .mx = 'i', .hosts = "a", .policy = ENFORCE},
	TLS_NONE, TLS_WHY_NO_POLICY, 0},
    {"no-sts lets DANE stand",
	{.rule = "no-sts", .mx = 's', .hosts = "u", .policy = ENFORCE},
	TLS_DANE_ONLY, TLS_WHY_DANE_ALL, 0},
    {"no-sts, TLSA failed",
	{.rule = "no-sts", .mx = 's', .hosts = "fa", .policy = ENFORCE},
	TLS_DANE, TLS_WHY_TLSA_FAILED, 1},
    {"no-sts, fetch failed",
	{.rule = "no-sts",
	    .mx = 'i',
	    .hosts = "a",
	    .failure = TLSRPT_STS_POLICY_INVALID},
	TLS_NONE, TLS_WHY_NO_POLICY, 0},
    {"no-dane", {.rule = "no-dane", .mx = 's', .hosts = "u"}, TLS_MAY,
	TLS_WHY_NO_DANE, 0},
    {"no-dane, enforce",
	{.rule = "no-dane", .mx = 's', .hosts = "f", .policy = ENFORCE},
	TLS_STS_ENFORCE, TLS_WHY_STS_ENFORCE, 0},
    {"no-dane, MX failed, enforce",
	{.rule = "no-dane", .mx = 'f', .policy = ENFORCE}, TLS_STS_ENFORCE,
	TLS_WHY_STS_ENFORCE, 0},
    {"fail-open", {.rule = "fail-open", .mx = 'f'}, TLS_MAY, TLS_WHY_FAIL_OPEN,
	1},
    {"fail-open, a policy that is tested",
	{.rule = "fail-open", .mx = 'f', .policy = TESTING}, TLS_MAY,
	TLS_WHY_FAIL_OPEN, 1},
    {"fail-open, a policy in force",
	{.rule = "fail-open", .mx = 'f', .policy = ENFORCE}, TLS_STS_ENFORCE,
	TLS_WHY_STS_ENFORCE, 1},
    {"fail-open, a policy in force, TLSA failed",
	{.rule = "fail-open", .mx = 's', .hosts = "f", .policy = ENFORCE},
	TLS_STS_ENFORCE, TLS_WHY_STS_ENFORCE, 1},
    {"fail-open, a policy in force that is excluded",
	{.rule = "fail-open no-sts", .mx = 'f', .policy = ENFORCE}, TLS_MAY,
	TLS_WHY_FAIL_OPEN, 1},
    {"fail-open without need",
	{.rule = "fail-open", .mx = 's', .hosts = "a", .policy = ENFORCE},
	TLS_STS_ENFORCE, TLS_WHY_STS_ENFORCE, 0},
    {"verified by DANE", {.rule = "require-verified", .mx = 's', .hosts = "u"},
	TLS_DANE_ONLY, TLS_WHY_DANE_ALL, 0},
    {"verified by DANE of some",
	{.rule = "require-verified", .mx = 's', .hosts = "ua"}, TLS_DANE_ONLY,
	TLS_WHY_REQUIRED, 0},
    {"verified, insecure MX",
	{.rule = "require-verified", .mx = 'i', .hosts = "u"}, TLS_UNVERIFIABLE,
	TLS_WHY_REQUIRED, 0},
    {"verified, unusable records",
	{.rule = "require-verified", .mx = 's', .hosts = "n"}, TLS_UNVERIFIABLE,
	TLS_WHY_REQUIRED, 0},
    {"verified by a tested policy",
	{.rule = "require-verified",
	    .mx = 'i',
	    .hosts = "a",
	    .policy = TESTING},
	TLS_STS_ENFORCE, TLS_WHY_REQUIRED, 0},
    {"not to be verified",
	{.rule = "require-verified", .mx = 'i', .hosts = "a"}, TLS_UNVERIFIABLE,
	TLS_WHY_REQUIRED, 0},
    {"verified by a tested policy, insecure MX with TLSA records",
	{.rule = "require-verified",
	    .mx = 'i',
	    .hosts = "u",
	    .policy = TESTING},
	TLS_STS_ENFORCE, TLS_WHY_REQUIRED, 0},
    {"verified by a tested policy, unusable records",
	{.rule = "require-verified",
	    .mx = 's',
	    .hosts = "n",
	    .policy = TESTING},
	TLS_STS_ENFORCE, TLS_WHY_REQUIRED, 0},
    {"verified by DANE of some beside a tested policy",
	{.rule = "require-verified",
	    .mx = 's',
	    .hosts = "ua",
	    .policy = TESTING},
	TLS_DANE_ONLY, TLS_WHY_REQUIRED, 0},
    {"verified, a TLSA lookup failed beside a tested policy",
	{.rule = "require-verified",
	    .mx = 's',
	    .hosts = "af",
	    .policy = TESTING},
	TLS_UNVERIFIABLE, TLS_WHY_REQUIRED, 1},
    {"verified, the tested policy is excluded",
	{.rule = "require-verified no-sts",
	    .mx = 'i',
	    .hosts = "u",
	    .policy = TESTING},
	TLS_UNVERIFIABLE, TLS_WHY_REQUIRED, 0},
    {"verified, lenient, MX failed",
	{.rule = "require-verified", .mx = 'f', .is_lenient = true},
	TLS_UNVERIFIABLE, TLS_WHY_REQUIRED, 1},
    {"verified, literal", {.key = "[192.0.2.1]", .rule = "require-verified"},
	TLS_UNVERIFIABLE, TLS_WHY_REQUIRED, 0},
};

static void
test_decisions(void)
{
	for (size_t i = 0; i < N(decisions); i++) {
		const char *name = decisions[i].name;
		struct tls_decision d;
		struct world w;
		struct buf b;

		build(&w, &decisions[i].in);
		tls_decide(&w.facts, &d);
		is_str(str_from_z(tls_kind_name(d.kind)),
		    str_from_z(tls_kind_name(decisions[i].kind)), name);
		is_str(str_from_z(tls_why_text(d.why)),
		    str_from_z(tls_why_text(decisions[i].why)), name);
		is_int(d.is_short_lived, decisions[i].is_short_lived, name);
		buf_init(&b, &w.a, 20000);
		tls_decision_print(&b, &d);
		ok(str_starts(buf_str(&b), STR("kind=")) &&
			strstr(buf_z(&b), tls_kind_name(d.kind)),
		    "%s: %s", name, buf_z(&b));
		arena_fini(&w.a);
	}
}

static void
test_print(void)
{
	struct input in = {.mx = 's', .hosts = "af", .policy = ENFORCE};
	struct tls_decision d;
	struct world w;
	struct buf b;

	build(&w, &in);
	w.hosts[1].why = STR("x\n\"y\" \xc3\xa4");
	tls_decide(&w.facts, &d);
	is_int(d.sts_unmatched, 0, "all hosts are in the policy");
	buf_init(&b, &w.a, 20000);
	tls_decision_print(&b, &d);
	is_str(buf_str(&b),
	    STR("kind=temp why=\"a TLSA lookup failed\" "
		"detail=\"x??y? ??\" domain=example.com mx=secure "
		"dane=unsure sts=enforce sts_id=id1 host=mx1.example.com "
		"tlsa=absent sts_match=yes host=mx2.example.net tlsa=failed "
		"reason=\"x??y? ??\" sts_match=yes"),
	    "one line, and nothing that ends it");
	arena_fini(&w.a);
	in.hosts = "aaa";
	build(&w, &in);
	tls_decide(&w.facts, &d);
	is_int(d.sts_unmatched, 1, "a host that is not in the policy");
	arena_fini(&w.a);
}

/* --- answers ----------------------------------------------------------- */

#define PLAIN "OK secure match=mx1.example.com:.example.net servername=hostname"
#define FULL                                               \
	PLAIN " policy_type=sts policy_domain=example.com" \
	      " { policy_string = version: STSv1 }"        \
	      " { policy_string = mode: enforce }"         \
	      " { policy_string = mx: mx1.example.com }"   \
	      " { policy_string = mx: *.example.net }"     \
	      " { policy_string = max_age: 604800 }"       \
	      " mx_host_pattern=mx1.example.com"           \
	      " mx_host_pattern=*.example.net"
#define TESTED                                       \
	" policy_type=sts policy_domain=example.com" \
	" { policy_string = version: STSv1 }"        \
	" { policy_string = mode: testing }"         \
	" { policy_string = mx: mx1.example.com }"   \
	" { policy_string = max_age: 9 } mx_host_pattern=mx1.example.com"
#define FAILED                                       \
	" policy_type=sts policy_domain=example.com" \
	" policy_failure=sts-webpki-invalid"

static const struct input sts = {.mx = 'i', .hosts = "a", .policy = ENFORCE};
static const struct input testing = {
    .mx = 'i', .hosts = "a", .policy = TESTING};
static const struct input failing = {
    .mx = 'i', .hosts = "a", .failure = TLSRPT_STS_WEBPKI_INVALID};
static const struct input testing_dane = {
    .mx = 'i', .hosts = "u", .policy = TESTING};
static const struct input plain = {.mx = 'i', .hosts = "a"};
static const struct input dane = {.mx = 's', .hosts = "u"};
static const struct input half = {.mx = 's', .hosts = "ua"};
static const struct input down = {.mx = 'f'};
static const struct input literal = {.key = "[192.0.2.1]"};
static const struct input parent = {.key = ".example.com"};
static const struct input testing_unasked = {
    .mx = 'i', .hosts = "?", .policy = TESTING};
static const struct input failing_unasked = {
    .mx = 's', .hosts = "?", .failure = TLSRPT_STS_WEBPKI_INVALID};
static const struct input testing_no_dane = {
    .rule = "no-dane", .mx = 's', .hosts = "?", .policy = TESTING};
static const struct input none_no_dane = {
    .rule = "no-dane", .mx = 's', .hosts = "u", .policy = NO_MODE};
static const struct input failing_no_dane = {.rule = "no-dane",
    .mx = 's',
    .hosts = "u",
    .failure = TLSRPT_STS_WEBPKI_INVALID};
static const struct input literal_no_dane = {
    .key = "[192.0.2.1]", .rule = "no-dane"};
static const struct input unlooked = {.policy = TESTING};
static const struct input fixed_old = {.rule =
					   "fingerprint match="
					   "000102030405060708090a0b0c0d0e0f"
					   "|00:01:02:03:04:05:06:07:08:09:"
					   "0a:0b:0c:0d:0e:0f"};
static const struct input fixed_new = {.rule = "secure enable_rpk=yes"};
static const struct input fixed_list = {
    .rule = "secure match=.example.com:mx.example.net"};
static const struct input fixed_whole = {
    .rule = "secure match=.example.com servername=hostname"};
static const struct input fixed_more = {
    .rule = "secure match=.example.com ciphers=high"};
static const struct input fixed_encrypt = {.rule = "encrypt"};
static const struct input fixed_secure = {.rule = "secure"};
static const struct input fixed_may = {.rule = "may ciphers=high"};
static const struct input required = {
    .rule = "require-verified", .mx = 'i', .hosts = "a"};
static const struct input open_rule = {.rule = "fail-open", .mx = 'f'};
static const struct input open_held = {
    .rule = "fail-open", .mx = 'f', .policy = ENFORCE};
static const struct input no_dane = {
    .rule = "no-dane", .mx = 's', .hosts = "u"};

static const struct {
	const char *name;
	const struct input *in;
	const char *map, *version;
	enum render_base base;
	const char *want; /* status and text */
} answers[] = {
    {"sts 3.4", &sts, "tls", "3.4", 0, PLAIN},
    {"sts 3.7", &sts, "tls", "3.7.11", 0, PLAIN},
    {"sts 3.9", &sts, "postfix", "3.9.9", 0, PLAIN},
    {"sts 3.9, with TLSRPT", &sts, "QUERYwithTLSRPT", "3.9.9", 0, PLAIN},
    {"sts 3.10", &sts, "tls", "3.10", 0, FULL},
    {"sts 3.10, plain", &sts, "QUERY", "3.10.5", 0, PLAIN},
    {"sts 3.11", &sts, "tls-tlsrpt", "3.11.0", 0, FULL},
    {"sts 3.12", &sts, "QUERYwithTLSRPT", "3.12-20260821", 0, FULL},
    {"sts verified", &sts, "verified", "3.7", 0, PLAIN},
    {"sts verified 3.10", &sts, "verified", "3.10.0", 0, FULL},
    {"sts Sendmail", &sts, "sts", "3.12", 0, PLAIN},
    {"testing 3.7", &testing, "tls", "3.7", 0, "NOTFOUND "},
    {"testing 3.10", &testing, "tls", "3.10", 0, "OK may" TESTED},
    {"testing 3.10, main.cf encrypts", &testing, "tls", "3.10",
	RENDER_BASE_ENCRYPT, "OK encrypt" TESTED},
    {"testing 3.10, main.cf dane", &testing, "tls", "3.10", RENDER_BASE_DANE,
	"OK may" TESTED},
    {"testing 3.10, main.cf dane, DANE not looked at", &unlooked, "tls", "3.10",
	RENDER_BASE_DANE, "NOTFOUND "},
    /* the MTA looks for TLSA records itself, and is to go on doing so */
    {"testing 3.10, main.cf dane, no TLSA asked for", &testing_unasked, "tls",
	"3.10", RENDER_BASE_DANE, "NOTFOUND "},
    {"testing 3.10, main.cf may, no TLSA asked for", &testing_unasked, "tls",
	"3.10", RENDER_BASE_MAY, "OK may" TESTED},
    {"failed 3.10, main.cf dane, no TLSA asked for", &failing_unasked, "tls",
	"3.10", RENDER_BASE_DANE, "NOTFOUND "},
    {"testing 3.10, main.cf dane, no-dane", &testing_no_dane, "tls", "3.10",
	RENDER_BASE_DANE, "OK may" TESTED},
    /* nothing that would ask for less than main.cf does */
    {"testing 3.10, main.cf dane-only", &testing, "tls", "3.10",
	RENDER_BASE_DANE_ONLY, "NOTFOUND "},
    {"testing 3.10, main.cf verify", &testing, "tls-tlsrpt", "3.10",
	RENDER_BASE_PKIX, "NOTFOUND "},
    {"testing 3.10, main.cf unknown", &testing, "tls", "3.10",
	RENDER_BASE_UNKNOWN, "NOTFOUND "},
    {"testing 3.10, main.cf unknown, asked for", &testing, "tls-tlsrpt", "3.10",
	RENDER_BASE_UNKNOWN, "OK may" TESTED},
    {"failed 3.10, main.cf dane-only", &failing, "tls", "3.10",
	RENDER_BASE_DANE_ONLY, "NOTFOUND "},
    {"failed 3.10, main.cf verify", &failing, "tls", "3.10", RENDER_BASE_PKIX,
	"NOTFOUND "},
    {"dane, main.cf encrypt", &half, "tls", "3.10", RENDER_BASE_ENCRYPT,
	"OK dane"},
    {"dane, main.cf dane-only", &half, "tls", "3.10", RENDER_BASE_DANE_ONLY,
	"NOTFOUND "},
    {"dane, main.cf verify", &half, "tls", "3.10", RENDER_BASE_PKIX,
	"NOTFOUND "},
    {"dane-only, main.cf verify", &dane, "tls", "3.10", RENDER_BASE_PKIX,
	"OK dane-only"},
    {"no-dane, main.cf dane", &no_dane, "tls", "3.10", RENDER_BASE_DANE,
	"OK may"},
    {"no-dane, main.cf encrypt", &no_dane, "tls", "3.10", RENDER_BASE_ENCRYPT,
	"OK encrypt"},
    {"no-dane, main.cf verify", &no_dane, "tls", "3.10", RENDER_BASE_PKIX,
	"NOTFOUND "},
    {"no-dane, main.cf unknown", &no_dane, "tls", "3.10", RENDER_BASE_UNKNOWN,
	"OK may"},
    {"fail-open, main.cf verify", &open_rule, "tls", "3.10", RENDER_BASE_PKIX,
	"OK may"},
    /* no-dane counts beside a policy that demands nothing as well */
    {"no-dane, testing 3.7, main.cf dane", &testing_no_dane, "tls", "3.7",
	RENDER_BASE_DANE, "OK may"},
    {"no-dane, testing 3.10, plain", &testing_no_dane, "QUERY", "3.10",
	RENDER_BASE_DANE, "OK may"},
    {"no-dane, testing 3.10, main.cf dane-only", &testing_no_dane, "tls",
	"3.10", RENDER_BASE_DANE_ONLY, "OK may" TESTED},
    {"no-dane, testing 3.7, main.cf encrypt", &testing_no_dane, "tls", "3.7",
	RENDER_BASE_ENCRYPT, "OK encrypt"},
    {"no-dane, testing 3.10, main.cf verify", &testing_no_dane, "tls", "3.10",
	RENDER_BASE_PKIX, "NOTFOUND "},
    {"no-dane, mode none", &none_no_dane, "tls", "3.10", RENDER_BASE_DANE,
	"OK may"},
    {"no-dane, failed 3.7", &failing_no_dane, "tls", "3.7", RENDER_BASE_DANE,
	"OK may"},
    {"no-dane, failed 3.10", &failing_no_dane, "tls", "3.10", RENDER_BASE_DANE,
	"OK may" FAILED},
    {"no-dane, literal", &literal_no_dane, "tls", "3.10", RENDER_BASE_DANE,
	"NOTFOUND "},
    {"testing 3.10, plain", &testing, "QUERY", "3.10", 0, "NOTFOUND "},
    {"testing verified", &testing, "verified", "3.7", 0,
	"OK secure match=mx1.example.com servername=hostname"},
    {"testing, insecure MX with TLSA records", &testing_dane, "tls", "3.7", 0,
	"OK dane"},
    {"testing, insecure MX with TLSA records, verified", &testing_dane,
	"verified", "3.7", 0,
	"OK secure match=mx1.example.com servername=hostname"},
    {"testing Sendmail", &testing, "sts", "3.7", 0, "NOTFOUND "},
    {"failed 3.7", &failing, "tls", "3.7", 0, "NOTFOUND "},
    {"failed 3.11", &failing, "tls", "3.11", 0, "OK may" FAILED},
    {"failed 3.11, main.cf encrypts", &failing, "tls", "3.11",
	RENDER_BASE_ENCRYPT, "OK encrypt" FAILED},
    {"failed verified", &failing, "verified", "3.11", 0, "OK dane-only"},
    {"nothing", &plain, "tls", "3.12", 0, "NOTFOUND "},
    {"nothing verified", &plain, "verified", "3.12", 0, "OK dane-only"},
    {"nothing Sendmail", &plain, "sts", "3.12", 0, "NOTFOUND "},
    {"dane-only", &dane, "tls", "3.4", 0, "OK dane-only"},
    {"dane-only 3.12", &dane, "tls", "3.12", 0, "OK dane-only"},
    {"dane-only Sendmail", &dane, "sts", "3.12", 0, "NOTFOUND "},
    {"dane", &half, "tls", "3.12", 0, "OK dane"},
    {"dane verified", &half, "verified", "3.12", 0, "OK dane-only"},
    {"DNS down", &down, "tls", "3.12", 0, "TEMP the MX lookup failed"},
    {"DNS down verified", &down, "verified", "3.12", 0,
	"TEMP the MX lookup failed"},
    {"literal", &literal, "tls", "3.12", 0, "NOTFOUND "},
    {"literal verified", &literal, "verified", "3.12", 0,
	"TEMP no verified TLS for this destination: an address has no "
	"policy"},
    {"parent", &parent, "tls", "3.12", 0, "NOTFOUND "},
    {"parent verified", &parent, "verified", "3.12", 0, "NOTFOUND "},
    {"fixed", &fixed_old, "tls", "3.4", 0,
	"OK fingerprint match=000102030405060708090a0b0c0d0e0f"
	"|00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f"},
    {"fixed Sendmail", &fixed_old, "sts", "3.4", 0,
	"TEMP Sendmail cannot do that: fingerprint "
	"match=000102030405060708090a0b0c0d0e0f"
	"|00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f"},
    {"fixed, of a later version", &fixed_new, "tls", "3.8", 0,
	"TEMP the answer was not of the grammar: enable_rpk= is unknown to "
	"this version of Postfix"},
    {"fixed, of this version", &fixed_new, "tls", "3.9", 0,
	"OK secure enable_rpk=yes"},
    {"fixed verified", &fixed_new, "verified", "3.9", 0,
	"OK secure enable_rpk=yes"},
    {"fixed, not verified", &fixed_may, "verified", "3.9", 0,
	"TEMP no verified TLS for this destination: tls_policy_table says so"},
    {"fixed may, Sendmail", &fixed_may, "sts", "3.9", 0, "NOTFOUND "},
    {"fixed list, Sendmail", &fixed_list, "sts", "3.9", 0,
	"OK secure match=.example.com:mx.example.net servername=hostname"},
    {"fixed for Sendmail", &fixed_whole, "sts", "3.9", 0,
	"OK secure match=.example.com servername=hostname"},
    {"fixed ciphers, Sendmail", &fixed_more, "sts", "3.9", 0,
	"TEMP Sendmail cannot do that: secure match=.example.com ciphers=high"},
    {"fixed encrypt, Sendmail", &fixed_encrypt, "sts", "3.9", 0,
	"TEMP Sendmail cannot do that: encrypt"},
    {"fixed secure, Sendmail", &fixed_secure, "sts", "3.9", 0,
	"TEMP Sendmail cannot do that: secure"},
    {"required", &required, "tls", "3.9", 0, "OK dane-only"},
    {"required Sendmail", &required, "sts", "3.9", 0,
	"TEMP tls_policy_table requires verified TLS: no TLSA records and no "
	"MTA-STS policy"},
    {"fail-open", &open_rule, "tls", "3.9", 0, "OK may"},
    {"fail-open, a policy in force", &open_held, "tls", "3.9", 0, PLAIN},
    {"fail-open verified", &open_rule, "verified", "3.9", 0,
	"TEMP no verified TLS for this destination: tls_policy_table lets "
	"mail flow in spite of trouble"},
    {"no-dane", &no_dane, "tls", "3.9", 0, "OK may"},
    {"requiretls", &sts, "requiretls", "3.11", 0, "OK enforce"},
    {"requiretls literal", &literal, "requiretls", "3.11", 0, "NOTFOUND "},
    {"requiretls parent", &parent, "requiretls", "3.11", 0, "NOTFOUND "},
};

static void
reply_of(struct world *w, const struct input *in, const char *map,
    const char *version, enum render_base base, struct buf *out)
{
	struct render_config c = {.requiretls_policy = REQUIRETLS_ENFORCE};
	enum render_map m = RENDER_MAP_COUNT;
	struct diag why = {"", 0};
	struct render_answer answer;
	struct tls_decision d;

	build(w, in);
	tls_decide(&w->facts, &d);
	if (render_profile_postfix(str_from_z(version), &c.profile, &why) ||
	    !render_map_find(str_from_z(map), &m))
		ok(false, "version and map of a case: %s", why.text);
	c.profile.base = base;
	render(&w->a, &c, m, &d, &answer, &why);
	buf_init(out, &w->a, RENDER_REPLY_MAX + 20);
	render_reply(out, &answer);
}

/* The octets inside a netstring that is all of s. */
static struct str
inside(struct str s)
{
	struct str rest, length = str_cut(s, ':', &rest);
	uint64_t n;

	if (!str_to_u64(length, 200000, &n) || rest.n != n + 1 ||
	    rest.p[n] != ',')
		return STR("no netstring");
	return str_head(rest, n);
}

static void
test_answers(void)
{
	for (size_t i = 0; i < N(answers); i++) {
		struct world w;
		struct buf b;

		reply_of(&w, answers[i].in, answers[i].map, answers[i].version,
		    answers[i].base, &b);
		is_str(inside(buf_str(&b)), str_from_z(answers[i].want),
		    answers[i].name);
		arena_fini(&w.a);
	}
}

/* Lines that are no part of an answer are left out of it. */
static void
test_strings(void)
{
	struct input in = {.mx = 'i',
	    .hosts = "a",
	    .policy = "version: STSv1\r\nmode: enforce\r\nmx: a.b\r\n"
		      "note: } match=evil.example {\r\n"
		      "note: gr\xc3\xbcn\r\nnote: a\tb\r\n"
		      "note: \"x\", y=z; ok\r\n\r\nmax_age: 1\r\n"};
	struct world w;
	struct buf b;

	reply_of(&w, &in, "tls", "3.10", 0, &b);
	is_str(inside(buf_str(&b)),
	    STR("OK secure match=a.b servername=hostname policy_type=sts "
		"policy_domain=example.com { policy_string = version: STSv1 } "
		"{ policy_string = mode: enforce } { policy_string = mx: a.b } "
		"{ policy_string = note: \"x\", y=z; ok } "
		"{ policy_string = max_age: 1 } mx_host_pattern=a.b"),
	    "braces, high octets and tabs are left out");
	arena_fini(&w.a);
}

static const struct {
	const char *name;
	unsigned octets; /* of a pattern, about */
	size_t n;
	bool strings, policy;
} sizes[] = {
    {"small", 20, 100, true, true},
    {"strings do not fit", 20, 1500, false, true},
    {"attributes do not fit", 10, 4300, false, false},
};

static void
test_sizes(void)
{
	for (size_t i = 0; i < N(sizes); i++) {
		struct input in = {.mx = 'i', .hosts = "a"};
		struct world w;
		struct buf text, b;

		buf_init(&text, NULL, STS_POLICY_OCTETS_MAX);
		buf_add_z(&text, "version: STSv1\nmode: enforce\nmax_age: 1\n");
		for (size_t k = 0; k < sizes[i].n; k++)
			buf_addf(&text, "mx: %0*zx.a\n",
			    (int)sizes[i].octets - 2, k);
		ok(buf_ok(&text), "%s: a policy of %zu octets", sizes[i].name,
		    text.n);
		in.policy = buf_z(&text);
		reply_of(&w, &in, "tls", "3.12", 0, &b);
		ok(buf_ok(&b) && b.n <= RENDER_REPLY_MAX + 7 &&
			strncmp(strchr(b.p, ':'), ":OK secure match=", 17) == 0,
		    "%s: an answer of %zu octets", sizes[i].name, b.n);
		is_int(strstr(b.p, "policy_string") != NULL, sizes[i].strings,
		    sizes[i].name);
		is_int(strstr(b.p, "mx_host_pattern") != NULL, sizes[i].policy,
		    sizes[i].name);
		arena_fini(&w.a);
		buf_fini(&text);
	}
}

/* Sendmail gets the hosts that there are where the list is too long for it. */
static void
test_sendmail_size(void)
{
	struct input in = {.mx = 'i', .hosts = "aaa"};
	struct world w;
	struct buf text, b;

	buf_init(&text, NULL, STS_POLICY_OCTETS_MAX);
	buf_add_z(&text, "version: STSv1\nmode: enforce\nmax_age: 1\n");
	for (int i = 0; i < 200; i++)
		buf_addf(&text, "mx: mx%d.example.org\nmx: mx%d.example.com\n",
		    i, i);
	in.policy = buf_z(&text);
	reply_of(&w, &in, "sts", "3.12", 0, &b);
	is_str(inside(buf_str(&b)),
	    STR("OK secure match=mx1.example.com:mx3.example.org "
		"servername=hostname"),
	    "hosts of the policy that are in the DNS");
	arena_fini(&w.a);
	in.hosts = NULL;
	reply_of(&w, &in, "sts", "3.12", 0, &b);
	is_str(inside(buf_str(&b)), STR("TEMP the policy is too long"),
	    "none of them");
	arena_fini(&w.a);
	buf_fini(&text);
}

/* Lists of 255 octets and of 256, by policy and by table. */
static void
test_sendmail_bound(void)
{
	for (int more = 0; more < 2; more++) {
		char list[300] = "", text[400];
		struct input in = {.mx = 'i'};
		struct world w;
		struct buf b;
		size_t n = 0;

		for (int i = 0; i < 12; i++)
			n += (size_t)snprintf(list + n, sizeof(list) - n,
			    "mail%02d.example.com:", i);
		snprintf(list + n, sizeof(list) - n, "%.*s.com", 23 + more,
		    "aaaaaaaaaaaaaaaaaaaaaaaa");
		is_int((int)strlen(list), 255 + more, "a list of that size");
		snprintf(text, sizeof(text), "secure match=%s", list);
		in.rule = text;
		reply_of(&w, &in, "sts", "3.12", 0, &b);
		is_int(str_starts(inside(buf_str(&b)), STR("OK ")), !more,
		    "of a table");
		arena_fini(&w.a);
		n = (size_t)snprintf(text, sizeof(text),
		    "version: STSv1\nmode: enforce\nmax_age: 1\nmx: ");
		for (const char *p = list; *p; p++)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    *p == ':' ? "\nmx: " : "%c", *p);
		snprintf(text + n, sizeof(text) - n, "\n");
		in = (struct input){.mx = 'i', .policy = text};
		reply_of(&w, &in, "sts", "3.12", 0, &b);
		is_int(str_starts(inside(buf_str(&b)), STR("OK ")), !more,
		    "of a policy");
		arena_fini(&w.a);
	}
}

static void
test_fixed_replies(void)
{
	struct render_answer answer;
	struct arena a;
	struct buf b;

	arena_init(&a, MEMORY);
	buf_init(&b, &a, 1000);
	render_fixed(
	    &a, RENDER_PERM, STR("no such map: a\n3:OK,\xff"), &answer);
	render_reply(&b, &answer);
	is_str(buf_str(&b), STR("26:PERM no such map: a?3:OK,?,"),
	    "a text of no use to an attacker");
	buf_clear(&b);
	render_fixed(&a, RENDER_NOTFOUND, STR_NONE, &answer);
	render_reply(&b, &answer);
	is_str(buf_str(&b), STR("9:NOTFOUND ,"), "with its space");
	arena_fini(&a);
}

static void
test_no_memory(void)
{
	struct render_config c;
	struct render_answer answer;
	struct tls_decision d;
	struct arena tiny;
	struct world w;

	build(&w, &sts);
	tls_decide(&w.facts, &d);
	render_profile_newest(&c.profile);
	arena_init(&tiny, 100);
	render(&tiny, &c, RENDER_TLS, &d, &answer, NULL);
	is_int(answer.status, RENDER_TEMP, "out of memory defers");
	arena_fini(&tiny);
	arena_fini(&w.a);
}

static void
test_maps(void)
{
	enum render_map m;

	for (int i = 0; i < RENDER_MAP_COUNT; i++)
		ok(render_map_find(
		       str_from_z(render_map_name((enum render_map)i)), &m) &&
			m == (enum render_map)i,
		    "map %s", render_map_name((enum render_map)i));
	ok(!render_map_find(STR("TLS"), &m) && !render_map_find(STR(""), &m) &&
		!render_map_find(STR("tls "), &m) &&
		!render_map_find(STR("querywithtlsrpt"), &m),
	    "no maps");
}

static const struct {
	const char *text;
	unsigned version; /* 0: refused */
	bool rpk, policy, patterns, requiretls;
} versions[] = {
    {"3.4", 30400, 0, 0, 0, 0},
    {"3.4.0", 30400, 0, 0, 0, 0},
    {"3.7.11", 30711, 0, 0, 0, 0},
    {"3.9-RC1", 30900, 1, 0, 0, 0},
    {"3.10", 31000, 1, 1, 0, 0},
    {"3.10.4", 31004, 1, 1, 0, 0},
    {"3.10.5", 31005, 1, 1, 1, 0},
    {"3.11.0", 31100, 1, 1, 1, 1},
    {"3.12-20260821", 31200, 1, 1, 1, 1},
    {"3.12-20260821-nonprod", 31200, 1, 1, 1, 1},
    {"4.0", 40000, 1, 1, 1, 1},
    {"3.3.22", 0, 0, 0, 0, 0},
    {"2.11", 0, 0, 0, 0, 0},
    {"3", 0, 0, 0, 0, 0},
    {"3.", 0, 0, 0, 0, 0},
    {"3.7.", 0, 0, 0, 0, 0},
    {"3.7.11.1", 0, 0, 0, 0, 0},
    {"3.7x", 0, 0, 0, 0, 0},
    {"v3.7", 0, 0, 0, 0, 0},
    {"auto", 0, 0, 0, 0, 0},
    {"", 0, 0, 0, 0, 0},
    {"3.99999999999999999999", 0, 0, 0, 0, 0},
};

static void
test_versions(void)
{
	for (size_t i = 0; i < N(versions); i++) {
		const char *name = versions[i].text;
		struct render_profile p = {.version = 0};
		struct diag d = {"", 0};
		int err = render_profile_postfix(str_from_z(name), &p, &d);

		is_int(p.version, versions[i].version, name);
		is_int(err, p.version ? 0 : AVER_CONF, name);
		ok(p.enable_rpk == versions[i].rpk &&
			p.policy == versions[i].policy &&
			p.mx_patterns == versions[i].patterns &&
			p.requiretls == versions[i].requiretls &&
			p.servername == (p.version > 0),
		    "%s: what it takes", name);
	}
}

/* --- the grammar check ------------------------------------------------- */

static const struct {
	const char *text;
	unsigned since; /* minor version that takes it; 99: none does */
} texts[] = {
    {"none", 4},
    {"may", 4},
    {"encrypt", 4},
    {"dane", 4},
    {"dane-only", 4},
    {"fingerprint", 4},
    {"verify", 4},
    {"secure", 4},
    {"Secure", 4},
    {"secure match=a.b", 4},
    {"secure match=a.b:.c.d:nexthop:dot-nexthop:hostname", 4},
    {"secure, match=a.b , match=c.d", 4},
    {"verify tafile=/etc/ca.pem tafile=/etc/ca2.pem", 4},
    {"may servername=hostname", 4},
    {"may connection_reuse=yes", 4},
    {"may enable_rpk=no", 9},
    {"encrypt ciphers=high protocols=!SSLv2:!SSLv3 exclude=aNULL:eNULL", 4},
    {"may protocols=>=TLSv1.2", 4},
    {"may exclude=", 4},
    {"may policy_type=sts", 10},
    {"may policy_type=no-policy-found", 10},
    {"secure match=a.b policy_type=sts policy_domain=a.b "
     "{ policy_string = mx: *.c } mx_host_pattern=*.c policy_ttl=9",
	10},
    {"may { policy_type = sts }", 10},
    {"may {policy_type=sts},{policy_string=a, b}", 10},
    {"may policy_type=sts policy_failure=validation-failure", 10},
    {"", 99},
    {" ", 99},
    {"sekure", 99},
    {"half-dane", 99},
    {"secure=", 99},
    {"none match=a.b", 99},
    {"none ciphers=high", 99},
    {"may match=a.b", 99},
    {"encrypt match=a.b", 99},
    {"dane match=a.b", 99},
    {"encrypt tafile=/x", 99},
    {"secure tafile=x", 99},
    {"secure match", 99},
    {"secure match=", 99},
    {"secure match=:", 99},
    {"secure match=a.b:", 99},
    {"secure match=a.b::c.d", 99},
    {"secure match=*.a.b", 99},
    {"secure match=a..b", 99},
    {"secure match=-a.b", 99},
    {"secure match=a.b=c", 99},
    {"secure match =a.b", 99},
    {"secure match= a.b", 99},
    {"secure match=a.b unknown=1", 99},
    {"secure servername=a servername=a", 99},
    {"may ciphers=high ciphers=high", 99},
    {"may ciphers=", 99},
    {"may ciphers=a;b", 99},
    {"may servername=", 99},
    {"may servername=a_.-b", 99},
    {"may servername=[192.0.2.1]", 99},
    {"may connection_reuse=maybe", 99},
    {"fingerprint match=00", 99},
    {"fingerprint match=a.b", 99},
    {"fingerprint match=000102030405060708090a0b0c0d0e0g", 99},
    {"may policy_domain=a.b", 99},
    {"may policy_string=x", 99},
    {"may policy_type=tlsa", 99},
    {"may policy_type=sts policy_type=sts", 99},
    {"may policy_type=sts policy_domain=", 99},
    {"may policy_type=sts policy_string=", 99},
    {"may policy_type=sts mx_host_pattern=*.*.a", 99},
    {"may policy_type=sts mx_host_pattern=*", 99},
    {"may policy_type=sts policy_failure=certificate-expired", 99},
    {"may policy_type=sts policy_ttl=-1", 99},
    {"may { policy_type = sts", 99},
    {"may { policy_type = { sts } }", 99},
    {"may { policy_type = sts }x", 99},
    {"may policy_type=sts }", 99},
    {"may policy_type=sts {", 99},
    {"may policy_type=sts {}", 99},
    {"may policy_type=sts { = }", 99},
    {"may policy_type=sts policy_string=a{b}", 99},
    {"secure match=a.b\n", 99},
    {"secure\tmatch=a.b", 99},
    {"secure match=a.b\r\nmatch=c.d", 99},
    {"secure match=\xc3\xa4.b", 99},
    {"secure match=a.b\x7f", 99},
};

static void
test_grammar(void)
{
	for (size_t i = 0; i < N(texts); i++)
		for (unsigned minor = 4; minor <= 12; minor++) {
			struct str text = str_from_z(texts[i].text);
			struct render_profile p;
			struct diag d = {"", 0};
			char v[8];
			int err;

			snprintf(v, sizeof(v), "3.%u", minor);
			render_profile_postfix(str_from_z(v), &p, NULL);
			err = render_check(&p, text, &d);
			ok((err == 0) == (minor >= texts[i].since) &&
				(err == 0) == (d.text[0] == 0),
			    "%s: \"%s\" %s", v, texts[i].text, d.text);
		}
}

/* --- REQUIRETLS -------------------------------------------------------- */

static const struct input down_lenient = {.mx = 'f', .is_lenient = true};
static const struct input down_required = {
    .rule = "require-verified", .mx = 'f', .is_lenient = true};
static const struct input unknown_lenient = {
    .mx = 'i', .hosts = "a", .sts_unknown = true, .is_lenient = true};
static const struct input shaky = {.mx = 's', .hosts = "fa"};
static const struct input shaky_required = {
    .rule = "require-verified", .mx = 's', .hosts = "fa"};
static const struct input unaddressed = {.mx = 's', .hosts = "ax"};
static const struct input unfetched = {
    .mx = 'i', .hosts = "a", .failure = TLSRPT_STS_POLICY_FETCH_ERROR};

static const struct {
	const char *name;
	const struct input *in;
	enum tls_seen starttls, requiretls;
	enum requiretls_verdict lax, strict;
	enum requiretls_default opportunistic; /* where that is the default */
} verdicts[] = {
    {"sts", &sts, 0, 0, REQUIRETLS_GO, REQUIRETLS_GO, REQUIRETLS_OPPORTUNISTIC},
    {"sts, server can", &sts, TLS_SEEN_YES, TLS_SEEN_YES, REQUIRETLS_GO,
	REQUIRETLS_GO, REQUIRETLS_ENFORCE},
    {"sts, server cannot", &sts, TLS_SEEN_YES, TLS_SEEN_NO, REQUIRETLS_GO,
	REQUIRETLS_NO_SUPPORT, REQUIRETLS_OPPORTUNISTIC_STARTTLS},
    {"dane", &dane, TLS_SEEN_UNKNOWN, TLS_SEEN_YES, REQUIRETLS_GO,
	REQUIRETLS_GO, REQUIRETLS_ENFORCE},
    {"dane for some", &half, 0, TLS_SEEN_YES, REQUIRETLS_GO, REQUIRETLS_GO,
	REQUIRETLS_OPPORTUNISTIC},
    {"testing", &testing, 0, 0, REQUIRETLS_GO, REQUIRETLS_GO,
	REQUIRETLS_OPPORTUNISTIC},
    {"testing, insecure MX with TLSA records", &testing_dane, 0, 0,
	REQUIRETLS_GO, REQUIRETLS_GO, REQUIRETLS_OPPORTUNISTIC},
    {"nothing", &plain, TLS_SEEN_YES, TLS_SEEN_YES, REQUIRETLS_NO_TLS,
	REQUIRETLS_NO_TLS, REQUIRETLS_OPPORTUNISTIC_STARTTLS},
    {"nothing, no STARTTLS", &plain, TLS_SEEN_NO, TLS_SEEN_NO,
	REQUIRETLS_NO_TLS, REQUIRETLS_NO_TLS, REQUIRETLS_OPPORTUNISTIC},
    {"no way", &required, 0, 0, REQUIRETLS_NO_TLS, REQUIRETLS_NO_TLS,
	REQUIRETLS_OPPORTUNISTIC},
    {"literal", &literal, 0, 0, REQUIRETLS_NO_TLS, REQUIRETLS_NO_TLS,
	REQUIRETLS_OPPORTUNISTIC},
    {"down", &down, 0, 0, REQUIRETLS_LATER, REQUIRETLS_LATER,
	REQUIRETLS_OPPORTUNISTIC},
    {"down, lenient", &down_lenient, 0, 0, REQUIRETLS_LATER, REQUIRETLS_LATER,
	REQUIRETLS_OPPORTUNISTIC},
    {"down, to be verified", &down_required, 0, 0, REQUIRETLS_LATER,
	REQUIRETLS_LATER, REQUIRETLS_OPPORTUNISTIC},
    {"the record failed, lenient", &unknown_lenient, 0, 0, REQUIRETLS_LATER,
	REQUIRETLS_LATER, REQUIRETLS_OPPORTUNISTIC},
    {"a TLSA lookup failed", &shaky, 0, 0, REQUIRETLS_LATER, REQUIRETLS_LATER,
	REQUIRETLS_OPPORTUNISTIC},
    {"a TLSA lookup failed, to be verified", &shaky_required, 0, 0,
	REQUIRETLS_LATER, REQUIRETLS_LATER, REQUIRETLS_OPPORTUNISTIC},
    {"the addresses of a host failed", &unaddressed, 0, 0, REQUIRETLS_LATER,
	REQUIRETLS_LATER, REQUIRETLS_OPPORTUNISTIC},
    {"the policy could not be fetched", &unfetched, 0, 0, REQUIRETLS_LATER,
	REQUIRETLS_LATER, REQUIRETLS_OPPORTUNISTIC},
    {"the policy is none", &failing, 0, 0, REQUIRETLS_NO_TLS, REQUIRETLS_NO_TLS,
	REQUIRETLS_OPPORTUNISTIC},
    {"fail-open", &open_rule, 0, 0, REQUIRETLS_LATER, REQUIRETLS_LATER,
	REQUIRETLS_OPPORTUNISTIC},
    {"fixed secure", &fixed_new, 0, 0, REQUIRETLS_GO, REQUIRETLS_GO,
	REQUIRETLS_OPPORTUNISTIC},
    {"fixed may", &fixed_may, 0, 0, REQUIRETLS_NO_TLS, REQUIRETLS_NO_TLS,
	REQUIRETLS_OPPORTUNISTIC},
};

static void
test_requiretls(void)
{
	for (size_t i = 0; i < N(verdicts); i++) {
		struct input in = *verdicts[i].in;
		const char *name = verdicts[i].name;
		struct tls_decision d;
		struct world w;

		in.starttls = verdicts[i].starttls;
		in.requiretls = verdicts[i].requiretls;
		build(&w, &in);
		tls_decide(&w.facts, &d);
		is_int(requiretls_decide(&d, false), verdicts[i].lax, name);
		is_int(requiretls_decide(&d, true), verdicts[i].strict, name);
		is_int(requiretls_answer(&d, REQUIRETLS_OPPORTUNISTIC),
		    verdicts[i].opportunistic, name);
		ok(requiretls_answer(&d, REQUIRETLS_ENFORCE) ==
			    REQUIRETLS_ENFORCE &&
			requiretls_answer(&d, REQUIRETLS_DISABLE) ==
			    REQUIRETLS_DISABLE,
		    "%s: what is enforced stays so", name);
		ok(requiretls_answer(&d, REQUIRETLS_OPPORTUNISTIC_STARTTLS) !=
			REQUIRETLS_OPPORTUNISTIC,
		    "%s: STARTTLS is not given up", name);
		arena_fini(&w.a);
	}
	is_str(requiretls_reply(REQUIRETLS_NO_TLS),
	    STR("550 5.7.10 Encryption needed"), "5.7.10");
	is_str(requiretls_reply(REQUIRETLS_NO_SUPPORT),
	    STR("550 5.7.30 REQUIRETLS support required"), "5.7.30");
	ok(requiretls_reply(REQUIRETLS_GO).n == 0 &&
		requiretls_reply(REQUIRETLS_LATER).n == 0,
	    "nothing to say");
}

int
main(void)
{
	test_decisions();
	test_print();
	test_answers();
	test_strings();
	test_sizes();
	test_sendmail_size();
	test_sendmail_bound();
	test_fixed_replies();
	test_no_memory();
	test_maps();
	test_versions();
	test_grammar();
	test_requiretls();
	return tap_done();
}
