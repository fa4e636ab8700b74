/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* tls_policy_table and require_tls_table. */

#include "lib/base/err.h"
#include "lib/conf/conf.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"
#include "tlspolicy/tls_conf.h"
#include "tlspolicy/tls_table.h"
#include "tlspolicy/tls_table_file.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define MEMORY ((size_t)4 << 20)

static const char table[] =
    "# exceptions\n"
    "\n"
    "example.com          no-sts\n"
    ".example.com         no-dane, fail-open\n"
    "deep.b.example.com\trequire-verified\n"
    "[mail.example.com]   encrypt\r\n"
    "[mail.example.com]:587 secure match=.example.com:example.net\n"
    "    servername=hostname\n"
    "  # not the end of it\n"
    "    ciphers=high\n"
    "example.net:25       may\n"
    "[192.0.2.1]          none\n"
    "[IPv6:2001:DB8:0::1] may\n"
    "B\xc3\xbc"
    "cher.example     NO-STS No-Dane\n"
    "partner.example      verify policy_type=sts { policy_string = a b }";

static const struct {
	const char *key;
	unsigned flags;
	const char *fixed;
	unsigned line; /* 0: no rule */
} lookups[] = {
    {"example.com", TLS_RULE_NO_STS, "", 3},
    {"EXAMPLE.com.", TLS_RULE_NO_STS, "", 3},
    {"a.example.com", TLS_RULE_NO_DANE | TLS_RULE_FAIL_OPEN, "", 4},
    {"b.example.com", TLS_RULE_NO_DANE | TLS_RULE_FAIL_OPEN, "", 4},
    {"c.b.example.com", TLS_RULE_NO_DANE | TLS_RULE_FAIL_OPEN, "", 4},
    {"deep.b.example.com", TLS_RULE_VERIFIED, "", 5},
    {"deep.b.example.com:25", TLS_RULE_VERIFIED, "", 5},
    {"[mail.example.com]", 0, "encrypt", 6},
    {"[mail.example.com]:25", 0, "encrypt", 6},
    {"[mail.example.com]:587", 0,
	"secure match=.example.com:example.net servername=hostname "
	"ciphers=high",
	7},
    {"mail.example.com", TLS_RULE_NO_DANE | TLS_RULE_FAIL_OPEN, "", 4},
    {"[other.example.com]", 0, "", 0},
    {"example.net:25", 0, "may", 11},
    {"example.net", 0, "", 0},
    {"192.0.2.1", 0, "none", 12},
    {"[192.0.2.1]:25", 0, "none", 12},
    {"[2001:db8::1]", 0, "may", 13},
    {"xn--bcher-kva.example", TLS_RULE_NO_STS | TLS_RULE_NO_DANE, "", 14},
    {"partner.example", 0, "verify policy_type=sts { policy_string = a b }",
	15},
    {"other.example", 0, "", 0},
    {"notexample.com", 0, "", 0},
    {"com", 0, "", 0},
    {".example.com", 0, "", 0}, /* never answered, so never looked up */
    {"", 0, "", 0},
};

static void
test_lookups(void)
{
	const struct tls_table *t = NULL;
	struct diag d = {"", 0};
	struct arena a;

	arena_init(&a, MEMORY);
	if (!ok(tls_table_parse(&a, "t", str_from_z(table), &t, NULL, &d) == 0,
		"the table: %s", d.text))
		return;
	is_int(tls_table_rules(t), 10, "rules");
	for (size_t i = 0; i < N(lookups); i++) {
		const struct tls_rule *r;
		struct nexthop n;

		nexthop_parse(&a, str_from_z(lookups[i].key), &n, NULL);
		r = tls_table_find(t, &n);
		is_int(r ? r->line : 0, lookups[i].line, lookups[i].key);
		if (!r)
			continue;
		is_int(r->flags, lookups[i].flags, lookups[i].key);
		is_str(r->fixed, str_from_z(lookups[i].fixed), lookups[i].key);
		ok(tls_table_find(NULL, &n) == NULL, "no table");
	}
	is_int(tls_table_rules(NULL), 0, "no table, no rules");
	arena_fini(&a);
}

