/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * libxml2's writer makes the text of one row, or of the head, in a buffer of
 * ours; so its size is known before the compressor gets it, and a row that
 * would not fit can be given back.
 */
#include "lib/aggregate/aggregate_write.h"

#include <inttypes.h>
#include <stdlib.h>

#include <libxml/xmlwriter.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/zip/gz.h"

#define NAMESPACE "urn:ietf:params:xml:ns:dmarc-2.0"
#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
/* A row has at most 222 strings of 255 octets, which become 6 or less each. */
#define ROW_MAX ((size_t)1 << 20)
#define TAIL_MAX 16 /* </feedback> */

struct aggregate_writer {
	struct gz_writer *gz;
	xmlTextWriter *xml; /* of the report that is under way */
	struct buf row; /* what it has written since the last one */
	struct buf text; /* of one element */
	bool old; /* AGGREGATE_RFC7489 */
	bool bad; /* libxml2 ran out of memory */
	uint64_t max_size, rows, messages;
};

static const char *const format_names[AGGREGATE_FORMAT_COUNT] = {
    [AGGREGATE_RFC9990] = "rfc9990",
    [AGGREGATE_RFC7489] = "rfc7489",
};

const char *
aggregate_format_name(enum aggregate_format f)
{
	return name_of(format_names, AGGREGATE_FORMAT_COUNT, (int)f);
}

struct aggregate_writer *
aggregate_writer_new(void)
{
	struct aggregate_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	buf_init(&w->row, NULL, ROW_MAX);
	buf_init(&w->text, NULL, ROW_MAX);
	w->gz = gz_writer_new(GZ_FAST);
	if (!w->gz) {
		free(w);
		return NULL;
	}
	return w;
}

static void
drop_xml(struct aggregate_writer *w)
{
	if (w->xml)
		xmlFreeTextWriter(w->xml);
	w->xml = NULL;
}

void
aggregate_writer_free(struct aggregate_writer *w)
{
	if (!w)
		return;
	drop_xml(w);
	gz_writer_free(w->gz);
	buf_fini(&w->row);
	buf_fini(&w->text);
	free(w);
}

/* --- elements */

static void
check(struct aggregate_writer *w, int status)
{
	if (status < 0)
		w->bad = true;
}

static void
begin(struct aggregate_writer *w, const char *name)
{
	check(w, xmlTextWriterStartElement(w->xml, BAD_CAST name));
}

static void
end(struct aggregate_writer *w)
{
	check(w, xmlTextWriterEndElement(w->xml));
}

static void
raw(struct aggregate_writer *w, struct str s)
{
	check(w, xmlTextWriterWriteRawLen(w->xml, BAD_CAST s.p, (int)s.n));
}

/* Text that needs neither an escape nor a repair, as nearly all does. */
static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_PRINT) || s.p[i] == '<' ||
		    s.p[i] == '>' || s.p[i] == '&' || s.p[i] == '"')
			return false;
	return true;
}

/* The whole element at once: that saves a quarter of the time of a report. */
static void
plain_element(struct aggregate_writer *w, const char *name, struct str value)
{
	struct str tag = str_from_z(name);
	struct buf *b = &w->text;

	buf_clear(b);
	buf_add_c(b, '<');
	buf_add(b, tag);
	buf_add_c(b, '>');
	buf_add(b, value);
	buf_add(b, STR("</"));
	buf_add(b, tag);
	buf_add_c(b, '>');
	w->bad |= !buf_ok(b);
	raw(w, buf_str(b));
}

/* The one way that text from outside gets into the document. */
static void
element(struct aggregate_writer *w, const char *name, struct str value)
{
	if (is_plain(value)) {
		plain_element(w, name, value);
		return;
	}
	buf_clear(&w->text);
	aggregate_text(&w->text, value);
	w->bad |= !buf_ok(&w->text);
	check(w, xmlTextWriterWriteElement(
		     w->xml, BAD_CAST name, BAD_CAST buf_z(&w->text)));
}

static void
word(struct aggregate_writer *w, const char *name, const char *value)
{
	element(w, name, str_from_z(value));
}

static void
number(struct aggregate_writer *w, const char *name, int64_t value)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%" PRId64, value);
	word(w, name, digits);
}

/* --- the head */

/* RFC 9990 section 3.1.5: one error; RFC 7489 has any number. */
static void
errors(struct aggregate_writer *w, const struct aggregate_meta *meta)
{
	struct buf all;

	for (size_t i = 0; w->old && i < meta->n_errors; i++)
		element(w, "error", meta->errors[i]);
	if (w->old || meta->n_errors == 0)
		return;
	buf_init(&all, NULL, ROW_MAX / 8);
	for (size_t i = 0; i < meta->n_errors; i++) {
		buf_add_z(&all, i ? "; " : "");
		buf_add(&all, meta->errors[i]);
	}
	element(w, "error", buf_str(&all));
	buf_fini(&all);
}

