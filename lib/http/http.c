/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/http/http.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/base/buf.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/http/http_roots.h"

#define HEADERS_MAX ((size_t)64 * 1024)
#define CONNECT_MS 15000 /* to connect, TLS included */
#define SLOW_OCTETS 64L /* a second, */
#define SLOW_SECONDS 15L /* for so long: the end */
#define POLL_MS 1000
#define URL_MAX (HTTP_HOST_MAX + HTTP_PATH_MAX + 32)
#define RESOLVE_MAX (HTTP_HOST_MAX + 32 + HTTP_ADDRS * 48)

/* A connection's worth of state, used again and again. */
struct transfer {
	struct http_client *c;
	struct transfer *next; /* while it is idle */
	CURL *easy;
	struct http_job *job; /* NULL: idle */
	struct curl_slist *resolve, *fields;
	struct buf body;
	size_t headers; /* octets of them */
	bool too_large;
	bool has_length; /* the body's end is told by a field */
	bool is_ended; /* the server has sent a close_notify */
	char host[HTTP_HOST_MAX + 1];
	char error[CURL_ERROR_SIZE];
};

struct waiting {
	struct waiting *next;
	struct http_job *job;
};

struct http_client {
	struct http_config cfg;
	pthread_t thread;
	CURLM *multi;

	/* of the thread alone */
	struct transfer *transfers; /* cfg.at_once of them */
	struct transfer *idle;
	unsigned active;
	struct http_roots roots;

	pthread_mutex_t lock;
	struct waiting *first, **last; /* in order */
	unsigned n_waiting;
	bool quit;
};

/* ---- what libcurl calls ------------------------------------------------- */

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct str line = {p, size * n};

	if (str_starts(line, STR("HTTP/")))
		t->has_length = false;
	else if (str_starts_ci(line, STR("content-length:")) ||
		 str_starts_ci(line, STR("transfer-encoding:")))
		t->has_length = true;
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
is_given(const struct http_job *job, const struct sockaddr *sa)
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

/* For libcurl a stream that is cut off has ended, for us not. */
static void
on_tls(const SSL *ssl, int where, int alert)
{
	struct transfer *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (where == SSL_CB_READ_ALERT && (alert & 0xff) == SSL_AD_CLOSE_NOTIFY)
		t->is_ended = true;
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
	SSL_CTX_set_app_data((SSL_CTX *)ssl_ctx, arg);
	SSL_CTX_set_info_callback(ssl_ctx, on_tls);
	if (t->job->any_certificate)
		return CURLE_OK;
	SSL_CTX_set1_cert_store(ssl_ctx, t->c->roots.store);
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

/* RFC 8461 section 3.3 and good sense; more in set_up() and begin() */
static const struct setting settings[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_MAXREDIRS, 0},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_SSL_ENABLE_ALPN, 0},
    {CURLOPT_SSL_SESSIONID_CACHE, 0},
    {CURLOPT_FRESH_CONNECT, 1},
    {CURLOPT_FORBID_REUSE, 1},
    {CURLOPT_DNS_CACHE_TIMEOUT, 60},
    {CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS},
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
	if (!t->c->cfg.may_be_slow) {
		bad |=
		    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, SLOW_OCTETS);
		bad |=
		    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS);
	}
	/* an empty name: not even one from the environment */
	bad |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	bad |= curl_easy_setopt(e, CURLOPT_CAINFO, (char *)NULL);
	bad |= curl_easy_setopt(e, CURLOPT_CAPATH, (char *)NULL);
	bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, "aver/" AVER_VERSION);
	bad |=
	    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)t->c->cfg.timeout_ms);
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
port_of(const struct transfer *t)
{
	if (t->job->port)
		return t->job->port;
	return t->c->cfg.port ? t->c->cfg.port : 443;
}