static const struct {
	const char *text, *want; /* part of the message */
} wrong[] = {
    {"example.com", "t:1: there is no answer"},
    {"\n\nexample.com  # x\n", "t:3: \"# x\" is no answer"},
    {"example.com maybe", "\"maybe\" is no answer"},
    {"example.com , ,", "\", ,\" is no answer"},
    {"example.com half-dane", "is no level"},
    {"example.com no-sts encrypt", "\"encrypt\": expected no-sts"},
    {"example.com encrypt no-sts", "no name=value"},
    {"example.com secure match=", "no such value"},
    {"example.com encrypt match=a.b", "not allowed with this level"},
    {"example.com may servername=a servername=b", "twice"},
    {"example.com may policy_domain=a.b", "without policy_type"},
    {"example.com none ciphers=high", "not allowed"},
    {"example.com may { policy_type = sts", "braces"},
    {"example.com require-verified fail-open", "contradict"},
    {"example.com require-verified no-sts no-dane", "leaves no way"},
    {"example..com no-sts", "is no destination"},
    {"[example.com no-sts", "is no destination"},
    {"*.example.com no-sts", "is no destination"},
    {"user@example.com no-sts", "is no destination"},
    {"a.example no-sts\nA.example. no-dane", "t:2: \"a.example\" is in line 1"},
    {"  a.example no-sts", "t:1: a continuation of nothing"},
    {"a.example may x=\x01", "no printable character"},
    {"a.example may x=1", "unknown"},
};

static void
test_wrong(void)
{
	for (size_t i = 0; i < N(wrong); i++) {
		const struct tls_table *t = NULL;
		struct diag d = {"", 0};
		struct buf errors;
		struct arena a;
		int err;

		arena_init(&a, MEMORY);
		buf_init(&errors, &a, 10000);
		err = tls_table_parse(
		    &a, "t", str_from_z(wrong[i].text), &t, NULL, &d);
		ok(err == AVER_CONF && !t && strstr(d.text, wrong[i].want),
		    "%s (%s)", wrong[i].want, d.text);
		tls_table_parse(
		    &a, "t", str_from_z(wrong[i].text), &t, &errors, NULL);
		ok(!t && strstr(buf_z(&errors), wrong[i].want) &&
			errors.p[errors.n - 1] == '\n',
		    "the same in the list: %s", wrong[i].want);
		arena_fini(&a);
	}
}

static void
test_all_errors(void)
{
	const struct tls_table *t = NULL;
	struct buf text, errors;
	unsigned lines = 0;
	struct arena a;

	arena_init(&a, MEMORY);
	buf_init(&text, &a, 100000);
	buf_init(&errors, &a, 100000);
	for (int i = 0; i < 300; i++)
		buf_addf(&text, "a%d.example nonsense\n", i);
	is_int(tls_table_parse(&a, "t", buf_str(&text), &t, &errors, NULL),
	    AVER_CONF, "300 errors");
	for (size_t i = 0; i < errors.n; i++)
		lines += errors.p[i] == '\n';
	is_int(lines, 101, "a hundred of them, and that there are more");
	buf_clear(&text);
	buf_add_z(&text, "a.example may");
	while (text.n < 2 * TLS_TABLE_LINE_MAX)
		buf_add_z(&text, "\n  ciphers=high");
	buf_clear(&errors);
	tls_table_parse(&a, "t", buf_str(&text), &t, &errors, NULL);
	ok(strstr(buf_z(&errors), "t:1: the entry is too long") != NULL,
	    "an entry that never ends");
	arena_fini(&a);
	arena_init(&a, 2000);
	is_int(tls_table_parse(&a, "t", STR("a.example may"), &t, NULL, NULL),
	    AVER_NOMEM, "out of memory");
	arena_fini(&a);
}

