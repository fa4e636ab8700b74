/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <unistd.h>

#include "lib/mail/orgdom.h"

#include "t/tap.h"

/* Against a list of our own: what the system's says may change. */
static const char list[] = "// ===BEGIN ICANN DOMAINS===\n"
			   "com\n"
			   "uk\n"
			   "co.uk\n"
			   "*.ck\n"
			   "!www.ck\n"
			   "\xe4\xb8\xad\xe5\x9b\xbd\n"
			   "// ===END ICANN DOMAINS===\n"
			   "// ===BEGIN PRIVATE DOMAINS===\n"
			   "hosting.com\n"
			   "// ===END PRIVATE DOMAINS===\n";

static const struct {
	const char *name, *want;
} rows[] = {
    {"example.com", "example.com"},
    {"a.b.example.com", "example.com"},
    {"com", "com"},
    {"a.example.co.uk", "example.co.uk"},
    {"co.uk", "co.uk"},
    {"example.uk", "example.uk"},
    {"a.b.x.ck", "b.x.ck"},
    {"a.www.ck", "www.ck"},
    {"a.customer.hosting.com", "customer.hosting.com"},
    {"a.b.xn--fiqs8s", "b.xn--fiqs8s"},
    {"a.b.unlisted", "b.unlisted"},
    {"unlisted", "unlisted"},
    {"", ""},
    {"a..example.com", "example.com"},
};

static bool
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool done;

	if (!f)
		return false;
	done = fputs(text, f) >= 0;
	return fclose(f) == 0 && done;
}

int
main(void)
{
	char path[] = "orgdom.t.XXXXXX", longer[400];
	int fd = mkstemp(path);
	struct orgdom *o;
	struct str name;

	if (fd < 0 || !write_file(path, list))
		tap_skip_all("cannot write a file here");
	o = orgdom_open(path);
	ok(o != NULL, "a list of our own");
	for (size_t i = 0; o && i < sizeof(rows) / sizeof(rows[0]); i++) {
		name = str_from_z(rows[i].name);
		is_str(
		    orgdom_of(o, name), str_from_z(rows[i].want), rows[i].name);
	}
	memset(longer, 'a', sizeof(longer));
	name = (struct str){longer, sizeof(longer)};
	ok(!o || str_eq(orgdom_of(o, name), name), "too long for a name");
	name = STR("a\0b.example.com");
	ok(!o || str_eq(orgdom_of(o, name), name), "NUL");
	orgdom_close(o);

	write_file(path, "// nothing\n");
	ok(orgdom_open(path) == NULL, "a list of no suffixes");
	close(fd);
	unlink(path);
	ok(orgdom_open(path) == NULL, "no such file");
	orgdom_close(NULL);

	o = orgdom_open("");
	if (!o) {
		skip("the system's list", "there is none");
		return tap_done();
	}
	is_str(orgdom_of(o, STR("a.b.example.co.uk")), STR("example.co.uk"),
	    "the system's list");
	orgdom_close(o);
	return tap_done();
}
