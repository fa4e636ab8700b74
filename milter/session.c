/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "milter/session.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arf/arf.h"
#include "lib/base/clock.h"
#include "lib/inbound/inbound_incident.h"
#include "lib/mail/addr.h"
#include "milter/milter_metrics.h"
#include "milter/summary.h"

#define CONNECTION_MEMORY ((size_t)64 * 1024)
/* beside the header: names, records, results, the field we add */
#define MESSAGE_MEMORY ((size_t)4 * 1024 * 1024)
#define AUTHRES_MAX ((size_t)64 * 1024)
#define HELO_MAX 512
#define ADDRESS_MAX 1024

struct session *
session_new(struct service *service, struct ip ip, uint16_t port)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	/* in this order, as who stops sets the second and then looks here */
	atomic_fetch_add(&service->sessions, 1);
	if (atomic_load(&service->draining)) {
		atomic_fetch_sub(&service->sessions, 1);
		free(s);
		return NULL;
	}
	s->service = service;
	s->snapshot = service_snapshot(service);
	s->ip = ip_unmap(ip);
	s->port = port;
	s->local = ip.family == IP_NONE;
	s->ticket.slot = -1;
	arena_init(&s->connection, CONNECTION_MEMORY);
	/* a field is kept once, and once more while a signature over it is
	 * checked */
	arena_init(&s->message,
	    MESSAGE_MEMORY + 2 * (size_t)s->snapshot->conf->max_header_octets);
	return s;
}

void
session_free(struct session *s)
{
	if (!s)
		return;
	session_end_message(s);
	arena_fini(&s->message);
	arena_fini(&s->connection);
	snapshot_unref(s->snapshot);
	atomic_fetch_sub(&s->service->sessions, 1);
	free(s);
}

void
session_helo(struct session *s, struct str helo)
{
	/* a second EHLO after STARTTLS replaces the first */
	s->helo = arena_dup(&s->connection, str_head(helo, HELO_MAX));
}

void
session_confirm(struct session *s)
{
	if (s->ticket.slot >= 0)
		recorder_confirm(s->service->recorder, &s->ticket);
	s->ticket.slot = -1;
}

void
session_end_message(struct session *s)
{
	if (!s->in_message)
		return;
	s->in_message = false;
	arena_reset(&s->message);
	atomic_fetch_sub(&s->service->messages, 1);
}

static bool
is_exempt(const struct session *s, struct str auth_user)
{
	return s->local || auth_user.n > 0 ||
	       conf_nets_match(&s->snapshot->conf->trusted_networks, &s->ip);
}

void
session_mail(struct session *s, const struct session_mail *mail)
{
	struct arena *a = &s->message;
	struct inbound_facts facts = {
	    .ip = s->ip,
	    .port = s->port,
	    .helo = s->helo,
	    .smtputf8 = mail->smtputf8,
	    .requiretls = mail->requiretls,
	    .sample = (unsigned)(clock_mono_us() % 100),
	    .now = clock_now(),
	};

	session_end_message(s);
	s->in_message = true;
	atomic_fetch_add(&s->service->messages, 1);
	s->queue_id = STR_NONE;
	s->rcpt_domain = STR_NONE;
	s->rcpt_mixed = false;
	s->recipients = 0;
	s->rcpts = NULL;
	s->n_rcpts = 0;
	facts.mail_from =
	    arena_dup(a, str_head(addr_strip(mail->from), ADDRESS_MAX));
	facts.auth_user = arena_dup(a, str_head(mail->auth_user, ADDRESS_MAX));
	facts.exempt = is_exempt(s, mail->auth_user);
	/* RFC 8601 section 5: results of ours may come from trusted hosts
	 * only; whoever logs in is none */
	s->keeps_results = facts.exempt && mail->auth_user.n == 0;
	forged_init(
	    &s->forged, s->snapshot->conf, s->snapshot->options.authserv_id);
	tls_mark_init(&s->tls_mark, s->snapshot->conf);
	dns_init(&s->dns, s->snapshot->resolver->source, a, 0,
	    (unsigned)s->snapshot->conf->dns_max_questions);
	inbound_begin(&s->inbound, &s->snapshot->options, a, &s->dns, &facts);
}

