/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_fetch.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/base/buf.h"
#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tlspolicy/sts_policy.h"

#define HEADERS_MAX ((size_t)64 * 1024)
#define CONNECT_MS 15000 /* to connect, TLS included */
#define SLOW_OCTETS 64L /* a second, */
#define SLOW_SECONDS 15L /* for so long: the end */
#define POLL_MS 1000
#define CA_CHECK_MS 60000
#define DOMAIN_MAX 253
#define URL_MAX (DOMAIN_MAX + 64)
#define RESOLVE_MAX (DOMAIN_MAX + 32 + STS_FETCH_ADDRS * 48)

struct fetcher;

/* A connection's worth of state, used again and again. */
struct transfer {
	struct fetcher *f;
	struct transfer *next; /* while it is idle */
	CURL *easy;
	struct sts_fetch_job *job; /* NULL: idle */
	struct curl_slist *resolve;
	struct buf body;
	size_t headers; /* octets of them */
	bool too_large;
	char host[sizeof("mta-sts.") + DOMAIN_MAX];
	char error[CURL_ERROR_SIZE];
};

struct waiting {
	struct waiting *next;
	struct sts_fetch_job *job;
};

struct fetcher {
	struct sts_fetcher base;
	struct sts_fetch_config cfg;
	char *ca_file; /* NULL: OpenSSL's places */
	pthread_t thread;
	CURLM *multi;

	/* of the thread alone */
	struct transfer *transfers; /* cfg.at_once of them */
	struct transfer *idle;
	unsigned active;
	X509_STORE *store;
	struct timespec ca_time;
	int64_t ca_checked; /* clock_mono_ms() */

	pthread_mutex_t lock;
	struct waiting *first, **last; /* in order */
	unsigned n_waiting;
	bool quit;
};

/* ---- trusted roots ------------------------------------------------------ */

static X509_STORE *
load_store(const char *ca_file)
{
	X509_STORE *store = X509_STORE_new();
	int good;

	if (!store)
		return NULL;
	good = ca_file ? X509_STORE_load_file(store, ca_file)
		       : X509_STORE_set_default_paths(store);
	if (good == 1)
		return store;
	X509_STORE_free(store);
	return NULL;
}

static bool
ca_time(const struct fetcher *f, struct timespec *out)
{
	struct stat st;

	if (!f->ca_file || stat(f->ca_file, &st))
		return false;
	*out = st.st_mtim;
	return true;
}

/* A file that cannot be read any more leaves the roots as they were. */
static void
refresh_store(struct fetcher *f)
{
	int64_t now = clock_mono_ms();
	struct timespec t;
	X509_STORE *store;

	if (now - f->ca_checked < CA_CHECK_MS)
		return;
	f->ca_checked = now;
	if (!ca_time(f, &t) ||
	    (t.tv_sec == f->ca_time.tv_sec && t.tv_nsec == f->ca_time.tv_nsec))
		return;
	store = load_store(f->ca_file);
	if (!store)
		return;
	X509_STORE_free(f->store);
	f->store = store;
	f->ca_time = t;
}

/* ---- what libcurl calls ------------------------------------------------- */

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)p;
	t->headers += size * n;
	return t->headers <= HEADERS_MAX ? size * n : 0;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	buf_add(&t->body, (struct str){p, size * n});
	if (buf_ok(&t->body))
		return size * n;
	t->too_large = t->body.err == AVER_LIMIT;
	return 0;
}

static bool
is_given(const struct sts_fetch_job *job, const struct sockaddr *sa)
{
	struct ip ip;

	if (sa->sa_family == AF_INET)
		ip = ip_from_bytes(
		    IP_V4, &((const struct sockaddr_in *)sa)->sin_addr);
	else if (sa->sa_family == AF_INET6)
		ip = ip_from_bytes(
		    IP_V6, &((const struct sockaddr_in6 *)sa)->sin6_addr);
	else
		return false;
	for (size_t i = 0; i < job->n_addrs; i++)
		if (ip_eq(&ip, &job->addrs[i]))
			return true;
	return false;
}

/* The last word on where a connection goes, whatever libcurl was told. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	const struct transfer *t = arg;

	if (purpose != CURLSOCKTYPE_IPCXN || !is_given(t->job, &a->addr))
		return CURL_SOCKET_BAD;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/*
 * RFC 8461 section 3.3: a DNS-ID of the host has to be in the certificate, the
 * Common Name does not count, a wildcard is all of the leftmost label. libcurl
 * would look at the name when there is no DNS-ID, so OpenSSL is told. All
 * connections share the roots: to read them costs more than a handshake.
 */
static CURLcode
on_ssl_ctx(CURL *easy, void *ssl_ctx, void *arg)
{
	const struct transfer *t = arg;
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl_ctx);

	(void)easy;
	SSL_CTX_set1_cert_store(ssl_ctx, t->f->store);
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_host(param, t->host, 0) != 1)
		return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

