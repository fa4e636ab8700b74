/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/check.h"

#include <getopt.h>

#include "ctl/cell.h"
#include "ctl/tls_setup.h"
#include "ctl/usage.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/compat/compat.h"
#include "lib/dns/rdata.h"
#include "lib/smtp/smtp_client.h"
#include "lib/store/destination.h"
#include "tlspolicy/sts_match.h"

#define ADDRESSES_MAX 8
#define CONNECT_MS 20000
#define COMMAND_MS 30000
#define TOTAL_MS 120000
#define LINE_MAX_OCTETS ((size_t)64 * 1024)

struct check {
	struct tls_setup setup;
	struct tls_options tls;
	const char *key;
	struct nexthop hop;
	struct tls_decision decision;
	struct tls_client *client;
	char helo[256];
	struct arena arena;
	FILE *out;
	struct store_sighting *seen;
	size_t n_seen;
	unsigned good, bad, silent;
};

/* What a host is held to. */
struct demand {
	const char *words;
	struct tls_peer peer;
	struct str names[3];
	bool must; /* else it is looked at, and that is all */
	bool never; /* whatever it does, no mail goes there */
};

static int
parse_options(int argc, char **argv, struct check *k)
{
	const char *wrong = tls_options_parse(&k->tls, NULL, argc, argv);

	if (wrong)
		return usage_fail(stderr, "check", wrong);
	if (optind + 1 != argc)
		return usage_fail(stderr, "check", "one destination is needed");
	k->key = argv[optind];
	return 0;
}

/* ---- what is demanded --------------------------------------------------- */

static bool
demand_dane(struct check *k, const struct dane_host *h, struct demand *d)
{
	struct tls_tlsa *v = ARENA_ARRAY(&k->arena, struct tls_tlsa, h->n_tlsa);

	if (!v)
		return false;
	for (size_t i = 0; i < h->n_tlsa; i++)
		v[i] = (struct tls_tlsa){h->tlsa[i].usage, h->tlsa[i].selector,
		    h->tlsa[i].matching, h->tlsa[i].data};
	d->words = "DANE";
	d->must = true;
	d->names[0] = h->base;
	d->peer = (struct tls_peer){.verify = TLS_VERIFY_DANE,
	    .sni = h->base,
	    .tlsa = v,
	    .n_tlsa = h->n_tlsa,
	    .n_names = 1};
	/* RFC 7672 section 3.2.2 */
	if (k->decision.facts.mx == DANE_MX_SECURE)
		d->names[d->peer.n_names++] = k->hop.domain;
	return true;
}

static void
demand_pkix(struct check *k, const struct dane_host *h, struct demand *d)
{
	enum tls_kind kind = k->decision.kind;

	/* DANE for other hosts of the domain, and nothing less will do */
	d->never = kind == TLS_DANE_ONLY;
	d->must =
	    d->never || kind == TLS_STS_ENFORCE || kind == TLS_STS_TESTING;
	d->words = d->never  ? "DANE, for which it has no records"
		   : d->must ? "MTA-STS"
			     : "nothing";
	d->names[0] = h->name;
	d->peer = (struct tls_peer){
	    .verify = TLS_VERIFY_PKIX, .sni = h->name, .n_names = 1};
}

static bool
demand_of(struct check *k, const struct dane_host *h, struct demand *d)
{
	*d = (struct demand){.words = ""};
	if (h->state == DANE_USABLE) {
		if (!demand_dane(k, h, d))
			return false;
	} else if (h->state == DANE_UNUSABLE) {
		d->words = "TLS without authentication";
		d->must = true;
		d->peer = (struct tls_peer){
		    .verify = TLS_VERIFY_NONE, .sni = h->name};
	} else {
		demand_pkix(k, h, d);
	}
	d->peer.names = d->names;
	return true;
}

/* ---- a host ------------------------------------------------------------- */

