# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/http/http_answer.c lib/http/http_answer.h
libaver_a_SOURCES += \
	lib/http/http.c lib/http/http.h \
	lib/http/http_conn.c lib/http/http_conn.h \
	lib/http/http_perform.c \
	lib/http/http_trust.c lib/http/http_trust.h

check_PROGRAMS += t/unit/http.t t/unit/http_answer.t t/fuzz/http_answer.t
t_unit_http_t_SOURCES = t/unit/http.t.c t/tap.h
t_unit_http_t_LDADD = $(aver_libs)
t_unit_http_answer_t_SOURCES = t/unit/http_answer.t.c t/tap.h
t_unit_http_answer_t_LDADD = $(aver_libs)
t_fuzz_http_answer_t_SOURCES = t/fuzz/http_answer.c $(fuzz_main)
t_fuzz_http_answer_t_LDADD = $(aver_libs)
t_fuzz_http_answer_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/http_answer
