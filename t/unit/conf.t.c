/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/conf.h"
#include "lib/conf/check.h"
#include "lib/conf/params.h"
#include "lib/conf/value.h"

/* The test cannot go on. */
static void
bail(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

/* Text of aver.conf and the lines `aver conf -n` makes of it. */
static const struct {
	const char *name;
	struct str text;
	const char *changed;
} good[] = {
    {"an empty file", STR_INIT(""), ""},
    {"a setting", STR_INIT("spf_helo = no\n"), "spf_helo = no\n"},
    {"without spaces and newline", STR_INIT("spf_helo=no"), "spf_helo = no\n"},
    {"white space around", STR_INIT("spf_helo\t =  \t no \t\n"),
	"spf_helo = no\n"},
    {"CRLF", STR_INIT("spf_helo = no\r\n\r\n# x\r\nuser = mail\r\n"),
	"user = mail\nspf_helo = no\n"},
    {"comments and empty lines",
	STR_INIT("# one\n\n \t\n   # two\nuser = mail\n#three = 3"),
	"user = mail\n"},
    {"continuation",
	STR_INIT("trusted_networks = 192.0.2.0/24\n\t2001:db8::/32,\n"
		 "# between\n\n  198.51.100.7\nuser=mail"),
	"user = mail\ntrusted_networks = 192.0.2.0/24 [2001:db8::]/32 "
	"198.51.100.7/32\n"},
    {"continuation after the equals sign",
	STR_INIT("dns_servers =\n 127.0.0.1\n ::1@53\n"),
	"dns_servers = 127.0.0.1 ::1@53\n"},
    {"servers in brackets",
	STR_INIT("dns_servers = [2001:db8::53]@5353,[::1] 192.0.2.53"),
	"dns_servers = [2001:db8::53]@5353 [::1] 192.0.2.53\n"},
    {"an empty value", STR_INIT("user =\ntrusted_networks=\n"),
	"user =\ntrusted_networks =\n"},
    {"the default, named", STR_INIT("spf_max_void = 2\n"), ""},
    {"the default in other words", STR_INIT("dkim_clock_drift = 300\n"), ""},
    {"an equals sign in the value", STR_INIT("state_directory = /a=b\n"),
	"state_directory = /a=b\n"},
    {"capitals in words", STR_INIT("dmarc_reject_action = Reject\n"),
	"dmarc_reject_action = reject\n"},
    {"capitals in yes and no", STR_INIT("received_spf = YES\n"),
	"received_spf = yes\n"},
    {"a space before the unit", STR_INIT("dns_timeout = 2 s\n"),
	"dns_timeout = 2s\n"},
    {"milliseconds by default", STR_INIT("dns_timeout = 2000\n"),
	"dns_timeout = 2s\n"},
    {"seconds by default", STR_INIT("dns_max_ttl = 90\n"),
	"dns_max_ttl = 90s\n"},
    {"no time", STR_INIT("dns_max_ttl = 0h\n"), "dns_max_ttl = 0s\n"},
    {"milliseconds that are seconds", STR_INIT("dns_max_ttl = 9000ms\n"),
	"dns_max_ttl = 9s\n"},
    {"days", STR_INIT("dns_max_ttl = 168h\n"), "dns_max_ttl = 7d\n"},
    {"sizes", STR_INIT("max_header_octets = 1024K\nstore_ring_size = 1g"),
	"max_header_octets = 1M\nstore_ring_size = 1G\n"},
    {"octets", STR_INIT("max_header_octets = 65537"),
	"max_header_octets = 65537\n"},
    {"octal", STR_INIT("milter_socket_mode = 666"),
	"milter_socket_mode = 0666\n"},
    {"octal zero", STR_INIT("milter_socket_mode = 0"),
	"milter_socket_mode = 0000\n"},
    {"listen to inet", STR_INIT("milter_listen = inet:localhost:8891"),
	"milter_listen = inet:localhost:8891\n"},
    {"listen to IPv6", STR_INIT("milter_listen = inet:[::1]:8891"),
	"milter_listen = inet:[::1]:8891\n"},
    {"a mapped network is IPv4",
	STR_INIT("trusted_networks = ::ffff:192.0.2.0/120"),
	"trusted_networks = 192.0.2.0/24\n"},
    {"networks with brackets",
	STR_INIT("trusted_networks = [2001:db8::1],[192.0.2.0]/24"),
	"trusted_networks = [2001:db8::1]/128 192.0.2.0/24\n"},
    {"everything", STR_INIT("trusted_networks = 0.0.0.0/0 ::/0"),
	"trusted_networks = 0.0.0.0/0 [::]/0\n"},
    {"only commas", STR_INIT("trusted_networks = , ,"), "trusted_networks =\n"},
};

#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10
#define A1000 A100 A100 A100 A100 A100 A100 A100 A100 A100 A100

static const struct {
	const char *name;
	struct str text;
	const char *want;
} wrong[] = {
    {"unknown name", STR_INIT("\nno_such_thing = 1\n"),
	"f:2: parameter no_such_thing: there is none of this name; expected "
	"one of aver.conf(5)"},
    {"misspelt name", STR_INIT("dmarc_reject_acton = reject"),
	"f:1: parameter dmarc_reject_acton: there is none of this name; did "
	"you mean dmarc_reject_action?"},
    {"name in capitals", STR_INIT("User = x"),
	"f:1: parameter User: there is none of this name; did you mean "
	"user?"},
    {"a very long name", STR_INIT(A1000 " = x"),
	"f:1: parameter " A10 A10 A10 A10
	": there is none of this name; expected one of aver.conf(5)"},
    {"octets above 127 in a name", STR_INIT("us\xc3\xa9r = x"),
	"f:1: parameter us??r: there is none of this name; expected one of "
	"aver.conf(5)"},
    {"no equals sign", STR_INIT("user aver"),
	"f:1: \"user aver\" has no \"=\"; expected name = value"},
    {"no name", STR_INIT("= aver"),
	"f:1: there is no name before \"=\"; expected name = value"},
    {"twice", STR_INIT("user = a\n#\nuser = a\n"),
	"f:3: parameter user: set a second time; the first is in line 1"},
    {"comment behind", STR_INIT("spf_helo = no # because"),
	"f:1: parameter spf_helo: there is a \"#\" after the value; expected "
	"comments in lines of their own"},
    {"comment for a value", STR_INIT("authserv_id = # none"),
	"f:1: parameter authserv_id: there is a \"#\" after the value; "
	"expected comments in lines of their own"},
    {"comment behind a continuation", STR_INIT("spf_helo =\n  no\t#because"),
	"f:1: parameter spf_helo: there is a \"#\" after the value; expected "
	"comments in lines of their own"},
    {"NUL", STR_INIT("user = a\nspf_\0helo = no"),
	"f:2: there is a control octet (0x00) in column 5; expected text"},
    {"NUL in a continuation", STR_INIT("user = a\n \0"),
	"f:2: there is a control octet (0x00) in column 2; expected text"},
    {"ESC", STR_INIT("user = \x1b[2J"),
	"f:1: there is a control octet (0x1b) in column 8; expected text"},
    {"CR in the line", STR_INIT("user = a\rspf_helo = no\n"),
	"f:1: there is a control octet (0x0d) in column 9; expected text"},
    {"white space at the start", STR_INIT("# x\n user = a"),
	"f:2: white space at the start of the first setting; only a line "
	"that continues another begins so"},
    {"the error of a continued line is at its start",
	STR_INIT("user = a\nspf_helo =\n\n  maybe\n"),
	"f:2: parameter spf_helo: \"maybe\" is neither yes nor no; expected "
	"yes or no"},
    {"bool", STR_INIT("spf_helo = true"),
	"f:1: parameter spf_helo: \"true\" is neither yes nor no; expected "
	"yes or no"},
    {"bool without value", STR_INIT("spf_helo ="),
	"f:1: parameter spf_helo: there is no value; expected yes or no"},
    {"word", STR_INIT("dmarc_reject_action = hold"),
	"f:1: parameter dmarc_reject_action: \"hold\" is no word known here; "
	"expected accept, header, quarantine, tempfail or reject"},
    {"word of two", STR_INIT("dmarc_discovery = tree"),
	"f:1: parameter dmarc_discovery: \"tree\" is no word known here; "
	"expected treewalk or psl"},
    {"number", STR_INIT("spf_max_lookups = ten"),
	"f:1: parameter spf_max_lookups: \"ten\" is not a number; expected a "
	"number from 1 to 50"},
    {"negative number", STR_INIT("spf_max_lookups = -1"),
	"f:1: parameter spf_max_lookups: \"-1\" is not a number; expected a "
	"number from 1 to 50"},
    {"number above", STR_INIT("spf_max_lookups = 51"),
	"f:1: parameter spf_max_lookups: \"51\" is too large; expected a "
	"number from 1 to 50"},
    {"number below", STR_INIT("spf_max_lookups = 0"),
	"f:1: parameter spf_max_lookups: \"0\" is too small; expected a "
	"number from 1 to 50"},
    {"number far above", STR_INIT("spf_max_lookups = 18446744073709551617"),
	"f:1: parameter spf_max_lookups: \"18446744073709551617\" is not a "
	"number; expected a number from 1 to 50"},
    {"RSA below the floor", STR_INIT("dkim_min_rsa_bits = 768"),
	"f:1: parameter dkim_min_rsa_bits: \"768\" is too small; expected a "
	"number from 1024 to 4096"},
    {"octal", STR_INIT("milter_socket_mode = 0668"),
	"f:1: parameter milter_socket_mode: \"0668\" is not an octal number; "
	"expected an octal number from 0000 to 0777"},
    {"octal above", STR_INIT("milter_socket_mode = 1777"),
	"f:1: parameter milter_socket_mode: \"1777\" is too large; expected "
	"an octal number from 0000 to 0777"},
    {"octal without value", STR_INIT("milter_socket_mode = "),
	"f:1: parameter milter_socket_mode: there is no value; expected an "
	"octal number from 0000 to 0777"},
    {"time", STR_INIT("message_deadline = 20 sec"),
	"f:1: parameter message_deadline: \"20 sec\" is not a time; expected "
	"a time from 1s to 4m"},
    {"time with a fraction", STR_INIT("message_deadline = 1500ms"),
	"f:1: parameter message_deadline: \"1500ms\" is not a whole number "
	"of seconds; expected a time from 1s to 4m"},
    {"time above", STR_INIT("message_deadline = 1h"),
	"f:1: parameter message_deadline: \"1h\" is too large; expected a "
	"time from 1s to 4m"},
    {"time that overflows", STR_INIT("dns_max_ttl = 10000000001d"),
	"f:1: parameter dns_max_ttl: \"10000000001d\" is not a time; "
	"expected a time from 0s to 7d"},
    {"time near overflow", STR_INIT("dns_max_ttl = 10000000000d"),
	"f:1: parameter dns_max_ttl: \"10000000000d\" is too large; expected "
	"a time from 0s to 7d"},
    {"size", STR_INIT("store_ring_size = 4MB"),
	"f:1: parameter store_ring_size: \"4MB\" is not a size; expected a "
	"size from 256k to 1G"},
    {"size below", STR_INIT("store_ring_size = 4k"),
	"f:1: parameter store_ring_size: \"4k\" is too small; expected a "
	"size from 256k to 1G"},
    {"relative path", STR_INIT("state_directory = var/lib"),
	"f:1: parameter state_directory: \"var/lib\" is not usable here; "
	"expected an absolute path"},
    {"path without value", STR_INIT("state_directory ="),
	"f:1: parameter state_directory: there is no value; expected an "
	"absolute path"},
    {"path too long", STR_INIT("state_directory = /" A1000 A100),
	"f:1: parameter state_directory: \"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaa...\" is not usable here; expected an absolute path"},
    {"name with a space", STR_INIT("authserv_id = a b"),
	"f:1: parameter authserv_id: \"a b\" is not usable here; expected a "
	"name without spaces, or nothing"},
    {"user", STR_INIT("user = -x"),
	"f:1: parameter user: \"-x\" is not usable here; expected a user "
	"name, or nothing"},
    {"store", STR_INIT("store = mysql:/x"),
	"f:1: parameter store: \"mysql:/x\" is not usable here; expected "
	"sqlite:/PATH or redis://HOST"},
    {"network", STR_INIT("trusted_networks = 10.0.0.0/8 10.0.0.256"),
	"f:1: parameter trusted_networks: \"10.0.0.256\" is not a network; "
	"expected networks such as 192.0.2.0/24 or [2001:db8::]/32"},
    {"network prefix too long", STR_INIT("trusted_networks = 10.0.0.0/33"),
	"f:1: parameter trusted_networks: \"10.0.0.0/33\" is not a network; "
	"expected networks such as 192.0.2.0/24 or [2001:db8::]/32"},
    {"network with host bits", STR_INIT("trusted_networks = 10.0.0.1/8"),
	"f:1: parameter trusted_networks: \"10.0.0.1/8\" is no network: bits "
	"are set beyond its prefix; expected networks such as 192.0.2.0/24 "
	"or [2001:db8::]/32"},
    {"bracket without end", STR_INIT("trusted_networks = [::1/128"),
	"f:1: parameter trusted_networks: \"[::1/128\" is not a network; "
	"expected networks such as 192.0.2.0/24 or [2001:db8::]/32"},
    {"text in brackets too long",
	STR_INIT("trusted_networks = [::1]/" A10 A10 A10 A10 A10 A10 A10),
	"f:1: parameter trusted_networks: \"[::1]/" A10 A10 A10 "aaaa"
	"...\" is not a network; expected networks such as 192.0.2.0/24 or "
	"[2001:db8::]/32"},
    {"servers mixed with a word", STR_INIT("dns_servers = system 127.0.0.1"),
	"f:1: parameter dns_servers: \"system 127.0.0.1\" is not usable here; "
	"expected system, recursive, or addresses such as 127.0.0.1 or "
	"2001:db8::53@5353"},
    {"port 0", STR_INIT("dns_servers = 127.0.0.1@0"),
	"f:1: parameter dns_servers: \"127.0.0.1@0\" is not usable here; "
	"expected "
	"system, recursive, or addresses such as 127.0.0.1 or "
	"2001:db8::53@5353"},
    {"IPv4 in brackets", STR_INIT("dns_servers = [127.0.0.1]"),
	"f:1: parameter dns_servers: \"[127.0.0.1]\" is not usable here; "
	"expected "
	"system, recursive, or addresses such as 127.0.0.1 or "
	"2001:db8::53@5353"},
    {"only a bracket", STR_INIT("dns_servers = ["),
	"f:1: parameter dns_servers: \"[\" is not usable here; expected "
	"system, recursive, or addresses such as 127.0.0.1 or "
	"2001:db8::53@5353"},
    {"a name for a server", STR_INIT("dns_servers = dns.example"),
	"f:1: parameter dns_servers: \"dns.example\" is not usable here; "
	"expected "
	"system, recursive, or addresses such as 127.0.0.1 or "
	"2001:db8::53@5353"},
    {"comment as one of a list", STR_INIT("trusted_networks = ::1 #, x"),
	"f:1: parameter trusted_networks: there is a \"#\" after the value; "
	"expected comments in lines of their own"},
};

static const struct {
	const char *text;
	bool want;
} listens[] = {
    {"unix:/run/x", true},
    {"inet:127.0.0.1:8891", true},
    {"inet:mx.example:1", true},
    {"inet:[2001:db8::1]:65535", true},
    {"unix:relative", false},
    {"unix:", false},
    {"unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	false},
    {"inet:8891@127.0.0.1", false},
    {"inet:127.0.0.1", false},
    {"inet::8891", false},
    {"inet:127.0.0.1:0", false},
    {"inet:127.0.0.1:65536", false},
    {"inet:::1:8891", false},
    {"inet:[::1:8891", false},
    {"inet:[:8891", false},
    {"inet:[]:8891", false},
    {"inet:[127.0.0.1]:8891", false},
    {"inet:a b:8891", false},
    {"local:/x", false},
    {"", false},
};

static struct conf *
must_parse(const char *text)
{
	struct conf *c = NULL;
	struct diag d = {0};

	if (conf_parse("f", str_from_z(text), &c, &d))
		bail(d.text);
	return c;
}

static void
print_again(const char *name, const struct conf *c)
{
	struct conf *again = NULL;
	struct buf all, second;
	struct diag d = {0};

	buf_init(&all, NULL, 1 << 20);
	buf_init(&second, NULL, 1 << 20);
	conf_print_help(&all, c, CONF_PRINT_ALL);
	is_int(conf_parse("f", buf_str(&all), &again, &d), 0, d.text);
	if (again)
		conf_print_help(&second, again, CONF_PRINT_ALL);
	ok(buf_ok(&all) && str_eq(buf_str(&all), buf_str(&second)),
	    "%s: printed, read and printed again", name);
	conf_unref(again);
	buf_fini(&all);
	buf_fini(&second);
}

static void
test_good(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct conf *c = NULL;
		struct diag d = {0};
		struct buf b;

		buf_init(&b, NULL, 1 << 20);
		if (is_int(
			conf_parse("f", good[i].text, &c, &d), 0, good[i].name))
			conf_print(&b, c, CONF_PRINT_CHANGED);
		else
			printf("# %s\n", d.text);
		is_str(buf_str(&b), str_from_z(good[i].changed), good[i].name);
		if (c)
			print_again(good[i].name, c);
		conf_unref(c);
		buf_fini(&b);
	}
}

static void
test_wrong(void)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct conf *c = NULL;
		struct diag d = {0};

		is_int(conf_parse("f", wrong[i].text, &c, &d), AVER_CONF,
		    wrong[i].name);
		ok(!c, "%s: nothing is given", wrong[i].name);
		is_str(str_from_z(d.text), str_from_z(wrong[i].want),
		    wrong[i].name);
	}
}

