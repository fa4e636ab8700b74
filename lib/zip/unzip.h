/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Reads ZIP archives that are in memory: stored and deflated members, found
 * by the central directory. Refused are archives in which two members share
 * octets, or with more than UNZIP_MEMBERS_MAX members; encrypted members and
 * other methods are passed over when members are listed, by their `readable`.
 */
#ifndef ZIP_UNZIP_H
#define ZIP_UNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"

#define UNZIP_MEMBERS_MAX 64

struct unzip_member {
	struct str name; /* as it stands in the archive, a view of it */
	struct str data; /* compressed, a view of the archive */
	uint64_t size; /* that the archive says it has uncompressed */
	uint32_t crc;
	bool deflated;
	bool folder;
	bool readable; /* not encrypted, a method we know */
};

struct unzip {
	struct unzip_member members[UNZIP_MEMBERS_MAX];
	size_t n;
};

/* in begins as a ZIP archive does. */
bool unzip_is(struct str in);
/*
 * Lists the members. Returns 0, AVER_SYNTAX (no archive, damaged, cut off,
 * members that overlap) or AVER_LIMIT (too many members).
 */
int unzip_open(struct str in, struct unzip *out, struct diag *d);
/*
 * Gives a member's content to the sink, at most max octets. Returns 0, the
 * sink's value, AVER_SYNTAX (damaged, not the size or check sum that the
 * archive says, not readable), AVER_LIMIT or AVER_NOMEM.
 */
int unzip_read(const struct unzip_member *m, uint64_t max,
    int (*sink)(void *arg, struct str octets), void *arg, struct diag *d);

#endif
