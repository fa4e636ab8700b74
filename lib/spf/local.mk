# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/spf/spf.h \
	lib/spf/spf_ctx.c lib/spf/spf_ctx.h \
	lib/spf/spf_eval.c \
	lib/spf/spf_macro.c lib/spf/spf_macro.h \
	lib/spf/spf_name.c \
	lib/spf/spf_policy.c lib/spf/spf_policy.h \
	lib/spf/spf_received.c \
	lib/spf/spf_record.c lib/spf/spf_record.h \
	lib/spf/spf_value.c lib/spf/spf_value.h

check_PROGRAMS += t/unit/spf.t t/unit/spf_record.t t/fuzz/spf.t
t_unit_spf_t_SOURCES = t/unit/spf.t.c t/tap.h
t_unit_spf_t_LDADD = $(aver_libs)
t_unit_spf_record_t_SOURCES = t/unit/spf_record.t.c t/tap.h
t_unit_spf_record_t_LDADD = $(aver_libs)
t_fuzz_spf_t_SOURCES = t/fuzz/spf.c $(fuzz_main)
t_fuzz_spf_t_LDADD = $(aver_libs)
t_fuzz_spf_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += t/fuzz/corpus/spf
