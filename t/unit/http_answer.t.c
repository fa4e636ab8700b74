/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/http/http_answer.h"

#include "t/tap.h"

#define LIMIT 40

#define OK "HTTP/1.1 200 OK\r\n"

struct sample {
	const char *name, *input;
	enum http_read want;
	int status;
	const char *type, *body;
};

/* MORE: complete at the end of the stream. */
static const struct sample good[] = {
    {"a length", OK "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc",
	HTTP_READ_DONE, 200, "text/plain", "abc"},
    {"the same length again",
	OK "Content-Length: 3\r\ncontent-length:3 \r\n"
	   "\r\nabc",
	HTTP_READ_DONE, 200, "", "abc"},
    {"no octet", OK "Content-Length: 0\r\n\r\n", HTTP_READ_DONE, 200, "", ""},
    {"more than the length", OK "Content-Length: 1\r\n\r\nabc", HTTP_READ_DONE,
	200, "", "a"},
    {"to the end of the stream", OK "content-type:x\r\n\r\nabc", HTTP_READ_MORE,
	200, "x", "abc"},
    {"HTTP/1.0", "HTTP/1.0 404 Not Found\r\n\r\n", HTTP_READ_MORE, 404, "", ""},
    {"no reason phrase", "HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n",
	HTTP_READ_DONE, 500, "", ""},
    {"lines of LF alone", "HTTP/1.1 200 OK\nA: b\nContent-Length: 1\n\nz",
	HTTP_READ_DONE, 200, "", "z"},
    {"a status without a body", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n",
	HTTP_READ_DONE, 204, "", ""},
    {"an informational answer first",
	"HTTP/1.1 103 Early\r\nContent-Type: no\r\nContent-Length: 9\r\n\r\n"
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	HTTP_READ_DONE, 200, "", "x"},
    {"a folded field",
	OK "Content-Type: text/plain;\r\n  charset=x\r\n"
	   "Content-Length: 1\r\n\r\ny",
	HTTP_READ_DONE, 200, "text/plain;    charset=x", "y"},
    {"chunks",
	OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0A\r\n"
	   "0123456789\r\n0\r\n\r\n",
	HTTP_READ_DONE, 200, "", "abc0123456789"},
    {"chunks with extensions and trailers",
	OK "Transfer-Encoding: Chunked\r\n\r\n1;a=\"b\"\r\nx\r\n1 ; y\r\nz\r\n"
	   "0;last\r\nA: b\r\nC: d\r\n\r\n",
	HTTP_READ_DONE, 200, "", "xz"},
    {"a length beside chunks does not count",
	OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
	   "0\r\n\r\n",
	HTTP_READ_DONE, 200, "", "ab"},
    {"no chunk", OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	HTTP_READ_DONE, 200, "", ""},
};

static const struct sample bad[] = {
    {"nothing", "", HTTP_READ_MORE, 0, NULL, NULL},
    {"no HTTP", "version: STSv1\r\n\r\n", HTTP_READ_BAD, 0, NULL, NULL},
    {"an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", HTTP_READ_BAD, 0,
	NULL, NULL},
    {"HTTP/2", "HTTP/2 200\r\n\r\n", HTTP_READ_BAD, 0, NULL, NULL},
    {"HTTP/0.9", "200 OK\r\n\r\n", HTTP_READ_BAD, 0, NULL, NULL},
    {"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", HTTP_READ_BAD, 0, NULL,
	NULL},
    {"one of four", "HTTP/1.1 2000 OK\r\n\r\n", HTTP_READ_BAD, 0, NULL, NULL},
    {"one too high", "HTTP/1.1 600 OK\r\n\r\n", HTTP_READ_BAD, 0, NULL, NULL},
    {"one too low", "HTTP/1.1 099 OK\r\n\r\n", HTTP_READ_BAD, 0, NULL, NULL},
    {"another protocol", "HTTP/1.1 101 Switch\r\n\r\n", HTTP_READ_BAD, 0, NULL,
	NULL},
    {"a line without a colon", OK "hello\r\n\r\n", HTTP_READ_BAD, 0, NULL,
	NULL},
    {"a field without a name", OK ": x\r\n\r\n", HTTP_READ_BAD, 0, NULL, NULL},
    {"a blank before the colon", OK "A : x\r\n\r\n", HTTP_READ_BAD, 0, NULL,
	NULL},
    {"a CR inside", OK "A: x\ry\r\n\r\n", HTTP_READ_BAD, 0, NULL, NULL},
    {"two lengths", OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
	HTTP_READ_BAD, 0, NULL, NULL},
    {"a negative length", OK "Content-Length: -1\r\n\r\n", HTTP_READ_BAD, 0,
	NULL, NULL},
    {"a length that is none", OK "Content-Length: 0x5\r\n\r\nabcde",
	HTTP_READ_BAD, 0, NULL, NULL},
    {"a huge length", OK "Content-Length: 18446744073709551615\r\n\r\n",
	HTTP_READ_LARGE, 0, NULL, NULL},
    {"a length above the limit", OK "Content-Length: 41\r\n\r\n",
	HTTP_READ_LARGE, 0, NULL, NULL},
    {"a body above it", OK "\r\n01234567890123456789012345678901234567890",
	HTTP_READ_LARGE, 0, NULL, NULL},
    {"chunks above it",
	OK "Transfer-Encoding: chunked\r\n\r\n14\r\n"
	   "01234567890123456789\r\n15\r\n"
	   "012345678901234567890\r\n",
	HTTP_READ_LARGE, 0, NULL, NULL},
    {"a huge chunk", OK "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1",
	HTTP_READ_LARGE, 0, NULL, NULL},
    {"another coding", OK "Transfer-Encoding: gzip\r\n\r\n", HTTP_READ_BAD, 0,
	NULL, NULL},
    {"two codings", OK "Transfer-Encoding: gzip, chunked\r\n\r\n",
	HTTP_READ_BAD, 0, NULL, NULL},
    {"a coding twice",
	OK "Transfer-Encoding: chunked\r\n"
	   "Transfer-Encoding: chunked\r\n\r\n",
	HTTP_READ_BAD, 0, NULL, NULL},
    {"a chunk without a size", OK "Transfer-Encoding: chunked\r\n\r\n\r\n",
	HTTP_READ_BAD, 0, NULL, NULL},
    {"a chunk of a bad size", OK "Transfer-Encoding: chunked\r\n\r\nx\r\n",
	HTTP_READ_BAD, 0, NULL, NULL},
    {"a chunk longer than its size",
	OK "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", HTTP_READ_BAD, 0,
	NULL, NULL},
    {"a body cut short", OK "Content-Length: 4\r\n\r\nabc", HTTP_READ_MORE, 0,
	NULL, NULL},
    {"chunks cut short", OK "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
	HTTP_READ_MORE, 0, NULL, NULL},
    {"a trailer cut short", OK "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b",
	HTTP_READ_MORE, 0, NULL, NULL},
    {"a head cut short", OK "Content-Length: 0\r\n", HTTP_READ_MORE, 0, NULL,
	NULL},
};

