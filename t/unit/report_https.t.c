/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/https.h"

#include "lib/base/err.h"
#include "reports/tls_plan.h"
#include "t/tap.h"

static void
test_urls(void)
{
	static const struct {
		const char *uri, *host, *path;
		int port;
	} cases[] = {
	    {"https://a.example/x", "a.example", "/x", 0},
	    {"HTTPS://A.Example/X", "a.example", "/X", 0},
	    {"https://a.example", "a.example", "/", 0},
	    {"https://a.example?d=1", "a.example", "/?d=1", 0},
	    {"https://a.example/?d=1&e=%2C", "a.example", "/?d=1&e=%2C", 0},
	    {"https://a.example:8443/x", "a.example", "/x", 8443},
	    {"https://a.example:/x", "a.example", "/x", 0},
	    {"https://a.example/x#part", "a.example", "/x", 0},
	    {"https://1.2.3.4.a4.example./x", "1.2.3.4.a4.example", "/x", 0},
	    {"https://b\xc3\xbc"
	     "cher.example/x",
		"xn--bcher-kva.example", "/x", 0},
	};
	struct arena a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct https_url u = {.port = -1};
		int err;

		arena_init(&a, 65536);
		err = https_url_parse(&a, str_from_z(cases[i].uri), &u);
		ok(err == 0 && str_eq(u.host, str_from_z(cases[i].host)) &&
			str_eq(u.path, str_from_z(cases[i].path)) &&
			u.port == cases[i].port,
		    "%s", cases[i].uri);
		arena_fini(&a);
	}
}

static void
test_malformed(void)
{
	static const char *const cases[] = {"", "https:", "https://",
	    "http://a.example/", "ftp://a.example/", "mailto:a@a.example",
	    "https://user@a.example/", "https://user:pw@a.example/",
	    "https://127.0.0.1/", "https://127.0.0.1./", "https://2130706433",
	    "https://127.1/", "https://127.0.0.0x1/", "https://0x7f000001/",
	    /* its digits and dots in wide letters */
	    "https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/",
	    "https://127\xe3\x80\x82"
	    "0\xe3\x80\x82"
	    "0\xe3\x80\x82"
	    "1/",
	    "https://[::1]/", "https://[::1]:443/x", "https://a.example:0/",
	    "https://a.example:65536/", "https://a.example:x/", "https:///x",
	    "https://?x", "https://.../", "https://a b.example/",
	    "https://a..example/"};
	struct https_url u;
	struct arena a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		arena_init(&a, 65536);
		ok(https_url_parse(&a, str_from_z(cases[i]), &u) == AVER_SYNTAX,
		    "malformed: %s", cases[i]);
		arena_fini(&a);
	}
}

static void
test_long(void)
{
	static char text[HTTP_PATH_MAX + 100];
	struct https_url u;
	struct arena a;

	memcpy(text, "https://a.example/", 18);
	memset(text + 18, 'x', sizeof(text) - 18);
	arena_init(&a, 65536);
	ok(https_url_parse(&a, (struct str){text, sizeof(text)}, &u) ==
		AVER_SYNTAX,
	    "a path that is too long");
	ok(https_url_parse(&a, (struct str){text, HTTP_PATH_MAX}, &u) == 0,
	    "a long one");
	arena_fini(&a);
}

static void
test_same(void)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
	    {"mailto:a@x.example", "mailto:a@x.example", true},
	    {"mailto:a@x.example,mailto:b@x.example",
		"mailto:b@x.example,mailto:a@x.example", true},
	    {"mailto:a@x.example,ftp://x/", "mailto:a@x.example", true},
	    {"mailto:a@x.example,mailto:b@x.example", "mailto:a@x.example",
		false},
	    {"mailto:a@x.example", "mailto:a@x.example,mailto:b@x.example",
		false},
	    {"mailto:a@x.example", "https://x.example/", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tlsrpt_record r[2];
		struct arena a;
		bool good = true;

		arena_init(&a, 65536);
		for (int k = 0; k < 2; k++) {
			struct str rua =
			    str_from_z(k ? cases[i].b : cases[i].a);
			struct str text =
			    arena_cat(&a, STR("v=TLSRPTv1; rua="), rua);

			good &= tlsrpt_record_parse(&a, text, &r[k], NULL) == 0;
		}
		ok(good && tls_same_rua(&r[0], &r[1]) == cases[i].same,
		    "%s and %s", cases[i].a, cases[i].b);
		arena_fini(&a);
	}
}

int
main(void)
{
	test_urls();
	test_malformed();
	test_long();
	test_same();
	return tap_done();
}
