/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * An export with anything in it: as one line, which is printed and read again
 * as the same, and as a file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/portable_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is printed, and that is read and printed as the same. */
static void
print_and_read(const struct portable *p)
{
	struct portable again;
	struct buf a, b;
	struct arena arena;

	arena_init(&arena, 64 << 20);
	buf_init(&a, NULL, PORTABLE_LINE_MAX + 1);
	buf_init(&b, NULL, PORTABLE_LINE_MAX + 1);
	if (portable_put(&a, p) != 0 ||
	    portable_get(
		str_head(buf_str(&a), a.n - 1), &arena, &again, NULL) != 0 ||
	    again.kind != p->kind || portable_put(&b, &again) != 0 ||
	    !str_eq(buf_str(&a), buf_str(&b)))
		abort();
	for (size_t i = 0; i < a.n; i++)
		if ((a.p[i] < ' ' && i + 1 < a.n) ||
		    (unsigned char)a.p[i] > '~')
			abort();
	buf_fini(&a);
	buf_fini(&b);
	arena_fini(&arena);
}

static int
count(void *arg, uint64_t line, const struct portable *p, struct diag *d)
{
	uint64_t *n = arg;

	(void)d;
	if (line != ++*n)
		abort();
	print_and_read(p);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct portable p;
	struct diag d = {.text = ""};
	struct arena arena;
	uint64_t n = 0;
	FILE *f;
	int err;

	arena_init(&arena, 64 << 20);
	err = portable_get(
	    (struct str){(const char *)data, size}, &arena, &p, &d);
	if (err == 0)
		print_and_read(&p);
	else if (d.text[0] == '\0')
		abort();
	f = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	if (f) {
		err = portable_read(f, "file", &arena, count, &n, &d);
		if (err == 0 && n < 2)
			abort();
		if (err != 0 && !strstr(d.text, "file:"))
			abort();
		fclose(f);
	}
	arena_fini(&arena);
	return 0;
}
