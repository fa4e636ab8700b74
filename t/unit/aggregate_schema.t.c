/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Reports over evaluations of any octets: sound by a check of our own, read
 * back with the same content and, where AVER_CONFORMANCE names the folder
 * with the published schemas, valid by them.
 */
#include "t/tap.h"

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include "lib/zip/gz.h"
#include "t/unit/aggregate_check.h"
#include "t/unit/aggregate_gen.h"

#define REPORTS 400
#define MB ((size_t)1 << 20)

static int
collect(void *arg, struct str octets)
{
	struct buf *b = arg;

	buf_add(b, octets);
	return b->err;
}

/* --- schemas */

static xmlSchema *
load_schema(const char *name)
{
	const char *base = getenv("AVER_CONFORMANCE");
	xmlSchemaParserCtxt *c;
	xmlSchema *schema = NULL;
	char path[4096];

	snprintf(
	    path, sizeof(path), "%s/dev/schemas/%s", base ? base : "", name);
	c = base ? xmlSchemaNewParserCtxt(path) : NULL;
	if (c)
		schema = xmlSchemaParse(c);
	if (c)
		xmlSchemaFreeParserCtxt(c);
	return schema;
}

static bool
is_valid(xmlSchema *schema, struct str xml)
{
	xmlDoc *doc = xmlReadMemory(xml.p, (int)xml.n, "report", NULL, 0);
	xmlSchemaValidCtxt *c = xmlSchemaNewValidCtxt(schema);
	bool valid = doc && c && xmlSchemaValidateDoc(c, doc) == 0;

	xmlSchemaFreeValidCtxt(c);
	xmlFreeDoc(doc);
	return valid;
}

/* --- one report */

struct seen {
	const struct evaluation *ev;
	bool old;
	size_t heads, records, wrong;
};

static int
on_head(void *arg, const struct aggregate_report *r)
{
	struct seen *s = arg;

	s->heads++;
	s->wrong += !same_head(r, s->ev, s->old);
	return 0;
}

static int
on_record(void *arg, const struct aggregate_record *r)
{
	struct seen *s = arg;

	s->records++;
	s->wrong += !same_record(r, s->ev, s->records, s->old);
	return 0;
}

static bool
reads_back(const struct evaluation *ev, bool old, struct str xml)
{
	static const struct aggregate_events events = {on_head, on_record};
	struct seen seen = {.ev = ev, .old = old};
	struct aggregate_reader *r = aggregate_reader_new(NULL, &events, &seen);
	int err = aggregate_reader_add(r, xml, NULL);

	aggregate_reader_free(r);
	return err == 0 && seen.heads == 1 && seen.records == 2 && !seen.wrong;
}

static bool
write_report(struct aggregate_writer *w, const struct evaluation *ev,
    enum aggregate_format format, struct buf *xml)
{
	struct aggregate_meta meta = {.org_name = ev->header_from,
	    .email = ev->envelope_from,
	    .extra_contact_info = ev->envelope_to,
	    .report_id = ev->policy_domain,
	    .errors = &ev->spf_domain,
	    .n_errors = 1,
	    .begin = 86400,
	    .end = 172800};
	struct buf packed;
	bool good;

	buf_init(&packed, NULL, 4 * MB);
	buf_clear(xml);
	good = aggregate_write_begin(
		   w, &meta, ev, format, 0, collect, &packed) == 0 &&
	       aggregate_write_row(w, ev, 1) == 0 &&
	       aggregate_write_row(w, ev, 2) == 0 &&
	       aggregate_write_end(w) == 0 &&
	       gz_inflate(buf_str(&packed), xml->max, collect, xml, NULL) == 0;
	buf_fini(&packed);
	return good;
}

/* --- many */

static void
random_octets(uint64_t *state, struct buf *b)
{
	static const char odd[] = "\0\t\r\n <>&\"'\x1b\x7f]]>";

	buf_clear(b);
	while (b->n < 6000) {
		*state ^= *state >> 12;
		*state ^= *state << 25;
		*state ^= *state >> 27;
		if (*state & 3)
			buf_add_c(b, (char)(*state >> 8));
		else if (*state & 4)
			buf_add_c(b, odd[(*state >> 8) % (sizeof(odd) - 1)]);
		else
			buf_add_z(b, "b\xc3\xbc\xef\xbf\xbe\xe2\x82\xac");
	}
}

