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
    /*
     * A policy domain's rows stand together: a report reads and removes few
     * pages. Rows in the order they come, with an index of digests, are up to
     * half the cost to add, and two to four times as much to report.
     */
    "CREATE TABLE evaluation3 ("
    " policy_domain TEXT NOT NULL,"
    " hour INTEGER NOT NULL,"
    " optional INTEGER NOT NULL,"
    " digest BLOB NOT NULL,"
    " stamp INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " octets BLOB NOT NULL,"
    " PRIMARY KEY (policy_domain, hour, optional, digest)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO evaluation3 SELECT policy_domain, hour, optional, digest,"
    " id, count, octets FROM evaluation ORDER BY 1, 2, 3, 4;"
    "CREATE TABLE counter ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " value INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO counter (name, value)"
    " SELECT 'stamp', coalesce(max(id), 0) FROM evaluation;"
    "DROP TABLE evaluation;"
    "ALTER TABLE evaluation3 RENAME TO evaluation;"
    "CREATE TABLE report ("
    " seq INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " kind INTEGER NOT NULL,"
    " policy_domain TEXT NOT NULL,"
    " window_begin INTEGER NOT NULL,"
    " window_end INTEGER NOT NULL,"
    " created INTEGER NOT NULL,"
    " row_count INTEGER NOT NULL,"
    " messages INTEGER NOT NULL,"
    " body_size INTEGER NOT NULL,"
    " file_name BLOB NOT NULL,"
    " record BLOB NOT NULL,"
    " body BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX report_created ON report (created);"
    "CREATE INDEX report_domain ON report (policy_domain, created);"
    "CREATE TABLE submission ("
    " report INTEGER NOT NULL,"
    " number INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " next_try INTEGER NOT NULL,"
    " last_try INTEGER NOT NULL,"
    " give_up INTEGER NOT NULL,"
    " fence INTEGER NOT NULL,"
    " lease INTEGER NOT NULL,"
    " destination TEXT NOT NULL,"
    " uri BLOB NOT NULL,"
    " detail BLOB NOT NULL,"
    " PRIMARY KEY (report, number)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX submission_due ON submission (next_try, report, number)"
    " WHERE state = 0;"
    "CREATE INDEX submission_tried ON submission (last_try)"
    " WHERE last_try > 0;"
    "CREATE INDEX submission_tried_there ON submission"
    " (destination, last_try) WHERE last_try > 0;"
    "CREATE TABLE secret ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " octets BLOB NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE suppression ("
    " kind INTEGER NOT NULL,"
    " value TEXT NOT NULL,"
    " since INTEGER NOT NULL,"
    " until INTEGER NOT NULL,"
    " strikes INTEGER NOT NULL,"
    " manual INTEGER NOT NULL,"
    " comment BLOB NOT NULL,"
    " PRIMARY KEY (kind, value)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE sts ("
    " domain TEXT NOT NULL PRIMARY KEY,"
    " fetched INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " last_used INTEGER NOT NULL,"
    " refreshed INTEGER NOT NULL,"
    " failed INTEGER NOT NULL,"
    " failure INTEGER NOT NULL,"
    " next_try INTEGER NOT NULL,"
    " id BLOB NOT NULL,"
    " detail BLOB NOT NULL,"
    " policy BLOB NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE destination ("
    " domain TEXT NOT NULL,"
    " mx TEXT NOT NULL,"
    " starttls INTEGER NOT NULL,"
    " no_starttls INTEGER NOT NULL,"
    " requiretls INTEGER NOT NULL,"
    " no_requiretls INTEGER NOT NULL,"
    " seen INTEGER NOT NULL,"
    " PRIMARY KEY (domain, mx)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX destination_seen ON destination (seen);"
    "CREATE TABLE tls_result ("
    " policy_domain TEXT NOT NULL,"
    " day INTEGER NOT NULL,"
    " recipient_domain TEXT NOT NULL,"
    " wanted INTEGER NOT NULL,"
    " digest BLOB NOT NULL,"
    " stamp INTEGER NOT NULL,"
    " success INTEGER NOT NULL,"
    " failure INTEGER NOT NULL,"
    " policy BLOB NOT NULL,"
    " detail BLOB NOT NULL,"
    " PRIMARY KEY (policy_domain, day, recipient_domain, wanted, digest)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE bad_datagram ("
    " seq INTEGER PRIMARY KEY,"
    " time INTEGER NOT NULL,"
    " why BLOB NOT NULL,"
    " octets BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE incident ("
    " seq INTEGER PRIMARY KEY,"
    " policy_domain TEXT NOT NULL,"
    " time INTEGER NOT NULL,"
    " octets BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX incident_domain ON incident (policy_domain, time, seq);",
    /* appended to; the first rows go */
    "CREATE TABLE sts_change ("
    " seq INTEGER PRIMARY KEY,"
    " domain TEXT NOT NULL,"
    " removed INTEGER NOT NULL"
    ") STRICT;",
    /* who records under the name, who did before, and the number then */
    "ALTER TABLE source ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE source ADD COLUMN token INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE source ADD COLUMN old_fence INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE source ADD COLUMN old_token INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE source ADD COLUMN old_seq INTEGER NOT NULL DEFAULT 0;",
};

