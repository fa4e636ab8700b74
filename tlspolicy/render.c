/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/render.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "tlspolicy/requiretls.h"
#include "tlspolicy/sts_match.h"

#define TEXT_MAX (RENDER_REPLY_MAX - 10) /* less "NOTFOUND " */
#define REASON_MAX ((size_t)200)
/* Sendmail 8.17.1 cuts the value of match= after these octets, silently. */
#define SENDMAIL_LIST_MAX ((size_t)255)

static const char *const map_names[RENDER_MAP_COUNT] = {
    [RENDER_TLS] = "tls",
    [RENDER_TLS_PLAIN] = "tls-plain",
    [RENDER_TLS_TLSRPT] = "tls-tlsrpt",
    [RENDER_REQUIRETLS] = "requiretls",
    [RENDER_VERIFIED] = "verified",
    [RENDER_STS] = "sts",
};

/* Of postfix-tlspol and of postfix-mta-sts-resolver, to stand in for them. */
static const struct {
	struct str name;
	enum render_map map;
} aliases[] = {
    {STR_INIT("postfix"), RENDER_TLS},
    {STR_INIT("QUERY"), RENDER_TLS_PLAIN},
    {STR_INIT("QUERYwithTLSRPT"), RENDER_TLS_TLSRPT},
};

static const char *const status_names[RENDER_STATUS_COUNT] = {
    [RENDER_OK] = "OK",
    [RENDER_NOTFOUND] = "NOTFOUND",
    [RENDER_TEMP] = "TEMP",
    [RENDER_PERM] = "PERM",
};

static const char *const default_names[REQUIRETLS_DEFAULT_COUNT] = {
    [REQUIRETLS_ENFORCE] = "enforce",
    [REQUIRETLS_OPPORTUNISTIC_STARTTLS] = "opportunistic+starttls",
    [REQUIRETLS_OPPORTUNISTIC] = "opportunistic",
    [REQUIRETLS_DISABLE] = "disable",
};

const char *
render_map_name(enum render_map map)
{
	return name_of(map_names, RENDER_MAP_COUNT, (int)map);
}

const char *
render_status_name(enum render_status s)
{
	return name_of(status_names, RENDER_STATUS_COUNT, (int)s);
}

const char *
requiretls_default_name(enum requiretls_default v)
{
	return name_of(default_names, REQUIRETLS_DEFAULT_COUNT, (int)v);
}

bool
render_map_find(struct str name, enum render_map *out)
{
	for (int i = 0; i < RENDER_MAP_COUNT; i++)
		if (str_eq(name, str_from_z(map_names[i]))) {
			*out = (enum render_map)i;
			return true;
		}
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (str_eq(name, aliases[i].name)) {
			*out = aliases[i].map;
			return true;
		}
	return false;
}

struct job {
	struct arena *a;
	const struct render_profile *p;
	const struct tls_decision *decision;
	enum render_map map;
	struct buf b; /* the text of an OK */
	struct render_answer *out;
	struct diag *d;
};

void
render_fixed(struct arena *a, enum render_status status, struct str text,
    struct render_answer *out)
{
	struct buf b;

	buf_init(&b, a, REASON_MAX);
	for (size_t i = 0; i < text.n && i < REASON_MAX; i++)
		buf_add_c(&b, chars_is(text.p[i], CH_PRINT) ? text.p[i] : '?');
	/* without memory the text is left out */
	*out = (struct render_answer){.status = status, .text = buf_str(&b)};
}

static void
answer_temp(struct job *j, struct str what, struct str more)
{
	struct buf b;

	buf_init(&b, j->a, 2 * REASON_MAX);
	buf_add(&b, str_head(what, REASON_MAX));
	if (more.n)
		buf_addf(&b, ": %.*s", STRF(str_head(more, REASON_MAX)));
	render_fixed(j->a, RENDER_TEMP, buf_str(&b), j->out);
}

static void
answer_notfound(struct job *j)
{
	*j->out = (struct render_answer){.status = RENDER_NOTFOUND};
}

/* The one way out for a text: nothing leaves without the check. */
static void
answer_ok(struct job *j)
{
	struct diag why = {"", 0};

	if (!buf_ok(&j->b)) {
		answer_temp(j, STR("out of memory"), STR_NONE);
		return;
	}
	if (render_check(j->p, buf_str(&j->b), &why)) {
		diag_set(j->d, AVER_BUG, why.offset, "%s", why.text);
		answer_temp(j, STR("the answer was not of the grammar"),
		    str_from_z(why.text));
		j->out->was_refused = true;
		return;
	}
	*j->out =
	    (struct render_answer){.status = RENDER_OK, .text = buf_str(&j->b)};
}

