/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Character classes of the grammars we read, one table of 256 masks. The
 * predicates do not depend on the locale.
 */
#ifndef BASE_CHARS_H
#define BASE_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum chars_class {
	CH_ALPHA = 1 << 0,
	CH_DIGIT = 1 << 1,
	CH_HEX = 1 << 2,
	CH_WSP = 1 << 3, /* space, tab */
	CH_FWS = 1 << 4, /* WSP, CR, LF */
	CH_ATEXT = 1 << 5, /* RFC 5322 section 3.2.3, ASCII part */
	CH_FTEXT = 1 << 6, /* header field name, RFC 5322 section 3.6.8 */
	CH_TOKEN = 1 << 7, /* MIME token, RFC 2045 section 5.1 */
	CH_VALCHAR = 1 << 8, /* %x21-3A / %x3C-7E, RFC 6376 section 3.2 */
	CH_BASE64 = 1 << 9, /* without "=" */
	CH_URI = 1 << 10, /* unreserved, RFC 3986 section 2.3 */
	CH_PRINT = 1 << 11, /* %x20-7E */
	CH_CTL = 1 << 12, /* %x00-1F, %x7F */
	CH_HIGH = 1 << 13, /* %x80-FF */
	CH_LDH = 1 << 14, /* letters, digits, hyphen */
	CH_TAGNAME = 1 << 15, /* ALPHA, DIGIT, "_": RFC 6376 section 3.2 */
};

#define CH_ALNUM (CH_ALPHA | CH_DIGIT)

extern const uint16_t chars_table[256];

/* True when c is in any of the classes of mask. */
static inline bool
chars_is(char c, unsigned mask)
{
	return chars_table[(unsigned char)c] & mask;
}

/* c, or its lower case form when it is an ASCII capital. */
static inline char
chars_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The value of a hexadecimal digit, -1 for any other octet. */
int chars_hex(char c);

#endif