static void
test_many(void)
{
	const struct tls_table *t = NULL;
	struct nexthop n;
	struct buf text;
	struct arena a;

	arena_init(&a, TLS_TABLE_MEMORY);
	buf_init(&text, &a, TLS_TABLE_OCTETS_MAX);
	for (int i = 0; i < 50000; i++)
		buf_addf(&text, "%sd%d.example encrypt\n", i % 2 ? "." : "", i);
	is_int(tls_table_parse(&a, "t", buf_str(&text), &t, NULL, NULL), 0,
	    "50 000 rules");
	nexthop_parse(&a, STR("a.b.d49999.example"), &n, NULL);
	ok(tls_table_find(t, &n) && tls_table_find(t, &n)->line == 50000,
	    "the last one is found");
	nexthop_parse(&a, STR("d49999.example"), &n, NULL);
	ok(!tls_table_find(t, &n), "and not for the domain itself");
	arena_fini(&a);
}

static const char required[] = "bank.example\n"
			       ".gov.example  recipient, sender\n"
			       "boss@example.org sender\n"
			       "B\xc3\xbc"
			       "cher.example sender recipient\n"
			       "example.net recipient\n"
			       "example.net sender\n";

static const struct {
	const char *address;
	bool sender, recipient;
} addresses[] = {
    {"a@bank.example", false, true},
    {"<A@Bank.Example>", false, true},
    {"a@x.bank.example", false, false},
    {"a@gov.example", false, false},
    {"a@x.gov.example", true, true},
    {"a@y.x.gov.example.", true, true},
    {"BOSS@example.org", true, false},
    {"clerk@example.org", false, false},
    {"a@b\xc3\xbc"
     "cher.example",
	true, true},
    {"a@xn--bcher-kva.example", true, true},
    {"a@example.net", true, true},
    {"\"a@b\"@example.net", true, true},
    {"a\xff@example.net", true, true},
    {"@route:a@bank.example", false, true},
    {"<>", false, false},
    {"", false, false},
    {"bank.example", false, false},
    {"a@[192.0.2.1]", false, false},
    {"a@bank..example", false, false},
};

static void
test_require(void)
{
	const struct require_table *t = NULL;
	struct diag d = {"", 0};
	struct arena a, tiny;

	arena_init(&a, MEMORY);
	if (!ok(require_table_parse(
		    &a, "t", str_from_z(required), &t, NULL, &d) == 0,
		"require_tls_table: %s", d.text))
		return;
	is_int(require_table_rules(t), 5, "rules");
	for (size_t i = 0; i < N(addresses); i++) {
		struct str address = str_from_z(addresses[i].address);

		is_int(require_table_sender(t, &a, address),
		    addresses[i].sender, addresses[i].address);
		is_int(require_table_recipient(t, &a, address),
		    addresses[i].recipient, addresses[i].address);
		ok(!require_table_sender(NULL, &a, address), "no table");
	}
	arena_init(&tiny, 1);
	ok(require_table_sender(t, &tiny, STR("a@other.example")),
	    "without memory it is required");
	arena_fini(&tiny);
	arena_fini(&a);
}

static const struct {
	const char *text, *want;
} require_wrong[] = {
    {"a.example both", "t:1: \"both\": expected sender or recipient"},
    {"a..example", "expected user@example.org"},
    {"@a.example", "expected user@example.org"},
    {"a@b@c..example", "expected user@example.org"},
    {"a@", "expected user@example.org"},
    {"a.example\nA.example recipient", "t:2: \"a.example\" is there already"},
};

static void
test_require_wrong(void)
{
	for (size_t i = 0; i < N(require_wrong); i++) {
		const struct require_table *t = NULL;
		struct diag d = {"", 0};
		struct arena a;
		int err;

		arena_init(&a, MEMORY);
		err = require_table_parse(
		    &a, "t", str_from_z(require_wrong[i].text), &t, NULL, &d);
		ok(err == AVER_CONF && !t &&
			strstr(d.text, require_wrong[i].want),
		    "%s (%s)", require_wrong[i].want, d.text);
		arena_fini(&a);
	}
}

