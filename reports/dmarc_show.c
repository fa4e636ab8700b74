/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/dmarc_show.h"

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/mail/date.h"

static void
add_time(struct buf *b, const char *key, int64_t t)
{
	buf_addf(b, " %s=", key);
	date_print_3339(b, t);
}

static void
put(struct buf *b, FILE *out)
{
	fprintf(out, "%s\n", buf_z(b));
	buf_clear(b);
}

/* kv_*() is the escaper: names and URIs are others' words. */
static void
show_target(struct buf *b, const struct plan_target *t, FILE *out)
{
	buf_add_z(b, "   ");
	kv_str(b, "uri", t->uri);
	if (t->dest->address.n)
		kv_str(b, "address", t->dest->address);
	kv_z(b, "format", aggregate_format_name(t->format));
	if (!t->skip)
		kv_z(b, "verified", dmarc_dest_why_name(t->dest->why));
	else
		kv_z(b, "skip", t->skip);
	if (t->skip_detail.n)
		kv_str(b, "detail", t->skip_detail);
	put(b, out);
}

void
dmarc_show(
    const struct store_due *due, const struct dmarc_plan *plan, FILE *out)
{
	struct buf b;

	buf_init(&b, NULL, 65536);
	buf_add_z(&b, plan_action_name(plan->action));
	kv_str(&b, "domain", due->policy_domain);
	kv_i64(&b, "rows", (int64_t)due->rows);
	kv_i64(&b, "messages", (int64_t)due->messages);
	kv_i64(&b, "optional", (int64_t)due->optional);
	if (plan->window.end) {
		add_time(&b, "begin", plan->window.begin);
		add_time(&b, "end", plan->window.end);
	}
	if (plan->why)
		kv_z(&b, "reason", plan->why);
	if (plan->detail.n)
		kv_str(&b, "detail", plan->detail);
	put(&b, out);
	if (plan->record.n) {
		buf_add_z(&b, "   ");
		kv_str(&b, "record", plan->record);
		put(&b, out);
	}
	for (size_t i = 0; i < plan->n_targets; i++)
		show_target(&b, &plan->targets[i], out);
	buf_fini(&b);
}