/* "+HOST:PORT:ADDR,[ADDR6]": libcurl has no name to look up. */
static struct curl_slist *
resolve_list(const struct transfer *t)
{
	const struct http_job *job = t->job;
	struct curl_slist *list;
	struct buf b;

	buf_init(&b, NULL, RESOLVE_MAX);
	buf_addf(&b, "+%s:%d:", t->host, port_of(t));
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

/* Nothing to inject with. */
static bool
is_host(struct str host)
{
	for (size_t i = 0; i < host.n; i++)
		if (!chars_is(host.p[i], CH_LDH) && host.p[i] != '.' &&
		    host.p[i] != '_')
			return false;
	return host.n > 0 && host.n <= HTTP_HOST_MAX;
}

static bool
is_path(struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if (!chars_is(path.p[i], CH_PRINT) || path.p[i] == ' ' ||
		    path.p[i] == '#' || path.p[i] == '\\')
			return false;
	return path.n > 0 && path.p[0] == '/' && path.n <= HTTP_PATH_MAX;
}

/* Nothing was tried, for a reason of ours. */
static void
refuse(struct http_job *job, const char *why)
{
	struct http_result r = {.end = HTTP_OURS};

	snprintf(r.reason, sizeof(r.reason), "%s", why);
	job->done(job, &r);
}

/* No "Expect:": a server that does not know it would cost a second. */
static bool
set_fields(struct transfer *t)
{
	struct curl_slist *more;
	char field[128];

	snprintf(
	    field, sizeof(field), "Content-Type: %s", t->job->content_type);
	t->fields = curl_slist_append(NULL, field);
	more = t->fields ? curl_slist_append(t->fields, "Expect:") : NULL;
	return more != NULL;
}

static bool
set_method(struct transfer *t)
{
	const struct http_job *job = t->job;
	CURL *e = t->easy;
	CURLcode bad = CURLE_OK;

	if (!job->content_type)
		return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L) == CURLE_OK;
	if (!set_fields(t))
		return false;
	bad |= curl_easy_setopt(e, CURLOPT_POST, 1L);
	bad |= curl_easy_setopt(
	    e, CURLOPT_POSTFIELDS, job->content.p ? job->content.p : "");
	bad |= curl_easy_setopt(
	    e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)job->content.n);
	bad |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->fields);
	return bad == CURLE_OK;
}

static bool
set_verification(const struct transfer *t)
{
	bool any = t->job->any_certificate;

	return curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER,
		   any ? 0L : 1L) == CURLE_OK &&
	       curl_easy_setopt(
		   t->easy, CURLOPT_SSL_VERIFYHOST, any ? 0L : 2L) == CURLE_OK;
}

static bool
begin(struct transfer *t)
{
	const struct http_job *job = t->job;
	char url[URL_MAX];

	snprintf(t->host, sizeof(t->host), "%.*s", STRF(job->host));
	snprintf(url, sizeof(url), "https://%s:%d%.*s", t->host, port_of(t),
	    STRF(job->path));
	t->headers = 0;
	t->too_large = t->has_length = t->is_ended = false;
	t->error[0] = '\0';
	buf_clear(&t->body);
	t->resolve = resolve_list(t);
	return t->resolve && set_method(t) && set_verification(t) &&
	       curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->resolve) ==
		   CURLE_OK &&
	       curl_easy_setopt(t->easy, CURLOPT_URL, url) == CURLE_OK &&
	       curl_multi_add_handle(t->c->multi, t->easy) == CURLM_OK;
}

/* Gives the handle back; the job is somebody else's now. */
static struct http_job *
release(struct transfer *t)
{
	struct http_job *job = t->job;

	curl_easy_setopt(t->easy, CURLOPT_RESOLVE, (void *)NULL);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, (void *)NULL);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, (void *)NULL);
	curl_slist_free_all(t->resolve);
	curl_slist_free_all(t->fields);
	t->resolve = t->fields = NULL;
	t->job = NULL;
	t->next = t->c->idle;
	t->c->idle = t;
	t->c->active--;
	return job;
}

static void
start_transfer(struct http_client *c, struct http_job *job)
{
	struct transfer *t = c->idle;

	http_roots_refresh(&c->roots);
	c->idle = t->next;
	c->active++;
	t->job = job;
	if (!begin(t))
		refuse(release(t), "out of memory");
}

