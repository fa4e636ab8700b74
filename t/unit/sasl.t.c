/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The client's mechanisms against libgsasl's server. */
#include <gsasl.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/smtp/sasl.h"
#include "t/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ALL                                                                \
	"PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 " \
	"SCRAM-SHA-256-PLUS "

/* ---- the choice ----------------------------------------------------- */

static const struct {
	struct str offered, named, binding;
	bool authenticated;
	int err;
	const char *want;
} choices[] = {
    {STR_INIT(ALL), STR_INIT(""), STR_INIT("x"), true, 0, "SCRAM-SHA-256-PLUS"},
    {STR_INIT(ALL), STR_INIT(""), STR_INIT(""), true, 0, "SCRAM-SHA-256"},
    {STR_INIT(ALL), STR_INIT("scram-sha-1"), STR_INIT("x"), true, 0,
	"SCRAM-SHA-1"},
    {STR_INIT(ALL), STR_INIT("SCRAM-SHA-1-PLUS"), STR_INIT(""), true,
	AVER_NOTFOUND, NULL},
    {STR_INIT("PLAIN SCRAM-SHA-1 "), STR_INIT(""), STR_INIT("x"), true, 0,
	"SCRAM-SHA-1"},
    {STR_INIT("PLAIN CRAM-MD5 "), STR_INIT(""), STR_INIT(""), false, 0,
	"CRAM-MD5"},
    {STR_INIT("PLAIN "), STR_INIT(""), STR_INIT(""), true, 0, "PLAIN"},
    {STR_INIT("PLAIN "), STR_INIT(""), STR_INIT(""), false, AVER_NOTFOUND,
	NULL},
    {STR_INIT("PLAIN "), STR_INIT("PLAIN"), STR_INIT(""), false, AVER_NOTFOUND,
	NULL},
    {STR_INIT("LOGIN NTLM GSSAPI "), STR_INIT(""), STR_INIT(""), true,
	AVER_NOTFOUND, NULL},
    {STR_INIT("PLAINER XPLAIN SCRAM-SHA-256X "), STR_INIT(""), STR_INIT(""),
	true, AVER_NOTFOUND, NULL},
    {STR_INIT(""), STR_INIT(""), STR_INIT(""), true, AVER_NOTFOUND, NULL},
    {STR_INIT(ALL), STR_INIT("LOGIN"), STR_INIT(""), true, AVER_CONF, NULL},
    {STR_INIT(ALL), STR_INIT("EXTERNAL"), STR_INIT(""), true, AVER_CONF, NULL},
};

static void
test_choices(void)
{
	for (size_t i = 0; i < COUNT(choices); i++) {
		struct sasl_want w = {.user = STR("u"),
		    .password = STR("p"),
		    .host = STR("h"),
		    .offered = choices[i].offered,
		    .named = choices[i].named,
		    .binding = choices[i].binding,
		    .authenticated = choices[i].authenticated};
		struct diag d = {.text = ""};
		const char *name = NULL;
		struct sasl *s = NULL;

		is_int(sasl_open(&w, &s, &name, &d), choices[i].err, "choice");
		is_str(str_from_z(name), str_from_z(choices[i].want), "of");
		ok(choices[i].err == 0 || d.text[0], "why not: %s", d.text);
		sasl_close(s);
	}
	ok(sasl_available() && sasl_known(STR("plain")) &&
		!sasl_known(STR("LOGIN")) && !sasl_known(STR("")),
	    "what is known");
}

/* ---- the exchange --------------------------------------------------- */

static const char *password, *binding;

