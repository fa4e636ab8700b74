# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/arf/arf.c lib/arf/arf.h lib/arf/arf_write.c \
	lib/arf/incident.c lib/arf/incident.h \
	lib/arf/redact.c lib/arf/redact.h

check_PROGRAMS += t/unit/arf.t t/fuzz/incident.t
t_unit_arf_t_SOURCES = t/unit/arf.t.c t/tap.h
t_unit_arf_t_LDADD = $(aver_libs)
t_fuzz_incident_t_SOURCES = t/fuzz/incident.c $(fuzz_main)
t_fuzz_incident_t_LDADD = $(aver_libs)
t_fuzz_incident_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/incident
