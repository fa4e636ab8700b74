/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/reporter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/compat/compat.h"
#include "lib/dkim/dkim.h"
#include "lib/dns/dns_conf.h"
#include "lib/dns/dns_zone_file.h"
#include "lib/mail/addr.h"

#define MEMORY ((size_t)1 << 20)
#define HOST_MAX 256
#define KEY_MAX ((size_t)64 * 1024)
/* aver-report asks for each name once or twice in a run */
#define CACHE_ENTRIES 2000

/* --- who we are */

static int
no_memory(struct diag *d)
{
	return diag_set(d, AVER_NOMEM, 0, "out of memory");
}

/* LOCAL@DOMAIN with the domain in the form that DNS has. */
static int
normalize(struct arena *a, const char *name, struct str text,
    struct str *address, struct str *domain, struct diag *d)
{
	struct str local, host;
	int err;

	addr_split(text, &local, &host);
	err = domain_to_ascii(a, host, &host);
	if (err == AVER_SYNTAX || !local.n)
		return diag_set(d, AVER_CONF, 0,
		    "parameter %s: \"%.*s\" is no address", name, STRF(text));
	if (err)
		return no_memory(d);
	*address = arena_cat(a, arena_cat(a, local, STR("@")), host);
	*domain = host;
	return address->n ? 0 : no_memory(d);
}

static int
set_host(struct reporter *r, struct diag *d)
{
	char *name = arena_alloc(&r->arena, HOST_MAX);
	struct str host;

	if (!name)
		return no_memory(d);
	compat_hostname(name, HOST_MAX);
	host = str_from_z(name);
	r->host = STR("localhost.localdomain");
	if (domain_to_ascii(&r->arena, host, &host) == 0)
		r->host = host;
	return 0;
}

static int
set_addresses(struct reporter *r, struct diag *d)
{
	const struct conf *c = r->conf;
	struct arena *a = &r->arena;
	struct str email = str_from_z(c->report_email);
	struct str bounce = str_from_z(c->report_bounce_address), rest;
	int err;

	if (!email.n)
		email = arena_cat(a, STR("noreply-dmarc@"), r->host);
	err = normalize(a, "report_email", email, &r->email, &r->domain, d);
	if (!err)
		err = normalize(a, "report_bounce_address",
		    bounce.n ? bounce : r->email, &bounce, &r->verp.domain, d);
	if (err)
		return err;
	r->verp.local = str_cut(bounce, '@', &rest);
	r->verp.separator = c->recipient_delimiter[0];
	r->verp.secret = r->verp_secret;
	if (r->verp.local.n > VERP_LOCAL_MAX)
		return diag_set(d, AVER_CONF, 0,
		    "parameter report_bounce_address (or report_email): the "
		    "local part is longer than %d octets",
		    VERP_LOCAL_MAX);
	r->org_name =
	    *c->report_org_name ? str_from_z(c->report_org_name) : r->domain;
	return 0;
}

int
reporter_init(struct reporter *r, const struct conf *c,
    const struct reporter_options *o, struct diag *d)
{
	int err;

	r->conf = c;
	r->options = o;
	r->clock_jumps = o->has_now;
	r->clock = o->now;
	arena_init(&r->arena, MEMORY);
	err = set_host(r, d);
	return err ? err : set_addresses(r, d);
}

bool
reporter_is_own(const struct reporter *r, struct str domain)
{
	return str_eq_ci(domain, r->domain) ||
	       str_eq_ci(domain, r->verp.domain);
}

/* --- keys */

/* A private key that others may read is none. */
static int
check_mode(int fd, const char *path, struct diag *d)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return diag_set(d, AVER_CONF, 0, "%s: is no file", path);
	if (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP))
		return diag_set(d, AVER_CONF, 0,
		    "%s: mode %04o lets others read or change the key: use "
		    "chmod 0640 or 0600",
		    path, (unsigned)(st.st_mode & 07777));
	return 0;
}

int
reporter_key_file(const char *path, struct buf *pem, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char chunk[4096];
	ssize_t n;
	int err;

	if (fd < 0)
		return diag_set(
		    d, AVER_CONF, 0, "%s: %s", path, strerror(errno));
	err = check_mode(fd, path, d);
	while (!err && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0)
			err = diag_set(
			    d, AVER_CONF, 0, "%s: %s", path, strerror(errno));
		else
			buf_add(pem, (struct str){chunk, (size_t)n});
	}
	close(fd);
	if (!err && !buf_ok(pem))
		err = diag_set(d, AVER_CONF, 0, "%s: too large", path);
	return err;
}

static int
read_key(struct reporter *r, const char *path, const struct dkim_private **out,
    struct diag *d)
{
	struct dkim_private *key;
	struct diag why = {{0}, 0};
	struct buf pem;
	int err;

