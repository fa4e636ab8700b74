/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Parameters of the policy daemon. */
#include "lib/conf/params_table.h"

static const struct param_word requiretls_words[] = {
    {"enforce", CONF_REQUIRETLS_ENFORCE},
    {"opportunistic+starttls", CONF_REQUIRETLS_STARTTLS},
    {"opportunistic", CONF_REQUIRETLS_OPPORTUNISTIC},
    {"disable", CONF_REQUIRETLS_DISABLE}, {NULL, 0}};

static const struct param table[] = {
    {
	STRINGS(policyd_listen, check_listen_list,
	    "one or more of unix:/PATH and inet:HOST:PORT"),
	.section = SECTION_POLICYD,
	.fallback = "unix:" AVER_RUNDIR "/policyd.sock",
	.restart = true,
	.help = "Where aver-policyd waits for Postfix.",
	.manual =
	    "Every one of them serves the socketmap and policy delegation; "
	    "the first octet of a connection tells which.\n"
	    "The smtp processes of a Postfix that are chrooted (as Debian "
	    "has them) see only files below the queue directory, for "
	    "example\n"
	    ".Dl policyd_listen = unix:/var/spool/postfix/aver/policyd.sock\n"
	    "Neither protocol knows passwords: whoever can connect can make "
	    "the daemon ask DNS and policy hosts.\n"
	    "Sockets that the service manager passes\n"
	    ".Pq Xr systemd.socket 5\n"
	    "take the place of these.",
    },
    {
	OCTAL(policyd_socket_mode, 0, 0777),
	.section = SECTION_POLICYD,
	.fallback = "0660",
	.restart = true,
	.help = "The permissions of the socket files.",
    },
    {
	TEXT(policyd_socket_group, check_account_or_empty,
	    "a group name, or nothing"),
	.section = SECTION_POLICYD,
	.fallback = "",
	.restart = true,
	.help = "The group of the socket files.",
	.manual = "Empty means the group of the one who starts the daemon.\n"
		  "Name here the group that Postfix runs as, usually\n"
		  ".Li postfix .",
    },
    {
	TEXT(policyd_metrics_listen, check_address_port_or_empty,
	    "ADDRESS:PORT, [IPV6]:PORT, or nothing"),
	.section = SECTION_POLICYD,
	.fallback = "",
	.restart = true,
	.help = "Where aver-policyd serves its metrics.",
	.manual = "As\n"
		  ".Ic metrics_listen\n"
		  "is for the milter, and not the same address.",
    },
    {
	INTEGER(policyd_pollers, 1, 16),
	.section = SECTION_POLICYD,
	.fallback = "2",
	.restart = true,
	.help = "How many threads own connections and answer from memory.",
	.manual = "Each has its share of the connections and of the workers; "
		  "the answers that are kept are common to all.\n"
		  "One answers a hundred thousand requests a second and more.",
    },
    {
	INTEGER(policyd_workers, 1, 256),
	.section = SECTION_POLICYD,
	.fallback = "32",
	.restart = true,
	.help = "How many decisions are made at the same time.",
	.manual = "Answers that are cached need none of them, nor do clients "
		  "that ask the same at the same time.\n"
		  "A worker that waits for a slow policy host costs little.",
    },
    {
	INTEGER(policyd_max_connections, 16, 100000),
	.section = SECTION_POLICYD,
	.fallback = "2000",
	.restart = true,
	.help = "How many clients may be connected.",
	.manual = "Each Postfix process has one connection.\n"
		  "When there are so many, the one that has been idle for "
		  "longest gives way to a new one.",
    },
    {
	SECONDS(policyd_idle_time, 10, DAY),
	.section = SECTION_POLICYD,
	.fallback = "330s",
	.restart = true,
	.help = "How long a connection may be idle.",
	.manual = "More than Postfix's\n"
		  ".Ic smtpd_policy_service_max_idle\n"
		  "(300s), so that it is Postfix that ends it.",
    },
    {
	SECONDS(policyd_deadline, 1, 90),
	.section = SECTION_POLICYD,
	.fallback = "30s",
	.help = "The longest that DNS and a policy host may hold up an "
		"answer.",
	.manual = "Postfix waits for 100 seconds.\n"
		  "A fetch that takes longer goes on, for the next one who "
		  "asks.",
    },
    {
	INTEGER(policyd_cache_entries, 1, 10000000),
	.section = SECTION_POLICYD,
	.fallback = "200000",
	.restart = true,
	.help = "How many answers are kept.",
    },
    {
	SIZE(policyd_cache_size, 64 * KB, 4 * GB),
	.section = SECTION_POLICYD,
	.fallback = "64M",
	.restart = true,
	.help = "How much memory the answers that are kept may take.",
    },
    {
	TEXT(postfix_version, check_version_or_auto,
	    "auto, or a version such as 3.7"),
	.section = SECTION_POLICYD,
	.fallback = "auto",
	.help = "The oldest version of Postfix that asks.",
	.manual =
	    "An attribute that a version does not know makes it defer all "
	    "mail to the domain, so no answer has any that this version "
	    "lacks.\n"
	    "With\n"
	    ".Cm auto\n"
	    "it is what\n"
	    ".Ic postconf_command\n"
	    "says at the start and at a reload, and what Postfix 3.8 and "
	    "later says in its requests for policy delegation; as long as "
	    "nothing is known, it is 3.4.\n"
	    "Name it when Postfix runs on other hosts, and\n"
	    ".Ic postfix_tls_security_level\n"
	    "with it.",
    },
    {
	TEXT(postfix_tls_security_level, check_level_or_auto,
	    "auto, or a level such as may or dane"),
	.section = SECTION_POLICYD,
	.fallback = "auto",
	.help = "What smtp_tls_security_level is in main.cf.",
	.manual = "No answer demands less than that where a policy demands "
		  "nothing, as one for testing does.\n"
		  "With\n"
		  ".Cm auto\n"
		  "it is what\n"
		  ".Ic postconf_command\n"
		  "says at the start and at a reload; as long as nothing is "
		  "known, such policies are told by the map\n"
		  ".Cm tls-tlsrpt\n"
		  "alone.\n"
		  "Name the highest one when Postfix runs on other hosts.",
    },
    {
	TEXT(postconf_command, check_path_or_empty,
	    "an absolute path, or nothing"),
	.section = SECTION_POLICYD,
	.fallback = "/usr/sbin/postconf",
	.help = "The program that tells the settings of Postfix.",
	.manual = "It is run at the start and at a reload, to know the "
		  "version and the level that\n"
		  ".Pa main.cf\n"
		  "has, below which no answer is, and to warn of settings with "
		  "which Postfix cannot use the answers.\n"
		  "Empty means that nothing is run.",
    },
    {
	TEXT(tls_policy_table, check_path_or_empty,
	    "an absolute path, or nothing"),
	.section = SECTION_POLICYD,
	.fallback = "",
	.help = "The file of exceptions for destinations.",
	.manual = "See\n"
		  ".Xr aver-tls_policy_table 5 .\n"
		  "It is read again with the configuration.",
    },
    {
	WORD(requiretls_policy, enum conf_requiretls, requiretls_words),
	.section = SECTION_POLICYD,
	.fallback = "enforce",
	.help = "What the map requiretls answers at least.",
	.manual = "It is for\n"
		  ".Ic smtp_requiretls_policy\n"
		  "of Postfix 3.11 and later; the words are those of\n"
		  ".Xr postconf 5 .",
    },
    {
	TEXT(require_tls_table, check_path_or_empty,
	    "an absolute path, or nothing"),
	.section = SECTION_POLICYD,
	.fallback = "",
	.help = "The file of senders and recipients whose mail must have "
		"verified TLS.",
	.manual = "Policy delegation refuses such mail at once when its "
		  "destination has neither DANE nor an enforced MTA-STS "
		  "policy; see\n"
		  ".Xr aver-policyd 8 .\n"
		  "It is read again with the configuration.",
    },
    {
	TEXT(require_tls_transport, check_name_or_empty,
	    "the name of a transport, or nothing"),
	.section = SECTION_POLICYD,
	.fallback = "",
	.help = "The transport of master.cf that such mail goes to.",
	.manual = "Policy delegation answers\n"
		  ".Li FILTER\n"
		  "with it; the transport should use the map\n"
		  ".Cm verified .\n"
		  "Empty means that such mail takes its usual way, which is "
		  "that of all mail to the domain.",
    },
    {
	BOOL(require_tls_strict),
	.section = SECTION_POLICYD,
	.fallback = "no",
	.help = "Whether such mail is refused too when its destination is "
		"known not to offer REQUIRETLS.",
    },
};

PARAM_LIST(params_policyd, table);
