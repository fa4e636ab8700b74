/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/arf/redact.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/mac.h"
#include "lib/mail/addr.h"
#include "lib/mail/encword.h"
#include "lib/mail/utf8.h"

#define LOCAL_MAX ((size_t)512) /* octets that count */
#define TEXT_OCTETS ((size_t)8192) /* that count */
#define TEXT_MEMORY ((size_t)64 << 10)

int
redact_local(const struct redact *r, struct str local, struct buf *b)
{
	char text[LOCAL_MAX], out[REDACT_OCTETS];
	uint8_t mac[MAC_OCTETS];

	if (local.n == 0)
		return 0;
	local = str_head(local, LOCAL_MAX);
	for (size_t i = 0; i < local.n; i++)
		text[i] = chars_lower(local.p[i]);
	if (!mac_sha256(r->key, (struct str){text, local.n}, mac))
		return AVER_CRYPTO;
	mac_base32(mac, out, sizeof(out));
	buf_add(b, (struct str){out, sizeof(out)});
	return b->err;
}

int
redact_address(const struct redact *r, struct str address, struct buf *b)
{
	struct str local, domain;
	int err;

	addr_split(address, &local, &domain);
	err = redact_local(r, local, b);
	if (domain.p) {
		buf_add_c(b, '@');
		for (size_t i = 0; i < domain.n; i++)
			buf_add_c(b, (char)(chars_is(domain.p[i], CH_CTL) ||
						    domain.p[i] == ' '
						? '?'
						: domain.p[i]));
	}
	return err ? err : b->err;
}

void
redact_word(struct redact *r, struct str address)
{
	struct str local, domain;

	addr_split(address, &local, &domain);
	if (local.n >= REDACT_WORD_MIN && r->n_words < REDACT_WORDS_MAX)
		r->words[r->n_words++] = local;
}

/* ---- text --------------------------------------------------------------- */

static bool
is_atext(char c)
{
	return c == '.' || chars_is(c, CH_ATEXT | CH_HIGH);
}

/* Octets of what stands for "@" at the start of s: "@", "=40", "%40"; 0. */
static size_t
at_sign(struct str s)
{
	if (s.n && *s.p == '@')
		return 1;
	return str_starts(s, STR("=40")) || str_starts(s, STR("%40")) ? 3 : 0;
}

/* A quoted-string with something like "@" behind it: its octets, or 0. */
static size_t
quoted_local(struct str s)
{
	size_t n = 1;

	if (s.n == 0 || *s.p != '"')
		return 0;
	while (n < s.n && s.p[n] != '"')
		n += s.p[n] == '\\' ? 2 : 1;
	if (n + 1 >= s.n || !at_sign(str_from(s, n + 1)))
		return 0;
	return n + 1;
}

/* A run of atext with something like "@" behind it: its octets, or 0. */
static size_t
plain_local(struct str s)
{
	size_t n = 0;

	while (
	    n < s.n && is_atext(s.p[n]) && (n == 0 || !at_sign(str_from(s, n))))
		n++;
	return n && n < s.n && at_sign(str_from(s, n)) ? n : 0;
}

/* One of the words at the start of s, and nothing of a longer one after it. */
static size_t
known_word(const struct redact *r, struct str s)
{
	for (size_t i = 0; i < r->n_words; i++) {
		struct str w = r->words[i];

		if (str_starts_ci(s, w) &&
		    (w.n == s.n || !chars_is(s.p[w.n], CH_ALNUM | CH_HIGH)))
			return w.n;
	}
	return 0;
}

/* Octets at the start of s that are private; before: the octet in front. */
static size_t
private_part(const struct redact *r, char before, struct str s)
{
	size_t n = quoted_local(s);

	if (n)
		return n;
	if (chars_is(before, CH_ALNUM | CH_HIGH))
		return 0;
	if (!is_atext(before) && (n = plain_local(s)))
		return n;
	return known_word(r, s);
}

static size_t
add_char(struct str s, struct buf *b)
{
	size_t n = utf8_len(s);

	if (n == 0)
		buf_add_c(b, '?');
	else if (chars_is(*s.p, CH_CTL))
		buf_add_c(b, ' ');
	else
		buf_add(b, str_head(s, n));
	return n ? n : 1;
}

static int
redact_plain(const struct redact *r, struct str text, struct buf *b)
{
	char before = ' ';
	int err = 0;

	while (text.n && !err) {
		size_t n = private_part(r, before, text);

		if (n) {
			err = redact_local(r, str_head(text, n), b);
		} else if (str_starts_ci(text, STR("http")) &&
			   !chars_is(before, CH_ALNUM)) {
			buf_add_z(b, "hxxp");
			n = 4;
		} else {
			n = add_char(text, b);
		}
		before = text.p[n - 1];
		text = str_from(text, n);
	}
	return err ? err : b->err;
}

int
redact_text(const struct redact *r, struct str text, struct buf *b)
{
	struct arena a;
	struct str plain;
	int err;

	arena_init(&a, TEXT_MEMORY);
	err = encword_decode(&a, str_head(text, TEXT_OCTETS), &plain);
	if (!err)
		err = redact_plain(r, plain, b);
	arena_fini(&a);
	return err;
}
