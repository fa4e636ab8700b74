/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include <sys/resource.h>

#include "lib/aggregate/aggregate_read.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

#define MB ((size_t)1 << 20)

/* --- documents, and what is read from them as one line */

static void
add(struct buf *b, const char *label, struct str s)
{
	if (!s.n)
		return;
	buf_addf(b, " %s=", label);
	buf_add(b, s);
}

static int
on_head(void *arg, const struct aggregate_report *r)
{
	struct buf *b = arg;

	buf_add_z(b, "head");
	add(b, "ns", r->ns);
	add(b, "version", r->version);
	add(b, "org", r->org_name);
	add(b, "email", r->email);
	add(b, "extra", r->extra_contact_info);
	add(b, "id", r->report_id);
	add(b, "generator", r->generator);
	if (r->begin_text.n || r->end_text.n)
		buf_addf(
		    b, " %lld-%lld", (long long)r->begin, (long long)r->end);
	for (size_t i = 0; i < r->n_errors; i++)
		add(b, "error", r->errors[i]);
	add(b, "domain", r->domain);
	add(b, "p", r->p);
	add(b, "sp", r->sp);
	add(b, "np", r->np);
	add(b, "adkim", r->adkim);
	add(b, "aspf", r->aspf);
	add(b, "pct", r->pct);
	add(b, "fo", r->fo);
	add(b, "testing", r->testing);
	add(b, "method", r->discovery_method);
	buf_add_z(b, "; ");
	return 0;
}

static void
add_auth(
    struct buf *b, const char *label, const struct aggregate_auth *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_addf(b, " %s(", label);
		add(b, "d", a[i].domain);
		add(b, "s", a[i].selector);
		add(b, "scope", a[i].scope);
		add(b, "r", a[i].result);
		add(b, "h", a[i].human_result);
		buf_add_c(b, ')');
	}
}

static int
on_record(void *arg, const struct aggregate_record *r)
{
	struct buf *b = arg;

	buf_add_z(b, "record ");
	if (r->ip.family)
		ip_print(b, &r->ip);
	else
		add(b, "no-ip", r->source_ip);
	buf_addf(b, " %llu", (unsigned long long)r->count);
	add(b, "disposition", r->disposition);
	add(b, "dkim", r->dkim);
	add(b, "spf", r->spf);
	for (size_t i = 0; i < r->n_reasons; i++) {
		add(b, "reason", r->reasons[i].type);
		add(b, "comment", r->reasons[i].comment);
	}
	add(b, "from", r->header_from);
	add(b, "env", r->envelope_from);
	add(b, "to", r->envelope_to);
	add_auth(b, "DKIM", r->dkim_results, r->n_dkim_results);
	add_auth(b, "SPF", r->spf_results, r->n_spf_results);
	buf_add_z(b, "; ");
	return 0;
}

static const struct aggregate_events dump = {on_head, on_record};

static int
read_doc(struct str xml, size_t piece, struct buf *out, struct diag *d)
{
	struct aggregate_reader *r = aggregate_reader_new(NULL, &dump, out);
	int err = 0;

	buf_clear(out);
	d->text[0] = '\0';
	while (!err && xml.n) {
		err = aggregate_reader_add(r, str_head(xml, piece), d);
		xml = str_from(xml, piece);
	}
	if (!err)
		err = aggregate_reader_end(r, d);
	aggregate_reader_free(r);
	return err;
}

#define POLICY                                                             \
	"<report_metadata/><policy_published><domain>a.example</domain></" \
	"policy_published>"
#define HEAD "head domain=a.example; "

