/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tlsrpt/json_pull.h"

#include "lib/base/buf.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/mail/utf8.h"

#define REPLACEMENT STR("\xef\xbf\xbd") /* U+FFFD */

/* What may come next. */
enum state {
	AT_VALUE, /* a value */
	AT_FIRST_VALUE, /* a value, or the end of the array */
	AT_FIRST_KEY, /* a key, or the end of the object */
	AT_KEY, /* a key */
	AT_COMMA, /* a comma, or the end of what is open */
	AT_END /* nothing */
};

void
json_pull_init(
    struct json_pull *j, struct arena *a, struct str text, struct diag *d)
{
	*j = (struct json_pull){.at = text.p,
	    .start = text.p,
	    .end = text.n ? text.p + text.n : text.p,
	    .arena = a,
	    .d = d,
	    .state = AT_VALUE};
}

static enum json_token
bad(struct json_pull *j, int err, const char *why)
{
	if (j->err == 0)
		j->err =
		    diag_set(j->d, err, (size_t)(j->at - j->start), "%s", why);
	return JSON_BAD;
}

static void
skip_space(struct json_pull *j)
{
	while (j->at < j->end && chars_is(*j->at, CH_FWS))
		j->at++;
}

/* RFC 8259 section 7: four hexadecimal digits; -1 when they are not there. */
static int32_t
hex4(struct str s)
{
	int32_t v = 0;

	if (s.n < 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		int digit = chars_hex(s.p[i]);

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

static void
add_char(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_add_c(b, (char)c);
	} else if (c < 0x800) {
		buf_add_c(b, (char)(0xc0 | c >> 6));
		buf_add_c(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_add_c(b, (char)(0xe0 | c >> 12));
		buf_add_c(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_add_c(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_add_c(b, (char)(0xf0 | c >> 18));
		buf_add_c(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_add_c(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_add_c(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* \uXXXX, or two of them for a pair; returns how many octets after "\u". */
static size_t
unicode(struct buf *b, struct str s)
{
	int32_t hi = hex4(s), lo;

	if (hi < 0)
		return 0;
	if (hi >= 0xd800 && hi < 0xdc00 &&
	    str_starts(str_from(s, 4), STR("\\u")) &&
	    (lo = hex4(str_from(s, 6))) >= 0xdc00 && lo < 0xe000) {
		add_char(b, 0x10000u + (uint32_t)((hi - 0xd800) << 10) +
				(uint32_t)(lo - 0xdc00));
		return 10;
	}
	if (hi == 0 || (hi >= 0xd800 && hi < 0xe000))
		buf_add(b, REPLACEMENT);
	else
		add_char(b, (uint32_t)hi);
	return 4;
}

/* What stands after a backslash; returns the octets used, 0 when it is bad. */
static size_t
escape(struct buf *b, struct str s)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	size_t i, used;

	if (s.n == 0)
		return 0;
	if (s.p[0] == 'u') {
		used = unicode(b, str_from(s, 1));
		return used ? used + 1 : 0;
	}
	i = str_chr(STR(names), s.p[0]);
	if (i == sizeof(names) - 1)
		return 0;
	buf_add_c(b, values[i]);
	return 1;
}

/* The octets between the quotes, with escapes read and UTF-8 repaired. */
static bool
decode(struct json_pull *j, struct str s)
{
	struct buf b;

	/* a bad octet becomes three */
	buf_init(&b, j->arena, 3 * s.n + 4);
	for (size_t used; s.n; s = str_from(s, used)) {
		if (s.p[0] == '\\') {
			used = escape(&b, str_from(s, 1));
			if (used++ == 0) {
				bad(j, AVER_SYNTAX, "a bad escape");
				return false;
			}
		} else if ((used = utf8_len(s))) {
			buf_add(&b, str_head(s, used));
		} else {
			buf_add(&b, REPLACEMENT);
			used = 1;
		}
	}
	if (!buf_ok(&b)) {
		bad(j, AVER_NOMEM, "out of memory");
		return false;
	}
	j->text = buf_str(&b);
	return true;
}

/* The cursor is behind the opening quote. */
static bool
read_string(struct json_pull *j)
{
	const char *from = j->at, *p = from;
	bool plain = true;

	for (; p < j->end && *p != '"'; p++)
		if (*p == '\\') {
			plain = false;
			if (++p == j->end)
				break;
		} else if (chars_is(*p, CH_HIGH)) {
			plain = false;
		}
	if (p >= j->end) {
		bad(j, AVER_SYNTAX, "a string without end");
		return false;
	}
	j->at = p + 1;
	j->text = (struct str){from, (size_t)(p - from)};
	return plain || decode(j, j->text);
}

static enum json_token
open_level(struct json_pull *j, bool is_object)
{
	if (j->depth == JSON_DEPTH_MAX)
		return bad(j, AVER_LIMIT, "nested too deep");
	j->objects &= ~((uint32_t)1 << j->depth);
	j->objects |= (uint32_t)is_object << j->depth;
	j->depth++;
	j->state = is_object ? AT_FIRST_KEY : AT_FIRST_VALUE;
	return is_object ? JSON_OPEN_OBJECT : JSON_OPEN_ARRAY;
}

static bool
in_object(const struct json_pull *j)
{
	return j->depth && (j->objects >> (j->depth - 1) & 1);
}

static enum json_token
close_level(struct json_pull *j)
{
	bool is_object = in_object(j);

	j->at++;
	j->depth--;
	j->state = j->depth ? AT_COMMA : AT_END;
	return is_object ? JSON_CLOSE_OBJECT : JSON_CLOSE_ARRAY;
}

static bool
closes(const struct json_pull *j)
{
	return j->depth && j->at < j->end &&
	       *j->at == (in_object(j) ? '}' : ']');
}

/* RFC 8259 section 6: [ "-" ] int [ frac ] [ exp ] */
static bool
read_number(struct json_pull *j)
{
	const char *from = j->at, *p = from;

	p += *p == '-';
	if (p < j->end && *p == '0') {
		p++;
	} else {
		const char *digits = p;

		while (p < j->end && chars_is(*p, CH_DIGIT))
			p++;
		if (p == digits)
			return false;
	}
	if (p < j->end && *p == '.') {
		const char *digits = ++p;

		while (p < j->end && chars_is(*p, CH_DIGIT))
			p++;
		if (p == digits)
			return false;
	}
	if (p < j->end && (*p == 'e' || *p == 'E')) {
		const char *digits;

		p++;
		p += p < j->end && (*p == '+' || *p == '-');
		digits = p;
		while (p < j->end && chars_is(*p, CH_DIGIT))
			p++;
		if (p == digits)
			return false;
	}
	j->text = (struct str){from, (size_t)(p - from)};
	j->at = p;
	return true;
}

static bool
read_word(struct json_pull *j)
{
	static const struct str words[] = {
	    STR_INIT("true"), STR_INIT("false"), STR_INIT("null")};
	struct str rest = {j->at, (size_t)(j->end - j->at)};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_starts(rest, words[i])) {
			j->text = words[i];
			j->at += words[i].n;
			return true;
		}
	return false;
}

static enum json_token
value(struct json_pull *j)
{
	enum json_token token = JSON_BAD;
	char c;

	if (j->at == j->end)
		return bad(j, AVER_SYNTAX, "it ends where a value is due");
	c = *j->at;
	if (c == '{' || c == '[') {
		j->at++;
		return open_level(j, c == '{');
	}
	if (c == '"') {
		j->at++;
		token = read_string(j) ? JSON_TEXT : JSON_BAD;
	} else if (c == '-' || chars_is(c, CH_DIGIT)) {
		token = read_number(j) ? JSON_NUM : JSON_BAD;
	} else if (read_word(j)) {
		token = JSON_WORD;
	}
	if (token == JSON_BAD)
		return bad(j, AVER_SYNTAX, "no value of JSON");
	j->state = j->depth ? AT_COMMA : AT_END;
	return token;
}

static enum json_token
key(struct json_pull *j)
{
	if (j->at == j->end || *j->at != '"')
		return bad(j, AVER_SYNTAX, "no key where one is due");
	j->at++;
	if (!read_string(j))
		return JSON_BAD;
	skip_space(j);
	if (j->at == j->end || *j->at != ':')
		return bad(j, AVER_SYNTAX, "a key without colon");
	j->at++;
	j->state = AT_VALUE;
	return JSON_KEY;
}

enum json_token
json_pull_next(struct json_pull *j)
{
	if (j->err)
		return JSON_BAD;
	skip_space(j);
	switch ((enum state)j->state) {
	case AT_FIRST_VALUE:
		if (closes(j))
			return close_level(j);
		return value(j);
	case AT_VALUE:
		return value(j);
	case AT_FIRST_KEY:
		if (closes(j))
			return close_level(j);
		return key(j);
	case AT_KEY:
		return key(j);
	case AT_COMMA:
		if (closes(j))
			return close_level(j);
		if (j->at == j->end || *j->at != ',')
			return bad(j, AVER_SYNTAX, "no comma where one is due");
		j->at++;
		skip_space(j);
		return in_object(j) ? key(j) : value(j);
	case AT_END:
		/* what ends a C string is no content */
		while (j->at < j->end &&
		       (*j->at == '\0' || chars_is(*j->at, CH_FWS)))
			j->at++;
		if (j->at < j->end)
			return bad(j, AVER_SYNTAX, "more than one value");
		return JSON_END;
	}
	return bad(j, AVER_BUG, "impossible");
}

bool
json_pull_skip(struct json_pull *j, enum json_token token)
{
	unsigned depth = j->depth;

	if (token != JSON_OPEN_OBJECT && token != JSON_OPEN_ARRAY)
		return token != JSON_BAD;
	while (j->depth >= depth)
		if (json_pull_next(j) == JSON_BAD)
			return false;
	return true;
}
