/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Parameters of the TLS policy for outbound mail. */
#include "lib/conf/params_table.h"

static const struct param_word unknown_words[] = {
    {"tempfail", CONF_TEMPFAIL}, {"accept", CONF_ACCEPT}, {NULL, 0}};

static const struct param table[] = {
    {
	BOOL(dane),
	.section = SECTION_TLS,
	.fallback = "yes",
	.help = "Whether TLSA records of mail hosts are looked for.",
	.manual = "It needs\n"
		  ".Cm dnssec ;\n"
		  "without validation nothing counts as signed, and no record "
		  "is used.\n"
		  "The MTA has to be able to do DANE too: Postfix wants\n"
		  ".Ql smtp_dns_support_level = dnssec .",
    },
    {
	BOOL(mta_sts),
	.section = SECTION_TLS,
	.fallback = "yes",
	.help = "Whether policies of MTA-STS are fetched and used.",
    },
    {
	WORD(tls_unknown_action, enum conf_action, unknown_words),
	.section = SECTION_TLS,
	.fallback = "tempfail",
	.help = "What happens to mail when the DNS does not answer and no "
		"policy is cached.",
	.manual =
	    ".Bl -tag -width tempfail -compact\n"
	    ".It Li tempfail\n"
	    "It is deferred.\n"
	    ".It Li accept\n"
	    "It is sent as if the destination had no policy.\n"
	    ".El\n"
	    "A policy in the cache stays in force, and a TLSA lookup that "
	    "fails always defers.\n"
	    "For one destination whose DNS is broken see\n"
	    ".Ql fail-open\n"
	    "in the policy table.",
    },
    {
	BOOL(dane_insecure_mx),
	.section = SECTION_TLS,
	.fallback = "yes",
	.help = "Whether TLSA records count where the MX records are not "
		"signed but the mail host is.",
	.manual = "Such a host is authenticated, the way to it is not.\n"
		  "An enforced policy of MTA-STS goes before.\n"
		  "Set Postfix's\n"
		  ".Ql smtp_tls_dane_insecure_mx_policy\n"
		  "to match.",
    },
    {
	INTEGER(dane_max_hosts, 1, 100),
	.section = SECTION_TLS,
	.fallback = "30",
	.help = "How many mail hosts of a destination are looked at.",
    },
    {
	INTEGER(tls_max_questions, 10, 1000),
	.section = SECTION_TLS,
	.fallback = "150",
	.help = "How many DNS questions one decision may take.",
    },
    {
	SECONDS(tls_min_validity, 0, 3600),
	.section = SECTION_TLS,
	.fallback = "10s",
	.help = "The shortest that a decision is kept, whatever the TTLs it "
		"is made from.",
    },
    {
	SECONDS(tls_max_validity, 0, DAY),
	.section = SECTION_TLS,
	.fallback = "10m",
	.help = "The longest that a decision is kept.",
	.manual = "A new policy of MTA-STS or new TLSA records are noticed "
		  "after that time at the latest.",
    },
    {
	MILLISECONDS(sts_timeout, 1000, 120 * 1000),
	.section = SECTION_TLS,
	.fallback = "1m",
	.restart = true,
	.help = "How long the fetch of a policy may take in all.",
	.manual = "A number without suffix counts milliseconds.",
    },
    {
	SIZE(sts_max_size, 1 * KB, 64 * KB),
	.section = SECTION_TLS,
	.fallback = "64k",
	.restart = true,
	.help = "How large a policy may be.",
    },
    {
	INTEGER(sts_max_fetches, 1, 1000),
	.section = SECTION_TLS,
	.fallback = "64",
	.restart = true,
	.help = "How many policies may be fetched at the same time.",
    },
    {
	TEXT(sts_ca_file, check_path_or_empty, "an absolute path, or nothing"),
	.section = SECTION_TLS,
	.restart = true,
	.fallback = "",
	.help = "The file with the certificates of authorities that policy "
		"hosts have to be signed by.",
	.manual = "Empty means the file that libcurl uses by default.\n"
		  "It is read again when it changes.",
    },
    {
	NETS(sts_allow_networks),
	.section = SECTION_TLS,
	.restart = true,
	.fallback = "",
	.help = "Networks that policies may be fetched from although they "
		"are not public.",
	.manual =
	    "The owner of any domain chooses where its policy host points "
	    "to.\n"
	    "So that nobody sends us to hosts behind the firewall, loopback, "
	    "private, link-local and other special addresses are refused "
	    "unless they are named here.\n"
	    "The mail hosts that\n"
	    ".Ql aver check\n"
	    "connects to are held to the same.",
    },
    {
	INTEGER(sts_port, 1, 65535),
	.section = SECTION_TLS,
	.restart = true,
	.fallback = "443",
	.help = "The port of the policy hosts.",
	.manual = "The standard knows 443 alone; another one is for tests "
		  "against a server of one's own.",
    },
    {
	SECONDS(sts_refresh_time, 60, 30 * DAY),
	.section = SECTION_TLS,
	.fallback = "1d",
	.restart = true,
	.help = "How often a policy in use is fetched again in the "
		"background.",
	.manual = "Policies that end sooner are fetched sooner.",
    },
    {
	SECONDS(sts_unused_time, 3600, 3650 * (int64_t)DAY),
	.section = SECTION_TLS,
	.fallback = "60d",
	.restart = true,
	.help = "How long after its last use a policy is no longer fetched "
		"again.",
	.manual = "It stays in force until it expires.",
    },
    {
	INTEGER(sts_cache_entries, 100, 10000000),
	.section = SECTION_TLS,
	.fallback = "100000",
	.restart = true,
	.help = "How many domains with a policy are kept in memory.",
	.manual = "The database has all of them.",
    },
    {
	SIZE(sts_cache_size, MB, 16 * GB),
	.section = SECTION_TLS,
	.fallback = "80M",
	.restart = true,
	.help = "How much memory they may take.",
    },
};

PARAM_LIST(params_tls, table);
