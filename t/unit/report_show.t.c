/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include "ctl/report_show.h"
#include "lib/base/b64.h"
#include "lib/base/buf.h"
#include "lib/zip/gz.h"

#define MB ((size_t)1 << 20)

struct run {
	int status;
	char *out, *err;
	size_t n_out, n_err;
};

/* `aver report show [--json] -` with that input. */
static void
show(struct str input, bool json, struct run *r)
{
	char a0[] = "report", a1[] = "show", a2[] = "--json", a3[] = "-";
	char *text[] = {a0, a1, a3, NULL}, *js[] = {a0, a1, a2, a3, NULL};
	FILE *in = tmpfile(), *out, *err;

	fwrite(input.p, 1, input.n, in);
	rewind(in);
	out = open_memstream(&r->out, &r->n_out);
	err = open_memstream(&r->err, &r->n_err);
	r->status = json ? cmd_report(4, js, in, out, err)
			 : cmd_report(3, text, in, out, err);
	fclose(in);
	fclose(out);
	fclose(err);
}

static void
done(struct run *r)
{
	free(r->out);
	free(r->err);
}

#define XML                                                                 \
	"<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">"             \
	"<version>1.0</version><report_metadata><org_name>A B</org_name>"   \
	"<email>d@b.example</email><report_id>i1</report_id>"               \
	"<date_range><begin>86400</begin><end>172799</end></date_range>"    \
	"</report_metadata><policy_published><domain>a.example</domain>"    \
	"<p>reject</p><testing>n</testing></policy_published>"              \
	"<record><row><source_ip>192.0.2.1</source_ip><count>3</count>"     \
	"<policy_evaluated><disposition>none</disposition>"                 \
	"<dkim>pass</dkim><spf>fail</spf><reason><type>local_policy</type>" \
	"<comment>arc=pass</comment></reason></policy_evaluated></row>"     \
	"<identifiers><header_from>a.example</header_from></identifiers>"   \
	"<auth_results><dkim><domain>a.example</domain>"                    \
	"<selector>s</selector><result>pass</result></dkim>"                \
	"<spf><domain>e.example</domain><scope>mfrom</scope>"               \
	"<result>fail</result></spf></auth_results></record></feedback>"

#define JSON                                                                   \
	"{\"organization-name\":\"O\",\"report-id\":\"t1\",\"date-range\":{"   \
	"\"start-datetime\":\"2026-01-01T00:00:00Z\","                         \
	"\"end-datetime\":\"2026-01-01T23:59:59Z\"},\"policies\":[{"           \
	"\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"a.example\"," \
	"\"policy-string\":[\"version: STSv1\"],\"mx-host\":\"m.example\"},"   \
	"\"summary\":{\"total-successful-session-count\":5,"                   \
	"\"total-failure-session-count\":2},\"failure-details\":[{"            \
	"\"result-type\":\"certificate-expired\","                             \
	"\"failed-session-count\":2}]}]}"

#define BODY                                                          \
	"Report      i1\n"                                            \
	"From        A B\n"                                           \
	"Email       d@b.example\n"                                   \
	"Namespace   urn:ietf:params:xml:ns:dmarc-2.0\n"              \
	"Version     1.0\n"                                           \
	"Period      1970-01-02T00:00:00Z to 1970-01-02T23:59:59Z\n"  \
	"Policy      a.example p=reject testing=n\n"                  \
	"\n"                                                          \
	"COUNT   SOURCE_IP                 DISPOSITION  DKIM  SPF   " \
	"HEADER_FROM  ENVELOPE_FROM  ENVELOPE_TO  DKIM_RESULTS  "     \
	"SPF_RESULTS  REASONS\n"                                      \
	"3       192.0.2.1                 none         pass  fail  " \
	"a.example  -  -  a.example/s=pass  e.example:mfrom=fail  "   \
	"local_policy (arc=pass)\n"                                   \
	"Total       3 messages in 1 records\n"

#define TLS_BODY                                                     \
	"Report      t1\n"                                           \
	"From        O\n"                                            \
	"Period      2026-01-01T00:00:00Z to 2026-01-01T23:59:59Z\n" \
	"\n"                                                         \
	"Policy      a.example sts\n"                                \
	"  String    version: STSv1\n"                               \
	"  MX host   m.example\n"                                    \
	"  Sessions  5 successful, 2 failed\n"                       \
	"  Failure   2 certificate-expired\n"

#define STDIN "File        standard input\n"

static void
prints(struct str input, const char *want, const char *name)
{
	struct run r;

	show(input, false, &r);
	is_int(r.status, 0, name);
	is_str(str_from_z(r.out), str_from_z(want), name);
	is_str(str_from_z(r.err), STR(""), "no complaint");
	done(&r);
}

static void
test_plain(void)
{
	prints(STR(XML), STDIN BODY, "XML");
	prints(STR("\xef\xbb\xbf\n" XML "\n"), STDIN BODY, "byte order mark");
	prints(STR(JSON), STDIN TLS_BODY, "JSON");
	prints(STR(" \n" JSON "\n"), STDIN TLS_BODY, "white space");
}