static void
keep_rcpt(struct session *s, struct str rcpt)
{
	if (s->n_rcpts == SESSION_RCPTS_MAX)
		return;
	if (!s->rcpts)
		s->rcpts =
		    ARENA_ARRAY(&s->message, struct str, SESSION_RCPTS_MAX);
	if (s->rcpts && policy_rcpt_of(&s->message, str_head(rcpt, ADDRESS_MAX),
			    &s->rcpts[s->n_rcpts]) == 0)
		s->n_rcpts++;
}

/* RFC 9990 section 3.1.1.10: one domain of all recipients, or none. */
void
session_rcpt(struct session *s, struct str rcpt, struct str mailer)
{
	struct str local, domain;

	if (!s->in_message)
		return;
	s->recipients++;
	tls_mark_rcpt(&s->tls_mark, mailer);
	if (s->inbound.facts.exempt)
		return;
	keep_rcpt(s, rcpt);
	if (s->rcpt_mixed)
		return;
	addr_split(addr_strip(rcpt), &local, &domain);
	domain = str_head(domain, 255);
	if (s->recipients == 1)
		s->rcpt_domain = arena_lower(&s->message, domain);
	else if (!str_eq_ci(domain, s->rcpt_domain))
		s->rcpt_mixed = true;
}

static size_t
count_folds(struct str value)
{
	size_t n = 0;

	for (size_t at = 0; at < value.n; at++) {
		at += str_chr(str_from(value, at), '\n');
		n += at < value.n;
	}
	return n;
}

/* libmilter gives folds as LF; the message had CRLF (RFC 5322 section 2.2.3).
 */
static char *
copy_value(char *to, struct str value)
{
	while (value.n) {
		size_t n = str_chr(value, '\n');

		memcpy(to, value.p, n);
		to += n;
		if (n == value.n)
			break;
		if (n == 0 || value.p[n - 1] != '\r')
			*to++ = '\r';
		*to++ = '\n';
		value = str_from(value, n + 1);
	}
	return to;
}

void
session_header(struct session *s, struct str name, struct str value)
{
	size_t most = name.n + 1 + value.n + count_folds(value);
	char *raw, *end;

	if (!s->in_message)
		return;
	tls_mark_field(&s->tls_mark, name);
	if (!s->keeps_results)
		forged_field(&s->forged, &s->message, name, value);
	if (!inbound_wants_field(&s->inbound, name, most)) {
		inbound_drop_field(&s->inbound, INBOUND_HEADER_OCTETS);
		return;
	}
	raw = arena_alloc(&s->message, most);
	if (!raw) {
		inbound_drop_field(&s->inbound, INBOUND_MEMORY);
		return;
	}
	memcpy(raw, name.p, name.n);
	raw[name.n] = ':';
	end = copy_value(raw + name.n + 1, value);
	inbound_field(&s->inbound, (struct str){raw, (size_t)(end - raw)});
}

void
session_eoh(struct session *s)
{
	if (!s->in_message)
		return;
	if (!s->rcpt_mixed)
		s->inbound.facts.rcpt_domain = s->rcpt_domain;
	s->inbound.facts.rcpts = s->rcpts;
	s->inbound.facts.n_rcpts = s->n_rcpts;
	s->inbound.facts.rcpts_incomplete = s->n_rcpts < s->recipients;
	inbound_eoh(&s->inbound);
}

void
session_body(struct session *s, struct str chunk)
{
	if (s->in_message)
		inbound_body(&s->inbound, chunk);
}

static bool
within_rate(struct session *s, struct str policy_domain)
{
	const struct conf *c = s->snapshot->conf;
	bool good;

	pthread_mutex_lock(&s->service->failure_lock);
	good = arf_rate_take(&s->service->failure_rate, policy_domain,
	    s->inbound.facts.now, (uint32_t)c->failure_rate,
	    (uint32_t)c->failure_rate_total);
	pthread_mutex_unlock(&s->service->failure_lock);
	return good;
}

/* What a failure report needs of the message; empty: none is due or kept. */
static struct str
incident(struct session *s, enum session_incident *what)
{
	struct arf_incident in;
	struct buf octets;

	if (!s->snapshot->conf->failure_reports ||
	    !inbound_incident(&s->inbound, &in))
		return STR_NONE;
	*what = SESSION_INCIDENT_LIMITED;
	if (!within_rate(s, in.policy_domain))
		return STR_NONE;
	*what = SESSION_INCIDENT_RECORDED;
	buf_init(&octets, &s->message, ARF_INCIDENT_MAX);
	arf_incident_encode(&octets, &in);
	return buf_str(&octets);
}

