# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	lib/tlsrpt/tlsrpt_report.c \
	lib/tlsrpt/tlsrpt_write.c lib/tlsrpt/tlsrpt_write.h
libpure_a_SOURCES += \
	lib/tlsrpt/json_pull.c lib/tlsrpt/json_pull.h \
	lib/tlsrpt/postfix_line.c lib/tlsrpt/postfix_line.h \
	lib/tlsrpt/postfix_log.c lib/tlsrpt/postfix_log.h \
	lib/tlsrpt/postfix_stamp.c \
	lib/tlsrpt/tlsrpt_codec.c lib/tlsrpt/tlsrpt_codec.h \
	lib/tlsrpt/tlsrpt_datagram.c lib/tlsrpt/tlsrpt_datagram.h \
	lib/tlsrpt/tlsrpt_record.c lib/tlsrpt/tlsrpt_record.h \
	lib/tlsrpt/tlsrpt_report.h \
	lib/tlsrpt/tlsrpt_result.c lib/tlsrpt/tlsrpt_result.h

check_PROGRAMS += t/unit/tlsrpt_record.t t/fuzz/tlsrpt_record.t
t_unit_tlsrpt_record_t_SOURCES = t/unit/tlsrpt_record.t.c t/tap.h
t_unit_tlsrpt_record_t_LDADD = $(aver_libs)
t_fuzz_tlsrpt_record_t_SOURCES = t/fuzz/tlsrpt_record.c $(fuzz_main)
t_fuzz_tlsrpt_record_t_LDADD = $(aver_libs)
t_fuzz_tlsrpt_record_t_LDFLAGS = $(fuzz_ldflags)

check_PROGRAMS += t/unit/tlsrpt_report.t t/fuzz/tlsrpt_report.t
t_unit_tlsrpt_report_t_SOURCES = t/unit/tlsrpt_report.t.c t/tap.h
t_unit_tlsrpt_report_t_LDADD = $(aver_libs)
t_fuzz_tlsrpt_report_t_SOURCES = t/fuzz/tlsrpt_report.c $(fuzz_main)
t_fuzz_tlsrpt_report_t_LDADD = $(aver_libs)
t_fuzz_tlsrpt_report_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += t/fuzz/corpus/tlsrpt_report
EXTRA_DIST += t/fuzz/corpus/tlsrpt_record

check_PROGRAMS += t/unit/tlsrpt_datagram.t t/fuzz/tlsrpt_datagram.t
t_unit_tlsrpt_datagram_t_SOURCES = t/unit/tlsrpt_datagram.t.c t/tap.h
t_unit_tlsrpt_datagram_t_LDADD = $(aver_libs)
t_fuzz_tlsrpt_datagram_t_SOURCES = t/fuzz/tlsrpt_datagram.c $(fuzz_main)
t_fuzz_tlsrpt_datagram_t_LDADD = $(aver_libs)
t_fuzz_tlsrpt_datagram_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += t/fuzz/corpus/tlsrpt_datagram

check_PROGRAMS += t/unit/postfix_log.t t/fuzz/postfix_log.t
t_unit_postfix_log_t_SOURCES = t/unit/postfix_log.t.c t/tap.h
t_unit_postfix_log_t_LDADD = $(aver_libs)
t_fuzz_postfix_log_t_SOURCES = t/fuzz/postfix_log.c $(fuzz_main)
t_fuzz_postfix_log_t_LDADD = $(aver_libs)
t_fuzz_postfix_log_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += t/fuzz/corpus/postfix_log

check_PROGRAMS += t/unit/tlsrpt_write.t
t_unit_tlsrpt_write_t_SOURCES = t/unit/tlsrpt_write.t.c t/tap.h
t_unit_tlsrpt_write_t_LDADD = $(aver_libs)
