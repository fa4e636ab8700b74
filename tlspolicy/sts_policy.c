/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_policy.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/mail/utf8.h"

#define NAME_OCTETS_MAX ((size_t)32)
#define PATTERN_OCTETS_MAX ((size_t)253)
#define LABEL_OCTETS_MAX ((size_t)63)
#define AGE_DIGITS_MAX ((size_t)10)

static const char *const mode_names[STS_MODE_COUNT] = {
    [STS_NONE] = "none",
    [STS_TESTING] = "testing",
    [STS_ENFORCE] = "enforce",
};

const char *
sts_mode_name(enum sts_mode mode)
{
	return name_of(mode_names, STS_MODE_COUNT, (int)mode);
}

struct parser {
	struct arena *a;
	struct sts_policy *out;
	struct str *mx;
	size_t cap;
	/* open addressing over mx: index + 1, 0 is free */
	uint32_t *slots;
	size_t mask;
	uint64_t seed;
	unsigned line;
	bool has_version, has_mode, has_age;
	struct diag *d;
};

/* What is wrong in the line being read, and what is wrong with all of it. */
#define WRONG(p, fmt, ...) \
	diag_set(          \
	    (p)->d, AVER_SYNTAX, 0, "line %u: " fmt, (p)->line, __VA_ARGS__)
#define LACKS(p, what) \
	diag_set((p)->d, AVER_SYNTAX, 0, "there is no \"" what "\"")
#define SHOWN(s) STRF(str_head((s), 40))

bool
sts_policy_line(struct str *rest, struct str *line)
{
	if (rest->n == 0)
		return false;
	*line = str_cut(*rest, '\n', rest);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	while (line->n && chars_is(line->p[line->n - 1], CH_WSP))
		line->n--;
	return true;
}

/*
 * RFC 5321 section 4.1.2: Domain, so letters, digits and hyphens, and no hyphen
 * at the ends of a label.
 */
static bool
is_domain(struct str s)
{
	size_t label = 0;

	if (s.n == 0 || s.n > PATTERN_OCTETS_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool ends = i + 1 == s.n || s.p[i + 1] == '.';

		if (s.p[i] == '.' && label > 0)
			label = 0;
		else if (!chars_is(s.p[i], CH_LDH) ||
			 ++label > LABEL_OCTETS_MAX ||
			 (s.p[i] == '-' && (label == 1 || ends)))
			return false;
	}
	return label > 0;
}

/* True when the pattern is new; false also without memory. */
static bool
note_pattern(struct parser *p, struct str pattern)
{
	size_t n = p->out->n_mx;

	if (n == p->cap) {
		size_t cap = n ? 2 * n : 16, size = sizeof(p->mx[0]);
		void *v = arena_grow(p->a, p->mx, n * size, cap * size);
		uint32_t *slots = ARENA_ARRAY(p->a, uint32_t, 4 * cap);

		if (!v || !slots)
			return false;
		p->mx = v;
		p->cap = cap;
		p->slots = slots;
		p->mask = 4 * cap - 1;
		for (size_t i = 0; i < n; i++) {
			size_t at = str_hash(p->mx[i], p->seed) & p->mask;

			while (slots[at])
				at = (at + 1) & p->mask;
			slots[at] = (uint32_t)i + 1;
		}
	}
	for (size_t at = str_hash(pattern, p->seed) & p->mask;;
	     at = (at + 1) & p->mask) {
		if (p->slots[at] == 0) {
			p->slots[at] = (uint32_t)n + 1;
			p->mx[p->out->n_mx++] = pattern;
			return true;
		}
		if (str_eq(p->mx[p->slots[at] - 1], pattern))
			return false;
	}
}

static int
read_mx(struct parser *p, struct str value)
{
	bool is_wild = str_starts(value, STR("*."));
	struct str lower;

	/* a final dot is no part of the grammar, but means the same */
	if (value.n > 1 && value.p[value.n - 1] == '.')
		value.n--;
	if (!is_domain(str_from(value, is_wild ? 2 : 0)))
		return WRONG(p,
		    "mx: \"%.*s\" is no host name; expected "
		    "mail.example.org or *.example.org",
		    SHOWN(value));
	if (p->out->n_mx == STS_POLICY_MX_MAX)
		return diag_set(p->d, AVER_LIMIT, 0, "more than %zu mx lines",
		    STS_POLICY_MX_MAX);
	lower = arena_lower(p->a, value);
	if (lower.p)
		note_pattern(p, lower);
	return 0;
}

