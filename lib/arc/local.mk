# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/arc/arc.h \
	lib/arc/arc_field.c lib/arc/arc_field.h \
	lib/arc/arc_key.c lib/arc/arc_key.h \
	lib/arc/arc_names.c \
	lib/arc/arc_verify.c

check_PROGRAMS += t/unit/arc.t t/fuzz/arc.t
t_unit_arc_t_SOURCES = t/unit/arc.t.c t/unit/arc_seal.h t/tap.h
t_unit_arc_t_LDADD = $(aver_libs)
t_fuzz_arc_t_SOURCES = t/fuzz/arc.c $(fuzz_main)
t_fuzz_arc_t_LDADD = $(aver_libs)
t_fuzz_arc_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/arc
