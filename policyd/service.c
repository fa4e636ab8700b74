/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/service.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/daemon_dns.h"
#include "lib/dns/dns_conf.h"
#include "lib/metrics/metrics_daemon.h"
#include "policyd/answer_cache.h"
#include "policyd/collector.h"
#include "policyd/datagrams.h"
#include "policyd/delegation.h"
#include "policyd/policyd_metrics.h"
#include "policyd/socketmap.h"
#include "policyd/tls_log.h"
#include "tlspolicy/engine.h"
#include "tlspolicy/tls_conf.h"

#define POSTCONF_MS 3000
/* until a version that is not seen any more gives way to a higher one */
#define VERSION_MS (10 * 60 * 1000)
/* the first that has libtlsrpt */
#define TLSRPT_VERSION 31000
#define COMPLAINTS 10 /* a minute */
#define STALL_MS 30000
/* Postfix waits for 100 s: for a worker, then for the decision */
#define PATIENCE_S 95

/* ---- snapshots ---------------------------------------------------------- */

void
snapshot_unref(struct snapshot *snap)
{
	if (!snap || atomic_fetch_sub(&snap->refs, 1) != 1)
		return;
	tls_file_unref(snap->require);
	conf_unref(snap->conf);
	free(snap);
}

struct snapshot *
service_snapshot(struct service *s)
{
	struct snapshot *snap;

	pthread_mutex_lock(&s->lock);
	snap = s->current;
	atomic_fetch_add(&snap->refs, 1);
	pthread_mutex_unlock(&s->lock);
	return snap;
}

struct snapshot *
service_refresh(struct service *s, struct snapshot *snap)
{
	if (snap && snap->generation == service_generation(s))
		return snap;
	snapshot_unref(snap);
	return service_snapshot(s);
}

/* s->version is empty until one is known. */
static int
fill_profile(struct service *s, struct snapshot *snap, struct diag *d)
{
	const struct postfix_facts *f = &s->facts;

	return tls_conf_render(snap->conf, s->version,
	    f->mail_version[0] ? f->smtp_tls_security_level : NULL,
	    &snap->render, d);
}

/* Takes the reference of c. require: NULL to read the file. */
static int
snapshot_new(struct service *s, struct conf *c, struct tls_file *require,
    struct snapshot **out, struct diag *d)
{
	struct snapshot *snap = calloc(1, sizeof(*snap));
	int err = 0;

	if (!snap) {
		conf_unref(c);
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	}
	atomic_init(&snap->refs, 1);
	snap->conf = c;
	snap->generation = service_generation(s) + 1;
	if (require)
		snap->require = tls_file_ref(require);
	else if (*c->require_tls_table)
		err = tls_file_load(
		    TLS_FILE_REQUIRE, c->require_tls_table, &snap->require, d);
	if (!err)
		err = fill_profile(s, snap, d);
	if (err) {
		snapshot_unref(snap);
		return err;
	}
	*out = snap;
	return 0;
}

/* The reference that `current` had goes. */
static void
swap(struct service *s, struct snapshot *fresh)
{
	struct snapshot *old;

	pthread_mutex_lock(&s->lock);
	old = s->current;
	s->current = fresh;
	atomic_store(&s->auto_version,
	    tls_conf_is_auto(fresh->conf) ? fresh->render.profile.version : 0);
	/* from here on cached answers of the old one are void */
	atomic_store_explicit(
	    &s->generation, fresh->generation, memory_order_release);
	pthread_mutex_unlock(&s->lock);
	snapshot_unref(old);
}

/* ---- Postfix ------------------------------------------------------------ */

static void
log_lines(enum log_level level, struct buf *b)
{
	struct str rest = buf_str(b);

	while (rest.n) {
		struct str line = str_cut(rest, '\n', &rest);

		log_msg(level, "%.*s", STRF(line));
	}
}

/*
 * What postconf(1) says, unless a lower version has asked not long ago, on
 * another host for example.
 */
static void
take_version(struct service *s, const char *version)
{
	unsigned current = atomic_load(&s->auto_version);
	int64_t now = clock_mono_ms();
	struct render_profile p;

	if (current && atomic_load(&s->auto_told) &&
	    now - atomic_load(&s->auto_seen) < VERSION_MS &&
	    (render_profile_postfix(str_from_z(version), &p, NULL) ||
		p.version > current))
		return;
	memcpy(s->version, version, sizeof(s->version));
	atomic_store(&s->auto_seen, now);
	atomic_store(&s->auto_told, false);
}

