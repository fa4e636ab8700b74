# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	lib/daemon/daemon.c lib/daemon/daemon.h \
	lib/daemon/daemon_dns.c lib/daemon/daemon_dns.h
