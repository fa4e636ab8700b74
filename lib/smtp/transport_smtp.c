/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* smtp://, submission://, submissions:// */
#include <openssl/crypto.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/smtp/credentials_file.h"
#include "lib/smtp/sasl.h"
#include "lib/smtp/smtp_client.h"
#include "lib/smtp/smtp_resolve.h"
#include "lib/smtp/smtp_text.h"
#include "lib/smtp/transport_ops.h"

#define ADDRESSES_MAX 16
#define CONNECT_MS 30000
#define TOTAL_TIMES 4

struct relay {
	struct tls_client *tls;
	const char *host; /* NUL-terminated */
	struct str name; /* the same */
	struct smtp_credentials credentials;
	struct smtp_settings settings;
	struct ip addresses[ADDRESSES_MAX];
	struct smtp *c; /* NULL: no connection */
};

/* ---- open ----------------------------------------------------------- */

static int
set_credentials(struct transport *t, struct relay *r,
    const struct transport_config *config, struct diag *d)
{
	struct credentials c;
	struct str wanted =
	    arena_dup(&t->arena, str_from_z(config->sasl_mechanism));
	int err;

	if (!config->credentials || !*config->credentials) {
		if (wanted.n)
			return diag_set(d, AVER_CONF, 0,
			    "a SASL mechanism without credentials");
		return 0;
	}
	if (!sasl_available())
		return diag_set(
		    d, AVER_CONF, 0, "credentials, but this build has no SASL");
	if (wanted.n && !sasl_known(wanted))
		return diag_set(d, AVER_CONF, 0, "unknown SASL mechanism: %.*s",
		    STRF(wanted));
	err = credentials_load(&t->arena, config->credentials, &c, d);
	if (err)
		return err;
	r->credentials = (struct smtp_credentials){
	    .user = c.user, .password = c.password, .mechanism = wanted};
	r->settings.credentials = &r->credentials;
	return 0;
}

static int
set_settings(struct transport *t, struct relay *r,
    const struct transport_config *config, struct diag *d)
{
	struct smtp_settings *s = &r->settings;

	r->host = arena_z(&t->arena, t->url.host);
	if (!r->host)
		return AVER_NOMEM;
	r->name = str_from_z(r->host);
	s->helo = arena_dup(&t->arena, str_from_z(config->helo));
	if (!smtp_helo_valid(s->helo))
		return diag_set(
		    d, AVER_CONF, 0, "no name of this host that EHLO can take");
	s->addresses = r->addresses;
	s->port = t->url.port;
	s->host = r->name;
	s->mode = t->url.kind == TRANSPORT_SUBMISSIONS ? TLS_MODE_IMPLICIT
						       : TLS_MODE_REQUIRED;
	s->peer.verify = config->tls_verify == TRANSPORT_VERIFY_NO
			     ? TLS_VERIFY_NONE
			     : TLS_VERIFY_PKIX;
	s->peer.sni = r->name;
	s->peer.names = &r->name;
	s->peer.n_names = 1;
	s->command_ms = t->timeout_ms;
	s->connect_ms = t->timeout_ms < CONNECT_MS ? t->timeout_ms : CONNECT_MS;
	return tls_client_open(config->tls_ca_file, &r->tls, d);
}

static void
forget(void *p)
{
	struct smtp_credentials *c = p;

	if (c->password.n)
		OPENSSL_cleanse((char *)c->password.p, c->password.n);
}

static int
relay_open(
    struct transport *t, const struct transport_config *config, struct diag *d)
{
	struct relay *r = ARENA_NEW(&t->arena, struct relay);
	int err;

	if (!r)
		return AVER_NOMEM;
	t->state = r;
	if (!arena_on_free(&t->arena, forget, &r->credentials))
		return AVER_NOMEM;
	err = set_settings(t, r, config, d);
	if (err)
		return err;
	r->settings.tls = r->tls;
	return set_credentials(t, r, config, d);
}

static void
relay_close(struct transport *t)
{
	struct relay *r = t->state;

	smtp_close(r->c);
	tls_client_close(r->tls);
}

/* ---- send ----------------------------------------------------------- */

