/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* One ARC field: its set and its tags (RFC 8617 section 4.1). */
#ifndef ARC_ARC_FIELD_H
#define ARC_ARC_FIELD_H

#include <stdbool.h>

#include "lib/arc/arc.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/mail/hdr.h"
#include "lib/tag/tag.h"

enum arc_kind {
	ARC_RESULTS, /* ARC-Authentication-Results */
	ARC_MESSAGE, /* ARC-Message-Signature */
	ARC_SEAL, /* ARC-Seal */
	ARC_KIND_COUNT
};

/* The name of the field; of the first, its abbreviation in RFC 8617. */
const char *arc_kind_name(enum arc_kind k);
/* False when a field of that name is none of ours. Case is ignored. */
bool arc_kind_of(struct str name, enum arc_kind *out);

struct arc_field {
	struct hdr h;
	unsigned instance; /* 1 to ARC_SETS_MAX */
	struct str rest; /* after "i=N;", all of it when i= comes later */
	struct tag_list tags; /* of rest; not of ARC_RESULTS */
};

/*
 * Reads a field of that kind. Returns ARC_WHY_NONE, ARC_WHY_SYNTAX,
 * ARC_WHY_INSTANCE or ARC_WHY_BUDGET (memory); *out is set with the first
 * only. It is views of h and of the arena.
 */
enum arc_reason arc_field_read(struct arena *a, enum arc_kind kind,
    const struct hdr *h, bool smtputf8, struct arc_field *out);

/* RFC 8617 section 4.4: the chain validation status a sealer found. */
enum arc_cv { ARC_CV_NONE, ARC_CV_PASS, ARC_CV_FAIL, ARC_CV_COUNT };

/* cv= of a seal; false when it is missing or anything else. */
bool arc_field_cv(const struct tag_list *tags, enum arc_cv *out);

/*
 * True when h= of a message signature names seals, which RFC 8617 section
 * 4.1.2 forbids.
 */
bool arc_covers_seals(struct str names);

#endif
