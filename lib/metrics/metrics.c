/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/metrics/metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/name.h"

/*
 * The cells of one series: of a counter and a gauge its value, of a summary
 * how many and the sum, of a histogram one cell for each bound (what is above
 * the bound before it), one for what is above all bounds, and the sum.
 */
struct layout {
	size_t first; /* cell of the first series */
	size_t width; /* cells of one series */
	size_t series; /* at least 1 */
};

struct collector {
	void (*collect)(struct metrics *, void *);
	void *arg;
};

struct metrics {
	const struct metric_family *families;
	size_t n_families;
	struct layout *layout;
	_Atomic(uint64_t) *cells;
	struct collector collectors[METRICS_COLLECTORS_MAX];
	size_t n_collectors;
};

static const char *const type_names[METRIC_TYPE_COUNT] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_SUMMARY] = "summary",
    [METRIC_HISTOGRAM] = "histogram",
};

/* ---- the table ---------------------------------------------------------- */

/* [a-zA-Z_][a-zA-Z0-9_]*; the format allows ":" too, for recording rules. */
static bool
is_name(const char *z)
{
	struct str s = str_from_z(z);

	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], i ? CH_ALNUM : CH_ALPHA) && s.p[i] != '_')
			return false;
	return s.n > 0;
}

static bool
same_series(const struct metric_family *f, size_t a, size_t b)
{
	for (size_t i = 0; i < METRIC_LABELS_MAX && f->label[i]; i++)
		if (!str_eq(str_from_z(f->series[a].value[i]),
			str_from_z(f->series[b].value[i])))
			return false;
	return true;
}

static const char *
series_fault(const struct metric_family *f)
{
	if (!f->label[0] != !f->n_series)
		return "labels without series, or series without labels";
	for (size_t i = 0; i < METRIC_LABELS_MAX && f->label[i]; i++) {
		if (!is_name(f->label[i]))
			return "bad label name";
		for (size_t s = 0; s < f->n_series; s++)
			if (!f->series[s].value[i])
				return "a label without a value";
	}
	for (size_t a = 0; a < f->n_series; a++)
		for (size_t b = 0; b < a; b++)
			if (same_series(f, a, b))
				return "a series twice";
	return NULL;
}

static const char *
family_fault(const struct metric_family *f)
{
	if (!is_name(f->name))
		return "bad name";
	if (!f->help)
		return "no help text";
	if ((f->type == METRIC_HISTOGRAM) != (f->n_bounds > 0))
		return "a histogram without bounds, or bounds without one";
	for (size_t i = 1; i < f->n_bounds; i++)
		if (f->bounds[i - 1] >= f->bounds[i])
			return "bounds do not ascend";
	return series_fault(f);
}

static int
check_table(const struct metric_family *families, size_t n, struct diag *d)
{
	for (size_t i = 0; i < n; i++) {
		const char *why = family_fault(&families[i]);
		struct str name = str_from_z(families[i].name);

		for (size_t k = 0; k < i && !why; k++)
			if (str_eq(name, str_from_z(families[k].name)))
				why = "the name is there twice";
		if (why)
			return diag_set(
			    d, AVER_BUG, i, "metric %.*s: %s", STRF(name), why);
	}
	return 0;
}

static size_t
cells_of(const struct metric_family *f)
{
	switch (f->type) {
	case METRIC_COUNTER:
	case METRIC_GAUGE:
		return 1;
	case METRIC_SUMMARY:
		return 2;
	case METRIC_HISTOGRAM:
		return f->n_bounds + 2;
	case METRIC_TYPE_COUNT:
		break;
	}
	return 0;
}

int
metrics_new(const struct metric_family *families, size_t n,
    struct metrics **out, struct diag *d)
{
	struct metrics *m;
	size_t cells = 0;
	int err = check_table(families, n, d);

