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
	TEXT(store, check_store, "sqlite:/PATH"),
	.section = SECTION_RECORD,
	.fallback = "sqlite:" AVER_STATEDIR "/aver.db",
	.restart = true,
	.help = "The database of what is recorded.",
	.manual = "Its folder has to be writable too, for the files that "
		  "SQLite keeps beside it.",
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
