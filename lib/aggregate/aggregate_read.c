/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * On libxml2's push parser, without a tree. Its own bounds (a name, a text, a
 * table of names: 10 MB and less) hold too; ours are tighter, and each of them
 * counts something that grows with the input while nothing is delivered.
 */
#include "lib/aggregate/aggregate_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>

#include "lib/aggregate/aggregate_element.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

#define DEPTH_MAX 64 /* of limits.depth */
#define PIECE ((size_t)16 * 1024) /* for the parser at a time */
/* Octets without any event: one tag, comment, instruction, CDATA section. */
#define SILENCE_MAX ((uint64_t)128 * 1024)
#define ATTRIBUTES_MAX 16 /* each kind, in one tag */
#define HEAD_MEMORY ((size_t)1024 * 1024)
#define RECORD_MEMORY ((size_t)8 * 1024 * 1024)
#define WHITE " \t\r\n"

static const struct aggregate_limits defaults = {
    .octets = (uint64_t)1 << 30,
    .records = 10 * 1000 * 1000,
    .depth = 32,
    .text = (size_t)16 * 1024,
    .elements = 20000,
    .unknown = 10 * 1000 * 1000,
};

/* An array that grows in the record's arena. */
struct list {
	void *items;
	size_t n, room;
};

struct open_element {
	enum aggregate_node node;
	const struct aggregate_element *element; /* NULL: unknown */
};

struct aggregate_reader {
	struct aggregate_limits limits;
	const struct aggregate_events *events;
	void *arg;
	xmlParserCtxt *xml; /* NULL until the first octets */
	xmlSAXHandler sax;

	struct arena head_memory, record_memory;
	struct aggregate_report report;
	struct aggregate_record record;
	struct list reasons, dkim, spf;
	struct aggregate_auth *auth; /* the newest, of either list */
	struct buf text; /* of the open leaf */
	size_t run; /* octets of text since the last tag */
	struct open_element stack[DEPTH_MAX];
	size_t depth;

	uint64_t octets, records, messages, unknown;
	uint64_t heard; /* octets when the last event came */
	size_t elements; /* since the record, or the document, began */
	bool has_metadata, has_policy, told_head;
	bool done; /* the root element is closed */
	bool mislabelled; /* it is not in the encoding that it says */
	int err; /* what the first failure was */
	struct diag diag;
};

/* --- failure */

static size_t
line(const struct aggregate_reader *r)
{
	int n = r->xml ? xmlSAX2GetLineNumber(r->xml) : 0;

	return n > 0 ? (size_t)n : 0;
}

/* The first failure counts; the parser calls nothing any more. */
static void
stop(struct aggregate_reader *r, int err)
{
	if (r->err == 0)
		r->err = err;
	if (r->xml)
		xmlStopParser(r->xml);
}

static void
fail(struct aggregate_reader *r, int err, const char *why)
{
	if (r->err == 0)
		diag_set(&r->diag, err, line(r), "line %zu: %s", line(r), why);
	stop(r, err);
}

static void
exceed(struct aggregate_reader *r, uint64_t limit, const char *what)
{
	if (r->err == 0)
		diag_set(&r->diag, AVER_LIMIT, line(r),
		    "line %zu: more than %" PRIu64 " %s", line(r), limit, what);
	stop(r, AVER_LIMIT);
}

/*
 * libxml2's own complaints; a warning is none. Some write UTF-8 and say that it
 * is UTF-16: from this libxml2 recovers, from anything else it must not.
 */
static void
on_error(void *arg, xmlErrorPtr e)
{
	struct aggregate_reader *r = arg;
	struct str text = str_trim(str_from_z(e->message), WHITE);

	if (e->level != XML_ERR_FATAL || r->err || r->done)
		return;
	if (e->code == XML_ERR_INVALID_ENCODING) {
		r->mislabelled = true;
		return;
	}
	r->xml->recovery = 0;
	r->err = AVER_SYNTAX;
	if (e->code == XML_ERR_NO_MEMORY)
		r->err = AVER_NOMEM;
	diag_set(
	    &r->diag, r->err, line(r), "line %zu: %.*s", line(r), STRF(text));
}

/* --- what is delivered */

static void
tell_head(struct aggregate_reader *r)
{
	int err = 0;

	if (r->told_head)
		return;
	r->told_head = true;
	if (r->events->head)
		err = r->events->head(r->arg, &r->report);
	if (err)
		stop(r, err);
}

