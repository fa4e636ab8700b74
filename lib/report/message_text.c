/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/report/message_text.h"

#include "lib/mail/date.h"

static void
put_count(struct buf *b, uint64_t n, const char *one, const char *many)
{
	buf_add_u64(b, n);
	buf_add_c(b, ' ');
	buf_add_z(b, n == 1 ? one : many);
}

static void
put_reporter(
    struct buf *b, const struct report_message *m, struct str submitter)
{
	buf_add_z(b, "    Reporter:   ");
	if (m->organization.n)
		buf_addf(b, "%.*s (%.*s)\n",
		    STRF(str_head(m->organization, 500)), STRF(submitter));
	else
		buf_addf(b, "%.*s\n", STRF(submitter));
}

static void
put_facts(struct buf *b, const struct report_message *m, struct str submitter)
{
	buf_addf(b, "\n    Domain:     %.*s\n", STRF(m->name.policy_domain));
	put_reporter(b, m, submitter);
	buf_add_z(b, "    Period:     ");
	date_print_3339(b, m->name.begin);
	buf_add_z(b, " to ");
	date_print_3339(b, m->name.end - 1);
	buf_addf(b, "\n    Report-ID:  %.*s\n", STRF(m->id));
}

static void
put_part(struct buf *b, const struct report_message *m)
{
	if (m->name.part)
		buf_addf(b,
		    "The report was too large for one message; this is part "
		    "%u of it.\n",
		    m->name.part);
}

static void
put_contact(struct buf *b, const struct report_message *m)
{
	if (m->contact.n)
		buf_addf(b, "\nQuestions about this report: %.*s\n",
		    STRF(str_head(m->contact, 500)));
	else
		buf_add_z(b, "\nNobody reads what is sent to the address that "
			     "this report comes from.\n");
}

static void
text_dmarc(struct buf *b, const struct report_message *m, struct str submitter)
{
	buf_add_z(b,
	    "This is a DMARC aggregate report: which mail in your name this\n"
	    "site received, and whether SPF and DKIM stood up for it.\n");
	put_facts(b, m, submitter);
	buf_add_z(b, "    Counted:    ");
	put_count(b, m->messages, "message", "messages");
	buf_add_z(b, " in ");
	put_count(b, m->rows, "row", "rows");
	buf_add_z(b, "\n\nThe attachment holds the report as defined by RFC "
		     "9990. Programs can\nread it; there is nothing to "
		     "answer.\n");
	put_part(b, m);
	buf_addf(b,
	    "\nYou get this because the DNS record at\n"
	    "    _dmarc.%.*s\n"
	    "names this address in its tag rua. Take it out there to get no "
	    "more.\n",
	    STRF(m->name.policy_domain));
	put_contact(b, m);
}

static void
text_tls(struct buf *b, const struct report_message *m, struct str submitter)
{
	buf_add_z(b,
	    "This is an SMTP TLS report: how well this site could deliver to\n"
	    "your mail servers with TLS.\n");
	put_facts(b, m, submitter);
	buf_add_z(b, "    Counted:    ");
	put_count(b, m->successes, "good session", "good sessions");
	buf_add_z(b, ", ");
	put_count(b, m->failures, "failure", "failures");
	buf_add_z(b, "\n\nThe attachment holds the report as defined by RFC "
		     "8460. Programs can\nread it; there is nothing to "
		     "answer.\n");
	put_part(b, m);
	buf_addf(b,
	    "\nYou get this because the DNS record at\n"
	    "    _smtp._tls.%.*s\n"
	    "names this address in its tag rua. Take it out there to get no "
	    "more.\n",
	    STRF(m->name.policy_domain));
	put_contact(b, m);
}

static void
text_failure(
    struct buf *b, const struct report_message *m, struct str submitter)
{
	buf_addf(b,
	    "This is a DMARC failure report: a message in the name of\n"
	    "    %.*s\n"
	    "failed DMARC at this site.\n\n",
	    STRF(m->name.policy_domain));
	put_reporter(b, m, submitter);
	buf_add_z(b, "    Time:       ");
	date_print_3339(b, m->name.begin);
	buf_add_z(b, "\n    Incidents:  ");
	buf_add_u64(b, m->messages);
	buf_addf(b, "\n    Report-ID:  %.*s\n", STRF(m->id));
	buf_addf(b,
	    "\nThe second part says what failed (RFC 9991). The third part "
	    "shows a few\nheader fields of the message; addresses in them are "
	    "made unreadable, and\nnothing of its body is shown.\n"
	    "\nYou get this because the DNS record at\n"
	    "    _dmarc.%.*s\n"
	    "names this address in its tag ruf. Take it out there to get no "
	    "more.\n",
	    STRF(m->name.policy_domain));
	put_contact(b, m);
}

void
message_text(
    struct buf *b, const struct report_message *m, struct str submitter)
{
	switch (m->name.kind) {
	case REPORT_KIND_TLS:
		text_tls(b, m, submitter);
		break;
	case REPORT_KIND_FAILURE:
		text_failure(b, m, submitter);
		break;
	case REPORT_KIND_DMARC:
	case REPORT_KIND_COUNT:
		text_dmarc(b, m, submitter);
		break;
	}
}
