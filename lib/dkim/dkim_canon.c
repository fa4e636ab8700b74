/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_canon.h"

#include <string.h>

#include "lib/base/chars.h"

/* From here on a piece is worth a write() of its own. */
#define LARGE ((size_t)512)
/* Octets looked at together: two words, one vector register. */
#define BLOCK 16

/* ---- sink --------------------------------------------------------------- */

void
dkim_sink_init(struct dkim_sink *s,
    void (*write)(void *to, const char *p, size_t n), void *to)
{
	s->write = write;
	s->to = to;
	s->n = 0;
}

void
dkim_sink_flush(struct dkim_sink *s)
{
	if (s->n)
		s->write(s->to, s->buf, s->n);
	s->n = 0;
}

static void
add_slowly(struct dkim_sink *s, const char *p, size_t n)
{
	dkim_sink_flush(s);
	if (n >= LARGE) {
		s->write(s->to, p, n);
		return;
	}
	memcpy(s->buf, p, n);
	s->n = n;
}

static inline void
add(struct dkim_sink *s, const char *p, size_t n)
{
	if (n >= LARGE || n > DKIM_SINK_SIZE - s->n) {
		add_slowly(s, p, n);
		return;
	}
	if (n)
		memcpy(s->buf + s->n, p, n);
	s->n += n;
}

static inline void
add_c(struct dkim_sink *s, char c)
{
	if (s->n == DKIM_SINK_SIZE)
		dkim_sink_flush(s);
	s->buf[s->n++] = c;
}

/* ---- what relaxed leaves alone ------------------------------------------ */

