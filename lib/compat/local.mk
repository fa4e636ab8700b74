# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += lib/compat/compat.c lib/compat/compat.h

check_PROGRAMS += t/unit/compat.t
t_unit_compat_t_SOURCES = t/unit/compat.t.c t/tap.h
t_unit_compat_t_LDADD = $(aver_libs)