/* Each default is written as it is printed, and is in its own range. */
static void
test_defaults(void)
{
	struct conf *c = must_parse("");
	struct buf b, none;
	const struct param *p;

	buf_init(&b, NULL, 1 << 16);
	buf_init(&none, NULL, 1 << 16);
	for (size_t i = 0; (p = params_at(i)); i++) {
		buf_clear(&b);
		value_print(&b, p, c);
		is_str(buf_str(&b), str_from_z(p->fallback), p->name);
		ok(p->help && *p->help, "%s: has help", p->name);
		buf_clear(&b);
		value_expected(&b, p);
		ok(b.n > 0, "%s: %s", p->name, buf_z(&b));
		ok(params_find(str_from_z(p->name)) == p, "%s: is there once",
		    p->name);
		ok(params_nearest(str_from_z(p->name)) == p,
		    "%s: is nearest to itself", p->name);
	}
	conf_print(&none, c, CONF_PRINT_CHANGED);
	is_int(none.n, 0, "nothing differs from the defaults");
	is_int(c->log_facility, LOG_MAIL, "log_facility");
	is_int(c->log_level, LOG_LVL_INFO, "log_level");
	is_int(c->dmarc_reject_action, CONF_QUARANTINE,
	    "RFC 9989 section 7.4: p=reject alone does not reject");
	is_int(c->dns_timeout, 5000, "dns_timeout counts milliseconds");
	is_int(c->message_deadline, 20, "message_deadline counts seconds");
	is_int(c->milter_socket_mode, 0660, "milter_socket_mode");
	is_int(c->store_ring_size, 4 << 20, "store_ring_size counts octets");
	conf_unref(c);
	buf_fini(&b);
	buf_fini(&none);
}

