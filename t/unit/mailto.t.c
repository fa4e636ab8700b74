/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/err.h"
#include "lib/mail/mailto.h"

#include "t/tap.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define L64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static const struct {
	const char *uri, *local, *domain;
} good[] = {
    {"mailto:a@b.example", "a", "b.example"},
    {"MAILTO:A@B.Example", "A", "b.example"},
    {"mailto:first.last+tag@b.example.", "first.last+tag", "b.example"},
    {"mailto:a%2Bb@c.example", "a+b", "c.example"},
    {"mailto:%61@%62.example", "a", "b.example"},
    {"mailto:a!b%25c@d.example", "a!b%c", "d.example"},
    /* RFC 6068 section 2, 6.1: a quoted string */
    {"mailto:%22a%20b%22@c.example", "\"a b\"", "c.example"},
    {"mailto:%22a%40b%22@c.example", "\"a@b\"", "c.example"},
    {"mailto:%22%5C%22it%5C%22%22@c.example", "\"\\\"it\\\"\"", "c.example"},
    /* header fields and fragments are nobody's business */
    {"mailto:a@b.example?subject=x&bcc=c@d.example", "a", "b.example"},
    {"mailto:a@b.example?", "a", "b.example"},
    {"mailto:a@b.example#c@d.example", "a", "b.example"},
    /* RFC 6068 section 5: UTF-8 */
    {"mailto:caf%C3%A9@b%C3%BCcher.example", "caf\xc3\xa9",
	"xn--bcher-kva.example"},
    {"mailto:" L64 "@b.example", L64, "b.example"},
};

static const struct {
	const char *name, *uri;
	int want;
} bad[] = {
    {"empty", "", AVER_NOTFOUND},
    {"another scheme", "https://a@b.example/", AVER_NOTFOUND},
    {"no colon", "mailto", AVER_NOTFOUND},
    {"nothing", "mailto:", AVER_SYNTAX},
    {"only to in a field", "mailto:?to=a@b.example", AVER_SYNTAX},
    {"no at", "mailto:b.example", AVER_SYNTAX},
    {"no local-part", "mailto:@b.example", AVER_SYNTAX},
    {"no domain", "mailto:a@", AVER_SYNTAX},
    {"two addresses", "mailto:a@b.example,c@d.example", AVER_SYNTAX},
    {"two in one", "mailto:a@b@c.example", AVER_SYNTAX},
    {"one label", "mailto:root@localhost", AVER_SYNTAX},
    {"address literal", "mailto:a@%5B192.0.2.1%5D", AVER_SYNTAX},
    {"cut escape", "mailto:a@b.example%2", AVER_SYNTAX},
    {"bad escape", "mailto:a%zz@b.example", AVER_SYNTAX},
    {"space", "mailto:a b@c.example", AVER_SYNTAX},
    {"escaped space", "mailto:a%20b@c.example", AVER_SYNTAX},
    {"NUL", "mailto:a%00@b.example", AVER_SYNTAX},
    {"line end", "mailto:a%0d%0aRCPT%20TO:x@b.example", AVER_SYNTAX},
    {"line end in quotes", "mailto:%22a%0a%22@b.example", AVER_SYNTAX},
    {"open quote", "mailto:%22a@b.example", AVER_SYNTAX},
    {"behind the quote", "mailto:%22a%22b@c.example", AVER_SYNTAX},
    {"angle brackets", "mailto:%3Ca@b.example%3E", AVER_SYNTAX},
    {"empty atom", "mailto:a..b@c.example", AVER_SYNTAX},
    {"dot first", "mailto:.a@b.example", AVER_SYNTAX},
    {"dot last", "mailto:a.@b.example", AVER_SYNTAX},
    {"no UTF-8", "mailto:%ff@b.example", AVER_SYNTAX},
    {"raw octet", "mailto:caf\xc3\xa9@b.example", AVER_SYNTAX},
    {"local-part of 65", "mailto:a" L64 "@b.example", AVER_SYNTAX},
    {"empty label", "mailto:a@b..example", AVER_SYNTAX},
};

int
main(void)
{
	struct mailto m;
	struct arena a;
	struct diag d;

	arena_init(&a, 65536);
	for (size_t i = 0; i < N(good); i++) {
		int err = mailto_parse(&a, str_from_z(good[i].uri), &m, &d);

		if (!ok(err == 0, "%s: %s", good[i].uri, aver_err_name(err)))
			continue;
		is_str(m.local, str_from_z(good[i].local), good[i].uri);
		is_str(m.domain, str_from_z(good[i].domain), good[i].uri);
		ok(m.address.n == m.local.n + 1 + m.domain.n &&
			m.address.p[m.local.n] == '@' &&
			str_starts(m.address, m.local),
		    "%s: the address", good[i].uri);
	}
	for (size_t i = 0; i < N(bad); i++) {
		m.local = STR("untouched");
		is_int(mailto_parse(&a, str_from_z(bad[i].uri), &m, NULL),
		    bad[i].want, bad[i].name);
		is_str(m.local, STR("untouched"), bad[i].name);
	}
	arena_fini(&a);
	arena_init(&a, 16);
	is_int(mailto_parse(&a, STR("mailto:a@b.example"), &m, NULL),
	    AVER_NOMEM, "no memory");
	arena_fini(&a);
	return tap_done();
}
