/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_sign.h"

#include "lib/base/b64.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/dkim/dkim_body.h"
#include "lib/dkim/dkim_check.h"
#include "lib/dkim/dkim_private.h"
#include "lib/dns/dname.h"
#include "lib/mail/addr.h"

/* RFC 5322 section 2.1.1 */
#define LINE 78
/* of a field; a message of ours has a tenth of it */
#define FIELD_MAX ((size_t)64 << 10)

struct dkim_signing {
	struct arena *arena;
	const struct dkim_engine *engine;
	struct dkim_sign_config config;
	struct dkim_bodies bodies;
	struct dkim_body_hash *body;
};

/*
 * RFC 6376 section 5.4.1. once: no message has two, so naming it keeps the
 * first from being added too. Content-Transfer-Encoding and List fields are
 * signed only where they are: relays and lists add them in good faith.
 */
static const struct {
	const char *name;
	bool once;
} fields[] = {
    {"From", true},
    {"Sender", true},
    {"Reply-To", true},
    {"To", true},
    {"Cc", true},
    {"Subject", true},
    {"Date", true},
    {"Message-ID", true},
    {"In-Reply-To", true},
    {"References", true},
    {"MIME-Version", true},
    {"Content-Type", true},
    {"Content-Transfer-Encoding", false},
    {"Content-Disposition", false},
    {"Auto-Submitted", false},
    {"List-Id", false},
    {"List-Unsubscribe", false},
    {"List-Unsubscribe-Post", false},
    /* RFC 8460 section 5.3 */
    {"TLS-Report-Domain", false},
    {"TLS-Report-Submitter", false},
    {"TLS-Required", false},
};

struct dkim_signing *
dkim_signing_new(struct arena *a, const struct dkim_engine *e,
    const struct dkim_sign_config *c)
{
	struct dkim_signing *s = ARENA_NEW(a, struct dkim_signing);

	if (!s)
		return NULL;
	s->arena = a;
	s->engine = e;
	s->config = *c;
	dkim_bodies_init(&s->bodies, a, e, 1);
	if (dkim_bodies_want(
		&s->bodies, DKIM_RELAXED, DKIM_NO_LENGTH, &s->body))
		return NULL;
	return s;
}

void
dkim_signing_body(struct dkim_signing *s, struct str chunk)
{
	dkim_bodies_add(&s->bodies, chunk);
}

/* ---- the field ---------------------------------------------------------- */

/* A list of tags that is folded before a word that would not fit. */
struct folder {
	struct buf *b;
	size_t col;
};

static void
fold(struct folder *f)
{
	buf_add_z(f->b, "\r\n\t");
	f->col = 8;
}

/* glue: one word, after a space or a fold. */
static void
add_word(struct folder *f, struct str word)
{
	if (f->col + 1 + word.n > LINE) {
		fold(f);
	} else {
		buf_add_c(f->b, ' ');
		f->col++;
	}
	buf_add(f->b, word);
	f->col += word.n;
}

/* More of the same word where a fold may stand (h=, b=). */
static void
add_more(struct folder *f, struct str piece)
{
	if (f->col + piece.n > LINE)
		fold(f);
	buf_add(f->b, piece);
	f->col += piece.n;
}

static void
add_base64(struct folder *f, struct str text)
{
	while (text.n) {
		size_t room = f->col < LINE ? LINE - f->col : 0;
		struct str piece;

		if (room == 0) {
			fold(f);
			room = LINE - f->col;
		}
		piece = str_head(text, room);
		add_more(f, piece);
		text = str_from(text, piece.n);
	}
}

static void
add_name(struct folder *f, const char *name, bool *first)
{
	struct str s = str_from_z(name);

	if (!*first) {
		buf_add_c(f->b, ':');
		f->col++;
	}
	*first = false;
	/* the colon or semicolon that follows fits too */
	if (f->col + s.n + 1 > LINE)
		fold(f);
	buf_add(f->b, s);
	f->col += s.n;
}

/* Names each field once more than it is there (RFC 6376 section 8.15). */
static void
add_names(struct folder *f, const struct hdr_list *headers)
{
	bool first = true;

	add_word(f, STR("h="));
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		size_t n = hdr_count(headers, str_from_z(fields[i].name));

		if (n == 0 && !fields[i].once)
			continue;
		for (size_t k = 0; k <= n; k++)
			add_name(f, fields[i].name, &first);
	}
	buf_add_c(f->b, ';');
	f->col++;
}

