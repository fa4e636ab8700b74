/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The SQL of the store: its tables, step by step, and its statements.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "lib/store/backend.h"

#define SQL_DIGEST_MAX 16

enum statement {
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_ADD,
	ST_SOURCE_GET,
	ST_SOURCE_PUT,
	ST_EACH,
	ST_EACH_ALL,
	ST_DOMAINS,
	ST_SUM,
	ST_REMOVE,
	ST_KNOW,
	ST_IS_KNOWN,
	ST_FORGET_OLD,
	ST_FORGET_MOST,
	ST_EACH_KNOWN,
	ST_COUNT
};

extern const char *const sql_text[ST_COUNT];

/* The program's own schema. */
extern const struct store_sqlite_options sql_schema;

#endif
