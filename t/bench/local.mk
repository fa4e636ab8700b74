# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# `make bench`: never part of `make check`. See t/bench/run.sh.

EXTRA_PROGRAMS = t/bench/load t/bench/floor t/bench/nullmilter \
	t/bench/redis t/bench/store
bench_programs = t/bench/load$(EXEEXT) t/bench/floor$(EXEEXT) \
	t/bench/nullmilter$(EXEEXT)
t_bench_load_SOURCES = \
	t/bench/load.c \
	t/bench/mail.c t/bench/mail.h \
	t/bench/mta.c t/bench/mta.h \
	t/bench/proc.c t/bench/proc.h
t_bench_load_LDADD = -lpthread
t_bench_floor_SOURCES = t/bench/floor.c t/bench/mail.c t/bench/mail.h
t_bench_floor_LDADD = $(CRYPTO_LIBS)
t_bench_nullmilter_SOURCES = t/bench/nullmilter.c
t_bench_nullmilter_LDADD = $(MILTER_LIBS)
t_bench_redis_SOURCES = t/bench/redis.c
t_bench_redis_LDADD = $(aver_libs)
t_bench_store_SOURCES = t/bench/store.c
t_bench_store_LDADD = $(aver_libs)
EXTRA_DIST += t/bench/corpus.py t/bench/mail.sh t/bench/reports.sh \
	t/bench/run.sh t/bench/stores.sh
MOSTLYCLEANFILES += $(bench_programs) t/bench/redis$(EXEEXT) \
	t/bench/store$(EXEEXT)

# aver-policyd, see t/bench/policyd.sh
EXTRA_PROGRAMS += t/bench/mapload t/bench/nullmap
bench_policyd_programs = t/bench/mapload$(EXEEXT) t/bench/nullmap$(EXEEXT)
t_bench_mapload_SOURCES = t/bench/mapload.c t/bench/sockets.h \
	t/bench/proc.c t/bench/proc.h
t_bench_mapload_LDADD = -lpthread
t_bench_nullmap_SOURCES = t/bench/nullmap.c t/bench/sockets.h
t_bench_nullmap_LDADD = -lpthread
EXTRA_DIST += t/bench/policyd.sh t/bench/policyd_cold.sh t/bench/shell.sh
MOSTLYCLEANFILES += $(bench_policyd_programs)

bench-policyd: aver-policyd$(EXEEXT) $(bench_policyd_programs)
	$(srcdir)/t/bench/policyd.sh $(abs_top_srcdir) $(abs_top_builddir)
	$(srcdir)/t/bench/policyd_cold.sh $(abs_top_srcdir) \
		$(abs_top_builddir)

bench: aver-milter$(EXEEXT) $(bench_programs)
	$(srcdir)/t/bench/run.sh $(abs_top_srcdir) $(abs_top_builddir)

# what the store costs the milter: see t/bench/stores.sh
bench-stores: aver-milter$(EXEEXT) $(bench_programs)
	$(srcdir)/t/bench/stores.sh $(abs_top_srcdir) $(abs_top_builddir)

# the store alone: one million rows of 10 000 domains, and of one; on Redis
# also one million evaluations of a usual mix
bench-store: t/bench/store$(EXEEXT) t/bench/redis$(EXEEXT)
	rm -rf t/bench/store-data && $(MKDIR_P) t/bench/store-data
	t/bench/store$(EXEEXT) sqlite:t/bench/store-data/many.db 10000 100
	rm -f t/bench/store-data/many.db*
	t/bench/store$(EXEEXT) sqlite:t/bench/store-data/one.db 1 1000000
	rm -f t/bench/store-data/one.db*
	t/bench/redis$(EXEEXT) $(abs_top_builddir)/t/bench/store-data 1000000 1000000
	rm -rf t/bench/store-data

# what reports cost: see t/bench/reports.sh
bench-reports: aver-report$(EXEEXT) t/integ/fill$(EXEEXT) \
		t/integ/filltls$(EXEEXT)
	$(srcdir)/t/bench/reports.sh $(abs_top_srcdir) $(abs_top_builddir)

bench-clean:
	rm -rf t/bench/data

clean-local: bench-clean

.PHONY: bench bench-policyd bench-store bench-stores bench-clean
