# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	lib/zip/gz.c lib/zip/gz.h \
	lib/zip/inflate.c lib/zip/inflate.h \
	lib/zip/unzip.c lib/zip/unzip.h

check_PROGRAMS += t/unit/zip.t t/fuzz/zip.t
t_unit_zip_t_SOURCES = t/unit/zip.t.c t/tap.h
t_unit_zip_t_LDADD = $(aver_libs)
t_fuzz_zip_t_SOURCES = t/fuzz/zip.c $(fuzz_main)
t_fuzz_zip_t_LDADD = $(aver_libs)
t_fuzz_zip_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += t/fuzz/corpus/zip
