# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

# the octets of an evaluation: no I/O
libpure_a_SOURCES += lib/store/evaluation.c lib/store/evaluation.h
check_PROGRAMS += t/unit/evaluation.t t/fuzz/evaluation.t
t_unit_evaluation_t_SOURCES = t/unit/evaluation.t.c t/tap.h
t_unit_evaluation_t_LDADD = $(aver_libs)
t_fuzz_evaluation_t_SOURCES = t/fuzz/evaluation.c $(fuzz_main)
t_fuzz_evaluation_t_LDADD = $(aver_libs)
t_fuzz_evaluation_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/evaluation

libaver_a_SOURCES += \
	lib/store/backend.h \
	lib/store/batch.c lib/store/batch.h \
	lib/store/bounds.h \
	lib/store/destination.h lib/store/failure.h \
	lib/store/items.c lib/store/items.h \
	lib/store/known.c lib/store/known.h \
	lib/store/ledger.h \
	lib/store/record.c lib/store/record.h \
	lib/store/recorder.c lib/store/recorder.h \
	lib/store/ring.c lib/store/ring.h lib/store/ring_format.h \
	lib/store/ring_salvage.c \
	lib/store/spool.c lib/store/spool.h \
	lib/store/sql.c lib/store/sql.h \
	lib/store/sqlite_db.c lib/store/sqlite_db.h \
	lib/store/sqlite_destination.c \
	lib/store/sqlite_evaluation.c \
	lib/store/sqlite_failure.c \
	lib/store/sqlite_ledger.c \
	lib/store/sqlite_parts.h \
	lib/store/sqlite_sts.c \
	lib/store/sqlite_suppress.c \
	lib/store/sqlite_take.c \
	lib/store/sqlite_tls.c \
	lib/store/store.c lib/store/store.h \
	lib/store/store_report.c \
	lib/store/store_sqlite.c \
	lib/store/store_tls.c \
	lib/store/sts.h \
	lib/store/sum.h \
	lib/store/suppress.h lib/store/take.h lib/store/tls_result.h \
	lib/store/writer.c lib/store/writer.h
check_PROGRAMS += \
	t/unit/store.t t/unit/store_take.t \
	t/unit/store_ledger.t t/unit/store_tls.t t/unit/store_kill.t \
	t/unit/recorder.t t/unit/recorder_kill.t \
	t/unit/recorder_kinds.t t/unit/known.t t/unit/evaluations.t \
	t/fuzz/record.t t/fuzz/ring.t t/fuzz/spool.t
noinst_HEADERS += t/unit/tmpdir.h t/unit/store_backend.h
t_unit_store_t_SOURCES = t/unit/store.t.c t/tap.h
t_unit_store_t_LDADD = $(aver_libs)
t_unit_store_take_t_SOURCES = t/unit/store_take.t.c t/tap.h
t_unit_store_take_t_LDADD = $(aver_libs)
t_unit_store_ledger_t_SOURCES = t/unit/store_ledger.t.c t/tap.h
t_unit_store_ledger_t_LDADD = $(aver_libs)
t_unit_store_tls_t_SOURCES = t/unit/store_tls.t.c t/tap.h
t_unit_store_tls_t_LDADD = $(aver_libs)
t_unit_store_kill_t_SOURCES = t/unit/store_kill.t.c t/tap.h
t_unit_store_kill_t_LDADD = $(aver_libs)
t_unit_recorder_t_SOURCES = t/unit/recorder.t.c t/tap.h
t_unit_recorder_t_LDADD = $(aver_libs)
t_unit_recorder_kill_t_SOURCES = t/unit/recorder_kill.t.c t/tap.h
t_unit_recorder_kill_t_LDADD = $(aver_libs)
t_unit_known_t_SOURCES = t/unit/known.t.c t/tap.h
t_unit_known_t_LDADD = $(aver_libs)
t_unit_evaluations_t_SOURCES = t/unit/evaluations.t.c t/tap.h \
	ctl/cell.c ctl/cell.h ctl/evaluations.c ctl/evaluations.h
t_unit_evaluations_t_LDADD = $(aver_libs)
t_unit_recorder_kinds_t_SOURCES = t/unit/recorder_kinds.t.c t/tap.h
t_unit_recorder_kinds_t_LDADD = $(aver_libs)
t_fuzz_record_t_SOURCES = t/fuzz/record.c $(fuzz_main)
t_fuzz_record_t_LDADD = $(aver_libs)
t_fuzz_record_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_ring_t_SOURCES = t/fuzz/ring.c $(fuzz_main)
t_fuzz_ring_t_LDADD = $(aver_libs)
t_fuzz_ring_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_spool_t_SOURCES = t/fuzz/spool.c $(fuzz_main)
t_fuzz_spool_t_LDADD = $(aver_libs)
t_fuzz_spool_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/record t/fuzz/corpus/ring t/fuzz/corpus/spool
