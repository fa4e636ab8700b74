# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	collect/rows.c collect/rows.h \
	collect/tally.c collect/tally.h
