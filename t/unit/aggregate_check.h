/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A check of our own that a document is an aggregate report as RFC 9990
 * section 3.1 or RFC 7489 appendix C has it: which elements, how often, in
 * which order, with which values. It reads the octets itself, shares nothing
 * with the reader under test, and knows only what our writer may use: no
 * attribute but xmlns, no comment, no CDATA.
 */
#ifndef T_UNIT_AGGREGATE_CHECK_H
#define T_UNIT_AGGREGATE_CHECK_H

#include <string.h>

#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/mail/utf8.h"

#define CHECK_MANY 1000000000u
#define CHECK_DEPTH 8

/* Children of a parent in the order they must have. values: NULL for inner
 * elements, "*" any text, "#" a number, "@" an address, else words. */
struct check_rule {
	const char *parent, *name, *values;
	unsigned least, most;
	enum { CHECK_BOTH, CHECK_NEW, CHECK_OLD } format;
};

static const struct check_rule check_rules[] = {
    {"", "feedback", NULL, 1, 1, CHECK_BOTH},
    {"feedback", "version", "1.0", 1, 1, CHECK_BOTH},
    {"feedback", "report_metadata", NULL, 1, 1, CHECK_BOTH},
    {"feedback", "policy_published", NULL, 1, 1, CHECK_BOTH},
    {"feedback", "record", NULL, 1, CHECK_MANY, CHECK_BOTH},
    {"report_metadata", "org_name", "*", 1, 1, CHECK_BOTH},
    {"report_metadata", "email", "*", 1, 1, CHECK_BOTH},
    {"report_metadata", "extra_contact_info", "*", 0, 1, CHECK_BOTH},
    {"report_metadata", "report_id", "*", 1, 1, CHECK_BOTH},
    {"report_metadata", "date_range", NULL, 1, 1, CHECK_BOTH},
    {"report_metadata", "error", "*", 0, 1, CHECK_NEW},
    {"report_metadata", "error", "*", 0, CHECK_MANY, CHECK_OLD},
    {"report_metadata", "generator", "*", 1, 1, CHECK_NEW},
    {"date_range", "begin", "#", 1, 1, CHECK_BOTH},
    {"date_range", "end", "#", 1, 1, CHECK_BOTH},
    {"policy_published", "domain", "*", 1, 1, CHECK_BOTH},
    {"policy_published", "adkim", "r s", 1, 1, CHECK_BOTH},
    {"policy_published", "aspf", "r s", 1, 1, CHECK_BOTH},
    {"policy_published", "p", "none quarantine reject", 1, 1, CHECK_BOTH},
    {"policy_published", "sp", "none quarantine reject", 1, 1, CHECK_BOTH},
    {"policy_published", "pct", "100", 1, 1, CHECK_OLD},
    {"policy_published", "fo", "*", 1, 1, CHECK_BOTH},
    {"policy_published", "np", "none quarantine reject", 1, 1, CHECK_NEW},
    {"policy_published", "discovery_method", "psl treewalk", 1, 1, CHECK_NEW},
    {"policy_published", "testing", "n y", 1, 1, CHECK_NEW},
    {"record", "row", NULL, 1, 1, CHECK_BOTH},
    {"record", "identifiers", NULL, 1, 1, CHECK_BOTH},
    {"record", "auth_results", NULL, 1, 1, CHECK_BOTH},
    {"row", "source_ip", "@", 1, 1, CHECK_BOTH},
    {"row", "count", "#", 1, 1, CHECK_BOTH},
    {"row", "policy_evaluated", NULL, 1, 1, CHECK_BOTH},
    {"policy_evaluated", "disposition", "none pass quarantine reject", 1, 1,
	CHECK_NEW},
    {"policy_evaluated", "disposition", "none quarantine reject", 1, 1,
	CHECK_OLD},
    {"policy_evaluated", "dkim", "pass fail", 1, 1, CHECK_BOTH},
    {"policy_evaluated", "spf", "pass fail", 1, 1, CHECK_BOTH},
    {"policy_evaluated", "reason", NULL, 0, CHECK_MANY, CHECK_BOTH},
    {"reason", "type",
	"local_policy mailing_list other policy_test_mode trusted_forwarder", 1,
	1, CHECK_NEW},
    {"reason", "type",
	"forwarded sampled_out trusted_forwarder mailing_list local_policy "
	"other",
	1, 1, CHECK_OLD},
    {"reason", "comment", "*", 0, 1, CHECK_BOTH},
    {"identifiers", "header_from", "*", 1, 1, CHECK_BOTH},
    {"identifiers", "envelope_from", "*", 1, 1, CHECK_BOTH},
    {"identifiers", "envelope_to", "*", 0, 1, CHECK_BOTH},
    {"auth_results", "dkim#", NULL, 0, 100, CHECK_BOTH},
    {"auth_results", "spf#", NULL, 0, 1, CHECK_NEW},
    {"auth_results", "spf#", NULL, 1, 1, CHECK_OLD},
    {"dkim#", "domain", "*", 1, 1, CHECK_BOTH},
    {"dkim#", "selector", "*", 1, 1, CHECK_BOTH},
    {"dkim#", "result", "none pass fail policy neutral temperror permerror", 1,
	1, CHECK_BOTH},
    {"spf#", "domain", "*", 1, 1, CHECK_BOTH},
    {"spf#", "scope", "mfrom", 1, 1, CHECK_NEW},
    {"spf#", "scope", "mfrom helo", 1, 1, CHECK_OLD},
    {"spf#", "result", "none pass fail softfail neutral temperror permerror", 1,
	1, CHECK_BOTH},
};