static void
add_tag(struct folder *f, const char *name, struct str value)
{
	struct buf tag;

	buf_init(&tag, f->b->arena, 600);
	buf_add_z(&tag, name);
	buf_add(&tag, value);
	buf_add_c(&tag, ';');
	if (!buf_ok(&tag) && !f->b->err)
		f->b->err = tag.err;
	add_word(f, buf_str(&tag));
}

static void
add_time(struct folder *f, const char *name, int64_t t)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + t % 10);
		t /= 10;
	} while (t);
	add_tag(f, name, (struct str){digits + n, sizeof(digits) - n});
}

/* The field up to and with "b=" (RFC 6376 section 3.5). */
static void
put_tags(
    struct dkim_signing *s, const struct hdr_list *headers, struct folder *f)
{
	const struct dkim_sign_config *c = &s->config;
	struct buf bh;

	buf_init(&bh, s->arena, 100);
	b64_encode(&bh, s->body->digest);
	buf_add_z(f->b, "DKIM-Signature: v=1;");
	f->col = f->b->n;
	add_tag(f, "a=", str_from_z(dkim_algorithm_name(c->key->algorithm)));
	add_tag(f, "c=", STR("relaxed/relaxed"));
	add_tag(f, "d=", c->domain);
	add_tag(f, "s=", c->selector);
	add_time(f, "t=", c->now);
	if (c->valid)
		add_time(f, "x=", c->now + c->valid);
	add_names(f, headers);
	add_tag(f, "bh=", buf_str(&bh));
	add_word(f, STR("b="));
}

/* A name in ASCII of labels; d= has at least two (RFC 6376 section 3.5). */
static bool
is_name(struct str s, unsigned labels)
{
	struct dname name;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && s.p[i] != '_' && !chars_is(s.p[i], CH_LDH))
			return false;
	return s.n && dname_from_text(s, &name) && domain_labels(s) >= labels &&
	       s.p[s.n - 1] != '.';
}

static int
sign(struct dkim_signing *s, const struct hdr_list *headers, struct str names,
    struct buf *field, struct str *out)
{
	unsigned char hash[DKIM_HASH_SIZE];
	struct hdr own = hdr_of(buf_str(field));
	struct dkim_sig sig = {.header_canon = DKIM_RELAXED,
	    .names = names,
	    .b_raw = str_from(own.raw, own.raw.n)};
	struct dkim_hasher *x = arena_alloc(s->arena, sizeof(*x));
	int err;

	if (!x)
		return AVER_NOMEM;
	err = dkim_hasher_init(
	    x, s->arena, s->engine, headers, 2 * headers->octets + FIELD_MAX);
	if (!err)
		err = dkim_hasher_message(x, &sig, &own, hash);
	return err ? err
		   : dkim_private_sign(s->config.key, s->arena, hash, out);
}

/* The value of h= in the field. */
static struct str
names_of(struct str field)
{
	struct str rest = field, part;

	while (rest.p) {
		part = str_trim_fws(str_cut(rest, ';', &rest));
		if (str_starts(part, STR("h=")))
			return str_from(part, 2);
	}
	return STR_NONE;
}

int
dkim_signing_finish(
    struct dkim_signing *s, const struct hdr_list *headers, struct buf *b)
{
	struct str octets, b_value;
	struct buf field, b64;
	struct folder f = {.b = &field};
	int err;

	/* RFC 6376 section 5.4: From MUST be signed */
	if (hdr_count(headers, STR("From")) != 1 ||
	    !is_name(s->config.domain, 2) || !is_name(s->config.selector, 1) ||
	    s->config.now < 0)
		return AVER_SYNTAX;
	dkim_bodies_end(&s->bodies);
	if (s->body->failed)
		return AVER_CRYPTO;
	buf_init(&field, s->arena, FIELD_MAX);
	put_tags(s, headers, &f);
	if (!buf_ok(&field))
		return field.err;
	err = sign(s, headers, names_of(buf_str(&field)), &field, &octets);
	if (err)
		return err;
	buf_init(&b64, s->arena, FIELD_MAX);
	b64_encode(&b64, octets);
	b_value = buf_str(&b64);
	add_base64(&f, b_value);
	buf_add_z(&field, "\r\n");
	if (!buf_ok(&field) || !buf_ok(&b64))
		return field.err ? field.err : b64.err;
	buf_add(b, buf_str(&field));
	return b->err;
}
