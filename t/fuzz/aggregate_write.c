/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/base/err.h"
#include "lib/zip/gz.h"
#include "t/unit/aggregate_check.h"
#include "t/unit/aggregate_gen.h"

#define COUNT 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	const struct evaluation *ev;
	bool old;
	unsigned heads, records;
};

static int
collect(void *arg, struct str octets)
{
	buf_add(arg, octets);
	return 0;
}

static int
on_head(void *arg, const struct aggregate_report *report)
{
	struct seen *s = arg;

	s->heads++;
	assert(same_head(report, s->ev, s->old));
	assert(report->begin == 86400 && report->end == 172799);
	return 0;
}

static int
on_record(void *arg, const struct aggregate_record *record)
{
	struct seen *s = arg;

	s->records++;
	assert(same_record(record, s->ev, COUNT, s->old));
	return 0;
}

static void
read_back(const struct evaluation *ev, bool old, struct str xml)
{
	static const struct aggregate_events events = {on_head, on_record};
	struct seen seen = {.ev = ev, .old = old};
	struct aggregate_reader *r = aggregate_reader_new(NULL, &events, &seen);
	struct diag d;
	int err;

	assert(r);
	assert(aggregate_reader_add(r, xml, &d) == 0);
	err = aggregate_reader_end(r, &d);
	/* a domain of nothing but spaces is none for the reader */
	assert(err == 0 ||
	       (err == AVER_SYNTAX && str_trim(ev->policy_domain, " ").n == 0));
	assert(seen.heads == 1 && seen.records == 2);
	assert(aggregate_reader_messages(r) == 2 * COUNT);
	aggregate_reader_free(r);
}

/* What is written is sound, and says what the evaluation says. */
static void
write_one(const struct evaluation *ev, enum aggregate_format format)
{
	struct aggregate_writer *w = aggregate_writer_new();
	struct aggregate_meta meta = {.org_name = ev->header_from,
	    .email = ev->envelope_from,
	    .report_id = STR("id"),
	    .errors = &ev->spf_domain,
	    .n_errors = ev->has_spf,
	    .begin = 86400,
	    .end = 172800};
	struct buf packed, xml;

	assert(w);
	buf_init(&packed, NULL, (size_t)1 << 22);
	buf_init(&xml, NULL, (size_t)1 << 22);
	assert(aggregate_write_begin(
		   w, &meta, ev, format, 0, collect, &packed) == 0);
	assert(aggregate_write_row(w, ev, COUNT) == 0);
	assert(aggregate_write_row(w, ev, COUNT) == 0);
	assert(aggregate_write_end(w) == 0 && buf_ok(&packed));
	assert(gz_inflate(buf_str(&packed), xml.max, collect, &xml, NULL) == 0);
	assert(!aggregate_check(buf_str(&xml), format == AGGREGATE_RFC7489));
	read_back(ev, format == AGGREGATE_RFC7489, buf_str(&xml));
	buf_fini(&packed);
	buf_fini(&xml);
	aggregate_writer_free(w);
}

/* The octets of an evaluation, or any octets from which one is made. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str octets = {(const char *)data, size};
	struct gen g = {octets};
	static struct evaluation ev;

	if (evaluation_decode(octets, &ev))
		gen_evaluation(&g, &ev);
	write_one(&ev, AGGREGATE_RFC9990);
	write_one(&ev, AGGREGATE_RFC7489);
	return 0;
}
