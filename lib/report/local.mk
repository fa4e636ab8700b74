# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/report/dsn.h \
	lib/report/message.h \
	lib/report/report_id.h \
	lib/report/verp.h