static size_t
find_addresses(
    struct check *k, const struct dane_host *h, struct ip *v, struct buf *b)
{
	struct sts_nets allow = {k->setup.conf->sts_allow_networks.v,
	    k->setup.conf->sts_allow_networks.n};
	static const uint16_t types[] = {DNS_AAAA, DNS_A};
	struct dname name;
	struct dns d;
	struct ip ip;
	size_t n = 0;

	if (!dname_from_text(h->name, &name))
		return 0;
	dns_init(&d, k->setup.dns, &k->arena, tls_setup_deadline(&k->setup), 4);
	for (size_t t = 0; t < 2; t++) {
		const struct dns_rrset *rr = dns_lookup(&d, &name, types[t]);

		for (size_t i = 0; i < rr->n && n < ADDRESSES_MAX; i++) {
			if (!rdata_addr(rr->rdata[i], &ip))
				continue;
			if (sts_addr_is_allowed(&ip, &allow)) {
				v[n++] = ip;
				continue;
			}
			buf_add_z(b, "\n    ");
			ip_print(b, &ip);
			buf_add_z(b, " is not public and not in "
				     "sts_allow_networks");
		}
	}
	return n;
}

static void
print_result(struct check *k, const struct demand *d,
    const struct tls_result *r, const struct smtp *smtp, struct buf *b)
{
	bool good = r->type == TLS_SUCCESS, passes = good && !d->never;

	if (r->peer.family != IP_NONE) {
		buf_add_z(b, " [");
		ip_print(b, &r->peer);
		buf_add_c(b, ']');
	}
	buf_addf(b, "\n    STARTTLS: %s",
	    r->type == TLS_STARTTLS_NOT_SUPPORTED ? "not offered" : "offered");
	if (*r->protocol)
		buf_addf(b, ", %s %s", r->protocol, r->cipher);
	if (r->type != TLS_STARTTLS_NOT_SUPPORTED) {
		buf_addf(b, "\n    certificate: %s",
		    r->authenticated ? "verified"
		    : good           ? "not looked at"
				     : tls_type_name(r->type));
		if (*r->reason) {
			buf_add_z(b, ": ");
			cell_escape(b, str_from_z(r->reason));
		}
	}
	if (smtp && *r->protocol)
		buf_addf(b, "\n    REQUIRETLS: %s",
		    smtp_offers_requiretls(smtp) ? "offered" : "not offered");
	buf_addf(b, "\n    demanded by the policy: %s: %s", d->words,
	    !d->must ? "mail is sent in any case"
	    : passes ? "good"
		     : "mail would not be sent to this host");
	if (passes || !d->must)
		k->good++;
	else
		k->bad++;
}

/* What is remembered of it. */
static void
remember(struct check *k, const struct dane_host *h, const struct tls_result *r,
    const struct smtp *smtp)
{
	struct store_sighting *s = &k->seen[k->n_seen];
	bool tls = smtp && *r->protocol;

	if (!r->tried)
		return;
	*s = (struct store_sighting){.domain = k->hop.domain,
	    .mx = h->name,
	    .time = clock_now(),
	    .starttls = r->type == TLS_STARTTLS_NOT_SUPPORTED
			    ? STORE_NOT_OFFERED
			    : STORE_OFFERED};
	if (tls)
		s->requiretls = smtp_offers_requiretls(smtp)
				    ? STORE_OFFERED
				    : STORE_NOT_OFFERED;
	k->n_seen++;
}

static void
connect_to(struct check *k, const struct dane_host *h, const struct demand *d,
    const struct ip *v, size_t n, struct buf *b)
{
	struct smtp_settings s = {.addresses = v,
	    .n_addresses = n,
	    .port = k->hop.port,
	    .host = h->name,
	    .helo = str_from_z(k->helo),
	    .mode = TLS_MODE_OPPORTUNISTIC,
	    .tls = k->client,
	    .peer = d->peer,
	    .connect_ms = CONNECT_MS,
	    .command_ms = COMMAND_MS,
	    .total_ms = TOTAL_MS};
	struct tls_result r = {.tried = false};
	struct smtp_end end;
	struct smtp *smtp = NULL;

	smtp_open(&s, &smtp, &r, &end);
	if (!r.tried) {
		buf_addf(b, "\n    %s: ", smtp_stage_name(end.stage));
		cell_escape(b, str_from_z(end.text));
		k->silent++;
	} else {
		print_result(k, d, &r, smtp, b);
		remember(k, h, &r, smtp);
	}
	smtp_close(smtp);
}

