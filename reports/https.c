/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/https.h"

#include <stdio.h>

#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/dns/rdata.h"
#include "lib/mail/addr.h"
#include "tlspolicy/sts_addr.h"

#define MEMORY ((size_t)1 << 20)
#define DNS_PATIENCE_MS 30000
#define DNS_QUESTIONS 4
#define ANSWER_MAX ((size_t)64 * 1024) /* nobody reads it */
/* a server that takes longer is one that never answers */
#define TIMEOUT_MAX_MS 60000

/*
 * An address would go past the DNS, and no certificate names it. libcurl takes
 * "1.2", "2130706433" and "127.0.0.0x1" for addresses too; no domain on the top
 * begins with a digit.
 */
static bool
is_address(struct str host)
{
	size_t dot = str_rchr(host, '.');
	struct str last = dot < host.n ? str_from(host, dot + 1) : host;

	return last.n && chars_is(last.p[0], CH_DIGIT);
}

int
https_url_parse(struct arena *a, struct str uri, struct https_url *out)
{
	struct str host, port, rest;
	size_t end = 0;
	uint64_t number = 0;
	int err;

	if (!str_starts_ci(uri, STR("https://")))
		return AVER_SYNTAX;
	rest = str_from(uri, 8);
	rest = str_head(rest, str_chr(rest, '#'));
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	host = str_cut(str_head(rest, end), ':', &port);
	if (str_chr(host, '@') < host.n ||
	    (port.n && (!str_to_u64(port, 65535, &number) || !number)))
		return AVER_SYNTAX;
	err = domain_to_ascii(a, host, &host);
	if (err)
		return err;
	/* as it is now: without the dot at the end, with digits of ASCII */
	if (is_address(host))
		return AVER_SYNTAX;
	rest = str_from(rest, end);
	if (rest.n > HTTP_PATH_MAX - 1)
		return AVER_SYNTAX;
	*out = (struct https_url){host, (int)number, rest};
	if (rest.n == 0 || rest.p[0] != '/')
		out->path = arena_cat(a, STR("/"), rest);
	return out->path.n ? 0 : AVER_NOMEM;
}

/* --- where it is */

static void
take(const struct reporter *r, const struct dns_rrset *rr, struct http_job *job,
    bool *refused)
{
	const struct sts_nets allow = {
	    r->conf->sts_allow_networks.v, r->conf->sts_allow_networks.n};
	struct ip ip;

	for (size_t i = 0; i < rr->n; i++) {
		if (!rdata_addr(rr->rdata[i], &ip) ||
		    job->n_addrs == HTTP_ADDRS)
			continue;
		if (sts_addr_is_allowed(&ip, &allow))
			job->addrs[job->n_addrs++] = ip;
		else
			*refused = true;
	}
}

/* NULL when there is an address, or why there is none. */
static const char *
resolve(struct reporter *r, struct arena *a, struct http_job *job)
{
	const struct dns_rrset *v4, *v6;
	bool refused = false;
	struct dname host;
	struct dns dns;

	if (!dname_from_text(job->host, &host))
		return "the host's name is none";
	dns_init(
	    &dns, r->dns, a, clock_mono_ms() + DNS_PATIENCE_MS, DNS_QUESTIONS);
	dns_prefetch(&dns, &host, DNS_AAAA);
	v4 = dns_lookup(&dns, &host, DNS_A);
	v6 = dns_lookup(&dns, &host, DNS_AAAA);
	take(r, v6, job, &refused);
	take(r, v4, job, &refused);
	if (job->n_addrs)
		return NULL;
	if (refused)
		return "the host's address is not public";
	return v4->status >= DNS_TEMP || v6->status >= DNS_TEMP
		   ? "the host's address cannot be looked up"
		   : "the host has no address";
}

/* --- the client */

int
https_open(struct reporter *r, struct diag *d)
{
	int64_t limit = r->conf->report_timeout * 1000;
	struct http_config cfg = {
	    .ca_file = r->conf->report_tls_ca_file,
	    .timeout_ms = limit < TIMEOUT_MAX_MS ? limit : TIMEOUT_MAX_MS,
	    .may_be_slow = true,
	    .max_size = ANSWER_MAX,
	    .at_once = (unsigned)r->conf->report_senders,
	    .queue = (unsigned)r->conf->report_senders,
	};

	return r->http ? 0 : http_open(&cfg, &r->http, d);
}

/* --- a report */

static void
say(struct https_reply *out, const char *why)
{
	snprintf(out->detail, sizeof(out->detail), "%s", why);
}

static void
judge(const struct http_result *res, struct https_reply *out)
{
	switch (res->end) {
	case HTTP_ANSWER:
		out->status = res->status;
		/*
		 * RFC 8460 section 5.4: 200 or 201 are what a good answer is
		 * typically; a redirect is none.
		 */
		out->sent = res->status / 100 == 2;
		snprintf(out->detail, sizeof(out->detail), "HTTP status %d%s",
		    res->status,
		    res->status / 100 == 3 ? "; redirects are not followed"
					   : "");
		break;
	case HTTP_TOO_LARGE:
	case HTTP_TOO_MANY_FIELDS:
	case HTTP_CERTIFICATE:
		say(out, res->reason);
		break;
	case HTTP_TIMEOUT:
	case HTTP_FAILED:
		out->mute = true;
		say(out, res->reason);
		break;
	case HTTP_OURS:
		say(out, res->reason);
		break;
	}
}

void
https_post(struct reporter *r, struct str uri, const char *content_type,
    struct str content, struct https_reply *out)
{
	struct http_job job = {.content_type = content_type,
	    .content = content,
	    /* RFC 8460 section 3: certificate errors may be ignored */
	    .any_certificate = !r->conf->tls_report_verify};
	struct http_result res;
	struct https_url url;
	const char *fault;
	struct arena a;

	*out = (struct https_reply){.sent = false};
	arena_init(&a, MEMORY);
	if (https_url_parse(&a, uri, &url)) {
		say(out, "no usable HTTPS address");
	} else {
		job.host = url.host;
		job.port = url.port;
		job.path = url.path;
		fault = resolve(r, &a, &job);
		if (fault) {
			say(out, fault);
		} else {
			http_perform(r->http, &job, &res);
			judge(&res, out);
		}
	}
	arena_fini(&a);
}
