/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/sql.h"

static const char *const schema_steps[] = {
    "CREATE TABLE evaluation ("
    " id INTEGER PRIMARY KEY,"
    " policy_domain TEXT NOT NULL,"
    " hour INTEGER NOT NULL,"
    " optional INTEGER NOT NULL,"
    " digest BLOB NOT NULL,"
    " count INTEGER NOT NULL,"
    " octets BLOB NOT NULL,"
    " UNIQUE (policy_domain, hour, optional, digest)"
    ") STRICT;"
    "CREATE TABLE source ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " seq INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;",
    "CREATE TABLE known_domain ("
    " domain TEXT NOT NULL PRIMARY KEY,"
    " day INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX known_domain_day ON known_domain (day);",
};

const struct store_sqlite_options sql_schema = {schema_steps,
    sizeof(schema_steps) / sizeof(schema_steps[0]), SQL_DIGEST_MAX};

const char *const sql_text[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
    [ST_ADD] = "INSERT INTO evaluation"
	       " (policy_domain, hour, optional, digest, count, octets)"
	       " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE"
	       " SET count = count + excluded.count"
	       " WHERE octets = excluded.octets",
    [ST_SOURCE_GET] = "SELECT seq FROM source WHERE name = ?1",
    [ST_SOURCE_PUT] = "INSERT INTO source (name, seq) VALUES (?1, ?2)"
		      " ON CONFLICT DO UPDATE SET seq = excluded.seq",
    [ST_EACH] = "SELECT policy_domain, hour, optional, count, octets"
		" FROM evaluation WHERE policy_domain = ?3"
		" AND hour >= ?1 AND hour < ?2"
		" ORDER BY policy_domain, hour, optional, digest",
    [ST_EACH_ALL] = "SELECT policy_domain, hour, optional, count, octets"
		    " FROM evaluation WHERE hour >= ?1 AND hour < ?2"
		    " ORDER BY policy_domain, hour, optional, digest",
    [ST_DOMAINS] = "SELECT policy_domain, min(hour), max(hour), count(*),"
		   " sum(count), sum(CASE optional WHEN 0 THEN 0"
		   " ELSE count END)"
		   " FROM evaluation GROUP BY policy_domain"
		   " ORDER BY policy_domain",
    [ST_SUM] = "SELECT coalesce(sum(count), 0) FROM evaluation"
	       " WHERE policy_domain = ?1",
    [ST_REMOVE] = "DELETE FROM evaluation WHERE policy_domain = ?1",
    [ST_KNOW] = "INSERT INTO known_domain (domain, day) VALUES (?1, ?2)"
		" ON CONFLICT DO UPDATE SET day = excluded.day"
		" WHERE day < excluded.day",
    [ST_IS_KNOWN] = "SELECT 1 FROM known_domain"
		    " WHERE domain = ?1 AND day >= ?2",
    [ST_FORGET_OLD] = "DELETE FROM known_domain WHERE day < ?1",
    /* a negative LIMIT would be none */
    [ST_FORGET_MOST] = "DELETE FROM known_domain WHERE domain IN"
		       " (SELECT domain FROM known_domain ORDER BY day, domain"
		       " LIMIT max(0, (SELECT count(*) FROM known_domain)"
		       " - ?1))",
    [ST_EACH_KNOWN] = "SELECT domain, day FROM known_domain ORDER BY domain",
};
