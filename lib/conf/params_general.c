/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Parameters of all programs. */
#include "lib/conf/params_table.h"

#include <syslog.h>

#include "lib/base/log.h"

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

static const struct param table[] = {
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
	.manual = "A daemon that root starts makes it below a folder that is "
		  "there; else it has to exist and be writable by the user.\n"
		  "The database is where\n"
		  ".Ic store\n"
		  "says.\n"
		  ".Xr aver-milter 8\n"
		  "and\n"
		  ".Xr aver-policyd 8\n"
		  "of a host may share one; a second process of either needs "
		  "another.\n"
		  "Two that run with copies of one, as on copied machines, "
		  "notice it: the "
		  "first one logs an error and goes on under another name, "
		  "and nothing is lost or counted twice.",
    },
    {
	WORD(log_destination, enum conf_log, destination_words),
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
};

PARAM_LIST(params_general, table);