/* ---- one transfer ------------------------------------------------------- */

struct setting {
	CURLoption option;
	long value;
};

/* RFC 8461 section 3.3 and good sense; the rest is in set_up() */
static const struct setting settings[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_MAXREDIRS, 0},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_SSL_VERIFYPEER, 1},
    {CURLOPT_SSL_VERIFYHOST, 2},
    {CURLOPT_SSL_ENABLE_ALPN, 0},
    {CURLOPT_SSL_SESSIONID_CACHE, 0},
    {CURLOPT_FRESH_CONNECT, 1},
    {CURLOPT_FORBID_REUSE, 1},
    {CURLOPT_DNS_CACHE_TIMEOUT, 60},
    {CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS},
    {CURLOPT_LOW_SPEED_LIMIT, SLOW_OCTETS},
    {CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS},
    {CURLOPT_TCP_NODELAY, 1},
    {CURLOPT_HTTP_CONTENT_DECODING, 0},
};

/* libcurl 7.85 took another option for it */
#if LIBCURL_VERSION_NUM >= 0x075500
#define PROTOCOLS CURLOPT_PROTOCOLS_STR
#define ONLY_HTTPS "https"
#else
#define PROTOCOLS CURLOPT_PROTOCOLS
#define ONLY_HTTPS (long)CURLPROTO_HTTPS
#endif

/* What is the same for every use of the handle. */
static bool
set_up(struct transfer *t)
{
	CURL *e = t->easy;
	CURLcode bad = CURLE_OK;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		bad |=
		    curl_easy_setopt(e, settings[i].option, settings[i].value);
	/* an empty name: not even one from the environment */
	bad |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	bad |= curl_easy_setopt(e, CURLOPT_CAINFO, (char *)NULL);
	bad |= curl_easy_setopt(e, CURLOPT_CAPATH, (char *)NULL);
	bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, "aver/" AVER_VERSION);
	bad |=
	    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)t->f->cfg.timeout_ms);
	bad |= curl_easy_setopt(e, CURLOPT_PRIVATE, (void *)t);
	bad |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERDATA, (void *)t);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, (void *)t);
	bad |= curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	bad |= curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, (void *)t);
	bad |= curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	bad |= curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, (void *)t);
	bad |= curl_easy_setopt(e, PROTOCOLS, ONLY_HTTPS);
	return bad == CURLE_OK;
}

static int
port_of(const struct fetcher *f)
{
	return f->cfg.port ? f->cfg.port : 443;
}

/* "+HOST:PORT:ADDR,[ADDR6]": libcurl has no name to look up. */
static struct curl_slist *
resolve_list(const struct transfer *t)
{
	const struct sts_fetch_job *job = t->job;
	struct curl_slist *list;
	struct buf b;

	buf_init(&b, NULL, RESOLVE_MAX);
	buf_addf(&b, "+%s:%d:", t->host, port_of(t->f));
	for (size_t i = 0; i < job->n_addrs; i++) {
		bool is_v6 = job->addrs[i].family == IP_V6;

		buf_add_z(&b, i ? "," : "");
		buf_add_z(&b, is_v6 ? "[" : "");
		ip_print(&b, &job->addrs[i]);
		buf_add_z(&b, is_v6 ? "]" : "");
	}
	list = buf_ok(&b) ? curl_slist_append(NULL, buf_z(&b)) : NULL;
	buf_fini(&b);
	return list;
}

/* Lower-case letters, digits, "-", "_" and dots: nothing to inject with. */
static bool
is_domain(struct str domain)
{
	for (size_t i = 0; i < domain.n; i++)
		if (!chars_is(domain.p[i], CH_LDH) && domain.p[i] != '.' &&
		    domain.p[i] != '_')
			return false;
	return domain.n > 0 && domain.n <= DOMAIN_MAX;
}

/* Nothing was tried, for a reason of ours. */
static void
refuse(struct sts_fetch_job *job, const char *why)
{
	struct sts_fetch_result r = {
	    .result = TLSRPT_STS_POLICY_FETCH_ERROR, .is_ours = true};

	snprintf(r.reason, sizeof(r.reason), "%s", why);
	job->done(job, &r);
}

static bool
begin(struct transfer *t)
{
	const struct sts_fetch_job *job = t->job;
	char url[URL_MAX];

	snprintf(t->host, sizeof(t->host), "mta-sts.%.*s", STRF(job->domain));
	snprintf(url, sizeof(url), "https://%s:%d/.well-known/mta-sts.txt",
	    t->host, port_of(t->f));
	t->headers = 0;
	t->too_large = false;
	t->error[0] = '\0';
	buf_clear(&t->body);
	t->resolve = resolve_list(t);
	return t->resolve &&
	       curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->resolve) ==
		   CURLE_OK &&
	       curl_easy_setopt(t->easy, CURLOPT_URL, url) == CURLE_OK &&
	       curl_multi_add_handle(t->f->multi, t->easy) == CURLM_OK;
}

