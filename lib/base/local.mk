# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/base/arena.c lib/base/arena.h \
	lib/base/b64.c lib/base/b64.h \
	lib/base/buf.c lib/base/buf.h \
	lib/base/chars.c lib/base/chars.h \
	lib/base/diag.c lib/base/diag.h \
	lib/base/err.c lib/base/err.h \
	lib/base/ip.c lib/base/ip.h \
	lib/base/mac.c lib/base/mac.h \
	lib/base/name.c lib/base/name.h \
	lib/base/scan.c lib/base/scan.h \
	lib/base/sha256.c lib/base/sha256.h \
	lib/base/span.c lib/base/span.h \
	lib/base/str.c lib/base/str.h
libaver_a_SOURCES += \
	lib/base/clock.c lib/base/clock.h \
	lib/base/file.c lib/base/file.h \
	lib/base/log.c lib/base/log.h
