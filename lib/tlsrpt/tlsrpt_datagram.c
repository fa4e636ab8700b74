/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tlsrpt/tlsrpt_datagram.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/tlsrpt/json_pull.h"
#include "lib/tlsrpt/tlsrpt_codec.h"
#include "lib/tlsrpt/tlsrpt_result.h"

#define NAME_OCTETS_MAX ((size_t)253)
#define UNFINISHED 901 /* libtlsrpt: a policy that was begun and not ended */

/* A list that grows to a bound. */
struct list {
	void *v;
	size_t n, cap, most, size;
};

struct parser {
	struct arena *a;
	struct json_pull j;
	struct tlsrpt_datagram *out;
	struct list policies;
	bool has_policies;
};

/* The policy being read. */
struct draft {
	struct tlsrpt_policy p;
	uint64_t type, result;
	bool has_type, has_result, is_unfinished;
	struct list strings, hosts, failures;
};

/* A zeroed item at the end; NULL when the bound is reached or memory is out. */
static void *
append(struct arena *a, struct list *l)
{
	char *item;

	if (l->n == l->most)
		return NULL;
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 4;
		void *v = arena_grow(a, l->v, l->cap * l->size, cap * l->size);

		if (!v)
			return NULL;
		l->v = v;
		l->cap = cap;
	}
	item = (char *)l->v + l->n++ * l->size;
	memset(item, 0, l->size);
	return item;
}

/* True with the next key of the object that is open; false at its end. */
static bool
next_key(struct parser *p, struct str *key)
{
	if (json_pull_next(&p->j) != JSON_KEY)
		return false;
	*key = p->j.text;
	return true;
}

/* A text; what is of another kind is passed over and leaves *out as it is. */
static bool
take_text(struct parser *p, struct str *out)
{
	enum json_token t = json_pull_next(&p->j);

	if (t == JSON_TEXT)
		*out = p->j.text;
	return json_pull_skip(&p->j, t);
}

/* A number, or a text that is one. */
static bool
take_number(struct parser *p, uint64_t *out, bool *has)
{
	enum json_token t = json_pull_next(&p->j);

	if ((t == JSON_NUM || t == JSON_TEXT) &&
	    str_to_u64(p->j.text, UINT64_MAX, out))
		*has = true;
	return json_pull_skip(&p->j, t);
}

/* An array of texts, or one text. */
static bool
take_texts(struct parser *p, struct list *l, bool are_names)
{
	enum json_token t = json_pull_next(&p->j);
	bool is_list = t == JSON_OPEN_ARRAY;

	if (is_list)
		t = json_pull_next(&p->j);
	for (; t != JSON_CLOSE_ARRAY; t = json_pull_next(&p->j)) {
		struct str *s = t == JSON_TEXT ? append(p->a, l) : NULL;

		if (s)
			*s = are_names ? tlsrpt_name(p->a, p->j.text)
				       : tlsrpt_text(p->a, p->j.text);
		else if (t == JSON_TEXT)
			p->out->n_cut++;
		if (!json_pull_skip(&p->j, t))
			return false;
		if (!is_list)
			break;
	}
	return true;
}

/* The names of one letter that a failure has. */
static bool
take_failure_member(struct parser *p, struct str key, struct tlsrpt_failure *f,
    struct tlsrpt_offer *offer, uint64_t *code, bool *has_code)
{
	struct str text = STR_NONE;
	char letter = key.n == 1 ? key.p[0] : 0;

	if (letter == 'c')
		return take_number(p, code, has_code);
	if (!take_text(p, &text))
		return false;
	switch (letter) {
	case 's':
		f->sending_mta_ip = tlsrpt_ip(p->a, text);
		break;
	case 'n':
		f->receiving_mx_hostname = tlsrpt_name(p->a, text);
		break;
	case 'h':
		f->receiving_mx_helo = tlsrpt_helo(p->a, text);
		/* a single line is a host's name and no reply to EHLO */
		offer->mx = str_head(text, str_chr(text, '\n') < text.n);
		offer->starttls = tlsrpt_offers(text, STR("STARTTLS"));
		offer->requiretls = tlsrpt_offers(text, STR("REQUIRETLS"));
		break;
	case 'r':
		f->receiving_ip = tlsrpt_ip(p->a, text);
		break;
	case 'a':
		f->additional_information = tlsrpt_text(p->a, text);
		break;
	case 'f':
		f->reason_code = tlsrpt_text(p->a, text);
		break;
	}
	return true;
}