static void
test_nets(void)
{
	static const struct {
		const char *ip;
		bool want;
	} rows[] = {
	    {"192.0.2.255", true},
	    {"192.0.3.0", false},
	    {"::ffff:192.0.2.1", true},
	    {"2001:db8:1::", true},
	    {"2001:db9::", false},
	    {"::1", false},
	    {"127.0.0.1", false},
	};
	struct conf *c =
	    must_parse("trusted_networks = 192.0.2.0/24 2001:db8::/32");
	struct conf_nets none = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip ip;

		ok(ip_parse(str_from_z(rows[i].ip), &ip), "%s", rows[i].ip);
		is_int(conf_nets_match(&c->trusted_networks, &ip), rows[i].want,
		    rows[i].ip);
		ok(!conf_nets_match(&none, &ip), "%s: in no list", rows[i].ip);
	}
	conf_unref(c);
}

static void
test_listen(void)
{
	for (size_t i = 0; i < sizeof(listens) / sizeof(listens[0]); i++)
		is_int(check_listen(str_from_z(listens[i].text)),
		    listens[i].want, listens[i].text);
}

static void
test_more_checks(void)
{
	ok(check_listen_list(STR("unix:/a inet:localhost:25")), "two sockets");
	ok(check_listen_list(STR("inet:[::1]:25")), "one socket");
	ok(!check_listen_list(STR("")), "no socket");
	ok(!check_listen_list(STR("unix:/a b")), "one that is none");
	ok(check_version_or_auto(STR("auto")), "auto");
	ok(check_version_or_auto(STR("3.12-20260821")), "a snapshot");
	ok(check_version_or_auto(STR("3.7")), "a version");
	ok(!check_version_or_auto(STR("")), "no version");
	ok(!check_version_or_auto(STR("3")), "half a version");
	ok(!check_version_or_auto(STR("Postfix 3.7")), "a name");
	ok(check_level_or_auto(STR("auto")), "auto");
	ok(check_level_or_auto(STR("dane-only")), "a level");
	ok(!check_level_or_auto(STR("")), "no level");
	ok(!check_level_or_auto(STR("strong")), "no level either");
	ok(check_field_name_or_empty(STR("")), "no field");
	ok(check_field_name_or_empty(STR("X-Aver-TLS-Required")), "a field");
	ok(!check_field_name_or_empty(STR("Subject")), "one that others use");
	ok(!check_field_name_or_empty(STR("X-")), "half a name");
	ok(!check_field_name_or_empty(STR("X-a:b")), "a colon");
}

