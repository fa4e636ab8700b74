/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/portable.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ctl/json_text.h"
#include "lib/base/err.h"
#include "lib/store/bounds.h"

enum type {
	TEXT, /* at most so many octets */
	NAME, /* the same, and at least one */
	ID, /* the same, none of them a control character */
	TIME, /* seconds, of either sign */
	COUNT, /* uint64_t, at most that */
	NUMBER, /* unsigned, at most that */
	CODE, /* int, at most that */
	FLAG,
	REPORT_KIND,
	STATE,
	SUPPRESS,
};

struct field {
	const char *name;
	enum type type;
	uint64_t max;
	size_t at; /* in struct portable or struct ledger_submission */
};

#define AT(member) offsetof(struct portable, u.member)
#define SUB(member) offsetof(struct ledger_submission, member)
#define FIELDS_MAX 12
/* What every store keeps exactly: the scores of Redis are doubles. */
#define TIME_MOST ((int64_t)1 << 53)

static const struct {
	const char *name;
	struct field fields[FIELDS_MAX]; /* up to one without a name */
} kinds[PORTABLE_KIND_COUNT] = {
    [PORTABLE_STORE] = {"store",
	{{"version", COUNT, UINT32_MAX, AT(store.version)},
	    {"created", TIME, 0, AT(store.created)}}},
    [PORTABLE_SOURCE] = {"source",
	{{"name", NAME, STORE_SOURCE_MAX, AT(source.name)},
	    {"seq", COUNT, (uint64_t)1 << 62, AT(source.seq)}}},
    [PORTABLE_SECRET] = {"secret",
	{{"name", NAME, 64, AT(secret.name)},
	    {"octets", TEXT, STORE_SECRET, AT(secret.octets)}}},
    [PORTABLE_KNOWN] = {"known",
	{{"domain", NAME, BOUNDS_DOMAIN, AT(known.domain)},
	    {"seen", TIME, 0, AT(known.seen)}}},
    [PORTABLE_SUPPRESSION] = {"suppression",
	{{"what", SUPPRESS, 0, AT(suppression.kind)},
	    {"value", NAME, SUPPRESS_VALUE_MAX, AT(suppression.value)},
	    {"since", TIME, 0, AT(suppression.since)},
	    {"until", TIME, 0, AT(suppression.until)},
	    {"strikes", NUMBER, INT32_MAX, AT(suppression.strikes)},
	    {"manual", FLAG, 0, AT(suppression.manual)},
	    {"comment", TEXT, SUPPRESS_COMMENT_MAX, AT(suppression.comment)}}},
    [PORTABLE_POLICY] = {"policy",
	{{"domain", NAME, BOUNDS_DOMAIN, AT(policy.domain)},
	    {"id", TEXT, STORE_STS_ID_MAX, AT(policy.id)},
	    {"policy", TEXT, STORE_STS_POLICY_MAX, AT(policy.policy)},
	    {"fetched", TIME, 0, AT(policy.fetched)},
	    {"expires", TIME, 0, AT(policy.expires)},
	    {"last_used", TIME, 0, AT(policy.last_used)},
	    {"refreshed", TIME, 0, AT(policy.refreshed)},
	    {"failed", TIME, 0, AT(policy.failed)},
	    {"failure", CODE, INT32_MAX, AT(policy.failure)},
	    {"failure_detail", TEXT, STORE_STS_DETAIL_MAX,
		AT(policy.failure_detail)},
	    {"next_try", TIME, 0, AT(policy.next_try)}}},
    [PORTABLE_DESTINATION] = {"destination",
	{{"domain", NAME, BOUNDS_DOMAIN, AT(destination.domain)},
	    {"mx", NAME, BOUNDS_DOMAIN, AT(destination.mx)},
	    {"starttls", TIME, 0, AT(destination.starttls)},
	    {"no_starttls", TIME, 0, AT(destination.no_starttls)},
	    {"requiretls", TIME, 0, AT(destination.requiretls)},
	    {"no_requiretls", TIME, 0, AT(destination.no_requiretls)},
	    {"seen", TIME, 0, AT(destination.seen)}}},
    [PORTABLE_EVALUATION] = {"evaluation",
	{{"policy_domain", NAME, BOUNDS_DOMAIN,
	     AT(evaluation.row.policy_domain)},
	    {"hour", TIME, 0, AT(evaluation.row.hour)},
	    {"count", COUNT, BOUNDS_COUNT, AT(evaluation.row.count)},
	    {"optional", FLAG, 0, AT(evaluation.row.optional)},
	    {"last", FLAG, 0, AT(evaluation.last)},
	    {"octets", TEXT, 65536, AT(evaluation.row.octets)}}},
    [PORTABLE_TLS_RESULT] = {"tls_result",
	{{"policy_domain", NAME, BOUNDS_DOMAIN,
	     AT(tls_result.row.policy_domain)},
	    {"recipient_domain", TEXT, BOUNDS_DOMAIN,
		AT(tls_result.row.recipient_domain)},
	    {"day", TIME, 0, AT(tls_result.row.day)},
	    {"success", COUNT, BOUNDS_COUNT, AT(tls_result.row.success)},
	    {"failure", COUNT, BOUNDS_COUNT, AT(tls_result.row.failure)},
	    {"wanted", FLAG, 0, AT(tls_result.row.wanted)},
	    {"last", FLAG, 0, AT(tls_result.last)},
	    {"policy", TEXT, STORE_TLS_POLICY_MAX, AT(tls_result.row.policy)},
	    {"detail", TEXT, STORE_TLS_DETAIL_MAX, AT(tls_result.row.detail)}}},
    [PORTABLE_INCIDENT] = {"incident",
	{{"policy_domain", NAME, BOUNDS_DOMAIN, AT(incident.policy_domain)},
	    {"time", TIME, 0, AT(incident.time)},
	    {"octets", TEXT, STORE_INCIDENT_MAX, AT(incident.octets)}}},
    [PORTABLE_BAD_DATAGRAMS] = {"bad_datagrams",
	{{"total", COUNT, BOUNDS_COUNT, AT(bad_datagrams.total)}}},
    [PORTABLE_BAD_DATAGRAM] = {"bad_datagram",
	{{"time", TIME, 0, AT(bad_datagram.time)},
	    {"why", TEXT, STORE_BAD_WHY, AT(bad_datagram.why)},
	    {"octets", TEXT, STORE_BAD_OCTETS, AT(bad_datagram.octets)}}},
    [PORTABLE_REPORT] = {"report",
	{{"id", ID, LEDGER_ID_MAX, AT(report.r.id)},
	    {"of", REPORT_KIND, 0, AT(report.r.kind)},
	    {"policy_domain", NAME, BOUNDS_DOMAIN, AT(report.r.policy_domain)},
	    {"begin", TIME, 0, AT(report.r.begin)},
	    {"end", TIME, 0, AT(report.r.end)},
	    {"created", TIME, 0, AT(report.r.created)},
	    {"file_name", TEXT, LEDGER_FILE_NAME_MAX, AT(report.r.file_name)},
	    {"rows", COUNT, BOUNDS_COUNT, AT(report.r.rows)},
	    {"messages", COUNT, BOUNDS_COUNT, AT(report.r.messages)},
	    {"record", TEXT, LEDGER_RECORD_MAX, AT(report.r.record)},
	    {"body_size", COUNT, LEDGER_BODY_MAX, AT(report.r.body_size)}}},
    [PORTABLE_BODY] = {"body",
	{{"octets", NAME, PORTABLE_BODY_PART, AT(body.octets)}}},
    [PORTABLE_END] = {"end", {{"lines", COUNT, INT64_MAX, AT(end.lines)},
				 {"sha256", TEXT, 64, AT(end.sha256)}}},
};

