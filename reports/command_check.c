/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Whether our reports can be delivered and will be believed: a report that
 * does not pass DMARC itself is thrown away (RFC 9990 section 3.5.2).
 */
#include "reports/commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netdb.h>
#include <sys/socket.h>

#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/dmarc/dmarc_discover.h"
#include "lib/dns/rdata.h"
#include "lib/report/report_mx.h"
#include "lib/conf/transport_url.h"
#include "lib/spf/spf.h"
#include "reports/reporter.h"

#define MEMORY ((size_t)4 << 20)
#define DNS_PATIENCE_MS 60000
#define DNS_QUESTIONS 500
#define LINE_OCTETS 8192

struct check {
	struct reporter r;
	struct reporter_options options;
	bool has_ip;
	struct ip ip; /* of --ip: where our mail comes from */
	struct arena arena;
	struct dns dns;
	struct dmarc_finder finder;
	const struct dmarc_record *policy; /* of our own From domain */
	bool dkim_passes, spf_passes; /* aligned */
	bool dkim_maybe, spf_maybe; /* not known here */
	unsigned to_fix;
};

/* --- output */

/* The texts are ours, but names in them are others'. */
__attribute__((format(printf, 2, 0))) static void
say(const char *word, const char *fmt, va_list ap)
{
	char text[LINE_OCTETS];

	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *p = text; *p; p++)
		if (!chars_is(*p, CH_PRINT))
			*p = '?';
	printf("%-5s %s\n", word, text);
}

__attribute__((format(printf, 1, 2))) static void
good(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("ok", fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 1, 2))) static void
note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("note", fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) static void
fix(struct check *k, const char *fmt, ...)
{
	va_list ap;

	k->to_fix++;
	va_start(ap, fmt);
	say("fix", fmt, ap);
	va_end(ap);
}

/* --- DMARC */

static void
check_dmarc(struct check *k)
{
	struct str domain = k->r.domain;
	const struct dmarc_node *at;

	switch (dmarc_find_policy(&k->finder, domain, &at)) {
	case DMARC_FOUND:
		k->policy = at->record;
		good("DMARC: %.*s has a policy, p=%s at _dmarc.%.*s",
		    STRF(domain), dmarc_policy_name(at->record->p),
		    STRF(at->name));
		break;
	case DMARC_FOUND_NOTHING:
		fix(k,
		    "DMARC: %.*s has no policy, so no report can pass; "
		    "publish _dmarc.%.*s TXT \"v=DMARC1; p=reject\"",
		    STRF(domain), STRF(domain));
		break;
	case DMARC_FOUND_BAD:
		fix(k, "DMARC: the record at _dmarc.%.*s cannot be used",
		    STRF(at->name));
		break;
	case DMARC_FOUND_ERROR:
	case DMARC_FOUND_COUNT:
		fix(k, "DMARC: %s for %.*s", dmarc_reason_name(k->finder.why),
		    STRF(k->finder.detail));
		break;
	}
}

static bool
is_aligned(struct check *k, struct str domain, enum dmarc_align mode)
{
	struct dmarc_org ours, its;

	if (str_eq_ci(domain, k->r.domain))
		return true;
	if (mode == DMARC_STRICT)
		return false;
	return dmarc_org_of(&k->finder, k->r.domain, &ours) &&
	       dmarc_org_of(&k->finder, domain, &its) &&
	       str_eq_ci(ours.name, its.name);
}

/* --- DKIM */

static const struct dns_rrset *
ask(struct check *k, struct str name, uint16_t type)
{
	struct dname dn;

	if (!dname_from_text(name, &dn))
		return NULL;
	return dns_lookup(&k->dns, &dn, type);
}

static void
print_record(struct check *k, const struct dkim_private *key, struct str name)
{
	struct buf b;

	buf_init(&b, &k->arena, LINE_OCTETS);
	if (dkim_private_record(key, &b) == 0)
		printf(
		    "      publish %.*s TXT \"%s\"\n", STRF(name), buf_z(&b));
}

/* One of the records is the key's: true. *why: what is wrong with the last. */
static bool
is_published(struct check *k, const struct dns_rrset *rr,
    const struct dkim_private *key, enum dkim_reason *why)
{
	for (size_t i = 0; i < rr->n; i++) {
		struct str text;

		if (!rdata_txt(&k->arena, rr->rdata[i], &text))
			continue;
		*why = dkim_private_matches(
		    &k->arena, k->r.engine, key, text, NULL);
		if (*why == DKIM_WHY_NONE)
			return true;
	}
	return false;
}

