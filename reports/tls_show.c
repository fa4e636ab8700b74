/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/tls_build.h"

#include "lib/base/log.h"

/* kv_*() is the escaper: names and URIs are others' words. */
static void
show_target(struct buf *b, const struct plan_target *t, FILE *out)
{
	buf_add_z(b, "   ");
	kv_str(b, "uri", t->uri);
	if (t->destination.n)
		kv_str(b, "to", t->destination);
	if (t->skip)
		kv_z(b, "skip", t->skip);
	fprintf(out, "%s\n", buf_z(b));
	buf_clear(b);
}

void
tls_show(const struct store_due *due, const struct tls_plan *plan, FILE *out)
{
	struct buf b;

	buf_init(&b, NULL, 65536);
	buf_add_z(&b, plan_action_name(plan->action));
	kv_str(&b, "domain", due->policy_domain);
	kv_i64(&b, "days", (due->last - due->first) / TLS_DAY + 1);
	kv_i64(&b, "rows", (int64_t)due->rows);
	kv_i64(&b, "sessions", (int64_t)due->messages);
	kv_i64(&b, "unwanted", (int64_t)due->optional);
	if (plan->why)
		kv_z(&b, "reason", plan->why);
	if (plan->detail.n)
		kv_str(&b, "detail", plan->detail);
	fprintf(out, "%s\n", buf_z(&b));
	buf_clear(&b);
	for (size_t i = 0; i < plan->n_targets; i++)
		show_target(&b, &plan->targets[i], out);
	buf_fini(&b);
}
