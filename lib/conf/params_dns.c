/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Parameters of the resolver. */
#include "lib/conf/params_table.h"

static const struct param_word dnssec_words[] = {{"auto", CONF_DNSSEC_AUTO},
    {"validate", CONF_DNSSEC_VALIDATE}, {"off", CONF_DNSSEC_OFF}, {NULL, 0}};

static const struct param table[] = {
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
	WORD(dnssec, enum conf_dnssec, dnssec_words),
	.section = SECTION_DNS,
	.fallback = "auto",
	.help = "Whether answers are validated with DNSSEC.",
	.manual =
	    ".Bl -tag -width validate -compact\n"
	    ".It Li auto\n"
	    "Ask for a signed record at the start and validate from then on.\n"
	    "Servers that strip signatures are told to the log, and used "
	    "without validation; so is a missing trust anchor.\n"
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
};

PARAM_LIST(params_dns, table);
