/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/chars.h"
#include "lib/spf/spf.h"

#define VALUE_MAX ((size_t)255)
/* RFC 5322 section 2.1.1 wants 78; one is kept for the ";" */
#define LINE_MAX_OCTETS ((size_t)77)

struct writer {
	struct buf *out;
	struct buf word; /* the next word, not yet on a line */
	const char *newline;
	size_t col;
	bool pairs; /* a pair has been written */
};

/* Printable ASCII; for anything else a "?". */
static char
safe(char c)
{
	return chars_is(c, CH_PRINT) ? c : '?';
}

/* Puts the word on this line, or on a new one when it does not fit. */
static void
flush(struct writer *w)
{
	struct str s = buf_str(&w->word);

	if (w->col + 1 + s.n > LINE_MAX_OCTETS) {
		buf_add_z(w->out, w->newline);
		buf_add_c(w->out, '\t');
		w->col = 8;
	} else {
		buf_add_c(w->out, ' ');
		w->col++;
	}
	buf_add(w->out, s);
	w->col += s.n;
	if (!buf_ok(&w->word))
		w->out->err = w->word.err;
	buf_clear(&w->word);
}

/* RFC 5322 section 3.2.3 */
static bool
is_dot_atom(struct str s)
{
	bool dot = true;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? dot : !chars_is(s.p[i], CH_ATEXT))
			return false;
		dot = s.p[i] == '.';
	}
	return !dot;
}

static void
add_pair(struct writer *w, const char *key, struct str value)
{
	value = str_head(value, VALUE_MAX);
	if (w->pairs) {
		/* the ";" belongs to the line before */
		buf_add_c(w->out, ';');
		w->col++;
	}
	w->pairs = true;
	buf_add_z(&w->word, key);
	buf_add_c(&w->word, '=');
	if (is_dot_atom(value)) {
		buf_add(&w->word, value);
	} else {
		buf_add_c(&w->word, '"');
		for (size_t i = 0; i < value.n; i++) {
			char c = safe(value.p[i]);

			if (c == '"' || c == '\\')
				buf_add_c(&w->word, '\\');
			buf_add_c(&w->word, c);
		}
		buf_add_c(&w->word, '"');
	}
	flush(w);
}

/* A comment of words, each of which may go to the next line. */
static void
add_comment(struct writer *w, struct str text)
{
	buf_add_c(&w->word, '(');
	for (size_t i = 0; i < text.n; i++) {
		char c = safe(text.p[i]);

		if (c == ' ') {
			flush(w);
			continue;
		}
		if (c == '(' || c == ')' || c == '\\')
			buf_add_c(&w->word, '\\');
		buf_add_c(&w->word, c);
	}
	buf_add_c(&w->word, ')');
	flush(w);
}

static const char *
meaning(enum spf_result r)
{
	switch (r) {
	case SPF_NONE:
		return "publishes no policy for";
	case SPF_NEUTRAL:
		return "makes no statement about";
	case SPF_PASS:
		return "permits";
	case SPF_FAIL:
		return "does not permit";
	case SPF_SOFTFAIL:
		return "probably does not permit";
	case SPF_TEMPERROR:
	case SPF_PERMERROR:
	case SPF_RESULT_COUNT:
		break;
	}
	return "could not be asked about";
}

void
spf_received(struct buf *b, const struct spf_input *in,
    const struct spf_verdict *v, const char *newline)
{
	struct writer w = {.out = b, .newline = newline};
	struct ip ip = ip_unmap(in->ip);
	struct buf text, addr, sender;

	w.col = sizeof("Received-SPF:") - 1;
	buf_init(&w.word, b->arena, 4 * VALUE_MAX);
	buf_init(&text, b->arena, 4 * VALUE_MAX);
	buf_init(&addr, b->arena, 64);
	buf_init(&sender, b->arena, 4 * VALUE_MAX);
	ip_print(&addr, &ip);
	/* RFC 7208 section 2.4 */
	if (in->mail_from.n == 0)
		buf_add_z(&sender, "postmaster@");
	buf_add(&sender,
	    str_head(in->mail_from.n ? in->mail_from : in->helo, VALUE_MAX));
	buf_add_z(&w.word, spf_result_name(v->result));
	flush(&w);

	buf_add(&text, str_head(v->domain, VALUE_MAX));
	if (v->domain.n == 0)
		buf_add_z(&text, "the sender");
	buf_addf(&text, " %s %s", meaning(v->result), buf_z(&addr));
	if (v->reason != SPF_WHY_NONE)
		buf_addf(&text, ": %s", spf_reason_name(v->reason));
	add_comment(&w, buf_str(&text));

	if (in->receiver.n)
		add_pair(&w, "receiver", in->receiver);
	add_pair(&w, "client-ip", buf_str(&addr));
	add_pair(&w, "helo", in->helo);
	if (in->scope == SPF_SCOPE_MFROM)
		add_pair(&w, "envelope-from", buf_str(&sender));
	add_pair(&w, "identity",
	    in->scope == SPF_SCOPE_MFROM ? STR("mailfrom") : STR("helo"));
	if (v->result == SPF_TEMPERROR || v->result == SPF_PERMERROR)
		add_pair(&w, "problem", v->detail);
	else if (v->result != SPF_NONE)
		add_pair(&w, "mechanism", v->mechanism);
	buf_fini(&sender);
	buf_fini(&addr);
	buf_fini(&text);
	buf_fini(&w.word);
}