/* Is there a Postfix, which one, and can it use our answers? */
static void
ask_postfix(struct service *s, const struct conf *c)
{
	struct postfix_facts f;
	struct diag d = {{0}, 0};
	struct buf b;

	if (!*c->postconf_command)
		return;
	if (postfix_ask(c->postconf_command, POSTCONF_MS, &f, &d)) {
		log_msg(tls_conf_is_auto(c) && !s->version[0] ? LOG_LVL_WARN
							      : LOG_LVL_INFO,
		    "cannot ask Postfix for its settings: %s", d.text);
		return;
	}
	s->facts = f;
	take_version(s, f.mail_version);
	buf_init(&b, NULL, 4096);
	postfix_advice(&b, &f, s->validating);
	log_lines(LOG_LVL_WARN, &b);
	buf_fini(&b);
}

static void
log_version(struct service *s, const struct snapshot *snap)
{
	const struct render_profile *p = &snap->render.profile;
	const char *why = "postfix_version";

	if (tls_conf_is_auto(snap->conf))
		why = s->version[0] ? "as Postfix says"
				    : "not known yet, so the oldest";
	log_msg(LOG_LVL_INFO, "answers are for Postfix %u.%u.%u (%s)",
	    p->version / 10000, p->version / 100 % 100, p->version % 100, why);
}

/* False when somebody else makes a snapshot: the next request comes soon. */
static bool
adopt_version(struct service *s, struct str version)
{
	struct snapshot *old, *fresh;
	struct diag d = {{0}, 0};

	/* postconf(1) may be running, for which no client is to wait */
	if (pthread_mutex_trylock(&s->change))
		return false;
	old = service_snapshot(s);
	memcpy(s->version, version.p, version.n);
	s->version[version.n] = '\0';
	if (snapshot_new(s, conf_ref(old->conf), old->require, &fresh, &d) ==
	    0) {
		swap(s, fresh);
		log_version(s, fresh);
	}
	snapshot_unref(old);
	pthread_mutex_unlock(&s->change);
	return true;
}

void
service_note_version(struct service *s, struct seen_version *seen,
    struct str version, int64_t now)
{
	unsigned current = atomic_load(&s->auto_version);
	struct render_profile p;

	if (!str_eq(version, str_from_z(seen->text))) {
		if (version.n >= sizeof(seen->text) ||
		    render_profile_postfix(version, &p, NULL))
			return;
		memcpy(seen->text, version.p, version.n);
		seen->text[version.n] = '\0';
		seen->number = p.version;
	}
	if (current == 0 ||
	    (seen->number > current &&
		now - atomic_load(&s->auto_seen) < VERSION_MS) ||
	    (seen->number != current && !adopt_version(s, version)))
		return;
	atomic_store(&s->auto_seen, now);
	atomic_store(&s->auto_told, true);
}

/* ---- the engine --------------------------------------------------------- */

/* Strangers may cause it: not more than some lines a minute. */
static bool
may_complain(struct service *s)
{
	int64_t minute = clock_mono_ms() / 60000;
	unsigned n;

	if (atomic_exchange(&s->minute, minute) != minute) {
		n = atomic_exchange(&s->complaints, 0);
		if (n > COMPLAINTS)
			log_msg(LOG_LVL_WARN,
			    "%u more complaints were not logged",
			    n - COMPLAINTS);
	}
	return atomic_fetch_add(&s->complaints, 1) < COMPLAINTS;
}

/* What happens without anybody asking, as in a refresh. */
static void
on_event(void *arg, const struct engine_event *ev)
{
	struct service *s = arg;
	struct buf b;

	if (s->collector)
		collector_event(s->collector, ev);
	if (!log_wants(LOG_LVL_INFO))
		return;
	buf_init(&b, NULL, 1000);
	kv_z(&b, "event", tlsrpt_result_name(ev->result));
	kv_str(&b, "domain", ev->policy_domain);
	if (ev->mx.n)
		kv_str(&b, "mx", ev->mx);
	if (ev->reason.n)
		kv_str(&b, "reason", ev->reason);
	log_line(LOG_LVL_INFO, &b);
	buf_fini(&b);
}

/* The store: away, back, or something in it that cannot be used. */
static void
on_note(void *arg, struct str domain, const char *what)
{
	struct service *s = arg;
	struct buf b;

	if (domain.n == 0) {
		log_msg(LOG_LVL_WARN, "the store of TLS policies: %s", what);
		return;
	}
	if (!may_complain(s))
		return;
	buf_init(&b, NULL, 1000);
	kv_z(&b, "store", "policy not taken");
	kv_str(&b, "domain", domain);
	kv_z(&b, "reason", what);
	log_line(LOG_LVL_WARN, &b);
	buf_fini(&b);
}

