/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/dmarc_build.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/evaluation.h"
#include "reports/part.h"

#define ARENA_MEMORY ((size_t)1 << 20)
#define PARTS_MAX 10000

struct builder {
	struct reporter *r;
	struct aggregate_writer *writer;
	struct buf body; /* of the part that is being written */
	struct arena arena; /* of one domain */
	struct evaluation row, last;
	/* of the domain at hand */
	const struct dmarc_plan *plan;
	struct str domain;
	int64_t now;
	struct window window;
	struct store_take *take;
	enum aggregate_format format;
	/* of the part at hand */
	bool open;
	unsigned part; /* the next one */
	char id[REPORT_ID_OCTETS];
	struct built *built;
	struct diag *d;
};

struct builder *
builder_new(struct reporter *r)
{
	struct builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->r = r;
	buf_init(&b->body, NULL, LEDGER_BODY_MAX);
	arena_init(&b->arena, ARENA_MEMORY);
	b->writer = aggregate_writer_new();
	if (b->writer)
		return b;
	builder_free(b);
	return NULL;
}

void
builder_free(struct builder *b)
{
	if (!b)
		return;
	aggregate_writer_free(b->writer);
	buf_fini(&b->body);
	arena_fini(&b->arena);
	free(b);
}

static struct str
id_of(const struct builder *b)
{
	return (struct str){b->id, sizeof(b->id)};
}

static struct report_name
name_of_part(const struct builder *b)
{
	struct report_name n = {.kind = REPORT_KIND_DMARC,
	    .policy_domain = b->domain,
	    .begin = b->window.begin,
	    .end = b->window.end,
	    .part = b->part};

	/* the second document about the same rows is another report */
	if (b->format != AGGREGATE_RFC9990)
		n.detail = str_from_z(aggregate_format_name(b->format));
	return n;
}

/*
 * The first ID that is not in the ledger: what comes late for a window that
 * was reported goes on with its numbers.
 */
static int
choose_id(struct builder *b)
{
	struct report_name n = name_of_part(b);
	int err = part_choose_id(b->r, &n, PARTS_MAX, &b->arena, b->id, b->d);

	b->part = n.part;
	return err;
}

static int
keep_octets(void *arg, struct str octets)
{
	struct buf *body = arg;

	buf_add(body, octets);
	return buf_ok(body) ? 0 : AVER_NOMEM;
}

static int
begin_part(struct builder *b)
{
	const struct reporter *r = b->r;
	struct aggregate_meta meta = {
	    .org_name = r->org_name,
	    .email = r->email,
	    .extra_contact_info = str_from_z(r->conf->report_contact_info),
	    .report_id = id_of(b),
	    .begin = b->window.begin,
	    .end = b->window.end,
	    .errors = b->plan->errors,
	    .n_errors = b->plan->n_errors,
	};
	int err = choose_id(b);

	if (err)
		return err;
	buf_clear(&b->body);
	err = aggregate_write_begin(b->writer, &meta, &b->last, b->format,
	    (uint64_t)r->conf->report_max_size, keep_octets, &b->body);
	b->open = err == 0;
	return err;
}

/* --- into the ledger */

static void
fill_submissions(const struct builder *b, struct part_submissions *s)
{
	const struct dmarc_plan *p = b->plan;

	s->n = 0;
	for (size_t i = 0; i < p->n_targets; i++)
		if (p->targets[i].format == b->format)
			part_submit(s, &p->targets[i], id_of(b), b->now,
			    b->r->conf->report_spread);
}

static void
log_report(struct builder *b, const struct ledger_report *rep, size_t n)
{
	struct buf line;

	buf_init(&line, &b->arena, 4096);
	buf_add_z(&line, "report:");
	kv_str(&line, "id", rep->id);
	kv_z(&line, "kind", "dmarc");
	kv_str(&line, "domain", rep->policy_domain);
	kv_i64(&line, "begin", rep->begin);
	kv_i64(&line, "end", rep->end);
	kv_z(&line, "format", aggregate_format_name(b->format));
	kv_i64(&line, "rows", (int64_t)rep->rows);
	kv_i64(&line, "messages", (int64_t)rep->messages);
	kv_i64(&line, "size", (int64_t)rep->body_size);
	kv_i64(&line, "submissions", (int64_t)n);
	log_line(LOG_LVL_INFO, &line);
}

