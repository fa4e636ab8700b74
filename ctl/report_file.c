/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/report_file.h"

#include <inttypes.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/mail/mime.h"
#include "lib/zip/gz.h"
#include "lib/zip/unzip.h"

#define MESSAGE_MEMORY (4 * REPORT_FILE_MAX)
#define JSON_MEMORY ((size_t)96 * 1024 * 1024)
#define NAME_LENGTH ((size_t)1024)
#define PIECE ((size_t)16 * 1024)
#define WHITE " \t\r\n"

struct job {
	const struct report_visitor *visitor;
	void *arg;
	uint64_t left; /* of REPORT_CONTENT_MAX */
	struct buf name; /* of what is being read */
	size_t reports;
	int stop; /* what a callback returned */
	int err; /* the first failure */
	struct diag diag; /* of it */
};

/* Uncompressed octets that may be a report. */
struct content {
	struct job *job;
	enum { CONTENT_UNKNOWN, CONTENT_XML, CONTENT_JSON, CONTENT_OTHER } is;
	struct aggregate_reader *xml;
	struct buf json;
	int err; /* the first failure of this content */
	struct diag diag;
};

static const char *const kind_names[REPORT_KIND_COUNT] = {
    [REPORT_AGGREGATE] = "aggregate",
    [REPORT_TLS] = "tls",
    [REPORT_FAILURE] = "failure",
};

const char *
report_kind_name(enum report_kind k)
{
	return name_of(kind_names, REPORT_KIND_COUNT, (int)k);
}

/* --- the visitor */

/* Keeps the first failure. Returns err. */
static int
note(struct job *j, int err, const struct diag *d)
{
	if (err && j->err == 0) {
		j->err = err;
		j->diag = *d;
	}
	return err;
}

static int
begin(struct job *j, enum report_kind kind)
{
	j->reports++;
	j->stop = j->visitor->begin(j->arg, kind, buf_str(&j->name));
	return j->stop;
}

static void
finish(struct job *j, int err, const struct diag *d,
    const struct aggregate_reader *xml)
{
	struct report_result r = {.err = err};

	if (err)
		r.why = str_from_z(d->text);
	if (xml) {
		r.records = aggregate_reader_records(xml);
		r.messages = aggregate_reader_messages(xml);
	}
	if (j->stop == 0)
		j->stop = j->visitor->end(j->arg, &r);
}

/* The events of the XML reader: an error of theirs is the visitor's. */
static int
on_head(void *arg, const struct aggregate_report *report)
{
	struct job *j = arg;

	j->stop = j->visitor->aggregate.head(j->arg, report);
	return j->stop;
}

static int
on_record(void *arg, const struct aggregate_record *record)
{
	struct job *j = arg;

	j->stop = j->visitor->aggregate.record(j->arg, record);
	return j->stop;
}

static const struct aggregate_events events = {on_head, on_record};

/* --- content: XML or JSON */

static char
first_letter(struct str s)
{
	if (str_starts(s, STR("\xef\xbb\xbf")))
		s = str_from(s, 3);
	s = str_trim(s, WHITE);
	return s.n ? s.p[0] : '\0';
}

/* UTF-16 begins with a mark, or with a "<" of two octets. */
static bool
is_xml(struct str s)
{
	return first_letter(s) == '<' || str_starts(s, STR("\xff\xfe")) ||
	       str_starts(s, STR("\xfe\xff")) || str_starts(s, STR("\0<"));
}

static int
recognise(struct content *c, struct str octets)
{
	struct job *j = c->job;

	if (is_xml(octets)) {
		c->is = CONTENT_XML;
		c->xml = aggregate_reader_new(NULL, &events, j);
		if (!c->xml)
			return AVER_NOMEM;
		return begin(j, REPORT_AGGREGATE);
	}
	if (first_letter(octets) == '{') {
		c->is = CONTENT_JSON;
		buf_init(&c->json, NULL, TLSRPT_REPORT_MAX);
		return begin(j, REPORT_TLS);
	}
	if (str_trim(octets, WHITE).n)
		c->is = CONTENT_OTHER;
	return 0;
}

static int
take(struct content *c, struct str octets)
{
	switch (c->is) {
	case CONTENT_XML:
		return aggregate_reader_add(c->xml, octets, &c->diag);
	case CONTENT_JSON:
		buf_add(&c->json, octets);
		if (buf_ok(&c->json))
			return 0;
		return diag_set(&c->diag, c->json.err, 0,
		    "more than %zu octets of JSON", TLSRPT_REPORT_MAX);
	case CONTENT_UNKNOWN:
	case CONTENT_OTHER:
		break;
	}
	return 0;
}

