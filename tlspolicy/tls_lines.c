/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/tls_lines.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "tlspolicy/tls_table.h"

#define ERRORS_MAX 100
#define SHOWN_NAME 40
#define FIRST_SLOTS 64

static size_t
place(const struct tls_index *x, struct str key)
{
	size_t at = str_hash(key, 0) & (x->cap - 1);

	while (x->slots[at].key.p && !str_eq(x->slots[at].key, key))
		at = (at + 1) & (x->cap - 1);
	return at;
}

static bool
grow(struct tls_index *x, struct arena *a)
{
	struct tls_index bigger = {
	    NULL, x->n, x->cap ? 2 * x->cap : FIRST_SLOTS};

	bigger.slots = ARENA_ARRAY(a, struct tls_slot, bigger.cap);
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < x->cap; i++)
		if (x->slots[i].key.p)
			bigger.slots[place(&bigger, x->slots[i].key)] =
			    x->slots[i];
	*x = bigger;
	return true;
}

struct tls_slot *
tls_index_put(struct tls_index *x, struct arena *a, struct str key,
    uint32_t value, bool *is_new)
{
	struct tls_slot *slot;

	if (2 * (x->n + 1) > x->cap && !grow(x, a))
		return NULL;
	slot = &x->slots[place(x, key)];
	*is_new = !slot->key.p;
	if (*is_new) {
		*slot = (struct tls_slot){key, value};
		x->n++;
	}
	return slot;
}

const struct tls_slot *
tls_index_get(const struct tls_index *x, struct str key)
{
	const struct tls_slot *slot;

	if (x->n == 0 || key.n == 0)
		return NULL;
	slot = &x->slots[place(x, key)];
	return slot->key.p ? slot : NULL;
}

static void
report(struct tls_lines *l, int err, const char *text)
{
	struct str file = str_from_z(l->name), tail = file;
	char at[16] = "";

	if (l->n_errors >= ERRORS_MAX)
		return;
	if (l->line)
		snprintf(at, sizeof(at), ":%u", l->line);
	/* the file's name must not push the text out of a struct diag */
	if (file.n > SHOWN_NAME)
		tail = str_from(file, file.n - SHOWN_NAME);
	if (l->n_errors++ == 0)
		l->err = diag_set(l->d, err, 0, "%s%.*s%s: %s",
		    tail.n < file.n ? "..." : "", STRF(tail), at, text);
	if (l->errors)
		buf_addf(l->errors, "%s%s: %s\n", l->name, at, text);
	if (l->errors && l->n_errors == ERRORS_MAX)
		buf_addf(l->errors, "%s: too many errors\n", l->name);
}

void
tls_lines_wrong(struct tls_lines *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *c = text; *c; c++)
		if (!chars_is(*c, CH_PRINT))
			*c = '?';
	report(l, AVER_CONF, text);
}

void
tls_lines_nomem(struct tls_lines *l)
{
	report(l, AVER_NOMEM, "out of memory");
	l->n_errors = ERRORS_MAX; /* nothing after it is of use */
}

static bool
gives_up(const struct tls_lines *l)
{
	return l->n_errors >= (l->errors ? ERRORS_MAX : 1);
}

/* The entry that is complete. */
static void
finish(struct tls_lines *l, struct buf *b,
    void (*entry)(void *arg, struct str key, struct str rest), void *arg)
{
	struct str text = str_trim(buf_str(b), " \t");
	size_t end = 0;

	if (!buf_ok(b)) {
		if (b->err == AVER_NOMEM)
			tls_lines_nomem(l);
		else
			tls_lines_wrong(l,
			    "the entry is too long; expected at most %zu "
			    "octets",
			    TLS_TABLE_LINE_MAX);
	} else if (text.n) {
		while (end < text.n && !chars_is(text.p[end], CH_WSP))
			end++;
		entry(arg, str_head(text, end),
		    str_trim(str_from(text, end), " \t"));
	}
	buf_clear(b);
}

int
tls_lines_read(struct tls_lines *l, struct str text,
    void (*entry)(void *arg, struct str key, struct str rest), void *arg)
{
	unsigned number = 0;
	struct buf b;

	if (text.n > TLS_TABLE_OCTETS_MAX) {
		tls_lines_wrong(
		    l, "more than %zu octets", TLS_TABLE_OCTETS_MAX);
		return l->err;
	}
	buf_init(&b, NULL, TLS_TABLE_LINE_MAX);
	while (text.n && !gives_up(l)) {
		struct str line = str_cut(text, '\n', &text);
		struct str inner = str_trim(line, " \t\r");

		if (++number > TLS_TABLE_LINES_MAX) {
			tls_lines_wrong(
			    l, "more than %zu lines", TLS_TABLE_LINES_MAX);
			break;
		}
		if (inner.n == 0 || inner.p[0] == '#')
			continue;
		if (!chars_is(line.p[0], CH_WSP)) {
			finish(l, &b, entry, arg);
			l->line = number;
		} else if (b.n == 0 && b.err == 0) {
			l->line = number;
			tls_lines_wrong(l, "a continuation of nothing");
			continue;
		}
		if (b.n)
			buf_add_c(&b, ' ');
		buf_add(&b, inner);
	}
	if (!gives_up(l))
		finish(l, &b, entry, arg);
	buf_fini(&b);
	return l->err;
}
