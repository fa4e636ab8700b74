/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/mail/addr.h"
#include "lib/mail/utf8.h"
#include "tlspolicy/tls_lines.h"
#include "tlspolicy/tls_table.h"

#define LOCAL_OCTETS_MAX ((size_t)255)

enum role { ROLE_SENDER = 1, ROLE_RECIPIENT = 2 };

struct require_table {
	struct tls_index index; /* value: bits of enum role */
};

struct parser {
	struct tls_lines lines;
	struct require_table *t;
};

#define SHOWN(s) STRF(str_head((s), 40))

/*
 * An address, a domain or ".domain" as keys have it: lower case, A-labels. 0,
 * AVER_SYNTAX or AVER_NOMEM.
 */
static int
canonical(struct arena *a, struct str text, struct str *out)
{
	struct str local, domain;
	struct buf b;
	int err;

	addr_split(text, &local, &domain);
	if (!domain.p) {
		bool below = text.n > 1 && text.p[0] == '.';

		if ((err = domain_to_ascii(a, str_from(text, below), &domain)))
			return err;
		*out = below ? arena_cat(a, STR("."), domain) : domain;
		return out->p ? 0 : AVER_NOMEM;
	}
	if (local.n == 0 || local.n > LOCAL_OCTETS_MAX || !utf8_ok(local))
		return AVER_SYNTAX;
	if ((err = domain_to_ascii(a, domain, &domain)))
		return err;
	buf_init(&b, a, 1024);
	for (size_t i = 0; i < local.n; i++)
		buf_add_c(&b, chars_lower(local.p[i]));
	buf_add_c(&b, '@');
	buf_add(&b, domain);
	*out = buf_str(&b);
	return buf_ok(&b) ? 0 : AVER_NOMEM;
}

static unsigned
read_roles(struct parser *p, struct str rest)
{
	unsigned roles = 0;

	if (rest.n == 0)
		return ROLE_RECIPIENT;
	while (rest.n) {
		size_t end = 0;
		struct str word;

		while (end < rest.n && !chars_is(rest.p[end], CH_WSP) &&
		       rest.p[end] != ',')
			end++;
		word = str_head(rest, end);
		rest = str_trim(str_from(rest, end), " \t,");
		if (str_eq_ci(word, STR("sender"))) {
			roles |= ROLE_SENDER;
		} else if (str_eq_ci(word, STR("recipient"))) {
			roles |= ROLE_RECIPIENT;
		} else {
			tls_lines_wrong(&p->lines,
			    "\"%.*s\": expected sender or recipient",
			    SHOWN(word));
			return 0;
		}
	}
	return roles;
}

static void
read_entry(void *arg, struct str key, struct str rest)
{
	struct parser *p = arg;
	unsigned roles = read_roles(p, rest);
	struct tls_slot *slot;
	bool is_new;
	int err;

	if (roles == 0)
		return;
	err = canonical(p->lines.a, key, &key);
	if (err == AVER_SYNTAX) {
		tls_lines_wrong(&p->lines,
		    "\"%.*s\": expected user@example.org, example.org or "
		    ".example.org",
		    SHOWN(key));
		return;
	}
	slot =
	    err ? NULL
		: tls_index_put(&p->t->index, p->lines.a, key, roles, &is_new);
	if (!slot)
		tls_lines_nomem(&p->lines);
	else if (!is_new && (slot->value & roles))
		tls_lines_wrong(
		    &p->lines, "\"%.*s\" is there already", SHOWN(key));
	else
		slot->value |= roles;
}

int
require_table_parse(struct arena *a, const char *name, struct str text,
    const struct require_table **out, struct buf *errors, struct diag *d)
{
	struct parser p = {
	    .lines = {.a = a, .name = name, .errors = errors, .d = d},
	    .t = ARENA_NEW(a, struct require_table)};
	int err;

	if (!p.t) {
		tls_lines_nomem(&p.lines);
		return p.lines.err;
	}
	err = tls_lines_read(&p.lines, text, read_entry, &p);
	if (err == 0)
		*out = p.t;
	return err;
}

size_t
require_table_rules(const struct require_table *t)
{
	return t ? t->index.n : 0;
}

static bool
has_role(const struct require_table *t, struct str key, unsigned role)
{
	const struct tls_slot *slot = tls_index_get(&t->index, key);

	return slot && (slot->value & role);
}

static bool
is_listed(const struct require_table *t, struct arena *a, struct str address,
    unsigned role)
{
	struct str key, domain;
	int err;

	if (!t || t->index.n == 0)
		return false;
	address = addr_strip(address);
	if (str_chr(address, '@') == address.n)
		return false;
	err = canonical(a, address, &key);
	if (err == AVER_SYNTAX) {
		/* odd local-parts: the domain still counts */
		addr_split(address, &key, &domain);
		err = domain_to_ascii(a, domain, &key);
		if (err == AVER_SYNTAX)
			return false;
	}
	if (err)
		return true;
	if (has_role(t, key, role))
		return true;
	domain = str_from(key, str_rchr(key, '@') + 1);
	if (str_rchr(key, '@') == key.n)
		domain = key;
	if (has_role(t, domain, role))
		return true;
	for (size_t i = 0; i < domain.n; i++)
		if (domain.p[i] == '.' &&
		    has_role(t, str_from(domain, i), role))
			return true;
	return false;
}

bool
require_table_sender(
    const struct require_table *t, struct arena *a, struct str address)
{
	return is_listed(t, a, address, ROLE_SENDER);
}

bool
require_table_recipient(
    const struct require_table *t, struct arena *a, struct str address)
{
	return is_listed(t, a, address, ROLE_RECIPIENT);
}
