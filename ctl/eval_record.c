/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/eval_record.h"

#include "ctl/eval_json.h"
#include "ctl/eval_report.h"
#include "ctl/eval_tlsa.h"
#include "lib/base/b64.h"
#include "lib/base/err.h"
#include "lib/dkim/dkim_key.h"
#include "lib/dkim/dkim_sig.h"
#include "lib/dmarc/dmarc.h"
#include "lib/mail/authres.h"
#include "lib/spf/spf_record.h"
#include "lib/tlsrpt/tlsrpt_record.h"
#include "tlspolicy/sts_match.h"
#include "tlspolicy/sts_policy.h"
#include "tlspolicy/sts_record.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)

struct record {
	struct arena arena;
	const json_t *rq;
	struct str text;
	struct diag diag;
};

static struct str
member(const json_t *o, const char *key)
{
	const json_t *j = json_object_get(o, key);

	return json_is_string(j)
		   ? (struct str){json_string_value(j), json_string_length(j)}
		   : STR_NONE;
}

static json_t *
validity(const struct record *r, int err)
{
	json_t *o = json_object();

	json_object_set_new(o, "valid", json_boolean(err == 0));
	if (err)
		json_object_set_new(
		    o, "reason", eval_json_str(str_from_z(r->diag.text)));
	return o;
}

static json_t *
spf_record(struct record *r)
{
	return validity(r, spf_record_check(&r->arena, r->text, &r->diag));
}

static json_t *
list_of(struct str list)
{
	json_t *out = json_array();
	struct str item;

	while (dkim_list_next(&list, &item))
		if (item.n)
			json_array_append_new(out, eval_json_str(item));
	return out;
}

static json_t *
dkim_key_record(struct record *r)
{
	struct dkim_engine *engine = dkim_engine_new(&r->arena);
	struct dkim_key key;
	json_t *o, *fields;
	int err = AVER_NOMEM;

	if (engine)
		err =
		    dkim_key_parse(&r->arena, engine, r->text, &key, &r->diag);
	o = validity(r, err);
	if (err)
		return o;
	fields = json_object();
	json_object_set_new(fields, "k", eval_json_str(key.k));
	json_object_set_new(fields, "t", list_of(key.flags));
	json_object_set_new(
	    fields, "revoked", json_boolean(key.why == DKIM_WHY_REVOKED));
	json_object_set_new(o, "fields", fields);
	return o;
}

/*
 * text is a whole field; its final CRLF is not part of one. Whoever says that
 * the message is no internationalized one is held to RFC 6376 section 3.2;
 * without a word UTF-8 is as good as in the messages that are verified.
 */
static json_t *
dkim_signature(struct record *r)
{
	struct hdr h = hdr_of(str_trim(r->text, "\r\n"));
	const json_t *utf8 = json_object_get(r->rq, "smtputf8");
	struct dkim_sig sig;
	enum dkim_reason why =
	    dkim_sig_parse(&r->arena, &h, json_is_true(utf8), &sig, &r->diag);

	if (json_is_false(utf8) && !str_is_ascii(r->text)) {
		why = DKIM_WHY_SYNTAX;
		diag_set(&r->diag, 0, 0, "octets beyond ASCII");
	}
	if (!str_eq_ci(h.name, STR("DKIM-Signature")))
		why = DKIM_WHY_SYNTAX;
	if (why != DKIM_WHY_NONE && r->diag.text[0] == '\0')
		diag_set(&r->diag, 0, 0, "%s", dkim_reason_name(why));
	return validity(r, why == DKIM_WHY_NONE ? 0 : AVER_SYNTAX);
}