#define CHECK_RULES (sizeof(check_rules) / sizeof(check_rules[0]))

/* An open element: at which of its children's rules it is, how often. */
struct check_level {
	const char *name;
	size_t rule;
	unsigned n;
};

struct check {
	struct str left;
	bool old;
	struct check_level stack[CHECK_DEPTH];
	size_t depth;
};

static inline bool
check_applies(const struct check *c, const struct check_rule *r)
{
	return strcmp(r->parent, c->stack[c->depth - 1].name) == 0 &&
	       r->format != (c->old ? CHECK_NEW : CHECK_OLD);
}

/* A "#" behind a rule's name only tells two elements of one name apart. */
static inline bool
check_named(const struct check_rule *r, struct str name)
{
	return str_eq(
	    str_head(str_from_z(r->name), strcspn(r->name, "#")), name);
}

/* Goes on to the rule for a child of that name; NULL: it may not be here. */
static inline const struct check_rule *
check_child(struct check *c, struct str name)
{
	struct check_level *l = &c->stack[c->depth - 1];

	for (; l->rule < CHECK_RULES; l->rule++, l->n = 0) {
		const struct check_rule *r = &check_rules[l->rule];

		if (!check_applies(c, r))
			continue;
		if (check_named(r, name))
			return ++l->n <= r->most ? r : NULL;
		if (l->n < r->least)
			return NULL;
	}
	return NULL;
}

/* Nothing is missing at the end of the innermost element. */
static inline bool
check_complete(struct check *c)
{
	struct check_level *l = &c->stack[c->depth - 1];

	for (; l->rule < CHECK_RULES; l->rule++, l->n = 0)
		if (check_applies(c, &check_rules[l->rule]) &&
		    l->n < check_rules[l->rule].least)
			return false;
	return true;
}

/* Characters of XML 1.0 that no terminal minds, "&" only in an escape. */
static inline bool
check_text(struct str s)
{
	static const char *const escapes[] = {
	    "&lt;", "&gt;", "&amp;", "&quot;"};

	while (s.n) {
		size_t n = utf8_len(s), i = 0;
		unsigned char c = (unsigned char)s.p[0];

		if (n == 0 || c < 0x20 || c == 0x7f || c == '>' || c == '"')
			return false;
		if (str_starts(s, STR("\xef\xbf\xbe")) ||
		    str_starts(s, STR("\xef\xbf\xbf")) ||
		    (c == 0xc2 && (unsigned char)s.p[1] < 0xa0))
			return false;
		while (
		    c == '&' && i < 4 && !str_starts(s, str_from_z(escapes[i])))
			i++;
		if (i == 4)
			return false;
		s = str_from(s, c == '&' ? strlen(escapes[i]) : n);
	}
	return true;
}

static inline bool
check_value(const struct check *c, const char *values, struct str v)
{
	struct str words = str_from_z(values);
	struct ip ip;
	uint64_t n;

	if (strcmp(values, "*") == 0)
		return check_text(v);
	if (strcmp(values, "#") == 0)
		return str_to_u64(v, INT64_MAX, &n);
	if (strcmp(values, "@") == 0)
		return ip_parse(v, &ip) &&
		       !(c->old && str_contains_ci(v, STR("::")));
	while (words.p)
		if (str_eq(str_cut(words, ' ', &words), v))
			return true;
	return false;
}

static inline bool
check_skip(struct check *c, struct str what)
{
	if (!str_starts(c->left, what))
		return false;
	c->left = str_from(c->left, what.n);
	return true;
}

/* </name> for an open element, or one child of it. */
static inline const char *
check_step(struct check *c)
{
	const char *name = c->stack[c->depth - 1].name;
	const struct check_rule *r;
	struct str tag, text;

	if (!check_skip(c, STR("<")))
		return "text between elements";
	tag = str_cut(c->left, '>', &c->left);
	if (tag.n && tag.p[0] == '/') {
		if (!check_complete(c))
			return name;
		c->depth--;
		return str_eq(str_from(tag, 1),
			   str_head(str_from_z(name), strcspn(name, "#")))
			   ? NULL
			   : "another end tag";
	}
	r = check_child(c, str_cut(tag, ' ', &text));
	if (!r || text.p)
		return name;
	if (!r->values) {
		c->stack[c->depth++] = (struct check_level){r->name, 0, 0};
		return NULL;
	}
	text = str_cut(c->left, '<', &c->left);
	if (!c->left.p || !check_value(c, r->values, text) ||
	    !check_skip(c, STR("/")) || !check_skip(c, tag) ||
	    !check_skip(c, STR(">")))
		return r->name;
	return NULL;
}

/* NULL when the document is sound, else where it is not. */
static inline const char *
aggregate_check(struct str xml, bool old)
{
	struct check c = {.left = xml, .old = old, .depth = 1};
	const char *bad = NULL;

	c.stack[0] = (struct check_level){"feedback", 0, 0};
	if (!check_skip(
		&c, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")))
		return "declaration";
	if (!check_skip(&c, old ? STR("<feedback>")
				: STR("<feedback xmlns="
				      "\"urn:ietf:params:xml:ns:dmarc-2.0\">")))
		return "root";
	while (!bad && c.depth) {
		while (check_skip(&c, STR("\n")))
			;
		bad = check_step(&c);
	}
	if (!bad && !str_eq(c.left, STR("\n")))
		bad = "octets behind the root";
	return bad;
}

#endif
