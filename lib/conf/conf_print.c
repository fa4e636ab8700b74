/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Configurations as text: settings, help and the manual. */

#include "lib/conf/conf.h"

#include "lib/base/err.h"
#include "lib/conf/params.h"
#include "lib/conf/value.h"

#define VALUE_MAX ((size_t)8 << 20)
#define WIDTH 78

static void
print_setting(struct buf *b, const struct param *p, const struct conf *c)
{
	size_t before;

	buf_add_z(b, p->name);
	buf_add_z(b, " =");
	before = b->n;
	buf_add_c(b, ' ');
	value_print(b, p, c);
	if (b->n == before + 1)
		buf_cut(b, before);
	buf_add_c(b, '\n');
}

/* The values are the same when their texts are. */
static bool
is_same(const struct param *p, const struct conf *x, const struct conf *y)
{
	struct buf bx, by;
	bool same;

	buf_init(&bx, NULL, VALUE_MAX);
	buf_init(&by, NULL, VALUE_MAX);
	value_print(&bx, p, x);
	value_print(&by, p, y);
	same = buf_ok(&bx) && buf_ok(&by) && str_eq(buf_str(&bx), buf_str(&by));
	buf_fini(&bx);
	buf_fini(&by);
	return same;
}

/* Words in lines of up to WIDTH columns, each line after the prefix. */
static void
print_wrapped(struct buf *b, const char *prefix, struct str text)
{
	size_t start = b->n, indent = str_from_z(prefix).n;

	buf_add_z(b, prefix);
	while (text.p) {
		struct str word = str_cut(text, ' ', &text);
		bool fits = b->n - start + 1 + word.n <= WIDTH;

		/* a line that begins with "." would be a macro of mdoc(7) */
		if (b->n > start + indent &&
		    (fits || str_starts(word, STR(".")))) {
			buf_add_c(b, ' ');
		} else if (b->n > start + indent) {
			buf_add_c(b, '\n');
			start = b->n;
			buf_add_z(b, prefix);
		}
		buf_add(b, word);
	}
	buf_add_c(b, '\n');
}

/* Text of mdoc(7) with its long lines broken. */
static void
print_mdoc(struct buf *b, const char *text)
{
	struct str rest = str_from_z(text);

	while (rest.p) {
		struct str line = str_cut(rest, '\n', &rest);

		if (str_starts(line, STR("."))) {
			buf_add(b, line);
			buf_add_c(b, '\n');
		} else {
			print_wrapped(b, "", line);
		}
	}
}

static void
print(struct buf *b, const struct conf *c, enum conf_print what, bool help)
{
	size_t printed = 0;
	const struct param *p;
	struct conf *defaults = NULL;

	if (conf_parse("", STR_NONE, &defaults, NULL)) {
		b->err = AVER_NOMEM;
		return;
	}
	if (what == CONF_PRINT_DEFAULTS)
		c = defaults;
	for (size_t i = 0; (p = params_at(i)); i++) {
		if (what == CONF_PRINT_CHANGED && is_same(p, c, defaults))
			continue;
		if (help) {
			buf_add_z(b, printed++ ? "\n" : "");
			print_wrapped(b, "# ", str_from_z(p->help));
		}
		print_setting(b, p, c);
	}
	conf_unref(defaults);
}

void
conf_print(struct buf *b, const struct conf *c, enum conf_print what)
{
	print(b, c, what, false);
}

void
conf_print_help(struct buf *b, const struct conf *c, enum conf_print what)
{
	print(b, c, what, true);
}

int
conf_print_one(struct buf *b, const struct conf *c, struct str name)
{
	const struct param *p = params_find(name);

	if (!p)
		return AVER_NOTFOUND;
	print_setting(b, p, c);
	return b->err;
}

void
conf_restart_wanted(
    struct buf *b, const struct conf *old, const struct conf *new_conf)
{
	const struct param *p;

	for (size_t i = 0; (p = params_at(i)); i++) {
		if (!p->restart || is_same(p, old, new_conf))
			continue;
		buf_add_z(b, b->n ? " " : "");
		buf_add_z(b, p->name);
	}
}

static void
manual_item(struct buf *b, const struct param *p)
{
	struct buf takes;

	buf_init(&takes, NULL, 1024);
	buf_add_z(&takes, "Takes ");
	value_expected(&takes, p);
	buf_add_c(&takes, '.');
	buf_addf(b, ".It Ic %s Pq %s%s\n", p->name,
	    p->fallback[0] ? "Li " : "empty", p->fallback);
	print_mdoc(b, p->help);
	if (p->manual)
		print_mdoc(b, p->manual);
	print_mdoc(b, buf_z(&takes));
	if (p->restart)
		buf_add_z(b, "A change needs a restart.\n");
	if (!buf_ok(&takes))
		b->err = takes.err;
	buf_fini(&takes);
}

void
conf_manual(struct buf *b)
{
	const struct param *p, *before = NULL;

	for (size_t i = 0; (p = params_at(i)); i++) {
		if (!before || p->section != before->section)
			buf_addf(b, "%s.Ss %s\n.Bl -tag -width Ds\n",
			    before ? ".El\n" : "",
			    param_section_name(p->section));
		manual_item(b, p);
		before = p;
	}
	buf_add_z(b, before ? ".El\n" : "");
}
