/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/http/http_answer.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/scan.h"

#define CHUNK_MAX UINT32_MAX

void
http_answer_init(struct http_answer *a, size_t max_body)
{
	*a = (struct http_answer){.max_body = max_body};
	buf_init(&a->head, NULL, HTTP_FIELDS_MAX);
	buf_init(&a->body, NULL, max_body);
}

void
http_answer_reset(struct http_answer *a)
{
	struct buf head = a->head, body = a->body;

	*a = (struct http_answer){
	    .max_body = a->max_body, .head = head, .body = body};
	buf_clear(&a->head);
	buf_clear(&a->body);
}

void
http_answer_fini(struct http_answer *a)
{
	buf_fini(&a->head);
	buf_fini(&a->body);
}

/* ---- the head ----------------------------------------------------------- */

/* RFC 9112 section 4; the reason phrase is nobody's business. */
static bool
read_status(struct str line, int *status)
{
	struct scan s = scan_of(line);
	struct str digits;
	uint64_t n;

	if (!scan_lit(&s, STR("HTTP/1.")) || !scan_class(&s, CH_DIGIT) ||
	    !scan_char(&s, ' ') || !scan_many(&s, CH_DIGIT, &digits) ||
	    digits.n != 3 || !str_to_u64(digits, 599, &n) || n < 100)
		return false;
	*status = (int)n;
	return scan_done(&s) || scan_char(&s, ' ');
}

/* RFC 9110 section 8.6: the same number again is no harm. */
static bool
read_length(struct http_answer *a, struct str value)
{
	uint64_t n;

	if (!str_to_u64(value, UINT64_MAX, &n) ||
	    (a->has_length && n != a->left))
		return false;
	a->has_length = true;
	a->left = n;
	return true;
}

/* Controls have no business in a value (RFC 9110 section 5.5). */
static bool
is_value(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if (chars_is(value.p[i], CH_CTL) && value.p[i] != '\t')
			return false;
	return true;
}

static bool
read_field(struct http_answer *a, struct str line)
{
	struct str value, name;
	size_t colon = str_chr(line, ':');

	name = str_head(line, colon);
	value = str_trim(str_from(line, colon + 1), " \t");
	if (colon == line.n || name.n == 0 || !is_value(value))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!chars_is(name.p[i], CH_TOKEN))
			return false;
	if (str_eq_ci(name, STR("content-length")))
		return read_length(a, value);
	if (str_eq_ci(name, STR("content-type")))
		a->content_type = value;
	if (!str_eq_ci(name, STR("transfer-encoding")))
		return true;
	/* any other coding is one that nobody asked for */
	if (a->is_chunked || !str_eq_ci(value, STR("chunked")))
		return false;
	a->is_chunked = true;
	return true;
}

/* RFC 9112 section 5.2: the end of a line before a blank is a blank. */
static void
unfold(struct buf *head)
{
	for (size_t i = 0; i + 1 < head->n; i++) {
		if (head->p[i] != '\n' || !chars_is(head->p[i + 1], CH_WSP))
			continue;
		head->p[i] = ' ';
		if (i && head->p[i - 1] == '\r')
			head->p[i - 1] = ' ';
	}
}