static void
test_restart(void)
{
	struct conf *a = must_parse("user = a\nspf_helo = yes\n");
	struct conf *b = must_parse("spf_helo = no\nstore_ring_size = 1M\n");
	struct buf names;

	buf_init(&names, NULL, 1024);
	conf_restart_wanted(&names, a, a);
	is_int(names.n, 0, "the same needs no restart");
	conf_restart_wanted(&names, a, b);
	is_str(buf_str(&names), STR("user store_ring_size"),
	    "these need a restart");
	buf_fini(&names);
	conf_unref(a);
	conf_unref(b);
}

static void
test_print_one(void)
{
	struct conf *c = must_parse("user = x");
	struct buf b;

	buf_init(&b, NULL, 65536);
	is_int(conf_print_one(&b, c, STR("user")), 0, "one parameter");
	is_str(buf_str(&b), STR("user = x\n"), "one parameter's line");
	is_int(conf_print_one(&b, c, STR("users")), AVER_NOTFOUND,
	    "one that there is not");
	buf_clear(&b);
	conf_print(&b, NULL, CONF_PRINT_DEFAULTS);
	ok(str_contains_ci(buf_str(&b), STR("\nuser = aver\n")),
	    "defaults are printed without a configuration");
	buf_fini(&b);
	buf_init(&b, NULL, 10);
	conf_print(&b, c, CONF_PRINT_ALL);
	ok(!buf_ok(&b), "a buffer that is too small says so");
	buf_fini(&b);
	conf_unref(c);
}

