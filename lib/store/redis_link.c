/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/redis_link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/store/redis_conn.h"

#define READ_STEP 65536
#define DAWDLE 10

void
redis_link_init(struct redis_link *l)
{
	*l = (struct redis_link){.fd = -1};
	buf_init(&l->in, NULL, REDIS_REPLY_MAX + READ_STEP);
}

void
redis_link_close(struct redis_link *l)
{
	if (l->ssl)
		SSL_free(l->ssl);
	if (l->fd >= 0)
		close(l->fd);
	l->ssl = NULL;
	l->fd = -1;
	/* a large reply's memory is not kept for good */
	if (l->in.cap > 2 * READ_STEP) {
		buf_fini(&l->in);
		buf_init(&l->in, NULL, REDIS_REPLY_MAX + READ_STEP);
	}
	buf_clear(&l->in);
}

void
redis_link_fini(struct redis_link *l)
{
	redis_link_close(l);
	buf_fini(&l->in);
}

static int
failed(struct diag *d, const char *what, int error)
{
	return diag_set(d, AVER_TEMP, 0, "%s: %s", what, strerror(error));
}

/* --- time */

void
redis_link_start(struct redis_link *l, unsigned patience)
{
	int64_t now = clock_mono_ms();

	l->patience = patience;
	l->silence = now + (int64_t)patience;
	l->end = now + (int64_t)patience * DAWDLE;
}

static void
heard(struct redis_link *l)
{
	l->silence = clock_mono_ms() + (int64_t)l->patience;
}

static int
wait_for(struct redis_link *l, short events, struct diag *d)
{
	struct pollfd p = {.fd = l->fd, .events = events};

	for (;;) {
		int64_t end = l->silence < l->end ? l->silence : l->end;
		int64_t left = end - clock_mono_ms();
		int n;

		if (left <= 0)
			return diag_set(d, AVER_TEMP, 0, "no answer in time");
		n = poll(&p, 1, (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return failed(d, "poll", errno);
	}
}

/*
 * What an SSL function wants before it can go on: it tells only if the thread
 * had no error of something else before.
 */
static int
wait_tls(struct redis_link *l, int ret, struct diag *d)
{
	int why = SSL_get_error(l->ssl, ret);

	if (why == SSL_ERROR_WANT_READ)
		return wait_for(l, POLLIN, d);
	if (why == SSL_ERROR_WANT_WRITE)
		return wait_for(l, POLLOUT, d);
	return diag_set(d, AVER_TEMP, 0, "the TLS connection was closed");
}

/* --- connect */

static int
finish_connect(struct redis_link *l, struct diag *d)
{
	socklen_t n = sizeof(int);
	int error = 0, err = wait_for(l, POLLOUT, d);

	if (err)
		return err;
	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	return error ? failed(d, "connect", error) : 0;
}

static int
connect_to(struct redis_link *l, int family, const struct sockaddr *sa,
    socklen_t n, struct diag *d)
{
	const int one = 1;

	l->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return failed(d, "socket", errno);
	if (family != AF_UNIX)
		(void)setsockopt(
		    l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(l->fd, sa, n) == 0)
		return 0;
	/* a local socket's full queue says EAGAIN */
	if (errno == EINPROGRESS)
		return finish_connect(l, d);
	return failed(d, "connect", errno);
}

static int
connect_unix(struct redis_link *l, const char *path, struct diag *d)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n >= sizeof(un.sun_path))
		return diag_set(d, AVER_CONF, 0, "the path is too long");
	memcpy(un.sun_path, path, n + 1);
	return connect_to(
	    l, AF_UNIX, (const struct sockaddr *)&un, sizeof(un), d);
}

static int
connect_host(
    struct redis_link *l, const struct redis_host *host, struct diag *d)
{
	const struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char port[8];
	int err;

	snprintf(port, sizeof(port), "%u", (unsigned)host->port);
	err = getaddrinfo(host->name, port, &hints, &list);
	if (err)
		return diag_set(
		    d, AVER_TEMP, 0, "%s: %s", host->name, gai_strerror(err));
	err = list ? AVER_TEMP
		   : diag_set(d, AVER_TEMP, 0, "%s: no address", host->name);
	for (const struct addrinfo *ai = list; ai && err; ai = ai->ai_next) {
		redis_link_close(l);
		err = connect_to(
		    l, ai->ai_family, ai->ai_addr, ai->ai_addrlen, d);
	}
	freeaddrinfo(list);
	return err;
}

