/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tlsrpt/postfix_log.h"

#include <string.h>

#include "lib/base/chars.h"
#include "lib/mail/addr.h"

#define WAYS 4u /* places that a process may be kept at */
#define PENDING 4 /* hosts that were skipped on the way to a delivery */
#define DOMAIN_OCTETS_MAX ((size_t)253)

struct text {
	char p[63];
	uint8_t n;
};

struct host {
	char mx[255], ip[45];
	uint8_t n_mx, n_ip;
	uint16_t port;
};

/* What is known of a connection. */
struct conn {
	struct host host; /* n_mx 0: there is none */
	enum postfix_level level;
	struct text protocol;
	enum tlsrpt_result failure; /* of the certificate or handshake */
	struct text reason;
	bool is_up; /* TLS was established */
	bool is_reused, is_reported;
	bool no_handshake;
	bool is_told; /* an event was made, for the message told_id */
	struct text told_id;
};

/* A host that was given up, waiting for the recipient to be named. */
struct skipped {
	struct conn conn;
	struct text queue_id, stamp;
	enum tlsrpt_result result;
	struct text reason;
	bool lacks_starttls;
};

struct process {
	uint64_t key; /* 0: free */
	uint64_t used; /* line */
	struct conn conn;
	struct skipped skipped[PENDING];
	unsigned n_skipped;
};

struct postfix_log {
	void (*event)(void *arg, const struct postfix_event *e);
	void *arg;
	struct process *v;
	unsigned sets;
	struct postfix_log_stats stats;
};

struct postfix_log *
postfix_log_new(struct arena *a, unsigned processes,
    void (*event)(void *arg, const struct postfix_event *e), void *arg)
{
	struct postfix_log *l = ARENA_NEW(a, struct postfix_log);

	if (!l)
		return NULL;
	if (processes > POSTFIX_LOG_PROCESSES_MAX)
		processes = POSTFIX_LOG_PROCESSES_MAX;
	l->sets = (processes + WAYS - 1) / WAYS;
	l->sets += l->sets == 0;
	l->v = ARENA_ARRAY(a, struct process, l->sets * WAYS);
	l->event = event;
	l->arg = arg;
	return l->v ? l : NULL;
}

static void
set_text(struct text *t, struct str s)
{
	s = str_head(s, sizeof(t->p));
	t->n = (uint8_t)s.n;
	if (s.n)
		memcpy(t->p, s.p, s.n);
}

static struct str
text_of(const struct text *t)
{
	return (struct str){t->p, t->n};
}

static void
set_host(struct host *h, const struct postfix_host *from)
{
	struct str mx = str_head(from->mx, sizeof(h->mx));
	struct str ip = str_head(from->ip, sizeof(h->ip));

	h->n_mx = (uint8_t)mx.n;
	h->n_ip = (uint8_t)ip.n;
	h->port = from->port;
	if (mx.n)
		memcpy(h->mx, mx.p, mx.n);
	if (ip.n)
		memcpy(h->ip, ip.p, ip.n);
}

static bool
is_host(const struct host *h, const struct postfix_host *is)
{
	return h->n_mx && str_eq_ci((struct str){h->mx, h->n_mx}, is->mx) &&
	       str_eq((struct str){h->ip, h->n_ip}, is->ip);
}

/* --- processes --------------------------------------------------------- */

static void
forget(struct postfix_log *l, struct process *p)
{
	const struct conn *c = &p->conn;

	l->stats.lost += p->n_skipped;
	l->stats.lost += c->is_up && !c->is_told && !c->is_reused;
	memset(p, 0, sizeof(*p));
}

/* The one of the key, or NULL; with make it takes the place of another. */
static struct process *
process_of(struct postfix_log *l, uint64_t key, bool make)
{
	unsigned set = (unsigned)((key * 0x9e3779b97f4a7c15u >> 32) % l->sets);
	struct process *v = l->v + set * WAYS, *oldest = v;

	for (unsigned i = 0; i < WAYS; i++) {
		if (v[i].key == key) {
			v[i].used = l->stats.lines;
			return &v[i];
		}
		if (v[i].used < oldest->used)
			oldest = &v[i];
	}
	if (!make)
		return NULL;
	forget(l, oldest);
	oldest->key = key;
	oldest->used = l->stats.lines;
	return oldest;
}

static uint64_t
smtp_key(uint32_t pid)
{
	return (uint64_t)pid << 1 | 1;
}

/* tlsproxy(8) serves many: what it says is kept by host. */
static uint64_t
proxy_key(const struct postfix_host *h)
{
	return str_hash(h->mx, str_hash(h->ip, 1)) << 1 | (uint64_t)1 << 63;
}

