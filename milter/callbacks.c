/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "milter/callbacks.h"

#include <stdio.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <libmilter/mfapi.h>

#include "lib/base/err.h"
#include "lib/net/listen.h"
#include "milter/session.h"

/*
 * libmilter has no argument for the application but the private pointer of a
 * connection, which xxfi_connect has yet to set; so this one is global.
 */
static struct service *the_service;

/*
 * libmilter's prototypes lack const; it does not write to these.
 */
static char *
unconst(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = {.in = text};

	return u.out;
}

static struct str
macro(SMFICTX *ctx, const char *name)
{
	return str_from_z(smfi_getsymval(ctx, unconst(name)));
}

static struct session *
session_of(SMFICTX *ctx)
{
	return smfi_getpriv(ctx);
}

/*
 * No reply to anything but the end of message: that alone makes libmilter
 * two to three times as cheap. libmilter always offers the SMFIP_NR_ steps and
 * answers itself for an MTA that lacks them, so the callbacks up to there
 * always return SMFIS_NOREPLY: any other value would be logged, one line for
 * each header field. Without a session the end of message is a TEMPFAIL.
 * Header values come with their leading space, which DKIM's simple
 * canonicalization needs.
 */
static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1,
    unsigned long *pf2, unsigned long *pf3)
{
	unsigned long actions =
	    SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST;
	unsigned long steps = SMFIP_NOUNKNOWN | SMFIP_NODATA |
			      SMFIP_HDR_LEADSPC | SMFIP_NR_HDR | SMFIP_NR_CONN |
			      SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT |
			      SMFIP_NR_EOH | SMFIP_NR_BODY;

	(void)f2;
	(void)f3;
	if (atomic_load(&the_service->draining))
		return SMFIS_REJECT;
	*pf0 = f0 & actions;
	*pf1 = f1 & steps;
	*pf2 = 0;
	*pf3 = 0;
	if (f0 & SMFIF_SETSYMLIST) {
		smfi_setsymlist(ctx, SMFIM_CONNECT, unconst("j {daemon_name}"));
		smfi_setsymlist(ctx, SMFIM_ENVFROM, unconst("i {auth_authen}"));
		smfi_setsymlist(ctx, SMFIM_EOM, unconst("i"));
	}
	return SMFIS_CONTINUE;
}

static struct ip
client_ip(const _SOCK_ADDR *addr)
{
	struct ip none = {.family = IP_NONE};

	if (!addr)
		return none;
	if (addr->sa_family == AF_INET)
		return ip_from_bytes(
		    IP_V4, &((const struct sockaddr_in *)(const void *)addr)
				->sin_addr);
	if (addr->sa_family == AF_INET6)
		return ip_from_bytes(
		    IP_V6, &((const struct sockaddr_in6 *)(const void *)addr)
				->sin6_addr);
	return none;
}

static uint16_t
client_port(const _SOCK_ADDR *addr)
{
	if (addr && addr->sa_family == AF_INET)
		return ntohs(
		    ((const struct sockaddr_in *)(const void *)addr)->sin_port);
	if (addr && addr->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)addr)
				 ->sin6_port);
	return 0;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	struct session *s = session_of(ctx);

	(void)host;
	if (s)
		session_free(s);
	s = session_new(the_service, client_ip(addr), client_port(addr));
	smfi_setpriv(ctx, s);
	return SMFIS_NOREPLY;
}

static sfsistat
on_helo(SMFICTX *ctx, char *helo)
{
	struct session *s = session_of(ctx);

	if (s)
		session_helo(s, str_from_z(helo));
	return SMFIS_NOREPLY;
}

/* A parameter of MAIL without a value (RFC 5321 section 4.1.2). */
static bool
has_parameter(char **argv, struct str name)
{
	for (int i = 1; argv[0] && argv[i]; i++)
		if (str_eq_ci(str_from_z(argv[i]), name))
			return true;
	return false;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	struct session *s = session_of(ctx);
	struct session_mail mail;

	if (!s)
		return SMFIS_NOREPLY;
	session_confirm(s);
	mail = (struct session_mail){
	    .from = str_from_z(argv[0]),
	    .auth_user = macro(ctx, "{auth_authen}"),
	    .smtputf8 = has_parameter(argv, STR("SMTPUTF8")),
	    .requiretls = has_parameter(argv, STR("REQUIRETLS")),
	};
	session_mail(s, &mail);
	return SMFIS_NOREPLY;
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	struct session *s = session_of(ctx);

	if (s)
		session_rcpt(
		    s, str_from_z(argv[0]), macro(ctx, "{rcpt_mailer}"));
	return SMFIS_NOREPLY;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *s = session_of(ctx);

	if (s)
		session_header(s, str_from_z(name), str_from_z(value));
	return SMFIS_NOREPLY;
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	struct session *s = session_of(ctx);

	if (s)
		session_eoh(s);
	return SMFIS_NOREPLY;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *chunk, size_t n)
{
	struct session *s = session_of(ctx);

	if (s)
		session_body(s, (struct str){(const char *)chunk, n});
	return SMFIS_NOREPLY;
}

