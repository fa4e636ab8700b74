/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/mime.h"

#include <string.h>

#include "lib/base/b64.h"
#include "lib/base/chars.h"
#include "lib/mail/addr.h"
#include "lib/mail/date.h"
#include "lib/mail/encword.h"
#include "lib/mail/utf8.h"

/* RFC 5322 section 2.1.1: 998 octets of a line MUST NOT be exceeded. What
 * cannot be folded is cut here, name and indentation still fit. */
#define WORD_MAX 900
/* Longer words of a text are worth an encoding that can be folded. */
#define PLAIN_MAX 200
/* RFC 2047 section 2: an encoded-word has 75 octets at most; 45 octets give
 * 60 of base64, and the frame takes 12. */
#define ENCODED_OCTETS ((size_t)45)
#define ENCODED_FRAME ((size_t)12)

/* ---- folding ------------------------------------------------------------ */

/* A field that is being written; words are kept apart by one space. */
struct folder {
	struct buf *b;
	size_t col;
	bool first; /* no word yet: it stays in the line of the name */
};

static struct folder
begin(struct buf *b, struct str name)
{
	buf_add(b, name);
	buf_add_z(b, ":");
	return (struct folder){b, name.n + 1, true};
}

static void
add_word(struct folder *f, struct str word)
{
	word = str_head(word, WORD_MAX);
	if (!f->first && f->col + 1 + word.n > MIME_LINE) {
		buf_add_z(f->b, "\r\n");
		f->col = 0;
	}
	buf_add_c(f->b, ' ');
	buf_add(f->b, word);
	f->col += 1 + word.n;
	f->first = false;
}

static void
end(struct folder *f)
{
	buf_add_z(f->b, "\r\n");
}

static bool
is_space(char c)
{
	return c == ' ' || chars_is(c, CH_CTL);
}

/* The next run of octets that are neither space nor control. */
static bool
next_word(struct str *rest, struct str *word)
{
	size_t i = 0, n = 0;

	if (rest->n == 0)
		return false;
	while (i < rest->n && is_space(rest->p[i]))
		i++;
	while (i + n < rest->n && !is_space(rest->p[i + n]))
		n++;
	*word = (struct str){rest->p + i, n};
	*rest = str_from(*rest, i + n);
	return n;
}

/* One word of a value in ASCII; other octets become "?". */
static void
add_ascii(struct folder *f, struct str word)
{
	char copy[WORD_MAX];

	word = str_head(word, WORD_MAX);
	for (size_t i = 0; i < word.n; i++)
		copy[i] = chars_is(word.p[i], CH_PRINT) ? word.p[i] : '?';
	add_word(f, (struct str){copy, word.n});
}

void
mime_field(struct buf *b, struct str name, struct str value)
{
	struct folder f = begin(b, name);
	struct str word;

	while (next_word(&value, &word))
		add_ascii(&f, word);
	end(&f);
}

/* ---- encoded-words ------------------------------------------------------ */

static bool
is_plain(struct str text)
{
	struct str rest = text, word;

	if (!str_is_ascii(text))
		return false;
	while (next_word(&rest, &word))
		if (word.n > PLAIN_MAX)
			return false;
	return !encword_in(text);
}

/*
 * Takes one character off the front of *s as UTF-8 for an encoded-word:
 * controls become spaces, octets that are none U+FFFD. At most 4 octets.
 */
static struct str
take_char(struct str *s)
{
	size_t n = utf8_len(*s);
	struct str c = str_head(*s, n);

	if (n == 0)
		c = STR("\xef\xbf\xbd");
	else if (is_space(*c.p))
		c = STR(" ");
	*s = str_from(*s, n ? n : 1);
	return c;
}

/* RFC 2047 section 5: characters are not split between two words. */
static void
add_encoded(struct folder *f, struct str text)
{
	char raw[ENCODED_OCTETS], word[ENCODED_FRAME + 61];
	struct buf w;

	while (text.n) {
		size_t room = ENCODED_OCTETS, n = 0;

		/* the first shares its line with the name of the field */
		if (f->first && f->col + 1 + ENCODED_FRAME + 60 > MIME_LINE)
			room = 24;
		while (text.n) {
			struct str rest = text, c = take_char(&rest);

			if (n + c.n > room)
				break;
			memcpy(raw + n, c.p, c.n);
			n += c.n;
			text = rest;
		}
		buf_init(&w, NULL, sizeof(word));
		buf_add_z(&w, "=?UTF-8?B?");
		b64_encode(&w, (struct str){raw, n});
		buf_add_z(&w, "?=");
		if (!buf_ok(&w) && !f->b->err)
			f->b->err = w.err;
		add_word(f, buf_str(&w));
		buf_fini(&w);
	}
}

