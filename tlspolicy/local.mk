# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

# the engine: DNS, HTTPS, cache
libpure_a_SOURCES += \
	tlspolicy/sts_addr.c tlspolicy/sts_addr.h
libaver_a_SOURCES += \
	tlspolicy/dane_lookup.c tlspolicy/dane_lookup.h \
	tlspolicy/engine.c tlspolicy/engine.h \
	tlspolicy/engine_conf.c \
	tlspolicy/seen.c tlspolicy/seen.h \
	tlspolicy/sts_cache.c tlspolicy/sts_cache.h \
	tlspolicy/sts_copy.c tlspolicy/sts_copy.h \
	tlspolicy/sts_fetch.c tlspolicy/sts_fetch.h \
	tlspolicy/sts_fleet.c tlspolicy/sts_fleet.h \
	tlspolicy/sts_flight.c tlspolicy/sts_flight.h \
	tlspolicy/sts_keeper.c tlspolicy/sts_keeper.h \
	tlspolicy/sts_keeper_int.h tlspolicy/sts_keeper_write.c \
	tlspolicy/sts_load.c tlspolicy/sts_load.h \
	tlspolicy/sts_table.c tlspolicy/sts_table.h

# the pure part: records, policies, decisions, answers
libpure_a_SOURCES += \
	tlspolicy/dane.c tlspolicy/dane.h \
	tlspolicy/decision.c tlspolicy/decision.h \
	tlspolicy/nexthop.c tlspolicy/nexthop.h \
	tlspolicy/render.c tlspolicy/render.h \
	tlspolicy/render_check.c \
	tlspolicy/render_profile.c \
	tlspolicy/require_table.c \
	tlspolicy/requiretls.c tlspolicy/requiretls.h \
	tlspolicy/sts_match.c tlspolicy/sts_match.h \
	tlspolicy/sts_policy.c tlspolicy/sts_policy.h \
	tlspolicy/sts_record.c tlspolicy/sts_record.h \
	tlspolicy/tls_lines.c tlspolicy/tls_lines.h \
	tlspolicy/tls_table.c tlspolicy/tls_table.h
libaver_a_SOURCES += \
	tlspolicy/tls_conf.c tlspolicy/tls_conf.h \
	tlspolicy/tls_table_file.c tlspolicy/tls_table_file.h

check_PROGRAMS += t/unit/sts.t t/fuzz/sts.t
t_unit_sts_t_SOURCES = t/unit/sts.t.c t/tap.h
t_unit_sts_t_LDADD = $(aver_libs)
t_fuzz_sts_t_SOURCES = t/fuzz/sts.c $(fuzz_main)
t_fuzz_sts_t_LDADD = $(aver_libs)
t_fuzz_sts_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += t/fuzz/corpus/sts

sts_host = t/unit/sts_host.h t/tap.h t/unit/tmpdir.h
check_PROGRAMS += t/unit/sts_addr.t t/unit/sts_cache.t t/unit/sts_fleet.t
t_unit_sts_fleet_t_SOURCES = t/unit/sts_fleet.t.c $(sts_host)
t_unit_sts_fleet_t_LDADD = $(aver_libs)
check_PROGRAMS += t/unit/sts_copy.t
t_unit_sts_copy_t_SOURCES = t/unit/sts_copy.t.c $(sts_host)
t_unit_sts_copy_t_LDADD = $(aver_libs)
t_unit_sts_addr_t_SOURCES = t/unit/sts_addr.t.c t/tap.h
t_unit_sts_addr_t_LDADD = $(aver_libs)
t_unit_sts_cache_t_SOURCES = t/unit/sts_cache.t.c $(sts_host)
t_unit_sts_cache_t_LDADD = $(aver_libs)
check_PROGRAMS += t/unit/dane.t t/unit/nexthop.t t/unit/tls_table.t \
	t/unit/tls_decide.t
t_unit_dane_t_SOURCES = t/unit/dane.t.c t/tap.h
t_unit_dane_t_LDADD = $(aver_libs)
t_unit_nexthop_t_SOURCES = t/unit/nexthop.t.c t/tap.h
t_unit_nexthop_t_LDADD = $(aver_libs)
t_unit_tls_table_t_SOURCES = t/unit/tls_table.t.c t/tap.h t/unit/tmpdir.h
t_unit_tls_table_t_LDADD = $(aver_libs)
t_unit_tls_decide_t_SOURCES = t/unit/tls_decide.t.c t/tap.h
t_unit_tls_decide_t_LDADD = $(aver_libs)

check_PROGRAMS += t/fuzz/nexthop.t t/fuzz/tls_table.t t/fuzz/tls_render.t \
	t/fuzz/tlsa.t
t_fuzz_nexthop_t_SOURCES = t/fuzz/nexthop.c $(fuzz_main)
t_fuzz_nexthop_t_LDADD = $(aver_libs)
t_fuzz_nexthop_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_tls_table_t_SOURCES = t/fuzz/tls_table.c $(fuzz_main)
t_fuzz_tls_table_t_LDADD = $(aver_libs)
t_fuzz_tls_table_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_tls_render_t_SOURCES = t/fuzz/tls_render.c $(fuzz_main)
t_fuzz_tls_render_t_LDADD = $(aver_libs)
t_fuzz_tls_render_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_tlsa_t_SOURCES = t/fuzz/tlsa.c $(fuzz_main)
t_fuzz_tlsa_t_LDADD = $(aver_libs)
t_fuzz_tlsa_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += t/fuzz/corpus/nexthop t/fuzz/corpus/tls_table \
	t/fuzz/corpus/tls_render t/fuzz/corpus/tlsa
check_PROGRAMS += t/unit/dane_lookup.t t/unit/engine.t
t_unit_dane_lookup_t_SOURCES = t/unit/dane_lookup.t.c t/tap.h
t_unit_dane_lookup_t_LDADD = $(aver_libs)
t_unit_engine_t_SOURCES = t/unit/engine.t.c t/tap.h t/unit/tmpdir.h
t_unit_engine_t_LDADD = $(aver_libs)
