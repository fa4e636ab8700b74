/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What processes and their descendants have used so far, from proc(5). */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stddef.h>
#include <sys/types.h>

struct proc_use {
	double cpu; /* seconds, user and system */
	double peak_mb; /* sum of the processes' peak resident sizes */
	unsigned processes; /* found alive */
};

/* Sums over the n processes in roots and all that descend from them. */
void proc_use(const pid_t *roots, size_t n, struct proc_use *out);
/* Begins the peak anew where the kernel allows it (to root). */
void proc_reset_peak(const pid_t *roots, size_t n);

#endif
