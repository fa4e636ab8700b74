/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/store_check.h"

#include <inttypes.h>
#include <sysexits.h>

#include "ctl/cell.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/upkeep.h"

#define FAULTY 1
#define PRINTED 20 /* of a part; the others are counted */

static const char *const part_names[CHECK_PART_COUNT] = {
    [CHECK_STORE] = "store",
    [CHECK_SOURCES] = "sources",
    [CHECK_KNOWN] = "known",
    [CHECK_SUPPRESSIONS] = "suppressions",
    [CHECK_POLICIES] = "policies",
    [CHECK_DESTINATIONS] = "destinations",
    [CHECK_EVALUATIONS] = "evaluations",
    [CHECK_TLS_RESULTS] = "tls_results",
    [CHECK_INCIDENTS] = "incidents",
    [CHECK_REPORTS] = "reports",
    [CHECK_FILES] = "files",
};

/* --- findings */

void
check_about(struct check *c, struct str name)
{
	buf_clear(&c->text);
	if (name.n == 0)
		return;
	cell_add(&c->text, str_head(name, 255));
	buf_add_z(&c->text, ": ");
}

static int
print_finding(struct check *c, const char *level)
{
	const char *part = part_names[c->part], *text = buf_z(&c->text);

	if (c->l.json)
		return listing_put_json(
		    &c->l, json_pack("{s:s,s:s,s:s}", "level", level, "part",
			       part, "text", text));
	buf_clear(&c->l.line);
	buf_addf(&c->l.line, "%s: %s: %s", level, part, text);
	return listing_put(&c->l);
}

int
check_fault(struct check *c)
{
	return ++c->faults[c->part] > PRINTED ? 0 : print_finding(c, "fault");
}

int
check_note(struct check *c)
{
	return ++c->notes[c->part] > PRINTED ? 0 : print_finding(c, "note");
}

static int
inspected(void *arg, bool fault, struct str text)
{
	struct check *c = arg;

	check_about(c, STR_NONE);
	cell_escape(&c->text, text);
	return fault ? check_fault(c) : check_note(c);
}

/* --- all parts */

/*
 * What cannot be read because it is damaged is a fault like others, and the
 * next part is looked at.
 */
static int
read_or_fault(struct check *c, int err)
{
	struct diag why = *c->d;

	if (err != AVER_IO || ferror(c->l.out))
		return err;
	check_about(c, STR_NONE);
	buf_addf(&c->text, "cannot be read: %s", why.text);
	return check_fault(c);
}

static int
look(struct check *c, const char *directory)
{
	int err = store_freeze(c->s, c->d);

	if (err == AVER_NOTFOUND)
		err = 0;
	c->part = CHECK_STORE;
	if (!err)
		err = read_or_fault(
		    c, store_inspect(
			   c->s, &c->looked[CHECK_STORE], inspected, c, c->d));
	if (!err)
		err = read_or_fault(c, check_content(c));
	if (!err)
		err = read_or_fault(c, check_rows(c));
	if (!err)
		err = read_or_fault(c, check_reports(c));
	return err ? err : check_files(c, directory);
}

static uint64_t
sum(const uint64_t *v)
{
	uint64_t n = 0;

	for (int i = 0; i < CHECK_PART_COUNT; i++)
		n += v[i];
	return n;
}

static void
print_more(struct check *c, const char *what, const uint64_t *n)
{
	for (int i = 0; i < CHECK_PART_COUNT; i++)
		if (n[i] > PRINTED)
			fprintf(c->l.out, "%s: %" PRIu64 " more %s\n",
			    part_names[i], n[i] - PRINTED, what);
}

static int
print_end(struct check *c)
{
	json_t *o, *looked;

	if (!c->l.json) {
		print_more(c, "faults", c->faults);
		print_more(c, "notes", c->notes);
		fputs("looked at:", c->l.out);
		for (int i = 0; i < CHECK_PART_COUNT; i++)
			fprintf(c->l.out, " %s=%" PRIu64, part_names[i],
			    c->looked[i]);
		fprintf(c->l.out, "\nfaults=%" PRIu64 " notes=%" PRIu64 "\n",
		    sum(c->faults), sum(c->notes));
		return ferror(c->l.out) ? AVER_IO : 0;
	}
	looked = json_object();
	for (int i = 0; i < CHECK_PART_COUNT; i++)
		listing_set_number(looked, part_names[i], c->looked[i]);
	o = json_pack("{s:s,s:o}", "level", "end", "looked", looked);
	listing_set_number(o, "faults", sum(c->faults));
	listing_set_number(o, "notes", sum(c->notes));
	return listing_put_json(&c->l, o);
}

static int
trouble(int err, const struct diag *d)
{
	fprintf(stderr, "aver: %s\n", d->text);
	if (err == AVER_TEMP)
		return EX_TEMPFAIL;
	return err == AVER_CONF ? EX_CONFIG : EX_IOERR;
}

int
store_check(const char *place, const char *directory, bool json, FILE *out)
{
	struct diag d = {.text = "the output cannot be written"};
	struct check c = {.d = &d, .now = clock_now()};
	int err = store_open(place, STORE_READ, &c.s, &d);

	if (err)
		return trouble(err, &d);
	listing_init(&c.l, json, out);
	buf_init(&c.text, NULL, 1 << 16);
	err = look(&c, directory);
	if (!err)
		err = print_end(&c);
	listing_end_array(&c.l);
	buf_fini(&c.text);
	listing_fini(&c.l);
	store_close(c.s);
	if (err)
		return trouble(err, &d);
	return sum(c.faults) ? FAULTY : 0;
}