/* Eight octets as a number, the first the least significant. */
static inline uint64_t
load_64(const unsigned char *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
	       (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

/*
 * Relaxed changes a tab, white space before white space, and white space
 * before a CR; nothing else inside a line. Returns how many of the BLOCK
 * octets from p come before the first such octet. p[BLOCK] is read too. The
 * loop has no branch, so that compilers make vector code of it.
 */
static inline size_t
plain_in_block(const char *p)
{
	unsigned char found[BLOCK];
	uint64_t low, high;

	for (size_t i = 0; i < BLOCK; i++) {
		char c = p[i], d = p[i + 1];

		found[i] =
		    (unsigned char)((c == '\t') |
				    ((c == ' ') & ((d == ' ') | (d == '\t') |
						      (d == '\r'))));
	}
	low = load_64(found);
	high = load_64(found + 8);
	if (low)
		return (size_t)__builtin_ctzll(low) / 8;
	return high ? 8 + (size_t)__builtin_ctzll(high) / 8 : BLOCK;
}

/*
 * Length of the run from p that relaxed leaves alone. White space right
 * before end is not part of it: what follows is not known.
 */
static inline size_t
plain_run(const char *p, const char *end)
{
	const char *from = p;

	while (end - p > BLOCK) {
		size_t n = plain_in_block(p);

		p += n;
		if (n < BLOCK)
			return (size_t)(p - from);
	}
	for (; p < end; p++) {
		if (*p == '\t')
			break;
		if (*p == ' ' &&
		    (p + 1 == end || chars_is(p[1], CH_WSP) || p[1] == '\r'))
			break;
	}
	return (size_t)(p - from);
}

/* ---- header ------------------------------------------------------------- */

/* Relaxed, of a field value that may come in two pieces. */
struct value {
	struct dkim_sink *out;
	bool wsp; /* white space seen that is not yet known to be the end */
	bool any;
};

/* The first CRLF of [p, end), or end. */
static const char *
line_end(const char *p, const char *end)
{
	while (p < end && (p = memchr(p, '\r', (size_t)(end - p)))) {
		if (p + 1 < end && p[1] == '\n')
			return p;
		/* a CR without LF is an octet like any other */
		p++;
	}
	return end;
}

static void
add_value_line(struct value *v, const char *p, const char *end)
{
	while (p < end) {
		size_t n;

		if (chars_is(*p, CH_WSP)) {
			v->wsp = true;
			p++;
			continue;
		}
		n = plain_run(p, end);
		if (v->wsp && v->any)
			add_c(v->out, ' ');
		add(v->out, p, n);
		v->wsp = false;
		v->any = true;
		p += n;
	}
}

/* RFC 6376 section 3.4.2: unfold, one SP for white space, none at the ends. */
static void
add_value(struct value *v, struct str s)
{
	const char *p = s.p, *end;

	if (s.n == 0)
		return;
	end = p + s.n;
	while (p < end) {
		const char *stop = line_end(p, end);

		add_value_line(v, p, stop);
		p = stop < end ? stop + 2 : end;
	}
}

static void
add_name(struct dkim_sink *out, struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		add_c(out, chars_lower(name.p[i]));
	add_c(out, ':');
}

void
dkim_canon_header(struct dkim_sink *out, enum dkim_canon c, const struct hdr *h)
{
	struct value v = {.out = out};

	switch (c) {
	case DKIM_RELAXED:
		add_name(out, h->name);
		add_value(&v, h->value);
		break;
	case DKIM_SIMPLE:
	case DKIM_CANON_COUNT:
		add(out, h->raw.p, h->raw.n);
		break;
	}
	add(out, "\r\n", 2);
}

void
dkim_canon_signature(
    struct dkim_sink *out, enum dkim_canon c, const struct hdr *h, struct str b)
{
	struct value v = {.out = out};
	const char *end = h->raw.p + h->raw.n;
	struct str after = {b.p + b.n, (size_t)(end - (b.p + b.n))};

	switch (c) {
	case DKIM_RELAXED:
		add_name(out, h->name);
		add_value(&v, str_head(h->value, (size_t)(b.p - h->value.p)));
		add_value(&v, after);
		break;
	case DKIM_SIMPLE:
	case DKIM_CANON_COUNT:
		add(out, h->raw.p, (size_t)(b.p - h->raw.p));
		add(out, after.p, after.n);
		break;
	}
}

/* ---- body --------------------------------------------------------------- */

void
dkim_canon_body_init(struct dkim_canon_body *b, enum dkim_canon c,
    void (*write)(void *to, const char *p, size_t n), void *to)
{
	b->canon = c;
	b->crlfs = 0;
	b->wsp = b->cr = b->any = false;
	dkim_sink_init(&b->out, write, to);
}

static void
put_pending(struct dkim_canon_body *b)
{
	static const char lines[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
				    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
	const uint64_t most = (sizeof(lines) - 1) / 2;

	while (b->crlfs) {
		uint64_t n = b->crlfs < most ? b->crlfs : most;

		add(&b->out, lines, 2 * (size_t)n);
		b->crlfs -= n;
	}
	if (b->wsp)
		add_c(&b->out, ' ');
	b->wsp = false;
	b->any = true;
}

/* Puts out a run that starts with neither CRLF nor, in relaxed, white space;
 * the empty lines at its end stay pending. */
static void
put_run(struct dkim_canon_body *b, const char *p, const char *end)
{
	uint64_t lines = 0;

	while (end - p > 1 && end[-1] == '\n' && end[-2] == '\r') {
		end -= 2;
		lines++;
	}
	if (p < end) {
		put_pending(b);
		add(&b->out, p, (size_t)(end - p));
	}
	b->crlfs += lines;
}

/* The CR at the end of the chunk before meets this chunk. */
static const char *
resolve_cr(struct dkim_canon_body *b, const char *p)
{
	b->cr = false;
	if (*p == '\n') {
		b->wsp = false;
		b->crlfs++;
		return p + 1;
	}
	put_pending(b);
	add_c(&b->out, '\r');
	return p;
}

/* RFC 6376 section 3.4.4. If the octet before end is a CR, so is *end. */
static void
add_relaxed(struct dkim_canon_body *b, const char *p, const char *end)
{
	while (p < end) {
		size_t n;

		if (chars_is(*p, CH_WSP)) {
			b->wsp = true;
			p++;
			continue;
		}
		if (*p == '\r' && p[1] == '\n') {
			b->wsp = false;
			b->crlfs++;
			p += 2;
			continue;
		}
		n = plain_run(p, end);
		put_run(b, p, p + n);
		p += n;
	}
}

void
dkim_canon_body_add(struct dkim_canon_body *b, struct str chunk)
{
	const char *p = chunk.p, *end;
	bool cr;

	if (chunk.n == 0)
		return;
	end = p + chunk.n;
	if (b->cr)
		p = resolve_cr(b, p);
	cr = p < end && end[-1] == '\r';
	if (cr)
		end--;
	switch (b->canon) {
	case DKIM_RELAXED:
		add_relaxed(b, p, end);
		break;
	case DKIM_SIMPLE:
	case DKIM_CANON_COUNT:
		/* RFC 6376 section 3.4.3: nothing but the end changes */
		put_run(b, p, end);
		break;
	}
	b->cr = cr;
}

void
dkim_canon_body_end(struct dkim_canon_body *b)
{
	if (b->cr) {
		put_pending(b);
		add_c(&b->out, '\r');
	}
	/*
	 * RFC 6376 section 3.4.3: one CRLF at the end, also of an empty body;
	 * section 3.4.4: an empty body stays empty.
	 */
	if (b->any || b->canon == DKIM_SIMPLE)
		add(&b->out, "\r\n", 2);
	dkim_sink_flush(&b->out);
}