void
mime_field_text(struct buf *b, struct str name, struct str text)
{
	struct folder f = begin(b, name);
	struct str word;

	if (is_plain(text)) {
		while (next_word(&text, &word))
			add_ascii(&f, word);
	} else {
		add_encoded(&f, text);
	}
	end(&f);
}

/* ---- addresses ---------------------------------------------------------- */

/* RFC 5322 section 3.2.5: a phrase of atoms needs no quotes. */
static bool
is_phrase(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && !chars_is(s.p[i], CH_ATEXT))
			return false;
	return true;
}

/* RFC 5322 section 3.2.4: a quoted-string, folded at its spaces. */
static void
add_quoted(struct folder *f, struct str s)
{
	struct buf q;
	struct str rest, word;

	buf_init(&q, NULL, 2 * s.n + 2);
	buf_add_c(&q, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_c(&q, '\\');
		buf_add_c(&q, s.p[i]);
	}
	buf_add_c(&q, '"');
	if (!buf_ok(&q) && !f->b->err)
		f->b->err = q.err;
	rest = buf_str(&q);
	while (next_word(&rest, &word))
		add_ascii(f, word);
	buf_fini(&q);
}

void
mime_field_mailbox(
    struct buf *b, struct str name, struct str display, struct str address)
{
	struct folder f = begin(b, name);
	struct str rest = display, word;
	struct buf angle;

	if (!is_plain(display)) {
		add_encoded(&f, display);
	} else if (is_phrase(display)) {
		while (next_word(&rest, &word))
			add_ascii(&f, word);
	} else {
		add_quoted(&f, display);
	}
	if (f.first) {
		add_word(&f, address);
		end(&f);
		return;
	}
	buf_init(&angle, NULL, WORD_MAX);
	buf_add_c(&angle, '<');
	buf_add(&angle, address);
	buf_add_c(&angle, '>');
	if (!buf_ok(&angle) && !b->err)
		b->err = angle.err;
	add_word(&f, buf_str(&angle));
	buf_fini(&angle);
	end(&f);
}

static bool
is_dot_atom(struct str s, bool utf8)
{
	unsigned mask = CH_ATEXT | (utf8 ? CH_HIGH : 0);
	char last = '.';

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && last == '.')
			return false;
		if (s.p[i] != '.' && !chars_is(s.p[i], mask))
			return false;
		last = s.p[i];
	}
	return last != '.';
}

/* RFC 5321 section 4.1.2: Quoted-string */
static bool
is_quoted_local(struct str s, bool utf8)
{
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (s.p[i] == '\\' && i + 2 < s.n)
			i++;
		else if (s.p[i] == '"' || s.p[i] == '\\')
			return false;
		if (!chars_is(s.p[i], CH_PRINT | (utf8 ? CH_HIGH : 0)))
			return false;
	}
	return true;
}

static bool
is_domain(struct str s, bool utf8)
{
	char last = '.';

	if (s.n == 0 || s.n > 255)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && last == '.')
			return false;
		if (s.p[i] != '.' && s.p[i] != '_' &&
		    !chars_is(s.p[i], CH_LDH | (utf8 ? CH_HIGH : 0)))
			return false;
		last = s.p[i];
	}
	return last != '.';
}

bool
mime_address_ok(struct str address, bool utf8)
{
	struct str local, domain;

	addr_split(address, &local, &domain);
	/* RFC 5321 section 4.5.3.1.1 */
	if (local.n == 0 || local.n > 64 || (utf8 && !utf8_ok(address)))
		return false;
	return is_domain(domain, utf8) &&
	       (is_dot_atom(local, utf8) || is_quoted_local(local, utf8));
}

/* ---- the rest ----------------------------------------------------------- */

void
mime_field_date(struct buf *b, struct str name, int64_t t)
{
	buf_add(b, name);
	buf_add_z(b, ": ");
	date_print(b, t);
	buf_add_z(b, "\r\n");
}

void
mime_param(struct buf *b, struct str name, struct str value)
{
	bool quote = value.n == 0;

	for (size_t i = 0; i < value.n; i++)
		if (!chars_is(value.p[i], CH_TOKEN))
			quote = true;
	buf_add_z(b, "; ");
	buf_add(b, name);
	buf_add_c(b, '=');
	if (quote)
		buf_add_c(b, '"');
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == ' ' || !chars_is(c, CH_PRINT))
			c = '_';
		if (c == '"' || c == '\\')
			buf_add_c(b, '\\');
		buf_add_c(b, c);
	}
	if (quote)
		buf_add_c(b, '"');
}

