/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/err.h"

const char *
aver_err_name(int err)
{
	static const char *const names[] = {"ok", "out of memory",
	    "limit reached", "syntax error", "not found", "temporary failure",
	    "input/output error", "configuration error",
	    "cryptographic failure", "internal error"};

	if (err > 0 || err < AVER_BUG)
		return "unknown error";
	return names[-err];
}
