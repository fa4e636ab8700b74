/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* A store that is there already. */
#ifndef CTL_EXISTING_H
#define CTL_EXISTING_H

#include "lib/base/diag.h"
#include "lib/store/store.h"

/*
 * As store_open() with STORE_WRITE, but makes none: nothing is there to be
 * removed or moved then, and a mistyped name is told.
 */
int existing_open(const char *spec, struct store **out, struct diag *d);

#endif
