# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	lib/http/http.c lib/http/http.h \
	lib/http/http_perform.c
