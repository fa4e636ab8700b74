/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Canonicalization (RFC 6376 section 3.4), streaming, into a sink. ARC uses
 * the same forms (RFC 8617 section 4.1).
 */
#ifndef DKIM_DKIM_CANON_H
#define DKIM_DKIM_CANON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"
#include "lib/mail/hdr.h"

enum dkim_canon { DKIM_SIMPLE, DKIM_RELAXED, DKIM_CANON_COUNT };

/*
 * Where canonical octets go: small pieces are gathered, large ones are handed
 * to write() as they are.
 */
#define DKIM_SINK_SIZE ((size_t)2048)

struct dkim_sink {
	void (*write)(void *to, const char *p, size_t n);
	void *to;
	size_t n;
	char buf[DKIM_SINK_SIZE];
};

void dkim_sink_init(struct dkim_sink *s,
    void (*write)(void *to, const char *p, size_t n), void *to);
/* Everything that was added has been written afterwards. */
void dkim_sink_flush(struct dkim_sink *s);

/* One signed field with its final CRLF. */
void dkim_canon_header(
    struct dkim_sink *out, enum dkim_canon c, const struct hdr *h);
/*
 * The signature's own field (RFC 6376 section 3.7): without the octets of b,
 * which is a view of h->raw (what stands between "b=" and the next ";"), and
 * without final CRLF.
 */
void dkim_canon_signature(struct dkim_sink *out, enum dkim_canon c,
    const struct hdr *h, struct str b);

/* The body, in chunks cut anywhere. */
struct dkim_canon_body {
	enum dkim_canon canon;
	/* what was read and may turn out to be at the end, in this order */
	uint64_t crlfs;
	bool wsp; /* relaxed only: white space after these CRLFs */
	bool cr; /* an octet CR after that */
	bool any; /* anything was put out */
	struct dkim_sink out;
};

void dkim_canon_body_init(struct dkim_canon_body *b, enum dkim_canon c,
    void (*write)(void *to, const char *p, size_t n), void *to);
void dkim_canon_body_add(struct dkim_canon_body *b, struct str chunk);
/* Writes what the end of the body calls for. */
void dkim_canon_body_end(struct dkim_canon_body *b);

#endif
