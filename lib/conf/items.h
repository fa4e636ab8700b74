/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Lists in values: items separated by commas and white space. */
#ifndef CONF_ITEMS_H
#define CONF_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/str.h"

/* Takes the next item off *rest; false at the end. */
bool items_next(struct str *rest, struct str *item);
size_t items_count(struct str list);

#endif