static void
write_buf(void *to, const char *p, size_t n)
{
	buf_add(to, (struct str){p, n});
}

struct mime_sink
mime_sink_buf(struct buf *b)
{
	return (struct mime_sink){write_buf, b};
}

void
mime_put(struct mime_sink out, struct str s)
{
	if (s.n)
		out.write(out.to, s.p, s.n);
}

void
mime_put_base64(struct mime_sink out, struct str octets)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789+/";
	const unsigned char *p = (const unsigned char *)octets.p;
	char line[76 + 2];

	for (size_t at = 0; at < octets.n;) {
		size_t n = 0;

		while (n < 76 && at < octets.n) {
			size_t left = octets.n - at;
			unsigned v = (unsigned)p[at] << 16;

			if (left > 1)
				v |= (unsigned)p[at + 1] << 8;
			if (left > 2)
				v |= p[at + 2];
			line[n] = letters[v >> 18];
			line[n + 1] = letters[v >> 12 & 63];
			line[n + 2] = left > 1 ? letters[v >> 6 & 63] : '=';
			line[n + 3] = left > 2 ? letters[v & 63] : '=';
			n += 4;
			at += left > 2 ? 3 : left;
		}
		line[n++] = '\r';
		line[n++] = '\n';
		out.write(out.to, line, n);
	}
}

void
mime_put_text(struct mime_sink out, struct str text)
{
	char chunk[256];
	size_t n = 0;
	char last = '\n';

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (n + 2 > sizeof(chunk)) {
			out.write(out.to, chunk, n);
			n = 0;
		}
		if (c == '\r' && i + 1 < text.n && text.p[i + 1] == '\n')
			continue;
		if (c == '\n')
			chunk[n++] = '\r';
		else if (c != '\t' && chars_is(c, CH_CTL))
			c = ' ';
		chunk[n++] = last = c;
	}
	mime_put(out, (struct str){chunk, n});
	if (last != '\n')
		mime_put(out, STR("\r\n"));
}

/* Lines of quoted-printable that are being written. */
struct qp {
	struct mime_sink out;
	size_t n;
	char line[76 + 2];
};

static void
qp_end(struct qp *q, const char *z)
{
	struct str s = str_from_z(z);

	memcpy(q->line + q->n, s.p, s.n);
	q->out.write(q->out.to, q->line, q->n + s.n);
	q->n = 0;
}

/* c as it is or encoded; one octet is left for the "=" of a soft end. */
static void
qp_add(struct qp *q, char c, bool encode)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = encode ? 3 : 1;

	if (q->n + n > 75)
		qp_end(q, "=\r\n");
	if (encode) {
		q->line[q->n] = '=';
		q->line[q->n + 1] = hex[(unsigned char)c >> 4];
		q->line[q->n + 2] = hex[c & 15];
	} else {
		q->line[q->n] = c;
	}
	q->n += n;
}

/* White space at the end of a line would be lost on the way. */
static bool
qp_is_literal(struct str rest)
{
	char c = *rest.p;

	if (c == ' ' || c == '\t')
		return rest.n > 1 && rest.p[1] != '\r' && rest.p[1] != '\n';
	return c != '=' && chars_is(c, CH_PRINT);
}

void
mime_put_qp(struct mime_sink out, struct str text)
{
	struct qp q = {.out = out};

	for (size_t i = 0; i < text.n; i++) {
		struct str rest = str_from(text, i);

		if (str_starts(rest, STR("\r\n")))
			continue;
		if (*rest.p == '\n')
			qp_end(&q, "\r\n");
		else
			qp_add(&q, *rest.p, !qp_is_literal(rest));
	}
	if (q.n)
		qp_end(&q, "\r\n");
}

bool
mime_needs_qp(struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		n = text.p[i] == '\n' ? 0 : n + 1;
		if (n > 998 || chars_is(text.p[i], CH_HIGH))
			return true;
	}
	return false;
}

void
mime_boundary(struct str seed, char out[MIME_BOUNDARY])
{
	size_t n = 0;

	/* RFC 2045 section 6.7 suggests "=_" */
	out[n++] = '=';
	out[n++] = '_';
	for (size_t i = 0; i < seed.n && n < MIME_BOUNDARY - 2; i++)
		if (chars_is(seed.p[i], CH_ALNUM))
			out[n++] = seed.p[i];
	out[n] = '\0';
}
