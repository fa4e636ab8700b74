/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * aver.conf: "name = value" lines, continuation lines begin with white space
 * (as in postconf(5)), comments have lines of their own and begin with "#".
 * One table (params_*.c) holds every parameter's name, type, default, range and
 * manual text; struct conf is what it fills. A loaded struct conf is immutable
 * and reference-counted: programs take a reference, a reload swaps the
 * pointer.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"

struct conf_strings {
	const char **v;
	size_t n;
};

struct conf_nets {
	struct ip_net *v;
	size_t n;
};

enum conf_log { CONF_LOG_SYSLOG, CONF_LOG_STDERR };
enum conf_dnssec { CONF_DNSSEC_AUTO, CONF_DNSSEC_VALIDATE, CONF_DNSSEC_OFF };
enum conf_format { CONF_RFC9990, CONF_RFC7489 };
enum conf_discovery { CONF_TREEWALK, CONF_PSL };
enum conf_requiretls {
	CONF_REQUIRETLS_ENFORCE,
	CONF_REQUIRETLS_STARTTLS, /* opportunistic+starttls */
	CONF_REQUIRETLS_OPPORTUNISTIC,
	CONF_REQUIRETLS_DISABLE,
};
enum conf_action {
	CONF_ACCEPT,
	CONF_HEADER,
	CONF_QUARANTINE,
	CONF_TEMPFAIL,
	CONF_REJECT,
	CONF_BY_POLICY, /* from_invalid_action alone */
};

struct conf {
	atomic_uint refs;
	struct arena arena; /* of the strings */
	const char *path; /* of the file */

	/* general */
	const char *authserv_id; /* empty: the host name */
	const char *user; /* to change to when started as root */
	const char *state_directory;
	enum conf_log log_destination;
	int log_facility; /* of syslog(3) */
	int log_level; /* enum log_level */

	/* milter */
	const char *milter_listen; /* unix:/path | inet:host:port */
	const char *metrics_listen; /* address:port, empty: off */
	int64_t milter_socket_mode; /* octal in the file */
	const char *milter_socket_group; /* empty: of the user */
	struct conf_nets trusted_networks;
	int64_t message_deadline; /* seconds */
	int64_t max_header_octets;
	int64_t max_header_fields;
	struct conf_strings authserv_id_aliases, remove_headers;
	bool keep_removed;
	bool received_spf;
	enum conf_action dmarc_reject_action;
	enum conf_action dmarc_quarantine_action;
	enum conf_action dmarc_none_action;
	enum conf_action dmarc_permerror_action, dmarc_temperror_action;
	enum conf_action from_invalid_action;
	enum conf_action spf_fail_action, dkim_policy_action, budget_action;
	const char *dmarc_reject_reply, *reject_reply, *tempfail_reply;
	const char *policy_table; /* path; empty: none */
	bool test_mode;
	bool strip_require_tls_esmtp;
	const char *tls_required_header; /* empty: none */
	struct conf_strings tls_required_transports;
	struct conf_strings report_addresses;

	/* DNS */
	struct conf_strings dns_servers; /* "system" | "recursive" | ADDR... */
	enum conf_dnssec dnssec;
	const char *dns_trust_anchor;
	int64_t dns_timeout; /* milliseconds, for one lookup */
	int64_t dns_cache_entries;
	int64_t dns_max_ttl; /* seconds */
	int64_t dns_max_negative_ttl;
	int64_t dns_max_questions; /* of one message */

	/* evaluators */
	bool spf_helo;
	int64_t spf_max_lookups, spf_max_void, spf_max_names;
	int64_t dkim_max_signatures, dkim_min_rsa_bits, dkim_max_rsa_bits;
	int64_t dkim_clock_drift;
	bool dkim_accept_partial;
	int64_t dkim_max_body_hashes, dkim_max_header_octets;
	bool arc;
	int64_t arc_max_sets;
	struct conf_strings arc_trusted_sealers;
	bool iprev;
	enum conf_discovery dmarc_discovery;
	const char *public_suffix_list;

	/* record */
	bool record_evaluations;
	const char *store;
	int64_t store_ring_size; /* octets */
	int64_t store_batch_time; /* milliseconds */
	int64_t store_spool_max; /* octets */
	int64_t known_domain_time; /* seconds */

	/* reports */
	bool aggregate_reports;
	const char *report_email; /* empty: noreply-dmarc@ this host */
	const char *report_org_name, *report_contact_info;
	const char *report_bounce_address; /* empty: report_email */
	const char *recipient_delimiter; /* one character */
	int report_interval; /* seconds; divides a day */
	int64_t report_spread; /* seconds */
	int64_t report_max_size; /* octets */
	int64_t report_max_destinations;
	int64_t report_max_per_run, report_max_per_day, report_max_per_host;
	enum conf_format aggregate_format;
	struct conf_strings aggregate_format_overrides; /* DOMAIN=FORMAT */
	const char *report_dkim_domain;
	struct conf_strings report_dkim_selector, report_dkim_key_file;
	const char *report_transport; /* see lib/smtp/transport.h */
	const char *report_credentials, *report_sasl_mechanism;
	bool report_tls_verify;
	const char *report_tls_ca_file;
	int64_t report_timeout; /* seconds */
	int64_t report_senders;
	int64_t report_suppression_time; /* seconds */
	int64_t report_max_age, report_retention; /* seconds */