/* Gives the handle back; the job is somebody else's now. */
static struct sts_fetch_job *
release(struct transfer *t)
{
	struct sts_fetch_job *job = t->job;

	curl_easy_setopt(t->easy, CURLOPT_RESOLVE, (void *)NULL);
	curl_slist_free_all(t->resolve);
	t->resolve = NULL;
	t->job = NULL;
	t->next = t->f->idle;
	t->f->idle = t;
	t->f->active--;
	return job;
}

static void
start_transfer(struct fetcher *f, struct sts_fetch_job *job)
{
	struct transfer *t = f->idle;

	refresh_store(f);
	f->idle = t->next;
	f->active++;
	t->job = job;
	if (!begin(t))
		refuse(release(t), "out of memory");
}

/* ---- how it ended ------------------------------------------------------- */

static void
say(struct sts_fetch_result *r, enum tlsrpt_result result, const char *why)
{
	size_t i;

	r->result = result;
	for (i = 0; why[i] && i < sizeof(r->reason) - 1; i++)
		r->reason[i] = chars_is(why[i], CH_PRINT) ? why[i] : '?';
	r->reason[i] = '\0';
}

static void
judge_failure(
    const struct transfer *t, CURLcode code, struct sts_fetch_result *r)
{
	long verify = 0;

	curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		say(r, TLSRPT_STS_WEBPKI_INVALID,
		    verify == X509_V_OK
			? "no DNS-ID matches"
			: X509_verify_cert_error_string(verify));
	else if (t->too_large)
		say(r, TLSRPT_STS_POLICY_INVALID, "the policy is too large");
	else if (t->headers > HEADERS_MAX)
		say(r, TLSRPT_STS_POLICY_FETCH_ERROR, "too many header fields");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		say(r, TLSRPT_STS_POLICY_FETCH_ERROR, "timeout");
	else
		say(r, TLSRPT_STS_POLICY_FETCH_ERROR,
		    *t->error ? t->error : curl_easy_strerror(code));
}

static void
judge_answer(const struct transfer *t, struct sts_fetch_result *r)
{
	char *type = NULL;
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	/* RFC 8461 section 3.3: nothing but 200 will do, and no redirect */
	if (status != 200) {
		r->result = TLSRPT_STS_POLICY_FETCH_ERROR;
		snprintf(r->reason, sizeof(r->reason), "HTTP status %ld%s",
		    status,
		    status / 100 == 3 ? "; redirects are not followed" : "");
	} else if (!sts_policy_content_type(str_from_z(type))) {
		say(r, TLSRPT_STS_POLICY_INVALID,
		    "the content type is not text/plain");
	} else {
		r->result = TLSRPT_SUCCESS;
		r->body = buf_str(&t->body);
	}
}

static void
finish(struct transfer *t, CURLcode code)
{
	struct sts_fetch_result r = {.result = TLSRPT_SUCCESS};
	struct sts_fetch_job *job = t->job;

	if (code == CURLE_OK)
		judge_answer(t, &r);
	else
		judge_failure(t, code, &r);
	curl_multi_remove_handle(t->f->multi, t->easy);
	job->done(job, &r);
	release(t);
}

/* ---- the thread --------------------------------------------------------- */

/* The next job, when there is one and room for it. */
static struct sts_fetch_job *
take_job(struct fetcher *f)
{
	struct sts_fetch_job *job = NULL;
	struct waiting *w;

	if (!f->idle)
		return NULL;
	pthread_mutex_lock(&f->lock);
	w = f->first;
	if (w) {
		f->first = w->next;
		if (!f->first)
			f->last = &f->first;
		f->n_waiting--;
	}
	pthread_mutex_unlock(&f->lock);
	if (w)
		job = w->job;
	free(w);
	return job;
}

static bool
has_to_quit(struct fetcher *f)
{
	bool quit;

	pthread_mutex_lock(&f->lock);
	quit = f->quit;
	pthread_mutex_unlock(&f->lock);
	return quit;
}

static void
take_results(struct fetcher *f)
{
	struct CURLMsg *m;
	struct transfer *t;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left))) {
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, code);
	}
}

static void *
run(void *arg)
{
	struct fetcher *f = arg;
	struct sts_fetch_job *job;
	int running;

	while (!has_to_quit(f)) {
		while ((job = take_job(f)))
			start_transfer(f, job);
		curl_multi_perform(f->multi, &running);
		take_results(f);
		curl_multi_poll(f->multi, NULL, 0, POLL_MS, NULL);
	}
	return NULL;
}

/* ---- the fetcher -------------------------------------------------------- */

