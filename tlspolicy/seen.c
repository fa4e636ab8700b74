/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/seen.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/destination.h"

#define PLACES 32768u /* domains that are remembered */
#define SLOW_MS 300 /* who takes so long */
#define SLOW_CALLS 3 /* so often */
#define REST_MS 10000 /* is not asked for so long */
#define KEEP ((int64_t)180 * 86400) /* seconds, in the store */
#define MOST 1000000 /* domains with a host, there */

struct seen {
	pthread_mutex_t lock;
	char *spec; /* NULL: no store */
	struct store *store; /* NULL: not opened yet */
	unsigned slow; /* calls in a row */
	int64_t rests_until; /* clock_mono_ms() */
	uint64_t seed;
	/* of a domain: the hash without its last bits, which say what it is */
	uint64_t memory[PLACES];
};

int
seen_open(const char *store, bool must, struct seen **out, struct diag *d)
{
	struct seen *s = calloc(1, sizeof(*s));
	int err = 0;

	if (!s)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	pthread_mutex_init(&s->lock, NULL);
	if (store && !(s->spec = strdup(store)))
		err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	else if (getentropy(&s->seed, sizeof(s->seed)) != 0)
		err = diag_set(d, AVER_IO, 0, "no random octets");
	else if (store && must)
		err = store_open(store, STORE_READ, &s->store, d);
	if (err) {
		seen_close(s);
		return err;
	}
	*out = s;
	return 0;
}

void
seen_close(struct seen *s)
{
	if (!s)
		return;
	store_close(s->store);
	pthread_mutex_destroy(&s->lock);
	free(s->spec);
	free(s);
}

/* ---- memory ------------------------------------------------------------- */

static void
remember(struct seen *s, uint64_t hash, const struct tls_known *k)
{
	s->memory[hash % PLACES] = (hash & ~(uint64_t)15) |
				   (uint64_t)k->starttls << 2 |
				   (uint64_t)k->requiretls;
}

static void
recall(const struct seen *s, uint64_t hash, struct tls_known *k)
{
	uint64_t m = s->memory[hash % PLACES];

	*k = (struct tls_known){TLS_SEEN_UNKNOWN, TLS_SEEN_UNKNOWN};
	if ((m ^ hash) >> 4)
		return;
	k->starttls = (enum tls_seen)(m >> 2 & 3);
	k->requiretls = (enum tls_seen)(m & 3);
}

/* ---- the store ---------------------------------------------------------- */

static enum tls_seen
seen_of(enum tls_seen before, int64_t yes, int64_t no)
{
	if (before == TLS_SEEN_YES || (yes == 0 && no == 0))
		return before;
	return yes >= no ? TLS_SEEN_YES : TLS_SEEN_NO;
}

static int
add(void *arg, const struct store_destination *x)
{
	struct tls_known *k = arg;

	k->starttls = seen_of(k->starttls, x->starttls, x->no_starttls);
	k->requiretls = seen_of(k->requiretls, x->requiretls, x->no_requiretls);
	return 0;
}

/* False: nobody knows. */
static bool
look_up(struct seen *s, struct str domain, struct tls_known *out)
{
	struct tls_known k = {TLS_SEEN_UNKNOWN, TLS_SEEN_UNKNOWN};
	int64_t began = clock_mono_ms(), now;
	int err = 0;

	if (began < s->rests_until)
		return false;
	if (!s->store)
		err = store_open(s->spec, STORE_READ, &s->store, NULL);
	if (!err)
		err = store_each_destination(
		    s->store, domain, STR_NONE, add, &k, NULL);
	now = clock_mono_ms();
	s->slow = now - began >= SLOW_MS ? s->slow + 1 : 0;
	if (s->slow >= SLOW_CALLS) {
		s->rests_until = now + REST_MS;
		s->slow = 0;
	}
	if (!err)
		*out = k;
	return err == 0;
}

void
seen_get(struct seen *s, struct str domain, bool is_up, struct tls_known *out)
{
	uint64_t hash;

	*out = (struct tls_known){TLS_SEEN_UNKNOWN, TLS_SEEN_UNKNOWN};
	if (!s->spec || domain.n == 0)
		return;
	hash = str_hash(domain, s->seed);
	pthread_mutex_lock(&s->lock);
	if (is_up && look_up(s, domain, out))
		remember(s, hash, out);
	else
		recall(s, hash, out);
	pthread_mutex_unlock(&s->lock);
}

int
seen_forget(struct store *store, int64_t now)
{
	return store_forget_destinations(store, now - KEEP, MOST, NULL);
}
