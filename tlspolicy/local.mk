# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

# the engine: DNS, HTTPS, cache
libpure_a_SOURCES += \
	tlspolicy/sts_addr.c tlspolicy/sts_addr.h
libaver_a_SOURCES += \
	tlspolicy/dane_lookup.c tlspolicy/dane_lookup.h \
	tlspolicy/engine.c tlspolicy/engine.h \
	tlspolicy/engine_conf.c \
	tlspolicy/sts_cache.c tlspolicy/sts_cache.h \
	tlspolicy/sts_fetch.c tlspolicy/sts_fetch.h \
	tlspolicy/sts_flight.c tlspolicy/sts_flight.h \
	tlspolicy/sts_keeper.c tlspolicy/sts_keeper.h \
	tlspolicy/sts_table.c tlspolicy/sts_table.h

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

check_PROGRAMS += t/unit/sts_addr.t t/unit/sts_cache.t
t_unit_sts_addr_t_SOURCES = t/unit/sts_addr.t.c t/tap.h
t_unit_sts_addr_t_LDADD = $(aver_libs)
t_unit_sts_cache_t_SOURCES = t/unit/sts_cache.t.c t/tap.h t/unit/tmpdir.h
t_unit_sts_cache_t_LDADD = $(aver_libs)