static void
test_manual(void)
{
	struct buf b;
	const struct param *p;

	buf_init(&b, NULL, 1 << 20);
	conf_manual(&b);
	for (size_t i = 0; (p = params_at(i)); i++) {
		char item[100];

		snprintf(item, sizeof(item), "\n.It Ic %s ", p->name);
		ok(str_contains_ci(buf_str(&b), str_from_z(item)),
		    "%s: is in the manual", p->name);
	}
	buf_fini(&b);
}

static void
write_file(const char *path, struct str text)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(text.p, 1, text.n, f) != text.n || fclose(f) != 0)
		bail(path);
}

static void
load_fails(const char *path, const char *want, const char *name)
{
	struct conf *c = NULL;
	struct diag d = {0};

	is_int(conf_load(path, &c, &d), AVER_CONF, name);
	is_str(str_from_z(d.text), str_from_z(want), name);
	ok(!c, "%s: nothing is given", name);
}

/* 0 when the usual place, named, may be without a file. */
static int
load_usual_place(void)
{
	const char *path = conf_default_path();
	struct conf *c = NULL;
	struct diag d = {0};
	struct buf b;

	if (conf_load(path, &c, &d) || strcmp(c->path, path) != 0)
		return 1;
	conf_unref(c);
	buf_init(&b, NULL, 4096);
	if (conf_check(path, &b) || b.n)
		return 2;
	buf_fini(&b);
	return conf_load("/missing.conf", &c, &d) == AVER_CONF ? 0 : 3;
}