static void
begin_record(struct aggregate_reader *r)
{
	if (r->has_metadata && r->has_policy)
		tell_head(r);
	arena_reset(&r->record_memory);
	memset(&r->record, 0, sizeof(r->record));
	r->reasons = r->dkim = r->spf = (struct list){0};
	r->elements = 0;
}

static void
end_record(struct aggregate_reader *r)
{
	struct aggregate_record *rec = &r->record;
	int err = 0;

	if (r->records == r->limits.records) {
		exceed(r, r->limits.records, "records");
		return;
	}
	rec->reasons = r->reasons.items;
	rec->n_reasons = r->reasons.n;
	rec->dkim_results = r->dkim.items;
	rec->n_dkim_results = r->dkim.n;
	rec->spf_results = r->spf.items;
	rec->n_spf_results = r->spf.n;
	r->records++;
	r->messages += rec->count;
	if (r->messages < rec->count)
		r->messages = UINT64_MAX;
	if (r->events->record)
		err = r->events->record(r->arg, rec);
	if (err)
		stop(r, err);
}

/* A zeroed item at the end of the list; NULL (and failed) without memory. */
static void *
append(struct aggregate_reader *r, struct list *list, size_t size)
{
	size_t room = list->room ? 2 * list->room : 4;
	char *items = list->items;

	if (list->n == list->room) {
		items = arena_grow(&r->record_memory, list->items,
		    list->room * size, room * size);
		if (!items) {
			exceed(r, RECORD_MEMORY, "octets in one record");
			return NULL;
		}
		list->items = items;
		list->room = room;
	}
	return memset(items + size * list->n++, 0, size);
}

/* --- values */

/* Digits up to a point, as some write seconds; 0 for anything else. */
static uint64_t
number(struct str s, uint64_t max)
{
	uint64_t v = 0;

	str_to_u64(str_head(s, str_chr(s, '.')), max, &v);
	return v;
}

static void
store_error(struct aggregate_reader *r, struct str text)
{
	struct aggregate_report *rep = &r->report;

	if (text.n && rep->n_errors < AGGREGATE_ERRORS_MAX)
		rep->errors[rep->n_errors++] = text;
}

static void
store_value(struct aggregate_reader *r, const struct aggregate_element *e,
    void *target, struct str text)
{
	struct str *field = (struct str *)((char *)target + e->offset);

	switch (e->kind) {
	case AGG_COUNT:
		r->record.count = number(text, UINT64_MAX);
		return;
	case AGG_ERROR:
		store_error(r, text);
		return;
	case AGG_BEGIN:
		r->report.begin = (int64_t)number(text, INT64_MAX);
		break;
	case AGG_END:
		r->report.end = (int64_t)number(text, INT64_MAX);
		break;
	case AGG_IP:
		if (!ip_parse(text, &r->record.ip))
			r->record.ip = (struct ip){0};
		break;
	case AGG_TEXT:
	case AGG_WORD:
		break;
	}
	*field = text;
}

static void *
target_of(struct aggregate_reader *r, const struct aggregate_element *e)
{
	switch (e->target) {
	case AGG_TO_REPORT:
		return &r->report;
	case AGG_TO_RECORD:
		return &r->record;
	case AGG_TO_REASON:
		return (struct aggregate_reason *)r->reasons.items +
		       r->reasons.n - 1;
	case AGG_TO_AUTH:
		return r->auth;
	case AGG_TO_NONE:
		break;
	}
	return NULL;
}

static void
end_leaf(struct aggregate_reader *r, const struct aggregate_element *e)
{
	struct arena *a =
	    e->target == AGG_TO_REPORT ? &r->head_memory : &r->record_memory;
	struct str text = str_trim(buf_str(&r->text), WHITE);

	if (!buf_ok(&r->text)) {
		fail(r, AVER_NOMEM, "out of memory");
		return;
	}
	text = e->kind == AGG_WORD ? arena_lower(a, text) : arena_dup(a, text);
	if (arena_failed(a))
		exceed(r, a->cap, "octets in one record, or in the head");
	else
		store_value(r, e, target_of(r, e), text);
}

/* A reason that says nothing is none. */
static void
end_reason(struct aggregate_reader *r)
{
	const struct aggregate_reason *last =
	    target_of(r, &(struct aggregate_element){.target = AGG_TO_REASON});

	if (last->type.n == 0 && last->comment.n == 0)
		r->reasons.n--;
}

