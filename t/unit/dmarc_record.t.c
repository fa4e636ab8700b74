/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/dmarc/dmarc.h"
#include "lib/tag/tag.h"

struct record_case {
	const char *text, *want;
};

static const struct record_case records[] = {
    {"v=DMARC1; p=none", "none none none rr u fo1 rua0 ruf0"},
    {"v=DMARC1;p=reject", "reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject;", "reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1 ; p=none", "none none none rr u fo1 rua0 ruf0"},
    {"v = DMARC1 ; p = none ;", "none none none rr u fo1 rua0 ruf0"},
    {"V=DMARC1; P=REJECT; ADKIM=S; ASPF=S; T=Y; PSD=N; SP=None",
	"reject none none ss n t fo1 rua0 ruf0"},
    {"v=DMARC1;\tp=\treject\t;", "reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; sp=quarantine",
	"reject quarantine quarantine rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; np=quarantine",
	"reject reject quarantine rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; sp=none; np=quarantine",
	"reject none quarantine rr u fo1 rua0 ruf0"},
    {"v=DMARC1; np=none; sp=none; p=reject",
	"reject none none rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; psd=y; t=n", "reject reject reject rr y fo1 "
				       "rua0 ruf0"},
    {"v=DMARC1; p=none; fo=1:d:s", "none none none rr u fo14 rua0 ruf0"},
    {"v=DMARC1; p=none; fo=d", "none none none rr u fo4 rua0 ruf0"},
    {"v=DMARC1; p=none; fo= 1 : D ", "none none none rr u fo6 rua0 ruf0"},
    {"v=DMARC1; p=none; fo=0:1", "none none none rr u fo3 rua0 ruf0"},
    /* unknown and historic tags */
    {"v=DMARC1; p=reject; pct=0; ri=x; rf=; foo=bar; x_1=2; =; ;; y",
	"reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; x=1; x=2", "reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1; v=DMARC1; p=reject", "reject reject reject rr u fo1 rua0 ruf0"},
    /* section 4.8: a syntax error leaves the default */
    {"v=DMARC1; p=reject; adkim=x; aspf=strict; psd=yes; t=1; fo=2",
	"reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; adkim=; aspf",
	"reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; fo=d:d", "reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; fo=:", "reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; adkim=s\r\n",
	"reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; adkim=s; adkim=s",
	"reject reject reject rr u fo1 rua0 ruf0"},
    /* URIs */
    {"v=DMARC1; p=none; rua=mailto:a@b.example",
	"none none none rr u fo1 rua1 ruf0 mailto:a@b.example"},
    {"v=DMARC1; p=none; rua=mailto:a@b.example!10m , "
     "MAILTO:c@d.example!5;ruf=https://x.example/?a=b%21",
	"none none none rr u fo1 rua2 ruf1 mailto:a@b.example "
	"MAILTO:c@d.example https://x.example/?a=b%21"},
    {"v=DMARC1; p=none; rua=mailto:a@b.example,bogus,,mailto:c@d.example",
	"none none none rr u fo1 rua2 ruf0 mailto:a@b.example "
	"mailto:c@d.example"},
    {"v=DMARC1; p=none; rua=mailto:a@b!18446744073709551616,"
     "mailto:c@d!00000000000000000000018446744073709551615t",
	"none none none rr u fo1 rua1 ruf0 mailto:c@d"},
    {"v=DMARC1; p=none; rua=mailto:a@b.example!10p,mailto:c@d!,x:y!1k",
	"none none none rr u fo1 rua1 ruf0 x:y"},
    {"v=DMARC1; p=none; rua=mailto:a b@c,1x:y,:z,mailto:,mailto:x,m%:1",
	"none none none rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=none; rua=mailto:%4,mailto:a@%zz,mailto:@b,mailto:a@?b@c",
	"none none none rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=none; rua=mailto:a%2Cb%21@c?subject=x",
	"none none none rr u fo1 rua1 ruf0 mailto:a%2Cb%21@c?subject=x"},
    {"v=DMARC1; p=none; rua=mailto:a@b; rua=mailto:c@d",
	"none none none rr u fo1 rua0 ruf0"},
    /* section 4.10.1 */
    {"v=DMARC1; rua=mailto:a@b", "bad none none none rr u fo1 rua1 ruf0 "
				 "mailto:a@b"},
    {"v=DMARC1; p=bogus; rua=mailto:a@b",
	"bad none none none rr u fo1 rua1 ruf0 mailto:a@b"},
    {"v=DMARC1; p=reject; sp=bogus; np=reject; rua=mailto:a@b",
	"bad none none none rr u fo1 rua1 ruf0 mailto:a@b"},
    {"v=DMARC1; p=reject; np=; rua=mailto:a@b; adkim=s",
	"bad none none none sr u fo1 rua1 ruf0 mailto:a@b"},
    {"v=DMARC1; p=reject; p=reject; rua=mailto:a@b",
	"bad none none none rr u fo1 rua1 ruf0 mailto:a@b"},
    {"v=DMARC1; p=reject; sp=re\x01ject; rua=mailto:a@b",
	"bad none none none rr u fo1 rua1 ruf0 mailto:a@b"},
    {"v=DMARC1; p=reject; sp=n\xc3\xb6ne; rua=mailto:a@b",
	"bad none none none rr u fo1 rua1 ruf0 mailto:a@b"},
    {"v=DMARC1; p=reject\n; rua=mailto:a@b",
	"bad none none none rr u fo1 rua1 ruf0 mailto:a@b"},
    {"v=DMARC1", "unusable"},
    {"v=DMARC1;", "unusable"},
    {"v=DMARC1;;", "unusable"},
    {"v=DMARC1; p", "unusable"},
    {"v=DMARC1; p=", "unusable"},
    {"v=DMARC1; p=n", "unusable"},
    {"v=DMARC1; p=none x", "unusable"},
    {"v=DMARC1; p=none; p=none", "unusable"},
    {"v=DMARC1; p=none; P=reject", "unusable"},
    {"v=DMARC1; sp=reject", "unusable"},
    {"v=DMARC1; p=bogus; rua=bogus", "unusable"},
    {"v=DMARC1; p=bogus; ruf=mailto:a@b", "unusable"},
    {"v=DMARC1; p=bogus; rua=mailto:a@b; rua=mailto:a@b", "unusable"},
    {"v=DMARC1; p=reject; sp=none; sp=none", "unusable"},
    /* no records at all */
    {"", "none"},
    {"v", "none"},
    {"v=", "none"},
    {"v=DMARC", "none"},
    {"v=DMARC12; p=none", "none"},
    {"v=dmarc1; p=none", "none"},
    {"v=Dmarc1; p=none", "none"},
    {"v=DMARC1 p=none", "none"},
    {"v=DMARC1, p=none", "none"},
    {"v=DMARC1\\; p=none", "none"},
    {" v=DMARC1; p=none", "none"},
    {"\tv=DMARC1; p=none", "none"},
    {"v=\"DMARC1\"; p=none", "none"},
    {"v=DMARC1\n; p=none", "none"},
    {"vv=DMARC1; p=none", "none"},
    {"p=none; v=DMARC1", "none"},
    {"; v=DMARC1; p=none", "none"},
    {"v=spf1 -all", "none"},
};