static void
check_key(struct check *k, const struct dkim_sign_config *sign)
{
	enum dkim_reason why = DKIM_WHY_KEY_SYNTAX;
	const struct dns_rrset *rr;
	struct str name;
	struct buf b;

	buf_init(&b, &k->arena, 1024);
	buf_addf(&b, "%.*s._domainkey.%.*s", STRF(sign->selector),
	    STRF(sign->domain));
	name = buf_str(&b);
	rr = ask(k, name, DNS_TXT);
	if (!rr) {
		fix(k, "DKIM: %.*s is no name", STRF(name));
		return;
	}
	switch (rr->status) {
	case DNS_OK:
		if (is_published(k, rr, sign->key, &why)) {
			good("DKIM: %.*s has the key of the file (%s, %u bits)",
			    STRF(name),
			    dkim_algorithm_name(
				dkim_private_algorithm(sign->key)),
			    dkim_private_bits(sign->key));
			k->dkim_passes = true;
			return;
		}
		fix(k, "DKIM: %.*s does not fit the key file: %s", STRF(name),
		    dkim_reason_name(why));
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		fix(k, "DKIM: there is no record %.*s", STRF(name));
		break;
	case DNS_TEMP:
	case DNS_BOGUS:
	case DNS_STATUS_COUNT:
		fix(k, "DKIM: %.*s cannot be looked up (%s)", STRF(name),
		    dns_status_name(rr->status));
		return;
	}
	print_record(k, sign->key, name);
}

static void
check_dkim(struct check *k)
{
	enum dmarc_align mode = k->policy ? k->policy->adkim : DMARC_RELAXED;
	struct diag d = {{0}, 0};

	if (reporter_keys(&k->r, &d)) {
		fix(k, "DKIM: %s", d.text);
		return;
	}
	if (!k->r.sign[0].key) {
		note("DKIM: reports are not signed here (report_dkim_selector "
		     "is empty); let the MTA sign mail from %.*s",
		    STRF(k->r.email));
		k->dkim_maybe = true;
		return;
	}
	for (size_t i = 0; i < REPORTER_KEYS && k->r.sign[i].key; i++)
		check_key(k, &k->r.sign[i]);
	if (k->dkim_passes && !is_aligned(k, k->r.sign[0].domain, mode)) {
		fix(k, "DKIM: d=%.*s is not aligned with the From domain %.*s",
		    STRF(k->r.sign[0].domain), STRF(k->r.domain));
		k->dkim_passes = false;
	}
}

/* --- SPF */

static enum spf_result
spf_of(struct check *k, const struct ip *ip)
{
	struct spf_input in = {.ip = *ip,
	    .scope = SPF_SCOPE_MFROM,
	    .mail_from =
		arena_cat(&k->arena, STR("reports@"), k->r.verp.domain),
	    .helo = k->r.host,
	    .receiver = k->r.host,
	    .now = clock_now(),
	    .limits = SPF_LIMITS_DEFAULT};
	struct spf_verdict v;

	spf_eval(&k->dns, &k->arena, &in, &v);
	return v.result;
}

static void
check_spf_of(struct check *k, const struct ip *ip, bool certain)
{
	enum spf_result result = spf_of(k, ip);
	struct buf b;

	buf_init(&b, &k->arena, 64);
	ip_print(&b, ip);
	if (result == SPF_PASS) {
		good("SPF: %.*s may send mail from %.*s", STRF(buf_str(&b)),
		    STRF(k->r.verp.domain));
		k->spf_passes = true;
	} else if (certain || result == SPF_NONE) {
		fix(k, "SPF: %s for mail of %.*s from %.*s",
		    spf_result_name(result), STRF(k->r.verp.domain),
		    STRF(buf_str(&b)));
	} else {
		note("SPF: %s for mail of %.*s from %.*s; if another host "
		     "sends it, name its address with --ip",
		    spf_result_name(result), STRF(k->r.verp.domain),
		    STRF(buf_str(&b)));
		k->spf_maybe = true;
	}
}

/* Without --ip: the addresses that this host's name has. */
static unsigned
check_spf_of_host(struct check *k)
{
	static const uint16_t types[] = {DNS_A, DNS_AAAA};
	unsigned n = 0;

	for (size_t t = 0; t < 2; t++) {
		const struct dns_rrset *rr = ask(k, k->r.host, types[t]);

		for (size_t i = 0;
		     rr && rr->status == DNS_OK && i < rr->n && i < 4; i++) {
			struct ip ip;

			if (!rdata_addr(rr->rdata[i], &ip))
				continue;
			check_spf_of(k, &ip, false);
			n++;
		}
	}
	return n;
}

static void
check_spf(struct check *k)
{
	enum dmarc_align mode = k->policy ? k->policy->aspf : DMARC_RELAXED;

	if (k->has_ip) {
		check_spf_of(k, &k->ip, true);
	} else if (check_spf_of_host(k) == 0) {
		note("SPF: %.*s has no address in the DNS; name the one that "
		     "mail leaves from with --ip",
		    STRF(k->r.host));
		k->spf_maybe = true;
	}
	if (!is_aligned(k, k->r.verp.domain, mode)) {
		note("SPF: the envelope domain %.*s is not aligned with the "
		     "From domain %.*s, so DKIM alone counts",
		    STRF(k->r.verp.domain), STRF(k->r.domain));
		k->spf_passes = k->spf_maybe = false;
	}
}

