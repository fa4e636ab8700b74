/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The grammar of results of smtp_tls_policy_maps: postconf(5), and what the
 * parser of smtp(8) takes as an error, for which it defers all mail to the
 * domain. We refuse more than it does: what it would ignore with a warning, or
 * take in spite of odd octets.
 *
 *     result    = level *( sep attribute )         sep = 1*( SP / "," )
 *     attribute = name "=" value / "{" name "=" value "}"       ; braces: 3.10
 */

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/scan.h"
#include "tlspolicy/render.h"

#define HOST_OCTETS_MAX ((size_t)253)
#define LABEL_OCTETS_MAX ((size_t)63)

enum level {
	LEVEL_NONE,
	LEVEL_MAY,
	LEVEL_ENCRYPT,
	LEVEL_DANE,
	LEVEL_DANE_ONLY,
	LEVEL_FINGERPRINT,
	LEVEL_VERIFY,
	LEVEL_SECURE,
	LEVEL_COUNT
};

static const struct str level_names[LEVEL_COUNT] = {
    [LEVEL_NONE] = STR_INIT("none"),
    [LEVEL_MAY] = STR_INIT("may"),
    [LEVEL_ENCRYPT] = STR_INIT("encrypt"),
    [LEVEL_DANE] = STR_INIT("dane"),
    [LEVEL_DANE_ONLY] = STR_INIT("dane-only"),
    [LEVEL_FINGERPRINT] = STR_INIT("fingerprint"),
    [LEVEL_VERIFY] = STR_INIT("verify"),
    [LEVEL_SECURE] = STR_INIT("secure"),
};

#define BIT(level) (1u << (level))
#define PKIX (BIT(LEVEL_VERIFY) | BIT(LEVEL_SECURE))
#define ANY_TLS (~BIT(LEVEL_NONE))

/* "name", "a.b", without a dot at the ends */
static bool
is_host(struct str s)
{
	size_t label = 0;

	if (s.n == 0 || s.n > HOST_OCTETS_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool ends = i + 1 == s.n || s.p[i + 1] == '.';

		if (s.p[i] == '.' && label > 0)
			label = 0;
		else if (!(chars_is(s.p[i], CH_LDH) || s.p[i] == '_') ||
			 ++label > LABEL_OCTETS_MAX ||
			 (s.p[i] == '-' && (label == 1 || ends)))
			return false;
	}
	return label > 0;
}

static bool
is_pattern(struct str s)
{
	return is_host(str_from(s, str_starts(s, STR("*.")) ? 2 : 0));
}

static bool
is_match_name(struct str s)
{
	return is_host(str_from(s, s.n && s.p[0] == '.'));
}

static bool
all_of(struct str list, char sep, bool (*fn)(struct str))
{
	do {
		if (!fn(str_cut(list, sep, &list)))
			return false;
	} while (list.p);
	return true;
}

static bool
is_match(struct str s)
{
	return all_of(s, ':', is_match_name);
}

/* Pairs of hexadecimal digits, with or without colons between them. */
static bool
is_print(struct str s)
{
	size_t digits = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (chars_hex(s.p[i]) >= 0)
			digits++;
		else if (s.p[i] != ':' || digits % 2 || i + 1 == s.n)
			return false;
	}
	return digits >= 32 && digits % 2 == 0;
}

static bool
is_prints(struct str s)
{
	return all_of(s, '|', is_print);
}

static bool
is_list(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_ALNUM) &&
		    str_chr(STR(":!<>=+-._@"), s.p[i]) == 10)
			return false;
	return true;
}

static bool
is_list_not_empty(struct str s)
{
	return s.n > 0 && is_list(s);
}

static bool
is_path(struct str s)
{
	return s.n > 1 && s.p[0] == '/';
}

static bool
is_yes_no(struct str s)
{
	return str_eq_ci(s, STR("yes")) || str_eq_ci(s, STR("no"));
}

static bool
is_type(struct str s)
{
	return str_eq(s, STR("sts")) || str_eq(s, STR("no-policy-found"));
}

static bool
is_failure(struct str s)
{
	return str_eq(s, STR("sts-policy-fetch-error")) ||
	       str_eq(s, STR("sts-policy-invalid")) ||
	       str_eq(s, STR("sts-webpki-invalid")) ||
	       str_eq(s, STR("validation-failure"));
}

static bool
is_text(struct str s)
{
	return s.n > 0;
}

static bool
is_digits(struct str s)
{
	uint64_t value;

	return s.n <= 10 && str_to_u64(s, INT32_MAX, &value);
}

enum since { ALWAYS, SERVERNAME, RPK, POLICY };

/* match= of fingerprint is a row of its own. */
static const struct attribute {
	struct str name;
	enum since since;
	unsigned levels;
	bool is_repeated;
	bool (*good)(struct str value);
} attributes[] = {
    {STR_INIT("match"), ALWAYS, PKIX, true, is_match},
    {STR_INIT("match"), ALWAYS, BIT(LEVEL_FINGERPRINT), true, is_prints},
    {STR_INIT("servername"), SERVERNAME, ANY_TLS, false, is_host},
    {STR_INIT("ciphers"), ALWAYS, ANY_TLS, false, is_list_not_empty},
    {STR_INIT("protocols"), ALWAYS, ANY_TLS, false, is_list},
    {STR_INIT("exclude"), ALWAYS, ANY_TLS, false, is_list},
    {STR_INIT("tafile"), ALWAYS, PKIX, true, is_path},
    {STR_INIT("connection_reuse"), SERVERNAME, ANY_TLS, false, is_yes_no},
    {STR_INIT("enable_rpk"), RPK, ANY_TLS, false, is_yes_no},
    {STR_INIT("policy_type"), POLICY, ANY_TLS, false, is_type},
    {STR_INIT("policy_domain"), POLICY, ANY_TLS, false, is_host},
    {STR_INIT("policy_string"), POLICY, ANY_TLS, true, is_text},
    {STR_INIT("mx_host_pattern"), POLICY, ANY_TLS, true, is_pattern},
    {STR_INIT("policy_failure"), POLICY, ANY_TLS, false, is_failure},
    {STR_INIT("policy_ttl"), POLICY, ANY_TLS, false, is_digits},
};