static void
record(struct session *s, struct session_verdict *out)
{
	struct evaluation ev;
	uint8_t fingerprint[RECORDER_FINGERPRINT];
	struct buf octets;
	bool optional;

	if (!s->service->recorder || !inbound_evaluation(&s->inbound, &ev))
		return;
	/* beside the octets, so that both kinds of one row stay alike */
	optional = ev.optional;
	ev.optional = false;
	buf_init(&octets, &s->message, 65536);
	evaluation_encode(&octets, &ev);
	if (!buf_ok(&octets))
		return;
	inbound_fingerprint(&s->inbound, fingerprint);
	recorder_add_message(s->service->recorder, s->inbound.facts.now,
	    ev.policy_domain, buf_str(&octets), optional,
	    incident(s, &out->incident), fingerprint, &s->ticket);
}

static bool
removes_too_much(const struct session *s)
{
	size_t n = s->forged.n + s->tls_mark.seen;

	if (s->snapshot->conf->strip_require_tls_esmtp)
		n += s->tls_mark.esmtp_seen;
	return n > REMOVED_MAX;
}

static void
render(struct session *s, struct session_verdict *out)
{
	struct buf b, r;

	buf_init(&b, &s->message, AUTHRES_MAX);
	inbound_authres(&s->inbound, &b, "\n");
	out->failed = !buf_ok(&b) || s->forged.failed || removes_too_much(s);
	out->authres = buf_str(&b);
	if (!s->snapshot->conf->received_spf || s->inbound.facts.exempt)
		return;
	buf_init(&r, &s->message, 4096);
	inbound_received_spf(&s->inbound, &r, "\n");
	out->received_spf = buf_str(&r);
}

/* For the MTA's log and queue: words of ours and a checked domain. */
static struct str
quarantine_reason(struct session *s)
{
	const struct inbound *in = &s->inbound;
	struct buf b;

	buf_init(&b, &s->message, 400);
	buf_addf(&b, "aver: %s", policy_situation_name(in->outcome.situation));
	if (in->dmarc.from_domain.n)
		buf_addf(
		    &b, " %.*s", STRF(str_head(in->dmarc.from_domain, 255)));
	return buf_ok(&b) ? buf_str(&b) : STR("aver");
}

/* What filters behind us can sort by. */
static struct str
verdict_field(struct session *s)
{
	const struct inbound *in = &s->inbound;
	struct buf b;

	if (in->action != POLICY_HEADER)
		return STR_NONE;
	buf_init(&b, &s->message, 400);
	buf_addf(&b, " header; reason=%s",
	    policy_situation_name(in->outcome.situation));
	if (in->dmarc.from_domain.n)
		buf_addf(&b, ";\n\tfrom=%.*s",
		    STRF(str_head(in->dmarc.from_domain, 255)));
	return buf_str(&b);
}

void
session_eom(struct session *s, struct str queue_id, struct session_verdict *out)
{
	const struct conf *c = s->snapshot->conf;

	*out = (struct session_verdict){.failed = true};
	if (!s->in_message)
		return;
	s->eom_start = clock_mono_us();
	s->queue_id = arena_dup(&s->message, str_head(queue_id, 64));
	s->inbound.facts.queue_id = s->queue_id;
	s->dns.deadline = s->eom_start / 1000 + c->message_deadline * 1000;
	inbound_finish(&s->inbound);
	render(s, out);
	if (!out->failed) {
		out->action = s->inbound.action;
		out->reply = s->inbound.reply;
		out->quarantine = quarantine_reason(s);
		out->verdict = verdict_field(s);
		out->tls_mark = tls_mark_wanted(
		    &s->tls_mark, str_from_z(inbound_tls_wish(&s->inbound)));
		record(s, out);
	}
	atomic_fetch_add_explicit(&s->service->seen, 1, memory_order_relaxed);
	milter_metrics_message(
	    s->service->metrics, s, out, clock_mono_us() - s->eom_start);
	summary_log(s, out);
}
