/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the cryptography of the corpus costs by itself: every body hashed once
 * for each canonicalization that its signatures use, every signed header
 * hashed, every signature verified, with keys that are ready to use. Reads
 * FOLDER/floor.tsv and prints "floor=US ..." in microseconds of CPU time a
 * message of FOLDER/index.tsv. A body is hashed as it is: canonicalization
 * changes its length by very little.
 *
 * usage: floor FOLDER [SECONDS]
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "t/bench/mail.h"

#define COLUMNS 5
#define CHUNK 65535

struct key {
	const char *text; /* base64, of the file */
	EVP_PKEY *key;
	EVP_PKEY_CTX *rsa; /* NULL: Ed25519 */
	struct key *next;
};

struct body {
	const struct mail *mail;
	long hashes;
};

struct signature {
	struct key *key;
	unsigned char *data, *octets;
	size_t data_n, octets_n;
	bool good;
};

struct floor {
	EVP_MD *sha256;
	EVP_MD_CTX *md;
	struct key *keys;
	struct body *bodies;
	struct signature *signatures;
	size_t n_bodies, n_signatures, n_messages;
};

static unsigned char *
decode(const char *text, size_t *n)
{
	size_t length = strlen(text);
	unsigned char *out = malloc(length + 1);
	int got =
	    out ? EVP_DecodeBlock(out, (const unsigned char *)text, (int)length)
		: -1;

	if (got < 0)
		errx(1, "floor.tsv: base64");
	/* EVP_DecodeBlock counts the padding as octets */
	for (size_t i = length; i > 0 && text[i - 1] == '='; i--)
		got--;
	*n = (size_t)got;
	return out;
}

static void
load_key(struct key *k, bool rsa)
{
	size_t n;
	unsigned char *octets = decode(k->text, &n);
	const unsigned char *p = octets;

	k->key = rsa ? d2i_PUBKEY(NULL, &p, (long)n)
		     : EVP_PKEY_new_raw_public_key(
			   EVP_PKEY_ED25519, NULL, octets, n);
	if (k->key && rsa)
		k->rsa = EVP_PKEY_CTX_new(k->key, NULL);
	if (!k->key || (rsa && (EVP_PKEY_verify_init(k->rsa) <= 0 ||
				   EVP_PKEY_CTX_set_rsa_padding(
				       k->rsa, RSA_PKCS1_PADDING) <= 0 ||
				   EVP_PKEY_CTX_set_signature_md(
				       k->rsa, EVP_sha256()) <= 0)))
		errx(1, "floor.tsv: key");
	free(octets);
}

static struct key *
find_key(struct floor *f, const char *text, bool rsa)
{
	struct key *k = f->keys;

	while (k && strcmp(k->text, text) != 0)
		k = k->next;
	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		errx(1, "out of memory");
	k->text = text;
	load_key(k, rsa);
	k->next = f->keys;
	f->keys = k;
	return k;
}

static void
hash(struct floor *f, const void *p, size_t n, unsigned char digest[32])
{
	const unsigned char *at = p;

	EVP_DigestInit_ex2(f->md, f->sha256, NULL);
	while (n > 0) {
		/* as it comes from an MTA */
		size_t piece = n < CHUNK ? n : CHUNK;

		EVP_DigestUpdate(f->md, at, piece);
		at += piece;
		n -= piece;
	}
	EVP_DigestFinal_ex(f->md, digest, NULL);
}

static bool
verify_ed25519(const struct signature *s, const unsigned char digest[32])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good =
	    md &&
	    EVP_DigestVerifyInit(md, NULL, NULL, NULL, s->key->key) == 1 &&
	    EVP_DigestVerify(md, s->octets, s->octets_n, digest, 32) == 1;

	EVP_MD_CTX_free(md);
	return good;
}

static void
verify(struct floor *f, const struct signature *s)
{
	unsigned char digest[32];
	bool good;

	hash(f, s->data, s->data_n, digest);
	good = s->key->rsa ? EVP_PKEY_verify(s->key->rsa, s->octets,
				 s->octets_n, digest, 32) == 1
			   : verify_ed25519(s, digest);
	if (good != s->good)
		errx(1, "a signature is not as the corpus says");
}

