/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/bench/mta.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#define OFFERED_ACTIONS 0x1ffu
#define OFFERED_STEPS 0x1fffffu
#define CHUNK 65535
#define TIMEOUT_S 60
#define CONNECT_TRIES 2000

int64_t
mta_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- addresses and connections ---------------------------------------- */

static bool
unix_address(struct mta_address *a, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(un.sun_path))
		return false;
	memcpy(un.sun_path, path, n + 1);
	memcpy(&a->sa, &un, sizeof(un));
	a->n = sizeof(un);
	return true;
}

static bool
inet_address(struct mta_address *a, const char *host_port)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	const char *colon = strrchr(host_port, ':');
	char host[64];
	long port;

	if (!colon || (size_t)(colon - host_port) >= sizeof(host))
		return false;
	memcpy(host, host_port, (size_t)(colon - host_port));
	host[colon - host_port] = '\0';
	port = strtol(colon + 1, NULL, 10);
	if (port < 1 || port > 65535 ||
	    inet_pton(AF_INET, host, &in.sin_addr) != 1)
		return false;
	in.sin_port = htons((uint16_t)port);
	memcpy(&a->sa, &in, sizeof(in));
	a->n = sizeof(in);
	return true;
}

bool
mta_address(struct mta_address *out, const char *text)
{
	*out = (struct mta_address){.text = text};
	if (strncmp(text, "unix:", 5) == 0)
		return unix_address(out, text + 5);
	if (strncmp(text, "inet:", 5) == 0)
		return inet_address(out, text + 5);
	return false;
}

static bool
broken(struct mta_link *l, const char *why)
{
	l->trouble = why;
	return false;
}

static bool
dial(struct mta_link *l)
{
	const struct mta_address *a = l->address;
	struct timeval timeout = {TIMEOUT_S, 0};
	int on = 1;

	for (int i = 0;; i++) {
		l->fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (l->fd < 0)
			return broken(l, "no socket");
		if (connect(l->fd, (const struct sockaddr *)&a->sa, a->n) == 0)
			break;
		close(l->fd);
		l->fd = -1;
		/* a unix socket whose backlog is full says so at once */
		if (errno != EAGAIN || i == CONNECT_TRIES)
			return broken(l, "cannot connect");
		nanosleep(&(struct timespec){0, 500000}, NULL);
	}
	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (a->sa.ss_family == AF_INET)
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return true;
}

/* ---- packets ----------------------------------------------------------- */

/* Sends the buffer and, without a copy, n octets behind it. */
static bool
flush_with(struct mta_link *l, const void *p, size_t n)
{
	struct iovec v[2] = {{l->out, l->out_n}, {NULL, n}};
	struct msghdr h = {.msg_iov = v, .msg_iovlen = 2};

	memcpy(&v[1].iov_base, &p, sizeof(p));
	while (v[0].iov_len + v[1].iov_len > 0) {
		ssize_t sent = sendmsg(l->fd, &h, MSG_NOSIGNAL);
		size_t first;

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return broken(l, "cannot send");
		first =
		    (size_t)sent < v[0].iov_len ? (size_t)sent : v[0].iov_len;
		v[0].iov_base = (char *)v[0].iov_base + first;
		v[0].iov_len -= first;
		if ((size_t)sent == first)
			continue;
		v[1].iov_base = (char *)v[1].iov_base + ((size_t)sent - first);
		v[1].iov_len -= (size_t)sent - first;
	}
	l->out_n = 0;
	return true;
}

static bool
put(struct mta_link *l, const void *p, size_t n)
{
	if (l->out_n + n > sizeof(l->out) && !flush_with(l, NULL, 0))
		return false;
	if (n > sizeof(l->out))
		return flush_with(l, p, n);
	memcpy(l->out + l->out_n, p, n);
	l->out_n += n;
	return true;
}

static bool
put_head(struct mta_link *l, char command, size_t payload)
{
	uint32_t n = htonl((uint32_t)payload + 1);
	char head[5];

	memcpy(head, &n, 4);
	head[4] = command;
	return put(l, head, sizeof(head));
}

/* A command whose payload is the strings up to NULL, each with its NUL. */
static bool
put_strings(
    struct mta_link *l, char command, char stage, const char *const *strings)
{
	size_t n = stage != 0;

	for (size_t i = 0; strings[i]; i++)
		n += strlen(strings[i]) + 1;
	if (!put_head(l, command, n) || (stage && !put(l, &stage, 1)))
		return false;
	for (size_t i = 0; strings[i]; i++)
		if (!put(l, strings[i], strlen(strings[i]) + 1))
			return false;
	return true;
}