static void
run(struct aggregate_writer *w, enum aggregate_format format,
    const char *schema_name)
{
	static struct evaluation ev;
	xmlSchema *schema = load_schema(schema_name);
	const char *name = aggregate_format_name(format), *bad = NULL;
	bool old = format == AGGREGATE_RFC7489;
	size_t written = 0, sound = 0, same = 0, valid = 0;
	uint64_t state = 4711;
	struct buf octets, xml;

	buf_init(&octets, NULL, 65536);
	buf_init(&xml, NULL, 4 * MB);
	for (size_t i = 0; i < REPORTS; i++) {
		struct gen g;

		random_octets(&state, &octets);
		g.left = buf_str(&octets);
		gen_evaluation(&g, &ev);
		written += write_report(w, &ev, format, &xml);
		bad = aggregate_check(buf_str(&xml), old);
		if (bad)
			printf("# %s\n", bad);
		sound += !bad;
		same += reads_back(&ev, old, buf_str(&xml));
		valid += schema && is_valid(schema, buf_str(&xml));
	}
	is_int(written, REPORTS, name);
	is_int(sound, REPORTS, "sound");
	is_int(same, REPORTS, "read back the same");
	if (schema)
		is_int(valid, REPORTS, schema_name);
	else
		skip(schema_name, "AVER_CONFORMANCE has no such schema");
	xmlSchemaFree(schema);
	buf_fini(&octets);
	buf_fini(&xml);
}

/* The largest row there can be. */
static void
test_largest(struct aggregate_writer *w)
{
	static struct evaluation ev;
	static char text[255];
	struct buf xml;

	buf_init(&xml, NULL, 4 * MB);
	memset(text, '"', sizeof(text));
	ev.header_from = ev.envelope_from = ev.envelope_to = ev.policy_domain =
	    ev.spf_domain = (struct str){text, sizeof(text)};
	ev.has_spf = true;
	ev.n_dkim = EVAL_DKIM_MAX;
	for (size_t i = 0; i < ev.n_dkim; i++)
		ev.dkim[i] =
		    (struct eval_dkim){ev.spf_domain, ev.spf_domain, DKIM_FAIL};
	ev.n_reasons = EVAL_REASONS_MAX;
	for (size_t i = 0; i < ev.n_reasons; i++)
		ev.reasons[i].comment = ev.spf_domain;
	ok(write_report(w, &ev, AGGREGATE_RFC9990, &xml), "written");
	ok(!aggregate_check(buf_str(&xml), false), "%zu octets", xml.n);
	ok(reads_back(&ev, false, buf_str(&xml)), "read back");
	buf_fini(&xml);
}

/* The check itself sees what is wrong. */
static void
test_check(struct aggregate_writer *w)
{
	static const struct {
		const char *name, *from, *to;
	} faults[] = {
	    {"missing", "<count>1</count>", ""},
	    {"twice", "<count>1</count>", "<count>1</count><count>1</count>"},
	    {"unknown", "<testing>n</testing>", "<testin>n</testin>"},
	    {"word", "<spf>fail</spf>", "<spf>none</spf>"},
	    {"number", "<count>1<", "<count>x<"},
	    {"address", ">0.0.0.0<", ">0.0.0<"},
	    {"order", "<version>1.0</version><report_metadata>",
		"<report_metadata><version>1.0</version>"},
	    {"end tag", "</row>", "</rov>"},
	    {"bare &", "<email>", "<email>&"},
	    {"control", "<email>", "<email>\x01"},
	    {"bad UTF-8", "<email>", "<email>\xff"},
	    {"namespace", "dmarc-2.0", "dmarc-2.1"},
	};
	static struct evaluation ev;
	struct buf xml, broken;

	buf_init(&xml, NULL, MB);
	buf_init(&broken, NULL, MB);
	memset(&ev, 0, sizeof(ev));
	write_report(w, &ev, AGGREGATE_RFC9990, &xml);
	ok(!aggregate_check(buf_str(&xml), false), "sound");
	ok(aggregate_check(buf_str(&xml), true), "not in the other format");
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const char *at = strstr(buf_z(&xml), faults[i].from);

		if (!ok(at != NULL, "%s: there", faults[i].name))
			continue;
		buf_clear(&broken);
		buf_add(&broken, str_head(buf_str(&xml), (size_t)(at - xml.p)));
		buf_add_z(&broken, faults[i].to);
		buf_add_z(&broken, at + strlen(faults[i].from));
		ok(aggregate_check(buf_str(&broken), false), "%s",
		    faults[i].name);
	}
	buf_fini(&xml);
	buf_fini(&broken);
}

int
main(void)
{
	struct aggregate_writer *w = aggregate_writer_new();

	run(w, AGGREGATE_RFC9990,
	    "dmarc-2.0-draft-ietf-dmarc-aggregate-reporting.xsd");
	run(w, AGGREGATE_RFC7489, "rfc7489-szepeviktor.xsd");
	test_largest(w);
	test_check(w);
	aggregate_writer_free(w);
	return tap_done();
}
