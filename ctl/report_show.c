/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/report_show.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "ctl/cell.h"
#include "ctl/report_file.h"
#include "ctl/report_print.h"
#include "ctl/usage.h"

#define FAILED 1
#define NAME_LENGTH ((size_t)16384)

static void
complain(FILE *err, const char *file, const char *text)
{
	struct buf b;

	buf_init(&b, NULL, NAME_LENGTH);
	cell_escape(&b, str_from_z(file));
	fprintf(err, "aver report: %s: %s\n", buf_z(&b), text);
	buf_fini(&b);
}

static bool
show(const char *file, FILE *in, struct report_print *p,
    const struct report_visitor *visitor, FILE *err)
{
	bool standard = strcmp(file, "-") == 0;
	FILE *f = standard ? in : fopen(file, "rb");
	struct diag d = {.text = "the output failed"};
	int status;

	if (!f) {
		complain(err, file, strerror(errno));
		return false;
	}
	p->file = str_from_z(standard ? "standard input" : file);
	status = report_file_read(f, visitor, p, &d);
	if (status)
		complain(err, file, d.text);
	if (!standard)
		fclose(f);
	return status == 0;
}

int
cmd_report(int argc, char **argv, FILE *in, FILE *out, FILE *err)
{
	struct report_print p;
	bool json = false, good = true;
	int i = 2;

	if (argc < 2 || strcmp(argv[1], "show") != 0)
		return usage_fail(err, "report", NULL);
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (strcmp(argv[i], "--json") != 0)
			return usage_fail(err, "report", NULL);
		json = true;
	}
	if (i == argc)
		return usage_fail(err, "report", NULL);
	report_print_init(&p, out);
	for (; i < argc; i++)
		good =
		    show(argv[i], in, &p,
			json ? &report_print_json : &report_print_text, err) &&
		    good;
	if (json)
		report_print_json_end(&p);
	report_print_fini(&p);
	return good ? 0 : FAILED;
}
