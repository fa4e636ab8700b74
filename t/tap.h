/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A test program prints TAP (Test Anything Protocol): one line an assertion,
 * the plan at the end. Include this in the one .c file of the program, call
 * the macros, return tap_done(). A failed assertion prints where and why and
 * the program goes on.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5))) static bool
tap_result(bool ok, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", ok ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!ok) {
		tap_failed++;
		printf("# at %s line %d\n", file, line);
	}
	fflush(stdout);
	return ok;
}

__attribute__((unused)) static void
tap_quote(const char *label, struct str s)
{
	printf("# %s: \"", label);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c < 0x7f)
			putchar(c);
		else
			printf("\\x%02x", c);
	}
	printf("\"\n");
}

__attribute__((unused)) static bool
tap_str(struct str got, struct str want, const char *file, int line,
    const char *name)
{
	bool ok = str_eq(got, want);

	tap_result(ok, file, line, "%s", name);
	if (!ok) {
		tap_quote("got ", got);
		tap_quote("want", want);
	}
	return ok;
}

__attribute__((unused)) static bool
tap_int(
    long long got, long long want, const char *file, int line, const char *name)
{
	bool ok = got == want;

	tap_result(ok, file, line, "%s", name);
	if (!ok)
		printf("# got %lld, want %lld\n", got, want);
	return ok;
}

__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

/* The whole program is skipped. */
__attribute__((unused, noreturn)) static void
tap_skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	exit(0);
}

/* ok(condition, "format", ...) */
#define ok(cond, ...) tap_result((cond), __FILE__, __LINE__, __VA_ARGS__)
/* struct str against struct str */
#define is_str(got, want, name) \
	tap_str((got), (want), __FILE__, __LINE__, (name))
#define is_int(got, want, name) \
	tap_int((long long)(got), (long long)(want), __FILE__, __LINE__, (name))
/* one assertion that cannot run here, with its reason */
#define skip(name, why) \
	printf("ok %d - %s # SKIP %s\n", ++tap_count, (name), (why))

#endif
