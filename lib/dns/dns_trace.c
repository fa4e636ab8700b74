/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_trace.h"

#include "lib/dns/rdata.h"

static void
print_type(struct buf *b, uint16_t type)
{
	const char *name = dns_type_name(type);

	if (*name == '?')
		buf_addf(b, "TYPE%u", type);
	else
		buf_add_z(b, name);
}

static void
print_owner(struct buf *b, const struct dname *name)
{
	dname_print(b, name);
	buf_add_z(b, name->len > 1 ? ". " : " ");
}

/* NAME WORD TYPE, and a comment if there is one */
static void
print_mark(struct buf *b, const struct dns_question *q, const char *word)
{
	print_owner(b, &q->name);
	buf_addf(b, "%s ", word);
	print_type(b, q->type);
	if (*q->answer->why) {
		buf_add_z(b, " ; ");
		/* a line break in it would begin an entry */
		for (const char *p = q->answer->why; *p; p++)
			buf_add_c(b, *p < ' ' ? '?' : *p);
	}
	buf_add_c(b, '\n');
}

static void
print_records(struct buf *b, const struct dns_question *q)
{
	const struct dns_rrset *rr = q->answer;

	for (size_t i = 0; i < rr->n; i++) {
		print_owner(b, &q->name);
		buf_addf(b, "%lu IN ",
		    (unsigned long)(rr->ttl > INT32_MAX ? INT32_MAX : rr->ttl));
		print_type(b, q->type);
		buf_add_c(b, ' ');
		rdata_print(b, q->type, rr->rdata[i]);
		buf_add_c(b, '\n');
	}
}

static void
print_alias(struct buf *b, const struct dns_question *q)
{
	struct dname canonical;

	if (!dname_from_wire(q->answer->canonical, &canonical, NULL))
		return;
	print_owner(b, &q->name);
	buf_add_z(b, "ALIAS ");
	print_type(b, q->type);
	buf_add_c(b, ' ');
	print_owner(b, &canonical);
	buf_add_c(b, '\n');
}

static void
print_question(struct buf *b, const struct dns_question *q)
{
	const struct dns_rrset *rr = q->answer;

	switch (rr->status) {
	case DNS_OK:
		print_records(b, q);
		break;
	case DNS_NODATA:
		print_mark(b, q, "NODATA");
		break;
	case DNS_NXDOMAIN:
		print_mark(b, q, "NXDOMAIN");
		break;
	case DNS_TEMP:
		print_mark(b, q,
		    rr == dns_rrset_fault(DNS_FAULT_TIMEOUT) ? "TIMEOUT"
							     : "SERVFAIL");
		return;
	case DNS_BOGUS:
		print_mark(b, q, "BOGUS");
		return;
	case DNS_STATUS_COUNT:
		return;
	}
	if (rr->secure)
		print_mark(b, q, "SECURE");
	if (rr->canonical.n)
		print_alias(b, q);
}

static bool
same_question(const struct dns_question *x, const struct dns_question *y)
{
	return x->type == y->type && dname_eq(&x->name, &y->name);
}

/* Whether q was asked before; the log is newest first. */
static bool
is_repeated(const struct dns_question *q)
{
	for (const struct dns_question *o = q->next; o; o = o->next)
		if (same_question(o, q))
			return true;
	return false;
}

/* A list of some hundred items turned round by walking it each time. */
static const struct dns_question *
nth_oldest(const struct dns_question *log, size_t n)
{
	size_t count = 0;

	for (const struct dns_question *q = log; q; q = q->next)
		count++;
	if (n >= count)
		return NULL;
	for (n = count - 1 - n; n; n--)
		log = log->next;
	return log;
}

void
dns_trace_print(struct buf *b, const struct dns *d)
{
	const struct dns_question *q;

	buf_add_z(b, "; DNS questions in their order, with the answers\n");
	for (size_t i = 0; (q = nth_oldest(d->log, i)); i++) {
		if (is_repeated(q))
			continue;
		if (q->answer == dns_rrset_fault(DNS_FAULT_BUDGET))
			buf_add_z(b, "; not asked: ");
		print_question(b, q);
	}
}