static void
test_files(void)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath at = tmp_in(dir.path, "table");
	const char *path = at.z;
	struct tls_file *f = NULL;
	struct buf errors;
	struct diag d;

	buf_init(&errors, NULL, 10000);
	is_int(tls_file_load(TLS_FILE_POLICY, path, &f, &d), AVER_CONF,
	    "no such file");
	ok(!f && strstr(d.text, "cannot be read: "), "told: %s", d.text);
	tmp_write(path, table, strlen(table));
	ok(tls_file_load(TLS_FILE_POLICY, path, &f, &d) == 0 &&
		tls_table_rules(tls_file_policy(f)) == 10 &&
		!tls_file_require(f),
	    "a policy table");
	tls_file_unref(tls_file_ref(f));
	is_int(tls_table_rules(tls_file_policy(f)), 10, "kept by a reference");
	tls_file_unref(f);
	tls_file_unref(NULL);
	ok(!tls_file_policy(NULL) && !tls_file_require(NULL) &&
		!tls_file_ref(NULL),
	    "no file");
	is_int(tls_file_check(TLS_FILE_POLICY, path, &errors), 0, "checked");
	is_int(tls_file_check(TLS_FILE_REQUIRE, path, &errors), AVER_CONF,
	    "it is no table of the other kind");
	ok(strstr(buf_z(&errors), "/table:3: ") != NULL, "with its lines");
	tmp_write(path, required, strlen(required));
	f = NULL;
	ok(tls_file_load(TLS_FILE_REQUIRE, path, &f, &d) == 0 &&
		require_table_rules(tls_file_require(f)) == 5 &&
		!tls_file_policy(f),
	    "a require table");
	tls_file_unref(f);
	buf_fini(&errors);
	tmpdir_remove(dir.path);
}

/* What aver conf -t says. */
static void
test_conf(void)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath at = tmp_in(dir.path, "conf");
	struct tmppath policy = tmp_in(dir.path, "policy");
	struct tmppath require = tmp_in(dir.path, "require");
	struct conf *c = NULL;
	struct buf text, errors;
	struct diag d = {"", 0};

	buf_init(&text, NULL, 4000);
	buf_init(&errors, NULL, 10000);
	buf_addf(&text,
	    "tls_policy_table = %s\nrequire_tls_table = %s\n"
	    "postfix_version = 3.7\n",
	    policy.z, require.z);
	tmp_write(at.z, text.p, text.n);
	tmp_write(policy.z, table, strlen(table));
	tmp_write(require.z, required, strlen(required));
	if (!ok(conf_load(at.z, &c, &d) == 0, "a configuration: %s", d.text))
		return;
	ok(tls_conf_check(c, &errors) == 0 && errors.n == 0, "all is well");
	tmp_write(policy.z, "a.example no\n", 13);
	tmp_write(require.z, "\na.example no\n", 14);
	is_int(tls_conf_check(c, &errors), AVER_CONF, "both are wrong");
	ok(strstr(buf_z(&errors), "/policy:1: ") &&
		strstr(buf_z(&errors), "/require:2: "),
	    "and both are told: %s", buf_z(&errors));
	unlink(require.z);
	tls_conf_check(c, &errors);
	ok(strstr(buf_z(&errors), "/require: cannot be read: ") != NULL,
	    "a file that is not there");
	conf_unref(c);
	buf_fini(&text);
	buf_fini(&errors);
	tmpdir_remove(dir.path);
}

int
main(void)
{
	test_lookups();
	test_wrong();
	test_all_errors();
	test_many();
	test_require();
	test_require_wrong();
	test_files();
	test_conf();
	return tap_done();
}