/* --- elements */

static void
begin_node(struct aggregate_reader *r, enum aggregate_node node)
{
	if (node == AGG_RECORD)
		begin_record(r);
	else if (node == AGG_REASON)
		append(r, &r->reasons, sizeof(struct aggregate_reason));
	else if (node == AGG_DKIM)
		r->auth = append(r, &r->dkim, sizeof(struct aggregate_auth));
	else if (node == AGG_SPF)
		r->auth = append(r, &r->spf, sizeof(struct aggregate_auth));
	else if (node == AGG_LEAF)
		buf_clear(&r->text);
}

static void
end_node(struct aggregate_reader *r, const struct open_element *open)
{
	if (open->node == AGG_RECORD)
		end_record(r);
	else if (open->node == AGG_REASON)
		end_reason(r);
	else if (open->node == AGG_METADATA)
		r->has_metadata = true;
	else if (open->node == AGG_POLICY)
		r->has_policy = true;
	else if (open->node == AGG_LEAF)
		end_leaf(r, open->element);
	if (open->node == AGG_FEEDBACK) {
		tell_head(r);
		r->done = true;
	}
}

static void
begin_root(struct aggregate_reader *r, const xmlChar *uri)
{
	r->report.ns =
	    arena_dup(&r->head_memory, str_from_z((const char *)uri));
}

/*
 * RFC 9990 qualifies all elements, RFC 7489 appendix C the root alone, most
 * reports none: what counts is that an element is not in another namespace.
 */
static bool
is_foreign(const struct aggregate_reader *r, const xmlChar *uri)
{
	return uri && r->depth &&
	       !str_eq(str_from_z((const char *)uri), r->report.ns);
}

static bool
may_open(struct aggregate_reader *r, int n_namespaces, int n_attributes)
{
	if (r->depth == r->limits.depth)
		exceed(r, r->limits.depth, "elements within each other");
	else if (n_namespaces > ATTRIBUTES_MAX || n_attributes > ATTRIBUTES_MAX)
		exceed(r, ATTRIBUTES_MAX, "attributes");
	else if (r->elements++ == r->limits.elements)
		exceed(r, r->limits.elements, "elements in one record");
	return r->err == 0;
}

static void
on_start(void *arg, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *uri, int n_namespaces, const xmlChar **namespaces,
    int n_attributes, int n_defaulted, const xmlChar **attributes)
{
	struct aggregate_reader *r = arg;
	enum aggregate_node parent =
	    r->depth ? r->stack[r->depth - 1].node : AGG_OUTSIDE;
	const struct aggregate_element *e = NULL;

	(void)prefix, (void)namespaces, (void)n_defaulted, (void)attributes;
	r->heard = r->octets;
	r->run = 0;
	if (r->err || !may_open(r, n_namespaces, n_attributes))
		return;
	if (!is_foreign(r, uri))
		e = aggregate_element_find(parent, (const char *)name);
	if (!e && parent == AGG_OUTSIDE)
		fail(r, AVER_SYNTAX, "no aggregate report: another root");
	else if (!e && r->unknown++ == r->limits.unknown)
		exceed(r, r->limits.unknown, "unknown elements");
	if (r->err)
		return;
	if (parent == AGG_OUTSIDE)
		begin_root(r, uri);
	r->stack[r->depth++] =
	    (struct open_element){e ? e->node : AGG_UNKNOWN, e};
	if (e)
		begin_node(r, e->node);
}

static void
on_end(
    void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct aggregate_reader *r = arg;

	(void)name, (void)prefix, (void)uri;
	r->heard = r->octets;
	r->run = 0;
	if (r->err || r->depth == 0)
		return;
	r->depth--;
	end_node(r, &r->stack[r->depth]);
}

static void
on_text(void *arg, const xmlChar *p, int n)
{
	struct aggregate_reader *r = arg;

	r->heard = r->octets;
	if (r->err || r->depth == 0)
		return;
	r->run += (size_t)n;
	if (r->run > r->limits.text || r->text.n + (size_t)n > r->limits.text) {
		exceed(r, r->limits.text, "octets of text in one element");
		return;
	}
	if (r->stack[r->depth - 1].node == AGG_LEAF)
		buf_add(&r->text, (struct str){(const char *)p, (size_t)n});
}

