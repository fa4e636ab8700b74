/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/listing.h"

#include <stdlib.h>

#include "ctl/cell.h"
#include "lib/base/err.h"

void
listing_init(struct listing *l, bool json, FILE *out)
{
	*l = (struct listing){.json = json, .out = out};
	buf_init(&l->line, NULL, LISTING_LINE_MAX);
}

void
listing_fini(struct listing *l)
{
	buf_fini(&l->line);
}

int
listing_put(struct listing *l)
{
	if (!buf_ok(&l->line))
		return AVER_NOMEM;
	fprintf(l->out, "%s\n", buf_z(&l->line));
	l->n++;
	return ferror(l->out) ? AVER_IO : 0;
}

/* --- JSON */

json_t *
listing_json_text(struct str s)
{
	struct buf b;
	json_t *j;

	buf_init(&b, NULL, LISTING_LINE_MAX);
	cell_escape(&b, s);
	j = json_string(buf_z(&b));
	buf_fini(&b);
	return j;
}

json_t *
listing_json_time(int64_t t)
{
	struct buf b;
	json_t *j;

	buf_init(&b, NULL, 64);
	cell_time(&b, t);
	j = json_string(buf_z(&b));
	buf_fini(&b);
	return j;
}

void
listing_set_text(json_t *o, const char *key, struct str s)
{
	json_object_set_new(o, key, s.n ? listing_json_text(s) : json_null());
}

void
listing_set_time(json_t *o, const char *key, int64_t t)
{
	json_object_set_new(o, key, t ? listing_json_time(t) : json_null());
}

void
listing_set_word(json_t *o, const char *key, const char *word)
{
	json_object_set_new(o, key, json_string(word));
}

void
listing_set_number(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

int
listing_put_json(struct listing *l, json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	json_decref(o);
	if (!text)
		return AVER_NOMEM;
	fprintf(l->out, "%s%s", l->n++ ? ",\n" : "[\n", text);
	free(text);
	return ferror(l->out) ? AVER_IO : 0;
}

void
listing_end_array(struct listing *l)
{
	if (l->json)
		fputs(l->n ? "\n]\n" : "[]\n", l->out);
}