static int
read_mode(struct parser *p, struct str value)
{
	if (p->has_mode)
		return 0;
	p->has_mode = true;
	for (int i = 0; i < STS_MODE_COUNT; i++)
		if (str_eq(value, str_from_z(mode_names[i]))) {
			p->out->mode = (enum sts_mode)i;
			return 0;
		}
	return WRONG(p,
	    "mode: \"%.*s\" is none; expected enforce, testing or none",
	    SHOWN(value));
}

static int
read_max_age(struct parser *p, struct str value)
{
	uint64_t age;

	if (p->has_age)
		return 0;
	p->has_age = true;
	if (value.n > AGE_DIGITS_MAX || !str_to_u64(value, UINT64_MAX, &age))
		return WRONG(p,
		    "max_age: \"%.*s\" is no time; expected seconds, at most "
		    "%u",
		    SHOWN(value), STS_MAX_AGE);
	/* RFC 8461 section 3.2 names a maximum, and not what is above it. */
	p->out->max_age = age > STS_MAX_AGE ? STS_MAX_AGE : (uint32_t)age;
	return 0;
}

static int
read_version(struct parser *p, struct str value)
{
	if (p->has_version)
		return 0;
	p->has_version = true;
	if (str_eq(value, STR("STSv1")))
		return 0;
	return WRONG(
	    p, "version: \"%.*s\" is unknown; expected STSv1", SHOWN(value));
}

static bool
is_name(struct str s)
{
	if (s.n == 0 || s.n > NAME_OCTETS_MAX || !chars_is(s.p[0], CH_ALNUM))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!chars_is(s.p[i], CH_LDH | CH_TAGNAME) && s.p[i] != '.')
			return false;
	return true;
}

static bool
is_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (chars_is(s.p[i], CH_CTL) && s.p[i] != '\t')
			return false;
	return utf8_ok(s);
}

/*
 * RFC 8461 section 3.2. Names and values with case; of a field that is there
 * twice the first counts, unknown ones are ignored. Beyond the grammar an empty
 * line is passed over, and an unknown field may be empty.
 */
static int
read_line(struct parser *p, struct str line)
{
	struct str value, name = str_cut(line, ':', &value);

	if (line.n == 0)
		return 0;
	if (!value.p || !is_name(name) || !is_text(value))
		return WRONG(p,
		    "\"%.*s\" is no field; expected \"name: value\"",
		    SHOWN(line));
	value = str_trim(value, " \t");
	if (str_eq(name, STR("mx")))
		return read_mx(p, value);
	if (str_eq(name, STR("mode")))
		return read_mode(p, value);
	if (str_eq(name, STR("max_age")))
		return read_max_age(p, value);
	if (str_eq(name, STR("version")))
		return read_version(p, value);
	return 0;
}

int
sts_policy_parse(
    struct arena *a, struct str text, struct sts_policy *out, struct diag *d)
{
	struct sts_policy policy = {.text = text};
	struct parser p = {.a = a, .out = &policy, .d = d};
	struct str line;
	int err;

	if (text.n > STS_POLICY_OCTETS_MAX)
		return diag_set(d, AVER_LIMIT, 0, "more than %zu octets",
		    STS_POLICY_OCTETS_MAX);
	/* who looks for patterns that collide changes the seed with each */
	p.seed = str_hash(text, text.n);
	while (sts_policy_line(&text, &line)) {
		p.line++;
		if ((err = read_line(&p, line)))
			return err;
	}
	if (arena_failed(a))
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	if (!p.has_version)
		return LACKS(&p, "version: STSv1");
	if (!p.has_mode)
		return LACKS(&p, "mode:");
	if (!p.has_age)
		return LACKS(&p, "max_age:");
	if (policy.n_mx == 0 && policy.mode != STS_NONE)
		return LACKS(&p, "mx:");
	policy.mx = p.mx;
	*out = policy;
	return 0;
}

/* RFC 8461 section 3.2: text/plain, and parameters are to be ignored. */
bool
sts_policy_content_type(struct str value)
{
	struct str rest, type = str_cut(value, ';', &rest);

	return str_eq_ci(str_trim(type, " \t"), STR("text/plain"));
}