static json_t *
dmarc_record(struct record *r)
{
	bool old = json_integer_value(json_object_get(r->rq, "rfc")) == 7489;
	struct dmarc_record rec;
	json_t *o, *f, *rua;
	int err = dmarc_record_parse_mode(&r->arena, r->text,
	    old ? DMARC_PSL : DMARC_TREEWALK, &rec, &r->diag);

	o = validity(r, err);
	if (err)
		return o;
	f = json_object();
	rua = json_array();
	json_object_set_new(f, "p", json_string(dmarc_policy_name(rec.p)));
	json_object_set_new(f, "sp", json_string(dmarc_policy_name(rec.sp)));
	json_object_set_new(f, "np", json_string(dmarc_policy_name(rec.np)));
	json_object_set_new(
	    f, "adkim", json_string(dmarc_align_name(rec.adkim)));
	json_object_set_new(f, "aspf", json_string(dmarc_align_name(rec.aspf)));
	json_object_set_new(f, "t", json_string(rec.testing ? "y" : "n"));
	json_object_set_new(f, "psd", json_string(dmarc_psd_name(rec.psd)));
	for (size_t i = 0; i < rec.n_rua; i++)
		json_array_append_new(rua, eval_json_str(rec.rua[i]));
	json_object_set_new(f, "rua", rua);
	json_object_set_new(o, "fields", f);
	return o;
}

static json_t *
entry_json(struct arena *a, const struct authres_entry *e)
{
	json_t *o = json_object(), *props = json_object();

	json_object_set_new(o, "method", eval_json_str(e->method));
	json_object_set_new(o, "result", eval_json_str(e->result));
	json_object_set_new(
	    o, "reason", e->reason.n ? eval_json_str(e->reason) : json_null());
	for (size_t i = 0; i < e->n_props; i++) {
		struct buf key;

		buf_init(&key, a, 65536);
		buf_add(&key, e->props[i].ptype);
		buf_add_c(&key, '.');
		buf_add(&key, e->props[i].name);
		json_object_set_new(
		    props, buf_z(&key), eval_json_str(e->props[i].value));
	}
	json_object_set_new(o, "props", props);
	return o;
}

static json_t *
authres(struct record *r)
{
	struct authres ar;
	json_t *o, *results;
	int err = authres_parse(&r->arena, r->text, &ar, &r->diag);

	o = validity(r, err);
	if (err)
		return o;
	results = json_array();
	for (size_t i = 0; i < ar.n_entries; i++)
		json_array_append_new(
		    results, entry_json(&r->arena, &ar.entries[i]));
	json_object_set_new(o, "authserv_id", eval_json_str(ar.id));
	json_object_set_new(o, "results", results);
	return o;
}

/* Which properties are addresses rather than plain values. */
static bool
is_address(struct str name)
{
	return str_eq(name, STR("smtp.mailfrom")) ||
	       str_eq(name, STR("smtp.auth")) ||
	       str_eq(name, STR("header.i")) ||
	       str_eq(name, STR("header.from"));
}

static void
print_props(struct authres_writer *w, const json_t *props)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)props, key, v)
	{
		struct str value = {
		    json_string_value(v), json_string_length(v)};

		if (is_address(str_from_z(key)))
			authres_prop_addr(w, key, value, true);
		else
			authres_prop(w, key, value, true);
	}
}

static json_t *
authres_print(struct record *r)
{
	struct authres_writer w;
	struct buf b;
	json_t *o = json_object(), *e;
	size_t i;

	buf_init(&b, &r->arena, (size_t)1 << 20);
	authres_begin(&w, &b, member(r->rq, "authserv_id"), "\r\n");
	json_array_foreach(json_object_get(r->rq, "results"), i, e)
	{
		authres_result(&w,
		    json_string_value(json_object_get(e, "method")),
		    json_string_value(json_object_get(e, "result")));
		authres_comment(&w, member(e, "comment"));
		authres_reason(&w, member(e, "reason"));
		print_props(&w, json_object_get(e, "props"));
	}
	authres_end(&w);
	json_object_set_new(o, "text", eval_json_str(buf_str(&b)));
	return o;
}

static json_t *
mtasts_record(struct record *r)
{
	struct sts_record rec;
	int err = sts_record_parse(r->text, &rec, &r->diag);
	json_t *o = validity(r, err);

	if (err == 0)
		json_object_set_new(o, "fields",
		    json_pack("{so}", "id", eval_json_str(rec.id)));
	return o;
}