static int
collect(void *arg, struct str octets)
{
	buf_add(arg, octets);
	return 0;
}

static void
gzip(struct buf *b, struct str text)
{
	struct gz_writer *w = gz_writer_new(GZ_SMALL);

	buf_clear(b);
	gz_writer_begin(w, collect, b);
	gz_writer_add(w, text);
	gz_writer_end(w);
	gz_writer_free(w);
}

static void
test_gzip(void)
{
	struct buf b;

	buf_init(&b, NULL, MB);
	gzip(&b, STR(XML));
	prints(buf_str(&b), STDIN BODY, "gzip of XML");
	gzip(&b, STR(JSON));
	prints(buf_str(&b), STDIN TLS_BODY, "gzip of JSON");
	buf_fini(&b);
}

static void
attachment(struct buf *b, const char *type, const char *name, struct str octets)
{
	buf_addf(b,
	    "--x\r\nContent-Type: %s\r\nContent-Disposition: attachment; "
	    "filename=\"%s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
	    type, name);
	b64_encode(b, octets);
	buf_add_z(b, "\r\n");
}

static void
test_message(void)
{
	struct buf b, packed;

	buf_init(&b, NULL, MB);
	buf_init(&packed, NULL, MB);
	buf_add_z(&b, "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: "
		      "multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n"
		      "<This> is a report.\r\n");
	gzip(&packed, STR(XML));
	attachment(
	    &b, "application/octet-stream", "a!b.xml.gz", buf_str(&packed));
	attachment(&b, "text/html", "a.html", STR("<html></html>"));
	attachment(&b, "application/tlsrpt+json", "r.json", STR(JSON));
	buf_add_z(&b, "--x--\r\n");
	prints(buf_str(&b),
	    STDIN "Attachment  a!b.xml.gz\n" BODY "\n" STDIN
		  "Attachment  r.json\n" TLS_BODY,
	    "two attachments");
	buf_clear(&b);
	buf_add_z(&b, "Content-Type: multipart/report; boundary=x\n\n--x\n"
		      "Content-Type: message/feedback-report\n\n"
		      "Feedback-Type: auth-failure\nX: \x1b[2J\n\n--x--\n");
	prints(buf_str(&b),
	    STDIN "Failure     Feedback-Type: auth-failure\n"
		  "Failure     X: \\x1b[2J\n",
	    "failure report");
	buf_fini(&b);
	buf_fini(&packed);
}

/* Nothing that moves a cursor gets out, wherever it stands. */
static void
test_escapes(void)
{
	static const struct str inputs[] = {
	    STR_INIT("<feedback xmlns='\xc2\x9b"
		     "1m'><report_metadata><org_name>"
		     "&#x9b;2J\\ \xe2\x80\xae</org_name></report_metadata>"
		     "<policy_published><domain>a&#x7f;b</domain><p>&#x9;x"
		     "&#xd;y</p></policy_published><record><row><source_ip>"
		     "&#x9b;</source_ip><policy_evaluated><reason><type>a b"
		     "</type><comment>&#x85;</comment></reason>"
		     "</policy_evaluated></row></record></feedback>"),
	    STR_INIT("{\"report-id\":\"\\u001b[2J\\u0000\\n\",\"policies\":[{"
		     "\"policy\":{\"policy-string\":[\"\\u001b]0;x\\u0007\"],"
		     "\"policy-domain\":\"\\u009b\"},\"failure-details\":[{"
		     "\"result-type\":\"\\u001b\"}]}]}"),
	    STR_INIT("From: a\nContent-Type: application/json; "
		     "name=\"a\x1b[2J\"\n\n{\"policies\":[]}"),
	    STR_INIT("<feedback><\x1b/></feedback>"),
	};

	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		for (int json = 0; json < 2; json++) {
			struct run r;
			size_t bad = 0;

			show(inputs[i], json, &r);
			for (size_t k = 0; k < r.n_out; k++)
				bad += (unsigned char)r.out[k] >= 0x7f ||
				       (r.out[k] < ' ' && r.out[k] != '\n');
			for (size_t k = 0; k < r.n_err; k++)
				bad += (unsigned char)r.err[k] >= 0x7f ||
				       (r.err[k] < ' ' && r.err[k] != '\n');
			is_int(bad, 0, "printable");
			ok(r.n_out > 0, "something is printed");
			done(&r);
		}
}

