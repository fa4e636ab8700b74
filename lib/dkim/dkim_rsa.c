/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_rsa.h"

enum { DER_INTEGER = 0x02, DER_BITS = 0x03, DER_SEQUENCE = 0x30 };

/* A larger exponent only makes verifying slow. */
#define EXPONENT_OCTETS 8

static unsigned
octet(struct str s, size_t i)
{
	return (unsigned char)s.p[i];
}

/* X.690 section 10.1: definite lengths in the fewest octets; up to 65535. */
static bool
take_length(struct str *in, size_t *out)
{
	size_t n, more;

	if (in->n == 0)
		return false;
	n = octet(*in, 0);
	more = n < 0x80 ? 0 : n - 0x80;
	if (n >= 0x80) {
		if (more < 1 || more > 2 || in->n < 1 + more)
			return false;
		n = octet(*in, 1);
		if (more == 2)
			n = n << 8 | octet(*in, 2);
		if (n < (more == 1 ? 0x80u : 0x100u))
			return false;
	}
	*in = str_from(*in, 1 + more);
	*out = n;
	return true;
}

/* One element of that type off the front of *in. */
static bool
take(struct str *in, unsigned type, struct str *out)
{
	struct str rest = *in;
	size_t n;

	if (rest.n == 0 || octet(rest, 0) != type)
		return false;
	rest = str_from(rest, 1);
	if (!take_length(&rest, &n) || n > rest.n)
		return false;
	*out = str_head(rest, n);
	*in = str_from(rest, n);
	return true;
}

/* A positive integer in the fewest octets; *out without the sign octet. */
static bool
take_integer(struct str *in, struct str *out)
{
	struct str v;

	if (!take(in, DER_INTEGER, &v) || v.n == 0 || octet(v, 0) >= 0x80)
		return false;
	if (octet(v, 0) == 0) {
		if (v.n == 1 || octet(v, 1) < 0x80)
			return false;
		v = str_from(v, 1);
	}
	*out = v;
	return true;
}

static bool
read_pkcs1(struct str der, struct dkim_rsa *out)
{
	struct str body;

	return take(&der, DER_SEQUENCE, &body) && der.n == 0 &&
	       take_integer(&body, &out->n) && take_integer(&body, &out->e) &&
	       body.n == 0;
}

/* RFC 3279 section 2.3.1: rsaEncryption with NULL; absent is tolerated. */
static bool
is_rsa_algorithm(struct str s)
{
	static const struct str oid =
	    STR_INIT("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");

	return str_starts(s, oid) &&
	       (s.n == oid.n || str_eq(str_from(s, oid.n), STR("\x05\x00")));
}

static bool
read_spki(struct str der, struct dkim_rsa *out)
{
	struct str body, algorithm, bits;

	if (!take(&der, DER_SEQUENCE, &body) || der.n ||
	    !take(&body, DER_SEQUENCE, &algorithm) ||
	    !is_rsa_algorithm(algorithm) || !take(&body, DER_BITS, &bits) ||
	    body.n)
		return false;
	/* no unused bits in the last octet */
	return bits.n && octet(bits, 0) == 0 &&
	       read_pkcs1(str_from(bits, 1), out);
}

static bool
is_odd(struct str s)
{
	return octet(s, s.n - 1) & 1;
}

bool
dkim_rsa_read(struct str der, struct dkim_rsa *out)
{
	struct dkim_rsa k;
	unsigned bits;

	if (!read_spki(der, &k) && !read_pkcs1(der, &k))
		return false;
	if (!is_odd(k.n) || !is_odd(k.e) || k.e.n > EXPONENT_OCTETS ||
	    (k.e.n == 1 && octet(k.e, 0) == 1))
		return false;
	bits = (unsigned)k.n.n * 8;
	for (unsigned top = octet(k.n, 0); top < 0x80; top <<= 1)
		bits--;
	k.bits = bits;
	*out = k;
	return true;
}
