/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/tls_build.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/tls_result.h"
#include "lib/tlsrpt/tlsrpt_codec.h"
#include "lib/tlsrpt/tlsrpt_result.h"
#include "lib/tlsrpt/tlsrpt_write.h"
#include "lib/zip/gz.h"
#include "reports/loop.h"
#include "reports/part.h"

#define ARENA_MEMORY ((size_t)2 << 20)
#define SCRATCH_MEMORY ((size_t)1 << 20) /* a record, or a policy */
#define PARTS_MAX 1000
#define TOLD_SLOTS 1024
#define NAME_OCTETS 255

/* Whether a recipient domain's report went where the host's goes. */
struct told {
	unsigned char n; /* of name; 0: free */
	bool is_told;
	char name[NAME_OCTETS];
};

struct tls_builder {
	struct reporter *r;
	struct tlsrpt_writer *writer;
	struct gz_writer *gz;
	struct buf body; /* of the part that is being written */
	struct buf policy; /* of the row before */
	struct arena arena; /* of one day */
	struct arena scratch;
	struct told told[TOLD_SLOTS];
	/* of the day at hand */
	const struct tls_plan *plan;
	struct str domain;
	int64_t day, now;
	struct store_take *take;
	bool has_tlsa; /* of the domain itself */
	uint64_t wanted, failures; /* of rows that are reported */
	/* of the part at hand */
	bool open;
	unsigned part; /* the next one */
	char id[REPORT_ID_OCTETS];
	struct tls_built *built;
	struct diag *d;
};

struct tls_builder *
tls_builder_new(struct reporter *r)
{
	struct tls_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->r = r;
	buf_init(&b->body, NULL, LEDGER_BODY_MAX);
	buf_init(&b->policy, NULL, STORE_TLS_POLICY_MAX);
	arena_init(&b->arena, ARENA_MEMORY);
	arena_init(&b->scratch, SCRATCH_MEMORY);
	b->writer = tlsrpt_writer_new();
	b->gz = gz_writer_new(GZ_SMALL);
	if (b->writer && b->gz)
		return b;
	tls_builder_free(b);
	return NULL;
}

void
tls_builder_free(struct tls_builder *b)
{
	if (!b)
		return;
	tlsrpt_writer_free(b->writer);
	gz_writer_free(b->gz);
	buf_fini(&b->body);
	buf_fini(&b->policy);
	arena_fini(&b->arena);
	arena_fini(&b->scratch);
	free(b);
}

static struct str
id_of(const struct tls_builder *b)
{
	return (struct str){b->id, sizeof(b->id)};
}

static struct report_name
name_of_part(const struct tls_builder *b)
{
	return (struct report_name){.kind = REPORT_KIND_TLS,
	    .policy_domain = b->domain,
	    .begin = b->day,
	    .end = b->day + TLS_DAY,
	    .part = b->part,
	    .detail = b->plan->record.text};
}

/* --- which rows */

struct used {
	struct tls_builder *b;
	bool same;
	int err;
};

/* A report of the recipient domain about the day: with which record? */
static int
compare_record(void *arg, const struct ledger_report *rep)
{
	struct used *u = arg;
	struct tlsrpt_record record;

	/* the newest first: from here on all are older than the day */
	if (rep->created < u->b->day)
		return 1;
	if (rep->begin != u->b->day)
		return 0;
	arena_reset(&u->b->scratch);
	if (tlsrpt_record_parse(&u->b->scratch, rep->record, &record, NULL))
		return 0;
	u->same = tls_same_rua(&record, &u->b->plan->record);
	return u->same;
}

static struct told *
slot_of(struct tls_builder *b, struct str name)
{
	uint64_t seed;

	memcpy(&seed, b->r->id_salt, sizeof(seed));
	return &b->told[str_hash(name, seed) % TOLD_SLOTS];
}

/* *out: the recipient domain has been told, at the same URIs. */
static int
is_told(struct tls_builder *b, struct str recipient, bool *out)
{
	struct used u = {.b = b};
	struct ledger_filter f = {.has_kind = true,
	    .kind = LEDGER_TLS,
	    .policy_domain = recipient,
	    .newest_first = true};
	struct told *slot = slot_of(b, recipient);
	int err;

	*out = slot->is_told;
	if (recipient.n > NAME_OCTETS || str_eq(recipient, b->domain)) {
		*out = false;
		return 0;
	}
	if (str_eq((struct str){slot->name, slot->n}, recipient))
		return 0;
	err = store_each_report(b->r->store, &f, compare_record, &u, b->d);
	if (err < 0)
		return err;
	slot->n = (unsigned char)recipient.n;
	memcpy(slot->name, recipient.p, recipient.n);
	*out = slot->is_told = u.same;
	return 0;
}

/* The type, of a policy that can be read. */
static bool
type_of(
    struct tls_builder *b, struct str octets, struct tlsrpt_policy *p, int *err)
{
	arena_reset(&b->scratch);
	*err = tlsrpt_policy_decode(&b->scratch, octets, p);
	if (*err == AVER_SYNTAX)
		*err = 0;
	return *err == 0 && p->type.n;
}

