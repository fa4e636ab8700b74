/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/conf/params.h"

#include <syslog.h>

#include "lib/base/log.h"
#include "lib/conf/check.h"
#include "lib/conf/conf.h"

/* log.h names levels LOG_LVL_*; LOG_* below are facilities of syslog(3). */
static const struct param_word destination_words[] = {
    {"syslog", CONF_LOG_SYSLOG}, {"stderr", CONF_LOG_STDERR}, {NULL, 0}};
static const struct param_word facility_words[] = {{"mail", LOG_MAIL},
    {"daemon", LOG_DAEMON}, {"auth", LOG_AUTH}, {"user", LOG_USER},
    {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},
    {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},
    {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}, {NULL, 0}};
static const struct param_word level_words[] = {{"error", LOG_LVL_ERROR},
    {"warn", LOG_LVL_WARN}, {"info", LOG_LVL_INFO}, {"debug", LOG_LVL_DEBUG},
    {NULL, 0}};
static const struct param_word dnssec_words[] = {{"auto", CONF_DNSSEC_AUTO},
    {"validate", CONF_DNSSEC_VALIDATE}, {"off", CONF_DNSSEC_OFF}, {NULL, 0}};
static const struct param_word discovery_words[] = {
    {"treewalk", CONF_TREEWALK}, {"psl", CONF_PSL}, {NULL, 0}};
static const struct param_word action_words[] = {{"accept", CONF_ACCEPT},
    {"header", CONF_HEADER}, {"quarantine", CONF_QUARANTINE},
    {"tempfail", CONF_TEMPFAIL}, {"reject", CONF_REJECT}, {NULL, 0}};
static const struct param_word from_action_words[] = {
    {"policy", CONF_BY_POLICY}, {"accept", CONF_ACCEPT},
    {"header", CONF_HEADER}, {"quarantine", CONF_QUARANTINE},
    {"tempfail", CONF_TEMPFAIL}, {"reject", CONF_REJECT}, {NULL, 0}};

/*
 * FIELD(f, type *) is the name and offset of field f; it does not compile when
 * the field is of another type. WORD() takes the words from the enum's type.
 */
/* clang-format off */
#define REF(f) (&((const struct conf *)0)->f)
#define FIELD(f, pointer) \
	.name = #f, \
	.offset = _Generic(REF(f), const pointer: offsetof(struct conf, f))
#define TEXT(f, test, wants) \
	FIELD(f, char *const *), \
	.type = PARAM_TEXT, .check = (test), .expected = (wants)
#define BOOL(f) FIELD(f, bool *), .type = PARAM_BOOL
#define NUMBER(f, what, low, high) \
	FIELD(f, int64_t *), .type = (what), .min = (low), .max = (high)
#define INTEGER(f, low, high) NUMBER(f, PARAM_INTEGER, low, high)
#define OCTAL(f, low, high) NUMBER(f, PARAM_OCTAL, low, high)
#define SIZE(f, low, high) NUMBER(f, PARAM_SIZE, low, high)
#define SECONDS(f, low, high) \
	NUMBER(f, PARAM_TIME, low, high), .unit = UNIT_S
#define MILLISECONDS(f, low, high) \
	NUMBER(f, PARAM_TIME, low, high), .unit = UNIT_MS
#define INT_WORD(f, list) FIELD(f, int *), .type = PARAM_WORD, .words = (list)
#define WORD(f) \
	.name = #f, .type = PARAM_WORD, .offset = offsetof(struct conf, f), \
	.words = _Generic(REF(f), \
	    const enum conf_log *: destination_words, \
	    const enum conf_dnssec *: dnssec_words, \
	    const enum conf_discovery *: discovery_words, \
	    const enum conf_action *: action_words)
#define FROM_WORD(f) \
	.name = #f, .type = PARAM_WORD, \
	.offset = _Generic(REF(f), \
	    const enum conf_action *: offsetof(struct conf, f)), \
	.words = from_action_words
#define STRINGS(f, test, wants) \
	FIELD(f, struct conf_strings *), \
	.type = PARAM_STRINGS, .check = (test), .expected = (wants)
#define NETS(f) FIELD(f, struct conf_nets *), .type = PARAM_NETS
/* clang-format on */