	if (err)
		return err;
	m = calloc(1, sizeof(*m));
	if (!m)
		return AVER_NOMEM;
	m->families = families;
	m->n_families = n;
	m->layout = calloc(n ? n : 1, sizeof(*m->layout));
	for (size_t i = 0; i < n && m->layout; i++) {
		struct layout *l = &m->layout[i];

		l->first = cells;
		l->width = cells_of(&families[i]);
		l->series = families[i].n_series ? families[i].n_series : 1;
		cells += l->width * l->series;
	}
	m->cells = calloc(cells ? cells : 1, sizeof(*m->cells));
	if (!m->layout || !m->cells) {
		metrics_free(m);
		return AVER_NOMEM;
	}
	for (size_t i = 0; i < cells; i++)
		atomic_init(&m->cells[i], 0);
	*out = m;
	return 0;
}

void
metrics_free(struct metrics *m)
{
	if (!m)
		return;
	free(m->layout);
	free((void *)m->cells);
	free(m);
}

/* ---- counting ----------------------------------------------------------- */

/* The cells of a series of one of two types, NULL if there is none. */
static _Atomic(uint64_t) *
cells_at(struct metrics *m, size_t family, size_t series, enum metric_type a,
    enum metric_type b)
{
	const struct layout *l;

	if (family >= m->n_families)
		return NULL;
	l = &m->layout[family];
	if (series >= l->series ||
	    (m->families[family].type != a && m->families[family].type != b))
		return NULL;
	return &m->cells[l->first + series * l->width];
}

static void
cell_add(_Atomic(uint64_t) *cell, uint64_t n)
{
	atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

static void
cell_set(_Atomic(uint64_t) *cell, uint64_t v)
{
	atomic_store_explicit(cell, v, memory_order_relaxed);
}

static uint64_t
cell_get(_Atomic(uint64_t) *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

void
metrics_add(struct metrics *m, size_t family, size_t series, uint64_t n)
{
	_Atomic(uint64_t) *c =
	    cells_at(m, family, series, METRIC_COUNTER, METRIC_GAUGE);

	if (c)
		cell_add(c, n);
}

void
metrics_set(struct metrics *m, size_t family, size_t series, uint64_t v)
{
	_Atomic(uint64_t) *c =
	    cells_at(m, family, series, METRIC_COUNTER, METRIC_GAUGE);

	if (c)
		cell_set(c, v);
}

void
metrics_set_summary(struct metrics *m, size_t family, size_t series,
    uint64_t count, uint64_t sum)
{
	_Atomic(uint64_t) *c =
	    cells_at(m, family, series, METRIC_SUMMARY, METRIC_SUMMARY);

	if (!c)
		return;
	cell_set(&c[0], count);
	cell_set(&c[1], sum);
}

void
metrics_observe(struct metrics *m, size_t family, size_t series, uint64_t v)
{
	_Atomic(uint64_t) *c =
	    cells_at(m, family, series, METRIC_SUMMARY, METRIC_HISTOGRAM);
	const struct metric_family *f;
	size_t i = 0;

	if (!c)
		return;
	f = &m->families[family];
	/* a summary has no bounds: its count is where infinity would be */
	while (i < f->n_bounds && v > f->bounds[i])
		i++;
	cell_add(&c[i], 1);
	cell_add(&c[f->n_bounds + 1], v);
}

int
metrics_on_print(
    struct metrics *m, void (*collect)(struct metrics *, void *), void *arg)
{
	if (m->n_collectors == METRICS_COLLECTORS_MAX)
		return AVER_LIMIT;
	m->collectors[m->n_collectors++] = (struct collector){collect, arg};
	return 0;
}

/* ---- the text format ---------------------------------------------------- */

void
metrics_escape(struct buf *b, struct str s, bool in_label)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\')
			buf_add_z(b, "\\\\");
		else if (c == '\n')
			buf_add_z(b, "\\n");
		else if (c == '"' && in_label)
			buf_add_z(b, "\\\"");
		else
			buf_add_c(b, chars_is(c, CH_PRINT) ? c : '?');
	}
}