const struct store_sqlite_options sql_schema = {schema_steps,
    sizeof(schema_steps) / sizeof(schema_steps[0]), SQL_DIGEST_MAX};

#define SUBMISSION                                                          \
	"s.number, s.state, s.attempts, s.next_try, s.last_try, s.give_up," \
	" s.fence, s.lease, s.destination, s.uri, s.detail, r.id"

#define REPORT                                                           \
	"r.id, r.kind, r.policy_domain, r.window_begin, r.window_end,"   \
	" r.created, r.row_count, r.messages, r.body_size, r.file_name," \
	" r.record"

/* ?1-?4: kind, state, since, until; -1 for all. ?5: policy domain */
#define REPORTS                                                         \
	"SELECT " REPORT " FROM report r WHERE (?1 < 0 OR r.kind = ?1)" \
	" AND (?2 < 0 OR EXISTS (SELECT 1 FROM submission s"            \
	" WHERE s.report = r.seq AND s.state = ?2))"                    \
	" AND r.created >= ?3 AND r.created < ?4"

/* the one of a report's id (?1) and number (?2) */
#define THIS_ONE                                                 \
	" WHERE report = (SELECT seq FROM report WHERE id = ?1)" \
	" AND number = ?2"

const char *const sql_text[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
    [ST_COUNT_UP] = "INSERT INTO counter (name, value) VALUES (?1, ?2)"
		    " ON CONFLICT DO UPDATE SET value = value + ?2"
		    " RETURNING value",
    [ST_COUNTER] = "SELECT value FROM counter WHERE name = ?1",
    [ST_STATS] = "SELECT (SELECT count(*) FROM evaluation),"
		 " (SELECT count(*) FROM known_domain),"
		 " (SELECT count(*) FROM tls_result),"
		 " (SELECT count(*) FROM incident),"
		 " (SELECT count(*) FROM destination),"
		 " (SELECT count(*) FROM sts),"
		 " (SELECT count(*) FROM suppression),"
		 " (SELECT count(*) FROM report),"
		 " (SELECT count(*) FROM submission WHERE state = 0),"
		 " (SELECT coalesce(max(value), 0) FROM counter"
		 " WHERE name = 'bad_datagrams'),"
		 " (SELECT coalesce(max(value), 0) FROM counter"
		 " WHERE name = 'incidents_dropped'),"
		 " (SELECT page_count FROM pragma_page_count)"
		 " * (SELECT page_size FROM pragma_page_size)",
    [ST_FREEZE] = "BEGIN",
    [ST_SOURCE_EACH] = "SELECT name, seq FROM source WHERE seq > 0"
		       " ORDER BY name",
    [ST_PAGES] = "SELECT page_count FROM pragma_page_count",
    [ST_INTEGRITY] = "SELECT integrity_check FROM pragma_integrity_check(20)",
    [ST_ORPHANS] = "SELECT count(*) FROM submission s WHERE NOT EXISTS"
		   " (SELECT 1 FROM report r WHERE r.seq = s.report)",
    [ST_ADD] = "INSERT INTO evaluation"
	       " (policy_domain, hour, optional, digest, count, octets, stamp)"
	       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE"
	       " SET count = count + excluded.count, stamp = excluded.stamp"
	       " WHERE octets = excluded.octets",
    [ST_SOURCE_GET] = "SELECT seq, fence, token, old_fence, old_token, old_seq"
		      " FROM source WHERE name = ?1",
    [ST_SOURCE_PUT] = "INSERT INTO source (name, seq) VALUES (?1, ?2)"
		      " ON CONFLICT DO UPDATE SET seq = excluded.seq",
    [ST_SOURCE_FENCE] = "INSERT INTO source (name, seq, fence, token)"
			" VALUES (?1, 0, ?2, ?3) ON CONFLICT DO UPDATE"
			" SET old_fence = fence, old_token = token,"
			" old_seq = seq, fence = ?2, token = ?3",
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
    [ST_DUE_DMARC] = "SELECT policy_domain, min(hour), max(hour), count(*),"
		     " sum(count), sum(CASE optional WHEN 0 THEN 0"
		     " ELSE count END) FROM evaluation"
		     " WHERE policy_domain > ?1 AND hour < ?2"
		     " GROUP BY policy_domain ORDER BY policy_domain",
    [ST_DUE_FAILURE] = "SELECT policy_domain, min(time), max(time), count(*),"
		       " count(*), 0 FROM incident"
		       " WHERE policy_domain > ?1 AND time < ?2"
		       " GROUP BY policy_domain ORDER BY policy_domain",
    [ST_DUE_TLS] = "SELECT policy_domain, min(day), max(day), count(*),"
		   " sum(success + failure), sum(CASE wanted WHEN 0"
		   " THEN success + failure ELSE 0 END) FROM tls_result"
		   " WHERE policy_domain > ?1 AND day < ?2"
		   " GROUP BY policy_domain ORDER BY policy_domain",
    [ST_DUE1_DMARC] = "SELECT policy_domain, min(hour), max(hour), count(*),"
		      " sum(count), sum(CASE optional WHEN 0 THEN 0"
		      " ELSE count END) FROM evaluation"
		      " WHERE policy_domain = ?1 AND hour < ?2"
		      " GROUP BY policy_domain",
    [ST_DUE1_FAILURE] = "SELECT policy_domain, min(time), max(time),"
			" count(*), count(*), 0 FROM incident"
			" WHERE policy_domain = ?1 AND time < ?2"
			" GROUP BY policy_domain",
    [ST_DUE1_TLS] = "SELECT policy_domain, min(day), max(day), count(*),"
		    " sum(success + failure), sum(CASE wanted WHEN 0"
		    " THEN success + failure ELSE 0 END) FROM tls_result"
		    " WHERE policy_domain = ?1 AND day < ?2"
		    " GROUP BY policy_domain",
    [ST_ANY_DMARC] = "SELECT 1 FROM evaluation WHERE policy_domain = ?1"
		     " AND hour >= ?2 AND hour < ?3 LIMIT 1",
    [ST_ANY_FAILURE] = "SELECT 1 FROM incident WHERE policy_domain = ?1"
		       " AND time >= ?2 AND time < ?3 LIMIT 1",
    [ST_ANY_TLS] = "SELECT 1 FROM tls_result WHERE policy_domain = ?1"
		   " AND day >= ?2 AND day < ?3 LIMIT 1",
    /* octets, count, wanted, recipient, detail, success, failure, time */
    [ST_LAST_DMARC] = "SELECT octets, count, count * (optional = 0), '', x'',"
		      " 0, 0, hour FROM evaluation WHERE policy_domain = ?1"
		      " AND hour = (SELECT max(hour) FROM evaluation WHERE"
		      " policy_domain = ?1 AND hour >= ?2 AND hour < ?3)"
		      " ORDER BY stamp DESC, octets DESC, optional LIMIT 1",
    [ST_LAST_FAILURE] = "SELECT octets, 1, 1, '', x'', 0, 0, time"
			" FROM incident WHERE policy_domain = ?1"
			" AND time >= ?2 AND time < ?3"
			" ORDER BY time DESC, seq DESC LIMIT 1",
    [ST_LAST_TLS] = "SELECT policy, success + failure,"
		    " (success + failure) * wanted, recipient_domain, detail,"
		    " success, failure, day FROM tls_result"
		    " WHERE policy_domain = ?1"
		    " AND day = (SELECT max(day) FROM tls_result WHERE"
		    " policy_domain = ?1 AND day >= ?2 AND day < ?3)"
		    " ORDER BY stamp DESC, policy DESC, recipient_domain DESC,"
		    " detail DESC, wanted DESC LIMIT 1",
    [ST_TAKE_DMARC] = "SELECT octets, sum(count), sum(count * (optional = 0)),"
		      " '', x'', 0, 0, min(hour) FROM evaluation"
		      " WHERE policy_domain = ?1 AND hour >= ?2 AND hour < ?3"
		      " GROUP BY octets ORDER BY octets",
    [ST_TAKE_FAILURE] = "SELECT octets, 1, 1, '', x'', 0, 0, time"
			" FROM incident WHERE policy_domain = ?1"
			" AND time >= ?2 AND time < ?3 ORDER BY time, seq",
    [ST_TAKE_TLS] = "SELECT policy, sum(success + failure),"
		    " sum((success + failure) * wanted), recipient_domain,"
		    " detail, sum(success), sum(failure), min(day)"
		    " FROM tls_result WHERE policy_domain = ?1"
		    " AND day >= ?2 AND day < ?3"
		    " GROUP BY policy, recipient_domain, detail"
		    " ORDER BY policy, recipient_domain, detail",
    [ST_GONE_DMARC] = "DELETE FROM evaluation WHERE policy_domain = ?1"
		      " AND hour >= ?2 AND hour < ?3",
    [ST_GONE_FAILURE] = "DELETE FROM incident WHERE policy_domain = ?1"
			" AND time >= ?2 AND time < ?3",
    [ST_GONE_TLS] = "DELETE FROM tls_result WHERE policy_domain = ?1"
		    " AND day >= ?2 AND day < ?3",
    /* ledger; state 0 is pending */
    [ST_REPORT_ADD] = "INSERT INTO report (id, kind, policy_domain,"
		      " window_begin, window_end, created, row_count,"
		      " messages, body_size, file_name, record, body)"
		      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
		      " ?12) ON CONFLICT DO NOTHING RETURNING seq",
    [ST_REPORT_GET] = "SELECT " REPORT " FROM report r WHERE id = ?1",
    [ST_REPORT_BODY] = "SELECT " REPORT ", r.body FROM report r WHERE id = ?1",
    [ST_REPORTS] = REPORTS " ORDER BY r.created, r.seq",
    [ST_REPORTS_NEWEST] = REPORTS " ORDER BY r.created DESC, r.seq DESC",
    [ST_REPORTS_OF] = REPORTS " AND r.policy_domain = ?5"
			      " ORDER BY r.created, r.seq",
    [ST_REPORTS_OF_NEWEST] = REPORTS " AND r.policy_domain = ?5"
				     " ORDER BY r.created DESC, r.seq DESC",
    [ST_SUBMISSION_FORGET] = "DELETE FROM submission WHERE report IN"
			     " (SELECT seq FROM report r WHERE created < ?1"
			     " AND (?2 = '' OR id = ?2)"
			     " AND NOT EXISTS (SELECT 1 FROM submission s"
			     " WHERE s.report = r.seq AND s.state = 0))",
    [ST_REPORT_FORGET] = "DELETE FROM report WHERE created < ?1"
			 " AND (?2 = '' OR id = ?2)"
			 " AND NOT EXISTS (SELECT 1 FROM submission s"
			 " WHERE s.report = report.seq AND s.state = 0)",
    [ST_SUBMISSION_ADD] = "INSERT INTO submission (report, number, state,"
			  " attempts, next_try, last_try, give_up, fence,"
			  " lease, destination, uri, detail) VALUES"
			  " (?1, ?2, ?3, ?9, ?4, ?10, ?5, 0, 0, ?6, ?7, ?8)",
    [ST_SUBMISSION_GET] =
	"SELECT " SUBMISSION " FROM report r JOIN submission s"
	" ON s.report = r.seq"
	" WHERE r.id = ?1 AND s.number = ?2",
    [ST_SUBMISSIONS] = "SELECT " SUBMISSION " FROM report r JOIN submission s"
		       " ON s.report = r.seq"
		       " WHERE r.id = ?1 ORDER BY s.number",
    /* CROSS JOIN keeps the order: by the index of what is due */
    [ST_SUBMISSIONS_DUE] =
	"SELECT " SUBMISSION " FROM submission s CROSS JOIN report r"
	" ON r.seq = s.report"
	" WHERE s.state = 0 AND s.next_try <= ?1"
	" AND s.lease <= ?1 AND (?2 < 0 OR r.kind = ?2)"
	" ORDER BY s.next_try, s.report, s.number",
    [ST_NEXT_DUE] = "SELECT next_try FROM submission WHERE state = 0"
		    " ORDER BY next_try LIMIT 1",
    [ST_TRIED] = "SELECT count(*) FROM submission WHERE last_try > 0"
		 " AND destination = ?2 AND last_try >= ?1",
    [ST_TRIED_ANY] = "SELECT count(*) FROM submission WHERE last_try > 0"
		     " AND last_try >= ?1",
    [ST_CLAIM] = "UPDATE submission SET fence = fence + 1, lease = ?4,"
		 " last_try = ?3, attempts = attempts + 1" THIS_ONE
		 " AND state = 0 AND next_try <= ?3 AND lease <= ?3"
		 " RETURNING fence",
    [ST_RENEW] = "UPDATE submission SET lease = ?4" THIS_ONE
		 " AND fence = ?3 AND lease > 0",
    [ST_RELEASE] =
	"UPDATE submission SET lease = 0, last_try = ?4,"
	" attempts = attempts - 1" THIS_ONE " AND fence = ?3 AND lease > 0",
    /* 0 pending, 5 bounced */
    [ST_FINISH] = "UPDATE submission SET lease = 0, detail = ?6,"
		  " next_try = ?5, state = CASE WHEN state = 5 OR"
		  " (state <> 0 AND ?4 = 0) THEN state ELSE ?4 END" THIS_ONE
		  " AND fence = ?3 AND lease > 0",
    /* ?3 state, ?4 next_try, ?5 give_up, ?6 detail */
    [ST_SET] = "UPDATE submission SET state = ?3, detail = ?6,"
	       " attempts = CASE ?3 WHEN 0 THEN 0 ELSE attempts END,"
	       " next_try = CASE ?3 WHEN 0 THEN ?4 ELSE next_try END,"
	       " give_up = CASE ?3 WHEN 0 THEN ?5 ELSE give_up END,"
	       " fence = CASE ?3 WHEN 0 THEN fence + 1 ELSE fence END,"
	       " lease = CASE ?3 WHEN 0 THEN 0 ELSE lease END"
	       " WHERE report = (SELECT seq FROM report WHERE id = ?1)"
	       " AND (?2 = 0 OR number = ?2) AND CASE ?3 WHEN 0 THEN 1"
	       " WHEN 5 THEN state = 1 OR (state = 0 AND lease > 0)"
	       " ELSE state = 0 END",
    [ST_SET_COUNT] = "SELECT count(*) FROM report r WHERE r.id = ?1"
		     " AND (?2 = 0 OR EXISTS (SELECT 1 FROM submission s"
		     " WHERE s.report = r.seq AND s.number = ?2))",
    [ST_SECRET_GET] = "SELECT octets FROM secret WHERE name = ?1",
    [ST_SECRET_PUT] = "INSERT INTO secret (name, octets) VALUES (?1, ?2)"
		      " ON CONFLICT DO NOTHING",
    [ST_SUPPRESS] = "INSERT INTO suppression (kind, value, since, until,"
		    " strikes, manual, comment)"
		    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
		    " ON CONFLICT DO UPDATE SET since = excluded.since,"
		    " until = excluded.until, strikes = excluded.strikes,"
		    " manual = excluded.manual, comment = excluded.comment",
    [ST_SUPPRESS_GET] = "SELECT kind, value, since, until, strikes, manual,"
			" comment FROM suppression"
			" WHERE kind = ?1 AND value = ?2",
    [ST_SUPPRESS_EACH] = "SELECT kind, value, since, until, strikes, manual,"
			 " comment FROM suppression"
			 " WHERE ?1 < 0 OR kind = ?1 ORDER BY kind, value",
    [ST_SUPPRESS_REMOVE] = "DELETE FROM suppression"
			   " WHERE kind = ?1 AND value = ?2",
    [ST_SUPPRESS_FORGET] = "DELETE FROM suppression"
			   " WHERE until > 0 AND until < ?1",
    [ST_STS_PUT] = "INSERT INTO sts (domain, id, policy, fetched, expires,"
		   " last_used, refreshed, failed, failure, detail, next_try)"
		   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, x'', ?8)"
		   " ON CONFLICT DO UPDATE SET id = excluded.id,"
		   " policy = excluded.policy, fetched = excluded.fetched,"
		   " expires = excluded.expires,"
		   " last_used = max(last_used, excluded.last_used),"
		   " refreshed = excluded.refreshed, failed = 0, failure = 0,"
		   " detail = x'', next_try = excluded.next_try"
		   " WHERE excluded.fetched >= fetched"
		   " OR fetched > unixepoch() + ?9",
    [ST_STS_FAIL] = "INSERT INTO sts (domain, id, policy, fetched, expires,"
		    " last_used, refreshed, failed, failure, detail,"
		    " next_try) VALUES"
		    " (?1, x'', x'', 0, 0, 0, 0, ?2, ?3, ?4, ?5)"
		    " ON CONFLICT DO UPDATE SET failed = excluded.failed,"
		    " failure = excluded.failure, detail = excluded.detail,"
		    " next_try = excluded.next_try WHERE excluded.failed"
		    " >= max(failed, fetched, refreshed)",
    [ST_STS_TOUCH] = "UPDATE sts SET last_used = ?2"
		     " WHERE domain = ?1 AND last_used < ?2",
    [ST_STS_GET] = "SELECT domain, id, policy, fetched, expires, last_used,"
		   " refreshed, failed, failure, detail, next_try FROM sts"
		   " WHERE domain = ?1",
    [ST_STS_EACH] = "SELECT domain, id, policy, fetched, expires, last_used,"
		    " refreshed, failed, failure, detail, next_try FROM sts"
		    " WHERE domain > ?1 ORDER BY domain",
    [ST_STS_REMOVE] = "DELETE FROM sts WHERE domain = ?1",
    [ST_STS_CHANGED] = "INSERT INTO sts_change (domain, removed)"
		       " VALUES (?1, ?2)",
    [ST_STS_CHANGES_TRIM] = "DELETE FROM sts_change WHERE seq <= ?1",
    [ST_STS_MARK] = "SELECT"
		    " coalesce((SELECT min(seq) FROM sts_change), 1),"
		    " coalesce((SELECT max(seq) FROM sts_change), 0)",
    [ST_STS_CHANGES] = "SELECT s.domain, s.id, s.policy, s.fetched,"
		       " s.expires, s.last_used, s.refreshed, s.failed,"
		       " s.failure, s.detail, s.next_try, c.domain,"
		       " c.removed AND NOT EXISTS (SELECT 1"
		       " FROM sts_change x WHERE x.seq > c.seq"
		       " AND x.domain = c.domain), c.seq FROM sts_change c"
		       " LEFT JOIN sts s ON s.domain = c.domain"
		       " WHERE c.seq > ?1 ORDER BY c.seq",
    [ST_STS_FORGET] = "DELETE FROM sts"
		      " WHERE max(last_used, fetched, failed) < ?1"
		      " OR (expires < ?2 AND failed < ?2)",
    [ST_SEE] = "INSERT INTO destination (domain, mx, starttls, no_starttls,"
	       " requiretls, no_requiretls, seen)"
	       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE"
	       " SET starttls = max(starttls, excluded.starttls),"
	       " no_starttls = max(no_starttls, excluded.no_starttls),"
	       " requiretls = max(requiretls, excluded.requiretls),"
	       " no_requiretls = max(no_requiretls, excluded.no_requiretls),"
	       " seen = max(seen, excluded.seen)"
	       " WHERE excluded.seen > seen"
	       " OR excluded.starttls > starttls"
	       " OR excluded.no_starttls > no_starttls"
	       " OR excluded.requiretls > requiretls"
	       " OR excluded.no_requiretls > no_requiretls",
    [ST_DEST_GET] = "SELECT domain, mx, starttls, no_starttls, requiretls,"
		    " no_requiretls, seen FROM destination"
		    " WHERE domain = ?1 ORDER BY mx",
    [ST_DEST_EACH] = "SELECT domain, mx, starttls, no_starttls, requiretls,"
		     " no_requiretls, seen FROM destination"
		     " WHERE domain > ?1 ORDER BY domain, mx",
    [ST_DEST_REMOVE] = "DELETE FROM destination WHERE domain = ?1",
    [ST_DEST_FORGET_OLD] = "DELETE FROM destination WHERE seen < ?1",
    [ST_DEST_FORGET_MOST] = "DELETE FROM destination WHERE (domain, mx) IN"
			    " (SELECT domain, mx FROM destination"
			    " ORDER BY seen, domain, mx LIMIT max(0,"
			    " (SELECT count(*) FROM destination) - ?1))",
    [ST_TLS_ADD] = "INSERT INTO tls_result (policy_domain, day,"
		   " recipient_domain, wanted, digest, success, failure,"
		   " policy, detail, stamp)"
		   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
		   " ON CONFLICT DO UPDATE"
		   " SET success = success + excluded.success,"
		   " failure = failure + excluded.failure,"
		   " stamp = excluded.stamp WHERE policy = excluded.policy"
		   " AND detail = excluded.detail",
    [ST_TLS_EACH] = "SELECT policy_domain, day, recipient_domain, wanted,"
		    " success, failure, policy, detail FROM tls_result"
		    " WHERE policy_domain = ?3 AND day >= ?1 AND day < ?2"
		    " ORDER BY policy_domain, day, recipient_domain, wanted,"
		    " digest",
    [ST_TLS_EACH_ALL] = "SELECT policy_domain, day, recipient_domain, wanted,"
			" success, failure, policy, detail FROM tls_result"
			" WHERE day >= ?1 AND day < ?2 ORDER BY policy_domain,"
			" day, recipient_domain, wanted, digest",
    [ST_TLS_DOMAINS] = "SELECT policy_domain, min(day), max(day), count(*),"
		       " sum(success), sum(failure), sum(CASE wanted WHEN 0"
		       " THEN success + failure ELSE 0 END) FROM tls_result"
		       " GROUP BY policy_domain ORDER BY policy_domain",
    [ST_TLS_SUM] = "SELECT coalesce(sum(success + failure), 0)"
		   " FROM tls_result WHERE policy_domain = ?1",
    [ST_TLS_REMOVE] = "DELETE FROM tls_result WHERE policy_domain = ?1",
    [ST_BAD_ADD] = "INSERT INTO bad_datagram (time, why, octets)"
		   " VALUES (?1, ?2, ?3)",
    [ST_BAD_CUT] = "DELETE FROM bad_datagram WHERE seq <="
		   " (SELECT max(seq) FROM bad_datagram) - ?1",
    [ST_BAD_EACH] = "SELECT time, why, octets FROM bad_datagram"
		    " ORDER BY seq DESC",
    [ST_INCIDENT_ADD] = "INSERT INTO incident (policy_domain, time, octets)"
			" VALUES (?1, ?2, ?3)",
    [ST_INCIDENT_COUNT] = "SELECT count(*) FROM incident"
			  " WHERE policy_domain = ?1",
    [ST_INCIDENT_COUNT_ALL] = "SELECT count(*) FROM incident",
    [ST_INCIDENTS] = "SELECT policy_domain, time, octets FROM incident"
		     " WHERE policy_domain = ?1"
		     " ORDER BY policy_domain, time, seq",
    [ST_INCIDENTS_ALL] = "SELECT policy_domain, time, octets FROM incident"
			 " ORDER BY policy_domain, time, seq",
    [ST_INCIDENT_REMOVE] = "DELETE FROM incident WHERE policy_domain = ?1"
			   " AND time < ?2",
    [ST_INCIDENT_REMOVE_ALL] = "DELETE FROM incident WHERE time < ?1",
};