/* Members of the elements of a report's "submissions". */
static const struct field sub_fields[] = {
    {"number", NUMBER, LEDGER_SUBMISSIONS_MAX, SUB(number)},
    {"uri", TEXT, LEDGER_URI_MAX, SUB(uri)},
    {"destination", TEXT, BOUNDS_DOMAIN, SUB(destination)},
    {"state", STATE, 0, SUB(state)},
    {"attempts", NUMBER, INT32_MAX, SUB(attempts)},
    {"next_try", TIME, 0, SUB(next_try)},
    {"last_try", TIME, 0, SUB(last_try)},
    {"give_up", TIME, 0, SUB(give_up)},
    {"detail", TEXT, LEDGER_DETAIL_MAX, SUB(detail)},
};

#define SUB_FIELDS (sizeof(sub_fields) / sizeof(sub_fields[0]))

const char *
portable_kind_name(enum portable_kind k)
{
	return (unsigned)k < PORTABLE_KIND_COUNT ? kinds[k].name : "unknown";
}

static size_t
count_fields(const struct field *f)
{
	size_t n = 0;

	while (n < FIELDS_MAX && f[n].name)
		n++;
	return n;
}

/* --- out */

static json_t *
member_out(const struct field *f, const void *base)
{
	const void *at = (const char *)base + f->at;

	switch (f->type) {
	case TEXT:
	case NAME:
	case ID:
		return json_text_out(*(const struct str *)at);
	case TIME:
		return json_integer(*(const int64_t *)at);
	case COUNT:
		return json_integer(
		    (json_int_t)(*(const uint64_t *)at & INT64_MAX));
	case NUMBER:
		return json_integer(*(const unsigned *)at);
	case CODE:
		return json_integer(*(const int *)at);
	case FLAG:
		return json_boolean(*(const bool *)at);
	case REPORT_KIND:
		return json_string(
		    ledger_kind_name(*(const enum ledger_kind *)at));
	case STATE:
		return json_string(
		    ledger_state_name(*(const enum ledger_state *)at));
	case SUPPRESS:
		break;
	}
	return json_string(suppress_kind_name(*(const enum suppress_kind *)at));
}

