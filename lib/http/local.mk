# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	lib/http/http.c lib/http/http.h \
	lib/http/http_perform.c \
	lib/http/http_roots.c lib/http/http_roots.h

check_PROGRAMS += t/unit/http.t
t_unit_http_t_SOURCES = t/unit/http.t.c t/tap.h
t_unit_http_t_LDADD = $(aver_libs)
