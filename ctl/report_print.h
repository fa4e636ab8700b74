/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The two forms in which `aver report show` prints reports, as visitors of
 * report_file_read(). Both take a struct report_print as their argument and
 * print as they are told of things: nothing of a report is held.
 */
#ifndef CTL_REPORT_PRINT_H
#define CTL_REPORT_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "ctl/report_file.h"
#include "lib/base/buf.h"

struct report_print {
	FILE *out;
	struct buf line;
	size_t reports; /* printed, over all files */
	size_t rows; /* of the report */
	bool in_records; /* JSON: its list is open */
	enum report_kind kind;
	struct str file; /* as the user named it */
};

void report_print_init(struct report_print *p, FILE *out);
void report_print_fini(struct report_print *p);

/* Tables for a person; all text is escaped, see ctl/cell.h. */
extern const struct report_visitor report_print_text;

/*
 * One list of reports in JSON, ASCII only, a record of an aggregate report on
 * a line. End it with report_print_json_end(), whatever was printed.
 */
extern const struct report_visitor report_print_json;
void report_print_json_end(struct report_print *p);

#endif