static void
set_result(
    struct parser *p, struct draft *d, struct tlsrpt_failure *f, uint64_t code)
{
	enum tlsrpt_result result = TLSRPT_VALIDATION_FAILURE;
	struct buf b;

	d->is_unfinished = d->is_unfinished || code == UNFINISHED;
	if (!tlsrpt_result_of_code(code, &result) && f->reason_code.n == 0) {
		buf_init(&b, p->a, 40);
		buf_add_z(&b, "code-");
		buf_add_u64(&b, code);
		f->reason_code = buf_str(&b);
	}
	f->result_type = str_from_z(tlsrpt_result_name(result));
	f->failed_sessions = 1;
}

static void
keep_offer(
    struct parser *p, const struct tlsrpt_failure *f, struct tlsrpt_offer offer)
{
	struct tlsrpt_datagram *out = p->out;

	if (offer.mx.n == 0 || f->receiving_mx_hostname.n == 0 ||
	    out->n_offers == TLSRPT_DATAGRAM_OFFERS_MAX)
		return;
	offer.mx = f->receiving_mx_hostname;
	offer.lacks_starttls =
	    !offer.starttls &&
	    str_eq(f->result_type,
		str_from_z(tlsrpt_result_name(TLSRPT_STARTTLS_NOT_SUPPORTED)));
	out->offers[out->n_offers++] = offer;
}

static bool
take_failure(struct parser *p, struct draft *d)
{
	struct tlsrpt_failure f = {.failed_sessions = 0}, *kept;
	struct tlsrpt_offer offer = {.starttls = false};
	bool has_code = false;
	uint64_t code = 0;
	struct str key;

	while (next_key(p, &key))
		if (!take_failure_member(p, key, &f, &offer, &code, &has_code))
			return false;
	if (p->j.err)
		return false;
	set_result(p, d, &f, code);
	keep_offer(p, &f, offer);
	kept = append(p->a, &d->failures);
	if (kept)
		*kept = f;
	else
		p->out->n_cut++;
	return true;
}

static bool
take_failures(struct parser *p, struct draft *d)
{
	enum json_token t = json_pull_next(&p->j);

	if (t != JSON_OPEN_ARRAY)
		return json_pull_skip(&p->j, t);
	while ((t = json_pull_next(&p->j)) != JSON_CLOSE_ARRAY) {
		if (t == JSON_OPEN_OBJECT ? !take_failure(p, d)
					  : !json_pull_skip(&p->j, t))
			return false;
	}
	return true;
}

static bool
take_policy_member(struct parser *p, struct str key, struct draft *d)
{
	struct str text = STR_NONE;

	if (str_eq(key, STR("policy-type")))
		return take_number(p, &d->type, &d->has_type);
	if (str_eq(key, STR("f")))
		return take_number(p, &d->result, &d->has_result);
	if (str_eq(key, STR("policy-string")))
		return take_texts(p, &d->strings, false);
	if (str_eq(key, STR("mx-host")))
		return take_texts(p, &d->hosts, true);
	if (str_eq(key, STR("failure-details")))
		return take_failures(p, d);
	if (!take_text(p, &text))
		return false;
	if (str_eq(key, STR("policy-domain")))
		d->p.domain = tlsrpt_name(p->a, text);
	return true;
}

/* Files the draft, or counts it as one that says nothing. */
static void
keep_policy(struct parser *p, struct draft *d)
{
	struct tlsrpt_datagram *out = p->out;
	enum tlsrpt_policy_type type;
	bool failed = d->has_result ? d->result != 0 : d->failures.n > 0;
	struct tlsrpt_policy *kept;

	if (d->is_unfinished || !d->has_type ||
	    !tlsrpt_policy_of_code(d->type, &type)) {
		out->n_skipped++;
		return;
	}
	kept = append(p->a, &p->policies);
	if (!kept) {
		out->n_cut++;
		return;
	}
	d->p.type = str_from_z(tlsrpt_policy_name(type));
	d->p.strings = d->strings.v;
	d->p.n_strings = d->strings.n;
	d->p.mx_hosts = d->hosts.v;
	d->p.n_mx_hosts = d->hosts.n;
	d->p.successful = !failed;
	d->p.failed = failed;
	if (failed) {
		d->p.failures = d->failures.v;
		d->p.n_failures = d->failures.n;
	}
	*kept = d->p;
}