static struct process *
process_for(struct postfix_log *l, const struct postfix_line *line)
{
	return process_of(l,
	    line->is_proxy ? proxy_key(&line->host) : smtp_key(line->pid),
	    true);
}

/* The connection that a line of the TLS engine belongs to. */
static struct conn *
conn_for(struct process *p, const struct postfix_line *line, bool begins)
{
	struct conn *c = &p->conn;

	if (is_host(&c->host, &line->host) && !c->is_told &&
	    !(begins && c->is_up)) {
		if (line->host.port)
			c->host.port = line->host.port;
		return c;
	}
	memset(c, 0, sizeof(*c));
	set_host(&c->host, &line->host);
	return c;
}

/* --- events ------------------------------------------------------------ */

static void
send_event(struct postfix_log *l, const struct postfix_event *e)
{
	l->stats.events++;
	l->event(l->arg, e);
}

static void
fill(struct postfix_event *e, const struct conn *c)
{
	e->mx = (struct str){c->host.mx, c->host.n_mx};
	e->ip = (struct str){c->host.ip, c->host.n_ip};
	e->port = c->host.port;
	e->level = c->level;
	e->protocol = text_of(&c->protocol);
	e->is_reported = c->is_reported;
}

/*
 * What Postfix 3.10 and later report for the same end: smtp_proto.c and
 * tls_client.c.
 */
static void
judge(const struct conn *c, enum postfix_trouble trouble,
    enum tlsrpt_result *result, struct str *reason)
{
	static const struct str handshake = STR_INIT("tls-handshake-failure");

	*result = TLSRPT_SUCCESS;
	*reason = STR_NONE;
	switch (trouble) {
	case POSTFIX_NOT_VERIFIED:
		*result = c->level >= POSTFIX_TRUSTED
			      ? TLSRPT_CERTIFICATE_HOST_MISMATCH
			      : TLSRPT_CERTIFICATE_NOT_TRUSTED;
		if (c->failure != TLSRPT_SUCCESS) {
			*result = c->failure;
			*reason = text_of(&c->reason);
		}
		return;
	case POSTFIX_NOT_OFFERED:
	case POSTFIX_REFUSED:
		*result = TLSRPT_STARTTLS_NOT_SUPPORTED;
		return;
	case POSTFIX_NO_HANDSHAKE:
		*result = TLSRPT_VALIDATION_FAILURE;
		*reason = handshake;
		return;
	case POSTFIX_FINE:
	case POSTFIX_NOT_REACHED:
		break;
	}
	if (c->no_handshake && !c->is_up) {
		*result = TLSRPT_VALIDATION_FAILURE;
		*reason = handshake;
	} else if (c->failure == TLSRPT_TLSA_INVALID) {
		*result = c->failure;
		*reason = text_of(&c->reason);
	}
}

static struct str
domain_of(struct str rcpt)
{
	struct str local, domain;

	addr_split(rcpt, &local, &domain);
	return domain.n <= DOMAIN_OCTETS_MAX ? domain : STR_NONE;
}

/* The hosts that were given up before this delivery of the same message. */
static void
tell_skipped(struct postfix_log *l, struct process *p,
    const struct postfix_line *line, struct str domain)
{
	for (unsigned i = 0; i < p->n_skipped; i++) {
		const struct skipped *s = &p->skipped[i];
		struct postfix_event e = {.kind = POSTFIX_EVENT_SESSION,
		    .stamp = text_of(&s->stamp),
		    .domain = domain,
		    .queue_id = line->queue_id,
		    .result = s->result,
		    .reason = text_of(&s->reason),
		    .lacks_starttls = s->lacks_starttls};

		fill(&e, &s->conn);
		if (domain.n && str_eq(text_of(&s->queue_id), line->queue_id))
			send_event(l, &e);
		else
			l->stats.lost++;
	}
	p->n_skipped = 0;
}

/*
 * The connection of a delivery; one without TLS is made up here. NULL when its
 * event was made already.
 */
static struct conn *
conn_of_delivery(
    struct postfix_log *l, struct process *p, const struct postfix_line *line)
{
	struct process *proxy = process_of(l, proxy_key(&line->host), false);
	struct conn *c = &p->conn;

	if (line->conn_use > 1)
		return NULL;
	if (proxy && is_host(&proxy->conn.host, &line->host) &&
	    !proxy->conn.is_told)
		*c = proxy->conn;
	if (proxy)
		proxy->conn.is_told = true;
	if (is_host(&c->host, &line->host)) {
		/* other recipients of the message, in the same session */
		if (c->is_told &&
		    str_eq(text_of(&c->told_id),
			str_head(line->queue_id, sizeof(c->told_id.p))))
			return NULL;
		if (!c->is_told)
			return c;
	}
	memset(c, 0, sizeof(*c));
	set_host(&c->host, &line->host);
	return c;
}

