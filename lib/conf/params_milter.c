/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Parameters of the milter and its actions. */
#include "lib/conf/params_table.h"

static const struct param_word action_words[] = {{"accept", CONF_ACCEPT},
    {"header", CONF_HEADER}, {"quarantine", CONF_QUARANTINE},
    {"tempfail", CONF_TEMPFAIL}, {"reject", CONF_REJECT}, {NULL, 0}};
static const struct param_word from_action_words[] = {
    {"policy", CONF_BY_POLICY}, {"accept", CONF_ACCEPT},
    {"header", CONF_HEADER}, {"quarantine", CONF_QUARANTINE},
    {"tempfail", CONF_TEMPFAIL}, {"reject", CONF_REJECT}, {NULL, 0}};

static const struct param table[] = {
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
	WORD(dmarc_reject_action, enum conf_action, action_words),
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
	WORD(dmarc_quarantine_action, enum conf_action, action_words),
	.section = SECTION_MILTER,
	.fallback = "quarantine",
	.help = "The same when the domain's policy is quarantine.",
	.manual = "Whoever does not look after the hold queue should choose\n"
		  ".Cm accept\n"
		  "and let a filter or the mailbox sort by\n"
		  ".Li Authentication-Results .",
    },
    {
	WORD(dmarc_none_action, enum conf_action, action_words),
	.section = SECTION_MILTER,
	.fallback = "accept",
	.help = "The same when the domain's policy is none.",
	.manual = "RFC 9989 section 5.4 asks for no change in how such mail "
		  "is handled.",
    },
    {
	WORD(dmarc_permerror_action, enum conf_action, action_words),
	.section = SECTION_MILTER,
	.fallback = "header",
	.help = "What happens to a message whose DMARC record is unusable.",
    },
    {
	WORD(dmarc_temperror_action, enum conf_action, action_words),
	.section = SECTION_MILTER,
	.fallback = "header",
	.help = "What happens when DNS trouble leaves DMARC undecided.",
	.manual = "With\n"
		  ".Cm tempfail\n"
		  "nothing undecided is delivered, and mail of a domain whose "
		  "DNS stays broken comes back to its sender after days.",
    },
    {
	WORD(from_invalid_action, enum conf_action, from_action_words),
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
	    "At most four domains are evaluated: a message that names more, "
	    "or whose header was not kept whole, is treated as if one had "
	    "such a policy.\n"
	    "The message never passes DMARC.",
    },
    {
	WORD(spf_fail_action, enum conf_action, action_words),
	.section = SECTION_MILTER,
	.fallback = "accept",
	.help = "What happens on an SPF fail when no DMARC policy decides.",
    },
    {
	WORD(dkim_policy_action, enum conf_action, action_words),
	.section = SECTION_MILTER,
	.fallback = "accept",
	.help = "What happens to a signed message of which no signature is "
		"good, when no DMARC policy decides.",
	.manual = "RFC 6376 section 6.3 advises against more than\n"
		  ".Cm accept .",
    },
    {
	WORD(budget_action, enum conf_action, action_words),
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
	TEXT(tls_required_header, check_field_name_or_empty,
	    "the name of a header field that begins with X-, or nothing"),
	.section = SECTION_MILTER,
	.fallback = "",
	.help = "The field that marks messages with TLS-Required: No.",
	.manual =
	    "Such a message has to be delivered also where a TLS policy of "
	    "its destination fails (RFC 8689 section 3).\n"
	    "Postfix does that from version 3.10 on; for an older one name a "
	    "field here, such as\n"
	    ".Li X-Aver-TLS-Required ,\n"
	    "and let\n"
	    ".Ic milter_header_checks\n"
	    "send what has it by a transport without policies:\n"
	    ".Pa contrib/postfix\n"
	    "has the lines.\n"
	    "Fields of this name that come with a message are removed.\n"
	    "Empty means that nothing is marked.",
    },
    {
	STRINGS(tls_required_transports, check_name_list,
	    "at most 16 names of transports"),
	.section = SECTION_MILTER,
	.fallback = "smtp",
	.help = "The transports of Postfix whose mail is marked so.",
	.manual = "All recipients of a message have to be delivered by one "
		  "of these, for the whole message takes the other way: one "
		  "with a mailbox here must not be among them.\n"
		  "Add\n"
		  ".Cm relay\n"
		  "only when its destinations are those of the MX records.",
    },
    {
	STRINGS(report_addresses, check_name_list, "at most 16 addresses"),
	.section = SECTION_MILTER,
	.fallback = "",
	.help = "The addresses of this site that receive DMARC and TLS "
		"reports.",
	.manual = "What is sent to them never causes a report in return.\n"
		  "The addresses that our own reports come from need not be "
		  "named.",
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
};

PARAM_LIST(params_milter, table);