static void
print_status(char *out, size_t size, const struct smtp_end *end)
{
	static const uint8_t classes[] = {
	    [SMTP_OK] = 2, [SMTP_TEMP] = 4, [SMTP_PERM] = 5};
	const struct smtp_status *s = &end->status;
	uint8_t class = classes[end->outcome];

	/* RFC 3463 section 2: the class says what to do, so it has to be the
	 * outcome's */
	snprintf(out, size, "%u.%u.%u", class,
	    s->class == class ? s->subject : 0,
	    s->class == class ? s->detail : 0);
}

static void
set_host(struct transport_reply *out, const struct relay *r)
{
	struct buf b;

	buf_init(&b, NULL, 64);
	ip_print(&b, &out->tls.peer);
	if (out->tls.peer.family == IP_NONE)
		snprintf(out->host, sizeof(out->host), "%s", r->host);
	else
		snprintf(
		    out->host, sizeof(out->host), "%s[%s]", r->host, buf_z(&b));
	buf_fini(&b);
}

static void
answer(struct transport_reply *out, const struct smtp_end *end, bool down)
{
	static const enum transport_outcome outcomes[] = {
	    [SMTP_OK] = TRANSPORT_SENT,
	    [SMTP_TEMP] = TRANSPORT_TEMP,
	    [SMTP_PERM] = TRANSPORT_PERM,
	};
	char status[16];

	print_status(status, sizeof(status), end);
	transport_answer(
	    out, outcomes[end->outcome], status, end->code, "%s", end->text);
	out->in_doubt = end->in_doubt;
	out->before_rcpt = end->outcome != SMTP_OK && end->stage < SMTP_AT_RCPT;
	out->transport_down = down;
}

/* What goes wrong before there is a session says nothing about a message. */
static void
answer_down(struct transport_reply *out, struct smtp_end *end)
{
	end->outcome = SMTP_TEMP;
	answer(out, end, true);
}

static bool
connect_relay(struct relay *r, int64_t deadline, struct transport_reply *out)
{
	struct smtp_settings *s = &r->settings;
	struct diag d = {.text = ""};
	struct smtp_end end;
	int err;

	if (r->c)
		return true;
	err = smtp_resolve(r->host, deadline, r->addresses, ADDRESSES_MAX,
	    &s->n_addresses, &d);
	if (err) {
		transport_answer(out, TRANSPORT_TEMP, "4.4.3", 0, "%s",
		    d.text[0] ? d.text : aver_err_name(err));
		snprintf(out->host, sizeof(out->host), "%s", r->host);
		out->transport_down = true;
		return false;
	}
	s->total_ms = deadline - clock_mono_ms();
	if (!smtp_open(s, &r->c, &out->tls, &end)) {
		r->c = NULL;
		set_host(out, r);
		answer_down(out, &end);
		return false;
	}
	return true;
}

static void
drop(struct relay *r)
{
	smtp_close(r->c);
	r->c = NULL;
}

/*
 * The server ended a connection that it had kept: before it was given the
 * message, so that a new connection sends nothing twice.
 */
static bool
went_stale(const struct smtp_end *end)
{
	return end->outcome == SMTP_TEMP && end->stage <= SMTP_AT_DATA &&
	       (end->code == 0 || end->code == 421) && !end->reusable;
}

static void
relay_send(struct transport *t, const struct transport_message *m,
    struct transport_reply *out)
{
	struct relay *r = t->state;
	int64_t deadline = clock_mono_ms() + TOTAL_TIMES * t->timeout_ms;
	struct smtp_message sm = {.from = m->envelope_from,
	    .rcpt = &m->rcpt,
	    .n_rcpt = 1,
	    .octets = m->message,
	    .requiretls = m->flags & TRANSPORT_REQUIRETLS};
	struct smtp_end end;
	bool kept;

	do {
		if (r->c && !smtp_usable(r->c))
			drop(r);
		kept = r->c != NULL;
		if (!connect_relay(r, deadline, out))
			return;
		r->settings.total_ms = deadline - clock_mono_ms();
		smtp_send(r->c, &sm, NULL, &end);
		out->tls = *smtp_tls(r->c);
		set_host(out, r);
		answer(out, &end,
		    end.outcome == SMTP_TEMP &&
			(end.code == 421 || end.code == 0));
		if (!end.reusable)
			drop(r);
	} while (kept && went_stale(&end));
}

const struct transport_ops transport_smtp = {
    .open = relay_open,
    .send = relay_send,
    .close = relay_close,
};
