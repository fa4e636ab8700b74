# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	lib/aggregate/aggregate_text.c \
	lib/aggregate/aggregate_write.c lib/aggregate/aggregate_write.h \
	lib/aggregate/aggregate_read.h

check_PROGRAMS += t/unit/aggregate_write.t
t_unit_aggregate_write_t_SOURCES = t/unit/aggregate_write.t.c t/tap.h
t_unit_aggregate_write_t_LDADD = $(aver_libs)
