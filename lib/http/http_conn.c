/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/http/http_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "lib/base/chars.h"

#define CONNECT_MS 15000 /* to connect, TLS included */
/* RFC 8305 section 5: until the next address gets a try beside this one */
#define ATTEMPT_MS 250
#define SLOW_OCTETS 64 /* a second, */
#define SLOW_MS 15000 /* for so long: the end */
#define REQUEST_MAX (HTTP_PATH_MAX + HTTP_HOST_MAX + 512)
#define READ_SIZE 16384

void
http_conn_init(struct http_conn *c, struct http_env *env)
{
	*c = (struct http_conn){.env = env, .fd = -1};
	buf_init(&c->request, NULL, REQUEST_MAX);
	http_answer_init(&c->answer, env->cfg.max_size);
}

void
http_conn_fini(struct http_conn *c)
{
	buf_fini(&c->request);
	http_answer_fini(&c->answer);
}

/* ---- how it ends -------------------------------------------------------- */

static bool
over(struct http_result *r, enum http_end end, const char *why)
{
	size_t i;

	r->end = end;
	for (i = 0; why[i] && i < sizeof(r->reason) - 1; i++)
		r->reason[i] = chars_is(why[i], CH_PRINT) ? why[i] : '?';
	r->reason[i] = '\0';
	return true;
}

static bool
over_errno(struct http_result *r, const char *what, int number)
{
	char text[80], why[HTTP_REASON];

	if (strerror_r(number, text, sizeof(text)) != 0)
		snprintf(text, sizeof(text), "error %d", number);
	snprintf(why, sizeof(why), "%s: %s", what, text);
	return over(r, HTTP_FAILED, why);
}

static bool
over_tls(struct http_conn *c, struct http_result *r)
{
	long verify = SSL_get_verify_result(c->ssl);
	unsigned long e = ERR_peek_last_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	if (verify != X509_V_OK && !c->job->any_certificate)
		return over(
		    r, HTTP_CERTIFICATE, X509_verify_cert_error_string(verify));
	return over(
	    r, HTTP_FAILED, text ? text : "the server ended the connection");
}

static bool
over_read(struct http_conn *c, enum http_read read, struct http_result *r)
{
	switch (read) {
	case HTTP_READ_MORE:
		return false;
	case HTTP_READ_DONE:
		r->end = HTTP_ANSWER;
		r->status = c->answer.status;
		r->content_type = c->answer.content_type;
		r->body = buf_str(&c->answer.body);
		return true;
	case HTTP_READ_BAD:
		break;
	case HTTP_READ_LARGE:
		return over(r, HTTP_TOO_LARGE, "the answer is too large");
	case HTTP_READ_FIELDS:
		return over(r, HTTP_TOO_MANY_FIELDS, "too many header fields");
	case HTTP_READ_NOMEM:
		return over(r, HTTP_OURS, "out of memory");
	}
	return over(r, HTTP_FAILED, "the answer is no HTTP, or cut short");
}

/* ---- the beginning ------------------------------------------------------ */

/* The families take turns, as RFC 8305 section 4 has it. */
static void
order_addrs(struct http_conn *c)
{
	const struct http_job *job = c->job;
	size_t at[2] = {0, 0};
	enum ip_family turn = job->addrs[0].family;

	for (c->n_addrs = 0; c->n_addrs < job->n_addrs;) {
		size_t *i = &at[turn == IP_V6];

		while (*i < job->n_addrs && job->addrs[*i].family != turn)
			(*i)++;
		if (*i < job->n_addrs)
			c->addrs[c->n_addrs++] = job->addrs[(*i)++];
		turn = turn == IP_V6 ? IP_V4 : IP_V6;
	}
	for (size_t i = 0; i < HTTP_ADDRS; i++)
		c->trying[i] = -1;
	c->n_tried = 0;
}

static int
port_of(const struct http_conn *c)
{
	if (c->job->port)
		return c->job->port;
	return c->env->cfg.port ? c->env->cfg.port : 443;
}

static bool
write_request(struct http_conn *c)
{
	const struct http_job *job = c->job;
	struct buf *b = &c->request;

	buf_clear(b);
	buf_addf(b, "%s %.*s HTTP/1.1\r\nHost: %s",
	    job->content_type ? "POST" : "GET", STRF(job->path), c->host);
	if (port_of(c) != 443)
		buf_addf(b, ":%d", port_of(c));
	buf_add_z(b, "\r\nUser-Agent: aver/" AVER_VERSION
		     "\r\nAccept: */*\r\nConnection: close\r\n");
	if (job->content_type)
		buf_addf(b, "Content-Type: %s\r\nContent-Length: %zu\r\n",
		    job->content_type, job->content.n);
	buf_add_z(b, "\r\n");
	return buf_ok(b);
}

