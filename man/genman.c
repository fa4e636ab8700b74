/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Makes a manual page of a template: genman < PAGE.in > PAGE. A line
 * "@PARAMETERS@" becomes the list of all parameters, @CONF@, @STATEDIR@,
 * @RUNDIR@ and @SBINDIR@ anywhere become the paths this build uses. Any other
 * word of capitals between two "@" is an error.
 */

#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/scan.h"
#include "lib/conf/conf.h"

#define PAGE_MAX ((size_t)1 << 20)

static const struct {
	struct str name;
	const char *text;
} words[] = {
    {STR_INIT("CONF"), AVER_SYSCONFDIR "/aver/aver.conf"},
    {STR_INIT("STATEDIR"), AVER_STATEDIR},
    {STR_INIT("RUNDIR"), AVER_RUNDIR},
    {STR_INIT("SBINDIR"), AVER_SBINDIR},
};

static bool
expand(struct buf *out, struct str name)
{
	if (str_eq(name, STR("PARAMETERS"))) {
		conf_manual(out);
		/* its last line brings the newline of the word's line */
		if (buf_ok(out))
			buf_cut(out, out->n - 1);
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eq(name, words[i].name)) {
			buf_add_z(out, words[i].text);
			return true;
		}
	}
	fprintf(stderr, "genman: unknown word @%.*s@\n", STRF(name));
	return false;
}

/* "CAPITALS@", the cursor behind the first "@". */
static bool
scan_word(struct scan *s, struct str *name)
{
	struct scan t = *s;
	const char *from = t.p;

	while (!scan_done(&t) && *t.p >= 'A' && *t.p <= 'Z')
		t.p++;
	*name = (struct str){from, (size_t)(t.p - from)};
	if (name->n == 0 || !scan_char(&t, '@'))
		return false;
	*s = t;
	return true;
}

static bool
expand_all(struct buf *out, struct str in)
{
	struct scan s = scan_of(in);
	struct str name;

	for (;;) {
		buf_add(out, scan_until(&s, '@'));
		if (!scan_char(&s, '@'))
			return buf_ok(out);
		if (!scan_word(&s, &name))
			buf_add_c(out, '@');
		else if (!expand(out, name))
			return false;
	}
}

int
main(void)
{
	char chunk[4096];
	struct buf in, out;
	size_t n;
	bool good;

	buf_init(&in, NULL, PAGE_MAX);
	buf_init(&out, NULL, PAGE_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		buf_add(&in, (struct str){chunk, n});
	good = buf_ok(&in) && in.n > 0 && expand_all(&out, buf_str(&in)) &&
	       fputs(buf_z(&out), stdout) >= 0 && fflush(stdout) == 0;
	if (!good)
		fprintf(stderr, "genman: the page cannot be made\n");
	buf_fini(&in);
	buf_fini(&out);
	return good ? 0 : 1;
}
