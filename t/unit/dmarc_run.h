/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* An evaluation over a zone of a few lines, for the tests of lib/dmarc. */
#ifndef T_UNIT_DMARC_RUN_H
#define T_UNIT_DMARC_RUN_H

#include "t/tap.h"

#include "lib/base/buf.h"
#include "lib/dmarc/dmarc.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- a resolver over a few lines of text -------------------------------- */

#define NAMES_MAX 96

/*
 * A zone is lines of "NAME WORD [TEXT]": TXT text, SEC text (TXT validated by
 * DNSSEC), A, TEMP, BOGUS. An
 * answer is made once for each name and type and kept, as a cache would.
 */
struct fake {
	struct dns_source source;
	struct str zone;
	struct {
		struct str name;
		uint16_t type;
		struct dns_rrset *rr;
	} known[NAMES_MAX];
	size_t n_known;
	struct buf asked; /* names in the order asked for */
	unsigned count, fail_at; /* the lookup of this number fails */
	enum dns_status fail_as;
	struct arena arena;
};

static bool
next_line(
    struct str *rest, struct str *name, struct str *word, struct str *text)
{
	struct str line;

	do {
		if (!rest->p)
			return false;
		line = str_cut(*rest, '\n', rest);
	} while (!line.n);
	*name = str_cut(line, ' ', &line);
	*word = str_cut(line, ' ', text);
	return true;
}

/* One TXT rdata, in strings of at most 20 octets so that joining is used. */
static struct str
txt_rdata(struct arena *a, struct str text)
{
	struct buf b;

	buf_init(&b, a, 65000);
	do {
		struct str part = str_head(text, 20);

		buf_add_c(&b, (char)part.n);
		buf_add(&b, part);
		text = str_from(text, part.n);
	} while (text.n);
	return buf_str(&b);
}

static struct dns_rrset *
make_answer(struct fake *f, struct str name, uint16_t type)
{
	enum dns_status st = DNS_NXDOMAIN;
	struct str rest = f->zone, owner, word, text, rdata[8];
	bool secure = false;
	size_t n = 0;

	while (next_line(&rest, &owner, &word, &text)) {
		bool is_txt =
		    str_eq(word, STR("TXT")) || str_eq(word, STR("SEC"));

		if (!str_eq(owner, name)) {
			if (st == DNS_NXDOMAIN && str_ends_ci(owner, name) &&
			    owner.n > name.n &&
			    owner.p[owner.n - name.n - 1] == '.')
				st = DNS_NODATA;
			continue;
		}
		if (st == DNS_NXDOMAIN)
			st = DNS_NODATA;
		if (str_eq(word, STR("TEMP")))
			st = DNS_TEMP;
		else if (str_eq(word, STR("BOGUS")))
			st = DNS_BOGUS;
		else if (is_txt && type == DNS_TXT && n < 8)
			rdata[n++] = txt_rdata(&f->arena, text);
		else if (!is_txt && type == DNS_A && n < 8)
			rdata[n++] = STR("\300\0\2\1");
		secure = secure || str_eq(word, STR("SEC"));
	}
	if (n)
		st = DNS_OK;
	return dns_rrset_new(st, secure, 60, n, rdata, NULL);
}

static struct dns_rrset *
fake_resolve(struct dns_source *src, const struct dname *dn, uint16_t type,
    int64_t deadline)
{
	struct fake *f = (struct fake *)(void *)src;
	struct str name;
	struct buf b;
	size_t i;

	(void)deadline;
	buf_init(&b, &f->arena, 1024);
	dname_print(&b, dn);
	name = buf_str(&b);
	if (f->asked.n)
		buf_add_c(&f->asked, ' ');
	buf_add(&f->asked, name);
	if (type != DNS_TXT)
		buf_addf(&f->asked, "/%s", dns_type_name(type));
	if (++f->count == f->fail_at)
		return dns_rrset_new(f->fail_as, false, 0, 0, NULL, "fault");
	for (i = 0; i < f->n_known; i++)
		if (f->known[i].type == type && str_eq(f->known[i].name, name))
			return dns_rrset_ref(f->known[i].rr);
	f->known[i].name = name;
	f->known[i].type = type;
	f->known[i].rr = make_answer(f, name, type);
	f->n_known++;
	return dns_rrset_ref(f->known[i].rr);
}

static void
fake_prefetch(struct dns_source *src, const struct dname *dn, uint16_t type)
{
	struct fake *f = (struct fake *)(void *)src;

	(void)type;
	buf_add_z(&f->asked, f->asked.n ? " " : "");
	dname_print(&f->asked, dn);
}

static const struct dns_source_ops fake_ops = {
    fake_resolve, fake_prefetch, NULL};

static void
fake_init(struct fake *f, const char *zone)
{
	memset(f, 0, sizeof(*f));
	f->source.ops = &fake_ops;
	f->zone = str_from_z(zone);
	f->fail_as = DNS_TEMP;
	arena_init(&f->arena, (size_t)1 << 20);
	buf_init(&f->asked, NULL, 65536);
}

static void
fake_fini(struct fake *f)
{
	for (size_t i = 0; i < f->n_known; i++)
		dns_rrset_unref(f->known[i].rr);
	buf_fini(&f->asked);
	arena_fini(&f->arena);
}

/* ---- one evaluation ----------------------------------------------------- */

#define SIGS_MAX 12

struct run {
	struct fake fake;
	struct arena arena;
	struct dns dns;
	struct dmarc_input in;
	struct spf_verdict spf;
	struct dkim_verdict dkim[SIGS_MAX];
	struct dmarc_verdict v;
};