/* RFC 9990 section 3.1.1.3, in the order of RFC 7489 appendix C. */
static void
metadata(struct aggregate_writer *w, const struct aggregate_meta *meta)
{
	begin(w, "report_metadata");
	element(w, "org_name", meta->org_name);
	element(w, "email", meta->email);
	if (meta->extra_contact_info.n)
		element(w, "extra_contact_info", meta->extra_contact_info);
	element(w, "report_id", meta->report_id);
	begin(w, "date_range");
	number(w, "begin", meta->begin);
	number(w, "end", meta->end - 1);
	end(w);
	errors(w, meta);
	if (!w->old)
		word(w, "generator", "aver " AVER_VERSION);
	end(w);
}

static void
add_fo(struct aggregate_writer *w, unsigned fo)
{
	static const struct {
		enum dmarc_fo bit;
		char name;
	} options[] = {{DMARC_FO_0, '0'}, {DMARC_FO_1, '1'}, {DMARC_FO_D, 'd'},
	    {DMARC_FO_S, 's'}};
	char text[8];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (fo & options[i].bit) {
			text[n++] = options[i].name;
			text[n++] = ':';
		}
	element(w, "fo", n ? (struct str){text, n - 1} : STR("0"));
}

/*
 * RFC 9990 section 3.1.1.5: what was discovered, or the default where a tag
 * was not. RFC 7489 appendix C demands pct, which nobody can publish any more.
 */
static void
policy(struct aggregate_writer *w, const struct evaluation *ev)
{
	enum dmarc_policy sp = ev->has_sp ? ev->sp : ev->p;
	enum dmarc_policy np = ev->has_np ? ev->np : sp;

	begin(w, "policy_published");
	element(w, "domain", ev->policy_domain);
	word(w, "adkim", dmarc_align_name(ev->adkim));
	word(w, "aspf", dmarc_align_name(ev->aspf));
	word(w, "p", dmarc_policy_name(ev->p));
	word(w, "sp", dmarc_policy_name(sp));
	if (w->old)
		word(w, "pct", "100");
	add_fo(w, ev->fo);
	if (!w->old) {
		word(w, "np", dmarc_policy_name(np));
		word(
		    w, "discovery_method", dmarc_discovery_name(ev->discovery));
		word(w, "testing", ev->testing ? "y" : "n");
	}
	end(w);
}

/* --- a row */

/*
 * RFC 9990 section 3.1.1.8 wants the forms of RFC 3986. The schema of RFC 7489
 * knows no "::" (errata 5221, 5229 and 7865), so there all eight groups stand.
 * An address that nobody knew is 0.0.0.0.
 */
static void
source_ip(struct aggregate_writer *w, const struct ip *ip)
{
	char memory[64];
	struct buf b = {
	    .p = memory, .cap = sizeof(memory), .max = sizeof(memory) - 1};

	if (ip->family == IP_NONE) {
		buf_add_z(&b, "0.0.0.0");
	} else if (ip->family == IP_V6 && w->old) {
		for (size_t i = 0; i < 16; i += 2)
			buf_addf(&b, "%s%x", i ? ":" : "",
			    (unsigned)ip->a[i] << 8 | ip->a[i + 1]);
	} else {
		ip_print(&b, ip);
	}
	element(w, "source_ip", buf_str(&b));
}

/* RFC 7489 appendix C knows no policy_test_mode. */
static void
reason(struct aggregate_writer *w, const struct eval_reason *r)
{
	bool other = w->old && r->type == EVAL_POLICY_TEST_MODE;

	begin(w, "reason");
	word(w, "type", eval_override_name(other ? EVAL_OTHER : r->type));
	if (r->comment.n)
		element(w, "comment", r->comment);
	else if (other)
		word(w, "comment", eval_override_name(r->type));
	end(w);
}

/* RFC 9990 section 3.1.1.9; "pass" is new with it. */
static void
policy_evaluated(struct aggregate_writer *w, const struct evaluation *ev)
{
	enum eval_disposition d = ev->disposition;

	if (w->old && d == EVAL_DISP_PASS)
		d = EVAL_DISP_NONE;
	begin(w, "policy_evaluated");
	word(w, "disposition", eval_disposition_name(d));
	word(w, "dkim", ev->dkim_aligned ? "pass" : "fail");
	word(w, "spf", ev->spf_aligned ? "pass" : "fail");
	for (size_t i = 0; i < ev->n_reasons; i++)
		reason(w, &ev->reasons[i]);
	end(w);
}

static void
row(struct aggregate_writer *w, const struct evaluation *ev, uint64_t count)
{
	begin(w, "row");
	source_ip(w, &ev->source_ip);
	number(w, "count", (int64_t)(count & INT64_MAX));
	policy_evaluated(w, ev);
	end(w);
}

static void
identifiers(struct aggregate_writer *w, const struct evaluation *ev)
{
	begin(w, "identifiers");
	element(w, "header_from", ev->header_from);
	element(w, "envelope_from", ev->envelope_from);
	if (ev->envelope_to.n)
		element(w, "envelope_to", ev->envelope_to);
	end(w);
}

/*
 * RFC 9990 section 3.1.1.13 has the scope mfrom only. RFC 7489 appendix C
 * wants a result in any case, and the scope helo where that was checked.
 */
