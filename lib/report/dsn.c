/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/report/dsn.h"

#include "lib/base/buf.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/mail/mime.h"
#include "lib/mail/utf8.h"
#include "lib/report/dsn_legacy.h"

#define DIAGNOSTIC_MAX 400
/* Groups of a message/delivery-status that are looked at. */
#define GROUPS_MAX 400

static const struct mime_limits limits = {50, 6, 3000};

static const char *const action_names[DSN_ACTION_COUNT] = {
    [DSN_FAILED] = "failed",
    [DSN_DELAYED] = "delayed",
    [DSN_DELIVERED] = "delivered",
    [DSN_RELAYED] = "relayed",
    [DSN_EXPANDED] = "expanded",
};

static const char *const class_names[DSN_CLASS_COUNT] = {
    [DSN_IS_FAILURE] = "failure",
    [DSN_IS_DELAY] = "delay",
    [DSN_IS_SUCCESS] = "success",
    [DSN_IS_REPLY] = "reply",
    [DSN_IS_OTHER] = "other",
};

const char *
dsn_action_name(enum dsn_action a)
{
	return name_of(action_names, DSN_ACTION_COUNT, (int)a);
}

const char *
dsn_class_name(enum dsn_class c)
{
	return name_of(class_names, DSN_CLASS_COUNT, (int)c);
}

/* ---- values of fields --------------------------------------------------- */

struct str
dsn_line(struct arena *a, struct str s)
{
	struct buf b;
	bool space = false;

	buf_init(&b, a, DIAGNOSTIC_MAX + 8);
	s = str_trim_fws(s);
	while (s.n && b.n < DIAGNOSTIC_MAX) {
		size_t n = utf8_len(s);

		if (*s.p == ' ' || chars_is(*s.p, CH_CTL)) {
			space = true;
			n = 1;
		} else {
			if (space)
				buf_add_c(&b, ' ');
			space = false;
			buf_add(&b, n ? str_head(s, n) : STR("?"));
		}
		s = str_from(s, n ? n : 1);
	}
	return buf_str(&b);
}

/* Without comments in parentheses, as far as one leads or ends the text. */
static struct str
without_comment(struct str s)
{
	size_t open = str_chr(s, '(');

	return str_trim_fws(str_head(s, open));
}

/* RFC 3464 section 2.3.2: address-type ";" generic-address */
static struct str
address_of(const struct hdr *h)
{
	struct str rest, type, found = STR_NONE;

	if (!h)
		return STR_NONE;
	type = str_cut(h->value, ';', &rest);
	if (!rest.p)
		rest = type; /* the type is missing */
	dsn_next_address(&rest, &found);
	return found;
}

bool
dsn_next_address(struct str *rest, struct str *out)
{
	const unsigned local = CH_ATEXT | CH_HIGH, domain = CH_LDH | CH_HIGH;
	struct str s = *rest;

	for (;;) {
		size_t at = str_chr(s, '@'), from = at, to = at + 1;

		if (at >= s.n)
			return false;
		while (from > 0 &&
		       (s.p[from - 1] == '.' || chars_is(s.p[from - 1], local)))
			from--;
		while (to < s.n && (s.p[to] == '.' || s.p[to] == '_' ||
				       chars_is(s.p[to], domain)))
			to++;
		*rest = str_from(s, to);
		if (from < at && to > at + 1) {
			*out = (struct str){s.p + from, to - from};
			return true;
		}
		s = *rest;
	}
}

/* RFC 3463 section 2: class "." subject "." detail, comments after it. */
static struct str
status_of(const struct hdr *h)
{
	struct str s;
	size_t n = 0, dots = 0;

	if (!h)
		return STR_NONE;
	s = str_trim_fws(h->value);
	while (n < s.n && (s.p[n] == '.' || chars_is(s.p[n], CH_DIGIT)))
		dots += s.p[n++] == '.';
	if (n < 5 || n > 9 || dots != 2 || s.p[1] != '.' ||
	    (s.p[0] != '2' && s.p[0] != '4' && s.p[0] != '5'))
		return STR_NONE;
	return str_head(s, n);
}

/* ---- message/delivery-status -------------------------------------------- */

static enum dsn_action
action_of(const struct hdr *h, struct str status)
{
	int i = h ? name_find(action_names, DSN_ACTION_COUNT,
			without_comment(h->value))
		  : -1;

	if (i >= 0)
		return (enum dsn_action)i;
	/* some write "failure", or leave it out */
	if (status.n && *status.p == '4')
		return DSN_DELAYED;
	if (status.n && *status.p == '2')
		return DSN_DELIVERED;
	return DSN_FAILED;
}

static struct str
after_semicolon(const struct hdr *h)
{
	struct str rest, type;

	if (!h)
		return STR_NONE;
	type = str_cut(h->value, ';', &rest);
	return rest.p ? rest : type;
}

static void
add_recipient(struct arena *a, const struct hdr_list *group, struct dsn *out)
{
	const struct hdr *action = hdr_find(group, STR("Action"), 0);
	const struct hdr *final = hdr_find(group, STR("Final-Recipient"), 0);
	struct dsn_recipient r = {.final = address_of(final)};

	if ((!action && !final) || out->n == DSN_RECIPIENTS_MAX)
		return;
	r.original = address_of(hdr_find(group, STR("Original-Recipient"), 0));
	r.status = status_of(hdr_find(group, STR("Status"), 0));
	r.action = action_of(action, r.status);
	r.diagnostic = dsn_line(
	    a, after_semicolon(hdr_find(group, STR("Diagnostic-Code"), 0)));
	r.remote_mta =
	    dsn_line(a, after_semicolon(hdr_find(group, STR("Remote-MTA"), 0)));
	/* a queue that gave up says failed with 4.x.x */
	r.permanent =
	    r.action == DSN_FAILED && (r.status.n == 0 || *r.status.p == '5');
	out->v[out->n++] = r;
}

