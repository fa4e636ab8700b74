# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

# pure: the transports read it too
libpure_a_SOURCES += lib/conf/transport_url.c lib/conf/transport_url.h
libaver_a_SOURCES += \
	lib/conf/check.c lib/conf/check.h \
	lib/conf/conf.c lib/conf/conf.h lib/conf/conf_print.c \
	lib/conf/items.c lib/conf/items.h \
	lib/conf/params.c lib/conf/params.h lib/conf/params_table.h \
	lib/conf/params_dns.c lib/conf/params_evaluation.c lib/conf/params_failure.c \
	lib/conf/params_find.c lib/conf/params_general.c \
	lib/conf/params_milter.c lib/conf/params_policyd.c lib/conf/params_tlsrpt.c \
	lib/conf/params_record.c lib/conf/params_report.c \
	lib/conf/params_tls.c \
	lib/conf/value.c lib/conf/value.h

check_PROGRAMS += t/unit/conf.t t/fuzz/conf.t
t_unit_conf_t_SOURCES = t/unit/conf.t.c t/tap.h
t_unit_conf_t_LDADD = $(aver_libs)
t_fuzz_conf_t_SOURCES = t/fuzz/conf.c $(fuzz_main)
t_fuzz_conf_t_LDADD = $(aver_libs)
t_fuzz_conf_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/conf
