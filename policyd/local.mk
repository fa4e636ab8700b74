# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

sbin_PROGRAMS += aver-policyd
policyd_sources = \
	policyd/answer_cache.c policyd/answer_cache.h \
	policyd/collector.c policyd/collector.h \
	policyd/datagrams.c policyd/datagrams.h \
	policyd/delegation.c policyd/delegation.h \
	policyd/journal_export.c policyd/journal_export.h \
	policyd/log_file.c policyd/log_journal.c policyd/log_mark.c \
	policyd/log_source.h policyd/log_stream.c \
	policyd/log_state.c policyd/log_state.h \
	policyd/policyd_metrics.c policyd/policyd_metrics.h \
	policyd/service.c policyd/service.h \
	policyd/socketmap.c policyd/socketmap.h \
	policyd/tls_log.c policyd/tls_log.h
aver_policyd_SOURCES = policyd/main.c $(policyd_sources)
aver_policyd_LDADD = $(aver_libs)

check_PROGRAMS += t/unit/answer_cache.t
t_unit_answer_cache_t_SOURCES = t/unit/answer_cache.t.c t/tap.h \
	policyd/answer_cache.c policyd/answer_cache.h
t_unit_answer_cache_t_LDADD = $(aver_libs)

# with a fake service and engine
check_PROGRAMS += t/unit/socketmap.t t/unit/delegation.t t/fuzz/delegation.t
policyd_fakes = t/unit/policyd_fake.h t/tap.h \
	policyd/answer_cache.c policyd/answer_cache.h \
	policyd/delegation.c policyd/delegation.h \
	policyd/socketmap.c policyd/socketmap.h
t_unit_socketmap_t_SOURCES = t/unit/socketmap.t.c $(policyd_fakes)
t_unit_socketmap_t_LDADD = $(aver_libs)
t_unit_delegation_t_SOURCES = t/unit/delegation.t.c t/unit/tmpdir.h \
	$(policyd_fakes)
t_unit_delegation_t_LDADD = $(aver_libs)
t_fuzz_delegation_t_SOURCES = t/fuzz/delegation.c $(policyd_fakes) \
	$(fuzz_main)
t_fuzz_delegation_t_LDADD = $(aver_libs)
t_fuzz_delegation_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/delegation

check_PROGRAMS += t/unit/log_source.t t/fuzz/log_source.t
log_sources = policyd/journal_export.c policyd/journal_export.h \
	policyd/log_file.c policyd/log_journal.c policyd/log_mark.c \
	policyd/log_source.h policyd/log_stream.c \
	policyd/log_state.c policyd/log_state.h
t_unit_log_source_t_SOURCES = t/unit/log_source.t.c t/unit/tmpdir.h t/tap.h \
	$(log_sources)
t_unit_log_source_t_LDADD = $(aver_libs)
t_fuzz_log_source_t_SOURCES = t/fuzz/log_source.c $(log_sources) $(fuzz_main)
t_fuzz_log_source_t_LDADD = $(aver_libs)
t_fuzz_log_source_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/log_source