static int
on_property(Gsasl *ctx, Gsasl_session *s, Gsasl_property what)
{
	(void)ctx;
	switch ((int)what) {
	case GSASL_PASSWORD:
		return gsasl_property_set(s, what, password);
	case GSASL_CB_TLS_EXPORTER:
		return binding ? gsasl_property_set(s, what, binding)
			       : GSASL_NO_CALLBACK;
	case GSASL_SCRAM_ITER:
		return gsasl_property_set(s, what, "4096");
	case GSASL_HOSTNAME:
		return gsasl_property_set(s, what, "h.example");
	case GSASL_SERVICE:
		return gsasl_property_set(s, what, "smtp");
	case GSASL_VALIDATE_SIMPLE:
		return strcmp(gsasl_property_fast(s, GSASL_AUTHID), "joe") ||
			       strcmp(gsasl_property_fast(s, GSASL_PASSWORD),
				   password)
			   ? GSASL_AUTHENTICATION_ERROR
			   : GSASL_OK;
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* True when both ends are content. */
static bool
exchange(struct sasl *s, Gsasl_session *server, bool client_first)
{
	struct buf line;
	struct diag d;
	char *challenge = NULL;
	bool good = true, served = false;

	buf_init(&line, NULL, 4096);
	for (int i = 0; i < 10 && good && !(served && sasl_done(s)); i++) {
		if (i || client_first)
			good =
			    sasl_step(s, i ? challenge : NULL, &line, &d) == 0;
		gsasl_free(challenge);
		challenge = NULL;
		if (good && !served) {
			int r = gsasl_step64(server,
			    i || client_first ? buf_z(&line) : NULL,
			    &challenge);

			served = r == GSASL_OK;
			good = r == GSASL_OK || r == GSASL_NEEDS_MORE;
		}
		buf_clear(&line);
	}
	gsasl_free(challenge);
	buf_fini(&line);
	return good && served && sasl_done(s);
}

static void
test_exchanges(void)
{
	static const struct {
		const char *mechanism, *server_password, *server_binding;
		bool want;
	} cases[] = {
	    {"PLAIN", "s3 cret", NULL, true},
	    {"PLAIN", "other", NULL, false},
	    {"CRAM-MD5", "s3 cret", NULL, true},
	    {"CRAM-MD5", "other", NULL, false},
	    {"SCRAM-SHA-1", "s3 cret", NULL, true},
	    {"SCRAM-SHA-1", "other", NULL, false},
	    {"SCRAM-SHA-256", "s3 cret", NULL, true},
	    {"SCRAM-SHA-256", "other", NULL, false},
	    {"SCRAM-SHA-256-PLUS", "s3 cret", "Y2hhbm5lbA==", true},
	    {"SCRAM-SHA-256-PLUS", "s3 cret", "b3RoZXI=", false},
	    {"SCRAM-SHA-256-PLUS", "other", "Y2hhbm5lbA==", false},
	};
	Gsasl *ctx;

	gsasl_init(&ctx);
	gsasl_callback_set(ctx, on_property);
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool first = strcmp(cases[i].mechanism, "CRAM-MD5") != 0;
		struct sasl_want w = {.user = STR("joe"),
		    .password = STR("s3 cret"),
		    .host = STR("h.example"),
		    .offered = STR(ALL),
		    .named = str_from_z(cases[i].mechanism),
		    .binding = STR("channel"),
		    .exporter = true,
		    .authenticated = true};
		Gsasl_session *server;
		const char *name;
		struct diag d;
		struct sasl *s;

		password = cases[i].server_password;
		binding = cases[i].server_binding;
		if (gsasl_server_start(ctx, cases[i].mechanism, &server)) {
			skip(cases[i].mechanism, "libgsasl has no server");
			continue;
		}
		ok(sasl_open(&w, &s, &name, &d) == 0, "%s", name);
		if (!first) {
			/* the first step of the client says nothing */
			struct buf b;

			buf_init(&b, NULL, 64);
			ok(sasl_step(s, NULL, &b, &d) == 0 && b.n == 0,
			    "no initial response");
			buf_fini(&b);
		}
		ok(exchange(s, server, first) == cases[i].want,
		    "%s, the server knows %s: %s", name, password,
		    cases[i].want ? "good" : "bad");
		sasl_close(s);
		gsasl_finish(server);
	}
	gsasl_done(ctx);
}

int
main(void)
{
	test_choices();
	test_exchanges();
	return tap_done();
}
