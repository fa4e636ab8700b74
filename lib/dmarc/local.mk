# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/dmarc/dmarc.h \
	lib/dmarc/dmarc_discover.c lib/dmarc/dmarc_discover.h \
	lib/dmarc/dmarc_eval.c \
	lib/dmarc/dmarc_name.c \
	lib/dmarc/dmarc_record.c lib/dmarc/dmarc_record.h \
	lib/dmarc/dmarc_rua.c lib/dmarc/dmarc_rua.h

check_PROGRAMS += t/unit/dmarc.t t/unit/dmarc_error.t t/unit/dmarc_record.t \
	t/unit/dmarc_rua.t t/fuzz/dmarc.t t/fuzz/dmarc_rua.t
t_unit_dmarc_t_SOURCES = t/unit/dmarc.t.c t/unit/dmarc_run.h t/tap.h
t_unit_dmarc_t_LDADD = $(aver_libs)
t_unit_dmarc_error_t_SOURCES = t/unit/dmarc_error.t.c t/unit/dmarc_run.h \
	t/tap.h
t_unit_dmarc_error_t_LDADD = $(aver_libs)
t_unit_dmarc_record_t_SOURCES = t/unit/dmarc_record.t.c t/tap.h
t_unit_dmarc_record_t_LDADD = $(aver_libs)
t_fuzz_dmarc_t_SOURCES = t/fuzz/dmarc.c $(fuzz_main)
t_fuzz_dmarc_t_LDADD = $(aver_libs)
t_fuzz_dmarc_t_LDFLAGS = $(fuzz_ldflags)
t_unit_dmarc_rua_t_SOURCES = t/unit/dmarc_rua.t.c t/tap.h
t_unit_dmarc_rua_t_LDADD = $(aver_libs)
t_fuzz_dmarc_rua_t_SOURCES = t/fuzz/dmarc_rua.c $(fuzz_main)
t_fuzz_dmarc_rua_t_LDADD = $(aver_libs)
t_fuzz_dmarc_rua_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/dmarc t/fuzz/corpus/dmarc_rua