static const struct {
	const char *name;
	struct str xml;
	const char *want;
} documents[] = {
    {"RFC 9990",
	STR_INIT(
	    "<?xml version='1.0'?>"
	    "<feedback xmlns='urn:ietf:params:xml:ns:dmarc-2.0'>"
	    "<version>1.0</version><report_metadata>"
	    "<org_name>A &amp; B</org_name><email>a@b.example</email>"
	    "<extra_contact_info lang='en'>call</extra_contact_info>"
	    "<report_id>i</report_id>"
	    "<date_range><begin>1</begin><end>2</end></date_range>"
	    "<error>e</error><generator>g</generator></report_metadata>"
	    "<policy_published><domain>a.example</domain><p>reject</p>"
	    "<sp>none</sp><np>quarantine</np><adkim>s</adkim><aspf>r</aspf>"
	    "<fo>1:d</fo><testing>y</testing>"
	    "<discovery_method>treewalk</discovery_method>"
	    "</policy_published>"
	    "<record><row><source_ip>2001:db8::1</source_ip>"
	    "<count>5</count><policy_evaluated>"
	    "<disposition>pass</disposition><dkim>pass</dkim><spf>fail</spf>"
	    "<reason><type>other</type><comment>c</comment></reason>"
	    "</policy_evaluated></row><identifiers>"
	    "<header_from>x.a.example</header_from>"
	    "<envelope_from>e.example</envelope_from>"
	    "<envelope_to>t.example</envelope_to></identifiers>"
	    "<auth_results><dkim><domain>d.example</domain>"
	    "<selector>s</selector><result>pass</result>"
	    "<human_result>h</human_result></dkim>"
	    "<spf><domain>e.example</domain><scope>mfrom</scope>"
	    "<result>softfail</result></spf></auth_results></record>"
	    "</feedback>"),
	"head ns=urn:ietf:params:xml:ns:dmarc-2.0 version=1.0 org=A & B "
	"email=a@b.example extra=call id=i generator=g 1-2 error=e "
	"domain=a.example p=reject sp=none np=quarantine adkim=s aspf=r "
	"fo=1:d testing=y method=treewalk; "
	"record 2001:db8::1 5 disposition=pass dkim=pass spf=fail "
	"reason=other comment=c from=x.a.example env=e.example "
	"to=t.example DKIM( d=d.example s=s r=pass h=h) "
	"SPF( d=e.example scope=mfrom r=softfail); "},
    {"no record", STR_INIT("<feedback>" POLICY "</feedback>"), HEAD},
    {"root alone qualified",
	STR_INIT("<x:feedback xmlns:x='http://dmarc.org/dmarc-xml/0.1'>" POLICY
		 "</x:feedback>"),
	"head ns=http://dmarc.org/dmarc-xml/0.1 domain=a.example; "},
    {"children in any order",
	STR_INIT("<feedback><record><auth_results><spf/></auth_results>"
		 "<row><count>1</count><source_ip>192.0.2.1</source_ip></row>"
		 "</record>" POLICY "<report_metadata><email>e</email>"
		 "<org_name>o</org_name></report_metadata></feedback>"),
	"record 192.0.2.1 1 SPF(); head org=o email=e domain=a.example; "},
    {"what is unknown or foreign is ignored",
	STR_INIT("<feedback xmlns:e='urn:e'><x><domain>no</domain></x>" POLICY
		 "<e:record/><record e:a='1'><e:row><count>9</count></e:row>"
		 "<row><count>2<b>3</b>4</count></row></record></feedback>"),
	HEAD "record  24; "},
    {"white space and case",
	STR_INIT("\r\n <feedback>\n<report_metadata/><policy_published>\n "
		 "<domain>\n a.example\t"
		 "</domain><p> None </p></policy_published><record><row>"
		 "<policy_evaluated><dkim>Pass</dkim></policy_evaluated></row>"
		 "</record>\n</feedback>\n"),
	"head domain=a.example p=none; record  0 dkim=pass; "},
    {"odd numbers",
	STR_INIT("<feedback><report_metadata><date_range>"
		 "<begin>1337270400.0</begin><end>-5</end></date_range>"
		 "</report_metadata>" POLICY
		 "<record><row><count>99999999999999999999</count></row>"
		 "</record><record><row><count>x</count></row></record>"
		 "</feedback>"),
	"head 1337270400-0 domain=a.example; record  0; record  0; "},
    {"empty elements",
	STR_INIT("<feedback>" POLICY "<record><row><source_ip/><count/>"
		 "<policy_evaluated><reason/><reason><type/></reason>"
		 "</policy_evaluated></row><identifiers/><auth_results>"
		 "<dkim/></auth_results></record></feedback>"),
	HEAD "record  0 DKIM(); "},
    {"several errors, SPF results and odd addresses",
	STR_INIT("<feedback>" POLICY "<report_metadata><error>1</error>"
		 "<error>2</error></report_metadata><record><row>"
		 "<source_ip>1.2.3</source_ip></row><auth_results>"
		 "<spf><result>Unknown</result><scope>helo</scope></spf>"
		 "<spf><result>none</result></spf></auth_results></record>"
		 "</feedback>"),
	"head error=1 error=2 domain=a.example; record  no-ip=1.2.3 0 "
	"SPF( scope=helo r=unknown) SPF( r=none); "},
    {"CDATA and references",
	STR_INIT("<feedback>" POLICY "<record><identifiers><header_from>"
		 "<![CDATA[<a>&]]>&#x62;&lt;c</header_from></identifiers>"
		 "</record></feedback>"),
	HEAD "record  0 from=<a>&b<c; "},
    {"byte order mark", STR_INIT("\xef\xbb\xbf<feedback>" POLICY "</feedback>"),
	HEAD},
    {"Latin-1",
	STR_INIT("<?xml version='1.0' encoding='iso-8859-1'?><feedback>" POLICY
		 "<record><identifiers><header_from>b\xfc</header_from>"
		 "</identifiers></record></feedback>"),
	HEAD "record  0 from=b\xc3\xbc; "},
    {"says UTF-16, is UTF-8",
	STR_INIT("<?xml version='1.0' encoding='utf-16'?><feedback>" POLICY
		 "</feedback>"),
	HEAD},
    {"octets behind", STR_INIT("<feedback>" POLICY "</feedback>\0\0junk<"),
	HEAD},
    {"comments and instructions",
	STR_INIT("<!-- a --><feedback><!-- b --><?c d?>" POLICY
		 "</feedback><!-- e -->"),
	HEAD},
};