/* In pieces of that many octets. */
static enum http_read
feed(struct http_answer *a, struct str in, size_t piece)
{
	enum http_read read = HTTP_READ_MORE;

	for (size_t i = 0; i < in.n && read == HTTP_READ_MORE; i += piece)
		read = http_answer_feed(a, str_head(str_from(in, i), piece));
	return read;
}

static void
test_good(void)
{
	struct http_answer a;

	http_answer_init(&a, LIMIT);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct sample *s = &good[i];

		for (size_t piece = 1; piece < 200; piece += 99) {
			struct str in = str_from_z(s->input);

			http_answer_reset(&a);
			ok(feed(&a, in, piece) == s->want, "%s", s->name);
			ok(a.status == s->status, "%s: status", s->name);
			is_str(a.content_type, str_from_z(s->type), s->name);
			is_str(buf_str(&a.body), str_from_z(s->body), s->name);
			if (s->want != HTTP_READ_MORE)
				continue;
			ok(http_answer_end(&a, true) == HTTP_READ_DONE,
			    "%s: the end", s->name);
			ok(http_answer_end(&a, false) == HTTP_READ_BAD,
			    "%s: a stream that breaks", s->name);
		}
	}
	http_answer_fini(&a);
}

static void
test_bad(void)
{
	struct http_answer a;

	http_answer_init(&a, LIMIT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct sample *s = &bad[i];

		for (size_t piece = 1; piece < 200; piece += 99) {
			http_answer_reset(&a);
			ok(feed(&a, str_from_z(s->input), piece) == s->want,
			    "%s", s->name);
			if (s->want == HTTP_READ_MORE)
				ok(http_answer_end(&a, true) == HTTP_READ_BAD,
				    "%s: the end", s->name);
		}
	}
	http_answer_fini(&a);
}

/* The head, then the filler again and again: it has to come to an end. */
static enum http_read
pour(struct http_answer *a, struct str head, struct str filler)
{
	enum http_read read;
	size_t sent = 0;

	http_answer_reset(a);
	read = http_answer_feed(a, head);
	while (read == HTTP_READ_MORE && sent < 2 * HTTP_FIELDS_MAX) {
		read = http_answer_feed(a, filler);
		sent += filler.n;
	}
	return read;
}

static void
test_endless(void)
{
	static const struct str chunked =
	    STR_INIT(OK "Transfer-Encoding: chunked\r\n\r\n");
	struct http_answer a;

	http_answer_init(&a, LIMIT);
	ok(pour(&a, STR(OK), STR("A: b\r\n")) == HTTP_READ_FIELDS, "fields");
	ok(pour(&a, STR(OK), STR("aaaa")) == HTTP_READ_FIELDS, "one field");
	ok(pour(&a, STR_NONE, STR("HTTP/1.1 100 Go on\r\n\r\n")) ==
		HTTP_READ_FIELDS,
	    "informational answers");
	ok(pour(&a, chunked, STR("0000")) == HTTP_READ_FIELDS, "a size of 0");
	ok(pour(&a, chunked, STR("1;aaaa")) == HTTP_READ_FIELDS,
	    "an extension");
	ok(pour(&a, chunked, STR("0\r\nA: b\r\n")) == HTTP_READ_FIELDS,
	    "trailers");
	http_answer_fini(&a);
}

static void
test_octets(void)
{
	static const char nul[] = OK "A: \0\r\n\r\n";
	struct http_answer a;

	http_answer_init(&a, LIMIT);
	ok(http_answer_feed(&a, (struct str){nul, sizeof(nul) - 1}) ==
		HTTP_READ_BAD,
	    "NUL in a field");
	http_answer_reset(&a);
	ok(http_answer_feed(&a, STR(OK "Content-Length: 3\r\n\r\na\0b")) ==
		HTTP_READ_DONE,
	    "NUL in a body");
	is_str(buf_str(&a.body), STR("a\0b"), "is kept");
	http_answer_fini(&a);
}

int
main(void)
{
	test_good();
	test_bad();
	test_endless();
	test_octets();
	return tap_done();
}