static int
handshake(struct redis_link *l, SSL_CTX *ctx, const char *name, struct diag *d)
{
	struct ip ip;
	int ret, err = 0;
	long verdict;

	l->ssl = SSL_new(ctx);
	if (!l->ssl || SSL_set_fd(l->ssl, l->fd) != 1)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	if (ip_parse(str_from_z(name), &ip)) {
		if (X509_VERIFY_PARAM_set1_ip_asc(
			SSL_get0_param(l->ssl), name) != 1)
			return diag_set(
			    d, AVER_CRYPTO, 0, "%s: no TLS name", name);
	} else if (SSL_set1_host(l->ssl, name) != 1 ||
		   SSL_set_tlsext_host_name(l->ssl, name) != 1) {
		return diag_set(d, AVER_CRYPTO, 0, "%s: no TLS name", name);
	}
	SSL_set_connect_state(l->ssl);
	ERR_clear_error();
	while (!err && (ret = SSL_do_handshake(l->ssl)) != 1)
		err = wait_tls(l, ret, d);
	verdict = SSL_get_verify_result(l->ssl);
	if (err && verdict != X509_V_OK)
		return diag_set(d, AVER_CONF, 0, "certificate: %s",
		    X509_verify_cert_error_string(verdict));
	return err;
}

int
redis_link_open(struct redis_link *l, const struct redis_spec *spec,
    const struct redis_host *host, SSL_CTX *ctx, struct diag *d)
{
	int err;

	redis_link_close(l);
	redis_link_start(l, spec->timeout);
	err = host ? connect_host(l, host, d) : connect_unix(l, spec->path, d);
	if (!err && ctx)
		err = handshake(l, ctx, host ? host->name : "localhost", d);
	if (err)
		redis_link_close(l);
	return err;
}

bool
redis_link_idle(struct redis_link *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};

	return l->fd >= 0 && poll(&p, 1, 0) == 0;
}

/* --- octets */

/* How many went, 0 for a turn that waited, or an error. */
static ssize_t
send_some(struct redis_link *l, struct str s, struct diag *d)
{
	ssize_t n;

	if (l->ssl) {
		ERR_clear_error();
		n = SSL_write(
		    l->ssl, s.p, s.n > INT32_MAX ? INT32_MAX : (int)s.n);
		return n > 0 ? n : wait_tls(l, (int)n, d);
	}
	n = send(l->fd, s.p, s.n, MSG_NOSIGNAL);
	if (n >= 0)
		return n;
	if (errno == EINTR)
		return 0;
	if (errno != EAGAIN)
		return failed(d, "send", errno);
	return wait_for(l, POLLOUT, d);
}

int
redis_link_send(struct redis_link *l, struct str octets, struct diag *d)
{
	while (octets.n) {
		ssize_t n = send_some(l, octets, d);

		if (n < 0)
			return (int)n;
		if (n > 0)
			heard(l);
		octets = str_from(octets, (size_t)n);
	}
	return 0;
}

static ssize_t
receive_some(struct redis_link *l, char *p, size_t room, struct diag *d)
{
	ssize_t n;

	if (l->ssl) {
		ERR_clear_error();
		n = SSL_read(l->ssl, p, (int)room);
		return n > 0 ? n : wait_tls(l, (int)n, d);
	}
	n = recv(l->fd, p, room, 0);
	if (n > 0)
		return n;
	if (n == 0)
		return diag_set(
		    d, AVER_TEMP, 0, "the server closed the connection");
	if (errno == EINTR)
		return 0;
	if (errno != EAGAIN)
		return failed(d, "receive", errno);
	return wait_for(l, POLLIN, d);
}

int
redis_link_reply(struct redis_link *l, struct str *octets, struct diag *d)
{
	struct resp_scan scan = {.started = false};
	char step[READ_STEP];
	int got;

	buf_clear(&l->in);
	for (;;) {
		ssize_t n = receive_some(l, step, sizeof(step), d);

		if (n < 0)
			return (int)n;
		if (n == 0)
			continue;
		heard(l);
		buf_add(&l->in, (struct str){step, (size_t)n});
		if (!buf_ok(&l->in))
			return diag_set(
			    d, AVER_IO, 0, "the reply is too large");
		got = resp_scan(&scan, buf_str(&l->in), REDIS_REPLY_MAX);
		if (got == AVER_LIMIT)
			return diag_set(
			    d, AVER_IO, 0, "the reply is too large");
		if (got < 0)
			return diag_set(d, AVER_IO, 0, "this is no Redis");
		if (got == 0)
			continue;
		if (scan.at != l->in.n)
			return diag_set(
			    d, AVER_IO, 0, "more came than was asked for");
		*octets = buf_str(&l->in);
		return 0;
	}
}