static void
test_json(void)
{
	static const char want[] =
	    "[{\"kind\":\"aggregate\",\"file\":\"standard input\",\n"
	    "\"report_metadata\":{"
	    "\"namespace\":\"urn:ietf:params:xml:ns:dmarc-2.0\","
	    "\"version\":\"1.0\",\"org_name\":\"A B\","
	    "\"email\":\"d@b.example\",\"report_id\":\"i1\","
	    "\"date_range\":{\"begin\":86400,\"end\":172799},\"error\":[]},\n"
	    "\"policy_published\":{\"domain\":\"a.example\",\"p\":\"reject\","
	    "\"testing\":\"n\"},\n\"records\":[\n"
	    "{\"source_ip\":\"192.0.2.1\",\"count\":3,"
	    "\"disposition\":\"none\",\"dkim\":\"pass\",\"spf\":\"fail\","
	    "\"reasons\":[{\"type\":\"local_policy\",\"comment\":\"arc=pass\"}"
	    "],\"header_from\":\"a.example\",\"dkim_results\":[{\"domain\":"
	    "\"a.example\",\"selector\":\"s\",\"result\":\"pass\"}],"
	    "\"spf_results\":[{\"domain\":\"e.example\",\"scope\":\"mfrom\","
	    "\"result\":\"fail\"}]}\n],\n"
	    "\"total\":{\"records\":1,\"messages\":3}}]\n";
	struct run r;

	show(STR(XML), true, &r);
	is_str(str_from_z(r.out), str_from_z(want), "aggregate");
	done(&r);
	show(STR(JSON), true, &r);
	ok(strstr(r.out, "\"mx-host\":[\"m.example\"]") &&
		strstr(r.out, "\"failed-session-count\":2"),
	    "tls");
	done(&r);
	show(STR("hello"), true, &r);
	is_str(str_from_z(r.out), STR("[]\n"), "nothing");
	done(&r);
}

static const struct {
	const char *name;
	struct str input;
	const char *out, *err; /* parts of what is printed */
} faults[] = {
    {"empty", STR_INIT(""), "", "no report"},
    {"text", STR_INIT("hello"), "", "no report"},
    {"message without report", STR_INIT("From: a\n\nhello"), "", "no report"},
    {"message with a picture", STR_INIT("Content-Type: image/png\n\n\x89PNG"),
	"", "no report"},
    {"other XML", STR_INIT("<html></html>"), "Error  ", "no aggregate report"},
    {"other JSON", STR_INIT("{}"), "Error  ", "no TLS report"},
    {"cut off after a record",
	STR_INIT("<feedback><report_metadata/><policy_published><domain>"
		 "a.example</domain></policy_published><record><row><count>7"
		 "</count></row></record><rec"),
	"Total       7 messages in 1 records so far\nError  ", "line 1"},
    {"damaged gzip", STR_INIT("\x1f\x8b\x08\x00\x00"), "", "cut off"},
    {"damaged ZIP", STR_INIT("PK\3\4"), "", "no ZIP archive"},
    {"document type", STR_INIT("<!DOCTYPE a><feedback/>"), "Error  ",
	"document type"},
};

static void
test_faults(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct run r;

		show(faults[i].input, false, &r);
		is_int(r.status, 1, faults[i].name);
		if (!ok(strstr(r.out, faults[i].out) &&
			    strstr(r.err, faults[i].err),
			"%s: says so", faults[i].name))
			printf("# %s# %s", r.out, r.err);
		done(&r);
	}
}

static void
test_usage(void)
{
	char a0[] = "report", a1[] = "show", a2[] = "--jsn", a3[] = "list";
	char none[] = "/nonexistent\x1b/x";
	char *argvs[][4] = {
	    {a0, NULL}, {a0, a1, NULL}, {a0, a3, a0, NULL}, {a0, a1, a2, NULL}};
	char *missing[] = {a0, a1, none, NULL};
	const int argcs[] = {1, 2, 3, 3};
	struct run r;
	FILE *out, *err;

	for (size_t i = 0; i < 4; i++) {
		err = open_memstream(&r.err, &r.n_err);
		is_int(cmd_report(argcs[i], argvs[i], stdin, stdout, err), 2,
		    "usage");
		fclose(err);
		ok(strstr(r.err, "usage: aver report show"), "says so");
		free(r.err);
	}
	out = open_memstream(&r.out, &r.n_out);
	err = open_memstream(&r.err, &r.n_err);
	is_int(cmd_report(3, missing, stdin, out, err), 1, "no such file");
	fclose(out);
	fclose(err);
	ok(strstr(r.err, "\\x1b") && !strchr(r.err, '\x1b'), "escaped");
	done(&r);
}

/* Each file has its report, also after one that is damaged. */
static void
test_files(void)
{
	char a0[] = "report", a1[] = "show", dash[] = "-", none[] = "/none";
	char *argv[] = {a0, a1, none, dash, NULL};
	FILE *in = tmpfile(), *out, *err;
	struct run r;

	fputs(XML, in);
	rewind(in);
	out = open_memstream(&r.out, &r.n_out);
	err = open_memstream(&r.err, &r.n_err);
	is_int(cmd_report(4, argv, in, out, err), 1, "one is missing");
	fclose(in);
	fclose(out);
	fclose(err);
	is_str(str_from_z(r.out), STR(STDIN BODY), "the other is shown");
	done(&r);
}

int
main(void)
{
	test_plain();
	test_gzip();
	test_message();
	test_json();
	test_escapes();
	test_faults();
	test_usage();
	test_files();
	return tap_done();
}
