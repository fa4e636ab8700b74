# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/inbound/inbound.c lib/inbound/inbound.h \
	lib/inbound/inbound_authres.c \
	lib/inbound/inbound_dmarc.c lib/inbound/inbound_dmarc.h \
	lib/inbound/inbound_incident.c lib/inbound/inbound_incident.h \
	lib/inbound/inbound_policy.c lib/inbound/inbound_policy.h \
	lib/inbound/inbound_record.c
libaver_a_SOURCES += lib/inbound/inbound_conf.c lib/inbound/inbound_conf.h

check_PROGRAMS += t/unit/inbound.t
t_unit_inbound_t_SOURCES = t/unit/inbound.t.c t/tap.h
t_unit_inbound_t_LDADD = $(aver_libs)