static bool
object_out(json_t *o, const struct field *f, size_t n, const void *base)
{
	bool good = o != NULL;

	for (size_t i = 0; i < n && good; i++)
		good = json_object_set_new(
			   o, f[i].name, member_out(&f[i], base)) == 0;
	return good;
}

static bool
subs_out(json_t *o, const struct portable *p)
{
	json_t *list = json_array();
	bool good = json_object_set_new(o, "submissions", list) == 0;

	for (size_t i = 0; i < p->u.report.n_subs && good; i++) {
		json_t *sub = json_object();

		good = object_out(
		    sub, sub_fields, SUB_FIELDS, &p->u.report.subs[i]);
		if (json_array_append_new(list, sub) != 0)
			good = false;
	}
	return good;
}

int
portable_put(struct buf *b, const struct portable *p)
{
	const struct field *f = kinds[p->kind].fields;
	json_t *o = json_pack("{s:s}", "kind", kinds[p->kind].name);
	size_t before = b->n;
	char *text = NULL;
	struct str rest;

	if (object_out(o, f, count_fields(f), p) &&
	    (p->kind != PORTABLE_REPORT || subs_out(o, p)))
		text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(o);
	if (!text)
		return AVER_NOMEM;
	/* jansson leaves DEL as it is; a line ends in something else */
	rest = str_from_z(text);
	while (rest.n) {
		buf_add(b, str_cut(rest, 0x7f, &rest));
		if (rest.n)
			buf_add_z(b, "\\u007f");
	}
	buf_add_c(b, '\n');
	free(text);
	if (!buf_ok(b))
		return b->err;
	return b->n - before > PORTABLE_LINE_MAX ? AVER_LIMIT : 0;
}

/* --- in */

static int
wrong(struct diag *d, const char *name, const char *what)
{
	return diag_set(d, AVER_SYNTAX, 0, "\"%s\" %s", name, what);
}

static int
text_in(const struct field *f, const json_t *j, struct arena *arena,
    struct str *out, struct diag *d)
{
	struct str s;
	int err = json_text_in(j, arena, &s);

	if (err == AVER_NOTFOUND)
		return wrong(d, f->name, "is no text");
	if (err == AVER_SYNTAX)
		return wrong(d, f->name, "is no base64");
	if (err)
		return diag_set(d, err, 0, "out of memory");
	if (s.n > f->max || (f->type != TEXT && s.n == 0))
		return wrong(d, f->name, "is too long, or empty");
	if (f->type == ID && !bounds_id(s))
		return wrong(d, f->name, "has a control character");
	*out = s;
	return 0;
}

static int
word_in(const struct field *f, const json_t *j, void *at, struct diag *d)
{
	struct str s = {json_string_value(j), json_string_length(j)};
	bool good = false;

	if (json_is_string(j) && f->type == REPORT_KIND)
		good = ledger_kind_from_name(s, at);
	else if (json_is_string(j) && f->type == STATE)
		good = ledger_state_from_name(s, at);
	else if (json_is_string(j))
		good = suppress_kind_from_name(s, at);
	return good ? 0 : wrong(d, f->name, "is no word that belongs there");
}

