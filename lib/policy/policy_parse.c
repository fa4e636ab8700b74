/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The text of a policy table.
 *
 *     table     = *( line LF )
 *     line      = empty / "#" text / rule / continuation
 *     rule      = word *( 1*WSP word )
 *     continuation = 1*WSP word *( 1*WSP word )
 *     word      = name / name "=" value
 *     value     = *octet-without-WSP / DQUOTE *( "\" octet / octet ) DQUOTE
 */

#include "lib/policy/policy_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/base/scan.h"
#include "lib/mail/addr.h"
#include "lib/mail/utf8.h"
#include "lib/policy/policy_rule.h"

#define ERRORS_MAX 100
#define SHOWN_NAME 40
#define LOCAL_PART_MAX ((size_t)255)

/* The conditions are first, numbered as enum policy_key. */
enum word {
	WORD_FROM = POLICY_KEY_FROM,
	WORD_LIST = POLICY_KEY_LIST,
	WORD_FLOOR,
	WORD_CEILING,
	WORD_ACTION,
	WORD_FORWARDER,
	WORD_MAILING_LIST,
	WORD_DEFAULT,
	WORD_REASON,
	WORD_OVERRIDE,
	WORD_COUNT
};

static const char *const word_names[WORD_COUNT] = {
    [POLICY_KEY_FROM] = "from",
    [POLICY_KEY_RCPT] = "rcpt",
    [POLICY_KEY_CLIENT] = "client",
    [POLICY_KEY_MAILFROM] = "mailfrom",
    [POLICY_KEY_LIST] = "list",
    [WORD_FLOOR] = "floor",
    [WORD_CEILING] = "ceiling",
    [WORD_ACTION] = "action",
    [WORD_FORWARDER] = "trusted_forwarder",
    [WORD_MAILING_LIST] = "mailing_list",
    [WORD_DEFAULT] = "default",
    [WORD_REASON] = "reason",
    [WORD_OVERRIDE] = "override",
};

#define SEEN(word) (1u << (word))
#define CONDITIONS (SEEN(POLICY_KEY_COUNT) - 1)
#define BOUNDS (SEEN(WORD_FLOOR) | SEEN(WORD_CEILING))
#define EFFECTS                                              \
	(BOUNDS | SEEN(WORD_ACTION) | SEEN(WORD_FORWARDER) | \
	    SEEN(WORD_MAILING_LIST) | SEEN(WORD_DEFAULT))
#define BARE \
	(SEEN(WORD_FORWARDER) | SEEN(WORD_MAILING_LIST) | SEEN(WORD_DEFAULT))

struct parser {
	struct arena *a;
	struct policy_table *t;
	const char *name; /* of the file */
	struct buf *errors;
	struct diag *d;
	unsigned n_errors;
	int err; /* of the first */
	unsigned line; /* being read */
	/* the rule under construction */
	struct policy_rule rule;
	size_t values_at; /* of the table, when it began */
	unsigned seen; /* of enum word */
	bool open, is_bad;
};

__attribute__((format(printf, 4, 5))) static void
report(struct parser *p, unsigned line, int err, const char *fmt, ...)
{
	struct str file = str_from_z(p->name), tail = file;
	char text[512], at[16] = "";
	va_list ap;

	if (p->n_errors >= ERRORS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *c = text; *c; c++)
		if (!chars_is(*c, CH_PRINT))
			*c = '?';
	if (line)
		snprintf(at, sizeof(at), ":%u", line);
	/* the file's name must not push the text out of a struct diag */
	if (file.n > SHOWN_NAME)
		tail = str_from(file, file.n - SHOWN_NAME);
	if (p->n_errors++ == 0)
		p->err = diag_set(p->d, err, 0, "%s%.*s%s: %s",
		    tail.n < file.n ? "..." : "", STRF(tail), at, text);
	if (p->errors)
		buf_addf(p->errors, "%s%s: %s\n", p->name, at, text);
	if (p->errors && p->n_errors == ERRORS_MAX)
		buf_addf(p->errors, "%s: too many errors\n", p->name);
}

static bool
gives_up(const struct parser *p)
{
	return p->n_errors >= (p->errors ? ERRORS_MAX : 1);
}

/* What is wrong in the line being read; the rule is not kept. */
#define WRONG(p, ...)                                           \
	do {                                                    \
		report((p), (p)->line, AVER_CONF, __VA_ARGS__); \
		(p)->is_bad = true;                             \
	} while (0)

#define SHOWN(s) STRF(str_head((s), SHOWN_NAME))

static void
out_of_memory(struct parser *p)
{
	report(p, p->line, AVER_NOMEM, "out of memory");
	p->is_bad = true;
	p->n_errors = ERRORS_MAX; /* nothing after it is of use */
}

static void
add_value(struct parser *p, enum policy_what what, struct str text)
{
	struct policy_table *t = p->t;

	if (t->n_values == POLICY_TABLE_VALUES_MAX ||
	    t->n_values - p->values_at == POLICY_VALUES_MAX) {
		WRONG(p,
		    "too many values; expected at most %zu in a rule, "
		    "%zu in all",
		    POLICY_VALUES_MAX, POLICY_TABLE_VALUES_MAX);
		return;
	}
	if (t->n_values == t->values_cap) {
		size_t size = sizeof(t->values[0]), old = t->values_cap;
		size_t cap = old ? 2 * old : 64;
		void *v = arena_grow(p->a, t->values, old * size, cap * size);

		if (!v) {
			out_of_memory(p);
			return;
		}
		t->values = v;
		t->values_cap = cap;
	}
	t->values[t->n_values++] = (struct policy_value){text, what};
}

/* "name" is what, ".name" the kind that follows it. */
static void
add_domain(struct parser *p, int word, enum policy_what what, struct str text)
{
	bool below = text.n > 1 && text.p[0] == '.';
	struct str name;
	int err = domain_to_ascii(p->a, str_from(text, below), &name);

	if (err == AVER_NOMEM) {
		out_of_memory(p);
	} else if (err) {
		WRONG(p,
		    "%s: \"%.*s\" is no domain name; expected "
		    "example.org, or .example.org for all below it",
		    word_names[word], SHOWN(text));
	} else {
		add_value(p, below ? what + 1 : what, name);
	}
}

static void
add_list(struct parser *p, struct str text)
{
	if (text.n && text.p[0] == '.') {
		WRONG(p,
		    "list: \"%.*s\" begins with a dot; expected "
		    "lists.example.org, which covers names below too",
		    SHOWN(text));
		return;
	}
	add_domain(p, WORD_LIST, POLICY_LIST, text);
}

static bool
is_local_part(struct str s)
{
	if (s.n == 0 || s.n > LOCAL_PART_MAX || !utf8_ok(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (chars_is(s.p[i], CH_CTL))
			return false;
	return true;
}

static void
add_rcpt(struct parser *p, struct str text)
{
	struct str local, domain, address;

	addr_split(text, &local, &domain);
	if (!domain.p) {
		add_domain(p, POLICY_KEY_RCPT, POLICY_RCPT, text);
		return;
	}
	if (!is_local_part(local) ||
	    domain_to_ascii(p->a, domain, &domain) == AVER_SYNTAX) {
		WRONG(p,
		    "rcpt: \"%.*s\" is no address; expected "
		    "user@example.org, example.org or .example.org",
		    SHOWN(text));
		return;
	}
	if (policy_rcpt_of(p->a, text, &address))
		out_of_memory(p);
	else
		add_value(p, POLICY_RCPT_ADDRESS, address);
}

static void
add_client(struct parser *p, struct str text)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct str bits, addr = str_cut(text, '/', &bits);
	char wire[POLICY_NET_TEXT];
	struct ip_net net;
	struct ip given;
	struct str copy;

	if (!ip_net_parse(text, &net) || !ip_parse(addr, &given)) {
		WRONG(p,
		    "client: \"%.*s\" is no network; expected an "
		    "address, or ADDRESS/BITS",
		    SHOWN(text));
		return;
	}
	if (!ip_eq(&net.ip, &given)) {
		WRONG(p,
		    "client: \"%.*s\" has bits set behind its length; "
		    "expected the first address of the network",
		    SHOWN(text));
		return;
	}
	if (net.ip.family == IP_V6 && net.bits >= 96 &&
	    memcmp(net.ip.a, mapped, sizeof(mapped)) == 0) {
		net.ip = ip_unmap(net.ip);
		net.bits -= 96;
	}
	copy = arena_dup(
	    p->a, (struct str){wire, policy_net_text(&net.ip, net.bits, wire)});
	if (!copy.p)
		out_of_memory(p);
	else
		add_value(p, POLICY_CLIENT, copy);
}

static void
read_condition(struct parser *p, enum policy_key key, struct str list)
{
	struct policy_condition *c = &p->rule.on[key];

	c->first = (uint32_t)p->t->n_values;
	while (list.p && !p->is_bad) {
		struct str one = str_cut(list, ',', &list);

		switch (key) {
		case POLICY_KEY_FROM:
			add_domain(p, (int)key, POLICY_FROM, one);
			break;
		case POLICY_KEY_RCPT:
			add_rcpt(p, one);
			break;
		case POLICY_KEY_CLIENT:
			add_client(p, one);
			break;
		case POLICY_KEY_MAILFROM:
			add_domain(p, (int)key, POLICY_MAILFROM, one);
			break;
		case POLICY_KEY_LIST:
		case POLICY_KEY_COUNT:
			add_list(p, one);
			break;
		}
	}
	c->n = (uint32_t)(p->t->n_values - c->first);
}

static void
read_policy(struct parser *p, int word, struct str value)
{
	struct policy_decision *d = &p->rule.decision;
	int found = -1,
	    noop = word == WORD_FLOOR ? DMARC_POLICY_NONE : DMARC_POLICY_REJECT;

	for (int i = 0; i < DMARC_POLICY_COUNT; i++)
		if (str_eq_ci(value,
			str_from_z(dmarc_policy_name((enum dmarc_policy)i))))
			found = i;
	if (found < 0 || found == noop)
		WRONG(p,
		    "%s: \"%.*s\" is no limit; expected quarantine or "
		    "%s",
		    word_names[word], SHOWN(value),
		    word == WORD_FLOOR ? "reject" : "none");
	else if (word == WORD_FLOOR)
		d->floor = (enum dmarc_policy)found;
	else
		d->ceiling = (enum dmarc_policy)found;
}

static void
read_action(struct parser *p, struct str value)
{
	for (int i = 0; i < POLICY_ACTION_COUNT; i++)
		if (str_eq_ci(value, str_from_z(policy_action_name(
					 (enum policy_action)i)))) {
			p->rule.decision.action = (enum policy_action)i;
			return;
		}
	WRONG(p,
	    "action: \"%.*s\" is none; expected accept, header, "
	    "quarantine, tempfail or reject",
	    SHOWN(value));
}

static void
read_reason(struct parser *p, struct str value)
{
	struct str *comment = &p->rule.decision.comment;

	if (value.n > POLICY_REASON_OCTETS_MAX) {
		WRONG(p,
		    "reason: the text is too long; expected at most "
		    "%zu octets",
		    POLICY_REASON_OCTETS_MAX);
		return;
	}
	for (size_t i = 0; i < value.n; i++)
		if (!chars_is(value.p[i], CH_PRINT)) {
			WRONG(p, "reason: the text has other characters than "
				 "printable ASCII");
			return;
		}
	*comment = arena_dup(p->a, value);
	if (value.n && !comment->p)
		out_of_memory(p);
}

static void
read_override(struct parser *p, struct str value)
{
	if (str_eq_ci(value, STR("local_policy")))
		p->rule.decision.type = EVAL_LOCAL_POLICY;
	else if (str_eq_ci(value, STR("other")))
		p->rule.decision.type = EVAL_OTHER;
	else
		WRONG(p,
		    "override: \"%.*s\" is no choice; expected "
		    "local_policy or other",
		    SHOWN(value));
}

static void
read_value(struct parser *p, int word, struct str value)
{
	if (word < POLICY_KEY_COUNT) {
		read_condition(p, (enum policy_key)word, value);
		return;
	}
	switch (word) {
	case WORD_FLOOR:
	case WORD_CEILING:
		read_policy(p, word, value);
		break;
	case WORD_ACTION:
		read_action(p, value);
		break;
	case WORD_REASON:
		read_reason(p, value);
		break;
	case WORD_OVERRIDE:
		read_override(p, value);
		break;
	}
}

/* value.p is NULL for a word without "=". */
static void
read_word(struct parser *p, struct str name, struct str value)
{
	int word = name_find(word_names, WORD_COUNT, name);

	if (word < 0) {
		WRONG(p,
		    "\"%.*s\": there is no such word; expected one of "
		    "aver-policy_table(5)",
		    SHOWN(name));
	} else if (!value.p != !!(SEEN(word) & BARE)) {
		WRONG(p, "%s: %s", word_names[word],
		    value.p ? "it takes no value"
			    : "it has no value; expected \"=\" and one");
	} else if (p->seen & SEEN(word)) {
		WRONG(p,
		    "%s: set a second time in one rule; expected values "
		    "separated by commas",
		    word_names[word]);
	} else {
		p->seen |= SEEN(word);
		read_value(p, word, value);
	}
}

/* A restriction finds its values in places of its own. */
static void
set_restricts(struct parser *p)
{
	struct policy_rule *r = &p->rule;
	enum policy_action action = r->decision.action;

	r->restricts =
	    (p->seen & EFFECTS) == SEEN(WORD_FLOOR) ||
	    ((p->seen & SEEN(WORD_ACTION)) && action >= POLICY_TEMPFAIL);
	if (!r->restricts)
		return;
	for (size_t i = p->values_at; i < p->t->n_values; i++) {
		struct policy_value *v = &p->t->values[i];

		if (v->what >= POLICY_RCPT)
			v->what += POLICY_RESTRICT;
	}
}

static void
set_kind(struct parser *p)
{
	struct policy_decision *d = &p->rule.decision;

	if (p->seen & BOUNDS) {
		d->kind = POLICY_BOUNDS;
	} else if (p->seen & SEEN(WORD_ACTION)) {
		d->kind = POLICY_FIXED;
	} else if (p->seen & SEEN(WORD_FORWARDER)) {
		d->kind = POLICY_EXEMPT;
		d->type = EVAL_TRUSTED_FORWARDER;
	} else if (p->seen & SEEN(WORD_MAILING_LIST)) {
		d->kind = POLICY_EXEMPT;
		d->type = EVAL_MAILING_LIST;
	} else {
		d->kind = POLICY_DEFAULT;
	}
}

/* What is wrong with a whole rule, NULL for nothing. */
static const char *
rule_problem(const struct parser *p)
{
	const struct policy_decision *d = &p->rule.decision;
	unsigned effects = p->seen & EFFECTS;
	unsigned plain = BOUNDS | SEEN(WORD_ACTION);

	if (!effects)
		return "the rule has no effect; expected floor=, ceiling=, "
		       "action=, trusted_forwarder, mailing_list or default";
	if ((effects & ~BOUNDS) && (effects & (effects - 1)))
		return "the rule has several effects; expected one (floor "
		       "and ceiling together are one)";
	if (!(p->seen & CONDITIONS))
		return "the rule has no condition; what applies to all mail "
		       "is set in aver.conf(5)";
	if (d->floor > d->ceiling)
		return "the floor is above the ceiling";
	if ((effects & SEEN(WORD_FORWARDER)) &&
	    !(p->seen & (SEEN(POLICY_KEY_CLIENT) | SEEN(POLICY_KEY_MAILFROM))))
		return "trusted_forwarder without a forwarder; expected "
		       "client= or mailfrom=";
	if ((effects & SEEN(WORD_MAILING_LIST)) && !(p->seen & SEEN(WORD_LIST)))
		return "mailing_list without a list; expected list=";
	if ((p->seen & SEEN(WORD_OVERRIDE)) && !(effects & plain))
		return "override goes with floor, ceiling or action only";
	if (d->type == EVAL_OTHER && d->comment.n == 0)
		return "override=other says nothing by itself; expected a "
		       "reason= too";
	return NULL;
}

static void
keep_rule(struct parser *p)
{
	struct policy_table *t = p->t;

	if (t->n_rules == t->rules_cap) {
		size_t size = sizeof(t->rules[0]), old = t->rules_cap;
		size_t cap = old ? 2 * old : 64;
		void *v = arena_grow(p->a, t->rules, old * size, cap * size);

		if (!v) {
			out_of_memory(p);
			return;
		}
		t->rules = v;
		t->rules_cap = cap;
	}
	t->rules[t->n_rules++] = p->rule;
}

static void
finish_rule(struct parser *p)
{
	const char *problem;

	if (!p->open)
		return;
	p->open = false;
	problem = p->is_bad ? NULL : rule_problem(p);
	if (problem)
		report(p, p->rule.decision.line, AVER_CONF, "%s", problem);
	if (problem || p->is_bad) {
		p->t->n_values = p->values_at;
		return;
	}
	set_restricts(p);
	set_kind(p);
	keep_rule(p);
}

static void
begin_rule(struct parser *p)
{
	finish_rule(p);
	p->rule = (struct policy_rule){
	    .decision = {.line = p->line, .ceiling = DMARC_POLICY_REJECT}};
	p->values_at = p->t->n_values;
	p->seen = 0;
	p->is_bad = false;
	p->open = true;
}

/*
 * The text between quotes, the cursor behind the first. False when there is no
 * second one.
 */
static bool
scan_quoted(struct parser *p, struct scan *s, struct str *out)
{
	size_t room = (size_t)(s->end - s->p), n = 0;
	char *to = arena_alloc(p->a, room + 1);

	if (!to) {
		out_of_memory(p);
		return false;
	}
	while (!scan_done(s) && *s->p != '"') {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		to[n++] = *s->p++;
	}
	*out = (struct str){to, n};
	return scan_char(s, '"');
}

static struct str
scan_plain(struct scan *s, bool to_equals)
{
	const char *from = s->p;

	while (!scan_done(s) && !chars_is(*s->p, CH_WSP) &&
	       !(to_equals && *s->p == '='))
		s->p++;
	return (struct str){from, (size_t)(s->p - from)};
}

/* Reads the words of a line into the rule. */
static void
read_words(struct parser *p, struct str line)
{
	struct scan s = scan_of(line);

	for (;;) {
		struct str name, value = STR_NONE;

		scan_skip(&s, CH_WSP);
		if (scan_done(&s) || p->is_bad)
			return;
		if (*s.p == '#') {
			WRONG(p, "there is a \"#\" behind a rule; expected "
				 "comments in lines of their own");
			return;
		}
		name = scan_plain(&s, true);
		if (scan_char(&s, '=')) {
			if (!scan_char(&s, '"')) {
				value = scan_plain(&s, false);
			} else if (!scan_quoted(p, &s, &value) ||
				   (!scan_done(&s) &&
				       !chars_is(*s.p, CH_WSP))) {
				WRONG(p,
				    "%.*s: the quotes do not end where "
				    "the value does",
				    SHOWN(name));
				return;
			}
		}
		read_word(p, name, value);
	}
}

/* Reports what no line may hold. */
static bool
is_clean(struct parser *p, struct str line)
{
	if (line.n > POLICY_LINE_MAX) {
		report(p, p->line, AVER_CONF,
		    "the line is too long; expected at most %zu octets",
		    POLICY_LINE_MAX);
		return false;
	}
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '\t' || !chars_is(line.p[i], CH_CTL))
			continue;
		report(p, p->line, AVER_CONF,
		    "there is a control octet (0x%02x) in column %zu; "
		    "expected text",
		    (unsigned char)line.p[i], i + 1);
		return false;
	}
	return true;
}