/* Microseconds as seconds, without the zeros at the end. */
static void
add_number(struct buf *b, const struct metric_family *f, uint64_t v)
{
	unsigned part, digits = 6;

	if (!f->seconds) {
		buf_add_u64(b, v);
		return;
	}
	buf_add_u64(b, v / 1000000);
	part = (unsigned)(v % 1000000);
	if (part == 0)
		return;
	for (; part % 10 == 0; digits--)
		part /= 10;
	buf_addf(b, ".%0*u", (int)digits, part);
}

/* NAME SUFFIX {LABELS; returns what stands before a further label. */
static char
open_key(struct buf *b, const struct metric_family *f, size_t series,
    const char *suffix)
{
	char before = '{';

	buf_add_z(b, f->name);
	buf_add_z(b, suffix);
	for (size_t i = 0; i < METRIC_LABELS_MAX && f->label[i]; i++) {
		buf_add_c(b, before);
		buf_add_z(b, f->label[i]);
		buf_add_z(b, "=\"");
		metrics_escape(b, str_from_z(f->series[series].value[i]), true);
		buf_add_c(b, '"');
		before = ',';
	}
	return before;
}

static void
add_key(struct buf *b, const struct metric_family *f, size_t series,
    const char *suffix)
{
	char before = open_key(b, f, series, suffix);

	buf_add_z(b, before == ',' ? "} " : " ");
}

static void
add_count(struct buf *b, uint64_t v)
{
	buf_add_u64(b, v);
	buf_add_c(b, '\n');
}

static void
add_value(struct buf *b, const struct metric_family *f, uint64_t v)
{
	add_number(b, f, v);
	buf_add_c(b, '\n');
}

/* Buckets are shown cumulated, and the count is what the last one shows. */
static void
add_histogram(struct buf *b, const struct metric_family *f, size_t series,
    _Atomic(uint64_t) *c)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= f->n_bounds; i++) {
		buf_add_c(b, open_key(b, f, series, "_bucket"));
		buf_add_z(b, "le=\"");
		if (i < f->n_bounds)
			add_number(b, f, f->bounds[i]);
		else
			buf_add_z(b, "+Inf");
		buf_add_z(b, "\"} ");
		count += cell_get(&c[i]);
		add_count(b, count);
	}
	add_key(b, f, series, "_sum");
	add_value(b, f, cell_get(&c[f->n_bounds + 1]));
	add_key(b, f, series, "_count");
	add_count(b, count);
}

static void
add_series(struct buf *b, const struct metric_family *f, size_t series,
    _Atomic(uint64_t) *c)
{
	switch (f->type) {
	case METRIC_COUNTER:
	case METRIC_GAUGE:
		add_key(b, f, series, "");
		add_value(b, f, cell_get(c));
		break;
	case METRIC_SUMMARY:
		add_key(b, f, series, "_sum");
		add_value(b, f, cell_get(&c[1]));
		add_key(b, f, series, "_count");
		add_count(b, cell_get(&c[0]));
		break;
	case METRIC_HISTOGRAM:
		add_histogram(b, f, series, c);
		break;
	case METRIC_TYPE_COUNT:
		break;
	}
}

static void
add_family(struct buf *b, const struct metrics *m, size_t i)
{
	const struct metric_family *f = &m->families[i];
	const struct layout *l = &m->layout[i];

	buf_addf(b, "# HELP %s ", f->name);
	metrics_escape(b, str_from_z(f->help), false);
	buf_addf(b, "\n# TYPE %s %s\n", f->name,
	    name_of(type_names, METRIC_TYPE_COUNT, (int)f->type));
	for (size_t s = 0; s < l->series; s++)
		add_series(b, f, s, &m->cells[l->first + s * l->width]);
}

void
metrics_print(struct metrics *m, struct buf *out)
{
	for (size_t i = 0; i < m->n_collectors; i++)
		m->collectors[i].collect(m, m->collectors[i].arg);
	for (size_t i = 0; i < m->n_families; i++)
		add_family(out, m, i);
}
