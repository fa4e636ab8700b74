/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <gsasl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/b64.h"
#include "lib/base/err.h"
#include "lib/smtp/sasl.h"

#define VALUE_MAX 1024

struct sasl {
	Gsasl *ctx;
	Gsasl_session *session;
	bool done;
};

/* From the strongest to the weakest. */
static const struct mechanism {
	struct str name;
	bool plus; /* wants a channel binding */
	bool plain; /* shows the password */
} mechanisms[] = {
    {STR_INIT("SCRAM-SHA-256-PLUS"), true, false},
    {STR_INIT("SCRAM-SHA-256"), false, false},
    {STR_INIT("SCRAM-SHA-1-PLUS"), true, false},
    {STR_INIT("SCRAM-SHA-1"), false, false},
    {STR_INIT("CRAM-MD5"), false, false},
    {STR_INIT("PLAIN"), false, true},
};

#define N_MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

bool
sasl_available(void)
{
	return true;
}

bool
sasl_known(struct str name)
{
	for (size_t i = 0; i < N_MECHANISMS; i++)
		if (str_eq_ci(name, mechanisms[i].name))
			return true;
	return false;
}

static bool
is_offered(struct str list, struct str name)
{
	struct str item;

	while (list.n) {
		item = str_cut(list, ' ', &list);
		if (str_eq_ci(item, name))
			return true;
	}
	return false;
}

static int
choose(const struct sasl_want *w, const struct mechanism **out, struct diag *d)
{
	bool plain = false;

	if (w->named.n && !sasl_known(w->named))
		return diag_set(d, AVER_CONF, 0, "no such SASL mechanism here");
	for (size_t i = 0; i < N_MECHANISMS; i++) {
		const struct mechanism *m = &mechanisms[i];

		if ((w->named.n && !str_eq_ci(w->named, m->name)) ||
		    !is_offered(w->offered, m->name) ||
		    (m->plus && w->binding.n == 0))
			continue;
		/* RFC 4616 section 4 */
		if (m->plain && !w->authenticated) {
			plain = true;
			continue;
		}
		*out = m;
		return 0;
	}
	if (plain)
		return diag_set(d, AVER_NOTFOUND, 0,
		    "PLAIN would show the password to a server whose "
		    "certificate was not verified");
	return diag_set(d, AVER_NOTFOUND, 0,
	    "the server offers no SASL mechanism that fits: %.*s",
	    STRF(str_trim_fws(str_head(w->offered, 80))));
}

static bool
set(struct sasl *s, Gsasl_property what, struct str value)
{
	return gsasl_property_set_raw(s->session, what, value.p ? value.p : "",
		   value.n) == GSASL_OK;
}

static bool
set_binding(struct sasl *s, const struct sasl_want *w)
{
	struct buf b;
	bool ok;

	buf_init(&b, NULL, VALUE_MAX);
	b64_encode(&b, w->binding);
	ok = buf_ok(&b) &&
	     set(s, w->exporter ? GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE,
		 buf_str(&b));
	buf_fini(&b);
	return ok;
}

static bool
set_all(struct sasl *s, const struct sasl_want *w, const struct mechanism *m)
{
	return set(s, GSASL_AUTHID, w->user) &&
	       set(s, GSASL_PASSWORD, w->password) &&
	       set(s, GSASL_SERVICE, STR("smtp")) &&
	       set(s, GSASL_HOSTNAME, w->host) &&
	       (!m->plus || set_binding(s, w));
}

int
sasl_open(const struct sasl_want *want, struct sasl **out, const char **name,
    struct diag *d)
{
	const struct mechanism *m = NULL;
	struct sasl *s;
	int err = choose(want, &m, d);

	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return AVER_NOMEM;
	if (gsasl_init(&s->ctx) != GSASL_OK ||
	    gsasl_client_start(s->ctx, m->name.p, &s->session) != GSASL_OK ||
	    !set_all(s, want, m)) {
		sasl_close(s);
		return diag_set(
		    d, AVER_CONF, 0, "libgsasl cannot do %.*s", STRF(m->name));
	}
	*name = m->name.p;
	*out = s;
	return 0;
}

int
sasl_step(
    struct sasl *s, const char *challenge, struct buf *out, struct diag *d)
{
	char *answer = NULL;
	int ret;

	/* after its last step a session takes nothing but silence */
	if (s->done)
		return challenge && *challenge
			   ? diag_set(d, AVER_CRYPTO, 0,
				 "a challenge after the last step")
			   : 0;
	ret = gsasl_step64(s->session, challenge, &answer);
	if (ret != GSASL_OK && ret != GSASL_NEEDS_MORE) {
		gsasl_free(answer);
		return diag_set(
		    d, AVER_CRYPTO, 0, "SASL: %s", gsasl_strerror(ret));
	}
	s->done = ret == GSASL_OK;
	if (answer) {
		buf_add_z(out, answer);
		OPENSSL_cleanse(answer, strlen(answer));
		gsasl_free(answer);
	}
	return 0;
}

bool
sasl_done(const struct sasl *s)
{
	return s->done;
}

void
sasl_close(struct sasl *s)
{
	if (!s)
		return;
	if (s->session)
		gsasl_finish(s->session);
	if (s->ctx)
		gsasl_done(s->ctx);
	free(s);
}