bool
http_conn_start(struct http_conn *c, struct http_job *job, int64_t now)
{
	c->job = job;
	c->stage = HTTP_STAGE_CONNECT;
	c->fd = -1;
	c->ssl = NULL;
	c->sent = c->octets = 0;
	c->error = 0;
	c->until = now + c->env->cfg.timeout_ms;
	c->until_tls = now + CONNECT_MS;
	c->next_try = now;
	c->slow_at = now + SLOW_MS;
	snprintf(c->host, sizeof(c->host), "%.*s", STRF(job->host));
	http_answer_reset(&c->answer);
	order_addrs(c);
	if (write_request(c))
		return true;
	c->job = NULL;
	return false;
}

/* ---- TCP ---------------------------------------------------------------- */

static int
connect_to(int fd, const struct ip *ip, int port)
{
	struct sockaddr_in v4 = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

	if (ip->family == IP_V6) {
		memcpy(&v6.sin6_addr, ip->a, sizeof(v6.sin6_addr));
		return connect(fd, (const struct sockaddr *)&v6, sizeof(v6));
	}
	memcpy(&v4.sin_addr, ip->a, sizeof(v4.sin_addr));
	return connect(fd, (const struct sockaddr *)&v4, sizeof(v4));
}

static void
drop_try(struct http_conn *c, size_t i)
{
	if (c->trying[i] < 0)
		return;
	poller_remove(c->env->poller, c->trying[i]);
	close(c->trying[i]);
	c->trying[i] = -1;
}

static int
new_socket(int family)
{
	int one = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* The connection is made, or the attempt goes on or is gone. */
static bool
check_try(struct http_conn *c, size_t i)
{
	/* once more on the same socket: POSIX has it say how it went */
	if (connect_to(c->trying[i], &c->addrs[i], port_of(c)) == 0 ||
	    errno == EISCONN)
		return true;
	if (errno == EINPROGRESS || errno == EALREADY || errno == EINTR)
		return false;
	c->error = errno;
	drop_try(c, i);
	return false;
}

static bool
begin_try(struct http_conn *c, int64_t now)
{
	struct poller *p = c->env->poller;
	size_t i = c->n_tried++;
	int fd = new_socket(c->addrs[i].family == IP_V6 ? AF_INET6 : AF_INET);

	c->next_try = now + ATTEMPT_MS;
	if (fd < 0) {
		c->error = errno;
		return false;
	}
	if (!poller_add(p, fd, c)) {
		c->error = errno;
		close(fd);
		return false;
	}
	c->trying[i] = fd;
	if (check_try(c, i))
		return true;
	if (c->trying[i] >= 0 && !poller_want_out(p, fd, c, true)) {
		c->error = errno;
		drop_try(c, i);
	}
	return false;
}

static bool
is_trying(const struct http_conn *c)
{
	for (size_t i = 0; i < c->n_tried; i++)
		if (c->trying[i] >= 0)
			return true;
	return false;
}

/* The one of the sockets that is connected; -1: none yet. */
static int
find_connected(struct http_conn *c, int64_t now)
{
	for (size_t i = 0; i < c->n_tried; i++)
		if (c->trying[i] >= 0 && check_try(c, i))
			return (int)i;
	while (c->n_tried < c->n_addrs && (!is_trying(c) || now >= c->next_try))
		if (begin_try(c, now))
			return (int)c->n_tried - 1;
	return -1;
}

static void
set_out(struct http_conn *c, bool out)
{
	if (c->wants_out != out &&
	    poller_want_out(c->env->poller, c->fd, c, out))
		c->wants_out = out;
}

static bool
step_connect(struct http_conn *c, int64_t now, struct http_result *r)
{
	int i = find_connected(c, now);

	if (i < 0) {
		if (c->n_tried < c->n_addrs || is_trying(c))
			return false;
		return over_errno(r, "cannot connect", c->error);
	}
	c->fd = c->trying[i];
	c->trying[i] = -1;
	for (size_t j = 0; j < c->n_tried; j++)
		drop_try(c, j);
	/* also when the poller was never told so: it costs little */
	c->wants_out = true;
	c->ssl =
	    http_trust_connect(c->env->trust, c->host, c->job->any_certificate);
	if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
		return over(r, HTTP_OURS, "out of memory");
	c->stage = HTTP_STAGE_TLS;
	return false;
}

/* ---- TLS and HTTP ------------------------------------------------------- */

/* True: the poller will tell when to go on. */
static bool
has_to_wait(struct http_conn *c, int rc)
{
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		set_out(c, false);
		return true;
	case SSL_ERROR_WANT_WRITE:
		set_out(c, true);
		return true;
	}
	return false;
}

