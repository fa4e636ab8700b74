/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Texts of any octets in JSON that is read again: a string when it is UTF-8,
 * else {"b64": "..."}.
 */
#ifndef CTL_JSON_TEXT_H
#define CTL_JSON_TEXT_H

#include <jansson.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"

json_t *json_text_out(struct str s); /* NULL: out of memory */

/*
 * Into the arena. AVER_NOTFOUND (neither of the two), AVER_SYNTAX (no base64),
 * AVER_NOMEM.
 */
int json_text_in(const json_t *j, struct arena *arena, struct str *out);

#endif
