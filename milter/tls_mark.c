/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "milter/tls_mark.h"

void
tls_mark_init(struct tls_mark *m, const struct conf *c)
{
	*m = (struct tls_mark){.conf = c};
}

/*
 * FILTER sends the whole message to another transport, all its recipients: one
 * whose mailbox is here would be looked for by its MX records.
 */
void
tls_mark_rcpt(struct tls_mark *m, struct str mailer)
{
	const struct conf_strings *known = &m->conf->tls_required_transports;

	/* Postfix does not tell for mail that did not come by SMTP */
	if (mailer.n == 0)
		return;
	for (size_t i = 0; i < known->n; i++)
		if (str_eq(mailer, str_from_z(known->v[i])))
			return;
	m->stays = true;
}

void
tls_mark_field(struct tls_mark *m, struct str name)
{
	const char *ours = m->conf->tls_required_header;

	if (*ours && str_eq_ci(name, str_from_z(ours)))
		m->seen++;
	if (str_eq_ci(name, STR("Require-TLS-ESMTP")))
		m->esmtp_seen++;
}

bool
tls_mark_wanted(const struct tls_mark *m, struct str wish)
{
	return *m->conf->tls_required_header && !m->stays &&
	       str_eq(wish, STR("tls-required=no"));
}