static bool
step_tls(struct http_conn *c, struct http_result *r)
{
	int rc;

	ERR_clear_error();
	rc = SSL_connect(c->ssl);
	if (rc == 1) {
		c->stage = HTTP_STAGE_TALK;
		return false;
	}
	return !has_to_wait(c, rc) && over_tls(c, r);
}

/* What is to be sent next; empty when all is. */
static struct str
next_octets(const struct http_conn *c)
{
	struct str head = buf_str(&c->request);

	if (c->sent < head.n)
		return str_from(head, c->sent);
	return str_from(c->job->content, c->sent - head.n);
}

/* False: it broke. What the server said may still be there to be read. */
static bool
send_request(struct http_conn *c)
{
	struct str next;

	while ((next = next_octets(c)).n) {
		size_t n = 0;
		int rc;

		ERR_clear_error();
		rc = SSL_write_ex(c->ssl, next.p, next.n, &n);
		if (rc != 1)
			return has_to_wait(c, rc);
		c->sent += n;
		c->octets += n;
	}
	return true;
}

static bool
step_talk(struct http_conn *c, struct http_result *r)
{
	bool is_sent = send_request(c), over_now = false;
	char room[READ_SIZE];
	size_t n;
	int rc = 0, error;

	while (!over_now) {
		ERR_clear_error();
		rc = SSL_read_ex(c->ssl, room, sizeof(room), &n);
		if (rc != 1)
			break;
		c->octets += n;
		over_now = over_read(
		    c, http_answer_feed(&c->answer, (struct str){room, n}), r);
	}
	if (over_now)
		return true;
	error = SSL_get_error(c->ssl, rc);
	if (is_sent && error == SSL_ERROR_WANT_READ) {
		/* room to write is of interest as long as there is something */
		set_out(c, next_octets(c).n > 0);
		return false;
	}
	if (is_sent && error == SSL_ERROR_WANT_WRITE) {
		set_out(c, true);
		return false;
	}
	return over_read(
	    c, http_answer_end(&c->answer, error == SSL_ERROR_ZERO_RETURN), r);
}

static bool
is_too_slow(struct http_conn *c, int64_t now)
{
	size_t octets = c->octets;

	if (c->env->cfg.may_be_slow || now < c->slow_at)
		return false;
	c->slow_at = now + SLOW_MS;
	c->octets = 0;
	return octets < (size_t)SLOW_OCTETS * SLOW_MS / 1000;
}

bool
http_conn_step(struct http_conn *c, int64_t now, struct http_result *r)
{
	enum http_stage before;

	if (now >= c->until || is_too_slow(c, now) ||
	    (c->stage != HTTP_STAGE_TALK && now >= c->until_tls))
		return over(r, HTTP_TIMEOUT, "timeout");
	do {
		bool is_over = false;

		before = c->stage;
		switch (c->stage) {
		case HTTP_STAGE_CONNECT:
			is_over = step_connect(c, now, r);
			break;
		case HTTP_STAGE_TLS:
			is_over = step_tls(c, r);
			break;
		case HTTP_STAGE_TALK:
			is_over = step_talk(c, r);
			break;
		}
		if (is_over)
			return true;
	} while (c->stage != before);
	return false;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
http_conn_wakeup(const struct http_conn *c)
{
	int64_t at = c->until;

	if (!c->env->cfg.may_be_slow)
		at = earlier(at, c->slow_at);
	if (c->stage != HTTP_STAGE_TALK)
		at = earlier(at, c->until_tls);
	if (c->stage == HTTP_STAGE_CONNECT && c->n_tried < c->n_addrs)
		at = earlier(at, c->next_try);
	return at;
}

void
http_conn_stop(struct http_conn *c)
{
	for (size_t i = 0; i < c->n_tried; i++)
		drop_try(c, i);
	if (c->ssl) {
		/* RFC 8446 section 6.1: our part of the end; nobody waits */
		if (c->stage == HTTP_STAGE_TALK)
			SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		ERR_clear_error();
	}
	if (c->fd >= 0) {
		poller_remove(c->env->poller, c->fd);
		close(c->fd);
	}
	c->ssl = NULL;
	c->fd = -1;
	c->job = NULL;
}