static int
number_in(const struct field *f, const json_t *j, void *at, struct diag *d)
{
	json_int_t v = json_integer_value(j);

	if (!json_is_integer(j))
		return wrong(d, f->name, "is no whole number");
	if (f->type == TIME) {
		if (v > TIME_MOST || v < -TIME_MOST)
			return wrong(d, f->name, "is out of range");
		*(int64_t *)at = v;
		return 0;
	}
	if (v < 0 || (uint64_t)v > f->max)
		return wrong(d, f->name, "is out of range");
	if (f->type == COUNT)
		*(uint64_t *)at = (uint64_t)v;
	else if (f->type == NUMBER)
		*(unsigned *)at = (unsigned)v;
	else
		*(int *)at = (int)v;
	return 0;
}

static int
member_in(const struct field *f, const json_t *j, void *base,
    struct arena *arena, struct diag *d)
{
	void *at = (char *)base + f->at;

	if (!j)
		return wrong(d, f->name, "is missing");
	switch (f->type) {
	case TEXT:
	case NAME:
	case ID:
		return text_in(f, j, arena, at, d);
	case TIME:
	case COUNT:
	case NUMBER:
	case CODE:
		return number_in(f, j, at, d);
	case FLAG:
		if (!json_is_boolean(j))
			return wrong(d, f->name, "is neither true nor false");
		*(bool *)at = json_is_true(j);
		return 0;
	case REPORT_KIND:
	case STATE:
	case SUPPRESS:
		break;
	}
	return word_in(f, j, at, d);
}

/* more: how many members beside the fields. */
static int
object_in(const json_t *o, const struct field *f, size_t n, size_t more,
    void *base, struct arena *arena, struct diag *d)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = member_in(
		    &f[i], json_object_get(o, f[i].name), base, arena, d);
	if (!err && json_object_size(o) != n + more)
		err = diag_set(d, AVER_SYNTAX, 0,
		    "there are members that do not belong there");
	return err;
}

static int
subs_in(const json_t *list, struct portable *out, struct arena *arena,
    struct diag *d)
{
	size_t n = json_array_size(list);
	struct ledger_submission *subs;
	int err = 0;

	if (!json_is_array(list) || n > LEDGER_SUBMISSIONS_MAX)
		return wrong(d, "submissions", "is no list of that many");
	subs = ARENA_ARRAY(arena, struct ledger_submission, n);
	if (!subs)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	for (size_t i = 0; i < n && !err; i++) {
		err = object_in(json_array_get(list, i), sub_fields, SUB_FIELDS,
		    0, &subs[i], arena, d);
		if (!err && subs[i].number == 0)
			err = wrong(d, "number", "is out of range");
		for (size_t k = 0; k < i && !err; k++)
			if (subs[k].number == subs[i].number)
				err = wrong(d, "number", "is there twice");
	}
	out->u.report.subs = subs;
	out->u.report.n_subs = n;
	return err;
}

static bool
find_kind(const json_t *o, enum portable_kind *out)
{
	const char *name = json_string_value(json_object_get(o, "kind"));
	unsigned k = 0;

	while (
	    name && k < PORTABLE_KIND_COUNT && strcmp(kinds[k].name, name) != 0)
		k++;
	*out = (enum portable_kind)k;
	return name && k < PORTABLE_KIND_COUNT;
}

static int
line_in(
    const json_t *o, struct portable *p, struct arena *arena, struct diag *d)
{
	const struct field *f;
	int err;

	if (!json_is_object(o))
		return diag_set(d, AVER_SYNTAX, 0, "the line is no object");
	if (!find_kind(o, &p->kind))
		return wrong(d, "kind", "is none that this program knows");
	f = kinds[p->kind].fields;
	err = object_in(o, f, count_fields(f),
	    p->kind == PORTABLE_REPORT ? 2 : 1, p, arena, d);
	if (!err && p->kind == PORTABLE_REPORT)
		err = subs_in(json_object_get(o, "submissions"), p, arena, d);
	if (!err && p->kind == PORTABLE_SECRET &&
	    p->u.secret.octets.n != STORE_SECRET)
		err = wrong(d, "octets", "are not 32");
	return err;
}

int
portable_get(
    struct str line, struct arena *arena, struct portable *out, struct diag *d)
{
	struct portable p = {.kind = PORTABLE_KIND_COUNT};
	json_error_t why;
	json_t *o;
	int err;

	if (line.n > PORTABLE_LINE_MAX)
		return diag_set(d, AVER_SYNTAX, 0, "the line is too long");
	o = json_loadb(line.n ? line.p : "", line.n,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	if (!o)
		return diag_set(d, AVER_SYNTAX, 0,
		    "this is no JSON from octet %d on", why.position);
	err = line_in(o, &p, arena, d);
	json_decref(o);
	if (!err)
		*out = p;
	return err;
}
