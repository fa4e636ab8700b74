/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/record.h"

#include <string.h>

#include "lib/base/err.h"

#define NAME_MAX_OCTETS 255
#define COUNT_MAX ((uint64_t)1 << 48)

struct tls_head {
	uint64_t success, failure;
	uint32_t policy_n;
	uint16_t recipient_n;
	uint16_t wanted;
};

_Static_assert(sizeof(struct tls_head) == 24, "no holes");

bool
record_flags_ok(uint32_t flags)
{
	return (flags & 0xfe) == 0 && flags >> 8 < RECORD_KIND_COUNT &&
	       (flags >> 8 == RECORD_EVALUATION || flags % 256 == 0);
}

static void
refuse(struct buf *b)
{
	if (!b->err)
		b->err = AVER_LIMIT;
}

static void
put(struct buf *b, const void *p, size_t n)
{
	buf_add(b, (struct str){p, n});
}

/* Takes n octets off the front of s. */
static bool
take(struct str *s, void *out, size_t n)
{
	if (s->n < n)
		return false;
	memcpy(out, s->p, n);
	*s = str_from(*s, n);
	return true;
}

static bool
take_str(struct str *s, size_t n, struct str *out)
{
	if (s->n < n)
		return false;
	*out = str_head(*s, n);
	*s = str_from(*s, n);
	return true;
}

/* --- TLS results */

void
record_put_tls_result(struct buf *b, const struct store_tls_result *r)
{
	const struct tls_head h = {.success = r->success,
	    .failure = r->failure,
	    .policy_n = (uint32_t)r->policy.n,
	    .recipient_n = (uint16_t)r->recipient_domain.n,
	    .wanted = r->wanted};

	if (r->recipient_domain.n > NAME_MAX_OCTETS ||
	    r->policy.n > STORE_TLS_POLICY_MAX ||
	    r->detail.n > STORE_TLS_DETAIL_MAX || r->success > COUNT_MAX ||
	    r->failure > COUNT_MAX) {
		refuse(b);
		return;
	}
	put(b, &h, sizeof(h));
	buf_add(b, r->recipient_domain);
	buf_add(b, r->policy);
	buf_add(b, r->detail);
}

bool
record_get_tls_result(struct str octets, struct store_tls_result *out)
{
	struct store_tls_result r = {.day = 0};
	struct tls_head h;

	if (!take(&octets, &h, sizeof(h)) || h.success > COUNT_MAX ||
	    h.failure > COUNT_MAX || h.wanted > 1 ||
	    h.policy_n > STORE_TLS_POLICY_MAX ||
	    h.recipient_n > NAME_MAX_OCTETS ||
	    !take_str(&octets, h.recipient_n, &r.recipient_domain) ||
	    !take_str(&octets, h.policy_n, &r.policy) ||
	    octets.n > STORE_TLS_DETAIL_MAX)
		return false;
	r.detail = octets;
	r.success = h.success;
	r.failure = h.failure;
	r.wanted = h.wanted;
	*out = r;
	return true;
}

/* --- sightings */

void
record_put_sighting(struct buf *b, const struct store_sighting *x)
{
	const uint8_t h[2] = {(uint8_t)x->starttls, (uint8_t)x->requiretls};

	if (x->mx.n == 0 || x->mx.n > NAME_MAX_OCTETS ||
	    (unsigned)x->starttls > STORE_NOT_OFFERED ||
	    (unsigned)x->requiretls > STORE_NOT_OFFERED) {
		refuse(b);
		return;
	}
	put(b, h, sizeof(h));
	buf_add(b, x->mx);
}

bool
record_get_sighting(struct str octets, struct store_sighting *out)
{
	struct store_sighting x = {.time = 0};
	uint8_t h[2];

	if (!take(&octets, h, sizeof(h)) || h[0] > STORE_NOT_OFFERED ||
	    h[1] > STORE_NOT_OFFERED || octets.n == 0 ||
	    octets.n > NAME_MAX_OCTETS)
		return false;
	x.starttls = (enum store_offer)h[0];
	x.requiretls = (enum store_offer)h[1];
	x.mx = octets;
	*out = x;
	return true;
}

/* --- bad datagrams */

void
record_put_bad_datagram(struct buf *b, const struct store_bad_datagram *x)
{
	struct str why = str_head(x->why, STORE_BAD_WHY);
	const uint8_t n = (uint8_t)why.n;

	put(b, &n, 1);
	buf_add(b, why);
	buf_add(b, str_head(x->octets, STORE_BAD_OCTETS));
}

bool
record_get_bad_datagram(struct str octets, struct store_bad_datagram *out)
{
	struct store_bad_datagram x = {.time = 0};
	uint8_t n;

	if (!take(&octets, &n, 1) || n > STORE_BAD_WHY ||
	    !take_str(&octets, n, &x.why) || octets.n > STORE_BAD_OCTETS)
		return false;
	x.octets = octets;
	*out = x;
	return true;
}