static void
test_documents(void)
{
	struct buf out;
	struct diag d;

	buf_init(&out, NULL, 65536);
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		static const size_t pieces[] = {1 << 20, 1, 5};

		for (size_t k = 0; k < 3; k++) {
			if (!ok(read_doc(
				    documents[i].xml, pieces[k], &out, &d) == 0,
				"%s, by %zu", documents[i].name, pieces[k]))
				printf("# %s\n", d.text);
			is_str(buf_str(&out), str_from_z(documents[i].want),
			    documents[i].name);
		}
	}
	buf_fini(&out);
}

static const struct {
	const char *name;
	struct str xml;
	int err;
	const char *text; /* part of what is said */
} malformed[] = {
    {"empty", STR_INIT(""), AVER_SYNTAX, "not complete"},
    {"white space", STR_INIT(" \n"), AVER_SYNTAX, "not complete"},
    {"text", STR_INIT("hello"), AVER_SYNTAX, "line 1"},
    {"other root", STR_INIT("<html></html>"), AVER_SYNTAX, "no aggregate"},
    {"no domain", STR_INIT("<feedback></feedback>"), AVER_SYNTAX,
	"no policy domain"},
    {"cut off", STR_INIT("<feedback>" POLICY "<record>"), AVER_SYNTAX, ""},
    {"cut off in a tag", STR_INIT("<feedback>" POLICY "<rec"), AVER_SYNTAX, ""},
    {"other end tag", STR_INIT("<feedback>\n" POLICY "</feedbac>"), AVER_SYNTAX,
	"line 2"},
    {"NUL", STR_INIT("<feedback>" POLICY "<a>\0</a></feedback>"), AVER_SYNTAX,
	"line 1"},
    {"control character", STR_INIT("<feedback><a>\x1b</a></feedback>"),
	AVER_SYNTAX, "line 1"},
    {"bad UTF-8", STR_INIT("<feedback><a>\xff</a></feedback>"), AVER_SYNTAX,
	"line 1"},
    {"bad UTF-8 after a wrong label",
	STR_INIT("<?xml version='1.0' encoding='utf-16'?><feedback>" POLICY
		 "<a>\xff</a></feedback>"),
	AVER_SYNTAX, "line 1"},
    {"wrong tags after a wrong label",
	STR_INIT("<?xml version='1.0' encoding='utf-16'?><feedback>" POLICY
		 "<a></b></feedback>"),
	AVER_SYNTAX, "line 1"},
    {"unknown entity", STR_INIT("<feedback>&a;</feedback>"), AVER_SYNTAX,
	"Entity"},
    {"unknown encoding",
	STR_INIT("<?xml version='1.0' encoding='x-none'?><feedback/>"),
	AVER_SYNTAX, ""},
    {"document type", STR_INIT("<!DOCTYPE feedback><feedback/>"), AVER_SYNTAX,
	"document type"},
    {"external document type",
	STR_INIT("<!DOCTYPE feedback SYSTEM 'http://127.0.0.1/a'><feedback/>"),
	AVER_SYNTAX, "document type"},
    {"external entity",
	STR_INIT("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
		 "<feedback>" POLICY "<record><identifiers><header_from>&x;"
		 "</header_from></identifiers></record></feedback>"),
	AVER_SYNTAX, "document type"},
    {"parameter entity",
	STR_INIT("<!DOCTYPE a [<!ENTITY % x SYSTEM 'file:///etc/passwd'>%x;]>"
		 "<feedback/>"),
	AVER_SYNTAX, "document type"},
    {"billion laughs",
	STR_INIT("<!DOCTYPE a [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>"
		 "<!ENTITY c '&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;'>]>"
		 "<feedback>&d;&d;&d;</feedback>"),
	AVER_SYNTAX, "document type"},
};