/* A sink for what is uncompressed. */
static int
on_octets(void *arg, struct str octets)
{
	struct content *c = arg;

	c->job->left -= octets.n;
	if (c->is == CONTENT_UNKNOWN)
		c->err = recognise(c, octets);
	if (c->err == 0)
		c->err = take(c, octets);
	return c->err;
}

static int
end_json(struct content *c)
{
	struct job *j = c->job;
	struct tlsrpt_report report;
	struct arena a;
	int err;

	arena_init(&a, JSON_MEMORY);
	err = tlsrpt_report_parse(&a, buf_str(&c->json), &report, &c->diag);
	if (!err)
		err = j->stop = j->visitor->tls(j->arg, &report);
	arena_fini(&a);
	return err;
}

/*
 * The content is complete, or err says why it could not be. Returns 0 when it
 * was a report, AVER_NOTFOUND when it was none, else what was wrong.
 */
static int
content_end(struct content *c, int err, const struct diag *d)
{
	struct job *j = c->job;

	if (c->err == 0 && err) {
		c->err = err;
		c->diag = *d;
	}
	if (c->err == 0 && c->is == CONTENT_XML)
		c->err = aggregate_reader_end(c->xml, &c->diag);
	else if (c->err == 0 && c->is == CONTENT_JSON)
		c->err = end_json(c);
	note(j, c->err, &c->diag);
	if (c->xml || c->is == CONTENT_JSON)
		finish(j, c->err, &c->diag, c->xml);
	else if (c->err == 0)
		c->err = AVER_NOTFOUND;
	aggregate_reader_free(c->xml);
	buf_fini(&c->json);
	return c->err;
}

static int
read_plain(struct job *j, struct str octets)
{
	struct content c = {.job = j};
	struct diag d = {.text = ""};
	int err = 0;

	if (octets.n > j->left)
		err = diag_set(&d, AVER_LIMIT, 0,
		    "more than %" PRIu64 " octets", REPORT_CONTENT_MAX);
	if (!err)
		on_octets(&c, octets);
	return content_end(&c, err, &d);
}

/* --- packed */

static int
read_gzip(struct job *j, struct str octets)
{
	struct content c = {.job = j};
	struct diag d = {.text = ""};
	int err = gz_inflate(octets, j->left, on_octets, &c, &d);

	return content_end(&c, err, &d);
}

/* Goes into the name, for as long as what is in it is read. */
static size_t
enter(struct job *j, struct str name)
{
	size_t mark = j->name.n;

	if (mark)
		buf_add_c(&j->name, '/');
	buf_add(&j->name, str_head(name, NAME_LENGTH / 4));
	return mark;
}

static void
leave(struct job *j, size_t mark)
{
	buf_cut(&j->name, mark);
}

static int
read_zip(struct job *j, struct str octets)
{
	struct unzip z;
	struct diag d = {.text = ""};
	int err = unzip_open(octets, &z, &d), found = AVER_NOTFOUND;

	if (err)
		return note(j, err, &d);
	for (size_t i = 0; i < z.n && j->stop == 0; i++) {
		const struct unzip_member *m = &z.members[i];
		struct content c = {.job = j};
		size_t mark = enter(j, m->name);

		if (m->folder)
			err = AVER_NOTFOUND;
		else
			err = content_end(
			    &c, unzip_read(m, j->left, on_octets, &c, &d), &d);
		leave(j, mark);
		if (err != AVER_NOTFOUND)
			found = err;
	}
	return found;
}

/* AVER_NOTFOUND when there is no report in it. */
static int
read_packed(struct job *j, struct str octets)
{
	if (gz_is(octets))
		return read_gzip(j, octets);
	if (unzip_is(octets))
		return read_zip(j, octets);
	return read_plain(j, octets);
}

/* --- messages */

/* A header field's name and a colon, or what mailboxes begin with. */
static bool
is_message(struct str s)
{
	size_t n = 0;

	if (str_starts(s, STR("From ")))
		return true;
	while (n < s.n && chars_is(s.p[n], CH_FTEXT))
		n++;
	return n > 0 && n < s.n && s.p[n] == ':';
}

/* Text that a person wrote about a report is none. */
static bool
may_hold_report(const struct mime_part *p, struct str octets)
{
	if (str_starts(p->type, STR("multipart/")) ||
	    str_starts(p->type, STR("message/")))
		return false;
	if (gz_is(octets) || unzip_is(octets))
		return true;
	if (str_eq(p->type, STR("text/html")))
		return false;
	if (str_eq(p->type, STR("text/plain")))
		return str_starts(octets, STR("<?xml")) ||
		       str_starts(octets, STR("<feedback"));
	return is_xml(octets) || first_letter(octets) == '{';
}