static int
put_part(struct builder *b)
{
	struct part_submissions subs;
	struct report_name name = name_of_part(b);
	struct ledger_report rep = {
	    .id = id_of(b),
	    .kind = LEDGER_DMARC,
	    .policy_domain = b->domain,
	    .begin = b->window.begin,
	    .end = b->window.end,
	    .created = b->now,
	    .body = buf_str(&b->body),
	    .body_size = b->body.n,
	    .rows = aggregate_writer_rows(b->writer),
	    .messages = aggregate_writer_messages(b->writer),
	    .record = b->plan->record,
	};
	struct buf file;
	int err;

	fill_submissions(b, &subs);
	buf_init(&file, &b->arena, LEDGER_FILE_NAME_MAX);
	report_file_name(&file, &name, b->r->domain, rep.id, true);
	rep.file_name = buf_str(&file);
	err = store_take_report(b->take, &rep, subs.v, subs.n, b->d);
	if (err)
		return err;
	log_report(b, &rep, subs.n);
	b->built->rows += rep.rows;
	b->built->messages += rep.messages;
	b->built->reports++;
	b->built->submissions += (unsigned)subs.n;
	b->part++;
	return 0;
}

static int
end_part(struct builder *b)
{
	int err;

	if (!b->open)
		return 0;
	b->open = false;
	err = aggregate_write_end(b->writer);
	return err ? err : put_part(b);
}

/* --- rows */

/* Mail that says it is from us is no one's business but ours. */
static bool
is_reported(const struct builder *b, const struct evaluation *ev)
{
	return !reporter_is_own(b->r, ev->header_from);
}

static int
write_row(void *arg, const struct store_take_row *row)
{
	struct builder *b = arg;
	bool fresh = !b->open;
	int err = 0;

	if (evaluation_decode(row->octets, &b->row)) {
		b->built->unreadable += row->count;
		return 0;
	}
	if (!is_reported(b, &b->row))
		return 0;
	if (fresh)
		err = begin_part(b);
	if (!err)
		err = aggregate_write_row(b->writer, &b->row, row->count);
	if (err != AVER_LIMIT || fresh)
		return err;
	err = end_part(b);
	if (!err)
		err = begin_part(b);
	if (!err)
		err = aggregate_write_row(b->writer, &b->row, row->count);
	return err;
}

static bool
is_wanted(const struct dmarc_plan *plan, enum aggregate_format format)
{
	for (size_t i = 0; i < plan->n_targets; i++)
		if (!plan->targets[i].skip && plan->targets[i].format == format)
			return true;
	return false;
}

static int
write_documents(struct builder *b)
{
	int err = 0;

	for (int f = 0; f < AGGREGATE_FORMAT_COUNT && !err; f++) {
		if (!is_wanted(b->plan, f))
			continue;
		b->format = f;
		b->part = 0;
		b->open = false;
		/* each format walks over the same rows */
		b->built->rows = b->built->messages = b->built->unreadable = 0;
		err = store_take_each(b->take, write_row, b, b->d);
		if (!err)
			err = end_part(b);
	}
	return err;
}

/*
 * The window as it is now that nobody can add to it, and the policy of the
 * newest evaluation (RFC 9990 section 3.1).
 */
static int
look(struct builder *b)
{
	struct store_take_row last;
	struct store_due due;
	int err = store_get_due(b->r->store, LEDGER_DMARC, b->domain,
	    b->window.end, &b->arena, &due, b->d);

	if (err)
		return err;
	b->window.begin = window_floor(due.first, b->r->conf->report_interval);
	err = store_take_last(b->take, &b->arena, &last, b->d);
	if (!err && evaluation_decode(last.octets, &b->last))
		b->last = (struct evaluation){.policy_domain = b->domain};
	return err;
}

/*
 * The plan may be older than a report that another host made of the period
 * meanwhile; what is here then came after it, and waits as in the plan.
 */
static int
check_mine(struct builder *b)
{
	bool reported = false;
	int err = dmarc_plan_reported(
	    b->r, b->domain, b->window.end, &reported, b->d);

	if (!err && reported)
		err = diag_set(b->d, AVER_NOTFOUND, 0, "reported meanwhile");
	return err;
}

int
builder_report(struct builder *b, const struct dmarc_plan *plan,
    struct str domain, int64_t now, struct built *out, struct diag *d)
{
	int err;

	*out = (struct built){0};
	arena_reset(&b->arena);
	b->plan = plan;
	b->domain = domain;
	b->now = now;
	b->window = plan->window;
	b->built = out;
	b->d = d;
	err = store_take_begin(b->r->store, LEDGER_DMARC, domain, INT64_MIN,
	    plan->window.end, now, &b->take, d);
	if (err)
		return err;
	err = check_mine(b);
	if (!err)
		err = look(b);
	if (!err)
		err = write_documents(b);
	return part_end(b->take, err, d);
}