#define STRINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The next packet: *command, *p and *n of its payload. */
static bool
get(struct mta_link *l, char *command, const char **p, size_t *n)
{
	if (l->out_n && !flush_with(l, NULL, 0))
		return false;
	for (;;) {
		size_t have = l->in_n - l->in_at;
		uint32_t size = 0;
		ssize_t got;

		if (have >= 4) {
			memcpy(&size, l->in + l->in_at, 4);
			size = ntohl(size);
			if (size < 1 || size > MTA_BUFFER)
				return broken(l, "packet of a wrong size");
		}
		if (size && have >= 4 + (size_t)size) {
			*command = (char)l->in[l->in_at + 4];
			*p = (const char *)l->in + l->in_at + 5;
			*n = size - 1;
			l->in_at += 4 + size;
			return true;
		}
		memmove(l->in, l->in + l->in_at, have);
		l->in_at = 0;
		l->in_n = have;
		got = recv(l->fd, l->in + have, sizeof(l->in) - have, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return broken(l, got == 0 ? "closed by the milter"
						  : "no reply in time");
		l->in_n += (size_t)got;
	}
}

/* ---- replies ----------------------------------------------------------- */

static const char *
keep(struct mta *m, const char *p, size_t n)
{
	char *copy = m->text + m->text_n;

	if (sizeof(m->text) - m->text_n < n + 1)
		return NULL;
	memcpy(copy, p, n);
	copy[n] = '\0';
	m->text_n += n + 1;
	return copy;
}

/* Both insertion at the top and addition; the order does not matter here. */
static void
insert(struct mta *m, const struct mta_link *l, const char *p, size_t n)
{
	size_t name_n = strnlen(p, n), at = m->text_n;
	const char *name, *value;

	if (name_n + 1 >= n || m->n_inserted == MTA_INSERTED_MAX) {
		m->others++;
		return;
	}
	p += name_n + 1;
	n -= name_n + 1;
	name = keep(m, p - name_n - 1, name_n);
	/* the next milter may want the space that this one left out */
	if (!(l->steps & SMFIP_HDR_LEADSPC) && m->text_n < sizeof(m->text))
		m->text[m->text_n++] = ' ';
	value = keep(m, p, strnlen(p, n));
	if (!name || !value) {
		m->text_n = at;
		m->others++;
		return;
	}
	if (!(l->steps & SMFIP_HDR_LEADSPC))
		value--;
	memmove(m->inserted + 1, m->inserted,
	    m->n_inserted * sizeof(m->inserted[0]));
	m->inserted[0] = (struct mail_field){name, value};
	m->n_inserted++;
}

/* Reads up to the reply that ends the step. */
static bool
verdict(struct mta *m, struct mta_link *l)
{
	for (;;) {
		const char *p;
		size_t n;
		char c;

		if (!get(l, &c, &p, &n))
			return false;
		switch (c) {
		case SMFIR_PROGRESS:
			continue;
		case SMFIR_ADDHEADER:
			insert(m, l, p, n);
			continue;
		case SMFIR_INSHEADER:
			insert(m, l, p + 4, n < 4 ? 0 : n - 4);
			continue;
		case SMFIR_CHGHEADER:
		case SMFIR_QUARANTINE:
		case SMFIR_ADDRCPT:
		case SMFIR_DELRCPT:
		case SMFIR_REPLBODY:
			m->others++;
			continue;
		case SMFIR_CONTINUE:
		case SMFIR_SKIP:
		case SMFIR_ACCEPT:
		case SMFIR_REJECT:
		case SMFIR_TEMPFAIL:
		case SMFIR_DISCARD:
		case SMFIR_REPLYCODE:
			l->verdict = c;
			return true;
		default:
			return broken(l, "unknown reply");
		}
	}
}

/* After a command: the reply, unless the milter promised none. */
static bool
await(struct mta *m, struct mta_link *l, uint32_t no_reply)
{
	if (l->steps & no_reply)
		return true;
	if (!verdict(m, l))
		return false;
	if (l->verdict != SMFIR_CONTINUE && l->verdict != SMFIR_SKIP) {
		l->done = true;
		if (l->verdict != SMFIR_ACCEPT)
			m->verdict = l->verdict;
	}
	return true;
}

/* ---- the steps of a session ------------------------------------------- */

static bool
negotiate(struct mta_link *l)
{
	uint32_t v[3] = {
	    htonl(6), htonl(OFFERED_ACTIONS), htonl(OFFERED_STEPS)};
	const char *p;
	size_t n;
	char c;

	if (!put_head(l, SMFIC_OPTNEG, sizeof(v)) || !put(l, v, sizeof(v)) ||
	    !get(l, &c, &p, &n))
		return false;
	if (c != SMFIC_OPTNEG || n < sizeof(v))
		return broken(l, "no negotiation");
	memcpy(v, p, sizeof(v));
	l->steps = ntohl(v[2]);
	if (ntohl(v[0]) < 6 || l->steps & ~OFFERED_STEPS)
		return broken(l, "negotiated what was not offered");
	return true;
}

static bool
open_link(struct mta_link *l)
{
	l->out_n = l->in_n = l->in_at = 0;
	l->done = false;
	l->verdict = SMFIR_CONTINUE;
	l->trouble = NULL;
	return dial(l) && negotiate(l);
}

static bool
send_connect(struct mta *m, struct mta_link *l, const struct mail *mail)
{
	uint16_t port = htons(25025);
	const char family = strchr(mail->ip, ':') ? SMFIA_INET6 : SMFIA_INET;
	size_t host = strlen(mail->host) + 1, ip = strlen(mail->ip) + 1;

	if (l->steps & SMFIP_NOCONNECT)
		return true;
	return put_strings(l, SMFIC_MACRO, SMFIC_CONNECT,
		   STRINGS("j", "mx.bench.example", "{daemon_name}", "smtpd",
		       "{daemon_addr}", "127.0.0.1", "v", "bench")) &&
	       put_head(l, SMFIC_CONNECT, host + 3 + ip) &&
	       put(l, mail->host, host) && put(l, &family, 1) &&
	       put(l, &port, 2) && put(l, mail->ip, ip) &&
	       await(m, l, SMFIP_NR_CONN);
}

static bool
send_helo(struct mta *m, struct mta_link *l, const struct mail *mail)
{
	static const char *const no_macros[] = {NULL};

	if (l->done || l->steps & SMFIP_NOHELO)
		return true;
	return put_strings(l, SMFIC_MACRO, SMFIC_HELO, no_macros) &&
	       put_strings(l, SMFIC_HELO, 0, STRINGS(mail->helo)) &&
	       await(m, l, SMFIP_NR_HELO);
}

static bool
send_mail(struct mta *m, struct mta_link *l, const struct mail *mail)
{
	char path[512], size[32];

	if (l->done || l->steps & SMFIP_NOMAIL)
		return true;
	snprintf(path, sizeof(path), "<%s>", mail->mail_from);
	snprintf(size, sizeof(size), "SIZE=%zu", mail->octets);
	return put_strings(l, SMFIC_MACRO, SMFIC_MAIL,
		   STRINGS("{mail_addr}", mail->mail_from, "{mail_mailer}",
		       "smtp")) &&
	       put_strings(l, SMFIC_MAIL, 0, STRINGS(path, size)) &&
	       await(m, l, SMFIP_NR_MAIL);
}

static bool
send_rcpt(struct mta *m, struct mta_link *l, const struct mail *mail,
    const char *queue_id)
{
	char path[512];

	if (l->done || l->steps & SMFIP_NORCPT)
		return true;
	snprintf(path, sizeof(path), "<%s>", mail->rcpt);
	return put_strings(l, SMFIC_MACRO, SMFIC_RCPT,
		   STRINGS("i", queue_id, "{rcpt_addr}", mail->rcpt,
		       "{rcpt_mailer}", "local")) &&
	       put_strings(l, SMFIC_RCPT, 0, STRINGS(path)) &&
	       await(m, l, SMFIP_NR_RCPT);
}

static bool
send_data(struct mta *m, struct mta_link *l, const char *queue_id)
{
	if (l->done || l->steps & SMFIP_NODATA)
		return true;
	return put_strings(
		   l, SMFIC_MACRO, SMFIC_DATA, STRINGS("i", queue_id)) &&
	       put_head(l, SMFIC_DATA, 0) && await(m, l, SMFIP_NR_DATA);
}

static bool
send_fields(
    struct mta *m, struct mta_link *l, const struct mail_field *f, size_t n)
{
	if (l->steps & SMFIP_NOHDRS)
		return true;
	for (size_t i = 0; i < n && !l->done; i++) {
		const char *value = f[i].value;

		if (!(l->steps & SMFIP_HDR_LEADSPC) && *value == ' ')
			value++;
		if (!put_strings(
			l, SMFIC_HEADER, 0, STRINGS(f[i].name, value)) ||
		    !await(m, l, SMFIP_NR_HDR))
			return false;
	}
	return true;
}

static bool
send_body(struct mta *m, struct mta_link *l, const struct mail *mail)
{
	if (l->steps & SMFIP_NOBODY)
		return true;
	l->verdict = SMFIR_CONTINUE;
	for (size_t at = 0; at < mail->body_n && !l->done; at += CHUNK) {
		size_t n = mail->body_n - at;

		n = n > CHUNK ? CHUNK : n;
		if (!put_head(l, SMFIC_BODY, n) ||
		    !flush_with(l, mail->body + at, n) ||
		    !await(m, l, SMFIP_NR_BODY))
			return false;
		if (l->verdict == SMFIR_SKIP)
			break;
	}
	return true;
}

static bool
send_end(struct mta *m, struct mta_link *l, const char *queue_id)
{
	int64_t start = mta_now_ns();

	if (!put_strings(
		l, SMFIC_MACRO, SMFIC_BODYEOB, STRINGS("i", queue_id)) ||
	    !put_head(l, SMFIC_BODYEOB, 0) || !await(m, l, 0))
		return false;
	m->eom_ns += mta_now_ns() - start;
	return true;
}

static bool
send_content(struct mta *m, struct mta_link *l, const struct mail *mail,
    const char *queue_id)
{
	if (l->done)
		return true;
	if (!send_fields(m, l, m->inserted, m->n_inserted) ||
	    !send_fields(m, l, mail->fields, mail->n_fields))
		return false;
	if (!l->done && !(l->steps & SMFIP_NOEOH) &&
	    (!put_strings(l, SMFIC_MACRO, SMFIC_EOH, STRINGS("i", queue_id)) ||
		!put_head(l, SMFIC_EOH, 0) || !await(m, l, SMFIP_NR_EOH)))
		return false;
	if (!l->done && !send_body(m, l, mail))
		return false;
	return l->done || send_end(m, l, queue_id);
}

/* ---- the whole --------------------------------------------------------- */

bool
mta_init(struct mta *m, const struct mta_address *addresses, size_t n)
{
	*m = (struct mta){.n = n};
	for (size_t i = 0; i < n; i++) {
		m->link[i] = calloc(1, sizeof(*m->link[i]));
		if (!m->link[i])
			return false;
		m->link[i]->fd = -1;
		m->link[i]->address = &addresses[i];
	}
	return true;
}

void
mta_fini(struct mta *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->link[i]);
}

