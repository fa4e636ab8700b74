/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "milter/forged.h"

#include "lib/mail/authres.h"

/* A removed field that is kept under another name is cut to this. */
#define KEPT_MAX ((size_t)16 * 1024)

void
forged_init(struct forged *f, const struct conf *c, struct str id)
{
	*f = (struct forged){.conf = c, .id = id};
}

/* What stands for VERDICT_FIELD. */
#define WATCH_VERDICT (FORGED_NAMES_MAX - 1)

/* Which watched name: 0 for Authentication-Results, -1 for none. */
static int
watched(const struct forged *f, struct str name)
{
	const struct conf_strings *more = &f->conf->remove_headers;

	if (str_eq_ci(name, STR("Authentication-Results")))
		return 0;
	if (str_eq_ci(name, STR(VERDICT_FIELD)))
		return WATCH_VERDICT;
	for (size_t i = 0; i < more->n && i + 1 < WATCH_VERDICT; i++)
		if (str_eq_ci(name, str_from_z(more->v[i])))
			return (int)i + 1;
	return -1;
}

/*
 * Authentication-Results is parsed, leniently; a field that cannot be parsed
 * and mentions the name counts as a claim. Other fields have no common form:
 * to mention it is enough.
 */
static bool
claims(int which, struct str value, struct str id)
{
	if (id.n == 0)
		return false;
	if (which == 0)
		return authres_names_id(value, id);
	return str_contains_ci(value, id);
}

static bool
is_claim(const struct forged *f, int which, struct str value)
{
	const struct conf_strings *aliases = &f->conf->authserv_id_aliases;

	if (which == WATCH_VERDICT || claims(which, value, f->id))
		return true;
	for (size_t i = 0; i < aliases->n; i++)
		if (claims(which, value, str_from_z(aliases->v[i])))
			return true;
	return false;
}

static void
add(struct forged *f, struct arena *a, struct forged_field field)
{
	struct forged_field *v = f->v;

	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 8;

		v = arena_grow(a, f->v, f->cap * sizeof(*v), cap * sizeof(*v));
		if (!v) {
			f->failed = true;
			return;
		}
		f->v = v;
		f->cap = cap;
	}
	field.name = arena_dup(a, field.name);
	if (f->conf->keep_removed)
		field.value = arena_dup(a, str_head(field.value, KEPT_MAX));
	else
		field.value = STR_NONE;
	f->failed = f->failed || !field.name.p;
	f->v[f->n++] = field;
}

void
forged_field(
    struct forged *f, struct arena *a, struct str name, struct str value)
{
	int which = watched(f, name);

	if (which < 0)
		return;
	f->seen[which]++;
	if (is_claim(f, which, value))
		add(f, a, (struct forged_field){name, f->seen[which], value});
}