static void
answer_level(struct job *j, const char *level)
{
	buf_clear(&j->b);
	buf_add_z(&j->b, level);
	answer_ok(j);
}

static bool
with_policy(const struct job *j)
{
	return j->p->policy && j->map != RENDER_TLS_PLAIN;
}

/*
 * match= has names and ".domain", which covers names of any depth below; the
 * one-label wildcard of MTA-STS is not to be had there.
 */
static void
add_match(struct buf *b, const struct sts_policy *p)
{
	buf_add_z(b, " match=");
	for (size_t i = 0; i < p->n_mx; i++) {
		bool wild = str_starts(p->mx[i], STR("*."));

		if (i)
			buf_add_c(b, ':');
		buf_add(b, str_from(p->mx[i], wild));
	}
}

static void
add_patterns(struct buf *b, const struct sts_policy *p)
{
	for (size_t i = 0; i < p->n_mx; i++)
		buf_addf(b, " mx_host_pattern=%.*s", STRF(p->mx[i]));
}

/* Braces would end the attribute, and other octets have no place there. */
static bool
is_policy_string(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if (!chars_is(line.p[i], CH_PRINT) || line.p[i] == '{' ||
		    line.p[i] == '}')
			return false;
	return line.n > 0;
}

static void
add_strings(struct buf *b, const struct sts_policy *p)
{
	struct str rest = p->text, line;

	while (sts_policy_line(&rest, &line))
		if (is_policy_string(line))
			buf_addf(b, " { policy_string = %.*s }", STRF(line));
}

enum size { SIZE_FULL, SIZE_NO_STRINGS, SIZE_SHORT, SIZE_COUNT };

static void
build_sts(struct job *j, const char *level, bool is_enforced, enum size size)
{
	const struct sts_policy *p = j->decision->facts.sts.policy;

	buf_clear(&j->b);
	buf_add_z(&j->b, level);
	if (is_enforced) {
		add_match(&j->b, p);
		if (j->p->servername)
			buf_add_z(&j->b, " servername=hostname");
	}
	if (size == SIZE_SHORT || !with_policy(j))
		return;
	buf_addf(&j->b, " policy_type=sts policy_domain=%.*s",
	    STRF(j->decision->domain));
	if (size == SIZE_FULL)
		add_strings(&j->b, p);
	add_patterns(&j->b, p);
}

/*
 * A policy of up to 64 kB may not fit into a reply with all attributes: then
 * without the strings of the report, then without any attribute of 3.10, as
 * every older version gets it. That always fits.
 */
static void
answer_sts(struct job *j, const char *level, bool is_enforced)
{
	for (int size = SIZE_FULL; size < SIZE_COUNT; size++) {
		build_sts(j, level, is_enforced, (enum size)size);
		if (buf_ok(&j->b) || j->b.err == AVER_NOMEM)
			break;
		diag_set(j->d, AVER_LIMIT, 0, "%s",
		    size == SIZE_FULL ? "without policy strings: too long"
				      : "without policy attributes: too long");
	}
	answer_ok(j);
}

static bool
excludes_dane(const struct job *j)
{
	const struct tls_rule *rule = j->decision->facts.rule;

	return rule && (rule->flags & TLS_RULE_NO_DANE);
}

/* The table excludes DANE; what main.cf demands beside it stays so. */
static const char *
level_without_dane(const struct job *j)
{
	switch (j->p->base) {
	case RENDER_BASE_ENCRYPT:
		return "encrypt";
	case RENDER_BASE_PKIX:
		return NULL;
	case RENDER_BASE_MAY:
	case RENDER_BASE_DANE:
	case RENDER_BASE_DANE_ONLY:
	case RENDER_BASE_UNKNOWN:
		break;
	}
	return "may";
}

/*
 * The level for an answer that only tells TLS reports of a policy: what the
 * MTA would do anyway. Under a level of DANE it would drop the policy, so where
 * that is the base, "may" will do if there are no TLSA records. NULL where it
 * is not known: then nothing is said. Nor is it where nobody asked for the
 * records here, and the MTA would.
 */
