/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * main() of a fuzz target that is not linked with libFuzzer, so that any
 * compiler replays it in `make check`. Feeds the target every file of
 * t/fuzz/corpus/NAME (NAME: the program without ".t"), then a fixed number of
 * mutations of them, the same ones on every run. A target fails by crashing:
 * under a sanitizer, or by an assert of its own.
 *
 *   NAME.t FILE...         feeds these files only
 *   AVER_FUZZ_RUNS=N       mutations instead of 2000
 *   AVER_FUZZ_SAVE=FILE    writes each mutation there before it is fed: after
 *                          a crash the file holds the culprit
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/tap.h"

#define RUNS 2000
#define SEEDS_MAX 4096
#define SEED_SIZE_MAX ((size_t)1 << 22)
#define GROWTH 256 /* octets a mutation may add */
#define VOLUME_MAX ((size_t)1 << 26) /* octets fed as mutations */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seed {
	uint8_t *p;
	size_t n;
};

struct corpus {
	struct seed v[SEEDS_MAX];
	size_t n;
};

struct random {
	uint64_t state;
};

static uint64_t
next(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1du;
}

/* 0 to n - 1; 0 for n = 0. */
static size_t
below(struct random *r, size_t n)
{
	return n ? (size_t)(next(r) >> 11) % n : 0;
}

static void *
must(void *p)
{
	if (!p) {
		printf("Bail out! out of memory\n");
		exit(1);
	}
	return p;
}

static bool
read_seed(const char *path, struct seed *out)
{
	FILE *f = fopen(path, "rb");
	long size;

	if (!f)
		return false;
	if (fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 ||
	    (size_t)size > SEED_SIZE_MAX || fseek(f, 0, SEEK_SET)) {
		fclose(f);
		return false;
	}
	out->n = (size_t)size;
	out->p = must(malloc(out->n + 1));
	size = (long)fread(out->p, 1, out->n, f);
	fclose(f);
	return (size_t)size == out->n;
}

/* A block of exactly n octets: a read past its end is seen by ASan. */
static void
feed(const uint8_t *data, size_t n)
{
	uint8_t *exact = must(malloc(n ? n : 1));

	memcpy(exact, data, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static size_t
flip_bits(struct random *r, uint8_t *p, size_t n)
{
	for (size_t left = 1 + below(r, 4); n && left; left--)
		p[below(r, n)] ^= (uint8_t)(1u << below(r, 8));
	return n;
}

/* Octets that mean something in the grammars we read. */
static size_t
set_octets(struct random *r, uint8_t *p, size_t n)
{
	static const char odd[] =
	    "\0\r\n\t ;:=.,\"\\()<>@/%{}!*-_09azAZ\x7f\x80\xff";

	for (size_t left = 1 + below(r, 4); n && left; left--)
		p[below(r, n)] = (uint8_t)odd[below(r, sizeof(odd) - 1)];
	return n;
}

static size_t
truncated(struct random *r, uint8_t *p, size_t n)
{
	(void)p;
	return below(r, n);
}

static size_t
removed(struct random *r, uint8_t *p, size_t n)
{
	size_t at = below(r, n), gone = below(r, n - at + 1);

	memmove(p + at, p + at + gone, n - at - gone);
	return n - gone;
}

static size_t
duplicated(struct random *r, uint8_t *p, size_t n)
{
	size_t at = below(r, n), add = below(r, n - at + 1);

	if (add > GROWTH)
		add = GROWTH;
	memmove(p + at + add, p + at, n - at);
	return n + add;
}

static size_t (*const mutators[])(struct random *, uint8_t *, size_t) = {
    flip_bits, set_octets, truncated, removed, duplicated};
#define MUTATORS (sizeof(mutators) / sizeof(mutators[0]))

/* The head of one seed with the tail of another. */
static size_t
spliced(
    struct random *r, const struct corpus *c, uint8_t *p, size_t n, size_t room)
{
	const struct seed *other = &c->v[below(r, c->n)];
	size_t keep = below(r, (n < room ? n : room) + 1);
	size_t from = below(r, other->n + 1), add = other->n - from;

	if (add > room - keep)
		add = room - keep;
	memcpy(p + keep, other->p + from, add);
	return keep + add;
}

static void
save(const uint8_t *data, size_t n)
{
	const char *path = getenv("AVER_FUZZ_SAVE");
	FILE *f = path ? fopen(path, "wb") : NULL;

	if (!f)
		return;
	fwrite(data, 1, n, f);
	fclose(f);
}

/* Feeds one mutation, returns its size. */
static size_t
mutate(struct random *r, const struct corpus *c)
{
	const struct seed *s = &c->v[below(r, c->n)];
	size_t room = s->n + 4 * GROWTH, n = s->n, which;
	uint8_t *p = must(malloc(room));

	memcpy(p, s->p, n);
	for (size_t left = 1 + below(r, 3); left; left--) {
		which = below(r, MUTATORS + 1);
		n = which == MUTATORS ? spliced(r, c, p, n, s->n + GROWTH)
				      : mutators[which](r, p, n);
	}
	save(p, n);
	feed(p, n);
	free(p);
	return n;
}

static void
load(struct corpus *c, const char *dir)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		if (list[i]->d_name[0] != '.' && c->n < SEEDS_MAX)
			c->n += read_seed(path, &c->v[c->n]);
		free(list[i]);
	}
	free(list);
}

/* The corpus of the program argv0: its directory and its name. */
static void
corpus_path(const char *argv0, char *name, char *dir, size_t size)
{
	const char *top = getenv("top_srcdir"), *slash = strrchr(argv0, '/');
	int head = slash ? (int)(slash - argv0) : 1;

	snprintf(name, size, "%s", slash ? slash + 1 : argv0);
	if (strlen(name) > 2 && strcmp(name + strlen(name) - 2, ".t") == 0)
		name[strlen(name) - 2] = '\0';
	if (top)
		snprintf(dir, size, "%s/t/fuzz/corpus/%s", top, name);
	else
		snprintf(dir, size, "%.*s/corpus/%s", head, slash ? argv0 : ".",
		    name);
}

static int
replay_files(char **paths)
{
	for (; *paths; paths++) {
		struct seed s;

		if (!ok(read_seed(*paths, &s), "%s: read", *paths))
			continue;
		feed(s.p, s.n);
		ok(true, "%s: %zu octets", *paths, s.n);
		free(s.p);
	}
	return tap_done();
}

int
main(int argc, char **argv)
{
	static struct corpus c;
	const char *env = getenv("AVER_FUZZ_RUNS");
	unsigned long runs = env ? strtoul(env, NULL, 10) : RUNS, done = 0;
	char name[512], dir[1024];
	struct random r;

	if (argc > 1)
		return replay_files(argv + 1);
	corpus_path(argv[0], name, dir, sizeof(name));
	r.state = str_hash(str_from_z(name), 1) | 1;
	load(&c, dir);
	if (!ok(c.n > 0, "%s: corpus has files", name))
		printf("# %s\n", dir);
	feed((const uint8_t *)"", 0);
	for (size_t i = 0; i < c.n; i++)
		feed(c.v[i].p, c.v[i].n);
	ok(true, "%s: corpus of %zu files", name, c.n);
	for (size_t fed = 0; c.n && done < runs && fed < VOLUME_MAX; done++)
		fed += mutate(&r, &c);
	ok(runs == 0 || done > 0, "%s: %lu mutations", name, done);
	for (size_t i = 0; i < c.n; i++)
		free(c.v[i].p);
	return tap_done();
}