/* The next line without its end. */
static struct str
next_line(struct str *rest)
{
	struct str line = str_cut(*rest, '\n', rest);

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static enum http_read
choose_body(struct http_answer *a)
{
	/* RFC 9112 section 6.3 */
	if (a->status == 204 || a->status == 304)
		return HTTP_READ_DONE;
	if (a->is_chunked) {
		a->part = HTTP_PART_SIZE;
		a->left = 0;
		return HTTP_READ_MORE;
	}
	a->part = a->has_length ? HTTP_PART_LENGTH : HTTP_PART_STREAM;
	if (a->has_length && a->left > a->max_body)
		return HTTP_READ_LARGE;
	return a->has_length && a->left == 0 ? HTTP_READ_DONE : HTTP_READ_MORE;
}

static enum http_read
read_head(struct http_answer *a)
{
	struct str rest, line;

	unfold(&a->head);
	rest = buf_str(&a->head);
	if (!read_status(next_line(&rest), &a->status))
		return HTTP_READ_BAD;
	while ((line = next_line(&rest)).n)
		if (!read_field(a, line))
			return HTTP_READ_BAD;
	if (a->status >= 200)
		return choose_body(a);
	/* RFC 9110 section 15.2: the answer is still to come */
	if (a->status == 101)
		return HTTP_READ_BAD;
	buf_clear(&a->head);
	a->content_type = STR_NONE;
	a->has_length = a->is_chunked = false;
	return HTTP_READ_MORE;
}

/* Up to the end of a line. */
static enum http_read
feed_head(struct http_answer *a, struct str *in)
{
	size_t n = str_chr(*in, '\n');
	struct str piece = str_head(*in, n < in->n ? n + 1 : n);
	struct str head;

	*in = str_from(*in, piece.n);
	a->fields += piece.n;
	if (a->fields > HTTP_FIELDS_MAX)
		return HTTP_READ_FIELDS;
	buf_add(&a->head, piece);
	if (!buf_ok(&a->head))
		return HTTP_READ_NOMEM;
	head = buf_str(&a->head);
	if (str_ends_ci(head, STR("\n\r\n")) || str_ends_ci(head, STR("\n\n")))
		return read_head(a);
	return HTTP_READ_MORE;
}

/* ---- the body ----------------------------------------------------------- */

static enum http_read
add_body(struct http_answer *a, struct str piece)
{
	buf_add(&a->body, piece);
	if (buf_ok(&a->body))
		return HTTP_READ_MORE;
	return a->body.err == AVER_LIMIT ? HTTP_READ_LARGE : HTTP_READ_NOMEM;
}

static enum http_read
feed_left(struct http_answer *a, struct str *in)
{
	struct str piece =
	    str_head(*in, a->left < in->n ? (size_t)a->left : in->n);
	enum http_read read = add_body(a, piece);

	*in = str_from(*in, piece.n);
	a->left -= piece.n;
	if (read != HTTP_READ_MORE || a->left)
		return read;
	if (a->part == HTTP_PART_LENGTH)
		return HTTP_READ_DONE;
	a->part = HTTP_PART_CHUNK_END;
	return HTTP_READ_MORE;
}

/* The line with the size is over. */
static enum http_read
begin_chunk(struct http_answer *a)
{
	if (!a->has_digit)
		return HTTP_READ_BAD;
	a->has_digit = false;
	a->is_line_empty = true;
	a->part = a->left ? HTTP_PART_CHUNK : HTTP_PART_TRAILER;
	return a->left > a->max_body ? HTTP_READ_LARGE : HTTP_READ_MORE;
}

/* RFC 9112 section 7.1 */
static enum http_read
feed_size(struct http_answer *a, char c)
{
	int digit = chars_hex(c);

	/* also those that are zeros without end */
	if (++a->fields > HTTP_FIELDS_MAX)
		return HTTP_READ_FIELDS;
	if (digit >= 0) {
		a->has_digit = true;
		a->left = a->left * 16 + (unsigned)digit;
		return a->left > CHUNK_MAX ? HTTP_READ_LARGE : HTTP_READ_MORE;
	}
	if (c == '\n')
		return begin_chunk(a);
	if (c != ';' && c != '\r' && !chars_is(c, CH_WSP))
		return HTTP_READ_BAD;
	a->part = HTTP_PART_EXTENSION;
	return HTTP_READ_MORE;
}

static enum http_read
feed_chunk_end(struct http_answer *a, char c)
{
	if (c == '\r' && a->is_line_empty) {
		a->is_line_empty = false;
		return HTTP_READ_MORE;
	}
	if (c != '\n')
		return HTTP_READ_BAD;
	a->part = HTTP_PART_SIZE;
	return HTTP_READ_MORE;
}

static enum http_read
feed_trailer(struct http_answer *a, char c)
{
	if (c == '\n' && a->is_line_empty)
		return HTTP_READ_DONE;
	if (c != '\r')
		a->is_line_empty = c == '\n';
	return HTTP_READ_MORE;
}

/* What stands between the chunks, octet by octet. */
static enum http_read
feed_between(struct http_answer *a, char c)
{
	switch (a->part) {
	case HTTP_PART_SIZE:
		return feed_size(a, c);
	case HTTP_PART_EXTENSION:
		if (++a->fields > HTTP_FIELDS_MAX)
			return HTTP_READ_FIELDS;
		return c == '\n' ? begin_chunk(a) : HTTP_READ_MORE;
	case HTTP_PART_CHUNK_END:
		return feed_chunk_end(a, c);
	case HTTP_PART_TRAILER:
		if (++a->fields > HTTP_FIELDS_MAX)
			return HTTP_READ_FIELDS;
		return feed_trailer(a, c);
	case HTTP_PART_HEAD:
	case HTTP_PART_LENGTH:
	case HTTP_PART_STREAM:
	case HTTP_PART_CHUNK:
		break;
	}
	return HTTP_READ_BAD;
}

enum http_read
http_answer_feed(struct http_answer *a, struct str in)
{
	enum http_read read = HTTP_READ_MORE;

	while (in.n && read == HTTP_READ_MORE) {
		switch (a->part) {
		case HTTP_PART_HEAD:
			read = feed_head(a, &in);
			break;
		case HTTP_PART_LENGTH:
		case HTTP_PART_CHUNK:
			read = feed_left(a, &in);
			break;
		case HTTP_PART_STREAM:
			return add_body(a, in);
		case HTTP_PART_SIZE:
		case HTTP_PART_EXTENSION:
		case HTTP_PART_CHUNK_END:
		case HTTP_PART_TRAILER:
			read = feed_between(a, *in.p);
			in = str_from(in, 1);
			break;
		}
	}
	return read;
}

enum http_read
http_answer_end(const struct http_answer *a, bool in_order)
{
	return in_order && a->part == HTTP_PART_STREAM ? HTTP_READ_DONE
						       : HTTP_READ_BAD;
}
