# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/dns/dname.c lib/dns/dname.h \
	lib/dns/dns.c lib/dns/dns.h \
	lib/dns/dns_packet.c lib/dns/dns_packet.h \
	lib/dns/dns_trace.c lib/dns/dns_trace.h \
	lib/dns/dns_zone.c lib/dns/dns_zone.h \
	lib/dns/dns_zonedb.c lib/dns/dns_zonedb.h \
	lib/dns/rdata.c lib/dns/rdata.h
libaver_a_SOURCES += \
	lib/dns/dns_cache.c lib/dns/dns_cache.h \
	lib/dns/dns_conf.c lib/dns/dns_conf.h \
	lib/dns/dns_loop.c lib/dns/dns_loop.h \
	lib/dns/dns_settings.c lib/dns/dns_settings.h \
	lib/dns/dns_ubctx.c lib/dns/dns_ubctx.h \
	lib/dns/dns_unbound.c lib/dns/dns_unbound.h \
	lib/dns/dns_zone_file.c lib/dns/dns_zone_file.h

check_PROGRAMS += \
	t/unit/dns.t t/unit/dns_cache.t t/unit/dns_loop.t \
	t/unit/dns_packet.t t/unit/dns_settings.t t/unit/dns_zone.t \
	t/fuzz/dname.t t/fuzz/dns_packet.t t/fuzz/rdata.t t/fuzz/zone.t
t_unit_dns_t_SOURCES = t/unit/dns.t.c t/tap.h
t_unit_dns_t_LDADD = $(aver_libs)
t_unit_dns_cache_t_SOURCES = t/unit/dns_cache.t.c t/tap.h
t_unit_dns_cache_t_LDADD = $(aver_libs)
t_unit_dns_loop_t_SOURCES = t/unit/dns_loop.t.c t/tap.h
t_unit_dns_loop_t_LDADD = $(aver_libs)
t_unit_dns_packet_t_SOURCES = t/unit/dns_packet.t.c t/tap.h
t_unit_dns_packet_t_LDADD = $(aver_libs)
t_unit_dns_settings_t_SOURCES = t/unit/dns_settings.t.c t/tap.h
t_unit_dns_settings_t_LDADD = $(aver_libs)
t_unit_dns_zone_t_SOURCES = t/unit/dns_zone.t.c t/unit/tmpdir.h t/tap.h
t_unit_dns_zone_t_LDADD = $(aver_libs)
t_fuzz_dname_t_SOURCES = t/fuzz/dname.c $(fuzz_main)
t_fuzz_dname_t_LDADD = $(aver_libs)
t_fuzz_dname_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_dns_packet_t_SOURCES = t/fuzz/dns_packet.c $(fuzz_main)
t_fuzz_dns_packet_t_LDADD = $(aver_libs)
t_fuzz_dns_packet_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_rdata_t_SOURCES = t/fuzz/rdata.c $(fuzz_main)
t_fuzz_rdata_t_LDADD = $(aver_libs)
t_fuzz_rdata_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_zone_t_SOURCES = t/fuzz/zone.c $(fuzz_main)
t_fuzz_zone_t_LDADD = $(aver_libs)
t_fuzz_zone_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/dname t/fuzz/corpus/dns_packet \
	t/fuzz/corpus/rdata t/fuzz/corpus/zone

# the libunbound back end against a real nsd; dnsq is the program it drives
noinst_PROGRAMS += t/integ/dnsq
t_integ_dnsq_SOURCES = t/integ/dnsq.c
t_integ_dnsq_LDADD = $(aver_libs)
TESTS += t/integ/dns.t
EXTRA_DIST += t/integ/dns.t
