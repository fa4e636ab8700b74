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

# the protocol and the spec of the Redis back end: no I/O
libpure_a_SOURCES += \
	lib/store/redis_error.c lib/store/redis_error.h \
	lib/store/redis_lua.c lib/store/redis_lua.h \
	lib/store/redis_lua_ledger.c lib/store/redis_lua_parts.h \
	lib/store/redis_lua_rows.c \
	lib/store/redis_lua_upkeep.c \
	lib/store/redis_spec.c lib/store/redis_spec.h \
	lib/store/resp.c lib/store/resp.h

libaver_a_SOURCES += \
	lib/store/backend.h \
	lib/store/batch.c lib/store/batch.h \
	lib/store/bounds.h \
	lib/store/destination.h lib/store/failure.h \
	lib/store/items.c lib/store/items.h \
	lib/store/known.c lib/store/known.h \
	lib/store/ledger.h \
	lib/store/move.c lib/store/move.h \
	lib/store/record.c lib/store/record.h \
	lib/store/recorder.c lib/store/recorder.h \
	lib/store/redis_conn.c lib/store/redis_conn.h \
	lib/store/redis_conn_int.h lib/store/redis_find.c \
	lib/store/redis_group.c \
	lib/store/redis_ledger.c \
	lib/store/redis_link.c lib/store/redis_link.h \
	lib/store/redis_parts.h \
	lib/store/redis_record.c \
	lib/store/redis_rows.c \
	lib/store/redis_seen.c \
	lib/store/redis_sts.c \
	lib/store/redis_suppress.c \
	lib/store/redis_take.c \
	lib/store/redis_tls.c \
	lib/store/redis_upkeep.c \
	lib/store/redis_walk.c \
	lib/store/store_redis.c \
	lib/store/rowsort.c lib/store/rowsort.h \
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
	lib/store/sqlite_upkeep.c \
	lib/store/store.c lib/store/store.h \
	lib/store/store_report.c \
	lib/store/store_sqlite.c \
	lib/store/store_tls.c \
	lib/store/store_upkeep.c \
	lib/store/sts.h \
	lib/store/sum.h \
	lib/store/suppress.h lib/store/take.h lib/store/tls_result.h \
	lib/store/upkeep.h \
	lib/store/writer.c lib/store/writer.h
check_PROGRAMS += t/unit/redis_spec.t t/fuzz/resp.t t/fuzz/redis_spec.t
t_unit_redis_spec_t_SOURCES = t/unit/redis_spec.t.c t/tap.h
t_unit_redis_spec_t_LDADD = $(aver_libs)
t_fuzz_resp_t_SOURCES = t/fuzz/resp.c $(fuzz_main)
t_fuzz_resp_t_LDADD = $(aver_libs)
t_fuzz_resp_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_redis_spec_t_SOURCES = t/fuzz/redis_spec.c $(fuzz_main)
t_fuzz_redis_spec_t_LDADD = $(aver_libs)
t_fuzz_redis_spec_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/resp t/fuzz/corpus/redis_spec
check_PROGRAMS += \
	t/unit/store.t t/unit/store_take.t \
	t/unit/store_ledger.t t/unit/store_tls.t t/unit/store_kill.t \
	t/unit/recorder.t t/unit/recorder_kill.t \
	t/unit/recorder_kinds.t t/unit/known.t t/unit/evaluations.t \
	t/fuzz/record.t t/fuzz/ring.t t/fuzz/spool.t
noinst_HEADERS += t/unit/tmpdir.h t/unit/store_backend.h \
	t/unit/redis_server.h
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
	ctl/cell.c ctl/cell.h ctl/evaluations.c ctl/evaluations.h \
	ctl/listing.c ctl/listing.h \
	ctl/usage.c ctl/usage.h
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

check_PROGRAMS += t/unit/store_old.t t/unit/store_lost.t t/unit/rowsort.t
check_PROGRAMS += t/unit/store_fence.t t/unit/recorder_late.t
t_unit_store_fence_t_SOURCES = t/unit/store_fence.t.c t/tap.h
t_unit_store_fence_t_LDADD = $(aver_libs)
t_unit_recorder_late_t_SOURCES = t/unit/recorder_late.t.c t/tap.h
t_unit_recorder_late_t_LDADD = $(aver_libs)
t_unit_store_lost_t_SOURCES = t/unit/store_lost.t.c t/tap.h
t_unit_store_lost_t_LDADD = $(aver_libs)
t_unit_store_old_t_SOURCES = t/unit/store_old.t.c t/tap.h
t_unit_store_old_t_LDADD = $(aver_libs)
t_unit_rowsort_t_SOURCES = t/unit/rowsort.t.c t/tap.h
t_unit_rowsort_t_LDADD = $(aver_libs)

check_PROGRAMS += t/unit/store_move.t t/unit/move_power.t
noinst_HEADERS += t/unit/store_fill.h
t_unit_store_move_t_SOURCES = t/unit/store_move.t.c t/tap.h
t_unit_store_move_t_LDADD = $(aver_libs)
t_unit_move_power_t_SOURCES = t/unit/move_power.t.c t/tap.h
t_unit_move_power_t_LDADD = $(aver_libs)

# works on a store for t/integ/redis.t and t/integ/redis_chaos.t
noinst_PROGRAMS += t/integ/storeload
t_integ_storeload_SOURCES = t/integ/storeload.c
t_integ_storeload_LDADD = $(aver_libs)
