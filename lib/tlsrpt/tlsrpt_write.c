/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tlsrpt/tlsrpt_write.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/tlsrpt/tlsrpt_codec.h"
#include "lib/tlsrpt/tlsrpt_result.h"

#define MEMORY ((size_t)3 << 20) /* of a policy and its details */
#define SLOTS ((size_t)32768) /* more than twice TLSRPT_DETAILS_MAX */
/* RFC 7493 section 2.2: what every reader keeps exactly */
#define NUMBER_MAX (((uint64_t)1 << 53) - 1)

struct detail {
	struct str octets;
	uint64_t count;
};

struct tlsrpt_writer {
	int (*sink)(void *arg, struct str octets);
	void *arg;
	int err; /* of the sink: nothing is given to it anymore */
	struct tlsrpt_written written;
	/* the policy being summed */
	struct arena arena;
	struct str policy; /* in the arena; n 0: none */
	struct detail *details;
	uint16_t *slots; /* of details, from 1; 0: free */
	size_t n_details;
	uint64_t success, failure;
	uint64_t rest[TLSRPT_RESULT_COUNT];
	uint64_t seed;
};

struct tlsrpt_writer *
tlsrpt_writer_new(void)
{
	struct tlsrpt_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->details = calloc(TLSRPT_DETAILS_MAX, sizeof(w->details[0]));
	w->slots = calloc(SLOTS, sizeof(w->slots[0]));
	arena_init(&w->arena, MEMORY);
	if (w->details && w->slots)
		return w;
	tlsrpt_writer_free(w);
	return NULL;
}

void
tlsrpt_writer_free(struct tlsrpt_writer *w)
{
	if (!w)
		return;
	arena_fini(&w->arena);
	free(w->details);
	free(w->slots);
	free(w);
}

/* --- JSON -------------------------------------------------------------- */

static int
put(const char *p, size_t n, void *arg)
{
	struct tlsrpt_writer *w = arg;

	if (w->err == 0 && n)
		w->err = w->sink(w->arg, (struct str){p, n});
	if (w->err == 0)
		w->written.octets += n;
	return w->err ? -1 : 0;
}

static int
put_z(struct tlsrpt_writer *w, const char *z)
{
	put(z, strlen(z), w);
	return w->err;
}

/* Takes the reference of o, which may be NULL: out of memory. */
static int
put_json(struct tlsrpt_writer *w, json_t *o)
{
	int failed =
	    !o || json_dump_callback(o, put, w, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(o);
	if (w->err)
		return w->err;
	return failed ? AVER_NOMEM : 0;
}

static json_t *
text(struct str s)
{
	struct arena a;
	struct str clean;
	json_t *o;

	arena_init(&a, 8 * TLSRPT_TEXT_MAX);
	clean = tlsrpt_text(&a, s);
	o = arena_failed(&a) ? NULL
			     : json_stringn(clean.p ? clean.p : "", clean.n);
	arena_fini(&a);
	return o;
}

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)(n < NUMBER_MAX ? n : NUMBER_MAX));
}

/* RFC 3339 section 5.6, in UTC, by the Gregorian calendar. */
static json_t *
timestamp(int64_t t)
{
	int64_t days = t / 86400, rest = t % 86400;
	int64_t era, of_era, year, of_year, month;
	char z[40];

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = days - era * 146097;
	year =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	year += era * 400 + (month >= 10);
	snprintf(z, sizeof(z), "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year,
	    (int)(month < 10 ? month + 3 : month - 9),
	    (int)(of_year - (153 * month + 2) / 5 + 1), (int)(rest / 3600),
	    (int)(rest / 60 % 60), (int)(rest % 60));
	return json_string(z);
}

