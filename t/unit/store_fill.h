/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* A store with something of everything in it. */
#ifndef UNIT_STORE_FILL_H
#define UNIT_STORE_FILL_H

#include <string.h>

#include "lib/base/buf.h"
#include "lib/store/destination.h"
#include "lib/store/failure.h"
#include "lib/store/ledger.h"
#include "lib/store/store.h"
#include "lib/store/sts.h"
#include "lib/store/suppress.h"
#include "lib/store/tls_result.h"
#include "t/tap.h"

#define HOUR 3600
#define DAY 86400

static void
store_fill(struct store *s)
{
	static char big[40000];
	const struct store_evaluation rows[] = {
	    {HOUR, STR("a.example"), STR("x\0\n"), 3, false, false},
	    {HOUR, STR("a.example"), STR("x\0\n"), 2, true, false},
	    {2 * HOUR, STR("a.example"), {big, sizeof(big)}, 1, false, false},
	    {2 * HOUR, STR("a.example"), STR("last"), 7, true, false},
	    {HOUR, STR("b.example"), STR(""), 1, false, false}};
	const struct store_tls_result tls[] = {
	    {DAY, STR("p.example"), STR("r.example"), STR("po\0l"), STR("d"), 2,
		3, true},
	    {2 * DAY, STR("p.example"), STR("r.example"), STR("pol"), STR(""),
		5, 0, false}};
	const struct store_incident incidents[] = {
	    {STR("a.example"), 77, STR("i1")},
	    {STR("a.example"), 78, STR("i2")}};
	const struct store_known known[] = {
	    {STR("k.example"), 5 * DAY}, {STR("l.example"), 6 * DAY}};
	const struct store_sighting seen[] = {
	    {STR("d.example"), STR("mx"), 50, STORE_OFFERED, STORE_OFFERED},
	    {STR("d.example"), STR("mx"), 60, STORE_NOT_OFFERED, 0}};
	const struct store_suppression sup = {
	    SUPPRESS_ADDRESS, STR("a@b.example"), 1, 2, 3, false, STR("why")};
	const struct store_sts sts = {.domain = STR("s.example"),
	    .id = STR("1"),
	    .policy = STR("version: STSv1"),
	    .fetched = 10,
	    .expires = 20,
	    .last_used = 15,
	    .refreshed = 10};
	const struct store_sts failed = {.domain = STR("s.example"),
	    .failed = 12,
	    .failure = 4,
	    .failure_detail = STR("no"),
	    .next_try = 13};
	const struct ledger_submission subs[] = {{.uri = STR("mailto:x@y"),
						     .destination = STR("y"),
						     .next_try = 5,
						     .give_up = 9},
	    {.uri = STR("mailto:z@y"),
		.destination = STR("y"),
		.state = LEDGER_SENT,
		.detail = STR("250")}};
	const struct ledger_report r = {.id = STR("r1"),
	    .kind = LEDGER_TLS,
	    .policy_domain = STR("p.example"),
	    .begin = 1,
	    .end = 2,
	    .created = 100,
	    .file_name = STR("f"),
	    .body = STR("bo\0dy"),
	    .rows = 4,
	    .messages = 5,
	    .record = STR("v=TLSRPTv1")};
	const struct store_batch b = {.source = STR("s"),
	    .seq = 1,
	    .rows = rows,
	    .n_rows = 5,
	    .known = known,
	    .n_known = 2,
	    .tls_results = tls,
	    .n_tls_results = 2,
	    .incidents = incidents,
	    .n_incidents = 2,
	    .sightings = seen,
	    .n_sightings = 2};
	struct diag d = {.text = ""};

	memset(big, 'b', sizeof(big));
	ok(store_add_batch(s, &b, &d) == 0 &&
		store_suppress(s, &sup, &d) == 0 &&
		store_put_sts(s, &sts, &d) == 0 &&
		store_fail_sts(s, &failed, &d) == 0 &&
		store_put_report(s, &r, subs, 2, &d) == 0,
	    "a store with all in it %s", d.text);
}

static void
store_put_number(struct buf *b, uint64_t v)
{
	for (int i = 56; i >= 0; i -= 8)
		buf_add_c(b, (char)(v >> i & 0xff));
}

/* A message on its way to another store, as a move that ended leaves it. */
__attribute__((unused)) static void
store_put_part(struct store *s, const char *id)
{
	struct ledger_report r = {.id = str_from_z(id),
	    .kind = LEDGER_DMARC,
	    .policy_domain = STR("big.example"),
	    .created = 1,
	    .file_name = STR("rows")};
	struct diag d = {.text = ""};
	struct buf body;

	buf_init(&body, NULL, 1000);
	buf_add_c(&body, 'n');
	store_put_number(&body, HOUR);
	store_put_number(&body, 1);
	store_put_number(&body, 0);
	store_put_number(&body, r.id.n);
	buf_add(&body, r.id);
	store_put_number(&body, 0);
	store_put_number(&body, 0);
	r.body = buf_str(&body);
	if (store_put_report(s, &r, NULL, 0, &d))
		ok(false, "%s: %s", id, d.text);
	buf_fini(&body);
}

#endif