	/* TLS reports */
	bool tls_reports, tls_report_success;
	int64_t tls_report_spread; /* seconds */
	bool tls_report_verify;

	/* failure reports */
	bool failure_reports;
	struct conf_strings failure_headers;
	int64_t failure_rate, failure_rate_total; /* an hour */

	/* TLS policy */
	bool dane, mta_sts;
	enum conf_action tls_unknown_action; /* tempfail, accept */
	bool dane_insecure_mx;
	int64_t dane_max_hosts;
	int64_t tls_max_questions; /* of one decision */
	int64_t tls_min_validity, tls_max_validity; /* seconds */
	int64_t sts_timeout; /* milliseconds */
	int64_t sts_max_size; /* octets */
	int64_t sts_max_fetches;
	const char *sts_ca_file; /* empty: the system's */
	struct conf_nets sts_allow_networks;
	int64_t sts_port;
	int64_t sts_refresh_time, sts_unused_time; /* seconds */
	int64_t sts_cache_entries;
	int64_t sts_cache_size; /* octets */

	/* aver-policyd */
	struct conf_strings policyd_listen; /* as milter_listen */
	int64_t policyd_socket_mode; /* octal in the file */
	const char *policyd_socket_group; /* empty: of the user */
	const char *policyd_metrics_listen; /* address:port, empty: off */
	int64_t policyd_pollers, policyd_workers, policyd_max_connections;
	int64_t policyd_idle_time; /* seconds */
	int64_t policyd_deadline; /* seconds, of one decision */
	int64_t policyd_cache_entries;
	int64_t policyd_cache_size; /* octets */
	const char *postfix_version; /* "auto" or "3.7.11" */
	const char *postfix_tls_security_level; /* "auto" or a level */
	const char *postconf_command; /* path; empty: never run */
	const char *tls_policy_table; /* path; empty: none */
	enum conf_requiretls requiretls_policy;
	const char *require_tls_table; /* path; empty: none */
	const char *require_tls_transport; /* empty: none */
	bool require_tls_strict;

	/* results of TLS sessions */
	bool record_tls_results;
	const char *tlsrpt_socket; /* path; empty: none */
	int64_t tlsrpt_socket_mode; /* octal in the file */
	const char *tlsrpt_socket_owner, *tlsrpt_socket_group;
	int64_t tlsrpt_socket_buffer; /* octets */
	int64_t tlsrpt_max_rate; /* datagrams in a second */
	int64_t tlsrpt_max_rows_per_day;
	const char *tlsrpt_log; /* none, stdin, journal, file:/PATH */
	const char *journalctl_command; /* path */
};

/* The path of the file that programs read when they are given none. */
const char *conf_default_path(void);

/*
 * Loads path; NULL: the compiled-in default path. There alone, whether it was
 * named or not, the file may be missing: all defaults. Errors are AVER_CONF
 * with d->text "FILE:LINE: what was wrong, what was expected". *out has one
 * reference.
 */
int conf_load(const char *path, struct conf **out, struct diag *d);
/* The same from text; name stands for the file in messages. */
int conf_parse(
    const char *name, struct str text, struct conf **out, struct diag *d);
/*
 * Finds all errors of path (NULL: as for conf_load()) and appends a line for
 * each, without limit of its length, at most 100. Returns 0 or AVER_CONF,
 * AVER_NOMEM.
 */
int conf_check(const char *path, struct buf *errors);
struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c); /* NULL allowed */

enum conf_print { CONF_PRINT_ALL, CONF_PRINT_CHANGED, CONF_PRINT_DEFAULTS };

/*
 * Appends "name = value" lines in the table's order; read again they give the
 * same values. c may be NULL for CONF_PRINT_DEFAULTS.
 */
void conf_print(struct buf *b, const struct conf *c, enum conf_print what);
/* The same, with a comment above each that says what it is. */
void conf_print_help(struct buf *b, const struct conf *c, enum conf_print what);
/* Appends the line of one parameter; AVER_NOTFOUND if there is none. */
int conf_print_one(struct buf *b, const struct conf *c, struct str name);
/*
 * Appends the names, separated by spaces, of the parameters that differ
 * between two configurations and take effect at a start only. A reload goes on
 * with the old values of these.
 */
void conf_restart_wanted(
    struct buf *b, const struct conf *old, const struct conf *new_conf);
/* Appends the mdoc list of all parameters, for aver.conf(5). */
void conf_manual(struct buf *b);

/* True when ip (an IPv4-mapped one counts as IPv4) is in one of the nets. */
bool conf_nets_match(const struct conf_nets *nets, const struct ip *ip);

#endif
