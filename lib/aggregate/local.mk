# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	lib/aggregate/aggregate_write.h \
	lib/aggregate/aggregate_read.h