/* "RESULT DOMAIN" */
static void
read_spf(struct run *r, const char *text)
{
	struct str domain, word = str_cut(str_from_z(text), ' ', &domain);

	if (!word.n)
		return;
	for (int i = 0; i < SPF_RESULT_COUNT; i++)
		if (str_eq(word, str_from_z(spf_result_name(i))))
			r->spf.result = i;
	r->spf.domain = domain;
	r->in.spf = &r->spf;
}

/* "RESULT DOMAIN, RESULT DOMAIN" */
static void
read_dkim(struct run *r, const char *text)
{
	struct str rest = str_from_z(text), domain, item;

	while (rest.n && r->in.n_dkim < SIGS_MAX) {
		struct dkim_verdict *sig = &r->dkim[r->in.n_dkim++];
		struct str word;

		item = str_trim(str_cut(rest, ',', &rest), " ");
		word = str_cut(item, ' ', &domain);
		for (int i = 0; i < DKIM_RESULT_COUNT; i++)
			if (str_eq(word, str_from_z(dkim_result_name(i))))
				sig->result = i;
		sig->domain = domain;
	}
	r->in.dkim = r->dkim;
}

static void
run_init(struct run *r, const char *zone, const char *from, const char *spf,
    const char *dkim)
{
	memset(r, 0, sizeof(*r));
	fake_init(&r->fake, zone);
	arena_init(&r->arena, (size_t)1 << 20);
	r->in.from_domain = str_from_z(from);
	read_spf(r, spf);
	read_dkim(r, dkim);
}

/* Can be called again: the answers of the zone stay. */
static void
run_eval(struct run *r)
{
	arena_reset(&r->arena);
	buf_clear(&r->fake.asked);
	r->fake.count = 0;
	dns_init(&r->dns, &r->fake.source, &r->arena, INT64_MAX, 200);
	dmarc_eval(&r->dns, &r->arena, &r->in, &r->v);
}

static void
run_fini(struct run *r)
{
	arena_fini(&r->arena);
	fake_fini(&r->fake);
}

/* "RESULT TAG=POLICY>DISPOSITION at DOMAIN org DOMAIN [sd] [why DETAIL]" */
static void
print_verdict(struct buf *b, const struct dmarc_verdict *v)
{
	static const char *const tags[] = {"p", "sp", "np"};

	buf_add_z(b, dmarc_result_name(v->result));
	if (v->record)
		buf_addf(b, " %s=%s>%s at %.*s", tags[v->policy_tag],
		    dmarc_policy_name(v->policy),
		    dmarc_policy_name(v->disposition), STRF(v->policy_domain));
	if (v->org_domain.n)
		buf_addf(b, " org %.*s", STRF(v->org_domain));
	if (v->spf_aligned || v->dkim_aligned)
		buf_addf(b, " %s%s", v->spf_aligned ? "s" : "",
		    v->dkim_aligned ? "d" : "");
	if (v->reason)
		buf_addf(b, " (%s: %.*s)", dmarc_reason_name(v->reason),
		    STRF(v->detail));
}

struct eval_case {
	const char *name, *zone, *from, *spf, *dkim, *want;
	const char *asked; /* NULL: not compared */
};

/*
 * Whatever single lookup fails, the verdict stays or becomes temperror: in
 * particular nothing passes that did not.
 */
static void
check_faults(struct run *r, const char *name)
{
	struct dmarc_verdict base = r->v;
	unsigned n = r->fake.count;
	bool good = true;

	for (unsigned i = 1; i <= n; i++)
		for (int as = DNS_TEMP; as <= DNS_BOGUS; as++) {
			r->fake.fail_at = i;
			r->fake.fail_as = as;
			run_eval(r);
			if (r->v.result == DMARC_TEMPERROR)
				good = good && r->v.reason &&
				       !r->v.disposition && !r->v.spf_aligned &&
				       !r->v.dkim_aligned;
			else
				good = good && r->v.result == base.result &&
				       r->v.policy == base.policy &&
				       r->v.disposition == base.disposition;
		}
	ok(good, "%s: any one of %u lookups failing", name, n);
}

static void
check_case(const struct eval_case *c, enum dmarc_discovery mode,
    const struct orgdom *psl, unsigned sample)
{
	struct run r;
	struct buf b;

	run_init(&r, c->zone, c->from, c->spf, c->dkim);
	r.in.discovery = mode;
	r.in.psl = psl;
	r.in.sample = sample;
	run_eval(&r);
	buf_init(&b, NULL, 4096);
	print_verdict(&b, &r.v);
	is_str(buf_str(&b), str_from_z(c->want), c->name);
	if (c->asked)
		is_str(buf_str(&r.fake.asked), str_from_z(c->asked), c->name);
	check_faults(&r, c->name);
	buf_fini(&b);
	run_fini(&r);
}

/* ---- zones -------------------------------------------------------------------- */

#define EX "_dmarc.example.com TXT v=DMARC1; p=reject\n"
#define BANK                                                           \
	"_dmarc.bank.example TXT v=DMARC1; p=reject; sp=none; psd=y\n" \
	"_dmarc.giant.bank.example TXT v=DMARC1; p=quarantine\n"
#define SUBS                                                                  \
	"_dmarc.example.com TXT v=DMARC1; p=reject; sp=quarantine; np=none\n" \
	"there.example.com A\n"                                               \
	"x.ent.example.com A\n"

#endif
