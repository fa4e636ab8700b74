/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Reads the answer to a request of HTTP/1.1 (RFC 9112), piece by piece as it
 * comes. Computes only.
 */
#ifndef HTTP_HTTP_ANSWER_H
#define HTTP_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

/* Octets of header fields, informational answers and trailers included. */
#define HTTP_FIELDS_MAX ((size_t)64 * 1024)

enum http_read {
	HTTP_READ_MORE, /* not complete yet */
	HTTP_READ_DONE, /* status, content_type and body are there */
	HTTP_READ_BAD, /* this is no HTTP/1, or it is cut short */
	HTTP_READ_LARGE, /* the body is above the limit */
	HTTP_READ_FIELDS, /* more than HTTP_FIELDS_MAX of them */
	HTTP_READ_NOMEM,
};

enum http_part {
	HTTP_PART_HEAD,
	HTTP_PART_LENGTH, /* body of a length that is known */
	HTTP_PART_STREAM, /* body up to the end of the stream */
	HTTP_PART_SIZE, /* of a chunk */
	HTTP_PART_EXTENSION, /* the rest of that line */
	HTTP_PART_CHUNK,
	HTTP_PART_CHUNK_END, /* the line's end behind it */
	HTTP_PART_TRAILER,
};

struct http_answer {
	int status; /* 200 to 599 */
	struct str content_type; /* of the last such field, or empty */
	struct buf body;
	/* private */
	enum http_part part;
	struct buf head;
	size_t max_body, fields;
	uint64_t left; /* octets of the body or the chunk */
	bool has_length, is_chunked, has_digit, is_line_empty;
};

/* max_body: octets. The memory is kept from one answer to the next. */
void http_answer_init(struct http_answer *a, size_t max_body);
void http_answer_reset(struct http_answer *a); /* for the next answer */
void http_answer_fini(struct http_answer *a);

/*
 * Takes the next octets; what comes behind a complete answer is ignored. Only
 * after HTTP_READ_MORE may there be a next call.
 */
enum http_read http_answer_feed(struct http_answer *a, struct str octets);
/*
 * The stream has ended. in_order: the server said so, by a close_notify:
 * without it a body that ends with the stream may have been cut (RFC 9112
 * section 9.8), and is no answer. Never HTTP_READ_MORE.
 */
enum http_read http_answer_end(const struct http_answer *a, bool in_order);

#endif
