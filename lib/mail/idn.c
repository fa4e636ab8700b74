/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/idn.h"

#include <idn2.h>

#include "lib/base/err.h"

int
idn_to_ascii(struct arena *a, struct str name, struct str *out)
{
	uint8_t *ascii = NULL;
	char *z;
	int rc;

	if (name.n == 0 || str_chr(name, '\0') < name.n)
		return AVER_SYNTAX;
	z = arena_z(a, name);
	if (!z)
		return AVER_NOMEM;
	rc = idn2_lookup_u8(
	    (const uint8_t *)z, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK)
		return rc == IDN2_MALLOC ? AVER_NOMEM : AVER_SYNTAX;
	z = arena_z(a, str_from_z((const char *)ascii));
	idn2_free(ascii);
	/* not arena_failed(): it may have refused something long ago */
	if (!z)
		return AVER_NOMEM;
	*out = str_from_z(z);
	return 0;
}