/* White space at the start continues a rule, as in postconf(5). */
static void
read_line(struct parser *p, struct str line)
{
	struct str text;
	bool goes_on = line.n && chars_is(line.p[0], CH_WSP);

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	text = str_trim_fws(line);
	if (text.n == 0 || text.p[0] == '#')
		return;
	if (!goes_on) {
		begin_rule(p);
	} else if (!p->open) {
		report(p, p->line, AVER_CONF,
		    "white space at the start, and no rule to continue");
		return;
	}
	if (p->is_bad || !is_clean(p, line))
		p->is_bad = true;
	else
		read_words(p, text);
}

static void
read_text(struct parser *p, struct str text)
{
	if (text.n > POLICY_TABLE_OCTETS_MAX) {
		report(p, 0, AVER_CONF,
		    "the file is too large; expected at most %zu octets",
		    POLICY_TABLE_OCTETS_MAX);
		return;
	}
	for (p->line = 1; text.n && !gives_up(p); p->line++) {
		if (p->line > POLICY_TABLE_LINES_MAX) {
			report(p, 0, AVER_CONF, "there are more than %zu lines",
			    POLICY_TABLE_LINES_MAX);
			return;
		}
		read_line(p, str_cut(text, '\n', &text));
	}
	if (!gives_up(p))
		finish_rule(p);
}

static void
report_dead(void *arg, unsigned line, unsigned earlier)
{
	struct parser *p = arg;

	if (!gives_up(p))
		report(p, line, AVER_CONF,
		    "the rule is never reached: line %u comes first and "
		    "matches all that it would; the first rule decides",
		    earlier);
}

int
policy_table_parse(struct arena *a, const char *name, struct str text,
    const struct policy_table **out, struct buf *errors, struct diag *d)
{
	struct parser p = {.a = a, .name = name, .errors = errors, .d = d};
	const struct policy_dead dead = {report_dead, &p};

	p.t = ARENA_NEW(a, struct policy_table);
	if (!p.t) {
		out_of_memory(&p);
		return p.err;
	}
	read_text(&p, text);
	if (!gives_up(&p) && policy_index_build(a, p.t, &dead)) {
		p.line = 0;
		out_of_memory(&p);
	}
	if (!p.err)
		*out = p.t;
	return p.err;
}
