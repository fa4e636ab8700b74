/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/smtp_io.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"

void
smtp_io_init(struct smtp_io *io)
{
	io->fd = -1;
	io->tls = NULL;
	io->dead = io->timed_out = false;
	io->why[0] = '\0';
	io->at = io->n = io->fed = 0;
}

static bool
die(struct smtp_io *io, const char *what, int error)
{
	if (!io->dead)
		snprintf(io->why, sizeof(io->why), "%s%s%s", what,
		    error ? ": " : "", error ? strerror(error) : "");
	io->dead = true;
	return false;
}

/* Waits for any of events; 0: the deadline came (and io is dead). */
static short
wait_for(struct smtp_io *io, short events, int64_t deadline)
{
	struct pollfd p = {.fd = io->fd, .events = events};

	for (;;) {
		int64_t left = deadline - clock_mono_ms();
		int n = poll(&p, 1,
		    left <= 0 ? 0 : (int)(left < INT_MAX ? left : INT_MAX));

		if (n > 0)
			return p.revents;
		if (n < 0 && errno != EINTR) {
			die(io, "poll", errno);
			return 0;
		}
		if (n == 0 && left <= 0) {
			io->timed_out = true;
			die(io, "timed out", 0);
			return 0;
		}
	}
}

/*
 * For loops inside TLS, which has records that carry nothing for us: a peer
 * that always has another one is waited for no longer than a silent one.
 */
static bool
is_late(struct smtp_io *io, int64_t deadline)
{
	if (clock_mono_ms() < deadline)
		return false;
	io->timed_out = true;
	die(io, "timed out", 0);
	return true;
}

/* ---- connect -------------------------------------------------------- */

static socklen_t
to_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (ip->family == IP_V4) {
		struct sockaddr_in *in = (void *)out;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, ip->a, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)out;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, ip->a, 16);
	return sizeof(*in6);
}

