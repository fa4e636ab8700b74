/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Authentication (RFC 4954) with the mechanisms of lib/smtp/sasl. */
#include <openssl/crypto.h>

#include "lib/base/chars.h"
#include "lib/smtp/sasl.h"
#include "lib/smtp/smtp_conn.h"

#define ROUNDS_MAX 8
#define LINE_MAX_OCTETS 12288 /* RFC 4954 section 4 */

/* The challenge of a 334 reply, NUL-terminated; NULL when it is none. */
static const char *
challenge_of(struct smtp *c)
{
	struct smtp_reply *r = &c->reply;
	size_t n = r->n ? r->n - 1 : 0; /* the "\n" */

	for (size_t i = 0; i < n; i++)
		if (!chars_is(r->text[i], CH_BASE64) && r->text[i] != '=')
			return NULL;
	if (r->lines != 1)
		return NULL;
	r->text[n] = '\0';
	return r->text;
}

/* RFC 4954 section 4: "*" cancels; the server answers 501. */
static bool
cancel(struct smtp *c, struct smtp_end *end, const char *why)
{
	(void)smtp_conn_command(c, STR("*"));
	smtp_conn_end(end, SMTP_PERM, SMTP_AT_AUTH, "5.7.0", "AUTH: %s", why);
	return false;
}

static bool
send_line(struct smtp *c, struct buf *line)
{
	bool ok;

	buf_add_z(line, "\r\n");
	ok = buf_ok(line) && smtp_conn_write(c, buf_str(line)) &&
	     smtp_conn_reply(c, 1);
	/* it may hold the password */
	if (line->p)
		OPENSSL_cleanse(line->p, line->n);
	buf_clear(line);
	return ok;
}

static bool
rounds(struct smtp *c, struct sasl *s, struct buf *line, struct smtp_end *end)
{
	struct diag d = {.text = ""};

	for (unsigned i = 0; c->reply.code == 334 && i < ROUNDS_MAX; i++) {
		const char *challenge = challenge_of(c);

		if (!challenge)
			return cancel(c, end, "a challenge that is no base64");
		if (sasl_step(s, challenge, line, &d))
			return cancel(c, end, d.text);
		if (!send_line(c, line)) {
			smtp_conn_end_lost(c, SMTP_AT_AUTH, end);
			return false;
		}
	}
	if (c->reply.code == 334)
		return cancel(c, end, "too many challenges");
	if (c->reply.code != 235) {
		smtp_conn_end_reply(c, SMTP_AT_AUTH, end);
		if (end->outcome == SMTP_OK)
			end->outcome = SMTP_TEMP;
		return false;
	}
	/* A server that has no proof of the password is not the server. */
	if (!sasl_done(s)) {
		c->goodbye = true;
		smtp_conn_end(end, SMTP_PERM, SMTP_AT_AUTH, "5.7.0",
		    "AUTH: the server did not prove that it knows the "
		    "password");
		return false;
	}
	return true;
}

static bool
exchange(struct smtp *c, struct sasl *s, const char *name, struct smtp_end *end)
{
	struct diag d = {.text = ""};
	struct buf line;
	bool ok = false;

	buf_init(&line, NULL, LINE_MAX_OCTETS);
	buf_addf(&line, "AUTH %s ", name);
	if (sasl_step(s, NULL, &line, &d)) {
		smtp_conn_end(
		    end, SMTP_PERM, SMTP_AT_AUTH, "5.7.0", "AUTH: %s", d.text);
	} else {
		/* no initial response: no space either */
		if (buf_ok(&line) && line.p[line.n - 1] == ' ')
			buf_cut(&line, line.n - 1);
		if (!send_line(c, &line))
			smtp_conn_end_lost(c, SMTP_AT_AUTH, end);
		else
			ok = rounds(c, s, &line, end);
	}
	if (line.p)
		OPENSSL_cleanse(line.p, line.n);
	buf_fini(&line);
	return ok;
}

bool
smtp_conn_authenticate(struct smtp *c, struct smtp_end *end)
{
	const struct smtp_credentials *k = c->s->credentials;
	char binding[64];
	struct sasl_want want = {
	    .user = k->user,
	    .password = k->password,
	    .host = c->s->host,
	    .offered = str_from_z(c->ehlo.mechanisms),
	    .named = k->mechanism,
	    .authenticated = c->tls.authenticated,
	};
	const char *name;
	struct sasl *s = NULL;
	struct diag d = {.text = ""};
	bool ok;

	if (c->io.tls)
		want.binding = (struct str){binding,
		    tls_channel_binding(c->io.tls, binding, &want.exporter)};
	if (sasl_open(&want, &s, &name, &d)) {
		smtp_conn_end(end, SMTP_PERM, SMTP_AT_AUTH, "5.7.4", "AUTH: %s",
		    d.text[0] ? d.text : "out of memory");
		return false;
	}
	ok = exchange(c, s, name, end);
	sasl_close(s);
	return ok;
}
