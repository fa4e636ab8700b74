# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

sbin_PROGRAMS += aver-milter
aver_milter_SOURCES = \
	milter/callbacks.c milter/callbacks.h \
	milter/forged.c milter/forged.h \
	milter/main.c \
	milter/milter_metrics.c milter/milter_metrics.h \
	milter/service.c milter/service.h \
	milter/session.c milter/session.h \
	milter/summary.c milter/summary.h \
	milter/tls_mark.c milter/tls_mark.h
aver_milter_LDADD = $(aver_libs) $(MILTER_LIBS)
if TSAN
aver_milter_SOURCES += t/tsan.c
endif

check_PROGRAMS += t/unit/milter_metrics.t t/unit/tls_mark.t
t_unit_tls_mark_t_SOURCES = t/unit/tls_mark.t.c t/tap.h \
	milter/tls_mark.c milter/tls_mark.h
t_unit_tls_mark_t_LDADD = $(aver_libs)
t_unit_milter_metrics_t_SOURCES = t/unit/milter_metrics.t.c t/tap.h \
	milter/milter_metrics.c milter/milter_metrics.h
t_unit_milter_metrics_t_LDADD = $(aver_libs)
