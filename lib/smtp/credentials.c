/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/credentials.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/mail/utf8.h"

static bool
is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (chars_is(s.p[i], CH_CTL))
			return false;
	return s.n > 0 && s.n <= CREDENTIALS_VALUE_MAX && utf8_ok(s);
}

static int
read_line(
    struct str line, unsigned number, struct credentials *c, struct diag *d)
{
	struct str value, name = str_trim_fws(str_cut(line, '=', &value));
	struct str *to = NULL;

	if (str_eq(name, STR("user")))
		to = &c->user;
	else if (str_eq(name, STR("password")))
		to = &c->password;
	if (!to || !value.p)
		return diag_set(d, AVER_CONF, 0,
		    "line %u: expected \"user = NAME\" or \"password = TEXT\"",
		    number);
	if (to->n)
		return diag_set(
		    d, AVER_CONF, 0, "line %u: given twice", number);
	value = str_trim_fws(value);
	if (!is_value(value))
		return diag_set(d, AVER_CONF, 0,
		    "line %u: expected 1 to %d octets of UTF-8 text", number,
		    CREDENTIALS_VALUE_MAX);
	*to = value;
	return 0;
}

int
credentials_parse(struct str text, struct credentials *out, struct diag *d)
{
	struct credentials c = {STR_NONE, STR_NONE};
	struct str rest = text, line;
	unsigned number = 0;
	int err;

	if (text.n > CREDENTIALS_OCTETS_MAX)
		return diag_set(d, AVER_CONF, 0, "more than %d octets",
		    CREDENTIALS_OCTETS_MAX);
	while (rest.n) {
		line = str_trim_fws(str_cut(rest, '\n', &rest));
		number++;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		err = read_line(line, number, &c, d);
		if (err)
			return err;
	}
	if (c.user.n == 0 || c.password.n == 0)
		return diag_set(d, AVER_CONF, 0, "no %s in it",
		    c.user.n ? "password" : "user");
	*out = c;
	return 0;
}
