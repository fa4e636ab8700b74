/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Preloaded into a Sendmail of the tests (sendmail_lab.py compiles it, with
 * OFFLINE_LOG as the path of the log). Before it reads its configuration
 * Sendmail looks up the name of the host, and waits a minute if that has no
 * dot; later it asks for the names of its clients. Here the host has a name,
 * the resolver of the machine knows nothing, at once, and the system log is a
 * file. With ONLINE defined the resolver is left alone.
 */
#define _GNU_SOURCE /* RTLD_NEXT */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <resolv.h>

void __syslog_chk(int priority, int flag, const char *format, ...);
struct hostent *name_of_client(
    const void *address, socklen_t size, int family) __asm__("gethostbyaddr");

int
gethostname(char *name, size_t size)
{
	snprintf(name, size, "mx.receiver.example");
	return 0;
}

#ifndef ONLINE

static struct hostent *
unknown(void)
{
	h_errno = HOST_NOT_FOUND;
	return NULL;
}

struct hostent *
gethostbyname2(const char *name, int family)
{
	union {
		void *symbol;
		struct hostent *(*call)(const char *, int);
	} real = {dlsym(RTLD_NEXT, "gethostbyname2")};

	/* an address in dotted form needs no resolver */
	if (real.symbol && name[strspn(name, "0123456789.")] == '\0')
		return real.call(name, family);
	return unknown();
}

/* Sendmail calls it by its old name, which our own code does without. */
struct hostent *
name_of_client(const void *address, socklen_t size, int family)
{
	(void)address;
	(void)size;
	(void)family;
	return unknown();
}

int
res_query(
    const char *name, int class, int type, unsigned char *answer, int size)
{
	(void)name;
	(void)class;
	(void)type;
	(void)answer;
	(void)size;
	h_errno = HOST_NOT_FOUND;
	return -1;
}

int
res_search(
    const char *name, int class, int type, unsigned char *answer, int size)
{
	return res_query(name, class, type, answer, size);
}

int
res_querydomain(const char *name, const char *domain, int class, int type,
    unsigned char *answer, int size)
{
	(void)domain;
	return res_query(name, class, type, answer, size);
}

#endif

/* What syslog(3) becomes under _FORTIFY_SOURCE. */
void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	int saved = errno;
	int fd = open(OFFLINE_LOG, O_WRONLY | O_CREAT | O_APPEND, 0600);
	char line[4096];
	va_list args;
	int n;

	(void)priority;
	(void)flag;
	if (fd < 0)
		return;
	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	if (n > 0) {
		line[n++] = '\n';
		if (write(fd, line, (size_t)n) != n)
			_exit(1);
	}
	close(fd);
	errno = saved;
}
