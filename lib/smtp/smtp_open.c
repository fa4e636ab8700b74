/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* From an address to a session that takes mail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/smtp/smtp_conn.h"
#include "lib/smtp/smtp_text.h"

#define QUIT_MS 2000

static void
copy(char *out, size_t size, struct str s)
{
	snprintf(out, size, "%.*s", STRF(s));
}

/* ---- greeting and EHLO ---------------------------------------------- */

static bool
greeting(struct smtp *c, struct smtp_end *end)
{
	struct str name, rest;

	if (!smtp_conn_reply(c, 1)) {
		smtp_conn_end_lost(c, SMTP_AT_GREETING, end);
		return false;
	}
	if (c->reply.code == 220) {
		rest = smtp_reply_text(&c->reply);
		name = str_trim_fws(str_cut(rest, '\n', &rest));
		name = str_cut(name, ' ', &rest);
		if (smtp_helo_valid(name))
			copy(c->tls.helo, sizeof(c->tls.helo), name);
		return true;
	}
	smtp_conn_end_reply(c, SMTP_AT_GREETING, end);
	if (end->outcome == SMTP_OK)
		end->outcome = SMTP_TEMP;
	return false;
}

static bool
say_hello(struct smtp *c, const char *verb, struct smtp_end *end)
{
	struct buf b;
	bool ok;

	buf_init(&b, NULL, 512);
	buf_addf(&b, "%s %.*s", verb, STRF(c->s->helo));
	ok = buf_ok(&b) && smtp_conn_command(c, buf_str(&b));
	buf_fini(&b);
	if (!ok)
		smtp_conn_end_lost(c, SMTP_AT_EHLO, end);
	return ok;
}

/* RFC 5321 section 3.2: HELO for a server that does not know EHLO. */
static bool
hello(struct smtp *c, struct smtp_end *end)
{
	memset(&c->ehlo, 0, sizeof(c->ehlo));
	if (!say_hello(c, "EHLO", end))
		return false;
	if (c->reply.code == 250) {
		smtp_ehlo_parse(&c->reply, &c->ehlo);
		return true;
	}
	if (c->reply.code / 100 == 5 && !c->goodbye && !c->io.tls) {
		if (!say_hello(c, "HELO", end))
			return false;
		if (c->reply.code == 250)
			return true;
	}
	smtp_conn_end_reply(c, SMTP_AT_EHLO, end);
	if (end->outcome == SMTP_OK)
		end->outcome = SMTP_TEMP;
	return false;
}

/* ---- TLS ------------------------------------------------------------ */

static bool
no_starttls(struct smtp *c, const char *why, struct smtp_end *end)
{
	c->tls.tried = true;
	c->tls.type = TLS_STARTTLS_NOT_SUPPORTED;
	if (c->s->mode == TLS_MODE_OPPORTUNISTIC)
		return true;
	/* RFC 3463 section 3.8: the policy here wants it */
	smtp_conn_end(end, SMTP_TEMP, SMTP_AT_STARTTLS, "4.7.0",
	    "TLS is required: %s", why);
	return false;
}

static bool
new_tls(struct smtp *c, struct tls **out, struct smtp_end *end)
{
	struct tls_peer peer = c->s->peer;
	struct diag d = {.text = ""};
	int err;

	peer.tell_only = c->s->mode == TLS_MODE_OPPORTUNISTIC;
	err = tls_new(c->s->tls, &peer, out, &d);
	if (err == 0)
		return true;
	c->tls.tried = true;
	c->tls.type =
	    err == AVER_NOTFOUND ? TLS_TLSA_INVALID : TLS_VALIDATION_FAILURE;
	snprintf(c->tls.reason, sizeof(c->tls.reason), "%s",
	    err == AVER_NOTFOUND ? "no-usable-tlsa-record" : "not-set-up");
	smtp_conn_end(end, SMTP_TEMP, SMTP_AT_HANDSHAKE, "4.7.0", "TLS: %s",
	    d.text[0] ? d.text : aver_err_name(err));
	return false;
}

static bool
handshake(struct smtp *c, struct smtp_end *end)
{
	int64_t until = clock_mono_ms() + c->s->command_ms;
	struct tls *t;
	bool ok;

	if (!new_tls(c, &t, end))
		return false;
	if (until > c->deadline)
		until = c->deadline;
	ok = smtp_io_start_tls(&c->io, t, until);
	tls_result(t, &c->tls);
	if (ok)
		return true;
	smtp_conn_end(end, SMTP_TEMP, SMTP_AT_HANDSHAKE, "4.7.5", "%s: %s",
	    c->io.why, c->io.timed_out ? "timeout" : c->tls.reason);
	return false;
}

static bool
start_tls(struct smtp *c, struct smtp_end *end)
{
	char why[256];

	if (c->s->mode == TLS_MODE_NONE || c->s->mode == TLS_MODE_IMPLICIT)
		return true;
	if (!(c->ehlo.offers & SMTP_STARTTLS))
		return no_starttls(c, "not offered by the server", end);
	if (!smtp_conn_command(c, STR("STARTTLS"))) {
		smtp_conn_end_lost(c, SMTP_AT_STARTTLS, end);
		return false;
	}
	if (c->reply.code != 220) {
		if (c->reply.code == 421) {
			smtp_conn_end_reply(c, SMTP_AT_STARTTLS, end);
			return false;
		}
		smtp_reply_print(&c->reply, why, sizeof(why));
		return no_starttls(c, why, end);
	}
	/* RFC 3207 section 4.2: what was known before is forgotten */
	return handshake(c, end) && hello(c, end);
}