static void
on_delivery(
    struct postfix_log *l, struct process *p, const struct postfix_line *line)
{
	struct postfix_event e = {.kind = POSTFIX_EVENT_SESSION,
	    .stamp = line->stamp,
	    .domain = domain_of(line->rcpt),
	    .tls = line->tls,
	    .queue_id = line->queue_id,
	    .lacks_starttls = line->trouble == POSTFIX_NOT_OFFERED};
	struct conn *c;

	tell_skipped(l, p, line, e.domain);
	if (line->host.mx.n == 0 || !(c = conn_of_delivery(l, p, line)))
		return;
	judge(c, line->trouble, &e.result, &e.reason);
	fill(&e, c);
	c->is_told = true;
	set_text(&c->told_id, line->queue_id);
	if (e.domain.n && !c->is_reused)
		send_event(l, &e);
}

static void
on_skipped(
    struct postfix_log *l, struct process *p, const struct postfix_line *line)
{
	struct conn *c = &p->conn;
	struct skipped *s;
	struct str reason;

	if (p->n_skipped == PENDING) {
		l->stats.lost++;
		return;
	}
	/* a line that names no host is about the one before */
	if (line->host.mx.n && !is_host(&c->host, &line->host))
		c = conn_for(p, line, true);
	s = &p->skipped[p->n_skipped++];
	s->conn = *c;
	set_text(&s->queue_id, line->queue_id);
	set_text(&s->stamp, line->stamp);
	judge(c, line->trouble, &s->result, &reason);
	set_text(&s->reason, reason);
	s->lacks_starttls = line->trouble == POSTFIX_NOT_OFFERED;
	c->is_told = true;
	set_text(&c->told_id, line->queue_id);
}

static void
on_simple(struct postfix_log *l, enum postfix_event_kind kind,
    const struct postfix_line *line)
{
	struct postfix_event e = {.kind = kind,
	    .stamp = line->stamp,
	    .domain = line->domain,
	    .mx = line->host.mx,
	    .result = line->result,
	    .reason = line->reason};

	send_event(l, &e);
}

static void
on_engine(struct process *p, const struct postfix_line *line)
{
	bool begins = line->kind == POSTFIX_ESTABLISHED ||
		      line->kind == POSTFIX_REUSED ||
		      line->kind == POSTFIX_CERTIFICATE ||
		      line->kind == POSTFIX_HANDSHAKE;
	struct conn *c = conn_for(p, line, begins);

	switch (line->kind) {
	case POSTFIX_ESTABLISHED:
	case POSTFIX_REUSED:
		c->is_up = true;
		c->is_reused = line->kind == POSTFIX_REUSED;
		c->level = line->level;
		set_text(&c->protocol, line->protocol);
		break;
	case POSTFIX_CERTIFICATE:
		c->failure = line->result;
		set_text(&c->reason, line->reason);
		break;
	case POSTFIX_HANDSHAKE:
		c->no_handshake = true;
		break;
	case POSTFIX_TLSRPT:
		c->is_reported = true;
		break;
	case POSTFIX_OTHER:
	case POSTFIX_ODD:
	case POSTFIX_OFFER:
	case POSTFIX_POLICY:
	case POSTFIX_SKIPPED:
	case POSTFIX_DELIVERY:
		break;
	}
}

void
postfix_log_line(struct postfix_log *l, struct str text)
{
	struct postfix_line line;

	l->stats.lines++;
	while (text.n && chars_is(text.p[text.n - 1], CH_FWS))
		text.n--;
	l->stats.odd += text.n > POSTFIX_LINE_MAX;
	if (!postfix_line_read(text, &line))
		return;
	if (line.kind == POSTFIX_ODD) {
		l->stats.odd++;
		return;
	}
	l->stats.used++;
	switch (line.kind) {
	case POSTFIX_OFFER:
		on_simple(l, POSTFIX_EVENT_OFFER, &line);
		break;
	case POSTFIX_POLICY:
		on_simple(l, POSTFIX_EVENT_POLICY, &line);
		break;
	case POSTFIX_DELIVERY:
		on_delivery(l, process_for(l, &line), &line);
		break;
	case POSTFIX_SKIPPED:
		on_skipped(l, process_for(l, &line), &line);
		break;
	case POSTFIX_ESTABLISHED:
	case POSTFIX_REUSED:
	case POSTFIX_CERTIFICATE:
	case POSTFIX_HANDSHAKE:
	case POSTFIX_TLSRPT:
		on_engine(process_for(l, &line), &line);
		break;
	case POSTFIX_OTHER:
	case POSTFIX_ODD:
		break;
	}
}

void
postfix_log_stats(const struct postfix_log *l, struct postfix_log_stats *out)
{
	*out = l->stats;
}