static const char *
base_level(const struct job *j)
{
	const struct tls_decision *d = j->decision;
	bool is_absent =
	    d->dane.outcome == DANE_OUT_NONE && !d->dane.is_shaky &&
	    d->dane.unasked == 0 &&
	    (d->facts.mx == DANE_MX_SECURE || d->facts.mx == DANE_MX_INSECURE);

	if (excludes_dane(j))
		return level_without_dane(j);
	switch (j->p->base) {
	case RENDER_BASE_MAY:
		return "may";
	case RENDER_BASE_ENCRYPT:
		return "encrypt";
	case RENDER_BASE_DANE:
		return is_absent ? "may" : NULL;
	case RENDER_BASE_UNKNOWN:
		/* who asks this map wants the attributes */
		return j->map == RENDER_TLS_TLSRPT ? "may" : NULL;
	case RENDER_BASE_DANE_ONLY:
	case RENDER_BASE_PKIX:
		break;
	}
	return NULL;
}

/* Where the table excludes DANE, the MTA must not do it by itself either. */
static void
answer_nothing(struct job *j)
{
	const char *level = NULL;

	if (excludes_dane(j) && j->decision->domain.n)
		level = level_without_dane(j);
	if (level)
		answer_level(j, level);
	else
		answer_notfound(j);
}

/* Testing, and a policy that could not be had: mail flows as without. */
static void
answer_report(struct job *j)
{
	const struct tls_decision *d = j->decision;
	const char *level = with_policy(j) ? base_level(j) : NULL;

	if (!level) {
		answer_nothing(j);
	} else if (d->kind == TLS_STS_TESTING) {
		answer_sts(j, level, false);
	} else if (d->why == TLS_WHY_STS_FAILED) {
		buf_clear(&j->b);
		buf_addf(&j->b,
		    "%s policy_type=sts policy_domain=%.*s policy_failure=%s",
		    level, STRF(d->domain),
		    tlsrpt_result_name(d->facts.sts.failure));
		answer_ok(j);
	} else {
		answer_nothing(j);
	}
}

static void
answer_may(struct job *j)
{
	const char *level =
	    j->decision->why == TLS_WHY_NO_DANE ? level_without_dane(j) : "may";

	if (level)
		answer_level(j, level);
	else
		answer_notfound(j);
}

/* Level "dane" asks nothing of hosts without records, main.cf may. */
static void
answer_dane(struct job *j)
{
	if (j->p->base == RENDER_BASE_DANE_ONLY ||
	    j->p->base == RENDER_BASE_PKIX)
		answer_notfound(j);
	else
		answer_level(j, "dane");
}

static void
answer_fixed(struct job *j)
{
	buf_clear(&j->b);
	buf_add(&j->b, j->decision->facts.rule->fixed);
	answer_ok(j);
}

static void
answer_trouble(struct job *j)
{
	const struct tls_decision *d = j->decision;

	answer_temp(j, str_from_z(tls_why_text(d->why)), d->detail);
}

static void
answer_tls(struct job *j)
{
	switch (j->decision->kind) {
	case TLS_NONE:
	case TLS_STS_TESTING:
		answer_report(j);
		return;
	case TLS_MAY:
		answer_may(j);
		return;
	case TLS_DANE:
		answer_dane(j);
		return;
	case TLS_DANE_ONLY:
		answer_level(j, "dane-only");
		return;
	case TLS_STS_ENFORCE:
		answer_sts(j, "secure", true);
		return;
	case TLS_FIXED:
		answer_fixed(j);
		return;
	case TLS_UNVERIFIABLE:
		/* Postfix defers then, and its log says what is missing */
		if (j->decision->domain.n)
			answer_level(j, "dane-only");
		else
			answer_trouble(j);
		return;
	case TLS_TEMP:
	case TLS_KIND_COUNT:
		answer_trouble(j);
		return;
	}
}

/*
 * For mail that must not leave without an authenticated server. Where there is
 * no way, "dane-only" makes Postfix defer with a reason in its log.
 */
static void
answer_verified(struct job *j)
{
	const struct tls_decision *d = j->decision;

	if (d->why == TLS_WHY_PARENT) {
		answer_notfound(j);
	} else if (d->kind == TLS_TEMP || tls_decision_is_verified(d)) {
		answer_tls(j);
	} else if (tls_decision_strict(d) == TLS_STS_ENFORCE) {
		answer_sts(j, "secure", true);
	} else if (d->domain.n && d->kind != TLS_FIXED && d->kind != TLS_MAY) {
		answer_level(j, "dane-only");
	} else {
		answer_temp(j, STR("no verified TLS for this destination"),
		    str_from_z(tls_why_text(d->why)));
	}
}

static void
answer_requiretls(struct job *j, enum requiretls_default fallback)
{
	const struct tls_decision *d = j->decision;

	/* addresses and parents are for other tables of the list */
	if (d->domain.n == 0 || d->why == TLS_WHY_PARENT)
		answer_notfound(j);
	else
		*j->out = (struct render_answer){.status = RENDER_OK,
		    .text = str_from_z(requiretls_default_name(
			requiretls_answer(d, fallback)))};
}