static void
test_malformed(void)
{
	struct buf out;
	struct diag d;

	buf_init(&out, NULL, 65536);
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		int err = read_doc(malformed[i].xml, 1 << 20, &out, &d);

		is_int(err, malformed[i].err, malformed[i].name);
		ok(d.text[0] && strstr(d.text, malformed[i].text), "says: %s",
		    d.text);
		ok(out.n == 0 || !strstr(buf_z(&out), "from="),
		    "nothing from elsewhere");
		is_int(read_doc(malformed[i].xml, 1, &out, &d),
		    malformed[i].err, "octet by octet");
	}
	buf_fini(&out);
}

/* --- callbacks that stop */

static int
stop_head(void *arg, const struct aggregate_report *r)
{
	(void)r;
	return *(int *)arg;
}

static int
stop_record(void *arg, const struct aggregate_record *r)
{
	(void)r;
	return *(int *)arg;
}

static void
test_stop(void)
{
	static const struct aggregate_events at[] = {
	    {stop_head, NULL}, {NULL, stop_record}, {NULL, NULL}};
	static const int want[] = {5, 5, 0};
	struct str xml = STR("<feedback><report_metadata/>" POLICY
			     "<record/><record/></feedback>");

	for (size_t i = 0; i < 3; i++) {
		int code = 5;
		struct aggregate_reader *r =
		    aggregate_reader_new(NULL, &at[i], &code);

		is_int(aggregate_reader_add(r, xml, NULL), want[i], "stop");
		is_int(aggregate_reader_end(r, NULL), want[i], "for good");
		is_int(aggregate_reader_records(r), want[i] ? i : 2, "read");
		aggregate_reader_free(r);
	}
	aggregate_reader_free(NULL);
}

/* --- bombs: begin, then a part over and over */

static const struct {
	const char *name, *begin, *part;
	unsigned long times;
	int err;
	const char *text;
} bombs[] = {
    {"a million levels", "<feedback>", "<a>", 1000000, AVER_LIMIT,
	"more than 32 elements within"},
    {"attribute of 100 MB", "<feedback a='", "0123456789", 10000000, AVER_LIMIT,
	"in one tag"},
    {"name of 100 MB", "<", "abcdefghij", 10000000, AVER_LIMIT, ""},
    {"comment of 100 MB", "<feedback><!-- ", "abcdefghij", 10000000, AVER_LIMIT,
	"in one tag, comment"},
    {"instruction of 100 MB", "<feedback><?a ", "abcdefghij", 10000000,
	AVER_LIMIT, "in one tag, comment"},
    {"many comments", "<feedback>", "<!-- a -->", 10000000, AVER_LIMIT,
	"in one tag, comment"},
    {"text of 100 MB", "<feedback><version>", "abcdefghij", 10000000,
	AVER_LIMIT, "octets of text"},
    {"text in pieces", "<feedback><version>", "abcdefghij<a/>", 10000000,
	AVER_LIMIT, "octets of text"},
    {"CDATA of 100 MB", "<feedback><version><![CDATA[", "abcdefghij", 10000000,
	AVER_LIMIT, "comment or section"},
    {"white space between elements", "<feedback>", "          ", 10000000,
	AVER_LIMIT, "octets of text"},
    {"white space before", "<?xml version='1.0'?>", "          ", 10000000,
	AVER_LIMIT, ""},
    {"many attributes", "<feedback>",
	"<a a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' "
	"n='' o='' p='' q=''/>",
	1, AVER_LIMIT, "more than 16 attributes"},
    {"attributes without end", "<feedback><a ", "a='' b='' c='' ", 10000000,
	AVER_LIMIT, "in one tag"},
    {"elements that are unknown", "<feedback>", "<a/>", 10000000, AVER_LIMIT,
	"elements in one record"},
    {"signatures without end", "<feedback><record><auth_results>",
	"<dkim><domain>abc</domain></dkim>", 10000000, AVER_LIMIT,
	"elements in one record"},
    {"long signatures", "<feedback><record><auth_results>",
	"<dkim><domain>"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789"
	"</domain></dkim>",
	10000000, AVER_LIMIT, "more than"},
    {"internal subset", "<!DOCTYPE a [", "<!ENTITY a 'aaaaaaaaaa'>", 1000000,
	AVER_SYNTAX, "document type"},
    {"quadratic blowup", "<!DOCTYPE a [<!ENTITY a '", "aaaaaaaaaa", 1000000,
	AVER_LIMIT, "in one tag"},
};

