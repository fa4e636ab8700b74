# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/report/dsn.c lib/report/dsn.h \
	lib/report/dsn_legacy.c lib/report/dsn_legacy.h \
	lib/report/message.c lib/report/message.h \
	lib/report/message_text.c lib/report/message_text.h \
	lib/report/report_id.c lib/report/report_id.h \
	lib/report/verp.c lib/report/verp.h \
	lib/report/report_mx.c lib/report/report_mx.h

check_PROGRAMS += \
	t/unit/dsn.t t/unit/message.t t/unit/report_id.t t/unit/report_mx.t \
	t/fuzz/dsn.t t/fuzz/verp.t
t_unit_dsn_t_SOURCES = t/unit/dsn.t.c t/tap.h
t_unit_dsn_t_LDADD = $(aver_libs)
t_unit_message_t_SOURCES = t/unit/message.t.c t/unit/dkim_keys.h t/tap.h
t_unit_message_t_LDADD = $(aver_libs)
t_unit_report_id_t_SOURCES = t/unit/report_id.t.c t/tap.h
t_unit_report_id_t_LDADD = $(aver_libs)
t_fuzz_dsn_t_SOURCES = t/fuzz/dsn.c $(fuzz_main)
t_fuzz_dsn_t_LDADD = $(aver_libs)
t_fuzz_dsn_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_verp_t_SOURCES = t/fuzz/verp.c $(fuzz_main)
t_fuzz_verp_t_LDADD = $(aver_libs)
t_fuzz_verp_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/dsn t/fuzz/corpus/verp
t_unit_report_mx_t_SOURCES = t/unit/report_mx.t.c t/tap.h
t_unit_report_mx_t_LDADD = $(aver_libs)

# what other programs make of the mail; reportmail writes it
noinst_PROGRAMS += t/integ/reportmail
t_integ_reportmail_SOURCES = t/integ/reportmail.c
t_integ_reportmail_LDADD = $(aver_libs)