/* Units name it, and a site that changes nothing has none. */
static void
test_usual_place(const char *dir)
{
	int status = -1;
	pid_t pid;

	/* this machine may have one */
	if (geteuid() != 0 && access(conf_default_path(), F_OK) == 0) {
		skip("no file at the usual place", "there is one; not root");
		return;
	}
	pid = fork();
	if (pid == 0)
		_exit(geteuid() == 0 && (chroot(dir) < 0 || chdir("/") < 0)
			  ? 4
			  : load_usual_place());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		bail("fork");
	is_int(status, 0, "no file at the usual place");
}

static void
test_files(const char *dir)
{
	struct conf *c = NULL;
	struct diag d = {0};
	size_t n = ((size_t)1 << 20) + 1;
	char *big = malloc(n);
	char path[128];

	if (chdir(dir) < 0 || !big)
		bail(dir);
	write_file("good.conf", STR("user = mail\n"));
	is_int(conf_load("good.conf", &c, &d), 0, "a file");
	ok(c && strcmp(c->path, "good.conf") == 0, "knows its path");
	conf_unref(conf_ref(c));
	ok(c && strcmp(c->user, "mail") == 0, "lives after one unref of two");
	conf_unref(c);
	load_fails("missing.conf",
	    "missing.conf: cannot be read: No such file or directory",
	    "a missing file");
	load_fails(".", ".: cannot be read: Is a directory", "a directory");
	load_fails("good.conf/x",
	    "good.conf/x: cannot be read: Not a directory", "below a file");
	memset(big, '#', n);
	write_file("big.conf", (struct str){big, n});
	load_fails("big.conf",
	    "big.conf: the file is too large; expected at most 1048576 "
	    "octets",
	    "a file too large");
	write_file("long.conf", (struct str){big, n - 1});
	is_int(conf_load("long.conf", &c, &d), 0, "a long comment");
	conf_unref(c);
	memset(big, 'x', n);
	write_file("long.conf", (struct str){big, n - 1});
	load_fails("long.conf",
	    "long.conf:1: the line is too long; expected at most 8192 octets "
	    "(a line that begins with a space continues the one before)",
	    "a long line");
	is_int(conf_parse("f", (struct str){big, n}, &c, &d), AVER_CONF,
	    "a text too large");
	snprintf(path, sizeof(path), "./%0100d", 7);
	write_file(path, STR("spf_helo = maybe\n"));
	load_fails(path,
	    "...0000000000000000000000000000000000000007:1: parameter "
	    "spf_helo: \"maybe\" is neither yes nor no; expected yes or no",
	    "a long file name");
	free(big);
}