/* RFC 9990 section 8.1 warns of bombs; a report needs no declarations. */
static void
on_doctype(void *arg, const xmlChar *name, const xmlChar *public_id,
    const xmlChar *system_id)
{
	struct aggregate_reader *r = arg;

	(void)name, (void)public_id, (void)system_id;
	fail(r, AVER_SYNTAX, "a document type declaration is not allowed");
}

/* --- the parser */

static bool
open_parser(struct aggregate_reader *r)
{
	r->sax = (xmlSAXHandler){
	    .initialized = XML_SAX2_MAGIC,
	    .internalSubset = on_doctype,
	    .startElementNs = on_start,
	    .endElementNs = on_end,
	    .characters = on_text,
	    .ignorableWhitespace = on_text,
	    .cdataBlock = on_text,
	    .serror = on_error,
	};
	r->xml = xmlCreatePushParserCtxt(&r->sax, r, NULL, 0, NULL);
	if (!r->xml)
		return false;
	xmlCtxtUseOptions(r->xml, XML_PARSE_NONET | XML_PARSE_RECOVER);
	return true;
}

struct aggregate_reader *
aggregate_reader_new(const struct aggregate_limits *limits,
    const struct aggregate_events *events, void *arg)
{
	struct aggregate_reader *r = calloc(1, sizeof(*r));
	struct aggregate_limits *l;

	if (!r)
		return NULL;
	l = &r->limits;
	*l = limits ? *limits : defaults;
	l->octets = l->octets ? l->octets : defaults.octets;
	l->records = l->records ? l->records : defaults.records;
	l->depth = l->depth ? l->depth : defaults.depth;
	l->depth = l->depth < DEPTH_MAX ? l->depth : DEPTH_MAX;
	l->text = l->text ? l->text : defaults.text;
	l->elements = l->elements ? l->elements : defaults.elements;
	l->unknown = l->unknown ? l->unknown : defaults.unknown;
	r->events = events;
	r->arg = arg;
	arena_init(&r->head_memory, HEAD_MEMORY);
	arena_init(&r->record_memory, RECORD_MEMORY);
	buf_init(&r->text, NULL, SIZE_MAX / 4);
	return r;
}

void
aggregate_reader_free(struct aggregate_reader *r)
{
	if (!r)
		return;
	if (r->xml)
		xmlFreeParserCtxt(r->xml);
	buf_fini(&r->text);
	arena_fini(&r->head_memory);
	arena_fini(&r->record_memory);
	free(r);
}

static int
result(const struct aggregate_reader *r, struct diag *d)
{
	if (r->err && d)
		*d = r->diag;
	return r->err;
}

static void
parse(struct aggregate_reader *r, struct str piece, bool last)
{
	r->octets += piece.n;
	xmlParseChunk(r->xml, piece.p, (int)piece.n, last);
	if (r->err || r->done)
		return;
	if (!r->xml->wellFormed && !r->mislabelled)
		fail(r, AVER_SYNTAX, "not well-formed");
	else if (r->octets - r->heard > SILENCE_MAX)
		exceed(r, SILENCE_MAX, "octets in one tag, comment or section");
	else if (r->octets > r->limits.octets)
		exceed(r, r->limits.octets, "octets");
}

int
aggregate_reader_add(
    struct aggregate_reader *r, struct str octets, struct diag *d)
{
	/* what some programs print before the document */
	while (!r->xml && octets.n && strchr(WHITE, octets.p[0]) && octets.p[0])
		octets = str_from(octets, 1);
	if (octets.n && !r->xml && r->err == 0 && !open_parser(r))
		fail(r, AVER_NOMEM, "out of memory");
	while (r->err == 0 && !r->done && octets.n) {
		parse(r, str_head(octets, PIECE), false);
		octets = str_from(octets, PIECE);
	}
	return result(r, d);
}

int
aggregate_reader_end(struct aggregate_reader *r, struct diag *d)
{
	if (r->err == 0 && r->xml && !r->done)
		parse(r, STR(""), true);
	if (r->err == 0 && !r->done)
		fail(r, AVER_SYNTAX, "the document is not complete");
	else if (r->err == 0 && r->report.domain.n == 0)
		fail(r, AVER_SYNTAX, "the report names no policy domain");
	return result(r, d);
}

uint64_t
aggregate_reader_records(const struct aggregate_reader *r)
{
	return r->records;
}

uint64_t
aggregate_reader_messages(const struct aggregate_reader *r)
{
	return r->messages;
}
