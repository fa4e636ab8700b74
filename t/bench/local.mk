# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# `make bench`: never part of `make check`. See t/bench/run.sh.

EXTRA_PROGRAMS = t/bench/load t/bench/floor t/bench/nullmilter
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
EXTRA_DIST += t/bench/corpus.py t/bench/run.sh
MOSTLYCLEANFILES += $(bench_programs)

bench: aver-milter$(EXEEXT) $(bench_programs)
	$(srcdir)/t/bench/run.sh $(abs_top_srcdir) $(abs_top_builddir)

bench-clean:
	rm -rf t/bench/data

clean-local: bench-clean

.PHONY: bench bench-clean