static void
fill_engine(struct service *s, const struct conf *c, struct engine_config *cfg)
{
	engine_config_init(cfg, c);
	cfg->dns = s->dns;
	cfg->no_dnssec = !s->validating;
	cfg->refresh = true;
	cfg->hook = (struct engine_hook){on_event, on_note, s};
}

static int
load_policy_table(const struct conf *c, struct tls_file **out, struct diag *d)
{
	*out = NULL;
	return *c->tls_policy_table
		   ? tls_file_load(TLS_FILE_POLICY, c->tls_policy_table, out, d)
		   : 0;
}

static int
open_engine(struct service *s, const struct conf *c, struct diag *d)
{
	struct engine_config cfg;
	struct tls_file *table;
	int err = load_policy_table(c, &table, d);

	if (err)
		return err;
	fill_engine(s, c, &cfg);
	err = engine_open(&cfg, table, &s->engine, d);
	tls_file_unref(table);
	return err;
}

/* ---- the life of the service -------------------------------------------- */

static int
open_pollers(struct service *s, const struct conf *c, struct diag *d)
{
	unsigned n = (unsigned)c->policyd_pollers;

	s->answers = answer_cache_new(
	    (size_t)c->policyd_cache_entries, (size_t)c->policyd_cache_size);
	if (!s->answers)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	for (; s->pollers < n; s->pollers++) {
		unsigned i = s->pollers;

		s->socketmaps[i] = socketmap_new(s, s->answers);
		s->delegations[i] = delegation_new(s);
		if (!s->socketmaps[i] || !s->delegations[i]) {
			s->pollers++;
			return diag_set(d, AVER_NOMEM, 0, "out of memory");
		}
	}
	return 0;
}

static int
open_parts(struct service *s, struct conf *c, struct diag *d)
{
	struct snapshot *first;
	int err = daemon_dns_open(c, &s->dns, &s->validating, d);

	/* the engine's threads tell it what they find */
	if (!err && c->record_tls_results)
		err = collector_open(c, &s->collector, d);
	if (!err) {
		ask_postfix(s, c);
		err = open_engine(s, c, d);
	}
	if (!err)
		err = snapshot_new(s, conf_ref(c), NULL, &first, d);
	if (err)
		return err;
	swap(s, first);
	log_version(s, first);
	err = open_pollers(s, c, d);
	if (err)
		return err;
	return policyd_metrics_open(
	    s, c->policyd_metrics_listen, &s->metrics, d);
}

int
service_open(struct service *s, struct conf *c, struct diag *d)
{
	int err;

	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->change, NULL);
	pthread_mutex_init(&s->serving, NULL);
	atomic_store(&s->auto_seen, clock_mono_ms());
	err = open_parts(s, c, d);
	conf_unref(c);
	return err;
}

static void
on_trouble(void *arg, enum serve_trouble what, const struct ip *peer)
{
	char text[128] = "socket file";
	struct buf b;

	buf_init(&b, NULL, sizeof(text) - 1);
	if (peer->family != IP_NONE) {
		ip_print(&b, peer);
		memcpy(text, buf_z(&b), b.n + 1);
	}
	buf_fini(&b);
	service_complain(arg, text, serve_trouble_name(what));
}

int
service_start(struct service *s, struct listeners *l, struct diag *d)
{
	const struct conf *c = s->current->conf;
	struct serve_protocol protocols[2 * SERVE_POLLERS_MAX];
	struct serve_config cfg = {
	    .protocols = protocols,
	    .n_protocols = 2,
	    .pollers = s->pollers,
	    .workers = (unsigned)c->policyd_workers,
	    .max_connections = (size_t)c->policyd_max_connections,
	    .idle_ms = c->policyd_idle_time * 1000,
	    .stall_ms = STALL_MS,
	    .wait_ms = (PATIENCE_S - c->policyd_deadline) * 1000,
	    .trouble = on_trouble,
	    .arg = s,
	};
	int err;

	for (unsigned i = 0; i < s->pollers; i++) {
		socketmap_protocol(s->socketmaps[i], &protocols[2 * i]);
		delegation_protocol(s->delegations[i], &protocols[2 * i + 1]);
	}
	pthread_mutex_lock(&s->serving);
	err = serve_start(&cfg, l, &s->serve, d);
	pthread_mutex_unlock(&s->serving);
	return err;
}

