/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Clients that send mail to one milter until standard input ends:
 *
 *	milterload inet:HOST:PORT NAME DOMAINS THREADS MILLISECONDS
 *
 * Each of the threads sends one message after the other, with so many
 * milliseconds in between, for d0.example, d1.example, ... as often as it takes
 * until the milter has answered the end of it; only then it counts. At the end
 * prints how many there were of each domain, and how often one had to be sent
 * again.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/bench/mta.h"

#define DOMAINS_MAX 64
#define THREADS_MAX 16
#define ODD_MAX 1000 /* answers that a message may get before it is given up */

static struct mta_address address;
static const char *name;
static unsigned domains, pause_ms;
static atomic_bool stop;
static atomic_ulong taken[DOMAINS_MAX], again, odd;

/* "dmarc=pass" in one Authentication-Results field, and no refusal. */
static bool
is_good(const struct mta *m)
{
	unsigned fields = 0, passes = 0;

	for (size_t i = 0; i < m->n_inserted; i++) {
		if (strcmp(m->inserted[i].name, "Authentication-Results") != 0)
			continue;
		fields++;
		passes += strstr(m->inserted[i].value, "dmarc=pass") != NULL;
	}
	return fields == 1 && passes == 1 && m->verdict == 'c';
}

/* True when it was taken. */
static bool
deliver(struct mta *m, const struct mail *mail, unsigned long seq)
{
	for (unsigned i = 0; i < ODD_MAX;) {
		if (mta_deliver(m, mail, seq)) {
			if (is_good(m))
				return true;
			i++;
			atomic_fetch_add(&odd, 1);
		}
		atomic_fetch_add(&again, 1);
		usleep(20000);
	}
	return false;
}

static void
send_one(struct mta *m, unsigned thread, unsigned long n)
{
	char ip[32], helo[64], from[64], header_from[64], subject[64], id[96];
	unsigned d = (unsigned)(n % domains);
	struct mail_field fields[] = {{"From", header_from},
	    {"To", " user@receiver.example"}, {"Subject", subject},
	    {"Message-ID", id}};
	struct mail mail = {.ip = ip,
	    .host = helo,
	    .helo = helo,
	    .mail_from = from,
	    .rcpt = "user@receiver.example",
	    .fields = fields,
	    .n_fields = sizeof(fields) / sizeof(fields[0]),
	    .body = "body\r\n",
	    .body_n = 6,
	    .octets = 200};

	snprintf(ip, sizeof(ip), "192.0.%u.%lu", d, 1 + n / domains % 9);
	snprintf(helo, sizeof(helo), "mail.d%u.example", d);
	snprintf(from, sizeof(from), "b@d%u.example", d);
	snprintf(header_from, sizeof(header_from), " a@d%u.example", d);
	snprintf(subject, sizeof(subject), " number %lu", n);
	snprintf(id, sizeof(id), " <%s.%u.%lu@load.example>", name, thread, n);
	if (deliver(m, &mail, n))
		atomic_fetch_add(&taken[d], 1);
}

static void *
work(void *arg)
{
	unsigned thread = *(const unsigned *)arg;
	struct mta m;

	if (!mta_init(&m, &address, 1))
		return NULL;
	for (unsigned long n = thread; !atomic_load(&stop); n++) {
		send_one(&m, thread, n);
		usleep(pause_ms * 1000);
	}
	mta_fini(&m);
	return NULL;
}

int
main(int argc, char **argv)
{
	unsigned threads, number[THREADS_MAX];
	pthread_t id[THREADS_MAX];
	char octet;

	if (argc != 6 || !mta_address(&address, argv[1]))
		return 2;
	name = argv[2];
	domains = (unsigned)strtoul(argv[3], NULL, 10);
	threads = (unsigned)strtoul(argv[4], NULL, 10);
	pause_ms = (unsigned)strtoul(argv[5], NULL, 10);
	if (domains < 1 || domains > DOMAINS_MAX || threads > THREADS_MAX ||
	    pause_ms > 1000)
		return 2;
	for (unsigned i = 0; i < threads; i++) {
		number[i] = i;
		if (pthread_create(&id[i], NULL, work, &number[i]) != 0)
			return 1;
	}
	while (read(0, &octet, 1) > 0)
		;
	atomic_store(&stop, true);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	for (unsigned d = 0; d < domains; d++)
		printf("d%u.example %lu\n", d, atomic_load(&taken[d]));
	printf("again %lu\nodd %lu\n", atomic_load(&again), atomic_load(&odd));
	return 0;
}
