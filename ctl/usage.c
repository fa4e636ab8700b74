/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/usage.h"

#include <string.h>

static const struct {
	const char *command, *text;
} usages[] = {
    {"conf", "usage: aver conf [-c FILE] [-v] [-d | -n]\n"
	     "       aver conf [-c FILE] [-d] NAME ...\n"
	     "       aver conf [-c FILE] -t\n"},
    {"eval",
	"usage: aver eval [--json] [--explain] [--trace FILE]\n"
	"                 [--resolver ADDR[@PORT] | --zone FILE] [--dnssec]\n"
	"                 --ip IP --helo NAME --mail-from ADDR [--rcpt ADDR]\n"
	"                 [--smtputf8] [--time UNIX] [FILE]\n"
	"       aver eval --batch [--resolver ADDR[@PORT] | --zone FILE]\n"},
    {"evaluations", "usage: aver evaluations [list] [--json]\n"
		    "       aver evaluations show DOMAIN [--json]\n"
		    "       aver evaluations remove DOMAIN [--json]\n"
		    "       aver evaluations known [--json]\n"},
    {"reports", "usage: aver reports [list] [--kind KIND] [--domain DOMAIN] "
		"[--state STATE] [--json]\n"
		"       aver reports show ID [--document | --json]\n"
		"       aver reports resend ID [NUMBER] [--json]\n"
		"       aver reports cancel ID [NUMBER] [--json]\n"},
    {"results",
	"usage: aver results [list] [--json]\n"
	"       aver results show DOMAIN [--json]\n"
	"       aver results remove DOMAIN [--json]\n"
	"       aver results bad [--json]\n"
	"       aver results import [--format postfix|datagrams] [--again]\n"
	"               [--resolver ADDR[@PORT] | --zone FILE] [--dnssec] "
	"[FILE|-]\n"},
    {"store", "usage: aver store [status]\n"
	      "       aver store check [--json]\n"
	      "       aver store export [FILE]\n"
	      "       aver store import [--add] FILE\n"
	      "       aver store migrate FROM TO\n"},
    {"suppress",
	"usage: aver suppress [list] [--kind KIND] [--json]\n"
	"       aver suppress add VALUE [--kind KIND] [--for SPAN] "
	"[--comment TEXT]\n"
	"       aver suppress remove VALUE [--kind KIND]\n"
	"       aver suppress export >FILE\n"
	"       aver suppress import <FILE\n"
	"KIND: address, rua-domain, policy-domain. SPAN: 12h, 30d, 8w\n"},
    {"query",
	"usage: aver query [--json] [--resolver ADDR[@PORT] | --zone FILE] "
	"[--dnssec]\n"
	"                  [--postfix VERSION] DESTINATION\n"},
    {"policy",
	"usage: aver policy [list] [--json]\n"
	"       aver policy refresh [--resolver ADDR[@PORT] | --zone FILE] "
	"[--dnssec] DOMAIN\n"
	"       aver policy remove DOMAIN\n"
	"       aver policy export [--postfix VERSION]\n"},
    {"check",
	"usage: aver check [--resolver ADDR[@PORT] | --zone FILE] [--dnssec] "
	"DESTINATION\n"},
    {"destinations", "usage: aver destinations [list] [--json]\n"
		     "       aver destinations show DOMAIN [--json]\n"
		     "       aver destinations forget DOMAIN\n"},
    {"reload", "usage: aver reload\n"},
    {"report", "usage: aver report show [--json] FILE ...\n"},
    {"version", "usage: aver version\n"},
    {"help", "usage: aver help [COMMAND]\n"},
};

const char *
usage_text(const char *command)
{
	for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++)
		if (strcmp(usages[i].command, command) == 0)
			return usages[i].text;
	return NULL;
}

int
usage_fail(FILE *f, const char *command, const char *what)
{
	if (what && *what)
		fprintf(f, "aver %s: %s\n", command, what);
	fputs(usage_text(command), f);
	return USAGE_STATUS;
}