int
service_collect(struct service *s, int fd, struct diag *d)
{
	const struct conf *c = s->current->conf;
	struct tls_log_config log = {
	    .conf = c,
	    .collector = s->collector,
	    .engine = s->engine,
	    .has_datagrams = fd >= 0,
	};
	int err = 0;

	if (!s->collector)
		return 0;
	pthread_mutex_lock(&s->serving);
	if (fd >= 0)
		err = datagrams_start(fd, (unsigned)c->tlsrpt_max_rate,
		    s->collector, &s->datagrams, d);
	if (!err)
		err = tls_log_start(&log, &s->tls_log, d);
	pthread_mutex_unlock(&s->serving);
	if (!err && s->tls_log && !s->datagrams &&
	    s->current->render.profile.version >= TLSRPT_VERSION)
		log_msg(LOG_LVL_WARN,
		    "this Postfix can tell of its TLS sessions itself: set "
		    "tlsrpt_socket rather than tlsrpt_log, which knows less");
	if (!err && s->datagrams && s->tls_log)
		log_msg(LOG_LVL_WARN,
		    "both tlsrpt_socket and tlsrpt_log are set: of a Postfix "
		    "whose log tells that it sent a datagram for a session "
		    "only the datagram counts, so the socket has to be that "
		    "of every such Postfix");
	return err;
}

static void
warn_fixed(const struct conf *old, const struct conf *fresh)
{
	daemon_warn_fixed(old, fresh);
	if (!dns_conf_same(old, fresh))
		log_msg(LOG_LVL_WARN,
		    "to change the resolver (dns_servers, dnssec and the "
		    "like), restart");
}

/* Everything is ready before anything changes. */
static int
reload(struct service *s, struct conf *c, struct diag *d)
{
	struct snapshot *old = service_snapshot(s), *fresh = NULL;
	struct tls_file *table = NULL;
	struct engine_config cfg;
	int err = load_policy_table(c, &table, d);

	if (!err)
		err = snapshot_new(s, conf_ref(c), NULL, &fresh, d);
	if (!err) {
		fill_engine(s, c, &cfg);
		err = engine_reload(s->engine, &cfg, table);
		if (err)
			diag_set(d, err, 0, "%s", aver_err_name(err));
	}
	if (!err) {
		warn_fixed(old->conf, c);
		log_set_level((enum log_level)c->log_level);
		swap(s, fresh);
		log_version(s, fresh);
	} else {
		snapshot_unref(fresh);
	}
	tls_file_unref(table);
	snapshot_unref(old);
	return err;
}

int
service_reload(struct service *s, struct conf *c, struct diag *d)
{
	int err;

	pthread_mutex_lock(&s->change);
	ask_postfix(s, c);
	err = reload(s, c, d);
	pthread_mutex_unlock(&s->change);
	conf_unref(c);
	return err;
}

void
service_stop(struct service *s, int64_t patience_ms)
{
	struct serve *serve = s->serve;

	atomic_store(&s->draining, true);
	pthread_mutex_lock(&s->serving);
	s->serve = NULL;
	pthread_mutex_unlock(&s->serving);
	serve_stop(serve, patience_ms);
}

void
service_close(struct service *s)
{
	/* its thread reads what goes away below */
	metrics_daemon_close(s->metrics);
	s->metrics = NULL;
	datagrams_stop(s->datagrams);
	tls_log_stop(s->tls_log);
	for (unsigned i = 0; i < s->pollers; i++) {
		delegation_free(s->delegations[i]);
		socketmap_free(s->socketmaps[i]);
	}
	answer_cache_free(s->answers);
	engine_close(s->engine);
	collector_close(s->collector);
	dns_source_close(s->dns);
	snapshot_unref(s->current);
	pthread_mutex_destroy(&s->serving);
	pthread_mutex_destroy(&s->change);
	pthread_mutex_destroy(&s->lock);
}

int
service_check(const struct conf *c, struct buf *errors)
{
	return tls_conf_check(c, errors);
}

/* ---- complaints --------------------------------------------------------- */

void
service_complain(struct service *s, const char *what, const char *why)
{
	struct buf b;

	if (!may_complain(s))
		return;
	buf_init(&b, NULL, 1000);
	kv_z(&b, "client", what);
	kv_z(&b, "trouble", why);
	log_line(LOG_LVL_WARN, &b);
	buf_fini(&b);
}