static const struct record_case records_7489[] = {
    {"v=DMARC1; p=reject; pct=25; np=none; psd=y; t=y",
	"reject reject reject rr u pct25 fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; pct=0", "reject reject reject rr u pct0 fo1 rua0 "
				  "ruf0"},
    {"v=DMARC1; p=reject; pct=101", "reject reject reject rr u fo1 rua0 "
				    "ruf0"},
    {"v=DMARC1; p=reject; pct=-1", "reject reject reject rr u fo1 rua0 ruf0"},
    {"v=DMARC1; p=reject; np=bogus; sp=none",
	"reject none none rr u fo1 rua0 ruf0"},
    {"v=DMARC1; sp=none; p=reject", "unusable"},
    {"v=DMARC1; sp=none; p=reject; rua=mailto:a@b",
	"bad none none none rr u fo1 rua1 ruf0 mailto:a@b"},
};

static void
print_record(struct buf *b, const struct dmarc_record *r)
{
	if (r->bad_policy)
		buf_add_z(b, "bad ");
	buf_addf(b, "%s %s %s %s%s %s", dmarc_policy_name(r->p),
	    dmarc_policy_name(r->sp), dmarc_policy_name(r->np),
	    dmarc_align_name(r->adkim), dmarc_align_name(r->aspf),
	    dmarc_psd_name(r->psd));
	if (r->testing)
		buf_add_z(b, " t");
	if (r->pct != 100)
		buf_addf(b, " pct%u", r->pct);
	buf_addf(b, " fo%u rua%zu ruf%zu", r->fo, r->n_rua, r->n_ruf);
	for (size_t i = 0; i < r->n_rua; i++)
		buf_addf(b, " %.*s", STRF(r->rua[i]));
	for (size_t i = 0; i < r->n_ruf; i++)
		buf_addf(b, " %.*s", STRF(r->ruf[i]));
}