/* Rows come by policy: what was said of the last one holds. */
static bool
is_same_policy(struct tls_builder *b, struct str octets)
{
	if (b->policy.n && str_eq(buf_str(&b->policy), octets))
		return true;
	buf_clear(&b->policy);
	buf_add(&b->policy, octets);
	return false;
}

/* The first walk: what is there, and does it cause a report? */
static int
look_at_row(void *arg, const struct store_take_row *row)
{
	struct tls_builder *b = arg;
	struct tlsrpt_policy p;
	bool told;
	int err = is_told(b, row->recipient_domain, &told);

	if (err)
		return err;
	if (told) {
		b->built->told += row->count;
		return 0;
	}
	if (!is_same_policy(b, row->octets) &&
	    type_of(b, row->octets, &p, &err) &&
	    str_eq(p.type, str_from_z(tlsrpt_policy_name(TLSRPT_TLSA))) &&
	    str_eq_ci(p.domain, b->domain))
		b->has_tlsa = true;
	b->wanted += row->wanted;
	b->failures += row->wanted ? row->failure : 0;
	return err;
}

/*
 * A domain that is its own mail host and has TLSA records: what was seen
 * without them is not "no policy".
 */
static int
is_twin(struct tls_builder *b, const struct store_take_row *row, bool *out)
{
	struct tlsrpt_policy p;
	int err = 0;

	*out = b->has_tlsa && type_of(b, row->octets, &p, &err) &&
	       str_eq(p.type,
		   str_from_z(tlsrpt_policy_name(TLSRPT_NO_POLICY_FOUND))) &&
	       str_eq_ci(p.domain, b->domain);
	return err;
}

/* --- the document */

static int
keep_octets(void *arg, struct str octets)
{
	struct tls_builder *b = arg;

	buf_add(&b->body, octets);
	return buf_ok(&b->body) ? 0 : b->body.err;
}

static int
compress(void *arg, struct str octets)
{
	struct tls_builder *b = arg;

	return gz_writer_add(b->gz, octets);
}

/*
 * The first ID that is not in the ledger: what comes late for a day that was
 * reported is another report about that day.
 */
static int
choose_id(struct tls_builder *b)
{
	struct report_name n = name_of_part(b);
	int err = part_choose_id(b->r, &n, PARTS_MAX, &b->arena, b->id, b->d);

	b->part = n.part;
	return err;
}

/* RFC 8460 section 4.4: the contact's domain is that of the submitter. */
static int
begin_part(struct tls_builder *b)
{
	struct tlsrpt_meta meta = {
	    .organization = b->r->org_name,
	    .contact = b->r->email,
	    .begin = b->day,
	    .end = b->day + TLS_DAY,
	};
	int err = choose_id(b);

	if (err)
		return err;
	/* the same as in the Subject (RFC 8460 section 5.3) */
	meta.report_id = arena_cat(
	    &b->arena, arena_cat(&b->arena, id_of(b), STR("@")), b->r->domain);
	if (arena_failed(&b->arena))
		return AVER_NOMEM;
	buf_clear(&b->body);
	gz_writer_begin(b->gz, keep_octets, b);
	err = tlsrpt_write_begin(b->writer, &meta, compress, b);
	b->open = err == 0;
	return err;
}

/* --- into the ledger */

/*
 * To each of them: RFC 8460 section 3 lets the sender choose, and who names
 * two wants two.
 */
static void
fill_submissions(const struct tls_builder *b, struct part_submissions *s)
{
	s->n = 0;
	/* RFC 8460 section 5.5: it is given up some time */
	for (size_t i = 0; i < b->plan->n_targets; i++)
		part_submit(s, &b->plan->targets[i], id_of(b), b->now,
		    b->r->conf->tls_report_spread);
}

static void
log_report(struct tls_builder *b, const struct ledger_report *rep,
    const struct tlsrpt_written *w, size_t n)
{
	struct buf line;

	buf_init(&line, &b->arena, 4096);
	buf_add_z(&line, "report:");
	kv_str(&line, "id", rep->id);
	kv_z(&line, "kind", "tls");
	kv_str(&line, "domain", rep->policy_domain);
	kv_i64(&line, "begin", rep->begin);
	kv_i64(&line, "end", rep->end);
	kv_i64(&line, "policies", (int64_t)rep->rows);
	kv_i64(&line, "success", (int64_t)w->success);
	kv_i64(&line, "failure", (int64_t)w->failure);
	if (w->left_out)
		kv_i64(&line, "summed", (int64_t)w->left_out);
	kv_i64(&line, "size", (int64_t)rep->body_size);
	kv_i64(&line, "submissions", (int64_t)n);
	log_line(LOG_LVL_INFO, &line);
}

