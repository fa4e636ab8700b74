/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/inbound/inbound_conf.h"

#include "lib/base/err.h"
#include "lib/policy/policy_file.h"

#define LISTS_MEMORY ((size_t)64 * 1024)

static enum policy_action
action_of(enum conf_action a)
{
	switch (a) {
	case CONF_ACCEPT:
		return POLICY_ACCEPT;
	case CONF_HEADER:
		return POLICY_HEADER;
	case CONF_QUARANTINE:
		return POLICY_QUARANTINE;
	case CONF_TEMPFAIL:
		return POLICY_TEMPFAIL;
	case CONF_REJECT:
	case CONF_BY_POLICY:
		break;
	}
	return POLICY_REJECT;
}

static void
set_actions(struct inbound_options *o, const struct conf *c)
{
	enum policy_action *by = o->actions.by;

	by[POLICY_DMARC_REJECT] = action_of(c->dmarc_reject_action);
	by[POLICY_DMARC_QUARANTINE] = action_of(c->dmarc_quarantine_action);
	by[POLICY_DMARC_NONE] = action_of(c->dmarc_none_action);
	by[POLICY_DMARC_PERMERROR] = action_of(c->dmarc_permerror_action);
	by[POLICY_DMARC_TEMPERROR] = action_of(c->dmarc_temperror_action);
	by[POLICY_FROM_INVALID] = action_of(c->from_invalid_action);
	by[POLICY_SPF_FAIL] = action_of(c->spf_fail_action);
	by[POLICY_DKIM_POLICY] = action_of(c->dkim_policy_action);
	by[POLICY_BUDGET] = action_of(c->budget_action);
	o->from_by_policy = c->from_invalid_action == CONF_BY_POLICY;
}

static int
parse_reply(const char *name, const char *text, enum policy_action action,
    struct reply_template *out, struct diag *d)
{
	struct diag why = {{0}, 0};

	if (reply_template_parse(str_from_z(text), action, out, &why) == 0)
		return 0;
	return diag_set(d, AVER_CONF, 0, "parameter %s: %s", name, why.text);
}

static int
set_replies(struct inbound_options *o, const struct conf *c, struct diag *d)
{
	if (parse_reply("dmarc_reject_reply", c->dmarc_reject_reply,
		POLICY_REJECT, &o->dmarc_reply, d) ||
	    parse_reply("reject_reply", c->reject_reply, POLICY_REJECT,
		&o->reject_reply, d) ||
	    parse_reply("tempfail_reply", c->tempfail_reply, POLICY_TEMPFAIL,
		&o->tempfail_reply, d))
		return AVER_CONF;
	return 0;
}

static int
copy_names(struct arena *a, const struct conf_strings *from,
    const struct str **out, size_t *n)
{
	struct str *v = ARENA_ARRAY(a, struct str, from->n + 1);

	if (!v)
		return AVER_NOMEM;
	for (size_t i = 0; i < from->n; i++)
		v[i] = str_from_z(from->v[i]);
	*out = v;
	*n = from->n;
	return 0;
}

static struct dkim_limits
dkim_limits(const struct conf *c)
{
	struct dkim_limits l = DKIM_LIMITS_DEFAULT;

	l.max_signatures = (unsigned)c->dkim_max_signatures;
	l.min_rsa_bits = (unsigned)c->dkim_min_rsa_bits;
	l.max_rsa_bits = (unsigned)c->dkim_max_rsa_bits;
	l.max_body_hashes = (unsigned)c->dkim_max_body_hashes;
	l.max_header_octets = (uint64_t)c->dkim_max_header_octets;
	l.clock_drift = (unsigned)c->dkim_clock_drift;
	l.accept_partial = c->dkim_accept_partial;
	return l;
}

static struct arc_limits
arc_limits(const struct conf *c)
{
	struct arc_limits l = ARC_LIMITS_DEFAULT;

	l.max_sets = (unsigned)c->arc_max_sets;
	l.min_rsa_bits = (unsigned)c->dkim_min_rsa_bits;
	l.max_rsa_bits = (unsigned)c->dkim_max_rsa_bits;
	l.max_header_octets = (uint64_t)c->dkim_max_header_octets;
	l.clock_drift = (unsigned)c->dkim_clock_drift;
	return l;
}

/* Those of report_addresses, and those our own reports come from. */
static int
set_report_addresses(
    struct inbound_options *o, const struct conf *c, struct arena *a)
{
	const char *own[] = {c->report_email, c->report_bounce_address};
	struct str *v = ARENA_ARRAY(a, struct str, c->report_addresses.n + 2),
		   domain;
	size_t n = 0;

	if (!v)
		return AVER_NOMEM;
	for (size_t i = 0; i < c->report_addresses.n; i++)
		v[n++] = str_from_z(c->report_addresses.v[i]);
	for (size_t i = 0; i < 2; i++) {
		if (!*own[i])
			continue;
		v[n] = str_from_z(own[i]);
		/* the last one takes bounces */
		o->bounce_local = str_cut(v[n++], '@', &domain);
		o->bounce_domain = domain;
	}
	o->bounce_delimiter = c->recipient_delimiter[0];
	o->report_addresses = v;
	o->n_report_addresses = n;
	return 0;
}

int
inbound_options_from_conf(struct inbound_options *o, const struct conf *c,
    struct arena *a, struct diag *d)
{
	*o = (struct inbound_options){
	    .methods = INBOUND_ALL | (c->arc ? INBOUND_ARC : 0) |
		       (c->iprev ? INBOUND_IPREV : 0),
	    .discovery =
		c->dmarc_discovery == CONF_PSL ? DMARC_PSL : DMARC_TREEWALK,
	    .spf = {(unsigned)c->spf_max_lookups, (unsigned)c->spf_max_void,
		(unsigned)c->spf_max_names},
	    .dkim = dkim_limits(c),
	    .arc = arc_limits(c),
	    .spf_helo = c->spf_helo,
	    .patience = c->message_deadline * 1000,
	    .max_header_octets = (size_t)c->max_header_octets,
	    .max_header_fields = (size_t)c->max_header_fields,
	    .test_mode = c->test_mode,
	};
	set_actions(o, c);
	if (copy_names(a, &c->arc_trusted_sealers, &o->arc_trusted,
		&o->n_arc_trusted) ||
	    set_report_addresses(o, c, a) ||
	    copy_names(a, &c->failure_headers, &o->failure_headers,
		&o->n_failure_headers))
		return AVER_NOMEM;
	return set_replies(o, c, d);
}

int
inbound_conf_check(const struct conf *c, struct buf *errors)
{
	struct inbound_options o;
	struct arena a;
	struct diag d = {{0}, 0};
	int err;

	arena_init(&a, LISTS_MEMORY);
	err = inbound_options_from_conf(&o, c, &a, &d);
	arena_fini(&a);
	if (err)
		buf_addf(errors, "%s\n", d.text);
	if (*c->policy_table && policy_file_check(c->policy_table, errors))
		err = AVER_CONF;
	return err ? AVER_CONF : 0;
}
