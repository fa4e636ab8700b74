/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/eval_tlsa.h"

#include "ctl/eval_json.h"
#include "lib/base/b64.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/smtp/tls_verify.h"

#define ITEMS_MAX 256

static struct str
text_of(const json_t *j)
{
	return json_is_string(j)
		   ? (struct str){json_string_value(j), json_string_length(j)}
		   : STR_NONE;
}

static int
hex_decode(struct arena *a, struct str in, struct str *out)
{
	char *p = arena_alloc(a, in.n / 2 + 1);

	if (!p)
		return AVER_NOMEM;
	for (size_t i = 0; i + 1 < in.n; i += 2) {
		int high = chars_hex(in.p[i]), low = chars_hex(in.p[i + 1]);

		if (high < 0 || low < 0)
			return AVER_SYNTAX;
		p[i / 2] = (char)(high << 4 | low);
	}
	*out = (struct str){p, in.n / 2};
	return in.n % 2 ? AVER_SYNTAX : 0;
}

/* An octet of a record; another number is none that is known. */
static uint8_t
octet(const json_t *j)
{
	json_int_t v = json_is_integer(j) ? json_integer_value(j) : 255;

	return v >= 0 && v <= 255 ? (uint8_t)v : 255;
}

static int
read_record(struct arena *a, const json_t *j, struct tls_tlsa *out)
{
	if (json_array_size(j) != 4)
		return AVER_SYNTAX;
	out->usage = octet(json_array_get(j, 0));
	out->selector = octet(json_array_get(j, 1));
	out->matching = octet(json_array_get(j, 2));
	return hex_decode(a, text_of(json_array_get(j, 3)), &out->data);
}

struct request {
	struct str *chain, *names;
	struct tls_tlsa *records;
	size_t n_chain, n_names, n_records;
};

static size_t
count(const json_t *list)
{
	size_t n = json_array_size(list);

	return n < ITEMS_MAX ? n : ITEMS_MAX;
}

static int
read_request(struct arena *a, const json_t *rq, struct request *r)
{
	const json_t *chain = json_object_get(rq, "chain");
	const json_t *names = json_object_get(rq, "names");
	const json_t *records = json_object_get(rq, "records");
	int err = 0;

	r->n_chain = count(chain);
	r->n_names = count(names);
	r->n_records = count(records);
	r->chain = ARENA_ARRAY(a, struct str, r->n_chain);
	r->names = ARENA_ARRAY(a, struct str, r->n_names);
	r->records = ARENA_ARRAY(a, struct tls_tlsa, r->n_records);
	if (!r->chain || !r->names || !r->records)
		return AVER_NOMEM;
	for (size_t i = 0; i < r->n_chain && err == 0; i++)
		err = b64_decode(
		    a, text_of(json_array_get(chain, i)), &r->chain[i]);
	for (size_t i = 0; i < r->n_names; i++)
		r->names[i] = text_of(json_array_get(names, i));
	for (size_t i = 0; i < r->n_records && err == 0; i++)
		err =
		    read_record(a, json_array_get(records, i), &r->records[i]);
	return err;
}

json_t *
eval_tlsa(struct arena *a, const json_t *rq)
{
	const json_t *time = json_object_get(rq, "time");
	struct diag d = {.text = ""};
	enum tls_dane result = TLS_DANE_NOMATCH;
	json_t *o = json_object();
	struct request r;
	int err = read_request(a, rq, &r);

	if (err == 0)
		err = tls_verify_dane(r.chain, r.n_chain, r.records,
		    r.n_records, r.names, r.n_names, json_integer_value(time),
		    &result, &d);
	if (err == 0)
		json_object_set_new(
		    o, "result", json_string(tls_dane_name(result)));
	if (err || d.text[0])
		json_object_set_new(o, "reason",
		    eval_json_str(
			str_from_z(d.text[0] ? d.text : aver_err_name(err))));
	return o;
}
