/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Finding a parameter in the table, and the nearest to a misspelt name. */
#include "lib/conf/params.h"

#include "lib/base/chars.h"

const char *
param_section_name(enum param_section s)
{
	static const char *const names[SECTION_COUNT] = {
	    [SECTION_GENERAL] = "General",
	    [SECTION_MILTER] = "The milter and its actions",
	    [SECTION_DNS] = "DNS",
	    [SECTION_EVALUATION] = "Evaluation",
	    [SECTION_RECORD] = "The record",
	    [SECTION_REPORT] = "Reports",
	    [SECTION_TLS] = "TLS policy",
	    [SECTION_POLICYD] = "The policy daemon",
	};

	return s < SECTION_COUNT ? names[s] : "?";
}

const struct param *
params_find(struct str name)
{
	const struct param *p;

	for (size_t i = 0; (p = params_at(i)); i++)
		if (str_eq(name, str_from_z(p->name)))
			return p;
	return NULL;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

#define DISTANCE_MAX 48

/* Levenshtein's distance without regard to case; both at most 48 octets. */
static unsigned
distance(struct str x, struct str y)
{
	unsigned row[DISTANCE_MAX + 1];

	for (unsigned j = 0; j <= y.n; j++)
		row[j] = j;
	for (unsigned i = 0; i < x.n; i++) {
		unsigned diagonal = row[0];

		row[0] = i + 1;
		for (unsigned j = 0; j < y.n; j++) {
			unsigned was = row[j + 1];
			bool same = chars_lower(x.p[i]) == chars_lower(y.p[j]);

			row[j + 1] =
			    least(least(row[j], was) + 1, diagonal + !same);
			diagonal = was;
		}
	}
	return row[y.n];
}

const struct param *
params_nearest(struct str name)
{
	const struct param *best = NULL;
	unsigned best_distance = 0;
	const struct param *p;

	if (name.n > DISTANCE_MAX)
		return NULL;
	for (size_t i = 0; (p = params_at(i)); i++) {
		struct str other = str_from_z(p->name);
		unsigned d;

		if (other.n > DISTANCE_MAX)
			continue;
		d = distance(name, other);
		/* at most a quarter of the letters are wrong */
		if (d * 4 <= other.n + 3 && (!best || d < best_distance)) {
			best = p;
			best_distance = d;
		}
	}
	return best;
}