static void
hang_up(struct mta *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct mta_link *l = m->link[i];

		if (l->fd < 0)
			continue;
		if (!l->trouble && put_head(l, SMFIC_QUIT, 0))
			flush_with(l, NULL, 0);
		close(l->fd);
		l->fd = -1;
	}
}

/* Each SMTP command goes to all milters before the next one is read. */
static bool
envelope(struct mta *m, const struct mail *mail, const char *queue_id)
{
	for (size_t i = 0; i < m->n; i++)
		if (!open_link(m->link[i]) ||
		    !send_connect(m, m->link[i], mail))
			return false;
	for (size_t i = 0; i < m->n; i++)
		if (!send_helo(m, m->link[i], mail))
			return false;
	for (size_t i = 0; i < m->n; i++)
		if (!send_mail(m, m->link[i], mail))
			return false;
	for (size_t i = 0; i < m->n; i++)
		if (!send_rcpt(m, m->link[i], mail, queue_id))
			return false;
	for (size_t i = 0; i < m->n; i++)
		if (!send_data(m, m->link[i], queue_id))
			return false;
	return true;
}

bool
mta_deliver(struct mta *m, const struct mail *mail, unsigned long seq)
{
	char queue_id[32];
	bool good;

	snprintf(queue_id, sizeof(queue_id), "4B%08lX", seq);
	m->n_inserted = m->text_n = 0;
	m->others = 0;
	m->eom_ns = 0;
	m->verdict = SMFIR_CONTINUE;
	good = envelope(m, mail, queue_id);
	for (size_t i = 0; good && i < m->n; i++)
		good = send_content(m, m->link[i], mail, queue_id);
	hang_up(m);
	return good;
}

const char *
mta_trouble(const struct mta *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->link[i]->trouble)
			return m->link[i]->trouble;
	return "none";
}
