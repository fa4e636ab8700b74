/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Writes report mail, for report_mail.t:
 *
 *   reportmail record KEY
 *       the key record to publish
 *   reportmail KIND DATE SELECTOR=KEY... < DOCUMENT > MESSAGE
 *       a message of that kind (dmarc, failure, tls) from mx.example about
 *       a long domain, signed with up to two keys
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/report/message.h"

#define FILE_MAX ((size_t)4 << 20)

static const char feedback[] =
    "Feedback-Type: auth-failure\r\nVersion: 1\r\n"
    "User-Agent: aver/test\r\nAuth-Failure: dmarc\r\n"
    "Authentication-Results: mx.example; dmarc=fail\r\n"
    " header.from=example.com\r\nIdentity-Alignment: dkim\r\n"
    "Reported-Domain: example.com\r\n";

static struct str
slurp(FILE *f, struct arena *a)
{
	char *p = arena_alloc(a, FILE_MAX);
	size_t n = p && f ? fread(p, 1, FILE_MAX, f) : 0;

	if (f && f != stdin)
		fclose(f);
	return (struct str){p, n};
}

static struct dkim_private *
read_key(struct arena *a, const struct dkim_engine *e, const char *path)
{
	struct dkim_private *k = NULL;
	struct diag d;

	if (dkim_private_read(a, e, slurp(fopen(path, "rb"), a), &k, &d)) {
		fprintf(stderr, "%s: %s\n", path, d.text);
		exit(1);
	}
	if (d.text[0])
		fprintf(stderr, "%s: %s\n", path, d.text);
	return k;
}

static enum report_kind
kind_of(const char *name)
{
	for (int k = 0; k < REPORT_KIND_COUNT; k++)
		if (strcmp(name, report_kind_name((enum report_kind)k)) == 0)
			return (enum report_kind)k;
	exit(2);
}

static int
write_message(struct arena *a, const struct dkim_engine *e, char **argv)
{
	struct report_message m = {
	    .name = {.kind = kind_of(argv[0]),
		.policy_domain = STR("a-rather-long-name-of-a-department."
				     "some-subsidiary-of-a-large-enterprise."
				     "example.com"),
		.begin = 1793491200,
		.end = 1793577600},
	    .from = STR("reports@mx.example"),
	    .from_name = STR("Berichte f\xc3\xbcr \xc3\x9c"
			     "bel"),
	    .to = STR("rua@example.com"),
	    .organization = STR("M\xc3\xbcller & S\xc3\xb6hne"),
	    .document = slurp(stdin, a),
	    .gzip = true,
	    .rows = 12,
	    .messages = 345,
	    .successes = 7,
	    .failures = 1,
	    .feedback = STR(feedback),
	    .headers = STR("From: a@example.com\r\nSubject: \xc3\xa9t\xc3\xa9"
			   "\r\n"),
	    .subject = STR("\xc3\xa9t\xc3\xa9"),
	    .engine = e,
	};
	char id[REPORT_ID_OCTETS];
	uint64_t date = 0;
	struct diag d;
	struct buf b;
	int err, n = 0;

	str_to_u64(str_from_z(argv[1]), INT64_MAX, &date);
	m.date = (int64_t)date;
	report_id_make(&m.name, STR("salt"), id);
	m.id = (struct str){id, sizeof(id)};
	for (argv += 2; *argv && n < 2; argv++, n++) {
		struct str key,
		    selector = str_cut(str_from_z(*argv), '=', &key);

		m.sign[n] = (struct dkim_sign_config){
		    .key = read_key(a, e, key.p ? key.p : ""),
		    .domain = STR("mx.example"),
		    .selector = selector,
		    .valid = n ? 604800 : 0};
	}
	buf_init(&b, NULL, 8 << 20);
	err = report_message_write(&m, &b, NULL, &d);
	if (err)
		fprintf(stderr, "%s\n", d.text);
	else
		fwrite(b.p, 1, b.n, stdout);
	buf_fini(&b);
	return err ? 1 : 0;
}

int
main(int argc, char **argv)
{
	struct dkim_engine *e;
	struct arena a;
	struct buf b;
	int rc = 0;

	if (argc < 3 || (argc < 4 && strcmp(argv[1], "record")))
		return 2;
	arena_init(&a, 64 << 20);
	e = dkim_engine_new(&a);
	if (strcmp(argv[1], "record") == 0) {
		buf_init(&b, &a, 10000);
		rc = dkim_private_record(read_key(&a, e, argv[2]), &b) ? 1 : 0;
		printf("%s\n", buf_z(&b));
	} else {
		rc = write_message(&a, e, argv + 1);
	}
	arena_fini(&a);
	return rc;
}