static const struct mail *
find_mail(const struct mail *mails, size_t n, const char *file)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(mails[i].file, file) == 0)
			return &mails[i];
	errx(1, "floor.tsv: %s is not in the index", file);
}

static char *
next_column(char **rest, char sep)
{
	char *column = *rest, *end = column ? strchr(column, sep) : NULL;

	if (end)
		*end = '\0';
	*rest = end ? end + 1 : NULL;
	return column;
}

/* "body FILE HASHES" or "ALGORITHM KEY DATA SIGNATURE pass|fail" */
static void
load_line(struct floor *f, const struct mail *mails, char *line)
{
	char *column[COLUMNS] = {0};
	struct signature *s;

	for (size_t i = 0; i < COLUMNS; i++)
		column[i] = next_column(&line, '\t');
	if (!column[2])
		errx(1, "floor.tsv: too few columns");
	if (strcmp(column[0], "body") == 0) {
		f->bodies[f->n_bodies++] =
		    (struct body){find_mail(mails, f->n_messages, column[1]),
			strtol(column[2], NULL, 10)};
		return;
	}
	if (!column[4])
		errx(1, "floor.tsv: too few columns");
	s = &f->signatures[f->n_signatures++];
	s->key = find_key(f, column[1], strncmp(column[0], "rsa", 3) == 0);
	s->data = decode(column[2], &s->data_n);
	s->octets = decode(column[3], &s->octets_n);
	s->good = strcmp(column[4], "pass") == 0;
}

static char *
read_lines(const char *folder, size_t *lines)
{
	char path[4096];
	size_t n;
	FILE *file;
	char *text = malloc(16 << 20);

	snprintf(path, sizeof(path), "%s/floor.tsv", folder);
	file = fopen(path, "r");
	if (!text || !file)
		err(1, "%s", path);
	n = fread(text, 1, (16 << 20) - 1, file);
	if (!feof(file))
		errx(1, "%s: too large", path);
	fclose(file);
	text[n] = '\0';
	*lines = 0;
	for (size_t i = 0; i < n; i++)
		*lines += text[i] == '\n';
	return text;
}

static void
load(struct floor *f, const char *folder)
{
	struct mail *mails;
	size_t lines;
	char *text = read_lines(folder, &lines);

	f->n_messages = mail_load(folder, &mails);
	f->bodies = calloc(lines, sizeof(*f->bodies));
	f->signatures = calloc(lines, sizeof(*f->signatures));
	f->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	f->md = EVP_MD_CTX_new();
	if (!f->bodies || !f->signatures || !f->sha256 || !f->md)
		errx(1, "out of memory");
	for (size_t i = 0; i < lines; i++)
		load_line(f, mails, next_column(&text, '\n'));
}

static double
cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
hash_bodies(struct floor *f)
{
	unsigned char digest[32];

	for (size_t i = 0; i < f->n_bodies; i++)
		for (long k = 0; k < f->bodies[i].hashes; k++)
			hash(f, f->bodies[i].mail->body,
			    f->bodies[i].mail->body_n, digest);
}

static void
verify_all(struct floor *f, bool rsa)
{
	for (size_t i = 0; i < f->n_signatures; i++)
		if ((f->signatures[i].key->rsa != NULL) == rsa)
			verify(f, &f->signatures[i]);
}

int
main(int argc, char **argv)
{
	struct floor f = {0};
	double limit = argc > 2 ? strtod(argv[2], NULL) : 2, n;
	double bodies = 0, rsa = 0, ed25519 = 0, passes = 0;

	if (argc < 2 || argc > 3 || limit <= 0) {
		fprintf(stderr, "usage: floor FOLDER [SECONDS]\n");
		return 2;
	}
	load(&f, argv[1]);
	while (bodies + rsa + ed25519 < limit) {
		double t0 = cpu_now(), t1, t2;

		hash_bodies(&f);
		t1 = cpu_now();
		verify_all(&f, true);
		t2 = cpu_now();
		verify_all(&f, false);
		ed25519 += cpu_now() - t2;
		rsa += t2 - t1;
		bodies += t1 - t0;
		passes++;
	}
	n = passes * (double)f.n_messages / 1e6;
	printf("floor=%.1f bodies=%.1f rsa=%.1f ed25519=%.1f\n",
	    (bodies + rsa + ed25519) / n, bodies / n, rsa / n, ed25519 / n);
	return 0;
}
