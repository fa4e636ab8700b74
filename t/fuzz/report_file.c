/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>
#include <stdlib.h>

#include <jansson.h>

#include "ctl/report_file.h"
#include "ctl/report_print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What one form prints of the input; *status is what the reader said. */
static char *
print(const uint8_t *data, size_t size, const struct report_visitor *visitor,
    int *status, size_t *n)
{
	FILE *in = fmemopen((void *)data, size, "rb"), *out;
	struct report_print p;
	struct diag d = {.text = ""};
	char *text = NULL;

	assert(in);
	out = open_memstream(&text, n);
	assert(out);
	report_print_init(&p, out);
	p.file = STR("-");
	*status = report_file_read(in, visitor, &p, &d);
	assert(*status == 0 || d.text[0]);
	if (visitor == &report_print_json)
		report_print_json_end(&p);
	report_print_fini(&p);
	fclose(in);
	fclose(out);
	return text;
}

/* Nothing that a terminal would obey; JSON is JSON; both agree. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int text_status, json_status;
	char *text, *json;
	size_t n_text, n_json;
	json_t *j;

	if (size == 0)
		return 0;
	text = print(data, size, &report_print_text, &text_status, &n_text);
	json = print(data, size, &report_print_json, &json_status, &n_json);
	assert(text_status == json_status);
	for (size_t i = 0; i < n_text; i++)
		assert(text[i] == '\n' || (text[i] >= ' ' && text[i] < 0x7f));
	for (size_t i = 0; i < n_json; i++)
		assert(json[i] == '\n' || (json[i] >= ' ' && json[i] < 0x7f));
	j = json_loadb(json, n_json, JSON_ALLOW_NUL, NULL);
	assert(json_is_array(j));
	assert(json_status || json_array_size(j) > 0);
	json_decref(j);
	free(text);
	free(json);
	return 0;
}