static void
set_up(struct smtp_io *io)
{
	int one = 1;

	/* A message ends with a small write that must not wait for the
	 * peer's acknowledgement; an error here only costs time. */
	(void)setsockopt(io->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

bool
smtp_io_connect(
    struct smtp_io *io, const struct ip *to, uint16_t port, int64_t deadline)
{
	struct sockaddr_storage sa;
	socklen_t size = to_sockaddr(to, port, &sa), length = sizeof(int);
	int error = 0;

	io->fd =
	    socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (io->fd < 0)
		return die(io, "socket", errno);
	set_up(io);
	if (connect(io->fd, (const struct sockaddr *)&sa, size) == 0)
		return true;
	if (errno != EINPROGRESS && errno != EINTR)
		return die(io, "connect", errno);
	if (wait_for(io, POLLOUT, deadline) == 0)
		return false;
	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	return error ? die(io, "connect", error) : true;
}

struct ip
smtp_io_local(const struct smtp_io *io)
{
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);
	struct ip none = {.family = IP_NONE};

	if (getsockname(io->fd, (struct sockaddr *)&sa, &size))
		return none;
	if (sa.ss_family == AF_INET)
		return ip_from_bytes(IP_V4,
		    &((const struct sockaddr_in *)(void *)&sa)->sin_addr);
	if (sa.ss_family == AF_INET6)
		return ip_from_bytes(IP_V6,
		    &((const struct sockaddr_in6 *)(void *)&sa)->sin6_addr);
	return none;
}

/* ---- octets --------------------------------------------------------- */

/*
 * Takes what the socket has, without waiting: into the buffer, or into TLS.
 * Returns false when there was nothing or io is dead.
 */
static bool
receive(struct smtp_io *io)
{
	char raw[4096], *to = raw;
	size_t size = sizeof(raw);
	ssize_t n;

	if (!io->tls) {
		to = io->in + io->n;
		size = sizeof(io->in) - io->n;
	}
	if (size == 0)
		return false;
	n = recv(io->fd, to, size, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0)
		return die(io, "connection lost", errno);
	if (n == 0)
		return die(io, "the server closed the connection", 0);
	if (!io->tls) {
		io->n += (size_t)n;
		return true;
	}
	io->fed += (size_t)n;
	if (tls_feed(io->tls, (struct str){raw, (size_t)n}))
		return die(io, "out of memory", 0);
	return true;
}

static bool
may_buffer(const struct smtp_io *io)
{
	return io->tls ? io->fed < SMTP_IO_OCTETS : io->n < sizeof(io->in);
}

/* Two peers that only write wait for each other forever; so we read too. */
static bool
send_raw(struct smtp_io *io, const char *p, size_t n, int64_t deadline)
{
	short events;
	ssize_t sent;

	while (n) {
		sent = send(io->fd, p, n, MSG_NOSIGNAL);
		if (sent >= 0) {
			p += sent;
			n -= (size_t)sent;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return die(io, "connection lost", errno);
		events = wait_for(io,
		    (short)(POLLOUT | (may_buffer(io) ? POLLIN : 0)), deadline);
		if (events == 0)
			return false;
		if (events & POLLIN && !receive(io) && io->dead)
			return false;
	}
	return true;
}

static bool
flush(struct smtp_io *io, int64_t deadline)
{
	char raw[4096];
	size_t n;

	while ((n = tls_take(io->tls, raw, sizeof(raw))) > 0)
		if (!send_raw(io, raw, n, deadline))
			return false;
	return true;
}

bool
smtp_io_write(struct smtp_io *io, struct str octets, int64_t deadline)
{
	enum tls_step step;
	size_t n;

	if (io->dead)
		return false;
	if (!io->tls)
		return send_raw(io, octets.p, octets.n, deadline);
	while (octets.n) {
		step = tls_write(io->tls, octets, &n);
		if (!flush(io, deadline))
			return false;
		if (step == TLS_DONE) {
			octets = str_from(octets, n);
		} else if (step == TLS_MORE) {
			io->fed = 0;
			if (!wait_for(io, POLLIN, deadline))
				return false;
			if ((!receive(io) && io->dead) || is_late(io, deadline))
				return false;
		} else {
			return die(io, "TLS broke", 0);
		}
	}
	return true;
}

/* Moves what is unread to the front. */
static void
compact(struct smtp_io *io)
{
	memmove(io->in, io->in + io->at, io->n - io->at);
	io->n -= io->at;
	io->at = 0;
}

/* Decrypted octets into the buffer: TLS_DONE when there are some. */
static enum tls_step
decrypt(struct smtp_io *io)
{
	size_t n = sizeof(io->in) - io->n;
	enum tls_step step = tls_read(io->tls, io->in + io->n, &n);

	if (step == TLS_DONE)
		io->n += n;
	else if (step == TLS_MORE)
		io->fed = 0;
	else
		die(io,
		    step == TLS_CLOSED ? "the server ended TLS" : "TLS broke",
		    0);
	return step;
}

bool
smtp_io_fill(struct smtp_io *io, int64_t deadline)
{
	size_t before;

	if (io->dead)
		return false;
	compact(io);
	before = io->n;
	if (before == sizeof(io->in))
		return true;
	for (bool again = false;; again = true) {
		if (io->tls && decrypt(io) == TLS_DONE)
			return true;
		if (io->dead || (io->tls && !flush(io, deadline)) ||
		    (again && is_late(io, deadline)) ||
		    !wait_for(io, POLLIN, deadline))
			return false;
		if (!receive(io) && io->dead)
			return false;
		if (io->n > before)
			return true;
	}
}

void
smtp_io_salvage(struct smtp_io *io)
{
	compact(io);
	while (may_buffer(io) && receive(io))
		;
	while (io->tls && io->n < sizeof(io->in) && decrypt(io) == TLS_DONE)
		;
}

struct str
smtp_io_pending(const struct smtp_io *io)
{
	return (struct str){io->in + io->at, io->n - io->at};
}

void
smtp_io_consume(struct smtp_io *io, size_t n)
{
	io->at += n;
}

bool
smtp_io_quiet(struct smtp_io *io)
{
	if (io->dead || io->at != io->n)
		return false;
	compact(io);
	/* TLS has records of its own (tickets), which say nothing */
	while (receive(io))
		if (!io->tls || decrypt(io) != TLS_MORE)
			return false;
	return !io->dead;
}

/* ---- TLS ------------------------------------------------------------ */

bool
smtp_io_start_tls(struct smtp_io *io, struct tls *t, int64_t deadline)
{
	enum tls_step step;

	io->tls = t;
	/* RFC 3207 section 4.2: what a stranger may have slipped in before
	 * the handshake is not the server's word. */
	io->at = io->n = io->fed = 0;
	for (;;) {
		step = tls_handshake(t);
		/* also the alert that says why */
		if (!flush(io, deadline))
			return false;
		if (step == TLS_DONE)
			return true;
		if (step != TLS_MORE)
			return die(io, "TLS handshake failed", 0);
		io->fed = 0;
		if (!wait_for(io, POLLIN, deadline))
			return false;
		if ((!receive(io) && io->dead) || is_late(io, deadline))
			return false;
	}
}

void
smtp_io_close(struct smtp_io *io)
{
	char raw[256];
	size_t n;

	if (io->tls && !io->dead) {
		tls_shutdown(io->tls);
		n = tls_take(io->tls, raw, sizeof(raw));
		/* a courtesy; nobody waits for it */
		if (n)
			(void)!send(io->fd, raw, n, MSG_NOSIGNAL);
	}
	tls_free(io->tls);
	io->tls = NULL;
	if (io->fd >= 0)
		close(io->fd);
	io->fd = -1;
	io->dead = true;
}