static void
check_record(const struct record_case *c, enum dmarc_discovery mode)
{
	struct dmarc_record r;
	struct arena a;
	struct diag d;
	struct buf b;
	int err;

	arena_init(&a, 65536);
	buf_init(&b, &a, 4096);
	err = dmarc_record_parse_mode(&a, str_from_z(c->text), mode, &r, &d);
	if (err == 0)
		print_record(&b, &r);
	else if (err == AVER_SYNTAX)
		buf_add_z(&b, "unusable");
	else
		buf_add_z(&b, err == AVER_NOTFOUND ? "none" : "error");
	if (!is_str(buf_str(&b), str_from_z(c->want), "record"))
		tap_quote("text", str_from_z(c->text));
	arena_fini(&a);
}

static void
test_record_limits(void)
{
	struct dmarc_record r;
	struct arena a;
	struct buf b;

	arena_init(&a, (size_t)1 << 20);
	buf_init(&b, NULL, (size_t)1 << 20);
	buf_add_z(&b, "v=DMARC1; p=reject; rua=");
	for (int i = 0; i < 60; i++)
		buf_addf(&b, "%smailto:a%d@b.example", i ? "," : "", i);
	is_int(dmarc_record_parse(&a, buf_str(&b), &r, NULL), 0, "60 URIs");
	is_int(r.n_rua, DMARC_URIS_MAX, "50 are kept");

	buf_clear(&b);
	buf_add_z(&b, "v=DMARC1; p=reject; rua=mailto:");
	for (int i = 0; i < DMARC_URI_MAX; i++)
		buf_add_c(&b, 'a');
	buf_add_z(&b, "@b.example, mailto:c@d.example");
	is_int(dmarc_record_parse(&a, buf_str(&b), &r, NULL), 0, "long URI");
	is_int(r.n_rua, 1, "is left out");

	buf_clear(&b);
	buf_add_z(&b, "v=DMARC1; p=reject");
	for (int i = 0; i < 10000; i++)
		buf_add_z(&b, "; x=y");
	is_int(dmarc_record_parse(&a, buf_str(&b), &r, NULL), 0,
	    "one unknown tag 10000 times");
	is_int(r.p, DMARC_POLICY_REJECT, "does no harm");

	for (int i = 0; i < TAG_LIST_MAX; i++)
		buf_addf(&b, "; x%d=y", i);
	is_int(dmarc_record_parse(&a, buf_str(&b), &r, NULL), AVER_SYNTAX,
	    "too many different tags");

	is_int(dmarc_record_parse(
		   &a, (struct str){"v=DMARC1; p=none\0", 17}, &r, NULL),
	    AVER_SYNTAX, "NUL");
	buf_fini(&b);
	arena_fini(&a);
	arena_init(&a, 16);
	is_int(dmarc_record_parse(&a, STR("v=DMARC1; p=none"), &r, NULL),
	    AVER_NOMEM, "no memory");
	arena_fini(&a);
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int
main(void)
{
	for (size_t i = 0; i < COUNT(records); i++)
		check_record(&records[i], DMARC_TREEWALK);
	for (size_t i = 0; i < COUNT(records_7489); i++)
		check_record(&records_7489[i], DMARC_PSL);
	test_record_limits();
	return tap_done();
}