static bool
take_policy(struct parser *p)
{
	struct draft d = {.has_type = false,
	    .strings = {.most = TLSRPT_STRINGS_MAX, .size = sizeof(struct str)},
	    .hosts = {.most = TLSRPT_STRINGS_MAX, .size = sizeof(struct str)},
	    .failures = {.most = TLSRPT_DATAGRAM_FAILURES_MAX,
		.size = sizeof(struct tlsrpt_failure)}};
	struct str key;

	while (next_key(p, &key))
		if (!take_policy_member(p, key, &d))
			return false;
	if (p->j.err)
		return false;
	keep_policy(p, &d);
	return true;
}

static bool
take_policies(struct parser *p)
{
	enum json_token t = json_pull_next(&p->j);

	if (t != JSON_OPEN_ARRAY)
		return json_pull_skip(&p->j, t);
	p->has_policies = true;
	while ((t = json_pull_next(&p->j)) != JSON_CLOSE_ARRAY) {
		if (t == JSON_OPEN_OBJECT ? !take_policy(p)
					  : !json_pull_skip(&p->j, t))
			return false;
	}
	return true;
}

static bool
take_member(struct parser *p, struct str key)
{
	struct str text = STR_NONE;

	if (str_eq(key, STR("policies")))
		return take_policies(p);
	if (str_eq(key, STR("d"))) {
		if (!take_text(p, &text))
			return false;
		p->out->domain = tlsrpt_name(p->a, text);
		return true;
	}
	if (str_eq(key, STR("pr")))
		return take_text(p, &p->out->record);
	if (str_eq(key, STR("dpv")))
		return take_text(p, &p->out->version);
	return json_pull_skip(&p->j, json_pull_next(&p->j));
}

static int
read_object(struct parser *p)
{
	struct str key;

	if (json_pull_next(&p->j) != JSON_OPEN_OBJECT)
		return diag_set(p->j.d, p->j.err ? p->j.err : AVER_SYNTAX, 0,
		    "it is no JSON object");
	while (next_key(p, &key))
		if (!take_member(p, key))
			return p->j.err;
	if (p->j.err || json_pull_next(&p->j) != JSON_END)
		return p->j.err;
	return 0;
}

static int
check(const struct parser *p)
{
	const struct tlsrpt_datagram *out = p->out;
	struct diag *d = p->j.d;

	if (out->domain.n == 0 || out->domain.n > NAME_OCTETS_MAX)
		return diag_set(d, AVER_SYNTAX, 0, "there is no domain in d");
	if (!p->has_policies)
		return diag_set(
		    d, AVER_SYNTAX, 0, "there is no array policies");
	if (out->n_policies == 0)
		return diag_set(d, AVER_SYNTAX, 0,
		    out->n_skipped ? "no policy is of a known kind"
				   : "there is no policy");
	return 0;
}

int
tlsrpt_datagram_parse(struct arena *a, struct str octets,
    struct tlsrpt_datagram *out, struct diag *d)
{
	struct tlsrpt_datagram got = {.n_policies = 0};
	struct parser p = {.a = a,
	    .out = &got,
	    .policies = {.most = TLSRPT_DATAGRAM_POLICIES_MAX,
		.size = sizeof(struct tlsrpt_policy)}};
	int err;

	if (octets.n > TLSRPT_DATAGRAM_MAX)
		return diag_set(d, AVER_LIMIT, 0, "more than %zu octets",
		    TLSRPT_DATAGRAM_MAX);
	json_pull_init(&p.j, a, octets, d);
	err = read_object(&p);
	if (arena_failed(a))
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	got.policies = p.policies.v;
	got.n_policies = p.policies.n;
	if (err || (err = check(&p)))
		return err;
	for (size_t i = 0; i < got.n_policies; i++)
		if (got.policies[i].domain.n == 0)
			got.policies[i].domain = got.domain;
	got.record = tlsrpt_text(a, got.record);
	*out = got;
	return 0;
}