static void
spf(struct aggregate_writer *w, const struct evaluation *ev)
{
	bool helo = w->old && ev->has_spf && ev->envelope_from.n == 0;

	if (!ev->has_spf && !w->old)
		return;
	begin(w, "spf");
	element(w, "domain", ev->has_spf ? ev->spf_domain : ev->envelope_from);
	word(w, "scope", helo ? "helo" : "mfrom");
	word(w, "result",
	    spf_result_name(ev->has_spf ? ev->spf_result : SPF_NONE));
	end(w);
}

/* RFC 9990 section 3.1.1.12; the evaluation has them in the order of rank. */
static void
auth_results(struct aggregate_writer *w, const struct evaluation *ev)
{
	begin(w, "auth_results");
	for (size_t i = 0; i < ev->n_dkim; i++) {
		begin(w, "dkim");
		element(w, "domain", ev->dkim[i].domain);
		element(w, "selector", ev->dkim[i].selector);
		word(w, "result", dkim_result_name(ev->dkim[i].result));
		end(w);
	}
	spf(w, ev);
	check(w, xmlTextWriterFullEndElement(w->xml));
}

/* --- the document */

static int
on_write(void *arg, const char *p, int n)
{
	struct aggregate_writer *w = arg;

	buf_add(&w->row, (struct str){p, (size_t)n});
	return buf_ok(&w->row) ? n : -1;
}

/* Gives the compressor what the XML writer has made since the last time. */
static int
pass_on(struct aggregate_writer *w)
{
	int err = gz_writer_add(w->gz, buf_str(&w->row));

	buf_clear(&w->row);
	return err;
}

/* What was written so far is in w->row. False: no memory. */
static bool
settle(struct aggregate_writer *w)
{
	check(w, xmlTextWriterFlush(w->xml));
	return !w->bad && buf_ok(&w->row);
}

static bool
open_document(struct aggregate_writer *w)
{
	xmlOutputBuffer *out = xmlOutputBufferCreateIO(on_write, NULL, w, NULL);

	if (!out)
		return false;
	w->xml = xmlNewTextWriter(out);
	if (!w->xml)
		xmlOutputBufferClose(out);
	return w->xml;
}

int
aggregate_write_begin(struct aggregate_writer *w,
    const struct aggregate_meta *meta, const struct evaluation *last,
    enum aggregate_format format, uint64_t max_size,
    int (*sink)(void *arg, struct str octets), void *arg)
{
	drop_xml(w);
	buf_clear(&w->row);
	w->old = format == AGGREGATE_RFC7489;
	w->bad = false;
	w->max_size = max_size;
	w->rows = w->messages = 0;
	gz_writer_begin(w->gz, sink, arg);
	if (!open_document(w))
		return AVER_NOMEM;
	raw(w, STR(DECLARATION));
	begin(w, "feedback");
	if (!w->old)
		check(w, xmlTextWriterWriteAttribute(
			     w->xml, BAD_CAST "xmlns", BAD_CAST NAMESPACE));
	word(w, "version", "1.0");
	metadata(w, meta);
	policy(w, last);
	raw(w, STR("\n"));
	return settle(w) ? pass_on(w) : AVER_NOMEM;
}

/* Asks the compressor to show what it holds only when that can matter. */
static int
fits(struct aggregate_writer *w, bool *yes)
{
	uint64_t more = w->row.n + TAIL_MAX;
	int err = 0;

	*yes = w->rows == 0 || w->max_size == 0 ||
	       gz_writer_bound(w->gz, more) <= w->max_size;
	if (*yes)
		return 0;
	err = gz_writer_sync(w->gz);
	*yes = gz_writer_bound(w->gz, more) <= w->max_size;
	return err;
}

int
aggregate_write_row(
    struct aggregate_writer *w, const struct evaluation *ev, uint64_t count)
{
	bool yes;
	int err;

	if (!w->xml)
		return AVER_BUG;
	begin(w, "record");
	row(w, ev, count);
	identifiers(w, ev);
	auth_results(w, ev);
	end(w);
	raw(w, STR("\n"));
	if (!settle(w))
		return AVER_NOMEM;
	err = fits(w, &yes);
	if (err)
		return err;
	if (!yes) {
		buf_clear(&w->row);
		return AVER_LIMIT;
	}
	w->rows++;
	w->messages += count;
	return pass_on(w);
}

int
aggregate_write_end(struct aggregate_writer *w)
{
	int err;

	if (!w->xml || w->rows == 0)
		return AVER_BUG;
	end(w);
	raw(w, STR("\n"));
	err = settle(w) ? pass_on(w) : AVER_NOMEM;
	if (!err)
		err = gz_writer_end(w->gz);
	drop_xml(w);
	buf_clear(&w->row);
	return err;
}

uint64_t
aggregate_writer_size(const struct aggregate_writer *w)
{
	return gz_writer_size(w->gz);
}

uint64_t
aggregate_writer_rows(const struct aggregate_writer *w)
{
	return w->rows;
}

uint64_t
aggregate_writer_messages(const struct aggregate_writer *w)
{
	return w->messages;
}
