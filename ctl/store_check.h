/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* `aver store check`: is all that the store holds sound? It only reads. */
#ifndef CTL_STORE_CHECK_H
#define CTL_STORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/listing.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/store/store.h"

/*
 * Looks over the store at place, and the files of rings and spools in
 * directory. 0: nothing is wrong, 1: something is, else one of sysexits.h: it
 * could not be looked over.
 */
int store_check(const char *place, const char *directory, bool json, FILE *out);

/* --- for its parts */

enum check_part {
	CHECK_STORE, /* the file or the keys as such */
	CHECK_SOURCES,
	CHECK_KNOWN,
	CHECK_SUPPRESSIONS,
	CHECK_POLICIES,
	CHECK_DESTINATIONS,
	CHECK_EVALUATIONS,
	CHECK_TLS_RESULTS,
	CHECK_INCIDENTS,
	CHECK_REPORTS,
	CHECK_FILES, /* rings and spools */
	CHECK_PART_COUNT
};

struct check {
	struct store *s;
	struct listing l;
	struct diag *d;
	int64_t now;
	enum check_part part;
	uint64_t looked[CHECK_PART_COUNT]; /* things that were looked at */
	uint64_t faults[CHECK_PART_COUNT], notes[CHECK_PART_COUNT];
	struct buf text; /* of the finding that is being made */
};

/* Begins a text in c->text about the thing of that name (empty: none). */
void check_about(struct check *c, struct str name);
/*
 * Tells what is in c->text: a fault, or what is only worth to know. The first
 * ones of a part are printed. 0, AVER_NOMEM or AVER_IO.
 */
int check_fault(struct check *c);
int check_note(struct check *c);

/* Sources to incidents. */
int check_content(struct check *c);
int check_rows(struct check *c);
int check_reports(struct check *c);
int check_files(struct check *c, const char *directory);

#endif
