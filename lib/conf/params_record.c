/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Parameters of the record. */
#include "lib/conf/params_table.h"

static const struct param table[] = {
    {
	BOOL(record_evaluations),
	.section = SECTION_RECORD,
	.fallback = "yes",
	.restart = true,
	.help = "Whether DMARC evaluations are recorded for reports.",
	.manual = "See\n"
		  ".Ql aver evaluations\n"
		  "in\n"
		  ".Xr aver 1 .",
    },
    {
	TEXT(store, check_store, "sqlite:/PATH or redis://HOST"),
	.section = SECTION_RECORD,
	.fallback = "sqlite:" AVER_STATEDIR "/aver.db",
	.restart = true,
	.help = "The database of what is recorded.",
	.manual =
	    ".Bl -tag -width indent\n"
	    ".It Ql sqlite: Ns Ar /path\n"
	    "A file of this host.\n"
	    "Its folder has to be writable too, for the "
	    "files that SQLite keeps beside it.\n"
	    ".It Ql redis:// Ns Oo Ar user : Ns Ar password Ns @ Oc Ns "
	    "Ar host Ns Oo : Ns Ar port Oc Ns Oo / Ns Ar db Oc\n"
	    ".It Ql rediss:// Ns Ar ...\n"
	    "A Redis (6 or later) or Valkey server that several hosts share; "
	    "with\n"
	    ".Cm rediss:\n"
	    "over TLS, its certificate verified.\n"
	    ".It Ql redis-sentinel:// Ns Ar host , Ns Ar host Ns / Ns "
	    "Ar name\n"
	    "The master of that name as the Sentinels say.\n"
	    ".It Ql redis-cluster:// Ns Ar host , Ns Ar host\n"
	    "A Cluster, of which one slot is used: it brings fail-over, no "
	    "more room.\n"
	    ".It Ql unix: Ns Ar /path\n"
	    "A server's socket on this host.\n"
	    ".El\n"
	    ".Pp\n"
	    "Options may follow a server's place after\n"
	    ".Ql \\&? ,\n"
	    "joined by\n"
	    ".Ql & :\n"
	    ".Cm password_file= Ns Ar /path ,\n"
	    "which is better than a password that\n"
	    ".Ql aver conf\n"
	    "shows;\n"
	    ".Cm sentinel_password_file= Ns Ar /path\n"
	    "if the Sentinels ask for one too, with\n"
	    ".Cm sentinel_user= Ns Ar name\n"
	    "if they have users (Redis 6.2 or later) and that is not the "
	    "default one's;\n"
	    ".Cm prefix= Ns Ar name\n"
	    "of all keys (aver), for several stores on one server;\n"
	    ".Cm tls=yes\n"
	    "for Sentinel and Cluster;\n"
	    ".Cm ca_file= Ns Ar /path\n"
	    "(the system's);\n"
	    ".Cm timeout= Ns Ar ms\n"
	    "to connect (50);\n"
	    ".Cm command_timeout= Ns Ar ms\n"
	    "of silence of the server (1000);\n"
	    ".Cm lease= Ns Ar ms\n"
	    "after which another host may make the reports of one that died "
	    "(10000).\n"
	    "The files are read again when a password or a certificate was "
	    "refused.\n"
	    "With\n"
	    ".Cm replicas= Ns Ar n\n"
	    "what is written counts only when so many replicas have it: a "
	    "fail-over loses what the one that is promoted has not, so name as "
	    "many as there are.\n"
	    "The server should keep an append-only file and must not evict "
	    "keys\n"
	    ".Pq Ql maxmemory-policy noeviction .\n"
	    "Each key expires 400 days after it was last written, so a store "
	    "that nobody uses any more goes away by itself.\n"
	    "It needs 200 to 600 octets of memory for each distinct "
	    "evaluation until its report is made, and one command for each "
	    "batch of a daemon.\n"
	    "While a store is away records wait in the spool.",
    },
    {
	SIZE(store_ring_size, 256 * KB, GB),
	.section = SECTION_RECORD,
	.fallback = "4M",
	.restart = true,
	.help = "The size of the file that holds evaluations until the "
		"database has them.",
    },
    {
	MILLISECONDS(store_batch_time, 10, MINUTE * 1000),
	.section = SECTION_RECORD,
	.fallback = "250ms",
	.restart = true,
	.help = "How long evaluations are gathered before they are "
		"committed together.",
	.manual = "A killed daemon loses nothing; a power failure may lose "
		  "what came in that time.\n"
		  "A number without suffix counts milliseconds.",
    },
    {
	SIZE(store_spool_max, MB, 1024 * GB),
	.section = SECTION_RECORD,
	.fallback = "1G",
	.restart = true,
	.help = "How much may wait in the spool while the database cannot "
		"be written.",
	.manual = "When it is full, further evaluations are lost, counted "
		  "and logged; mail goes on.",
    },
    {
	SECONDS(known_domain_time, 0, (int64_t)3650 * DAY),
	.section = SECTION_RECORD,
	.fallback = "180d",
	.restart = true,
	.help = "How long a domain stays known after the last good exchange.",
	.manual = "A good exchange is an accepted message that passed "
		  "DMARC.\n"
		  "What fails for other domains is recorded as optional: it "
		  "comes along in a report and never causes one.\n"
		  "Whole days count; 0 turns this off.",
    },
};

PARAM_LIST(params_record, table);
