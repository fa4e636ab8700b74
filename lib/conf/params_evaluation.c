/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Parameters of the evaluators. */
#include "lib/conf/params_table.h"

static const struct param_word discovery_words[] = {
    {"treewalk", CONF_TREEWALK}, {"psl", CONF_PSL}, {NULL, 0}};

static const struct param table[] = {
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
	WORD(dmarc_discovery, enum conf_discovery, discovery_words),
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
};

PARAM_LIST(params_evaluation, table);