static void
sum_up(struct check *k)
{
	if (!k->policy)
		return;
	if (k->dkim_passes || k->spf_passes)
		good("reports from %.*s pass DMARC by %s%s%s", STRF(k->r.email),
		    k->dkim_passes ? "DKIM" : "",
		    k->dkim_passes && k->spf_passes ? " and " : "",
		    k->spf_passes ? "SPF" : "");
	else if (k->dkim_maybe || k->spf_maybe)
		note("whether reports from %.*s pass DMARC is up to the MTA",
		    STRF(k->r.email));
	else
		fix(k, "reports from %.*s do not pass DMARC", STRF(k->r.email));
}

/* --- delivery */

static void
check_bounces(struct check *k)
{
	enum report_mx mx = report_mx_check(&k->dns, k->r.verp.domain);

	if (mx == REPORT_MX_OK)
		good("bounces: %.*s takes mail", STRF(k->r.verp.domain));
	else
		fix(k, "bounces: %.*s: %s", STRF(k->r.verp.domain),
		    report_mx_name(mx));
	note("bounces: mail to %.*s%cTOKEN@%.*s has to go into aver-report "
	     "bounce",
	    STRF(k->r.verp.local), k->r.verp.separator, STRF(k->r.verp.domain));
}

/* As the transport finds it: by the system, /etc/hosts included. */
static void
check_host(struct check *k, const struct transport_url *url)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	const char *host = arena_z(&k->arena, url->host);
	int err = host ? getaddrinfo(host, NULL, &hints, &found) : EAI_MEMORY;

	if (err)
		fix(k, "transport: %.*s: %s", STRF(url->host),
		    gai_strerror(err));
	else
		freeaddrinfo(found);
}

static void
check_path_mode(struct check *k, struct str path, int mode, const char *problem)
{
	const char *z = arena_z(&k->arena, path);

	if (!z || access(z, mode))
		fix(k, "transport: %.*s %s", STRF(path), problem);
}

static void
check_transport_url(struct check *k)
{
	unsigned before = k->to_fix;
	struct transport_url url;
	struct diag d = {{0}, 0};

	if (reporter_transport(&k->r, &k->r.transport, &d)) {
		fix(k, "transport: %s", d.text);
		return;
	}
	if (!transport_url_parse(
		str_from_z(transport_name(k->r.transport)), &url))
		return;
	switch (url.kind) {
	case TRANSPORT_SENDMAIL:
		check_path_mode(k, url.path, X_OK, "cannot be run");
		break;
	case TRANSPORT_DIRECTORY:
		check_path_mode(k, url.path, W_OK | X_OK,
		    "is no directory that can be written to");
		break;
	case TRANSPORT_SMTP:
	case TRANSPORT_SUBMISSION:
	case TRANSPORT_SUBMISSIONS:
		check_host(k, &url);
		break;
	case TRANSPORT_KIND_COUNT:
		break;
	}
	if (k->to_fix == before)
		good("transport: %s", transport_name(k->r.transport));
}

static void
check_store(struct check *k)
{
	struct diag d = {{0}, 0};

	if (reporter_store(&k->r, STORE_READ, &d))
		note("store: %s", d.text);
	else
		good("store: %s", k->r.conf->store);
	if (!k->r.conf->record_evaluations)
		fix(k, "record_evaluations = no: there is nothing to report");
	if (!k->r.conf->aggregate_reports)
		note("aggregate_reports = no: DMARC reports are turned off");
}

static void
check_all(struct check *k)
{
	struct diag d = {{0}, 0};

	if (reporter_dns(&k->r, &d)) {
		fix(k, "DNS: %s", d.text);
		return;
	}
	dns_init(&k->dns, k->r.dns, &k->arena,
	    clock_mono_ms() + DNS_PATIENCE_MS, DNS_QUESTIONS);
	dmarc_finder_init(&k->finder, &k->dns,
	    k->r.psl ? DMARC_PSL : DMARC_TREEWALK, k->r.psl);
	good("reports come from %.*s", STRF(k->r.email));
	check_dmarc(k);
	check_dkim(k);
	check_spf(k);
	sum_up(k);
	check_bounces(k);
	check_transport_url(k);
	check_store(k);
}

/* --- arguments */

static bool
parse(struct check *k, int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return false;
		if (strcmp(argv[i], "--zone") == 0)
			k->options.zone = argv[i + 1];
		else if (strcmp(argv[i], "--ip") == 0 &&
			 ip_parse(str_from_z(argv[i + 1]), &k->ip))
			k->has_ip = true;
		else
			return false;
	}
	return true;
}

int
command_check(const struct conf *c, int argc, char **argv)
{
	struct check *k = calloc(1, sizeof(*k));
	struct diag d = {{0}, 0};
	unsigned to_fix;

	if (!k)
		return EXIT_FAILED;
	if (!parse(k, argc, argv)) {
		free(k);
		fputs("usage: aver-report check [--ip ADDRESS] "
		      "[--zone FILE]\n",
		    stderr);
		return EXIT_USAGE;
	}
	arena_init(&k->arena, MEMORY);
	if (reporter_init(&k->r, c, &k->options, &d))
		fix(k, "%s", d.text);
	else
		check_all(k);
	to_fix = k->to_fix;
	arena_fini(&k->arena);
	reporter_close(&k->r);
	free(k);
	return to_fix ? EXIT_FAILED : EXIT_OK;
}
