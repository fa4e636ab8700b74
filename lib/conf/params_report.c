/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Parameters of the reports that this site sends. */
#include "lib/conf/params_table.h"

static const struct param_word interval_words[] = {{"1h", 3600}, {"2h", 7200},
    {"3h", 10800}, {"4h", 14400}, {"6h", 21600}, {"8h", 28800}, {"12h", 43200},
    {"24h", DAY}, {"1d", DAY}, {NULL, 0}};
static const struct param_word format_words[] = {
    {"rfc9990", CONF_RFC9990}, {"rfc7489", CONF_RFC7489}, {NULL, 0}};

static const struct param table[] = {
    {
	BOOL(aggregate_reports),
	.section = SECTION_REPORT,
	.fallback = "yes",
	.help = "Whether DMARC aggregate reports are made and sent.",
	.manual = "This is the switch that turns them off.\n"
		  "What is recorded meanwhile is dropped after\n"
		  ".Ic report_max_age .",
    },
    {
	TEXT(report_email, check_mailbox_or_empty, "ADDRESS, or nothing"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "The address that reports are sent from, and whom a report "
		"names as its contact.",
	.manual = "Its domain has to have a DMARC record, and SPF or DKIM that "
		  "pass for it:\n"
		  ".Ql aver-report check\n"
		  "tells.\n"
		  "Nothing is ever reported about the domain itself.\n"
		  "Empty means\n"
		  ".Li noreply-dmarc\n"
		  "at the name of this host.",
    },
    {
	TEXT(report_org_name, check_any, "at most 512 octets"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "The name of the organization that reports.",
	.manual = "Empty means the domain of\n"
		  ".Ic report_email .",
    },
    {
	TEXT(report_contact_info, check_any, "at most 512 octets"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "Further contact information in reports, such as the "
		"address of a web page.",
    },
    {
	TEXT(report_bounce_address, check_mailbox_or_empty,
	    "ADDRESS, or nothing"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "The envelope sender of reports, where bounces come to.",
	.manual = "Each report has one of its own:\n"
		  ".Ic recipient_delimiter\n"
		  "and a token are put behind the local part, which may have "
		  "at most 21 octets.\n"
		  "What arrives there has to go into\n"
		  ".Ql aver-report bounce .\n"
		  "Empty means\n"
		  ".Ic report_email .",
    },
    {
	TEXT(recipient_delimiter, check_delimiter,
	    "one of the characters + - = _ . #"),
	.section = SECTION_REPORT,
	.fallback = "+",
	.help = "What separates a local part from its extension at the host "
		"that takes bounces.",
	.manual = "It is Postfix's parameter of the same name.",
    },
    {
	INT_WORD(report_interval, interval_words),
	.section = SECTION_REPORT,
	.fallback = "24h",
	.help = "The period that a DMARC aggregate report covers.",
	.manual = "Periods are counted in UTC from midnight.\n"
		  "What was not reported in its time lengthens the next "
		  "period to the past.",
    },
    {
	SECONDS(report_spread, 0, 12 * 3600),
	.section = SECTION_REPORT,
	.fallback = "30m",
	.help = "The time over which the reports made in one run are sent.",
	.manual = "Each is given a moment in it.\n"
		  "The run waits for these moments; what it does not get to "
		  "is sent by the next one.\n"
		  "With 0 they are sent at once.",
    },
    {
	SIZE(report_max_size, 64 * KB, 32 * MB),
	.section = SECTION_REPORT,
	.fallback = "5M",
	.help = "The largest size of the compressed document in a report.",
	.manual = "What does not fit is sent as several reports.\n"
		  "The mail is larger by a third.",
    },
    {
	INTEGER(report_max_destinations, 1, 20),
	.section = SECTION_REPORT,
	.fallback = "5",
	.help = "How many of the addresses that a DMARC record names a "
		"report is sent to.",
    },
    {
	INTEGER(report_max_per_run, 1, 10000000),
	.section = SECTION_REPORT,
	.fallback = "20000",
	.help = "How many reports one run sends.",
    },
    {
	INTEGER(report_max_per_day, 1, 10000000),
	.section = SECTION_REPORT,
	.fallback = "50000",
	.help = "How many reports are sent in 24 hours.",
	.manual = "What is left is tried as long as it is young enough.",
    },
    {
	INTEGER(report_max_per_host, 1, 10000000),
	.section = SECTION_REPORT,
	.fallback = "2000",
	.help = "How many of these go to one domain.",
    },
    {
	WORD(aggregate_format, enum conf_format, format_words),
	.section = SECTION_REPORT,
	.fallback = "rfc9990",
	.help = "The format of DMARC aggregate reports.",
	.manual =
	    ".Bl -tag -width rfc9990 -compact\n"
	    ".It Li rfc9990\n"
	    "The one of RFC 9990, in an order that older readers expect.\n"
	    ".It Li rfc7489\n"
	    "The one of 2015, for readers that know no other.\n"
	    ".El",
    },
    {
	STRINGS(aggregate_format_overrides, check_format_list,
	    "at most 64 times DOMAIN=rfc9990 or DOMAIN=rfc7489"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "The same for single domains that receive reports.",
	.manual = "For example\n"
		  ".Dl aggregate_format_overrides = old.example=rfc7489",
    },
    {
	TEXT(report_dkim_domain, check_name_or_empty, "a domain, or nothing"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "The domain (d=) that reports are signed for.",
	.manual = "Empty means the domain of\n"
		  ".Ic report_email .",
    },
    {
	STRINGS(report_dkim_selector, check_name_list, "one or two selectors"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "The selector (s=) of the key that reports are signed with.",
	.manual = "Two make two signatures: the first usually of an RSA key, "
		  "the second of an Ed25519 key.\n"
		  "Empty means that reports are not signed here.",
    },
    {
	STRINGS(report_dkim_key_file, check_path_list, "one or two paths"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "The file with the private key, in PEM form, for each "
		"selector.",
	.manual = "Others must not be able to read or change it, and\n"
		  ".Ic user\n"
		  "has to be: mode 0640 and the user's group.\n"
		  ".Ql openssl genrsa -out FILE 2048\n"
		  "makes one.",
    },
    {
	TEXT(report_transport, check_transport,
	    "sendmail:, sendmail:/PATH, smtp://HOST, submission://HOST, "
	    "submissions://HOST (each with :PORT), or directory:/PATH"),
	.section = SECTION_REPORT,
	.fallback = "sendmail:",
	.help = "How reports leave this host.",
	.manual = ".Bl -tag -width submissions:// -compact\n"
		  ".It Li sendmail:\n"
		  "The local MTA's command, /usr/sbin/sendmail unless a path "
		  "follows.\n"
		  ".It Li smtp://\n"
		  "SMTP to that host, port 25.\n"
		  "TLS is used always; without it the reports wait.\n"
		  ".It Li submission://\n"
		  "The same, port 587.\n"
		  ".It Li submissions://\n"
		  "TLS from the start, port 465.\n"
		  ".It Li directory:\n"
		  "A file for each message in that directory, with two header "
		  "fields in front of the message that hold its envelope,\n"
		  ".Li X-Sender\n"
		  "and\n"
		  ".Li X-Receiver .\n"
		  "What a run that was killed left there half-written is "
		  "hidden, and removed by a later run after a day.\n"
		  ".El\n"
		  "An IPv6 address stands in brackets.",
    },
    {
	TEXT(report_credentials, check_path_or_empty,
	    "an absolute path, or nothing"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "The file with the name and the password to log in with.",
	.manual = "Empty means that there is no login.\n"
		  "It holds two lines,\n"
		  ".Ql user = NAME\n"
		  "and\n"
		  ".Ql password = TEXT .\n"
		  "It belongs to the user that\n"
		  ".Ic user\n"
		  "names, with mode 0600 or less, or to root, and then its "
		  "group may read it (0640); it is no symbolic link.",
    },
    {
	TEXT(report_sasl_mechanism, check_name_or_empty,
	    "the name of a SASL mechanism, or nothing"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "The SASL mechanism to log in with.",
	.manual = "One of SCRAM-SHA-256-PLUS, SCRAM-SHA-256, "
		  "SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5 and PLAIN.\n"
		  "Empty means the strongest one that is offered.\n"
		  "PLAIN is used with a verified certificate only.",
    },
    {
	BOOL(report_tls_verify),
	.section = SECTION_REPORT,
	.fallback = "yes",
	.help = "Whether the certificate of report_transport's host has to "
		"be valid for its name.",
	.manual = "With\n.Li no\nany certificate will do, but TLS is used "
		  "still.",
    },
    {
	TEXT(report_tls_ca_file, check_path_or_empty,
	    "an absolute path, or nothing"),
	.section = SECTION_REPORT,
	.fallback = "",
	.help = "The file with the certificates, in PEM form, that make "
		"others valid.",
	.manual = "Empty means those that the system trusts.",
    },
    {
	SECONDS(report_timeout, 1, 3600),
	.section = SECTION_REPORT,
	.fallback = "5m",
	.help = "The longest wait for one reply of the mail server, or for "
		"the sendmail command.",
    },
    {
	INTEGER(report_senders, 1, 32),
	.section = SECTION_REPORT,
	.fallback = "4",
	.help = "How many reports are sent at the same time.",
	.manual = "So many connections to the mail server, or sendmail "
		  "commands, there are at most; each is made when it is "
		  "needed first.\n"
		  "Fewer are used for the rest of a run when the server takes "
		  "no more.\n"
		  "By HTTPS there is never more than one to a host.",
    },
    {
	SECONDS(report_suppression_time, 3600, (int64_t)365 * DAY),
	.section = SECTION_REPORT,
	.fallback = "7d",
	.help = "How long an address gets no reports after one bounced.",
	.manual = "The time doubles with each further bounce.",
    },
    {
	SECONDS(report_max_age, 2 * DAY, (int64_t)90 * DAY),
	.section = SECTION_REPORT,
	.fallback = "7d",
	.help = "What could not be reported in that time is dropped.",
	.manual = "That happens when a domain's DMARC record cannot be "
		  "looked up for days, or when no reports are made.",
    },
    {
	SECONDS(report_retention, 2 * DAY, (int64_t)3650 * DAY),
	.section = SECTION_REPORT,
	.fallback = "30d",
	.help = "How long reports are kept after they were made.",
	.manual = "A store on Redis keeps none for more than 400 days.\n"
		  "See\n"
		  ".Ql aver reports\n"
		  "in\n"
		  ".Xr aver 1 .",
    },
    {
	BOOL(tls_reports),
	.section = SECTION_REPORT,
	.fallback = "yes",
	.help = "Whether SMTP TLS reports are made and sent.",
	.manual = "What is recorded meanwhile is dropped after\n"
		  ".Ic report_max_age .",
    },
    {
	BOOL(tls_report_success),
	.section = SECTION_REPORT,
	.fallback = "yes",
	.help = "Whether there is a report also about a day on which every "
		"session was good.",
	.manual = "Such reports tell a domain that its policy works, and that "
		  "reports arrive.\n"
		  "With\n.Li no\nthe results of such days are dropped.",
    },
    {
	SECONDS(tls_report_spread, 0, 12 * 3600),
	.section = SECTION_REPORT,
	.fallback = "4h",
	.help = "The time over which the TLS reports made in one run are "
		"sent.",
	.manual = "All sites make them at midnight UTC, hence the long time "
		  "(RFC 8460 section 4.1).\n"
		  "A run waits for the moments that lie in its first 50 "
		  "minutes; the rest is sent by the next ones.",
    },
    {
	BOOL(tls_report_verify),
	.section = SECTION_REPORT,
	.fallback = "yes",
	.help = "Whether a host that takes TLS reports by HTTPS needs a valid "
		"certificate.",
	.manual = "RFC 8460 leaves the choice.\n"
		  "Without a check, who can redirect connections gets the "
		  "reports and says that all is well; with it, a report that "
		  "cannot be handed over is tried again for a day.\n"
		  ".Ic report_tls_ca_file\n"
		  "names the authorities,\n"
		  ".Ic sts_allow_networks\n"
		  "the hosts that are not public and may be reached "
		  "nevertheless.",
    },
};

PARAM_LIST(params_report, table);
