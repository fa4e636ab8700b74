/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/conf/value.h"

#include <string.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/scan.h"
#include "lib/conf/items.h"

#define SHOWN 40 /* octets of a value in a message */
#define FOLD_AT 1000 /* octets after which a list goes on in a new line */
#define NUMBER_MAX ((uint64_t)10000000000) /* * 1 day or 1 TB fits int64_t */

struct suffix {
	const char *text;
	int64_t factor;
};

/* Each table in descending order, so that the first that divides is used. */
static const struct suffix time_suffixes[] = {{"d", 86400000}, {"h", 3600000},
    {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct suffix size_suffixes[] = {
    {"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {"", 1}, {NULL, 0}};

static void *
field(const struct param *p, struct conf *c)
{
	return (char *)c + p->offset;
}

static const void *
const_field(const struct param *p, const struct conf *c)
{
	return (const char *)c + p->offset;
}

/* "TEXT" is WRONG. */
static int
bad(struct diag *d, struct str text, const char *wrong)
{
	if (text.n == 0)
		return diag_set(d, AVER_SYNTAX, 0, "there is no value");
	return diag_set(d, AVER_SYNTAX, 0, "\"%.*s%s\" is %s",
	    STRF(str_head(text, SHOWN)), text.n > SHOWN ? "..." : "", wrong);
}

static int
parse_text(const struct param *p, struct arena *a, struct str text, void *out,
    struct diag *d)
{
	const char *z;

	if (!p->check(text))
		return bad(d, text, "not usable here");
	z = arena_z(a, text);
	if (!z)
		return AVER_NOMEM;
	*(const char **)out = z;
	return 0;
}

static int
parse_strings(const struct param *p, struct arena *a, struct str text,
    void *out, struct diag *d)
{
	struct conf_strings list = {0};
	size_t n = items_count(text);
	struct str item;

	if (!p->check(text))
		return bad(d, text, "not usable here");
	list.v = ARENA_ARRAY(a, const char *, n);
	if (!list.v)
		return AVER_NOMEM;
	while (items_next(&text, &item)) {
		list.v[list.n] = arena_z(a, item);
		if (!list.v[list.n++])
			return AVER_NOMEM;
	}
	*(struct conf_strings *)out = list;
	return 0;
}

static int
parse_bool(struct str text, void *out, struct diag *d)
{
	bool yes = str_eq_ci(text, STR("yes"));

	if (!yes && !str_eq_ci(text, STR("no")))
		return bad(d, text, "neither yes nor no");
	*(bool *)out = yes;
	return 0;
}

static int
parse_word(const struct param *p, struct str text, void *out, struct diag *d)
{
	const struct param_word *w = p->words;

	while (w->word && !str_eq_ci(text, str_from_z(w->word)))
		w++;
	if (!w->word)
		return bad(d, text, "no word known here");
	*(int *)out = w->value;
	return 0;
}

static int
in_range(const struct param *p, struct str text, int64_t v, void *out,
    struct diag *d)
{
	if (v < p->min)
		return bad(d, text, "too small");
	if (v > p->max)
		return bad(d, text, "too large");
	*(int64_t *)out = v;
	return 0;
}

static int
parse_integer(const struct param *p, struct str text, void *out, struct diag *d)
{
	uint64_t v;

	if (!str_to_u64(text, NUMBER_MAX, &v))
		return bad(d, text, "not a number");
	return in_range(p, text, (int64_t)v, out, d);
}

static int
parse_octal(const struct param *p, struct str text, void *out, struct diag *d)
{
	int64_t v = 0;

	if (text.n > 8)
		return bad(d, text, "not an octal number");
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '7')
			return bad(d, text, "not an octal number");
		v = v * 8 + (text.p[i] - '0');
	}
	if (text.n == 0)
		return bad(d, text, "");
	return in_range(p, text, v, out, d);
}

/* NUMBER [SUFFIX]; without a suffix the number counts in units of plain. */
static bool
scan_quantity(
    struct str text, const struct suffix *suffixes, int64_t plain, int64_t *out)
{
	struct scan s = scan_of(text);
	int64_t factor = plain;
	uint64_t n;

	if (!scan_u64(&s, NUMBER_MAX, &n))
		return false;
	scan_skip(&s, CH_WSP);
	if (!scan_done(&s)) {
		while (suffixes->text &&
		       !str_eq_ci(scan_rest(&s), str_from_z(suffixes->text)))
			suffixes++;
		if (!suffixes->text)
			return false;
		factor = suffixes->factor;
	}
	*out = (int64_t)n * factor;
	return true;
}

static int64_t
unit_ms(const struct param *p)
{
	return p->unit == UNIT_MS ? 1 : 1000;
}

static int
parse_time(const struct param *p, struct str text, void *out, struct diag *d)
{
	int64_t ms;

	if (!scan_quantity(text, time_suffixes, unit_ms(p), &ms))
		return bad(d, text, "not a time");
	if (ms % unit_ms(p) != 0)
		return bad(d, text, "not a whole number of seconds");
	return in_range(p, text, ms / unit_ms(p), out, d);
}

static int
parse_size(const struct param *p, struct str text, void *out, struct diag *d)
{
	int64_t octets;

	if (!scan_quantity(text, size_suffixes, 1, &octets))
		return bad(d, text, "not a size");
	return in_range(p, text, octets, out, d);
}

/* Without the brackets of [ADDRESS] or [ADDRESS]/BITS; false if unpaired. */
static bool
without_brackets(struct str text, char out[64], struct str *plain)
{
	struct str inside = str_from(text, 1);
	size_t close = str_chr(inside, ']');
	struct str after = str_from(inside, close + 1);

	*plain = text;
	if (text.n == 0 || text.p[0] != '[')
		return true;
	if (close == inside.n || close + after.n > 64)
		return false;
	memcpy(out, inside.p, close);
	if (after.n)
		memcpy(out + close, after.p, after.n);
	*plain = (struct str){out, close + after.n};
	return true;
}

/* ADDRESS[/BITS] or [ADDRESS][/BITS], as Postfix's mynetworks has it. */
static int
parse_net(struct str text, struct ip_net *out, struct diag *d)
{
	char copy[64];
	struct str plain, bits;
	struct ip_net net;
	struct ip ip, v4;

	if (!without_brackets(text, copy, &plain) || !ip_net_parse(plain, &net))
		return bad(d, text, "not a network");
	if (!ip_parse(str_cut(plain, '/', &bits), &ip) || !ip_eq(&ip, &net.ip))
		return bad(
		    d, text, "no network: bits are set beyond its prefix");
	v4 = ip_unmap(net.ip);
	if (v4.family != net.ip.family && net.bits >= 96) {
		net.ip = v4;
		net.bits = (uint8_t)(net.bits - 96);
	}
	*out = net;
	return 0;
}

static int
parse_nets(struct arena *a, struct str text, void *out, struct diag *d)
{
	struct conf_nets list = {0};
	struct str item;
	int err;

	list.v = ARENA_ARRAY(a, struct ip_net, items_count(text));
	if (!list.v)
		return AVER_NOMEM;
	while (items_next(&text, &item))
		if ((err = parse_net(item, &list.v[list.n++], d)))
			return err;
	*(struct conf_nets *)out = list;
	return 0;
}

int
value_parse(const struct param *p, struct arena *a, struct str text,
    struct conf *c, struct diag *d)
{
	void *out = field(p, c);

	switch (p->type) {
	case PARAM_TEXT:
		return parse_text(p, a, text, out, d);
	case PARAM_BOOL:
		return parse_bool(text, out, d);
	case PARAM_INTEGER:
		return parse_integer(p, text, out, d);
	case PARAM_OCTAL:
		return parse_octal(p, text, out, d);
	case PARAM_TIME:
		return parse_time(p, text, out, d);
	case PARAM_SIZE:
		return parse_size(p, text, out, d);
	case PARAM_WORD:
		return parse_word(p, text, out, d);
	case PARAM_STRINGS:
		return parse_strings(p, a, text, out, d);
	case PARAM_NETS:
		return parse_nets(a, text, out, d);
	case PARAM_TYPE_COUNT:
		break;
	}
	return AVER_BUG;
}

static void
print_quantity(struct buf *b, int64_t v, const struct suffix *suffixes)
{
	if (v == 0) {
		buf_add_c(b, '0');
		return;
	}
	while (v % suffixes->factor != 0)
		suffixes++;
	buf_add_u64(b, (uint64_t)(v / suffixes->factor));
	buf_add_z(b, suffixes->text);
}

static void
print_time(struct buf *b, const struct param *p, int64_t v)
{
	print_quantity(b, v * unit_ms(p), time_suffixes);
	if (v == 0)
		buf_add_c(b, 's');
}

/* Before item i of a list; *line: where the line began in b. */
static void
separate(struct buf *b, size_t i, size_t *line)
{
	if (i == 0)
		return;
	if (b->n - *line < FOLD_AT) {
		buf_add_c(b, ' ');
		return;
	}
	buf_add_z(b, "\n    ");
	*line = b->n;
}

static void
print_nets(struct buf *b, const struct conf_nets *list)
{
	size_t line = b->n;

	for (size_t i = 0; i < list->n; i++) {
		const struct ip_net *net = &list->v[i];
		bool v6 = net->ip.family == IP_V6;

		separate(b, i, &line);
		buf_add_z(b, v6 ? "[" : "");
		ip_print(b, &net->ip);
		buf_add_z(b, v6 ? "]" : "");
		buf_addf(b, "/%u", net->bits);
	}
}

static void
print_strings(struct buf *b, const struct conf_strings *list)
{
	size_t line = b->n;

	for (size_t i = 0; i < list->n; i++) {
		separate(b, i, &line);
		buf_add_z(b, list->v[i]);
	}
}

static void
print_word(struct buf *b, const struct param *p, int value)
{
	for (const struct param_word *w = p->words; w->word; w++) {
		if (w->value == value) {
			buf_add_z(b, w->word);
			return;
		}
	}
}

void
value_print(struct buf *b, const struct param *p, const struct conf *c)
{
	const void *in = const_field(p, c);

	switch (p->type) {
	case PARAM_TEXT:
		buf_add_z(b, *(const char *const *)in);
		break;
	case PARAM_BOOL:
		buf_add_z(b, *(const bool *)in ? "yes" : "no");
		break;
	case PARAM_INTEGER:
		buf_add_u64(b, *(const uint64_t *)in);
		break;
	case PARAM_OCTAL:
		buf_addf(b, "0%03llo", *(const unsigned long long *)in);
		break;
	case PARAM_TIME:
		print_time(b, p, *(const int64_t *)in);
		break;
	case PARAM_SIZE:
		print_quantity(b, *(const int64_t *)in, size_suffixes);
		break;
	case PARAM_WORD:
		print_word(b, p, *(const int *)in);
		break;
	case PARAM_STRINGS:
		print_strings(b, in);
		break;
	case PARAM_NETS:
		print_nets(b, in);
		break;
	case PARAM_TYPE_COUNT:
		break;
	}
}

static void
expect_words(struct buf *b, const struct param_word *w)
{
	for (; w->word; w++) {
		buf_add_z(b, w->word);
		if (w[1].word)
			buf_add_z(b, w[2].word ? ", " : " or ");
	}
}

void
value_expected(struct buf *b, const struct param *p)
{
	switch (p->type) {
	case PARAM_TEXT:
	case PARAM_STRINGS:
		buf_add_z(b, p->expected);
		break;
	case PARAM_BOOL:
		buf_add_z(b, "yes or no");
		break;
	case PARAM_INTEGER:
		buf_addf(b, "a number from %lld to %lld", (long long)p->min,
		    (long long)p->max);
		break;
	case PARAM_OCTAL:
		buf_addf(b, "an octal number from 0%03llo to 0%03llo",
		    (unsigned long long)p->min, (unsigned long long)p->max);
		break;
	case PARAM_TIME:
		buf_add_z(b, "a time from ");
		print_time(b, p, p->min);
		buf_add_z(b, " to ");
		print_time(b, p, p->max);
		break;
	case PARAM_SIZE:
		buf_add_z(b, "a size from ");
		print_quantity(b, p->min, size_suffixes);
		buf_add_z(b, " to ");
		print_quantity(b, p->max, size_suffixes);
		break;
	case PARAM_WORD:
		expect_words(b, p->words);
		break;
	case PARAM_NETS:
		buf_add_z(
		    b, "networks such as 192.0.2.0/24 or [2001:db8::]/32");
		break;
	case PARAM_TYPE_COUNT:
		break;
	}
}
