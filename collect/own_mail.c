/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "collect/own_mail.h"

#include <string.h>

#include "lib/base/chars.h"

void
own_mail_init(struct own_mail *o, struct str address, char delimiter)
{
	size_t at = str_rchr(address, '@');

	memset(o, 0, sizeof(*o));
	if (at == 0 || at >= address.n)
		return;
	o->local = str_head(address, at);
	o->domain = str_from(address, at + 1);
	o->delimiter = delimiter;
}

static bool
is_ours(const struct own_mail *o, struct str sender)
{
	size_t at = str_rchr(sender, '@');
	struct str local = str_head(sender, at);

	return o->local.n && at < sender.n &&
	       str_eq_ci(str_from(sender, at + 1), o->domain) &&
	       str_starts_ci(local, o->local) &&
	       (local.n == o->local.n || local.p[o->local.n] == o->delimiter);
}

/* "... postfix/qmgr[123]: 4XYZ: from=<sender>, size=..." */
static bool
read_line(struct str line, struct str *id, struct str *sender)
{
	static const struct str tag = STR_INIT("/qmgr[");
	static const struct str from = STR_INIT(" from=<");
	size_t at;

	/* the tag is the first bracket: no host name or stamp has one */
	at = str_chr(line, '[');
	if (at + 1 < tag.n || at >= line.n ||
	    !str_starts(str_from(line, at + 1 - tag.n), tag))
		return false;
	at = str_chr(line, ']');
	if (!str_starts(str_from(line, at), STR("]: ")))
		return false;
	*id = str_cut(str_from(line, at + 3), ':', &line);
	if (!str_starts(line, from))
		return false;
	*sender = str_from(line, from.n);
	*sender = str_head(*sender, str_chr(*sender, '>'));
	for (size_t i = 0; i < id->n; i++)
		if (!chars_is(id->p[i], CH_ALNUM))
			return false;
	return id->n > 0 && id->n <= OWN_MAIL_ID;
}

void
own_mail_line(struct own_mail *o, struct str line)
{
	struct str id, sender;

	if (o->local.n == 0 || !read_line(line, &id, &sender) ||
	    !is_ours(o, sender) || own_mail_is(o, id))
		return;
	memcpy(o->ids[o->next].p, id.p, id.n);
	o->ids[o->next].n = id.n;
	o->next = (o->next + 1) % OWN_MAIL_MAX;
}

bool
own_mail_is(const struct own_mail *o, struct str queue_id)
{
	if (queue_id.n == 0)
		return false;
	for (size_t i = 0; i < OWN_MAIL_MAX && o->ids[i].n; i++)
		if (str_eq((struct str){o->ids[i].p, o->ids[i].n}, queue_id))
			return true;
	return false;
}