/* ---- one address ---------------------------------------------------- */

static bool
establish(struct smtp *c, const struct ip *to, struct smtp_end *end)
{
	int64_t until = clock_mono_ms() + c->s->connect_ms;

	c->tls.peer = *to;
	if (until > c->deadline)
		until = c->deadline;
	if (!smtp_io_connect(&c->io, to, c->s->port, until)) {
		smtp_conn_end_lost(c, SMTP_AT_CONNECT, end);
		return false;
	}
	c->tls.local = smtp_io_local(&c->io);
	if (c->s->mode == TLS_MODE_IMPLICIT && !handshake(c, end))
		return false;
	if (!greeting(c, end) || !hello(c, end) || !start_tls(c, end))
		return false;
	return !c->s->credentials || smtp_conn_authenticate(c, end);
}

static void
reset(struct smtp *c, const struct smtp_settings *s)
{
	smtp_io_init(&c->io);
	memset(&c->ehlo, 0, sizeof(c->ehlo));
	memset(&c->tls, 0, sizeof(c->tls));
	copy(c->tls.host, sizeof(c->tls.host), s->host);
	c->s = s;
	c->goodbye = c->reset = false;
	c->mails = 0;
}

static void
quit(struct smtp *c)
{
	int64_t until = clock_mono_ms() + QUIT_MS;

	c->deadline = until < c->deadline ? until : c->deadline;
	if (!c->io.dead && !c->goodbye)
		(void)smtp_conn_command(c, STR("QUIT"));
	smtp_io_close(&c->io);
}

/* Whether the trouble may be this one address's. */
static bool
next_address(const struct smtp_end *end)
{
	return end->stage <= SMTP_AT_HANDSHAKE;
}

static bool
try_address(struct smtp *c, const struct smtp_settings *s, const struct ip *to,
    struct smtp_end *end)
{
	reset(c, s);
	if (establish(c, to, end))
		return true;
	quit(c);
	return false;
}

/* Opportunistic TLS that breaks is worth a try without (RFC 7435 section 3),
 * what came of TLS stays the result. */
static bool
try_without_tls(struct smtp *c, const struct smtp_settings *s,
    struct smtp_settings *clear, const struct ip *to, int64_t deadline,
    struct smtp_end *end)
{
	struct tls_result failed = c->tls;
	bool ok;

	if (s->mode != TLS_MODE_OPPORTUNISTIC ||
	    end->stage != SMTP_AT_HANDSHAKE)
		return false;
	c->deadline = deadline;
	*clear = *s;
	clear->mode = TLS_MODE_NONE;
	ok = try_address(c, clear, to, end);
	c->tls = failed;
	c->s = s;
	return ok;
}

bool
smtp_open(const struct smtp_settings *s, struct smtp **out,
    struct tls_result *result, struct smtp_end *end)
{
	struct smtp *c = malloc(sizeof(*c));
	int64_t deadline = clock_mono_ms() + s->total_ms;
	struct smtp_settings clear;
	bool ok = false;

	smtp_conn_end(end, SMTP_TEMP, SMTP_AT_CONNECT, "4.4.4", "no address");
	if (!c) {
		smtp_conn_end(
		    end, SMTP_TEMP, SMTP_AT_CONNECT, "4.3.0", "out of memory");
		return false;
	}
	reset(c, s);
	if (!smtp_helo_valid(s->helo)) {
		smtp_conn_end(end, SMTP_PERM, SMTP_AT_EHLO, "5.5.4",
		    "no name of a host for EHLO");
	} else {
		for (size_t i = 0; i < s->n_addresses && !ok; i++) {
			c->deadline = deadline;
			ok = try_address(c, s, &s->addresses[i], end) ||
			     try_without_tls(
				 c, s, &clear, &s->addresses[i], deadline, end);
			if (!next_address(end))
				break;
		}
	}
	if (result)
		*result = c->tls;
	if (!ok) {
		free(c);
		return false;
	}
	smtp_conn_end(end, SMTP_OK, SMTP_AT_EHLO, "2.0.0", "ready");
	end->reusable = true;
	*out = c;
	return true;
}

const struct tls_result *
smtp_tls(const struct smtp *c)
{
	return &c->tls;
}

bool
smtp_usable(struct smtp *c)
{
	/* RFC 9422: MAILMAX */
	if (c->ehlo.mailmax && c->mails >= c->ehlo.mailmax)
		return false;
	return !c->goodbye && smtp_io_quiet(&c->io);
}

bool
smtp_offers_requiretls(const struct smtp *c)
{
	return c->ehlo.offers & SMTP_REQUIRETLS;
}

void
smtp_close(struct smtp *c)
{
	if (!c)
		return;
	c->deadline = clock_mono_ms() + QUIT_MS;
	quit(c);
	free(c);
}