/* ---- how it ended ------------------------------------------------------- */

static void
say(struct http_result *r, enum http_end end, const char *why)
{
	size_t i;

	r->end = end;
	for (i = 0; why[i] && i < sizeof(r->reason) - 1; i++)
		r->reason[i] = chars_is(why[i], CH_PRINT) ? why[i] : '?';
	r->reason[i] = '\0';
}

static void
judge_failure(const struct transfer *t, CURLcode code, struct http_result *r)
{
	long verify = 0;

	curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		say(r, HTTP_CERTIFICATE,
		    verify == X509_V_OK
			? "no DNS-ID matches"
			: X509_verify_cert_error_string(verify));
	else if (t->too_large)
		say(r, HTTP_TOO_LARGE, "the answer is too large");
	else if (t->headers > HEADERS_MAX)
		say(r, HTTP_TOO_MANY_FIELDS, "too many header fields");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		say(r, HTTP_TIMEOUT, "timeout");
	else
		say(r, HTTP_FAILED,
		    *t->error ? t->error : curl_easy_strerror(code));
}

/*
 * RFC 9112 section 9.8: a body that ends with its stream is whole only if the
 * stream ended in order, or anybody on the way could cut it. Of an answer to a
 * POST the status is what counts.
 */
static bool
is_cut(const struct transfer *t)
{
	return t->body.n > 0 && !t->has_length && !t->is_ended &&
	       !t->job->content_type;
}

static void
judge_answer(const struct transfer *t, struct http_result *r)
{
	char *type = NULL;
	long status = 0;

	if (is_cut(t)) {
		say(r, HTTP_FAILED, "the answer is cut short");
		return;
	}
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	r->end = HTTP_ANSWER;
	r->status = (int)status;
	r->content_type = str_from_z(type);
	r->body = buf_str(&t->body);
}

static void
finish(struct transfer *t, CURLcode code)
{
	struct http_result r = {.end = HTTP_ANSWER};
	struct http_job *job = t->job;

	/* nobody wants the body of an answer to a POST: see is_cut() */
	if (code == CURLE_OK || (t->too_large && job->content_type))
		judge_answer(t, &r);
	else
		judge_failure(t, code, &r);
	curl_multi_remove_handle(t->c->multi, t->easy);
	job->done(job, &r);
	release(t);
}

/* ---- the thread --------------------------------------------------------- */

/* The next job, when there is one and room for it. */
static struct http_job *
take_job(struct http_client *c)
{
	struct http_job *job = NULL;
	struct waiting *w;

	if (!c->idle)
		return NULL;
	pthread_mutex_lock(&c->lock);
	w = c->first;
	if (w) {
		c->first = w->next;
		if (!c->first)
			c->last = &c->first;
		c->n_waiting--;
	}
	pthread_mutex_unlock(&c->lock);
	if (w)
		job = w->job;
	free(w);
	return job;
}

static bool
has_to_quit(struct http_client *c)
{
	bool quit;

	pthread_mutex_lock(&c->lock);
	quit = c->quit;
	pthread_mutex_unlock(&c->lock);
	return quit;
}

static void
take_results(struct http_client *c)
{
	struct CURLMsg *m;
	struct transfer *t;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left))) {
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, code);
	}
}

/*
 * By the thread, whose signals are all blocked: to end a connection that the
 * server has closed is SIGPIPE, of which CURLOPT_NOSIGNAL leaves the care to
 * us.
 */
static void
stop_all(struct http_client *c)
{
	for (unsigned i = 0; i < c->cfg.at_once; i++) {
		struct transfer *t = &c->transfers[i];

		if (!t->job)
			continue;
		curl_multi_remove_handle(c->multi, t->easy);
		refuse(release(t), "the client ends");
	}
}

static void *
run(void *arg)
{
	struct http_client *c = arg;
	struct http_job *job;
	int running;

	while (!has_to_quit(c)) {
		while ((job = take_job(c)))
			start_transfer(c, job);
		curl_multi_perform(c->multi, &running);
		take_results(c);
		curl_multi_poll(c->multi, NULL, 0, POLL_MS, NULL);
	}
	stop_all(c);
	return NULL;
}

