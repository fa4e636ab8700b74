/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/mac.h"

#include <openssl/err.h>
#include <openssl/evp.h>

bool
mac_sha256(struct str key, struct str data, uint8_t out[MAC_OCTETS])
{
	size_t n = 0;
	bool good;

	/* OpenSSL takes no NULL, also where there are no octets */
	good = EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.n ? key.p : "",
		   key.n, (const unsigned char *)(data.n ? data.p : ""), data.n,
		   out, MAC_OCTETS, &n) &&
	       n == MAC_OCTETS;
	ERR_clear_error();
	return good;
}

void
mac_base32(const uint8_t *p, char *out, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

	for (size_t i = 0; i < n; i++) {
		size_t bit = 5 * i;
		unsigned v = (unsigned)p[bit / 8] << 8;

		/* the next octet only where it is needed */
		if (bit % 8 > 3)
			v |= p[bit / 8 + 1];
		out[i] = letters[v >> (11 - bit % 8) & 31];
	}
}