/* "secure match=LIST servername=hostname", with a list of a size it takes. */
static bool
is_for_sendmail(struct str text)
{
	struct str list, rest, head = STR("secure match=");

	if (!str_starts(text, head))
		return false;
	list = str_cut(str_from(text, head.n), ' ', &rest);
	return list.n > 0 && list.n <= SENDMAIL_LIST_MAX &&
	       str_eq(rest, STR("servername=hostname"));
}

/* Of the hosts that there are, those the policy has; for a list too long. */
static void
build_sendmail_hosts(struct job *j)
{
	const struct tls_facts *f = &j->decision->facts;
	size_t n = 0;

	buf_clear(&j->b);
	buf_add_z(&j->b, "secure match=");
	for (size_t i = 0; i < f->n_hosts; i++)
		if (sts_policy_match(f->sts.policy, f->hosts[i].name))
			buf_addf(&j->b, "%s%.*s", n++ ? ":" : "",
			    STRF(f->hosts[i].name));
	buf_add_z(&j->b, " servername=hostname");
}

/* Never less than the table says: what cannot be said defers. */
static void
answer_sendmail_fixed(struct job *j)
{
	struct str rest, fixed = j->decision->facts.rule->fixed;

	if (str_starts_ci(fixed, STR("may")) ||
	    str_starts_ci(fixed, STR("none"))) {
		answer_notfound(j);
		return;
	}
	buf_clear(&j->b);
	buf_add(&j->b, fixed);
	str_cut(fixed, ' ', &rest);
	if (str_chr(rest, ' ') == rest.n)
		buf_add_z(&j->b, " servername=hostname");
	if (is_for_sendmail(buf_str(&j->b)))
		answer_ok(j);
	else
		answer_temp(j, STR("Sendmail cannot do that"),
		    str_head(fixed, REASON_MAX));
}

/*
 * FEATURE(sts) understands "secure match=LIST servername=hostname" and nothing
 * else; it has no level to fall back to, and looks at DANE by itself, before
 * MTA-STS.
 */
static void
answer_sendmail(struct job *j)
{
	const struct tls_decision *d = j->decision;
	const struct tls_facts *f = &d->facts;
	bool no_sts = f->rule && (f->rule->flags & TLS_RULE_NO_STS);
	bool is_enforced =
	    f->sts.policy && !no_sts &&
	    (f->sts.policy->mode == STS_ENFORCE || d->kind == TLS_STS_ENFORCE);

	if (d->kind == TLS_FIXED) {
		answer_sendmail_fixed(j);
	} else if (d->why == TLS_WHY_TROUBLE || d->kind == TLS_UNVERIFIABLE) {
		answer_trouble(j);
	} else if (is_enforced && d->domain.n) {
		build_sts(j, "secure", true, SIZE_SHORT);
		if (!is_for_sendmail(buf_str(&j->b)))
			build_sendmail_hosts(j);
		if (is_for_sendmail(buf_str(&j->b)))
			answer_ok(j);
		else
			answer_temp(j, STR("the policy is too long"), STR_NONE);
	} else {
		answer_notfound(j);
	}
}

void
render(struct arena *a, const struct render_config *c, enum render_map map,
    const struct tls_decision *decision, struct render_answer *out,
    struct diag *d)
{
	struct render_profile sendmail;
	struct job j = {.a = a,
	    .p = &c->profile,
	    .decision = decision,
	    .map = map,
	    .out = out,
	    .d = d};

	buf_init(&j.b, a, TEXT_MAX);
	diag_set(d, 0, 0, "%s", "");
	switch (map) {
	case RENDER_TLS:
	case RENDER_TLS_PLAIN:
	case RENDER_TLS_TLSRPT:
	case RENDER_MAP_COUNT:
		if (c->profile.mta == RENDER_SENDMAIL)
			answer_sendmail(&j);
		else
			answer_tls(&j);
		break;
	case RENDER_VERIFIED:
		answer_verified(&j);
		break;
	case RENDER_REQUIRETLS:
		answer_requiretls(&j, c->requiretls_policy);
		break;
	case RENDER_STS:
		render_profile_sendmail(&sendmail);
		j.p = &sendmail;
		answer_sendmail(&j);
		break;
	}
}

void
render_reply(struct buf *b, const struct render_answer *answer)
{
	struct str word = str_from_z(render_status_name(answer->status));

	buf_addf(b, "%zu:%.*s %.*s,", word.n + 1 + answer->text.n, STRF(word),
	    STRF(answer->text));
}