/* libmilter wants NUL-terminated text; ours holds no NUL. */
static int
insert(SMFICTX *ctx, struct session *s, const char *name, struct str value)
{
	char *z = arena_z(&s->message, value);

	if (!z)
		return MI_FAILURE;
	/* index 0: above the MTA's own Received field (RFC 8601 section 4) */
	return smfi_insheader(ctx, 0, unconst(name), z);
}

/* "550 5.7.1 text" into libmilter's three arguments, "%" doubled. */
static void
set_reply(SMFICTX *ctx, struct session *s, struct str reply)
{
	struct str text, enhanced, code = str_cut(reply, ' ', &enhanced);
	char *z_code, *z_enhanced;
	struct buf b;

	enhanced = str_cut(enhanced, ' ', &text);
	buf_init(&b, &s->message, 2 * REPLY_OCTETS_MAX);
	for (size_t i = 0; i < text.n; i++) {
		buf_add_c(&b, text.p[i]);
		if (text.p[i] == '%')
			buf_add_c(&b, '%');
	}
	z_code = arena_z(&s->message, code);
	z_enhanced = arena_z(&s->message, enhanced);
	if (z_code && z_enhanced && buf_ok(&b) && b.n)
		smfi_setreply(ctx, z_code, z_enhanced, b.p);
}

/* A removed field comes back as Old-NAME, which claims nothing. */
static int
keep_copy(SMFICTX *ctx, struct session *s, const struct forged_field *f)
{
	char *name =
	    arena_z(&s->message, arena_cat(&s->message, STR("Old-"), f->name));
	char *value = arena_z(&s->message, f->value);

	if (!name || !value)
		return MI_FAILURE;
	return smfi_addheader(ctx, name, value);
}

/*
 * From the highest index down (RFC 8601 section 5). A value of NULL deletes.
 * libmilter hands the request on without an answer, so only its own trouble
 * shows here; a forgery that may have stayed is worse than a retry.
 */
static int
remove_forged(SMFICTX *ctx, struct session *s)
{
	const struct forged *all = &s->forged;

	for (size_t i = all->n; i-- > 0;) {
		const struct forged_field *f = &all->v[i];
		char *name = arena_z(&s->message, f->name);

		if (!name || smfi_chgheader(ctx, name, (int)f->index, NULL) !=
				 MI_SUCCESS)
			return MI_FAILURE;
		if (s->snapshot->conf->keep_removed)
			keep_copy(ctx, s, f);
	}
	return MI_SUCCESS;
}

/* Postfix takes the field as a wish for REQUIRETLS, whoever wrote it. */
static int
strip_tls_fields(SMFICTX *ctx, struct session *s)
{
	unsigned n = s->tls_mark.esmtp_seen;

	if (!s->snapshot->conf->strip_require_tls_esmtp ||
	    s->inbound.facts.requiretls)
		return MI_SUCCESS;
	for (; n > 0; n--)
		if (smfi_chgheader(ctx, unconst("Require-TLS-ESMTP"), (int)n,
			NULL) != MI_SUCCESS)
			return MI_FAILURE;
	return MI_SUCCESS;
}

/* Marks of clients go, from the last to the first; ours comes. */
static int
mark_tls(SMFICTX *ctx, struct session *s, bool wanted)
{
	char *name = unconst(s->snapshot->conf->tls_required_header);

	for (unsigned n = s->tls_mark.seen; n > 0; n--)
		if (smfi_chgheader(ctx, name, (int)n, NULL) != MI_SUCCESS)
			return MI_FAILURE;
	if (!wanted)
		return MI_SUCCESS;
	return smfi_addheader(ctx, name, unconst(TLS_MARK_VALUE));
}