/* RFC 9991 section 3: its fields, as RFC 5965 section 3 has them. */
static void
read_failure(struct job *j, struct str fields)
{
	if (begin(j, REPORT_FAILURE) == 0)
		j->stop = j->visitor->failure(j->arg, fields);
	finish(j, 0, NULL, NULL);
}

static void
read_part(struct job *j, struct arena *a, const struct mime_part *p)
{
	bool feedback = str_eq(p->type, STR("message/feedback-report"));
	size_t mark = enter(j, p->filename);
	struct diag d;
	struct str octets;
	int err = mime_decode(a, p, &octets);

	if (err == AVER_NOMEM)
		note(j,
		    diag_set(&d, AVER_LIMIT, 0,
			"a message whose parts need more than %zu octets",
			MESSAGE_MEMORY),
		    &d);
	else if (!err && feedback)
		read_failure(j, octets);
	else if (!err && may_hold_report(p, octets))
		read_packed(j, octets);
	leave(j, mark);
}

static int
read_message(struct job *j, struct str text)
{
	struct mime_tree tree;
	struct arena a;
	struct diag d;
	size_t before = j->reports;
	int err;

	arena_init(&a, MESSAGE_MEMORY);
	err = mime_read(&a, text, &MIME_LIMITS_DEFAULT, &tree);
	if (err)
		note(j, diag_set(&d, err, 0, "%s", aver_err_name(err)), &d);
	for (size_t i = 0; !err && i < tree.n && j->stop == 0; i++)
		read_part(j, &a, &tree.v[i]);
	if (!err && tree.cut)
		note(j,
		    diag_set(&d, AVER_LIMIT, 0,
			"a message with too many parts or fields"),
		    &d);
	arena_fini(&a);
	return j->reports > before ? 0 : AVER_NOTFOUND;
}

/* --- files */

static int
read_octets(struct job *j, struct str octets)
{
	if (!gz_is(octets) && !unzip_is(octets) && !is_xml(octets) &&
	    first_letter(octets) != '{' && is_message(octets))
		return read_message(j, octets);
	return read_packed(j, octets);
}

/* Plain XML is read as it comes; b holds how it begins. */
static int
read_stream(struct job *j, struct buf *b, FILE *f)
{
	struct content c = {.job = j};
	struct diag d = {.text = ""};
	char piece[PIECE];
	size_t n;
	int err = on_octets(&c, buf_str(b));

	while (!err && (n = fread(piece, 1, sizeof(piece), f)) > 0) {
		if (n > j->left)
			err = diag_set(&d, AVER_LIMIT, 0,
			    "more than %" PRIu64 " octets", REPORT_CONTENT_MAX);
		else
			err = on_octets(&c, (struct str){piece, n});
	}
	return content_end(&c, err, &d);
}

/* Adds octets of f to b until it has at least n of them, or f ends. */
static int
load(FILE *f, struct buf *b, size_t n)
{
	char piece[PIECE];
	size_t got = 1;

	while (got && b->n < n && buf_ok(b)) {
		got = fread(piece, 1, sizeof(piece), f);
		buf_add(b, (struct str){piece, got});
	}
	return b->err;
}

static int
read_file(struct job *j, struct buf *b, FILE *f)
{
	struct diag d;
	int err = load(f, b, 1);

	if (!err && is_xml(buf_str(b)))
		return read_stream(j, b, f);
	if (!err)
		err = load(f, b, REPORT_FILE_MAX + 1);
	if (err)
		return note(j,
		    diag_set(
			&d, err, 0, "more than %zu octets", REPORT_FILE_MAX),
		    &d);
	return read_octets(j, buf_str(b));
}

int
report_file_read(
    FILE *f, const struct report_visitor *visitor, void *arg, struct diag *d)
{
	struct job j = {
	    .visitor = visitor, .arg = arg, .left = REPORT_CONTENT_MAX};
	struct buf b;
	int err;

	buf_init(&j.name, NULL, NAME_LENGTH);
	buf_init(&b, NULL, REPORT_FILE_MAX);
	err = read_file(&j, &b, f);
	if (ferror(f))
		err = diag_set(d, AVER_IO, 0, "the file cannot be read");
	else if (j.stop)
		err = j.stop;
	else if (j.err) {
		err = j.err;
		*d = j.diag;
	} else if (err == AVER_NOTFOUND) {
		diag_set(d, err, 0,
		    "no report: not XML or JSON, gzip or ZIP of these, nor a "
		    "message with such an attachment");
	} else if (err) {
		diag_set(d, err, 0, "%s", aver_err_name(err));
	}
	buf_fini(&b);
	buf_fini(&j.name);
	return err;
}
