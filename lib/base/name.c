/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/name.h"

const char *
name_of(const char *const *names, size_t count, int i)
{
	if (i < 0 || (size_t)i >= count || !names[i])
		return "?";
	return names[i];
}

int
name_find(const char *const *names, size_t count, struct str s)
{
	for (size_t i = 0; i < count; i++)
		if (names[i] && str_eq_ci(s, str_from_z(names[i])))
			return (int)i;
	return -1;
}
