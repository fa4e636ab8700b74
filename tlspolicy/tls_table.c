/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/tls_table.h"

#include "lib/base/chars.h"
#include "lib/base/name.h"
#include "tlspolicy/render.h"
#include "tlspolicy/tls_lines.h"

struct tls_table {
	struct tls_rule *rules;
	size_t n, cap;
	struct tls_index index; /* value: of rules */
};

enum word {
	WORD_NO_STS,
	WORD_NO_DANE,
	WORD_VERIFIED,
	WORD_FAIL_OPEN,
	WORD_COUNT
};

static const char *const word_names[WORD_COUNT] = {
    [WORD_NO_STS] = "no-sts",
    [WORD_NO_DANE] = "no-dane",
    [WORD_VERIFIED] = "require-verified",
    [WORD_FAIL_OPEN] = "fail-open",
};

static const unsigned word_flags[WORD_COUNT] = {
    [WORD_NO_STS] = TLS_RULE_NO_STS,
    [WORD_NO_DANE] = TLS_RULE_NO_DANE,
    [WORD_VERIFIED] = TLS_RULE_VERIFIED,
    [WORD_FAIL_OPEN] = TLS_RULE_FAIL_OPEN,
};

struct parser {
	struct tls_lines lines;
	struct tls_table *t;
	struct render_profile newest;
};

#define SHOWN(s) STRF(str_head((s), 40))

static bool
next_word(struct str *rest, struct str *word)
{
	size_t end = 0;

	*rest = str_trim(*rest, " \t,");
	while (end < rest->n && !chars_is(rest->p[end], CH_WSP) &&
	       rest->p[end] != ',')
		end++;
	*word = str_head(*rest, end);
	*rest = str_from(*rest, end);
	return end > 0;
}

/* Words of ours; false when the first is none, so that it is an answer. */
static bool
read_words(struct parser *p, struct str rest, struct tls_rule *r)
{
	struct str word;

	while (next_word(&rest, &word)) {
		int i = name_find(word_names, WORD_COUNT, word);

		if (i < 0 && r->flags == 0)
			return false;
		if (i < 0) {
			tls_lines_wrong(&p->lines,
			    "\"%.*s\": expected no-sts, no-dane, "
			    "require-verified or fail-open, or an answer "
			    "that stands alone",
			    SHOWN(word));
			return true;
		}
		r->flags |= word_flags[i];
	}
	if (r->flags == 0) /* commas alone */
		return false;
	if ((r->flags & TLS_RULE_VERIFIED) && (r->flags & TLS_RULE_FAIL_OPEN))
		tls_lines_wrong(&p->lines,
		    "require-verified and fail-open contradict each other");
	else if ((r->flags & TLS_RULE_VERIFIED) &&
		 (r->flags & TLS_RULE_NO_STS) && (r->flags & TLS_RULE_NO_DANE))
		tls_lines_wrong(&p->lines,
		    "require-verified leaves no way when no-sts and no-dane "
		    "exclude both");
	return true;
}

static void
read_rule(struct parser *p, struct str rest, struct tls_rule *r)
{
	struct diag d = {"", 0};

	if (rest.n == 0) {
		tls_lines_wrong(&p->lines,
		    "there is no answer; expected for example \"no-sts\" or "
		    "\"encrypt\"");
		return;
	}
	if (read_words(p, rest, r))
		return;
	/* what a version does not know is found when it is answered */
	if (render_check(&p->newest, rest, &d)) {
		tls_lines_wrong(&p->lines,
		    "\"%.*s\" is no answer of smtp_tls_policy_maps: %s",
		    SHOWN(rest), d.text);
		return;
	}
	r->fixed = arena_dup(p->lines.a, rest);
	if (!r->fixed.p)
		tls_lines_nomem(&p->lines);
}

/* ".example.com" and "[192.0.2.1]" are keys too; ports as well. */
static bool
read_table_key(struct parser *p, struct str key, struct str *out)
{
	struct nexthop n;
	struct diag d;

	if (nexthop_parse(p->lines.a, key, &n, &d)) {
		tls_lines_nomem(&p->lines);
		return false;
	}
	if (n.key.n == 0) {
		tls_lines_wrong(&p->lines,
		    "\"%.*s\" is no destination; expected example.org, "
		    ".example.org, [host.example.org] or [host]:port",
		    SHOWN(key));
		return false;
	}
	*out = n.key;
	return true;
}

static bool
add_rule(struct parser *p, struct str key, const struct tls_rule *r)
{
	struct tls_table *t = p->t;
	struct tls_slot *slot;
	bool is_new;

	if (t->n == t->cap) {
		size_t size = sizeof(t->rules[0]), old = t->cap;
		size_t cap = old ? 2 * old : 64;
		void *v =
		    arena_grow(p->lines.a, t->rules, old * size, cap * size);

		if (!v)
			return false;
		t->rules = v;
		t->cap = cap;
	}
	slot =
	    tls_index_put(&t->index, p->lines.a, key, (uint32_t)t->n, &is_new);
	if (!slot)
		return false;
	if (is_new)
		t->rules[t->n++] = *r;
	else
		tls_lines_wrong(&p->lines, "\"%.*s\" is in line %u already",
		    SHOWN(key), t->rules[slot->value].line);
	return true;
}

static void
read_entry(void *arg, struct str key, struct str rest)
{
	struct parser *p = arg;
	struct tls_rule r = {.line = p->lines.line};
	unsigned before = p->lines.n_errors;

	if (!read_table_key(p, key, &key))
		return;
	read_rule(p, rest, &r);
	if (p->lines.n_errors == before && !add_rule(p, key, &r))
		tls_lines_nomem(&p->lines);
}

int
tls_table_parse(struct arena *a, const char *name, struct str text,
    const struct tls_table **out, struct buf *errors, struct diag *d)
{
	struct parser p = {
	    .lines = {.a = a, .name = name, .errors = errors, .d = d},
	    .t = ARENA_NEW(a, struct tls_table)};
	int err;

	if (!p.t) {
		tls_lines_nomem(&p.lines);
		return p.lines.err;
	}
	render_profile_newest(&p.newest);
	err = tls_lines_read(&p.lines, text, read_entry, &p);
	if (err == 0)
		*out = p.t;
	return err;
}

size_t
tls_table_rules(const struct tls_table *t)
{
	return t ? t->n : 0;
}

static const struct tls_rule *
find(const struct tls_table *t, struct str key)
{
	const struct tls_slot *slot = tls_index_get(&t->index, key);

	return slot ? &t->rules[slot->value] : NULL;
}

/* "[host]" of "[host]:587"; names have no colon, addresses are in brackets. */
static struct str
without_port(const struct nexthop *n)
{
	return n->has_port ? str_head(n->key, str_rchr(n->key, ':')) : n->key;
}

const struct tls_rule *
tls_table_find(const struct tls_table *t, const struct nexthop *n)
{
	const struct tls_rule *r;

	if (!t || n->key.n == 0 || n->kind == NEXTHOP_PARENT)
		return NULL;
	r = find(t, n->key);
	if (!r && n->has_port)
		r = find(t, without_port(n));
	if (r || n->kind != NEXTHOP_DOMAIN)
		return r;
	for (size_t i = 0; i < n->domain.n; i++)
		if (n->domain.p[i] == '.' &&
		    (r = find(t, str_from(n->domain, i))))
			return r;
	return NULL;
}
