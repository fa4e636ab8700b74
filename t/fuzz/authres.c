/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <stdlib.h>

#include "lib/mail/authres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The value with these texts in every place a text can have. */
static struct str
print(struct arena *a, struct buf *b, const struct str t[4], bool crlf)
{
	struct authres_writer w;

	buf_init(b, a, 1 << 16);
	authres_begin(&w, b, t[0], crlf ? "\r\n" : "\n");
	authres_result(&w, "spf", "fail");
	authres_comment(&w, t[1]);
	authres_reason(&w, t[1]);
	authres_prop(&w, "smtp.helo", t[2], true);
	authres_prop_addr(&w, "smtp.mailfrom", t[3], true);
	authres_end(&w);
	return buf_str(b);
}

static void
check_octets(struct str s)
{
	size_t line = 0;

	for (size_t i = 0; i < s.n; i++) {
		line = s.p[i] == '\n' ? 0 : line + 1;
		if (s.p[i] == '\0' || line > 990 ||
		    (s.p[i] == '\r' && s.p[i + 1] != '\n') ||
		    (s.p[i] == '\n' && s.p[i + 1] != '\t' && s.p[i + 1] != ' '))
			abort();
	}
}

static void
check_round(struct arena *a, const struct str t[4], bool crlf)
{
	struct authres r, again;
	struct str out, second[4];
	struct buf b, c;

	out = print(a, &b, t, crlf);
	check_octets(out);
	if (authres_parse(a, out, &r, NULL) || r.n_entries != 1 ||
	    r.entries->n_props != 2)
		abort();
	second[0] = r.id;
	second[1] = r.entries->reason;
	second[2] = r.entries->props[0].value;
	second[3] = r.entries->props[1].value;
	out = print(a, &c, second, !crlf);
	if (authres_parse(a, out, &again, NULL) || !str_eq(r.id, again.id) ||
	    !str_eq(r.entries->reason, again.entries->reason) ||
	    !str_eq(second[2], again.entries->props[0].value) ||
	    !str_eq(second[3], again.entries->props[1].value))
		abort();
}

/* As a value to be read, and as four texts (cut at "|") to be written. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size}, t[4], id;
	struct authres r;
	struct arena a;

	arena_init(&a, 32 << 20);
	if (authres_parse(&a, text, &r, NULL) == 0) {
		id = r.id;
		if (id.n && id.n < 500 && str_chr(id, ' ') == id.n &&
		    str_chr(id, '\t') == id.n && !authres_names_id(text, id))
			abort();
	}
	authres_names_id(text, STR("mx.example"));
	for (int i = 0; i < 4; i++)
		t[i] = str_cut(text, '|', &text);
	check_round(&a, t, size & 1);
	arena_fini(&a);
	return 0;
}
