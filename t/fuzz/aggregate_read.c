/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/aggregate/aggregate_read.h"
#include "lib/base/err.h"
#include "lib/mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A sum over all that was delivered. */
struct seen {
	uint64_t sum, records, messages;
	unsigned heads;
};

static void
note(struct seen *s, struct str text)
{
	assert(utf8_ok(text) && text.n <= 1000);
	assert(str_eq(text, str_trim(text, " \t\r\n")));
	s->sum = s->sum * 31 + str_hash(text, 7);
}

static int
on_head(void *arg, const struct aggregate_report *r)
{
	struct seen *s = arg;

	s->heads++;
	assert(utf8_ok(r->ns));
	note(s, r->org_name);
	note(s, r->report_id);
	note(s, r->domain);
	note(s, r->p);
	assert(r->n_errors <= AGGREGATE_ERRORS_MAX);
	for (size_t i = 0; i < r->n_errors; i++)
		note(s, r->errors[i]);
	return 0;
}

static int
on_record(void *arg, const struct aggregate_record *r)
{
	struct seen *s = arg;

	s->records++;
	s->messages += r->count;
	note(s, r->source_ip);
	note(s, r->header_from);
	for (size_t i = 0; i < r->n_reasons; i++)
		note(s, r->reasons[i].comment);
	for (size_t i = 0; i < r->n_dkim_results; i++)
		note(s, r->dkim_results[i].selector);
	for (size_t i = 0; i < r->n_spf_results; i++)
		note(s, r->spf_results[i].scope);
	return 0;
}

static int
read_in(struct str xml, size_t piece, struct seen *seen)
{
	static const struct aggregate_limits limits = {
	    .text = 1000, .elements = 1000};
	static const struct aggregate_events events = {on_head, on_record};
	struct aggregate_reader *r;
	struct diag d = {.text = ""};
	int err = 0;

	*seen = (struct seen){0};
	r = aggregate_reader_new(&limits, &events, seen);
	assert(r);
	while (!err && xml.n) {
		err = aggregate_reader_add(r, str_head(xml, piece), &d);
		xml = str_from(xml, piece);
	}
	if (!err)
		err = aggregate_reader_end(r, &d);
	assert(!err || (err >= AVER_SYNTAX && d.text[0]));
	assert(seen->records == aggregate_reader_records(r));
	assert(err || seen->heads == 1);
	aggregate_reader_free(r);
	return err;
}

/* Whole or in pieces, it is the same document. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str xml = {(const char *)data, size};
	struct seen whole, pieces;
	int err = read_in(xml, size ? size : 1, &whole);

	if (err == 0) {
		assert(read_in(xml, 7, &pieces) == 0);
		assert(pieces.sum == whole.sum &&
		       pieces.records == whole.records &&
		       pieces.messages == whole.messages);
	} else {
		read_in(xml, 7, &pieces);
	}
	return 0;
}
