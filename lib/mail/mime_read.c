/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/base/scan.h"
#include "lib/mail/mime.h"

/* RFC 2046 section 5.1.1: 70; some have longer ones. */
#define BOUNDARY_MAX 200

static const char *const encoding_names[MIME_ENCODING_COUNT] = {
    [MIME_IDENTITY] = "identity",
    [MIME_BASE64] = "base64",
    [MIME_QP] = "quoted-printable",
    [MIME_ENCODING_OTHER] = "other",
};

const char *
mime_encoding_name(enum mime_encoding e)
{
	return name_of(encoding_names, MIME_ENCODING_COUNT, (int)e);
}

/* ---- lines and fields --------------------------------------------------- */

int
mime_crlf(struct arena *a, struct str text, struct str *out)
{
	size_t bare = 0, n = 0;
	char *p;

	for (size_t i = 0; i < text.n; i++)
		bare += text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r');
	if (bare == 0) {
		*out = text;
		return 0;
	}
	if (!(p = arena_alloc(a, text.n + bare)))
		return AVER_NOMEM;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			p[n++] = '\r';
		p[n++] = text.p[i];
	}
	*out = (struct str){p, n};
	return 0;
}

/* The line that s begins with, without its CRLF; what follows in *rest. */
static struct str
take_line(struct str s, struct str *rest)
{
	size_t at = str_chr(s, '\n');
	struct str line = str_head(s, at);

	*rest = str_from(s, at + 1);
	if (line.n && at < s.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* RFC 5322 section 2.2: ftext, and white space as of section 4.5 */
static bool
is_field(struct str line)
{
	size_t n = 0;

	while (n < line.n && chars_is(line.p[n], CH_FTEXT))
		n++;
	if (n == 0)
		return false;
	while (n < line.n && chars_is(line.p[n], CH_WSP))
		n++;
	return n < line.n && line.p[n] == ':';
}

int
mime_fields(struct arena *a, struct str text, size_t max, struct hdr_list *out,
    struct str *rest, bool *cut)
{
	struct hdr_list l = {0};
	struct str after, line;

	while (text.n) {
		const char *start = text.p, *end;

		line = take_line(text, &after);
		if (line.n == 0) {
			text = after;
			break;
		}
		if (!is_field(line))
			break;
		end = line.p + line.n;
		for (text = after; text.n && chars_is(*text.p, CH_WSP);
		     text = after) {
			line = take_line(text, &after);
			end = line.p + line.n;
		}
		if (l.n >= max) {
			*cut = true;
			continue;
		}
		if (hdr_list_add(&l, a,
			hdr_of((struct str){start, (size_t)(end - start)})))
			return AVER_NOMEM;
	}
	*out = l;
	*rest = text;
	return 0;
}

/* ---- one part ----------------------------------------------------------- */

/* What is to be read as a part. */
struct region {
	struct str text;
	size_t parent;
	unsigned depth;
	bool message;
	bool digest; /* in a multipart/digest */
};

struct reader {
	struct arena *arena;
	const struct mime_limits *limits;
	struct mime_tree tree;
	size_t cap;
	size_t fields; /* of all parts so far */
	struct region *stack; /* room for limits->parts */
	size_t waiting;
};

/* "value; params" of a field, the value in lower case without comments. */
static int
read_value(
    struct arena *a, const struct hdr *h, struct str *value, struct str *params)
{
	struct scan s = scan_of(h->value);
	struct str word;
	size_t semicolon;

	scan_cfws(&s);
	word = scan_rest(&s);
	semicolon = str_chr(word, ';');
	*params = str_from(word, semicolon);
	word = str_head(word, semicolon);
	word = str_trim_fws(str_head(word, str_chr(word, '(')));
	*value = arena_lower(a, word);
	return word.n && !value->p ? AVER_NOMEM : 0;
}

/* RFC 2045 section 5.1: type "/" subtype, both tokens. */
static bool
is_type(struct str s)
{
	size_t slash = str_chr(s, '/');

	if (slash == 0 || slash + 1 >= s.n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (i != slash && !chars_is(s.p[i], CH_TOKEN))
			return false;
	return true;
}

static enum mime_encoding
encoding_of(struct str v)
{
	static const struct str plain[] = {STR_INIT("7bit"), STR_INIT("8bit"),
	    STR_INIT("binary"), STR_INIT("")};

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (str_eq(v, plain[i]))
			return MIME_IDENTITY;
	if (str_eq(v, STR("base64")))
		return MIME_BASE64;
	if (str_eq(v, STR("quoted-printable")))
		return MIME_QP;
	return MIME_ENCODING_OTHER;
}

static bool
is_message(struct str type)
{
	return str_eq(type, STR("message/rfc822")) ||
	       str_eq(type, STR("message/global"));
}

static bool
is_multipart(struct str type)
{
	return str_starts(type, STR("multipart/"));
}

/* A name for humans and for looking at its end: no path, no line end. */
static int
read_filename(struct arena *a, struct str params, struct str disposition,
    struct mime_part *p)
{
	struct str name = STR_NONE;
	char *copy;
	int err = mime_param_find(a, disposition, STR("filename"), &name);

	if (!err && !name.n)
		err = mime_param_find(a, params, STR("name"), &name);
	if (err || name.n == 0)
		return err;
	if (!(copy = arena_alloc(a, name.n)))
		return AVER_NOMEM;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		copy[i] =
		    c == '/' || c == '\\' || chars_is(c, CH_CTL) ? '_' : c;
	}
	p->filename = (struct str){copy, name.n};
	return 0;
}

/* Everything about p that its fields tell. */
static int
read_fields(struct arena *a, bool digest, struct mime_part *p)
{
	const struct hdr *type = hdr_find(&p->fields, STR("Content-Type"), 0);
	const struct hdr *disposition =
	    hdr_find(&p->fields, STR("Content-Disposition"), 0);
	const struct hdr *encoding =
	    hdr_find(&p->fields, STR("Content-Transfer-Encoding"), 0);
	struct str params = STR_NONE, value = STR_NONE, none;
	int err = 0;

	if (type)
		err = read_value(a, type, &p->type, &p->params);
	/* RFC 2045 section 5.2, RFC 2046 section 5.1.5 */
	if (!is_type(p->type))
		p->type = digest ? STR("message/rfc822") : STR("text/plain");
	if (!err && disposition)
		err = read_value(a, disposition, &p->disposition, &params);
	if (!err && encoding)
		err = read_value(a, encoding, &value, &none);
	if (err)
		return err;
	p->encoding = encoding_of(value);
	return read_filename(a, p->params, params, p);
}

static int
add_part(struct reader *r, const struct region *g)
{
	struct mime_part *p;
	int err;

	if (r->tree.n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 8;

		p = arena_grow(
		    r->arena, r->tree.v, r->cap * sizeof(*p), cap * sizeof(*p));
		if (!p)
			return AVER_NOMEM;
		r->tree.v = p;
		r->cap = cap;
	}
	p = &r->tree.v[r->tree.n];
	*p = (struct mime_part){
	    .depth = g->depth, .parent = g->parent, .message = g->message};
	err = mime_fields(r->arena, g->text, r->limits->fields - r->fields,
	    &p->fields, &p->content, &r->tree.cut);
	if (err || (err = read_fields(r->arena, g->digest, p)))
		return err;
	r->fields += p->fields.n;
	r->tree.n++;
	return 0;
}

/* ---- parts in parts ----------------------------------------------------- */

/* RFC 2046 section 5.1.1: a line "--boundary" or "--boundary--", white space
 * after it. Returns 0: no, 1: a delimiter, 2: the last one. */
static int
delimiter(struct str line, struct str boundary)
{
	int kind = 1;

	if (!str_starts(line, STR("--")) ||
	    !str_starts(str_from(line, 2), boundary))
		return 0;
	line = str_from(line, 2 + boundary.n);
	if (str_starts(line, STR("--"))) {
		line = str_from(line, 2);
		kind = 2;
	}
	return str_trim(line, " \t").n ? 0 : kind;
}

static void
push(struct reader *r, const struct region *g)
{
	/* part 0 is the message, which was taken off the stack */
	if (r->tree.n + r->waiting >= r->limits->parts) {
		r->tree.cut = true;
		return;
	}
	r->stack[r->waiting++] = *g;
}

/* From start to before the CRLF in front of the delimiter at end. */
static struct str
between(const char *start, const char *end)
{
	struct str s = {start, (size_t)(end - start)};

	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

static void
reverse(struct region *v, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct region g = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = g;
	}
}

/* Puts the parts of the multipart with that index on the stack. */
static int
split(struct reader *r, size_t index)
{
	struct mime_part *p = &r->tree.v[index];
	struct region g = {.parent = index,
	    .depth = p->depth + 1,
	    .digest = str_eq(p->type, STR("multipart/digest"))};
	struct str boundary, text = p->content, rest, line;
	size_t first = r->waiting;
	const char *start = NULL;
	int kind = 0, err;

	err = mime_param_find(r->arena, p->params, STR("boundary"), &boundary);
	if (err || boundary.n == 0 || boundary.n > BOUNDARY_MAX)
		return err;
	for (; text.n && kind != 2; text = rest) {
		line = take_line(text, &rest);
		if (!(kind = delimiter(line, boundary)))
			continue;
		if (start) {
			g.text = between(start, line.p);
			push(r, &g);
		}
		start = rest.p ? rest.p : text.p + text.n;
	}
	p->open = start && kind != 2;
	if (p->open) {
		g.text = (struct str){
		    start, (size_t)(p->content.p + p->content.n - start)};
		push(r, &g);
	}
	reverse(r->stack + first, r->waiting - first);
	return 0;
}

/* A message in a message; some encode it, against RFC 2046 section 5.2.1. */
static int
unwrap(struct reader *r, size_t index)
{
	struct mime_part *p = &r->tree.v[index];
	struct region g = {
	    .parent = index, .depth = p->depth + 1, .message = true};
	int err = 0;

	g.text = p->content;
	if (p->encoding == MIME_BASE64 || p->encoding == MIME_QP) {
		err = mime_decode(r->arena, p, &g.text);
		if (!err)
			err = mime_crlf(r->arena, g.text, &g.text);
	}
	if (!err)
		push(r, &g);
	return err;
}

static int
descend(struct reader *r, size_t index)
{
	const struct mime_part *p = &r->tree.v[index];
	bool multi = is_multipart(p->type);

	if (!multi && !is_message(p->type))
		return 0;
	if (p->depth >= r->limits->depth) {
		r->tree.cut = true;
		return 0;
	}
	return multi ? split(r, index) : unwrap(r, index);
}

/* The envelope line of an mbox file. */
static struct str
without_from_line(struct str text)
{
	struct str rest;

	if (!str_starts(text, STR("From ")))
		return text;
	take_line(text, &rest);
	return rest;
}

int
mime_read(struct arena *a, struct str text, const struct mime_limits *limits,
    struct mime_tree *out)
{
	struct reader r = {.arena = a, .limits = limits};
	struct region g = {.message = true};
	int err = mime_crlf(a, text, &g.text);

	if (err)
		return err;
	r.stack = ARENA_ARRAY(a, struct region, limits->parts + 1);
	if (!r.stack)
		return AVER_NOMEM;
	g.text = without_from_line(g.text);
	r.stack[r.waiting++] = g;
	while (r.waiting) {
		g = r.stack[--r.waiting];
		if ((err = add_part(&r, &g)) ||
		    (err = descend(&r, r.tree.n - 1)))
			return err;
	}
	*out = r.tree;
	return 0;
}
