# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	lib/tlsrpt/tlsrpt_report.h
libpure_a_SOURCES += \
	lib/tlsrpt/tlsrpt_result.h
