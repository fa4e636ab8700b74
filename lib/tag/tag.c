/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tag/tag.h"

#include "lib/base/err.h"
#include "lib/base/scan.h"

static bool
same_name(struct str x, struct str y, unsigned flags)
{
	return flags & TAG_FOLD_CASE ? str_eq_ci(x, y) : str_eq(x, y);
}

static bool
value_is_clean(struct str value, unsigned flags)
{
	unsigned ok = CH_VALCHAR | CH_FWS | (flags & TAG_HIGH ? CH_HIGH : 0);

	for (size_t i = 0; i < value.n; i++)
		if (!chars_is(value.p[i], ok))
			return false;
	return true;
}

/* RFC 6376 section 3.2: tag-spec. */
static bool
parse_spec(struct str part, unsigned flags, struct tag *out)
{
	struct scan s = scan_of(part);
	const char *from;

	scan_skip(&s, CH_FWS);
	from = s.p;
	if (!scan_class(&s, CH_ALPHA))
		return false;
	scan_skip(&s, CH_TAGNAME);
	out->name = (struct str){from, (size_t)(s.p - from)};
	scan_skip(&s, CH_FWS);
	if (!scan_char(&s, '='))
		return false;
	out->raw = scan_rest(&s);
	out->value = str_trim_fws(out->raw);
	return value_is_clean(out->value, flags);
}

static bool
is_known(const struct tag_list *l, struct str name, unsigned flags)
{
	for (size_t i = 0; i < l->n; i++)
		if (same_name(l->v[i].name, name, flags))
			return true;
	return false;
}

static size_t
count_parts(struct str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ';';
	return n;
}

/* One part into the list; 0 also when it was skipped. */
static int
add_part(struct tag_list *l, struct str part, size_t offset, unsigned flags,
    struct diag *d)
{
	struct tag t;

	if (!parse_spec(part, flags, &t)) {
		if (flags & TAG_SKIP_BAD)
			return 0;
		return diag_set(d, AVER_SYNTAX, offset, "not a tag=value");
	}
	if (is_known(l, t.name, flags)) {
		if (flags & TAG_FIRST_WINS)
			return 0;
		return diag_set(d, AVER_SYNTAX, offset, "tag %.*s twice",
		    STRF(str_head(t.name, 40)));
	}
	if (l->n == TAG_LIST_MAX)
		return diag_set(d, AVER_LIMIT, offset, "too many tags");
	l->v[l->n++] = t;
	return 0;
}

int
tag_list_parse(struct arena *a, struct str text, unsigned flags,
    struct tag_list *out, struct diag *d)
{
	size_t parts = count_parts(text);
	struct tag_list l = {0};
	struct str rest = text;
	int err;

	l.v = ARENA_ARRAY(
	    a, struct tag, parts < TAG_LIST_MAX ? parts : TAG_LIST_MAX);
	if (!l.v)
		return AVER_NOMEM;
	while (rest.p) {
		size_t offset = (size_t)(rest.p - text.p);
		struct str part = str_cut(rest, ';', &rest);

		/* the list may end in one ";" */
		if (!rest.p && l.n && str_trim_fws(part).n == 0)
			break;
		if ((err = add_part(&l, part, offset, flags, d)))
			return err;
	}
	if (l.n == 0)
		return diag_set(d, AVER_SYNTAX, 0, "no tags");
	*out = l;
	return 0;
}

const struct tag *
tag_find(const struct tag_list *l, struct str name)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].name, name))
			return &l->v[i];
	return NULL;
}

static int
apply_one(struct arena *a, const struct tag_list *l, const struct tag_def *def,
    unsigned flags, void *field, bool *present, struct diag *d)
{
	size_t i = 0;
	int err = AVER_NOTFOUND;

	while (i < l->n && !same_name(l->v[i].name, def->name, flags))
		i++;
	if (i < l->n && i > 0 && def->flags & TAGDEF_FIRST)
		return diag_set(d, AVER_SYNTAX, 0, "tag %.*s is not first",
		    STRF(def->name));
	if (i < l->n)
		err = def->parse(a, l->v[i].value, field, d);
	*present = err == 0;
	if (err == 0 || err == AVER_NOMEM)
		return err;
	if (i < l->n && !(def->flags & TAGDEF_LENIENT))
		return diag_set(d, AVER_SYNTAX, 0, "bad value of tag %.*s",
		    STRF(def->name));
	if (def->flags & TAGDEF_REQUIRED)
		return diag_set(
		    d, AVER_SYNTAX, 0, "tag %.*s is missing", STRF(def->name));
	if (!def->fallback)
		return 0;
	return def->parse(a, str_from_z(def->fallback), field, d);
}

int
tag_apply(struct arena *a, const struct tag_list *l, const struct tag_def *defs,
    size_t n, unsigned flags, void *obj, unsigned *present, struct diag *d)
{
	unsigned mask = 0;

	for (size_t i = 0; i < n; i++) {
		bool has = false;
		int err = apply_one(a, l, &defs[i], flags,
		    (char *)obj + defs[i].offset, &has, d);

		if (err)
			return err;
		if (has)
			mask |= 1u << i;
	}
	if (present)
		*present = mask;
	return 0;
}
