/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/bench/mail.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 9

static char *
read_whole(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text;
	long size;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		err(1, "%s", path);
	rewind(f);
	text = malloc((size_t)size + 1);
	if (!text || fread(text, 1, (size_t)size, f) != (size_t)size)
		err(1, "%s", path);
	fclose(f);
	text[size] = '\0';
	*n = (size_t)size;
	return text;
}

/* Cuts the next piece that ends in sep from *rest, and terminates it. */
static char *
cut(char **rest, char sep)
{
	char *piece = *rest, *end = strchr(piece, sep);

	if (end)
		*end = '\0';
	*rest = end ? end + 1 : piece + strlen(piece);
	return piece;
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* The field's lines, CRLF made LF, in place; returns what follows it. */
static char *
unfold(char *line)
{
	char *to = line, *from = line;

	for (;; from++) {
		if (from[0] == '\r' && from[1] == '\n') {
			if (from[2] != ' ' && from[2] != '\t')
				break;
			continue;
		}
		if (!*from)
			errx(1, "corpus: header without end");
		*to++ = *from;
	}
	*to = '\0';
	return from + 2;
}

static void
split_message(struct mail *m, char *text, size_t n)
{
	char *end = strstr(text, "\r\n\r\n"), *at = text;

	if (!end)
		errx(1, "%s: no empty line", m->file);
	m->octets = n;
	m->body = end + 4;
	m->body_n = n - (size_t)(m->body - text);
	end[2] = '\0'; /* no body in the count */
	m->fields = calloc(count_lines(text), sizeof(*m->fields));
	end[2] = '\r';
	while (m->fields && at < end + 2) {
		struct mail_field *f = &m->fields[m->n_fields++];
		char *next = unfold(at);

		f->name = cut(&at, ':');
		f->value = at;
		at = next;
	}
	if (!m->fields)
		errx(1, "out of memory");
}

static void
load_one(struct mail *m, const char *folder, char *line)
{
	const char **columns[COLUMNS] = {&m->file, &m->ip, &m->host, &m->helo,
	    &m->mail_from, &m->rcpt, &m->spf, &m->dkim, &m->dmarc};
	char path[4096];
	char *text;
	size_t n;

	for (size_t i = 0; i < COLUMNS; i++)
		*columns[i] = cut(&line, '\t');
	if (!*m->dmarc)
		errx(1, "%s/index.tsv: a line has too few columns", folder);
	snprintf(path, sizeof(path), "%s/%s", folder, m->file);
	text = read_whole(path, &n);
	split_message(m, text, n);
}

size_t
mail_load(const char *folder, struct mail **out)
{
	char path[4096];
	size_t n, octets;
	char *text, *rest;
	struct mail *all;

	snprintf(path, sizeof(path), "%s/index.tsv", folder);
	rest = text = read_whole(path, &octets);
	n = count_lines(text);
	all = calloc(n ? n : 1, sizeof(*all));
	if (!all || n == 0)
		errx(1, "%s: no messages", path);
	for (size_t i = 0; i < n; i++)
		load_one(&all[i], folder, cut(&rest, '\n'));
	*out = all;
	return n;
}
