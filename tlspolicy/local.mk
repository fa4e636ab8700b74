# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	tlspolicy/engine.h
# the pure part: records, policies, decisions, answers
libpure_a_SOURCES += \
	tlspolicy/dane.h \
	tlspolicy/decision.h \
	tlspolicy/nexthop.h \
	tlspolicy/render.h \
	tlspolicy/requiretls.h \
	tlspolicy/sts_match.c tlspolicy/sts_match.h \
	tlspolicy/sts_policy.c tlspolicy/sts_policy.h \
	tlspolicy/sts_record.c tlspolicy/sts_record.h \
	tlspolicy/tls_table.h
libaver_a_SOURCES += tlspolicy/tls_table_file.h

check_PROGRAMS += t/unit/sts.t t/fuzz/sts.t
t_unit_sts_t_SOURCES = t/unit/sts.t.c t/tap.h
t_unit_sts_t_LDADD = $(aver_libs)
t_fuzz_sts_t_SOURCES = t/fuzz/sts.c $(fuzz_main)
t_fuzz_sts_t_LDADD = $(aver_libs)
t_fuzz_sts_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += t/fuzz/corpus/sts
