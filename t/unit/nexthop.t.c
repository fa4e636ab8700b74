/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Keys of TLS policy lookups. */

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "t/tap.h"
#include "tlspolicy/nexthop.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define LABEL63 \
	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz12345678901"

static const struct {
	const char *key;
	const char *want; /* "KIND DOMAIN KEY PORT" */
} keys[] = {
    {"example.com", "domain example.com example.com 25"},
    {"Example.COM", "domain example.com example.com 25"},
    {"example.com.", "domain example.com example.com 25"},
    {"localhost", "domain localhost localhost 25"},
    {"_x.example.com", "domain _x.example.com _x.example.com 25"},
    {"b\xc3\xbc"
     "cher.example",
	"domain xn--bcher-kva.example xn--bcher-kva.example 25"},
    {"B\xc3\x9c"
     "cher.Example",
	"domain xn--bcher-kva.example xn--bcher-kva.example 25"},
    {"xn--bcher-kva.example",
	"domain xn--bcher-kva.example xn--bcher-kva.example 25"},
    {"example.com:587", "domain example.com example.com:587 587"},
    {"example.com:smtp", "domain example.com example.com:25 25"},
    {"[mail.example.com]", "host mail.example.com [mail.example.com] 25"},
    {"[Mail.Example.com.]", "host mail.example.com [mail.example.com] 25"},
    {"[mail.example.com]:587",
	"host mail.example.com [mail.example.com]:587 587"},
    {"[mail.example.com]:submission",
	"host mail.example.com [mail.example.com]:587 587"},
    {"[mail.example.com]:smtps",
	"host mail.example.com [mail.example.com]:465 465"},
    {"example.com:mail", "domain example.com example.com:25 25"},
    {"[mail.example.com]:urd",
	"host mail.example.com [mail.example.com]:465 465"},
    {"[192.0.2.1]", "literal  [192.0.2.1] 25"},
    {"[192.0.2.1]:2525", "literal  [192.0.2.1]:2525 2525"},
    {"192.0.2.1", "literal  [192.0.2.1] 25"},
    {"192.0.2.1:26", "literal  [192.0.2.1]:26 26"},
    {"[IPv6:2001:db8:0:0::1]", "literal  [2001:db8::1] 25"},
    {"[ipv6:2001:DB8::1]:587", "literal  [2001:db8::1]:587 587"},
    {"[2001:db8::1]", "literal  [2001:db8::1] 25"},
    {"2001:db8::1", "literal  [2001:db8::1] 25"},
    {".example.com", "parent example.com .example.com 25"},
    {".COM", "parent com .com 25"},
    {".b\xc3\xbc"
     "cher.example",
	"parent xn--bcher-kva.example .xn--bcher-kva.example 25"},
    {".", "parent   25"},
    {"..example.com", "parent   25"},
    {".exa mple", "parent   25"},
    {LABEL63 ".example", "domain " LABEL63 ".example " LABEL63 ".example 25"},
    {"", "invalid   25"},
    {"example..com", "invalid   25"},
    {"example.com..", "invalid   25"},
    {"exa mple.com", "invalid   25"},
    {"example.com ", "invalid   25"},
    {"example.com\n", "invalid   25"},
    {"example.com\r\nOK secure", "invalid   25"},
    {"user@example.com", "invalid   25"},
    {"example.com,example.net", "invalid   25"},
    {"example.com:", "invalid   25"},
    {"example.com:0", "invalid   25"},
    {"example.com:65536", "invalid   25"},
    {"example.com:-1", "invalid   25"},
    {"example.com:http", "invalid   25"},
    {"example.com:25:25", "invalid   25"},
    {"[example.com", "invalid   25"},
    {"example.com]", "invalid   25"},
    {"[example.com]x", "invalid   25"},
    {"[example.com]25", "invalid   25"},
    {"[example.com]:", "invalid   25"},
    {"[example.com]:25x", "invalid   25"},
    {"[[example.com]]", "invalid   25"},
    {"[]", "invalid   25"},
    {"[]:25", "invalid   25"},
    {"[192.0.2.300]", "invalid   25"},
    {"[192.0.2]", "invalid   25"},
    {"192.0.2.1.5", "invalid   25"},
    {"[IPv6:192.0.2.1]", "invalid   25"},
    {"[IPv6:2001:db8::1%eth0]", "invalid   25"},
    {"[2001:db8::1", "invalid   25"},
    {"unix:/var/run/lmtp", "invalid   25"},
    {"*.example.com", "invalid   25"},
    {"exa{mple}.com", "invalid   25"},
    {"\xff\xfe.example", "invalid   25"},
    {"x" LABEL63 ".example", "invalid   25"},
    {"\xe2\x80\xae.example", "invalid   25"},
};

static struct str
shown(struct arena *a, const struct nexthop *n)
{
	struct buf b;

	buf_init(&b, a, 2000);
	buf_addf(&b, "%s %.*s %.*s %u", nexthop_kind_name(n->kind),
	    STRF(n->domain), STRF(n->key), n->port);
	return buf_str(&b);
}

static void
test_keys(void)
{
	for (size_t i = 0; i < N(keys); i++) {
		struct nexthop n, again;
		struct diag d = {"", 0};
		struct arena a;

		arena_init(&a, (size_t)64 << 10);
		is_int(nexthop_parse(&a, str_from_z(keys[i].key), &n, &d), 0,
		    keys[i].want);
		is_str(shown(&a, &n), str_from_z(keys[i].want), keys[i].want);
		ok((n.key.n > 0) != (d.text[0] != 0), "a key, or a reason: %s",
		    d.text);
		if (n.key.n) {
			nexthop_parse(&a, n.key, &again, &d);
			ok(again.kind == n.kind && str_eq(again.key, n.key) &&
				again.port == n.port,
			    "the canonical key is its own");
		}
		arena_fini(&a);
	}
}

static void
test_bounds(void)
{
	static char huge[10 << 20];
	struct nexthop n;
	struct diag d;
	struct arena a;

	memset(huge, 'a', sizeof(huge));
	arena_init(&a, (size_t)64 << 10);
	ok(nexthop_parse(&a, (struct str){huge, sizeof(huge)}, &n, &d) == 0 &&
		n.kind == NEXTHOP_INVALID && n.domain.n == 0,
	    "10 MB");
	is_int(a.taken, 0, "it takes no memory");
	huge[0] = '.';
	nexthop_parse(&a, (struct str){huge, sizeof(huge)}, &n, &d);
	is_int(n.kind, NEXTHOP_PARENT, "10 MB of parent");
	nexthop_parse(&a, STR("a\0.example"), &n, &d);
	is_int(n.kind, NEXTHOP_INVALID, "NUL");
	arena_fini(&a);
	arena_init(&a, 16);
	ok(nexthop_parse(&a, STR("example.com"), &n, &d) == AVER_NOMEM &&
		n.kind == NEXTHOP_INVALID,
	    "out of memory");
	arena_fini(&a);
}

int
main(void)
{
	test_keys();
	test_bounds();
	return tap_done();
}
