# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += collect/own_mail.c collect/own_mail.h
libaver_a_SOURCES += \
	collect/inforce.c collect/inforce.h \
	collect/log_time.c collect/log_time.h \
	collect/rows.c collect/rows.h \
	collect/tally.c collect/tally.h

check_PROGRAMS += t/unit/collect.t t/fuzz/collect.t
t_unit_collect_t_SOURCES = t/unit/collect.t.c t/tap.h
t_unit_collect_t_LDADD = $(aver_libs)
t_fuzz_collect_t_SOURCES = t/fuzz/collect.c $(fuzz_main)
t_fuzz_collect_t_LDADD = $(aver_libs)
t_fuzz_collect_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/collect
