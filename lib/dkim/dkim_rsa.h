/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The two DER forms of an RSA public key that p= may hold. */
#ifndef DKIM_DKIM_RSA_H
#define DKIM_DKIM_RSA_H

#include <stdbool.h>

#include "lib/base/str.h"

struct dkim_rsa {
	struct str n, e; /* big-endian, first octet not zero */
	unsigned bits; /* of n */
};

/*
 * SubjectPublicKeyInfo (RFC 5280 section 4.1) with rsaEncryption, or
 * RSAPublicKey (RFC 8017 appendix A.1.1). Strict DER: shortest lengths,
 * nothing left over, positive shortest integers; n odd, e odd, above 1 and of
 * at most 8 octets. *out is views of der.
 */
bool dkim_rsa_read(struct str der, struct dkim_rsa *out);

#endif