static json_t *
mtasts_policy(struct record *r)
{
	struct sts_policy p;
	int err = sts_policy_parse(&r->arena, r->text, &p, &r->diag);
	json_t *mx, *o = validity(r, err);

	if (err)
		return o;
	mx = json_array();
	for (size_t i = 0; i < p.n_mx; i++)
		json_array_append_new(mx, eval_json_str(p.mx[i]));
	json_object_set_new(o, "fields",
	    json_pack("{sssssIso}", "version", "STSv1", "mode",
		sts_mode_name(p.mode), "max_age", (json_int_t)p.max_age, "mx",
		mx));
	return o;
}

static json_t *
mtasts_match(struct record *r)
{
	json_t *list = json_object_get(r->rq, "patterns"), *e;
	struct str host = member(r->rq, "mx");
	bool match = false;
	size_t i;

	json_array_foreach(list, i, e) match =
	    match || sts_match(host, str_from_z(json_string_value(e)));
	return json_pack("{sb}", "match", match);
}

static json_t *
mtasts_content_type(struct record *r)
{
	bool good = sts_policy_content_type(r->text);

	diag_set(&r->diag, 0, 0, "it is not text/plain");
	return validity(r, good ? 0 : AVER_SYNTAX);
}

static json_t *
tlsrpt_record(struct record *r)
{
	struct tlsrpt_record rec;
	int err = tlsrpt_record_parse(&r->arena, r->text, &rec, &r->diag);
	json_t *rua, *o = validity(r, err);

	if (err)
		return o;
	rua = json_array();
	for (size_t i = 0; i < rec.n_rua; i++)
		json_array_append_new(rua, eval_json_str(rec.rua[i].text));
	json_object_set_new(o, "fields", json_pack("{so}", "rua", rua));
	return o;
}

static json_t *
tlsa(struct record *r)
{
	return eval_tlsa(&r->arena, r->rq);
}

/* A report is in a file, or in the text like any other record. */
static json_t *
report(struct record *r)
{
	const char *path = json_string_value(json_object_get(r->rq, "file"));
	FILE *f = NULL;
	json_t *o;

	if (path)
		f = fopen(path, "rb");
	else if (r->text.n)
		f = fmemopen((void *)r->text.p, r->text.n, "rb");
	if (!f) {
		diag_set(&r->diag, AVER_IO, 0, "no file that can be read");
		return validity(r, AVER_IO);
	}
	o = eval_report(member(r->rq, "what"), f);
	fclose(f);
	return o;
}

static const struct {
	const char *what;
	json_t *(*fn)(struct record *r);
} kinds[] = {
    {"spf_record", spf_record},
    {"dkim_key_record", dkim_key_record},
    {"dkim_signature", dkim_signature},
    {"dmarc_record", dmarc_record},
    {"authres", authres},
    {"authres_print", authres_print},
    {"report_aggregate", report},
    {"report_tlsrpt", report},
    {"report_failure", report},
    {"tlsa", tlsa},
    {"mtasts_record", mtasts_record},
    {"mtasts_policy", mtasts_policy},
    {"mtasts_match", mtasts_match},
    {"mtasts_content_type", mtasts_content_type},
    {"tlsrpt_record", tlsrpt_record},
};

static int
read_text(struct record *r)
{
	struct str b64 = member(r->rq, "text_b64");

	r->text = member(r->rq, "text");
	if (b64.n == 0)
		return 0;
	return b64_decode(&r->arena, b64, &r->text);
}

json_t *
eval_record(const json_t *rq, struct diag *d)
{
	struct str what = member(rq, "what");
	struct record r = {.rq = rq};
	json_t *o = NULL;

	arena_init(&r.arena, ARENA_MAX);
	diag_set(d, 0, 0, "unknown kind of record");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_eq(what, str_from_z(kinds[i].what))) {
			if (read_text(&r) == 0)
				o = kinds[i].fn(&r);
			else
				diag_set(
				    d, AVER_SYNTAX, 0, "text_b64: no base64");
		}
	arena_fini(&r.arena);
	return o;
}