static void
test_long_list(void)
{
	struct conf *c;
	struct buf b;

	buf_init(&b, NULL, 1 << 20);
	buf_add_z(&b, "trusted_networks =");
	for (unsigned i = 0; i < 10000; i++)
		buf_addf(&b, "\n 10.0.%u.%u", i / 256, i % 256);
	c = must_parse(buf_z(&b));
	is_int(c->trusted_networks.n, 10000, "a list of 10000 networks");
	print_again("a long list", c);
	conf_unref(c);
	buf_fini(&b);
}

/* All errors of a file, each with its line, and an end to them. */
static void
test_check(void)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 20);
	write_file("bad.conf",
	    STR("user = a\nuser = b\n \0\nspf_helo\n  = maybe\n"
		"  continued\nnonsense\ndkim_accept_partial = no\n"
		"\x01\x02\n continuation of it\nspf_max_void = 99\n"));
	is_int(conf_check("bad.conf", &b), AVER_CONF, "all errors");
	is_str(buf_str(&b),
	    STR("bad.conf:3: there is a control octet (0x00) in column 2; "
		"expected text\n"
		"bad.conf:4: parameter spf_helo: \"maybe continued\" is "
		"neither yes nor no; expected yes or no\n"
		"bad.conf:7: \"nonsense\" has no \"=\"; expected name = "
		"value\n"
		"bad.conf:9: there is a control octet (0x01) in column 1; "
		"expected text\n"
		"bad.conf:11: parameter spf_max_void: \"99\" is too large; "
		"expected a number from 0 to 50\n"),
	    "all errors, in order");
	buf_clear(&b);
	write_file("bad.conf", STR("user = mail\n"));
	is_int(conf_check("bad.conf", &b), 0, "no errors");
	is_int(b.n, 0, "no errors, no text");
	for (int i = 0; i < 1000; i++)
		buf_add_z(&b, "x\n");
	write_file("bad.conf", buf_str(&b));
	buf_clear(&b);
	is_int(conf_check("bad.conf", &b), AVER_CONF, "1000 errors");
	ok(str_ends_ci(buf_str(&b), STR("\nbad.conf: too many errors\n")),
	    "the end of many errors");
	ok(str_contains_ci(buf_str(&b), STR("bad.conf:100:")) &&
		!str_contains_ci(buf_str(&b), STR("bad.conf:101:")),
	    "100 errors are shown");
	buf_clear(&b);
	is_int(conf_check("missing.conf", &b), AVER_CONF, "missing file");
	is_str(buf_str(&b),
	    STR("missing.conf: cannot be read: No such file or directory\n"),
	    "missing file's message");
	buf_fini(&b);
}

int
main(void)
{
	char dir[] = "/tmp/aver-conf-XXXXXX";
	static const char *const files[] = {
	    "good.conf", "big.conf", "long.conf", "bad.conf"};
	char path[128];

	test_good();
	test_wrong();
	test_defaults();
	test_nets();
	test_listen();
	test_more_checks();
	test_restart();
	test_print_one();
	test_manual();
	test_long_list();
	if (!mkdtemp(dir))
		bail("mkdtemp");
	test_usual_place(dir);
	test_files(dir);
	test_check();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	snprintf(path, sizeof(path), "./%0100d", 7);
	unlink(path);
	ok(rmdir(dir) == 0, "no files are left");
	return tap_done();
}
