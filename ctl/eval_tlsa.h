/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* `aver eval --batch`, kind "record", "what": "tlsa". */
#ifndef CTL_EVAL_TLSA_H
#define CTL_EVAL_TLSA_H

#include <jansson.h>

#include "lib/base/arena.h"

/*
 * rq: "chain" (base64 of DER, the server's own first), "records" ([usage,
 * selector, matching type, hexadecimal data]), "names", "time" (seconds since
 * the epoch). The answer: {"result": "match" | "nomatch" | "unusable",
 * "reason"}; without "result" when rq makes no sense.
 */
json_t *eval_tlsa(struct arena *a, const json_t *rq);

#endif
