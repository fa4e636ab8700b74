/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_match.h"

static struct str
without_dot(struct str s)
{
	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	return s;
}

/* RFC 8461 section 4.1: the wildcard is the whole left-most label. */
bool
sts_match(struct str host, struct str pattern)
{
	size_t dot;

	host = without_dot(host);
	pattern = without_dot(pattern);
	if (!str_starts(pattern, STR("*.")))
		return host.n > 0 && str_eq_ci(host, pattern);
	dot = str_chr(host, '.');
	return dot > 0 && dot + 1 < host.n && pattern.n > 2 &&
	       str_eq_ci(str_from(host, dot + 1), str_from(pattern, 2));
}

bool
sts_policy_match(const struct sts_policy *policy, struct str host)
{
	for (size_t i = 0; i < policy->n_mx; i++)
		if (sts_match(host, policy->mx[i]))
			return true;
	return false;
}