static int
put_part(struct tls_builder *b)
{
	struct part_submissions subs;
	struct report_name name = name_of_part(b);
	struct ledger_report rep = {
	    .id = id_of(b),
	    .kind = LEDGER_TLS,
	    .policy_domain = b->domain,
	    .begin = b->day,
	    .end = b->day + TLS_DAY,
	    .created = b->now,
	    .body = buf_str(&b->body),
	    .body_size = b->body.n,
	    .record = b->plan->record.text,
	};
	struct tlsrpt_written w;
	struct buf file;
	int err;

	fill_submissions(b, &subs);
	tlsrpt_writer_counts(b->writer, &w);
	rep.rows = w.policies;
	rep.messages = w.success + w.failure;
	buf_init(&file, &b->arena, LEDGER_FILE_NAME_MAX);
	report_file_name(&file, &name, b->r->domain, rep.id, true);
	rep.file_name = buf_str(&file);
	err = store_take_report(b->take, &rep, subs.v, subs.n, b->d);
	if (err)
		return err;
	log_report(b, &rep, &w, subs.n);
	b->built->success += w.success;
	b->built->failure += w.failure;
	b->built->reports++;
	b->built->submissions += (unsigned)subs.n;
	b->part++;
	return 0;
}

/* One that got no policy, for want of a row that can be read, is none. */
static int
end_part(struct tls_builder *b)
{
	struct tlsrpt_written w;
	int err;

	if (!b->open)
		return 0;
	b->open = false;
	err = tlsrpt_write_end(b->writer);
	if (!err)
		err = gz_writer_end(b->gz);
	tlsrpt_writer_counts(b->writer, &w);
	return err || w.policies == 0 ? err : put_part(b);
}

/* The second walk. A document that is full ends with a policy. */
static int
write_row(void *arg, const struct store_take_row *row)
{
	struct tls_builder *b = arg;
	bool skip, is_new;
	int err = is_told(b, row->recipient_domain, &skip);

	if (!err && !skip)
		err = is_twin(b, row, &skip);
	if (err || skip)
		return err;
	is_new = !is_same_policy(b, row->octets);
	if (b->open && is_new &&
	    b->body.n >= (uint64_t)b->r->conf->report_max_size)
		err = end_part(b);
	if (!err && !b->open)
		err = begin_part(b);
	if (!err)
		err = tlsrpt_write_row(b->writer, row->octets, row->detail,
		    row->success, row->failure);
	if (err != AVER_SYNTAX)
		return err;
	b->built->unreadable += row->count;
	return 0;
}

/* --- a day */

static int
check_loop(struct tls_builder *b)
{
	bool is_loop;
	int err = loop_check_day(
	    b->r->store, b->domain, b->day, b->wanted, &is_loop, b->d);

	if (!err && is_loop)
		b->built->dropped = "no sessions but deliveries of our "
				    "reports: loop broken";
	return err;
}

/* Is there a report to be made? dropped tells. */
static int
look(struct tls_builder *b)
{
	int err = store_take_each(b->take, look_at_row, b, b->d);

	if (err)
		return err;
	if (b->wanted == 0)
		b->built->dropped = b->built->told
					? "the recipient domains have been told"
					: "only deliveries of reports";
	else if (b->failures == 0 && !b->r->conf->tls_report_success)
		b->built->dropped = "only good sessions";
	return b->built->dropped ? 0 : check_loop(b);
}

static int
write_documents(struct tls_builder *b)
{
	int err = store_take_each(b->take, write_row, b, b->d);

	if (!err)
		err = end_part(b);
	if (!err && b->built->reports == 0)
		b->built->dropped = "nothing that can be read";
	return err;
}

static void
begin_day(struct tls_builder *b)
{
	arena_reset(&b->arena);
	memset(b->told, 0, sizeof(b->told));
	buf_clear(&b->policy);
	b->has_tlsa = b->open = false;
	b->wanted = b->failures = 0;
	b->part = 0;
}

int
tls_builder_day(struct tls_builder *b, const struct tls_plan *plan,
    struct str domain, int64_t day, int64_t now, struct tls_built *out,
    struct diag *d)
{
	int err;

	*out = (struct tls_built){.reports = 0};
	begin_day(b);
	b->plan = plan;
	b->domain = domain;
	b->day = day;
	b->now = now;
	b->built = out;
	b->d = d;
	err = store_take_begin(b->r->store, LEDGER_TLS, domain, day,
	    day + TLS_DAY, now, &b->take, d);
	if (err)
		return err;
	err = look(b);
	if (!err && !out->dropped)
		err = write_documents(b);
	return part_end(b->take, err, d);
}

static int
find_stranger(void *arg, const struct store_tls_result *row)
{
	bool *found = arg;

	*found = !str_eq(row->policy_domain, row->recipient_domain);
	return *found;
}

int
tls_is_host(struct reporter *r, struct str domain, int64_t before, bool *out,
    struct diag *d)
{
	int err;

	*out = false;
	err = store_each_tls_result(
	    r->store, domain, 0, before, find_stranger, out, d);
	return err < 0 ? err : 0;
}