static void
fetch_start(struct sts_fetcher *base, struct sts_fetch_job *job)
{
	struct fetcher *f = (struct fetcher *)base;
	struct waiting *w = NULL;
	const char *why = NULL;

	if (!is_domain(job->domain) || job->n_addrs == 0)
		why = "no name or address to ask";
	else if (!(w = malloc(sizeof(*w))))
		why = "out of memory";
	if (why) {
		refuse(job, why);
		return;
	}
	*w = (struct waiting){NULL, job};
	pthread_mutex_lock(&f->lock);
	if (f->quit || f->n_waiting >= f->cfg.queue) {
		why = f->quit ? "the fetcher ends" : "too many fetches";
	} else {
		*f->last = w;
		f->last = &w->next;
		f->n_waiting++;
	}
	pthread_mutex_unlock(&f->lock);
	if (why) {
		free(w);
		refuse(job, why);
		return;
	}
	curl_multi_wakeup(f->multi);
}

static void
free_transfers(struct fetcher *f)
{
	for (unsigned i = 0; f->transfers && i < f->cfg.at_once; i++) {
		struct transfer *t = &f->transfers[i];

		if (t->job) {
			curl_multi_remove_handle(f->multi, t->easy);
			refuse(release(t), "the fetcher ends");
		}
		if (t->easy)
			curl_easy_cleanup(t->easy);
		buf_fini(&t->body);
	}
	free(f->transfers);
}

static void
fetcher_free(struct fetcher *f)
{
	free_transfers(f);
	if (f->multi)
		curl_multi_cleanup(f->multi);
	X509_STORE_free(f->store);
	free(f->ca_file);
	pthread_mutex_destroy(&f->lock);
	free(f);
	curl_global_cleanup();
}

static void
fetch_close(struct sts_fetcher *base)
{
	struct fetcher *f = (struct fetcher *)base;
	struct waiting *w;

	pthread_mutex_lock(&f->lock);
	f->quit = true;
	pthread_mutex_unlock(&f->lock);
	curl_multi_wakeup(f->multi);
	pthread_join(f->thread, NULL);
	while ((w = f->first)) {
		f->first = w->next;
		refuse(w->job, "the fetcher ends");
		free(w);
	}
	fetcher_free(f);
}

static const struct sts_fetcher_ops fetch_ops = {fetch_start, fetch_close};

static bool
make_transfers(struct fetcher *f)
{
	f->transfers = calloc(f->cfg.at_once, sizeof(*f->transfers));
	for (unsigned i = 0; f->transfers && i < f->cfg.at_once; i++) {
		struct transfer *t = &f->transfers[i];

		t->f = f;
		buf_init(&t->body, NULL, f->cfg.max_size);
		t->easy = curl_easy_init();
		if (!t->easy || !set_up(t))
			return false;
		t->next = f->idle;
		f->idle = t;
	}
	return f->transfers != NULL;
}

/* The file libcurl was built to use, if nobody names one. */
static const char *
default_ca_file(void)
{
	const char *file = curl_version_info(CURLVERSION_NOW)->cainfo;
	struct stat st;

	return file && stat(file, &st) == 0 ? file : NULL;
}

static int
load_roots(struct fetcher *f, struct diag *d)
{
	const char *file = f->cfg.ca_file && *f->cfg.ca_file
			       ? f->cfg.ca_file
			       : default_ca_file();

	f->ca_file = file ? strdup(file) : NULL;
	if (file && !f->ca_file)
		return AVER_NOMEM;
	f->ca_checked = clock_mono_ms();
	ca_time(f, &f->ca_time);
	f->store = load_store(f->ca_file);
	if (!f->store)
		return diag_set(d, AVER_CONF, 0,
		    "%s: no certificates of authorities can be read",
		    file ? file : "the system's store");
	return 0;
}

static bool
start_thread(struct fetcher *f)
{
	sigset_t all, old;
	bool good;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	good = pthread_create(&f->thread, NULL, run, f) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return good;
}

int
sts_fetch_open(const struct sts_fetch_config *cfg, struct sts_fetcher **out,
    struct diag *d)
{
	struct fetcher *f;
	int err;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return diag_set(d, AVER_NOMEM, 0, "libcurl cannot start");
	f = calloc(1, sizeof(*f));
	if (!f) {
		curl_global_cleanup();
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	}
	f->base.ops = &fetch_ops;
	f->cfg = *cfg;
	f->last = &f->first;
	pthread_mutex_init(&f->lock, NULL);
	f->multi = curl_multi_init();
	err = load_roots(f, d);
	if (!err && !(f->multi && make_transfers(f) && start_thread(f)))
		err = diag_set(d, AVER_NOMEM, 0, "libcurl cannot start");
	if (err) {
		fetcher_free(f);
		return err;
	}
	*out = &f->base;
	return 0;
}
