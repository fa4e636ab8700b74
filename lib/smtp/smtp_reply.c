/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/smtp_reply.h"

#include "lib/base/chars.h"
#include "lib/base/scan.h"

#define CODE_DIGITS 3

void
smtp_reply_init(struct smtp_reply *r)
{
	r->code = 0;
	r->lines = 0;
	r->n = 0;
	r->column = r->start = 0;
	r->line_code = 0;
	r->last = r->cr = false;
	r->wrong = NULL;
}

static enum smtp_feed
bad(struct smtp_reply *r, const char *why)
{
	r->wrong = why;
	return SMTP_FEED_BAD;
}

static bool
add(struct smtp_reply *r, char c)
{
	if (r->n == sizeof(r->text))
		return false;
	r->text[r->n++] = c;
	return true;
}

static enum smtp_feed
end_of_line(struct smtp_reply *r)
{
	if (r->column < CODE_DIGITS)
		return bad(r, "line without a reply code");
	if (r->column == CODE_DIGITS)
		r->last = true;
	if (!add(r, '\n'))
		return bad(r, "reply too long");
	if (++r->lines > SMTP_REPLY_LINES_MAX)
		return bad(r, "too many lines in a reply");
	r->column = 0;
	r->line_code = 0;
	r->cr = false;
	r->start = r->n;
	return r->last ? SMTP_FEED_DONE : SMTP_FEED_MORE;
}

/* RFC 5321 section 4.2: the first digit is 2 to 5. */
static enum smtp_feed
code_digit(struct smtp_reply *r, char c)
{
	if (c < '0' || c > '9' || (r->column == 0 && (c < '2' || c > '5')))
		return bad(r, "line without a reply code");
	r->line_code = r->line_code * 10 + (c - '0');
	if (++r->column < CODE_DIGITS)
		return SMTP_FEED_MORE;
	/* RFC 5321 section 4.2.1: every line has the same code */
	if (r->lines && r->line_code != r->code)
		return bad(r, "lines with different reply codes");
	r->code = r->line_code;
	return SMTP_FEED_MORE;
}

static enum smtp_feed
octet(struct smtp_reply *r, char c)
{
	if (c == '\n')
		return end_of_line(r);
	if (r->cr)
		return bad(r, "CR within a line");
	if (c == '\r') {
		r->cr = true;
		return SMTP_FEED_MORE;
	}
	if (c == '\0')
		return bad(r, "NUL in a reply");
	if (r->column < CODE_DIGITS)
		return code_digit(r, c);
	if (r->column++ == CODE_DIGITS) {
		if (c != ' ' && c != '-')
			return bad(r, "no space or hyphen after a reply code");
		r->last = c == ' ';
		return SMTP_FEED_MORE;
	}
	if (r->column > SMTP_REPLY_LINE_MAX)
		return bad(r, "line too long");
	return add(r, c) ? SMTP_FEED_MORE : bad(r, "reply too long");
}

enum smtp_feed
smtp_reply_feed(struct smtp_reply *r, struct str *in)
{
	enum smtp_feed f = SMTP_FEED_MORE;
	size_t i = 0;

	if (r->wrong)
		return SMTP_FEED_BAD;
	while (i < in->n && f == SMTP_FEED_MORE)
		f = octet(r, in->p[i++]);
	*in = str_from(*in, i);
	return f;
}

struct str
smtp_reply_text(const struct smtp_reply *r)
{
	return (struct str){r->text, r->n};
}

static bool
number(struct scan *s, uint16_t *out)
{
	uint64_t v;
	struct scan save = *s;

	if (!scan_u64(s, 999, &v) || s->p - save.p > 3) {
		*s = save;
		return false;
	}
	*out = (uint16_t)v;
	return true;
}

bool
smtp_status_parse(struct str text, struct smtp_status *out, size_t *length)
{
	struct scan s = scan_of(text);
	struct smtp_status st;
	int c = scan_peek(&s);

	if (c != '2' && c != '4' && c != '5')
		return false;
	st.class = (uint8_t)(c - '0');
	s.p++;
	if (!scan_char(&s, '.') || !number(&s, &st.subject) ||
	    !scan_char(&s, '.') || !number(&s, &st.detail) ||
	    (!scan_done(&s) && !chars_is(*s.p, CH_FWS)))
		return false;
	*out = st;
	*length = scan_offset(&s);
	return true;
}

struct smtp_status
smtp_reply_status(const struct smtp_reply *r)
{
	struct smtp_status st = {0};
	size_t length;

	if (!smtp_status_parse(smtp_reply_text(r), &st, &length) ||
	    st.class != r->code / 100)
		return (struct smtp_status){0};
	return st;
}

void
smtp_reply_print(const struct smtp_reply *r, char *out, size_t size)
{
	struct str rest = smtp_reply_text(r), line;
	size_t n = 0, skip;
	struct smtp_status st;

	while (rest.n) {
		line = str_cut(rest, '\n', &rest);
		if (smtp_status_parse(line, &st, &skip))
			line = str_from(line, skip);
		line = str_trim_fws(line);
		if (n && line.n && n + 1 < size)
			out[n++] = ' ';
		for (size_t i = 0; i < line.n && n + 1 < size; i++)
			out[n++] =
			    chars_is(line.p[i], CH_PRINT) ? line.p[i] : '?';
	}
	out[n] = '\0';
}