	buf_init(&pem, NULL, KEY_MAX);
	err = reporter_key_file(path, &pem, d);
	if (!err) {
		err = dkim_private_read(
		    &r->arena, r->engine, buf_str(&pem), &key, &why);
		if (err)
			diag_set(d, 0, 0, "%s: %s", path, why.text);
		else
			*out = key;
	}
	if (pem.p)
		explicit_bzero(pem.p, pem.cap);
	buf_fini(&pem);
	return err ? AVER_CONF : 0;
}

int
reporter_keys(struct reporter *r, struct diag *d)
{
	const struct conf *c = r->conf;
	size_t n = c->report_dkim_selector.n;
	struct str domain = r->domain;
	int err = 0;

	r->engine = dkim_engine_new(&r->arena);
	if (!r->engine)
		return diag_set(
		    d, AVER_CRYPTO, 0, "OpenSSL offers no SHA-256 or RSA");
	if (n != c->report_dkim_key_file.n || n > REPORTER_KEYS)
		return diag_set(d, AVER_CONF, 0,
		    "parameters report_dkim_selector and "
		    "report_dkim_key_file: each selector needs a key file, at "
		    "most %d",
		    REPORTER_KEYS);
	if (*c->report_dkim_domain &&
	    domain_to_ascii(
		&r->arena, str_from_z(c->report_dkim_domain), &domain))
		return diag_set(d, AVER_CONF, 0,
		    "parameter report_dkim_domain: is no domain");
	for (size_t i = 0; i < n && !err; i++) {
		r->sign[i].domain = domain;
		r->sign[i].selector = str_from_z(c->report_dkim_selector.v[i]);
		err = read_key(
		    r, c->report_dkim_key_file.v[i], &r->sign[i].key, d);
	}
	return err;
}

/* --- what it works with */

int
reporter_store(struct reporter *r, enum store_mode mode, struct diag *d)
{
	int err = store_open(r->conf->store, mode, &r->store, d);

	if (err || mode == STORE_READ)
		return err;
	err = store_secret(r->store, STR("verp"), r->verp_secret, d);
	if (!err)
		err = store_secret(r->store, STR("report-id"), r->id_salt, d);
	return err;
}

int
reporter_dns(struct reporter *r, struct diag *d)
{
	const struct conf *c = r->conf;
	struct dns_unbound_config cfg = dns_conf_unbound(c);

	cfg.cache_entries = CACHE_ENTRIES;
	if (c->dmarc_discovery == CONF_PSL) {
		r->psl = orgdom_open(c->public_suffix_list);
		if (!r->psl)
			return diag_set(d, AVER_CONF, 0,
			    "dmarc_discovery = psl: no public suffix list");
	}
	if (r->options->zone)
		return dns_zone_file_open(r->options->zone, &r->dns, d);
	return dns_unbound_open(&cfg, &r->dns, d);
}

int
reporter_transport(
    const struct reporter *r, struct transport **out, struct diag *d)
{
	const struct conf *c = r->conf;
	char host[HOST_MAX];
	struct transport_config cfg = {
	    .url = c->report_transport,
	    .helo = host,
	    .credentials = c->report_credentials,
	    .sasl_mechanism = c->report_sasl_mechanism,
	    .tls_ca_file = c->report_tls_ca_file,
	    .tls_verify = c->report_tls_verify ? TRANSPORT_VERIFY_YES
					       : TRANSPORT_VERIFY_NO,
	    .timeout_ms = c->report_timeout * 1000,
	};

	compat_hostname(host, sizeof(host));
	return transport_open(&cfg, out, d);
}

void
reporter_close(struct reporter *r)
{
	transport_close(r->transport);
	http_close(r->http);
	dns_source_close(r->dns);
	orgdom_close(r->psl);
	store_close(r->store);
	arena_fini(&r->arena);
	explicit_bzero(r, sizeof(*r));
}

/* --- time and signals */

int64_t
reporter_now(const struct reporter *r)
{
	return r->clock_jumps ? r->clock : clock_now();
}

static void
our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
}

/* They stay pending: nothing that was begun is interrupted. */
void
reporter_catch_signals(void)
{
	struct sigaction sa;
	sigset_t set;

	our_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

bool
reporter_stopped(void)
{
	sigset_t set;

	return sigpending(&set) == 0 && (sigismember(&set, SIGTERM) == 1 ||
					    sigismember(&set, SIGINT) == 1);
}

bool
reporter_wait(struct reporter *r, int64_t until)
{
	if (r->clock_jumps) {
		if (r->clock < until)
			r->clock = until;
		return !reporter_stopped();
	}
	for (;;) {
		struct timespec second = {1, 0};

		if (reporter_stopped())
			return false;
		if (clock_now() >= until)
			return true;
		/* a signal to stop is pending and does not end a sleep */
		nanosleep(&second, NULL);
	}
}
