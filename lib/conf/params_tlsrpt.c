/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Parameters of the policy daemon about results of TLS sessions. */
#include "lib/conf/params_table.h"

static const struct param table[] = {
    {
	BOOL(record_tls_results),
	.section = SECTION_POLICYD,
	.fallback = "yes",
	.restart = true,
	.help = "Whether results of TLS sessions are recorded for TLS "
		"reports.",
	.manual = "Without it neither\n"
		  ".Ic tlsrpt_socket\n"
		  "nor\n"
		  ".Ic tlsrpt_log\n"
		  "is looked at, and what aver-policyd finds wrong with "
		  "policies and DNS answers is only logged.",
    },
    {
	TEXT(tlsrpt_socket, check_path_or_empty, "a path, or nothing"),
	.section = SECTION_POLICYD,
	.fallback = "",
	.restart = true,
	.help = "The socket file where Postfix 3.10 and later tells of its "
		"TLS sessions.",
	.manual =
	    "It is what\n"
	    ".Ic smtp_tlsrpt_socket_name\n"
	    "of Postfix names, which is relative to the queue directory where "
	    "smtp processes are chrooted:\n"
	    ".Dl tlsrpt_socket = /var/spool/postfix/aver/tlsrpt.sock\n"
	    "Postfix needs to be built with libtlsrpt, and\n"
	    ".Ic smtp_tlsrpt_enable = yes .",
    },
    {
	OCTAL(tlsrpt_socket_mode, 0, 0777),
	.section = SECTION_POLICYD,
	.fallback = "0660",
	.restart = true,
	.help = "The permissions of that file; who sends has to be able to "
		"write.",
    },
    {
	TEXT(tlsrpt_socket_owner, check_account_or_empty,
	    "a user name, or nothing"),
	.section = SECTION_POLICYD,
	.fallback = "",
	.restart = true,
	.help = "The owner of that file.",
	.manual = "Empty means the one who starts the daemon; only root can "
		  "name another.",
    },
    {
	TEXT(tlsrpt_socket_group, check_account_or_empty,
	    "a group name, or nothing"),
	.section = SECTION_POLICYD,
	.fallback = "",
	.restart = true,
	.help = "The group of that file.",
	.manual = "Name here the group that Postfix runs as, usually\n"
		  ".Li postfix .",
    },
    {
	SIZE(tlsrpt_socket_buffer, 64 * KB, GB),
	.section = SECTION_POLICYD,
	.fallback = "16M",
	.restart = true,
	.help = "How large a receive buffer the kernel is asked for.",
	.manual = "Linux also limits how many datagrams may wait, by\n"
		  ".Ql net.unix.max_dgram_qlen\n"
		  "at the start of the daemon, and Postfix does not wait: see\n"
		  ".Xr aver-policyd 8 .",
    },
    {
	INTEGER(tlsrpt_max_rate, 1, 10000000),
	.section = SECTION_POLICYD,
	.fallback = "50000",
	.restart = true,
	.help = "How many datagrams are looked at in a second.",
	.manual = "Those above are dropped, counted and logged once a minute; "
		  "mail is not affected.",
    },
    {
	INTEGER(tlsrpt_max_rows_per_day, 1, 100000000),
	.section = SECTION_POLICYD,
	.fallback = "1000000",
	.restart = true,
	.help = "How many different results are recorded of one day (UTC).",
	.manual = "Equal results of a day are one, whatever their number.\n"
		  "Different ones above it are dropped, counted and logged "
		  "once a minute.",
    },
    {
	TEXT(tlsrpt_log, check_log_source,
	    "none, journal, stdin, or file:/PATH"),
	.section = SECTION_POLICYD,
	.fallback = "none",
	.restart = true,
	.help = "Where Postfix's log is read to find the results of its TLS "
		"sessions.",
	.manual = "For Postfix before 3.10, or built without libtlsrpt.\n"
		  "It needs\n"
		  ".Ic smtp_tls_loglevel = 1 .\n"
		  ".Bl -tag -width journal -compact\n"
		  ".It Li none\n"
		  "It is not read.\n"
		  ".It Li journal\n"
		  "The journal, by way of\n"
		  ".Ic journalctl_command .\n"
		  ".It Li stdin\n"
		  "Standard input; what comes while the daemon does not run is "
		  "lost.\n"
		  ".It Li file: Ns Ar /path\n"
		  "That file, over its rotation.\n"
		  ".El\n"
		  "The user of the daemon has to be able to read it, which on "
		  "Debian the group\n"
		  ".Li adm\n"
		  "can.\n"
		  "The first time it is read from its end on; from then on the "
		  "daemon goes on where it was.",
    },
    {
	TEXT(journalctl_command, check_path, "an absolute path"),
	.section = SECTION_POLICYD,
	.fallback = "/usr/bin/journalctl",
	.restart = true,
	.help = "The program that reads the journal.",
    },
};

PARAM_LIST(params_tlsrpt, table);