#define ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

struct checker {
	const struct render_profile *p;
	struct scan s;
	unsigned level; /* BIT(enum level) */
	bool seen[ATTRIBUTES];
	struct diag *d;
};

#define SHOWN(s) STRF(str_head((s), 40))
#define WRONG(c, ...) \
	diag_set((c)->d, AVER_SYNTAX, scan_offset(&(c)->s), __VA_ARGS__)

static bool
is_known(const struct render_profile *p, enum since since)
{
	switch (since) {
	case ALWAYS:
		return true;
	case SERVERNAME:
		return p->servername;
	case RPK:
		return p->enable_rpk;
	case POLICY:
		return p->policy;
	}
	return false;
}

static int
check_attribute(struct checker *c, struct str name, struct str value)
{
	bool exists = false;

	for (size_t i = 0; i < ATTRIBUTES; i++) {
		const struct attribute *a = &attributes[i];

		if (!str_eq_ci(name, a->name) || !is_known(c->p, a->since))
			continue;
		exists = true;
		if (!(a->levels & c->level))
			continue;
		if (c->seen[i] && !a->is_repeated)
			return WRONG(c, "%.*s stands there twice", SHOWN(name));
		if (!a->good(value))
			return WRONG(c, "%.*s=%.*s: no such value", SHOWN(name),
			    SHOWN(value));
		c->seen[i] = true;
		return 0;
	}
	return WRONG(c,
	    exists ? "%.*s= is not allowed with this level"
		   : "%.*s= is unknown to this version of Postfix",
	    SHOWN(name));
}

static bool
is_sep(int c)
{
	return c == ' ' || c == ',';
}

static struct str
token(struct scan *s)
{
	const char *from = s->p;

	while (!scan_done(s) && !is_sep(scan_peek(s)))
		s->p++;
	return (struct str){from, (size_t)(s->p - from)};
}

/* "{" name "=" value "}"; no braces inside */
static int
braces(struct checker *c, struct str *out)
{
	if (!c->p->policy)
		return WRONG(c, "braces are unknown to this version");
	scan_char(&c->s, '{');
	*out = scan_until(&c->s, '}');
	if (!scan_char(&c->s, '}') || str_chr(*out, '{') < out->n ||
	    (!scan_done(&c->s) && !is_sep(scan_peek(&c->s))))
		return WRONG(c, "braces without their match");
	*out = str_trim(*out, " ");
	return 0;
}

static int
next_attribute(struct checker *c)
{
	bool is_braced = scan_peek(&c->s) == '{';
	struct str text, name, value;
	int err;

	if (is_braced && (err = braces(c, &text)))
		return err;
	if (!is_braced)
		text = token(&c->s);
	name = str_cut(text, '=', &value);
	if (!value.p)
		return WRONG(c, "\"%.*s\": no name=value", SHOWN(text));
	if (is_braced) {
		name = str_trim(name, " ");
		value = str_trim(value, " ");
	} else if (str_chr(text, '{') < text.n || str_chr(text, '}') < text.n) {
		return WRONG(c, "a brace inside a word");
	}
	return check_attribute(c, name, value);
}

/* The attributes of 3.10 stand or fall with policy_type. */
static int
check_policy(const struct checker *c)
{
	bool has_type = false, has_other = false;

	for (size_t i = 0; i < ATTRIBUTES; i++) {
		bool is_type_row =
		    str_eq(attributes[i].name, STR("policy_type"));

		if (attributes[i].since == POLICY && c->seen[i])
			*(is_type_row ? &has_type : &has_other) = true;
	}
	if (has_other && !has_type)
		return WRONG(c, "policy attributes without policy_type");
	return 0;
}

static int
check_level(struct checker *c)
{
	struct str text = token(&c->s);

	for (int i = 0; i < LEVEL_COUNT; i++)
		if (str_eq_ci(text, level_names[i])) {
			c->level = BIT(i);
			return 0;
		}
	return WRONG(c, "\"%.*s\" is no level", SHOWN(text));
}

int
render_check(const struct render_profile *p, struct str text, struct diag *d)
{
	struct checker c = {.p = p, .s = scan_of(text), .d = d};
	int err;

	for (size_t i = 0; i < text.n; i++)
		if (!chars_is(text.p[i], CH_PRINT))
			return diag_set(d, AVER_SYNTAX, i,
			    "octet 0x%02x, which is no printable character",
			    (unsigned char)text.p[i]);
	if ((err = check_level(&c)))
		return err;
	for (;;) {
		while (is_sep(scan_peek(&c.s)))
			c.s.p++;
		if (scan_done(&c.s))
			return check_policy(&c);
		if ((err = next_attribute(&c)))
			return err;
	}
}
