/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Writes an aggregate report to standard output, for t/integ/aggregate.t:
 *
 *	aggregen rfc9990|rfc7489 ROWS
 *
 * Row n has count n % 9 + 1 and differs from the others in its address.
 */
#include <stdio.h>
#include <string.h>

#include "lib/aggregate/aggregate_write.h"

static int
put(void *arg, struct str octets)
{
	return fwrite(octets.p, 1, octets.n, arg) == octets.n ? 0 : 1;
}

static void
fill(struct evaluation *ev, uint32_t n)
{
	static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 7};
	uint32_t ip = n * 2654435761u | 1;

	ev->policy_domain = STR("example.com");
	ev->p = DMARC_POLICY_REJECT;
	ev->sp = DMARC_POLICY_QUARANTINE;
	ev->has_sp = true;
	ev->fo = DMARC_FO_0;
	ev->source_ip =
	    n == 0 ? ip_from_bytes(IP_V6, v6) : ip_from_bytes(IP_V4, &ip);
	ev->disposition = (enum eval_disposition)(n % EVAL_DISPOSITION_COUNT);
	ev->dkim_aligned = n & 1;
	ev->spf_aligned = n & 2;
	ev->reasons[0] =
	    (struct eval_reason){EVAL_LOCAL_POLICY, STR("arc=pass & <more>")};
	ev->n_reasons = n % 3 == 0;
	ev->header_from = STR("news.example.com");
	ev->envelope_from = STR("b\xc3\xbcro.example");
	ev->envelope_to = STR("receiver.example");
	ev->dkim[0] =
	    (struct eval_dkim){STR("example.com"), STR("s1"), DKIM_PASS};
	ev->dkim[1] =
	    (struct eval_dkim){STR("example.org"), STR("\x1b"), DKIM_FAIL};
	ev->n_dkim = 1 + n % 2;
	ev->has_spf = true;
	ev->spf_domain = ev->envelope_from;
	ev->spf_result = (enum spf_result)(n % SPF_RESULT_COUNT);
}

static int
write_report(struct aggregate_writer *w, enum aggregate_format f, uint32_t rows)
{
	static struct evaluation ev;
	struct aggregate_meta meta = {.org_name = STR("Example & Sons"),
	    .email = STR("dmarc@mx.example.net"),
	    .extra_contact_info = STR("https://example.net/"),
	    .report_id = STR("20261101examplecom1"),
	    .begin = 1793491200,
	    .end = 1793577600};
	int err;

	fill(&ev, 0);
	err = aggregate_write_begin(w, &meta, &ev, f, 0, put, stdout);
	for (uint32_t n = 0; !err && n < rows; n++) {
		fill(&ev, n);
		err = aggregate_write_row(w, &ev, n % 9 + 1);
	}
	return err ? err : aggregate_write_end(w);
}

int
main(int argc, char **argv)
{
	struct aggregate_writer *w = aggregate_writer_new();
	enum aggregate_format f = AGGREGATE_RFC9990;
	uint64_t rows;

	if (argc != 3 || !w ||
	    !str_to_u64(str_from_z(argv[2]), UINT32_MAX, &rows))
		return 2;
	if (strcmp(argv[1], aggregate_format_name(AGGREGATE_RFC7489)) == 0)
		f = AGGREGATE_RFC7489;
	if (write_report(w, f, (uint32_t)rows) || fflush(stdout))
		return 1;
	aggregate_writer_free(w);
	return 0;
}
