/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/inbound/inbound_conf.h"

static enum inbound_action
action_of(enum conf_action a)
{
	switch (a) {
	case CONF_ACCEPT:
		return INBOUND_ACCEPT;
	case CONF_QUARANTINE:
		return INBOUND_QUARANTINE;
	case CONF_REJECT:
		return INBOUND_REJECT;
	}
	return INBOUND_QUARANTINE;
}

void
inbound_options_from_conf(struct inbound_options *o, const struct conf *c)
{
	struct dkim_limits dkim = DKIM_LIMITS_DEFAULT;

	dkim.max_signatures = (unsigned)c->dkim_max_signatures;
	dkim.min_rsa_bits = (unsigned)c->dkim_min_rsa_bits;
	dkim.max_rsa_bits = (unsigned)c->dkim_max_rsa_bits;
	dkim.clock_drift = (unsigned)c->dkim_clock_drift;
	dkim.accept_partial = c->dkim_accept_partial;
	*o = (struct inbound_options){
	    .methods = INBOUND_ALL,
	    .discovery =
		c->dmarc_discovery == CONF_PSL ? DMARC_PSL : DMARC_TREEWALK,
	    .spf = {(unsigned)c->spf_max_lookups, (unsigned)c->spf_max_void,
		(unsigned)c->spf_max_names},
	    .dkim = dkim,
	    .spf_helo = c->spf_helo,
	    .patience = c->message_deadline * 1000,
	    .max_header_octets = (size_t)c->max_header_octets,
	    .max_header_fields = (size_t)c->max_header_fields,
	    .on_reject = action_of(c->dmarc_reject_action),
	    .on_quarantine = action_of(c->dmarc_quarantine_action),
	};
}