static sfsistat
apply(SMFICTX *ctx, struct session *s, const struct session_verdict *v)
{
	if (v->failed)
		return SMFIS_TEMPFAIL;
	if (v->action == POLICY_REJECT || v->action == POLICY_TEMPFAIL) {
		set_reply(ctx, s, v->reply);
		return v->action == POLICY_REJECT ? SMFIS_REJECT
						  : SMFIS_TEMPFAIL;
	}
	if (remove_forged(ctx, s) != MI_SUCCESS)
		return SMFIS_TEMPFAIL;
	if (strip_tls_fields(ctx, s) != MI_SUCCESS)
		return SMFIS_TEMPFAIL;
	if (mark_tls(ctx, s, v->tls_mark) != MI_SUCCESS)
		return SMFIS_TEMPFAIL;
	if (v->verdict.n)
		insert(ctx, s, VERDICT_FIELD, v->verdict);
	if (v->received_spf.n)
		insert(ctx, s, "Received-SPF", v->received_spf);
	if (insert(ctx, s, "Authentication-Results", v->authres) != MI_SUCCESS)
		return SMFIS_TEMPFAIL;
	if (v->action == POLICY_QUARANTINE) {
		char *why = arena_z(&s->message, v->quarantine);

		if (!why || smfi_quarantine(ctx, why) != MI_SUCCESS)
			return SMFIS_TEMPFAIL;
	}
	return SMFIS_ACCEPT;
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct session *s = session_of(ctx);
	struct session_verdict v;
	sfsistat r;

	if (!s)
		return SMFIS_TEMPFAIL;
	session_eom(s, macro(ctx, "i"), &v);
	r = apply(ctx, s, &v);
	session_end_message(s);
	return r;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct session *s = session_of(ctx);

	if (s) {
		session_confirm(s);
		session_end_message(s);
	}
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct session *s = session_of(ctx);

	if (s) {
		session_confirm(s);
		session_free(s);
		smfi_setpriv(ctx, NULL);
	}
	return SMFIS_CONTINUE;
}

/* Postfix's "inet:host:port" is libmilter's "inet:port@host". */
static int
libmilter_address(const char *listen, char *out, size_t size, struct diag *d)
{
	struct str spec = str_from_z(listen), rest, host;
	bool v6;
	size_t colon;

	if (str_starts(spec, STR("unix:")) && spec.n > 5) {
		snprintf(out, size, "%s", listen);
		return 0;
	}
	rest = str_from(spec, 5);
	colon = str_rchr(rest, ':');
	if (!str_starts(spec, STR("inet:")) || colon == rest.n)
		return diag_set(d, AVER_CONF, 0,
		    "milter_listen: expected unix:PATH or inet:HOST:PORT");
	host = str_trim(str_head(rest, colon), "[]");
	v6 = str_chr(host, ':') < host.n;
	snprintf(out, size, "inet%s:%.*s@%.*s", v6 ? "6" : "",
	    STRF(str_from(rest, colon + 1)), STRF(host));
	return 0;
}

/* Whether the place can be had. Says why not, as libmilter does not. */
static int
try_place(const char *where, struct diag *d)
{
	struct listen_access access = {.mode = 0600, .group = ""};
	struct listeners l = {0};
	struct diag why = {{0}, 0};
	int err = listen_add(&l, where, &access, &why);

	listen_close(&l);
	return err ? diag_set(
			 d, err, 0, "parameter milter_listen: %s", why.text)
		   : 0;
}

static int
open_socket(const char *where, struct diag *d)
{
	bool file = str_starts(str_from_z(where), STR("unix:"));
	int err = 0;

	/* libmilter takes the file away from who listens there: look first */
	if (file)
		err = try_place(where, d);
	if (err || smfi_opensocket(file) == MI_SUCCESS)
		return err;
	err = try_place(where, d);
	return err ? err
		   : diag_set(d, AVER_IO, 0,
			 "parameter milter_listen: libmilter cannot listen on "
			 "%s",
			 where);
}

int
callbacks_listen(struct service *s, const char *listen, struct diag *d)
{
	struct smfiDesc desc = {
	    .xxfi_name = unconst("aver-milter"),
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_rcpt,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_eoh,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_eom,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_close,
	    .xxfi_negotiate = on_negotiate,
	};
	char address[512];

	the_service = s;
	if (libmilter_address(listen, address, sizeof(address), d))
		return AVER_CONF;
	if (smfi_setconn(address) != MI_SUCCESS ||
	    smfi_register(desc) != MI_SUCCESS)
		return diag_set(d, AVER_CONF, 0,
		    "milter_listen = %s: not usable by libmilter", listen);
	return open_socket(listen, d);
}

int
callbacks_run(void)
{
	return smfi_main() == MI_SUCCESS ? 0 : AVER_IO;
}

void
callbacks_stop(void)
{
	smfi_stop();
}