/* ---- the client --------------------------------------------------------- */

/* NULL when it can be tried. */
static const char *
fault_of(const struct http_job *job)
{
	if (!is_host(job->host) || job->n_addrs == 0 ||
	    job->n_addrs > HTTP_ADDRS)
		return "no name or address to ask";
	for (size_t i = 0; i < job->n_addrs; i++)
		if (job->addrs[i].family == IP_NONE)
			return "no name or address to ask";
	return is_path(job->path) ? NULL : "no path";
}

void
http_start(struct http_client *c, struct http_job *job)
{
	struct waiting *w = NULL;
	const char *why = fault_of(job);

	if (!why && !(w = malloc(sizeof(*w))))
		why = "out of memory";
	if (why) {
		refuse(job, why);
		return;
	}
	*w = (struct waiting){NULL, job};
	pthread_mutex_lock(&c->lock);
	if (c->quit || c->n_waiting >= c->cfg.queue) {
		why = c->quit ? "the client ends" : "too many requests";
	} else {
		*c->last = w;
		c->last = &w->next;
		c->n_waiting++;
	}
	pthread_mutex_unlock(&c->lock);
	if (why) {
		free(w);
		refuse(job, why);
		return;
	}
	curl_multi_wakeup(c->multi);
}

static void
free_transfers(struct http_client *c)
{
	for (unsigned i = 0; c->transfers && i < c->cfg.at_once; i++) {
		struct transfer *t = &c->transfers[i];

		if (t->easy)
			curl_easy_cleanup(t->easy);
		buf_fini(&t->body);
	}
	free(c->transfers);
}

static void
client_free(struct http_client *c)
{
	free_transfers(c);
	if (c->multi)
		curl_multi_cleanup(c->multi);
	http_roots_fini(&c->roots);
	pthread_mutex_destroy(&c->lock);
	free(c);
	curl_global_cleanup();
}

void
http_close(struct http_client *c)
{
	struct waiting *w;

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->quit = true;
	pthread_mutex_unlock(&c->lock);
	curl_multi_wakeup(c->multi);
	pthread_join(c->thread, NULL);
	while ((w = c->first)) {
		c->first = w->next;
		refuse(w->job, "the client ends");
		free(w);
	}
	client_free(c);
}

static bool
make_transfers(struct http_client *c)
{
	c->transfers = calloc(c->cfg.at_once, sizeof(*c->transfers));
	for (unsigned i = 0; c->transfers && i < c->cfg.at_once; i++) {
		struct transfer *t = &c->transfers[i];

		t->c = c;
		buf_init(&t->body, NULL, c->cfg.max_size);
		t->easy = curl_easy_init();
		if (!t->easy || !set_up(t))
			return false;
		t->next = c->idle;
		c->idle = t;
	}
	return c->transfers != NULL;
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
load_roots(struct http_client *c, struct diag *d)
{
	const char *file = c->cfg.ca_file;

	return http_roots_init(
	    &c->roots, file && *file ? file : default_ca_file(), d);
}

static bool
start_thread(struct http_client *c)
{
	sigset_t all, old;
	bool good;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	good = pthread_create(&c->thread, NULL, run, c) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return good;
}

int
http_open(
    const struct http_config *cfg, struct http_client **out, struct diag *d)
{
	struct http_client *c;
	int err;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return diag_set(d, AVER_NOMEM, 0, "libcurl cannot start");
	c = calloc(1, sizeof(*c));
	if (!c) {
		curl_global_cleanup();
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	}
	c->cfg = *cfg;
	c->last = &c->first;
	pthread_mutex_init(&c->lock, NULL);
	c->multi = curl_multi_init();
	err = load_roots(c, d);
	if (!err && !(c->multi && make_transfers(c) && start_thread(c)))
		err = diag_set(d, AVER_NOMEM, 0, "libcurl cannot start");
	if (err) {
		client_free(c);
		return err;
	}
	*out = c;
	return 0;
}