/*
 * RFC 3464 section 2.1: groups of fields with empty lines between them. That
 * the first is about the message is not relied on: what makes a group one of
 * a recipient are its fields.
 */
static int
read_status(struct arena *a, const struct mime_part *p, struct dsn *out)
{
	struct str text, rest;
	struct hdr_list group;
	bool cut = false;
	int err = mime_decode(a, p, &text);

	if (err == AVER_SYNTAX) {
		text = p->content;
		err = 0;
	}
	if (err || (err = mime_crlf(a, text, &text)))
		return err;
	for (int i = 0; i < GROUPS_MAX && text.n; i++) {
		err = mime_fields(a, text, limits.fields, &group, &rest, &cut);
		if (err)
			return err;
		add_recipient(a, &group, out);
		/* RFC 5322 forbids it, but a line may be no field */
		if (rest.n && rest.p == text.p)
			rest = str_from(rest, str_chr(rest, '\n') + 1);
		text = rest;
	}
	return 0;
}

/* Not in a message that came back: a bounce of a bounce is about another. */
static bool
is_outside(const struct mime_tree *t, size_t i)
{
	while (t->v[i].depth > 0) {
		if (t->v[i].message)
			return false;
		i = t->v[i].parent;
	}
	return true;
}

static const struct mime_part *
find_part(const struct mime_tree *t, const char *const *types)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; types[k] && is_outside(t, i); k++)
			if (str_eq(t->v[i].type, str_from_z(types[k])))
				return &t->v[i];
	return NULL;
}

static enum dsn_class
class_of(const struct dsn *d)
{
	enum dsn_class worst = d->n ? DSN_IS_SUCCESS : DSN_IS_OTHER;

	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].action == DSN_FAILED)
			return DSN_IS_FAILURE;
		if (d->v[i].action == DSN_DELAYED)
			worst = DSN_IS_DELAY;
	}
	return worst;
}

/* ---- addresses ---------------------------------------------------------- */

static void
add_addresses(struct dsn *out, struct str text)
{
	struct str found;

	while (out->n_addresses < DSN_ADDRESSES_MAX &&
	       dsn_next_address(&text, &found)) {
		size_t i = 0;

		while (i < out->n_addresses &&
		       !str_eq_ci(out->addresses[i], found))
			i++;
		if (i == out->n_addresses)
			out->addresses[out->n_addresses++] = found;
	}
}

static void
add_fields(struct dsn *out, const struct hdr_list *l, const char *name)
{
	const struct hdr *h;

	for (size_t i = 0; (h = hdr_find(l, str_from_z(name), i)); i++)
		add_addresses(out, h->value);
}

/* The fields of what came back, whole or its header. NULL: nothing did. */
static int
read_returned(struct arena *a, const struct mime_tree *t, struct dsn *out)
{
	static const char *const types[] = {"message/rfc822",
	    "text/rfc822-headers", "message/global", "message/global-headers",
	    "message/rfc822-headers", NULL};
	const struct mime_part *p = find_part(t, types);
	struct str text, rest;
	struct hdr_list l;
	const struct hdr *id;
	bool cut = false;
	int err;

	if (!p)
		return 0;
	err = mime_decode(a, p, &text);
	if (err == AVER_SYNTAX)
		text = p->content;
	else if (err)
		return err;
	if ((err = mime_crlf(a, text, &text)) ||
	    (err = mime_fields(a, text, limits.fields, &l, &rest, &cut)))
		return err;
	add_fields(out, &l, "Return-Path");
	id = hdr_find(&l, STR("Message-ID"), 0);
	if (id)
		out->returned_id = dsn_line(a, id->value);
	return 0;
}

static int
read_addresses(struct arena *a, const struct mime_tree *t, struct str envelope,
    struct dsn *out)
{
	static const char *const names[] = {"Delivered-To", "X-Original-To",
	    "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To", "Cc"};

	add_addresses(out, envelope);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		add_fields(out, &t->v[0].fields, names[i]);
	return read_returned(a, t, out);
}

/* ---- all ---------------------------------------------------------------- */

int
dsn_read(struct arena *a, struct str text, struct str envelope, struct dsn *out)
{
	static const char *const status[] = {
	    "message/delivery-status", "message/global-delivery-status", NULL};
	struct dsn d = {.what = DSN_IS_OTHER};
	const struct mime_part *p;
	struct mime_tree t;
	int err = mime_read(a, str_head(text, DSN_OCTETS_MAX), &limits, &t);

	if (err)
		return err;
	d.v = ARENA_ARRAY(a, struct dsn_recipient, DSN_RECIPIENTS_MAX);
	d.addresses = ARENA_ARRAY(a, struct str, DSN_ADDRESSES_MAX);
	if (!d.v || !d.addresses)
		return AVER_NOMEM;
	p = find_part(&t, status);
	d.standard = p;
	if (p && (err = read_status(a, p, &d)))
		return err;
	d.what = class_of(&d);
	if (!p && (err = dsn_read_legacy(a, &t, &d)))
		return err;
	if ((err = read_addresses(a, &t, envelope, &d)))
		return err;
	if (arena_failed(a))
		return AVER_NOMEM;
	*out = d;
	return 0;
}