int
tlsrpt_write_begin(struct tlsrpt_writer *w, const struct tlsrpt_meta *meta,
    int (*sink)(void *arg, struct str octets), void *arg)
{
	int err;

	w->sink = sink;
	w->arg = arg;
	w->err = 0;
	w->policy = STR_NONE;
	memset(&w->written, 0, sizeof(w->written));
	if ((err = put_z(w, "{\"organization-name\":")) ||
	    (err = put_json(w, text(meta->organization))) ||
	    (err = put_z(w, ",\"date-range\":{\"start-datetime\":")) ||
	    (err = put_json(w, timestamp(meta->begin))) ||
	    /* the last second, as the example of RFC 8460 has it */
	    (err = put_z(w, ",\"end-datetime\":")) ||
	    (err = put_json(w, timestamp(meta->end - 1))) ||
	    (err = put_z(w, "},\"contact-info\":")) ||
	    (err = put_json(w, text(meta->contact))) ||
	    (err = put_z(w, ",\"report-id\":")) ||
	    (err = put_json(w, text(meta->report_id))))
		return err;
	return put_z(w, ",\"policies\":[");
}

/* An array of the list; NULL without memory. */
static json_t *
texts(const struct str *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < n; i++)
		if (json_array_append_new(list, text(v[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/*
 * RFC 8460 section 4.5: the strings are left out when there is no policy, and
 * mx-host is for sts. Erratum 6241: mx-host is an array.
 */
static json_t *
policy_json(const struct tlsrpt_policy *p)
{
	json_t *o = json_object();
	int bad = json_object_set_new(o, "policy-type", text(p->type));

	if (p->n_strings)
		bad |= json_object_set_new(
		    o, "policy-string", texts(p->strings, p->n_strings));
	bad |= json_object_set_new(o, "policy-domain", text(p->domain));
	if (p->n_mx_hosts)
		bad |= json_object_set_new(
		    o, "mx-host", texts(p->mx_hosts, p->n_mx_hosts));
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

static int
add_text(json_t *o, const char *key, struct str s)
{
	return s.n ? json_object_set_new(o, key, text(s)) : 0;
}

/* What is not known is left out. */
static json_t *
failure_json(const struct tlsrpt_failure *f, uint64_t count)
{
	json_t *o = json_object();
	int bad =
	    add_text(o, "result-type", f->result_type) |
	    add_text(o, "sending-mta-ip", f->sending_mta_ip) |
	    add_text(o, "receiving-mx-hostname", f->receiving_mx_hostname) |
	    add_text(o, "receiving-mx-helo", f->receiving_mx_helo) |
	    add_text(o, "receiving-ip", f->receiving_ip) |
	    json_object_set_new(o, "failed-session-count", number(count)) |
	    add_text(o, "additional-information", f->additional_information) |
	    add_text(o, "failure-reason-code", f->reason_code);

	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

/* --- a policy and what is summed for it -------------------------------- */

static int
put_failure(struct tlsrpt_writer *w, const struct tlsrpt_failure *f,
    uint64_t count, bool *is_first)
{
	int err = put_z(w, *is_first ? "" : ",");

	*is_first = false;
	return err ? err : put_json(w, failure_json(f, count));
}

static int
put_failures(struct tlsrpt_writer *w)
{
	bool is_first = true;
	struct tlsrpt_failure f;
	int err = 0;

	for (size_t i = 0; err == 0 && i < w->n_details; i++)
		if (tlsrpt_failure_decode(w->details[i].octets, &f) == 0)
			err =
			    put_failure(w, &f, w->details[i].count, &is_first);
	for (int r = 0; err == 0 && r < TLSRPT_RESULT_COUNT; r++) {
		if (w->rest[r] == 0)
			continue;
		f = (struct tlsrpt_failure){
		    .result_type =
			str_from_z(tlsrpt_result_name((enum tlsrpt_result)r)),
		    .reason_code = STR(TLSRPT_REMAINDER)};
		err = put_failure(w, &f, w->rest[r], &is_first);
	}
	return err;
}

static json_t *
summary_json(const struct tlsrpt_writer *w)
{
	json_t *o = json_object();
	int bad = json_object_set_new(
		      o, "total-successful-session-count", number(w->success)) |
		  json_object_set_new(
		      o, "total-failure-session-count", number(w->failure));

	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

/* Writes the policy that is complete, if there is one. */
static int
finish_policy(struct tlsrpt_writer *w)
{
	struct tlsrpt_policy p;
	struct arena a;
	int err;

	if (w->policy.n == 0)
		return 0;
	arena_init(&a, MEMORY);
	err = tlsrpt_policy_decode(&a, w->policy, &p);
	if (err ||
	    (err = put_z(
		 w, w->written.policies ? ",{\"policy\":" : "{\"policy\":")) ||
	    (err = put_json(w, policy_json(&p))) ||
	    (err = put_z(w, ",\"summary\":")) ||
	    (err = put_json(w, summary_json(w))) ||
	    (err = put_z(w, ",\"failure-details\":[")) ||
	    (err = put_failures(w)))
		goto out;
	err = put_z(w, "]}");
	w->written.policies++;
out:
	arena_fini(&a);
	w->policy = STR_NONE;
	return err;
}

static int
begin_policy(struct tlsrpt_writer *w, struct str policy)
{
	arena_reset(&w->arena);
	memset(w->slots, 0, SLOTS * sizeof(w->slots[0]));
	memset(w->rest, 0, sizeof(w->rest));
	w->n_details = 0;
	w->success = w->failure = 0;
	w->policy = arena_dup(&w->arena, policy);
	/* who finds details that collide under one policy has another to do */
	w->seed = str_hash(policy, policy.n);
	return w->policy.p ? 0 : AVER_NOMEM;
}

/* Sums, or puts it to the rest when there is no place. */
static void
count_detail(struct tlsrpt_writer *w, struct str octets, uint64_t n)
{
	size_t at = str_hash(octets, w->seed) % SLOTS;
	struct detail *d;
	struct str copy;

	for (; w->slots[at]; at = (at + 1) % SLOTS) {
		d = &w->details[w->slots[at] - 1];
		if (str_eq(d->octets, octets)) {
			d->count += n;
			return;
		}
	}
	copy = w->n_details < TLSRPT_DETAILS_MAX ? arena_dup(&w->arena, octets)
						 : STR_NONE;
	if (!copy.p) {
		/* octets that decode have the result there */
		w->rest[(unsigned char)octets.p[2]] += n;
		w->written.left_out += n;
		return;
	}
	w->details[w->n_details++] = (struct detail){copy, n};
	w->slots[at] = (uint16_t)w->n_details;
}

int
tlsrpt_write_row(struct tlsrpt_writer *w, struct str policy, struct str detail,
    uint64_t success, uint64_t failure)
{
	struct tlsrpt_failure f;
	struct tlsrpt_policy p;
	struct arena a;
	int err = 0;

	if (w->err)
		return w->err;
	if (w->policy.n == 0 || !str_eq(policy, w->policy)) {
		arena_init(&a, MEMORY);
		err = tlsrpt_policy_decode(&a, policy, &p);
		arena_fini(&a);
		if (err)
			return err;
	}
	if (detail.n && tlsrpt_failure_decode(detail, &f))
		return AVER_SYNTAX;
	if (w->policy.n == 0 || !str_eq(policy, w->policy))
		if ((err = finish_policy(w)) || (err = begin_policy(w, policy)))
			return err;
	w->success += success;
	w->failure += failure;
	w->written.success += success;
	w->written.failure += failure;
	if (detail.n && failure)
		count_detail(w, detail, failure);
	return 0;
}

int
tlsrpt_write_end(struct tlsrpt_writer *w)
{
	int err = w->err ? w->err : finish_policy(w);

	return err ? err : put_z(w, "]}");
}

void
tlsrpt_writer_counts(const struct tlsrpt_writer *w, struct tlsrpt_written *out)
{
	*out = w->written;
}
