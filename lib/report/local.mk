# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/report/dsn.h \
	lib/report/message.h \
	lib/report/report_id.h \
	lib/report/verp.h \
	lib/report/report_mx.c lib/report/report_mx.h

check_PROGRAMS += t/unit/report_mx.t
t_unit_report_mx_t_SOURCES = t/unit/report_mx.t.c t/tap.h
t_unit_report_mx_t_LDADD = $(aver_libs)