static long
peak_kb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* Feeds pieces of about 64 kB until the reader has had enough. */
static int
explode(struct aggregate_reader *r, const char *begin, const char *part,
    unsigned long times, struct diag *d)
{
	struct buf b;
	int err;

	buf_init(&b, NULL, MB);
	err = aggregate_reader_add(r, str_from_z(begin), d);
	while (!err && times) {
		buf_clear(&b);
		for (; times && b.n < 65536; times--)
			buf_add_z(&b, part);
		err = aggregate_reader_add(r, buf_str(&b), d);
	}
	if (!err)
		err = aggregate_reader_end(r, d);
	buf_fini(&b);
	return err;
}

static void
test_bombs(void)
{
	static const struct aggregate_events none = {NULL, NULL};

	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		struct aggregate_reader *r =
		    aggregate_reader_new(NULL, &none, NULL);
		struct diag d = {.text = ""};
		long before = peak_kb();

		is_int(explode(r, bombs[i].begin, bombs[i].part, bombs[i].times,
			   &d),
		    bombs[i].err, bombs[i].name);
		ok(d.text[0] && strstr(d.text, bombs[i].text), "says: %s",
		    d.text);
		ok(peak_kb() - before < 24 * 1024, "grew by %ld kB",
		    peak_kb() - before);
		aggregate_reader_free(r);
	}
}

/* A hundred thousand records take no more memory than one. */
static void
test_many(void)
{
	static const struct aggregate_events none = {NULL, NULL};
	static const char record[] =
	    "<record><row><source_ip>192.0.2.1</source_ip><count>3</count>"
	    "</row><x/><auth_results><dkim><domain>d</domain></dkim>"
	    "</auth_results></record>\n";
	struct aggregate_reader *r = aggregate_reader_new(NULL, &none, NULL);
	struct diag d = {.text = ""};
	long before = peak_kb();

	is_int(explode(r, "<feedback>" POLICY, record, 100000, &d), AVER_SYNTAX,
	    "only its end is missing");
	is_int(aggregate_reader_records(r), 100000, "all records");
	is_int(aggregate_reader_messages(r), 300000, "all messages");
	ok(peak_kb() - before < 4096, "grew by %ld kB", peak_kb() - before);
	aggregate_reader_free(r);
}

static void
test_limits(void)
{
	static const struct aggregate_events none = {NULL, NULL};
	static const struct aggregate_limits few = {.records = 10},
					     small = {.octets = 10000};
	struct aggregate_reader *r;
	struct diag d;

	r = aggregate_reader_new(&few, &none, NULL);
	is_int(explode(r, "<feedback>" POLICY, "<record/>", 11, &d), AVER_LIMIT,
	    "records");
	is_int(aggregate_reader_records(r), 10, "as many as allowed");
	ok(strstr(d.text, "10 records"), "%s", d.text);
	aggregate_reader_free(r);
	r = aggregate_reader_new(&small, &none, NULL);
	is_int(explode(r, "<feedback>" POLICY, "<record/>", 2000, &d),
	    AVER_LIMIT, "octets");
	ok(strstr(d.text, "10000 octets"), "%s", d.text);
	aggregate_reader_free(r);
}

int
main(void)
{
	test_documents();
	test_malformed();
	test_stop();
	test_many();
	test_bombs();
	test_limits();
	return tap_done();
}
