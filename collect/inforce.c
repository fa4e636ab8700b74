/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "collect/inforce.h"

#include "lib/base/buf.h"
#include "lib/tlsrpt/tlsrpt_codec.h"
#include "tlspolicy/nexthop.h"
#include "tlspolicy/sts_policy.h"

#define SMTP_PORT 25

static void
set_type(struct tlsrpt_policy *p, enum tlsrpt_policy_type type)
{
	p->type = str_from_z(tlsrpt_policy_name(type));
}

/* RFC 8460 section 4.5: the policy line by line. */
static void
set_sts(struct arena *a, struct str text, const struct str *mx, size_t n_mx,
    struct tlsrpt_policy *out)
{
	struct str rest = text, line;
	struct str *strings;
	size_t n = 0;

	set_type(out, TLSRPT_STS);
	while (n < TLSRPT_STRINGS_MAX && sts_policy_line(&rest, &line))
		n++;
	strings = ARENA_ARRAY(a, struct str, n ? n : 1);
	if (!strings)
		return;
	rest = text;
	for (size_t i = 0; i < n && sts_policy_line(&rest, &line); i++)
		strings[i] = tlsrpt_text(a, line);
	out->strings = strings;
	out->n_strings = n;
	out->mx_hosts = mx;
	out->n_mx_hosts = n_mx < TLSRPT_STRINGS_MAX ? n_mx : TLSRPT_STRINGS_MAX;
}

/* RFC 8460 section 4.5: one element for each record. */
static void
set_tlsa(struct arena *a, const struct dane_host *h, struct tlsrpt_policy *out)
{
	struct str *strings =
	    ARENA_ARRAY(a, struct str, h->n_tlsa ? h->n_tlsa : 1);

	set_type(out, TLSRPT_TLSA);
	out->domain = h->base;
	if (!strings)
		return;
	for (size_t i = 0; i < h->n_tlsa; i++) {
		struct buf b;

		buf_init(&b, a, TLSRPT_TEXT_MAX * 4);
		tlsa_print(&b, &h->tlsa[i]);
		strings[i] = tlsrpt_text(a, buf_str(&b));
	}
	out->strings = strings;
	out->n_strings = h->n_tlsa;
}

static const struct dane_host *
find_host(const struct tls_decision *d, struct str mx)
{
	for (size_t i = 0; i < d->facts.n_hosts; i++)
		if (str_eq_ci(d->facts.hosts[i].name, mx))
			return &d->facts.hosts[i];
	return NULL;
}

void
inforce_of_decision(struct arena *arena, const struct tls_decision *d,
    struct str mx, struct tlsrpt_policy *out)
{
	const struct dane_host *h = find_host(d, mx);
	const struct sts_policy *sts = d->facts.sts.policy;

	*out = (struct tlsrpt_policy){.domain = d->domain};
	set_type(out, TLSRPT_NO_POLICY_FOUND);
	/* records of which none is usable are no policy to Postfix */
	if ((d->kind == TLS_DANE || d->kind == TLS_DANE_ONLY) && h &&
	    h->state == DANE_USABLE)
		set_tlsa(arena, h, out);
	if ((d->kind == TLS_STS_ENFORCE || d->kind == TLS_STS_TESTING) && sts)
		set_sts(arena, sts->text, sts->mx, sts->n_mx, out);
}

void
inforce_ask(struct engine *e, struct str domain, struct str mx, uint16_t port,
    int64_t deadline, struct arena *arena, struct tlsrpt_policy *out)
{
	struct tls_decision d;
	struct nexthop hop;
	struct buf key;

	*out = (struct tlsrpt_policy){.domain = tlsrpt_name(arena, domain)};
	set_type(out, TLSRPT_NO_POLICY_FOUND);
	buf_init(&key, arena, NEXTHOP_KEY_MAX);
	buf_add(&key, domain);
	if (port && port != SMTP_PORT)
		buf_addf(&key, ":%u", port);
	if (nexthop_parse(arena, buf_str(&key), &hop, NULL) ||
	    hop.domain.n == 0)
		return;
	(void)engine_decide(e, &hop, deadline, arena, &d);
	if (d.domain.n)
		inforce_of_decision(arena, &d, mx, out);
}

void
inforce_of_event(struct arena *arena, const struct engine_event *ev,
    struct tlsrpt_policy *out)
{
	struct sts_policy sts;

	*out = (struct tlsrpt_policy){.domain = ev->policy_domain};
	set_type(out, ev->type);
	if (ev->type == TLSRPT_STS && ev->policy.n &&
	    sts_policy_parse(arena, ev->policy, &sts, NULL) == 0)
		set_sts(arena, ev->policy, sts.mx, sts.n_mx, out);
}