static void
check_host(struct check *k, const struct dane_host *h)
{
	const struct sts_policy *p = k->decision.facts.sts.policy;
	struct ip v[ADDRESSES_MAX];
	struct demand d;
	struct buf b;
	size_t n;

	buf_init(&b, NULL, LINE_MAX_OCTETS);
	cell_add(&b, h->name);
	n = find_addresses(k, h, v, &b);
	if (n == 0) {
		buf_add_z(&b, "\n    no address to connect to");
		k->silent++;
	} else if (!demand_of(k, h, &d)) {
		buf_add_z(&b, "\n    out of memory");
		k->silent++;
	} else {
		connect_to(k, h, &d, v, n, &b);
	}
	if (p && p->mode != STS_NONE && k->decision.kind != TLS_DANE &&
	    k->decision.kind != TLS_DANE_ONLY &&
	    !sts_policy_match(p, h->name)) {
		buf_add_z(&b, "\n    no pattern of the MTA-STS policy names "
			      "this host");
		k->bad++;
	}
	fprintf(k->out, "  %s\n", buf_z(&b));
	buf_fini(&b);
}

/* ---- the command -------------------------------------------------------- */

/* For later: the question is answered without, and no store is made for it. */
static void
store_seen(struct check *k)
{
	struct store *s = NULL;
	struct diag d = {.text = ""};
	int err;

	if (!k->n_seen)
		return;
	err = store_open(k->setup.conf->store, STORE_CHANGE, &s, &d);
	if (!err)
		err = store_see_destinations(s, k->seen, k->n_seen, &d);
	store_close(s);
	if (err)
		fprintf(stderr,
		    "aver check: what was seen is not remembered: %s\n",
		    d.text);
}

static int
check(struct check *k, struct diag *d)
{
	const struct tls_facts *f = &k->decision.facts;

	engine_decide(k->setup.engine, &k->hop, tls_setup_deadline(&k->setup),
	    &k->arena, &k->decision);
	fprintf(k->out, "%.*s: %s: %s\n", STRF(k->hop.domain),
	    tls_kind_name(k->decision.kind), tls_why_text(k->decision.why));
	k->seen = ARENA_ARRAY(&k->arena, struct store_sighting, f->n_hosts);
	if (!k->seen)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	for (size_t i = 0; i < f->n_hosts; i++)
		check_host(k, &f->hosts[i]);
	store_seen(k);
	if (k->good == 0 || k->bad)
		return diag_set(d, AVER_NOTFOUND, 0,
		    "%u hosts are good, %u are not, %u were not reached",
		    k->good, k->bad, k->silent);
	return 0;
}

int
cmd_check(const struct conf *c, int argc, char **argv, FILE *out)
{
	struct check k = {.out = out};
	struct diag d = {{0}, 0};
	int status = parse_options(argc, argv, &k);

	if (status)
		return status;
	arena_init(&k.arena, TLS_ARENA);
	compat_hostname(k.helo, sizeof(k.helo));
	if (tls_setup_open(c, &k.tls, &k.setup, &d) ||
	    nexthop_parse(&k.arena, str_from_z(k.key), &k.hop, &d) ||
	    tls_client_open(c->sts_ca_file, &k.client, &d) || check(&k, &d)) {
		fprintf(stderr, "aver check: %s\n", d.text);
		status = 1;
	}
	tls_client_close(k.client);
	tls_setup_close(&k.setup);
	arena_fini(&k.arena);
	return status;
}
