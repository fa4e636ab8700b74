/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What is checked before it goes to a back end. */
#ifndef STORE_BOUNDS_H
#define STORE_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/str.h"
#include "lib/store/destination.h"

#define BOUNDS_DOMAIN 255
#define BOUNDS_COUNT ((uint64_t)1 << 48)

bool bounds_domain(struct str domain); /* 1 to BOUNDS_DOMAIN octets */
/* 1 to LEDGER_ID_MAX octets, and no control character. */
bool bounds_id(struct str id);
bool bounds_sightings(const struct store_sighting *seen, size_t n);

#endif