#define KB ((int64_t)1024)
#define MB (1024 * KB)
#define GB (1024 * MB)
#define MINUTE 60
#define DAY 86400

static const struct param params[] = {
    {
	TEXT(authserv_id, check_name_or_empty,
	    "a name without spaces, or nothing"),
	.section = SECTION_GENERAL,
	.fallback = "",
	.help = "The name that the Authentication-Results fields of this "
		"site begin with: the authserv-id of RFC 8601.",
	.manual =
	    "Empty means the fully qualified name of this host.\n"
	    "All receiving hosts of one administrative domain may share a "
	    "name.\n"
	    "A field with this name in a message from outside is forged: "
	    "see\n"
	    ".Xr aver-milter 8\n"
	    "for how it is kept out.",
    },
    {
	TEXT(user, check_account_or_empty, "a user name, or nothing"),
	.section = SECTION_GENERAL,
	.fallback = "aver",
	.restart = true,
	.help = "The user that daemons run as when root starts them.",
	.manual = "They also take that user's groups.\n"
		  "A daemon that is not started by root stays what it is, "
		  "and one that root starts refuses to stay root.",
    },
    {
	TEXT(state_directory, check_path, "an absolute path"),
	.section = SECTION_GENERAL,
	.fallback = AVER_STATEDIR,
	.restart = true,
	.help = "Where the ring and the spool of the record are kept.",
	.manual = "It has to exist and be writable by the user.\n"
		  "The database is where\n"
		  ".Ic store\n"
		  "says.",
    },
    {
	WORD(log_destination),
	.section = SECTION_GENERAL,
	.fallback = "syslog",
	.restart = true,
	.help = "Where daemons log to.",
	.manual = "Programs of the command line always write to standard "
		  "error.",
    },
    {
	INT_WORD(log_facility, facility_words),
	.section = SECTION_GENERAL,
	.fallback = "mail",
	.restart = true,
	.help = "The facility of syslog.",
    },
    {
	INT_WORD(log_level, level_words),
	.section = SECTION_GENERAL,
	.fallback = "info",
	.help = "The least important messages that are logged.",
	.manual = "The line about each message is of level\n"
		  ".Cm info .",
    },
    {
	TEXT(milter_listen, check_listen, "unix:/PATH or inet:HOST:PORT"),
	.section = SECTION_MILTER,
	.fallback = "unix:" AVER_RUNDIR "/milter.sock",
	.restart = true,
	.help = "Where aver-milter waits for the MTA.",
	.manual =
	    "A socket file is the faster way.\n"
	    "An MTA process in a chroot sees only files below it: for a "
	    "Postfix whose\n"
	    ".Xr smtpd 8\n"
	    "is chrooted (as Debian has it) put the socket there, for "
	    "example\n"
	    ".Dl milter_listen = unix:/var/spool/postfix/aver/milter.sock\n"
	    "with\n"
	    ".Dl smtpd_milters = unix:aver/milter.sock\n"
	    "in main.cf, or listen on\n"
	    ".Cm inet:127.0.0.1:8891 .\n"
	    "An IPv6 address stands in brackets.\n"
	    "Whoever can connect can make the milter record what did not "
	    "happen: do not listen on public addresses.",
    },
    {
	TEXT(metrics_listen, check_address_port_or_empty,
	    "ADDRESS:PORT, [IPV6]:PORT, or nothing"),
	.section = SECTION_MILTER,
	.fallback = "",
	.restart = true,
	.help = "Where aver-milter serves its metrics.",
	.manual =
	    "An HTTP server answers there, for example on\n"
	    ".Cm 127.0.0.1:9550 :\n"
	    ".Li /metrics\n"
	    "with counters in the text format of Prometheus, and\n"
	    ".Li /healthz .\n"
	    "It asks for no password: do not listen on public addresses.\n"
	    "Empty means that there is no server.",
    },
    {
	OCTAL(milter_socket_mode, 0, 0777),
	.section = SECTION_MILTER,
	.fallback = "0660",
	.restart = true,
	.help = "The permissions of the socket file.",
    },
    {
	TEXT(milter_socket_group, check_account_or_empty,
	    "a group name, or nothing"),
	.section = SECTION_MILTER,
	.fallback = "",
	.restart = true,
	.help = "The group of the socket file.",
	.manual =
	    "Empty means the group of the one who starts the daemon, or of "
	    "the folder if that has its set-group-ID bit.\n"
	    "Name here the group that the MTA runs as, usually\n"
	    ".Li postfix .\n"
	    "A daemon that is not started by root has to be a member of "
	    "it.",
    },
    {
	NETS(trusted_networks),
	.section = SECTION_MILTER,
	.fallback = "127.0.0.0/8 [::1]/128",
	.help = "Clients whose mail is not evaluated: it comes from here.",
	.manual = "Clients that have authenticated themselves, and local "
		  "submission, are treated the same way.\n"
		  "Their messages get an\n"
		  ".Li Authentication-Results\n"
		  "field that says\n"
		  ".Li none ,\n"
		  "or\n"
		  ".Li auth=pass\n"
		  "with the name they logged in with, and are not recorded.\n"
		  "List the hosts that relay mail for you to the outside.\n"
		  "Do not list hosts that hand you mail from the outside: it "
		  "would not be evaluated at all.",
    },
    {
	SECONDS(message_deadline, 1, 4 * MINUTE),
	.section = SECTION_MILTER,
	.fallback = "20s",
	.help = "The longest that DNS may hold up one message.",
	.manual = "What has no answer by then counts as temperror.\n"
		  "The MTA waits too: keep it well below Postfix's\n"
		  ".Ic milter_content_timeout\n"
		  "(300s).",
    },
    {
	SIZE(max_header_octets, 64 * KB, 64 * MB),
	.section = SECTION_MILTER,
	.fallback = "2M",
	.help = "How much of a message's header is kept and evaluated.",
	.manual = "Each message in transit may need twice this much memory.\n"
		  "In a message with a larger header no signature passes: its "
		  "DKIM result is permerror.",
    },
    {
	INTEGER(max_header_fields, 100, 1000000),
	.section = SECTION_MILTER,
	.fallback = "20000",
	.help = "How many header fields of a message are kept and "
		"evaluated.",
	.manual = "A message with more is treated as one with too large a "
		  "header.",
    },
    {
	WORD(dmarc_reject_action),
	.section = SECTION_MILTER,
	.fallback = "quarantine",
	.help = "What happens to a message that fails DMARC when the "
		"domain's policy is reject.",
	.manual =
	    "The actions, here and in the parameters that follow:\n"
	    ".Bl -tag -width quarantine -compact\n"
	    ".It Li accept\n"
	    "It is delivered; only\n"
	    ".Li Authentication-Results\n"
	    "tells.\n"
	    ".It Li header\n"
	    "It is delivered with a field\n"
	    ".Li X-Aver-Verdict: header; reason=...\n"
	    "for filters and mailboxes to sort by.\n"
	    ".It Li quarantine\n"
	    "It is accepted and goes to the MTA's quarantine.\n"
	    "In Postfix that is the hold queue: the message stays there, "
	    "neither delivered nor returned, until somebody decides.\n"
	    ".Ql postqueue -p\n"
	    "marks it with an exclamation mark,\n"
	    ".Ql postcat -q ID\n"
	    "shows it,\n"
	    ".Ql postsuper -H ID\n"
	    "releases it and\n"
	    ".Ql postsuper -d ID\n"
	    "deletes it.\n"
	    "In Sendmail see\n"
	    ".Ql mailq -qQ .\n"
	    ".It Li tempfail\n"
	    "The client is asked to try again later:\n"
	    ".Ic tempfail_reply .\n"
	    ".It Li reject\n"
	    "It is refused:\n"
	    ".Ic dmarc_reject_reply\n"
	    "or\n"
	    ".Ic reject_reply .\n"
	    ".El\n"
	    "When several things are held against a message, the strictest "
	    "action is taken.\n"
	    "The default is not reject because RFC 9989 section 7.4 forbids "
	    "to reject for the policy alone: mail that went through mailing "
	    "lists and forwarders fails DMARC too.\n"
	    "To reject is local policy and takes one line:\n"
	    ".Dl dmarc_reject_action = reject",
    },
    {
	WORD(dmarc_quarantine_action),
	.section = SECTION_MILTER,
	.fallback = "quarantine",
	.help = "The same when the domain's policy is quarantine.",
	.manual = "Whoever does not look after the hold queue should choose\n"
		  ".Cm accept\n"
		  "and let a filter or the mailbox sort by\n"
		  ".Li Authentication-Results .",
    },
    {
	WORD(dmarc_none_action),
	.section = SECTION_MILTER,
	.fallback = "accept",
	.help = "The same when the domain's policy is none.",
	.manual = "RFC 9989 section 5.4 asks for no change in how such mail "
		  "is handled.",
    },
    {
	WORD(dmarc_permerror_action),
	.section = SECTION_MILTER,
	.fallback = "header",
	.help = "What happens to a message whose DMARC record is unusable.",
    },
    {
	WORD(dmarc_temperror_action),
	.section = SECTION_MILTER,
	.fallback = "header",
	.help = "What happens when DNS trouble leaves DMARC undecided.",
	.manual = "With\n"
		  ".Cm tempfail\n"
		  "nothing undecided is delivered, and mail of a domain whose "
		  "DNS stays broken comes back to its sender after days.",
    },
    {
	FROM_WORD(from_invalid_action),
	.section = SECTION_MILTER,
	.fallback = "policy",
	.help = "What happens without exactly one From field with one author "
		"domain.",
	.manual =
	    "With\n"
	    ".Cm policy\n"
	    "the message is rejected when any domain that its From fields "
	    "name has a policy of quarantine or reject, and gets a header "
	    "field otherwise.\n"
	    "At most four domains are evaluated; the message never passes "
	    "DMARC.",
    },
    {
	WORD(spf_fail_action),
	.section = SECTION_MILTER,
	.fallback = "accept",
	.help = "What happens on an SPF fail when no DMARC policy decides.",
    },
    {
	WORD(dkim_policy_action),
	.section = SECTION_MILTER,
	.fallback = "accept",
	.help = "What happens to a signed message of which no signature is "
		"good, when no DMARC policy decides.",
	.manual = "RFC 6376 section 6.3 advises against more than\n"
		  ".Cm accept .",
    },
    {
	WORD(budget_action),
	.section = SECTION_MILTER,
	.fallback = "header",
	.help = "What happens to a message that exceeds a limit on work: "
		"header, memory or DNS questions.",
    },
    {
	TEXT(dmarc_reject_reply, check_any, "a reply"),
	.section = SECTION_MILTER,
	.fallback = "550 5.7.1 Email rejected per DMARC policy for %{domain}",
	.help = "The reply to a message that is rejected for DMARC.",
	.manual = "A reply is a code, an enhanced code (RFC 3463) and text, "
		  "with fields\n"
		  ".Li %{domain} %{policy} %{policy_domain} %{reason} %{ip} "
		  "%{helo} %{mailfrom} %{qid} %{host} ;\n"
		  "a percent sign is written twice.",
    },
    {
	TEXT(reject_reply, check_any, "a reply"),
	.section = SECTION_MILTER,
	.fallback = "550 5.7.1 Message refused: %{reason}",
	.help = "The reply to a message that is rejected for anything else.",
    },
    {
	TEXT(tempfail_reply, check_any, "a reply"),
	.section = SECTION_MILTER,
	.fallback = "451 4.7.1 Message cannot be judged now: %{reason}",
	.help = "The reply to a message that is refused for now.",
    },
    {
	TEXT(policy_table, check_path_or_empty, "an absolute path, or nothing"),
	.section = SECTION_MILTER,
	.fallback = "",
	.help = "The file of exceptions by domain, recipient, client and "
		"mailing list.",
	.manual = "See\n"
		  ".Xr aver-policy_table 5 .\n"
		  "It is read again with the configuration.",
    },
    {
	BOOL(test_mode),
	.section = SECTION_MILTER,
	.fallback = "no",
	.help = "Whether everything is accepted and the log says what would "
		"have been done.",
    },
    {
	BOOL(strip_require_tls_esmtp),
	.section = SECTION_MILTER,
	.fallback = "no",
	.help = "Whether a client's own Require-TLS-ESMTP fields are removed.",
	.manual = "Postfix 3.11 and later takes such a field as a wish for "
		  "REQUIRETLS, whoever wrote it.\n"
		  "The fields stay when the MAIL command asked for it.",
    },
    {
	STRINGS(report_addresses, check_name_list, "at most 16 addresses"),
	.section = SECTION_MILTER,
	.fallback = "",
	.help = "The addresses of this site that receive DMARC and TLS "
		"reports.",
	.manual = "What is sent to them never causes a report in return.",
    },
    {
	STRINGS(authserv_id_aliases, check_name_list,
	    "at most 16 names without spaces"),
	.section = SECTION_MILTER,
	.fallback = "",
	.help = "Further names whose results only this site may state.",
	.manual = "A message from outside that has\n"
		  ".Li Authentication-Results\n"
		  "of\n"
		  ".Ic authserv_id\n"
		  "or of one of these names loses them (RFC 8601 section 5).",
    },
    {
	STRINGS(remove_headers, check_name_list,
	    "at most 16 names of header fields"),
	.section = SECTION_MILTER,
	.fallback = "Received-SPF",
	.help = "Further header fields that are removed when they mention "
		"our name.",
	.manual = "They have no form of their own to look at: a field of "
		  "these names that has\n"
		  ".Ic authserv_id\n"
		  "or one of\n"
		  ".Ic authserv_id_aliases\n"
		  "anywhere in it is removed.",
    },
    {
	BOOL(keep_removed),
	.section = SECTION_MILTER,
	.fallback = "no",
	.help = "Whether removed fields stay under another name.",
	.manual = "They are added again at the end of the header with\n"
		  ".Li Old-\n"
		  "before their name.",
    },
    {
	BOOL(received_spf),
	.section = SECTION_MILTER,
	.fallback = "no",
	.help = "Whether to add a Received-SPF field (RFC 7208 section 9.1) "
		"too.",
	.manual = "Only for programs that cannot read\n"
		  ".Li Authentication-Results .",
    },
    {
	STRINGS(dns_servers, check_servers,
	    "system, recursive, or addresses such as 127.0.0.1 or "
	    "2001:db8::53@5353"),
	.section = SECTION_DNS,
	.fallback = "system",
	.help = "Whom to ask.",
	.manual =
	    ".Bl -tag -width recursive -compact\n"
	    ".It Li system\n"
	    "The servers of\n"
	    ".Xr resolv.conf 5 .\n"
	    ".It Li recursive\n"
	    "The authoritative servers, from the root on; for hosts without "
	    "a resolver nearby.\n"
	    ".It Ar address Ns Op Cm @ Ns Ar port\n"
	    "These servers, one or more.\n"
	    ".El\n"
	    "A validating resolver on the same host is the best choice.",
    },
    {
	WORD(dnssec),
	.section = SECTION_DNS,
	.fallback = "auto",
	.help = "Whether answers are validated with DNSSEC.",
	.manual =
	    ".Bl -tag -width validate -compact\n"
	    ".It Li auto\n"
	    "Ask for a signed record at the start and validate from then on.\n"
	    "Servers that strip signatures are told to the log, and used "
	    "without validation.\n"
	    ".It Li validate\n"
	    "Validate always.\n"
	    "Servers that strip signatures make every lookup fail.\n"
	    ".It Li off\n"
	    "Do not validate.\n"
	    ".El\n"
	    "An answer that fails validation is never used.",
    },
    {
	TEXT(dns_trust_anchor, check_path_or_empty,
	    "an absolute path, or nothing"),
	.section = SECTION_DNS,
	.fallback = "/usr/share/dns/root.key",
	.help = "The file with the DNSSEC trust anchor of the root.",
	.manual =
	    "It holds DS or DNSKEY records in the form of a zone file, as "
	    "Debian's package dns-root-data brings it.\n"
	    "Empty means the places where that package and unbound put "
	    "it.",
    },
    {
	MILLISECONDS(dns_timeout, 100, 60 * 1000),
	.section = SECTION_DNS,
	.fallback = "5s",
	.help = "The longest wait for one answer.",
	.manual = "A number without suffix counts milliseconds.",
    },
    {
	INTEGER(dns_cache_entries, 0, 10000000),
	.section = SECTION_DNS,
	.fallback = "20000",
	.help = "How many answers are kept with the records parsed from "
		"them.",
	.manual = "The library that asks has a cache of its own besides.\n"
		  "With 0 nothing is kept anywhere, which is slow and only for "
		  "tests.",
    },
    {
	SECONDS(dns_max_ttl, 0, 7 * DAY),
	.section = SECTION_DNS,
	.fallback = "1d",
	.help = "The longest that an answer is kept, whatever its TTL.",
    },
    {
	SECONDS(dns_max_negative_ttl, 0, DAY),
	.section = SECTION_DNS,
	.fallback = "1h",
	.help = "The same for the answer that there is no such record.",
    },
    {
	INTEGER(dns_max_questions, 10, 10000),
	.section = SECTION_DNS,
	.fallback = "100",
	.help = "How many questions one message may cause.",
	.manual = "An evaluation that would need more ends in temperror.",
    },
    {
	BOOL(spf_helo),
	.section = SECTION_EVALUATION,
	.fallback = "yes",
	.help = "Whether SPF is evaluated for the HELO name too.",
	.manual = "For a message with a null reverse-path it is in any "
		  "case.",
    },
    {
	INTEGER(spf_max_lookups, 1, 50),
	.section = SECTION_EVALUATION,
	.fallback = "10",
	.help = "How many terms of SPF records may cause lookups (RFC 7208 "
		"section 4.6.4).",
	.manual = "One more is permerror.",
    },
    {
	INTEGER(spf_max_void, 0, 50),
	.section = SECTION_EVALUATION,
	.fallback = "2",
	.help = "How many of these lookups may find nothing.",
	.manual = "One more is permerror.",
    },
    {
	INTEGER(spf_max_names, 1, 50),
	.section = SECTION_EVALUATION,
	.fallback = "10",
	.help = "How many names of one mx or ptr term are looked up.",
	.manual = "More names of an mx term are permerror, of a ptr term "
		  "they are ignored.",
    },
    {
	INTEGER(dkim_max_signatures, 1, 100),
	.section = SECTION_EVALUATION,
	.fallback = "10",
	.help = "How many DKIM signatures of a message are verified, from "
		"the top.",
	.manual = "Each further one is permerror.",
    },
    {
	INTEGER(dkim_min_rsa_bits, 1024, 4096),
	.section = SECTION_EVALUATION,
	.fallback = "1024",
	.help = "The shortest RSA key whose signature may pass.",
	.manual = "RFC 8301 section 3.2 forbids less than 1024.",
    },
    {
	INTEGER(dkim_max_rsa_bits, 4096, 8192),
	.section = SECTION_EVALUATION,
	.fallback = "4096",
	.help = "The longest RSA key that is used.",
	.manual = "Verification costs time that grows with the square of "
		  "the length.",
    },
    {
	SECONDS(dkim_clock_drift, 0, DAY),
	.section = SECTION_EVALUATION,
	.fallback = "5m",
	.help = "How far a signer's clock may be off when its signature's "
		"times are judged.",
    },
    {
	BOOL(dkim_accept_partial),
	.section = SECTION_EVALUATION,
	.fallback = "no",
	.help = "Whether a signature passes that leaves a part of the body "
		"unsigned (l=).",
	.manual = "Anybody can append to, and so replace what is shown of, "
		  "a message that is signed like that.\n"
		  "With\n"
		  ".Cm no\n"
		  "its result is policy.",
    },
    {
	INTEGER(dkim_max_body_hashes, 1, 64),
	.section = SECTION_EVALUATION,
	.fallback = "8",
	.help = "How often a body is hashed at most: once for each "
		"canonicalization and length that signatures use.",
    },
    {
	SIZE(dkim_max_header_octets, 256 * KB, 1 * GB),
	.section = SECTION_EVALUATION,
	.fallback = "16M",
	.help = "How much header is hashed for all signatures of a message "
		"together.",
    },
    {
	BOOL(arc),
	.section = SECTION_EVALUATION,
	.fallback = "yes",
	.help = "Whether ARC chains (RFC 8617) are verified.",
	.manual = "ARC is on its way to Historic; this is the switch.",
    },
    {
	INTEGER(arc_max_sets, 1, 50),
	.section = SECTION_EVALUATION,
	.fallback = "50",
	.help = "How long a chain may be; a longer one fails.",
    },
    {
	STRINGS(arc_trusted_sealers, check_name_list, "at most 16 domains"),
	.section = SECTION_EVALUATION,
	.fallback = "",
	.help = "Domains whose ARC seals, and those of domains below, save a "
		"message that fails DMARC.",
	.manual = "A chain that passes and whose newest seal is of such a "
		  "domain, or of one below, turns quarantine and reject into "
		  "accept, unless the oldest of the trusted sealers states "
		  "that DMARC failed there already.\n"
		  "The reason recorded is local_policy.",
    },
    {
	BOOL(iprev),
	.section = SECTION_EVALUATION,
	.fallback = "yes",
	.help = "Whether the client's reverse DNS is evaluated (RFC 8601 "
		"section 3).",
    },
    {
	WORD(dmarc_discovery),
	.section = SECTION_EVALUATION,
	.fallback = "treewalk",
	.help = "How the policy and the organizational domain are found.",
	.manual = ".Bl -tag -width treewalk -compact\n"
		  ".It Li treewalk\n"
		  "By walking up the DNS tree (RFC 9989 section 4.10).\n"
		  ".It Li psl\n"
		  "By a list of public suffixes (RFC 7489 section 3.2).\n"
		  ".El",
    },
    {
	TEXT(public_suffix_list, check_path_or_empty,
	    "an absolute path, or nothing"),
	.section = SECTION_EVALUATION,
	.fallback = "",
	.help = "The file with the list of public suffixes, for "
		"dmarc_discovery = psl.",
	.manual =
	    "Empty means the newest that the system or the library libpsl "
	    "brings.",
    },
    {
	BOOL(record_evaluations),
	.section = SECTION_RECORD,
	.fallback = "yes",
	.restart = true,
	.help = "Whether DMARC evaluations are recorded for reports.",
	.manual = "See\n"
		  ".Ql aver evaluations\n"
		  "in\n"
		  ".Xr aver 1 .",
    },
    {
	TEXT(store, check_store, "sqlite:/PATH"),
	.section = SECTION_RECORD,
	.fallback = "sqlite:" AVER_STATEDIR "/aver.db",
	.restart = true,
	.help = "The database of what is recorded.",
	.manual = "Its folder has to be writable too, for the files that "
		  "SQLite keeps beside it.",
    },
    {
	SIZE(store_ring_size, 256 * KB, GB),
	.section = SECTION_RECORD,
	.fallback = "4M",
	.restart = true,
	.help = "The size of the file that holds evaluations until the "
		"database has them.",
    },
    {
	MILLISECONDS(store_batch_time, 10, MINUTE * 1000),
	.section = SECTION_RECORD,
	.fallback = "250ms",
	.restart = true,
	.help = "How long evaluations are gathered before they are "
		"committed together.",
	.manual = "A killed daemon loses nothing; a power failure may lose "
		  "what came in that time.\n"
		  "A number without suffix counts milliseconds.",
    },
    {
	SIZE(store_spool_max, MB, 1024 * GB),
	.section = SECTION_RECORD,
	.fallback = "1G",
	.restart = true,
	.help = "How much may wait in the spool while the database cannot "
		"be written.",
	.manual = "When it is full, further evaluations are lost, counted "
		  "and logged; mail goes on.",
    },
    {
	SECONDS(known_domain_time, 0, (int64_t)3650 * DAY),
	.section = SECTION_RECORD,
	.fallback = "180d",
	.restart = true,
	.help = "How long a domain stays known after the last good exchange.",
	.manual = "A good exchange is an accepted message that passed "
		  "DMARC.\n"
		  "What fails for other domains is recorded as optional: it "
		  "comes along in a report and never causes one.\n"
		  "Whole days count; 0 turns this off.",
    },
};

#define N_PARAMS (sizeof(params) / sizeof(params[0]))

_Static_assert(N_PARAMS <= PARAMS_MAX, "raise PARAMS_MAX");

const struct param *
params_all(size_t *n)
{
	*n = N_PARAMS;
	return params;
}
