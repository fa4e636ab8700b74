# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += lib/iprev/iprev.c lib/iprev/iprev.h

check_PROGRAMS += t/unit/iprev.t
t_unit_iprev_t_SOURCES = t/unit/iprev.t.c t/tap.h
t_unit_iprev_t_LDADD = $(aver_libs)
