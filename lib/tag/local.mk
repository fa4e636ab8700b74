# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/tag/fields.c lib/tag/fields.h \
	lib/tag/tag.c lib/tag/tag.h
