# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	lib/metrics/metrics.c lib/metrics/metrics.h \
	lib/metrics/metrics_daemon.c lib/metrics/metrics_daemon.h \
	lib/metrics/metrics_http.h \
	lib/metrics/metrics_listen.c lib/metrics/metrics_listen.h
if METRICS
libaver_a_SOURCES += lib/metrics/metrics_http.c
else
libaver_a_SOURCES += lib/metrics/metrics_http_none.c
endif

check_PROGRAMS += t/unit/metrics.t
t_unit_metrics_t_SOURCES = t/unit/metrics.t.c t/tap.h
t_unit_metrics_t_LDADD = $(aver_libs)

# serves some metrics, for t/integ/metrics.t
noinst_PROGRAMS += t/integ/metricsd
t_integ_metricsd_SOURCES = t/integ/metricsd.c
t_integ_metricsd_LDADD = $(aver_libs)
TESTS += t/integ/metrics.t
EXTRA_DIST += t/integ/metrics.t
