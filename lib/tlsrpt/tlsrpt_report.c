/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tlsrpt/tlsrpt_report.h"

#include <stdbool.h>

#include <jansson.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/mail/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define COUNT_MAX INT64_MAX

/* --- before the JSON parser sees it */

/*
 * jansson nests as deep as the text does, and makes of three octets a value of
 * fifty: so both are bounded here, on the octets.
 */
static int
check_shape(struct str json, struct diag *d)
{
	size_t depth = 0, values = 0;
	bool quoted = false;

	if (json.n > TLSRPT_REPORT_MAX)
		return diag_set(d, AVER_LIMIT, 0,
		    "more than %zu octets of JSON", TLSRPT_REPORT_MAX);
	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];

		if (quoted && c == '\\') {
			i++;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && (c == '[' || c == '{')) {
			depth++;
			values++;
		} else if (!quoted && (c == ']' || c == '}')) {
			depth -= depth > 0;
		} else if (!quoted && c == ',') {
			values++;
		}
		if (depth > TLSRPT_DEPTH_MAX)
			return diag_set(d, AVER_LIMIT, i,
			    "more than %d levels of JSON", TLSRPT_DEPTH_MAX);
		if (values > TLSRPT_VALUES_MAX)
			return diag_set(d, AVER_LIMIT, i,
			    "more than %d values of JSON", TLSRPT_VALUES_MAX);
	}
	return 0;
}

/* RFC 8460 section 4.4 wants UTF-8; what is none must not hide the rest. */
static void
repair(struct buf *b, struct str s)
{
	while (s.n) {
		size_t n = utf8_len(s);

		if (n)
			buf_add(b, str_head(s, n));
		else
			buf_add_z(b, REPLACEMENT);
		s = str_from(s, n ? n : 1);
	}
}

static int
load(struct str json, json_t **out, struct diag *d)
{
	json_error_t e;
	struct buf b;
	int err = check_shape(json, d);

	if (err)
		return err;
	buf_init(&b, NULL, 3 * TLSRPT_REPORT_MAX);
	if (!utf8_ok(json)) {
		repair(&b, json);
		json = buf_str(&b);
		err = b.err;
	}
	if (str_starts(json, STR("\xef\xbb\xbf")))
		json = str_from(json, 3);
	*out =
	    err ? NULL
		: json_loadb(json.n ? json.p : "", json.n, JSON_ALLOW_NUL, &e);
	buf_fini(&b);
	if (err)
		return diag_set(d, err, 0, "out of memory");
	if (!*out)
		return diag_set(d, AVER_SYNTAX, (size_t)e.position,
		    "line %d: %s", e.line, e.text);
	return 0;
}

/* --- values; a missing or odd one is empty */

static struct str
text_of(struct arena *a, const json_t *j)
{
	if (!json_is_string(j))
		return STR_NONE;
	return arena_dup(
	    a, (struct str){json_string_value(j), json_string_length(j)});
}

static struct str
text(struct arena *a, const json_t *o, const char *key)
{
	return text_of(a, json_object_get(o, key));
}

/* RFC 8460 erratum 6241: a string where a list of one is meant. */
static const struct str *
texts(struct arena *a, const json_t *o, const char *key, size_t *n)
{
	const json_t *j = json_object_get(o, key);
	size_t size = json_is_string(j) ? 1 : json_array_size(j);
	struct str *out = ARENA_ARRAY(a, struct str, size);

	*n = 0;
	if (!out)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		const json_t *item =
		    json_is_string(j) ? j : json_array_get(j, i);

		if (json_is_string(item))
			out[(*n)++] = text_of(a, item);
	}
	return out;
}

static uint64_t
count(const json_t *o, const char *key)
{
	const json_t *j = json_object_get(o, key);
	uint64_t v = 0;

	if (json_is_integer(j) && json_integer_value(j) > 0)
		v = (uint64_t)json_integer_value(j);
	else if (json_is_real(j) && json_real_value(j) > 0 &&
		 json_real_value(j) < 1e18)
		v = (uint64_t)json_real_value(j);
	else if (json_is_string(j))
		str_to_u64(
		    (struct str){json_string_value(j), json_string_length(j)},
		    COUNT_MAX, &v);
	return v;
}

/* --- the parts (RFC 8460 section 4.4) */

static void
read_failure(struct arena *a, const json_t *j, struct tlsrpt_failure *out)
{
	out->result_type = text(a, j, "result-type");
	out->sending_mta_ip = text(a, j, "sending-mta-ip");
	out->receiving_mx_hostname = text(a, j, "receiving-mx-hostname");
	out->receiving_mx_helo = text(a, j, "receiving-mx-helo");
	out->receiving_ip = text(a, j, "receiving-ip");
	out->failed_sessions = count(j, "failed-session-count");
	out->additional_information = text(a, j, "additional-information");
	out->reason_code = text(a, j, "failure-reason-code");
}

static void
read_failures(struct arena *a, const json_t *list, struct tlsrpt_policy *out)
{
	size_t n = json_array_size(list);
	struct tlsrpt_failure *v = ARENA_ARRAY(a, struct tlsrpt_failure, n);

	out->failures = v;
	for (size_t i = 0; v && i < n; i++)
		if (json_is_object(json_array_get(list, i)))
			read_failure(
			    a, json_array_get(list, i), &v[out->n_failures++]);
}

static void
read_policy(struct arena *a, const json_t *j, struct tlsrpt_policy *out)
{
	const json_t *policy = json_object_get(j, "policy");
	const json_t *summary = json_object_get(j, "summary");

	out->type = text(a, policy, "policy-type");
	out->domain = text(a, policy, "policy-domain");
	out->strings = texts(a, policy, "policy-string", &out->n_strings);
	out->mx_hosts = texts(a, policy, "mx-host", &out->n_mx_hosts);
	out->successful = count(summary, "total-successful-session-count");
	out->failed = count(summary, "total-failure-session-count");
	read_failures(a, json_object_get(j, "failure-details"), out);
}

static void
read_report(struct arena *a, const json_t *j, struct tlsrpt_report *out)
{
	const json_t *range = json_object_get(j, "date-range");
	const json_t *list = json_object_get(j, "policies");
	size_t n = json_array_size(list);
	struct tlsrpt_policy *v = ARENA_ARRAY(a, struct tlsrpt_policy, n);

	out->organization_name = text(a, j, "organization-name");
	out->contact_info = text(a, j, "contact-info");
	out->report_id = text(a, j, "report-id");
	out->start = text(a, range, "start-datetime");
	out->end = text(a, range, "end-datetime");
	out->policies = v;
	for (size_t i = 0; v && i < n; i++)
		if (json_is_object(json_array_get(list, i)))
			read_policy(
			    a, json_array_get(list, i), &v[out->n_policies++]);
}

int
tlsrpt_report_parse(
    struct arena *a, struct str json, struct tlsrpt_report *out, struct diag *d)
{
	struct tlsrpt_report report = {.n_policies = 0};
	json_t *j = NULL;
	int err = load(json, &j, d);

	if (err)
		return err;
	if (!json_is_array(json_object_get(j, "policies"))) {
		json_decref(j);
		return diag_set(d, AVER_SYNTAX, 0,
		    "no TLS report: there is no list \"policies\"");
	}
	read_report(a, j, &report);
	json_decref(j);
	if (arena_failed(a))
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	*out = report;
	return 0;
}
