/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * MIME messages (RFC 2045, 2046, 2047, 2183): fields and parts are written
 * with CRLF and folded, and a message is read into a flat list of its parts.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/mail/hdr.h"

/* RFC 5322 section 2.1.1: lines SHOULD NOT be longer. */
#define MIME_LINE 78

/* ---- writing fields ----------------------------------------------------- */

/*
 * All of these append "Name: ...\r\n", folded before MIME_LINE where there is
 * white space to fold at. Whatever the text holds, no line of it becomes a
 * field of its own: CR, LF, NUL and other control characters turn into spaces.
 */

/*
 * Unstructured text. What is not printable ASCII, or looks like an
 * encoded-word, becomes encoded-words in UTF-8 (RFC 2047), octets that are no
 * UTF-8 become U+FFFD.
 */
void mime_field_text(struct buf *b, struct str name, struct str text);
/* A value of a grammar of its own, ASCII, that may be folded at its spaces. */
void mime_field(struct buf *b, struct str name, struct str value);
/*
 * "Name <address>", or the address alone when display is empty. The address
 * is written as it stands: mime_address_ok() must hold.
 */
void mime_field_mailbox(
    struct buf *b, struct str name, struct str display, struct str address);
/* The Date field. t: seconds since the epoch. */
void mime_field_date(struct buf *b, struct str name, int64_t t);

/*
 * An addr-spec that may stand in a field and in a command of SMTP: dot-atom or
 * quoted-string, "@", a domain name; ASCII, or UTF-8 (RFC 6531) where utf8 is
 * true. At most 64 octets before and 255 after the "@".
 */
bool mime_address_ok(struct str address, bool utf8);

/*
 * Appends "; name=value", value quoted where it has to be (RFC 2045 section
 * 5.1). It is not folded and not split: many readers of reports know nothing
 * of RFC 2231. Characters outside printable ASCII turn into "_".
 */
void mime_param(struct buf *b, struct str name, struct str value);

/* ---- writing a body ----------------------------------------------------- */

/* Where the octets of a body go, in pieces. */
struct mime_sink {
	void (*write)(void *to, const char *p, size_t n);
	void *to;
};

/* Into a buffer. */
struct mime_sink mime_sink_buf(struct buf *b);
void mime_put(struct mime_sink out, struct str s);
/* base64 in lines of 76 characters, each with its CRLF (RFC 2045 section
 * 6.8). Streams: takes no memory. */
void mime_put_base64(struct mime_sink out, struct str octets);
/*
 * Text of a text/plain part in 7bit or 8bit: every line end becomes CRLF and
 * the last line has one. Control characters other than tab turn into spaces.
 */
void mime_put_text(struct mime_sink out, struct str text);

/*
 * Text as quoted-printable (RFC 2045 section 6.7), for what holds octets above
 * 0x7E or long lines. Line ends as for mime_put_text(); controls are encoded.
 */
void mime_put_qp(struct mime_sink out, struct str text);
/* True when text needs that: it is not ASCII, or has a line above 998. */
bool mime_needs_qp(struct str text);

#define MIME_BOUNDARY 40

/*
 * A boundary that can occur in no base64 and in no quoted-printable part, and
 * in text only by intent ("=_" of RFC 2045 section 6.7, then seed): for one
 * message, made of its report ID and so the same each time it is written.
 * seed: octets are letters and digits, at most 36, the rest is left out.
 */
void mime_boundary(struct str seed, char out[MIME_BOUNDARY]);

/* ---- reading ------------------------------------------------------------ */

enum mime_encoding {
	MIME_IDENTITY, /* 7bit, 8bit, binary, none */
	MIME_BASE64,
	MIME_QP,
	MIME_ENCODING_OTHER,
	MIME_ENCODING_COUNT
};

struct mime_limits {
	size_t parts; /* multiparts and messages count too */
	unsigned depth; /* of parts in parts; 0: the message itself */
	size_t fields; /* of all headers */
};

#define MIME_LIMITS_DEFAULT ((struct mime_limits){64, 8, 4000})

/* A message is part 0; a part of a multipart, or the message in a
 * message/rfc822, comes right after what it is in. */
struct mime_part {
	unsigned depth;
	size_t parent; /* index; its own for part 0 */
	/* The header fields of the part; of the message for part 0 and for the
	 * content of a message/rfc822 or message/global. */
	struct hdr_list fields;
	bool message; /* a whole message, with From, To ... */
	struct str type; /* "text/plain", lower case, the default filled in */
	struct str params; /* of Content-Type, as they stand */
	struct str disposition; /* "attachment", lower case; or empty */
	struct str filename; /* of Content-Disposition, else name= of
	                        Content-Type; decoded (RFC 2047, 2231); any
	                        octet but CR, LF, NUL, "/" and "\\" */
	enum mime_encoding encoding;
	struct str content; /* as it stands, view; without the CRLF that
	                       belongs to the boundary */
	bool open; /* the closing boundary of this multipart is missing */
};

struct mime_tree {
	struct mime_part *v;
	size_t n;
	bool cut; /* a limit was reached: there is more */
};

/*
 * Splits a message. Bare LF line ends are taken as CRLF. Anything at all is
 * read as some message; a multipart without a delimiter has no parts, its
 * content is still there. Nothing recurses. The views lie in text or in the
 * arena. Returns 0, AVER_NOMEM.
 */
int mime_read(struct arena *a, struct str text,
    const struct mime_limits *limits, struct mime_tree *out);

/*
 * The header fields that text (with CRLF) begins with, and in *rest what is
 * after the empty line, or from the first line on that is no field. At most
 * max fields: of those beyond, none is kept and *cut becomes true (it is left
 * alone otherwise). Returns 0 or AVER_NOMEM.
 */
int mime_fields(struct arena *a, struct str text, size_t max,
    struct hdr_list *out, struct str *rest, bool *cut);
/* text itself, or a copy in which each bare LF is CRLF. */
int mime_crlf(struct arena *a, struct str text, struct str *out);

/*
 * The content with its transfer encoding undone: base64 (octets of no letter
 * are skipped, RFC 2045 section 6.8) and quoted-printable (damage is kept as
 * it stands). MIME_ENCODING_OTHER is AVER_SYNTAX. Never more octets than the
 * content has. Returns 0, AVER_SYNTAX, AVER_NOMEM.
 */
int mime_decode(struct arena *a, const struct mime_part *part, struct str *out);

/*
 * The value of a parameter, unquoted, RFC 2231 forms undone; an empty string
 * with p = NULL when there is none. params: of mime_part or of any field
 * "value; name=value". Returns 0 or AVER_NOMEM.
 */
int mime_param_find(
    struct arena *a, struct str params, struct str name, struct str *out);

const char *mime_encoding_name(enum mime_encoding e);

#endif
