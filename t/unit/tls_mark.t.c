/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "milter/tls_mark.h"
#include "t/tap.h"

struct mark_case {
	const char *name, *header, *transports, *mailers, *wish;
	bool want;
};

static const struct mark_case cases[] = {
    {"asked for", "X-M", "smtp", "smtp", "tls-required=no", true},
    {"not asked for", "X-M", "smtp", "smtp", "", false},
    {"REQUIRETLS wins", "X-M", "smtp", "smtp", "requiretls", false},
    {"turned off", "", "smtp", "smtp", "tls-required=no", false},
    {"several recipients", "X-M", "smtp relay", "smtp relay smtp",
	"tls-required=no", true},
    {"one mailbox among them", "X-M", "smtp", "smtp virtual smtp",
	"tls-required=no", false},
    {"a relay domain", "X-M", "smtp", "relay", "tls-required=no", false},
    {"a name in another case", "X-M", "smtp", "SMTP", "tls-required=no", false},
    {"not submitted by SMTP", "X-M", "smtp", "-", "tls-required=no", true},
    {"no recipient", "X-M", "smtp", "", "tls-required=no", true},
};

/* Words into views of them; "-" is an empty one. */
static void
each_word(const char *words, struct tls_mark *m)
{
	struct str rest = str_from_z(words), word;

	while (rest.n) {
		word = str_cut(rest, ' ', &rest);
		tls_mark_rcpt(m, str_eq(word, STR("-")) ? STR_NONE : word);
	}
}

static void
set_transports(struct conf *c, const char *words, const char **v, char *copy)
{
	size_t n = strlen(words);

	memcpy(copy, words, n + 1);
	c->tls_required_transports.v = v;
	for (char *p = copy; p && *p;) {
		char *space = strchr(p, ' ');

		v[c->tls_required_transports.n++] = p;
		if (space)
			*space++ = '\0';
		p = space;
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct mark_case *k = &cases[i];
		struct conf c = {.tls_required_header = k->header};
		const char *v[8];
		struct tls_mark m;
		char copy[100];

		set_transports(&c, k->transports, v, copy);
		tls_mark_init(&m, &c);
		each_word(k->mailers, &m);
		ok(tls_mark_wanted(&m, str_from_z(k->wish)) == k->want, "%s",
		    k->name);
		tls_mark_field(&m, STR("x-m"));
		tls_mark_field(&m, STR("X-M"));
		tls_mark_field(&m, STR("X-Mx"));
		tls_mark_field(&m, STR(""));
		tls_mark_field(&m, STR("require-tls-ESMTP"));
		is_int(m.esmtp_seen, 1, "fields of Postfix");
		is_int(m.seen, *k->header ? 2 : 0, "fields of that name");
	}
	return tap_done();
}
