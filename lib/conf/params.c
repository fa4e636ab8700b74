/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The parts of the table, in the order of the manual. */
#include "lib/conf/params_table.h"

static const struct param_list *const lists[] = {&params_general,
    &params_milter, &params_dns, &params_evaluation, &params_record,
    &params_report, &params_failure, &params_tls, &params_policyd,
    &params_tlsrpt};

#define N_LISTS (sizeof(lists) / sizeof(lists[0]))

const struct param *
params_at(size_t i)
{
	for (size_t l = 0; l < N_LISTS; l++) {
		if (i < lists[l]->n)
			return &lists[l]->v[i];
		i -= lists[l]->n;
	}
	return NULL;
}

size_t
params_index(const struct param *p)
{
	size_t i = 0;

	while (params_at(i) != p && params_at(i))
		i++;
	return i;
}
