# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	lib/aggregate/aggregate_element.c lib/aggregate/aggregate_element.h \
	lib/aggregate/aggregate_read.c lib/aggregate/aggregate_read.h \
	lib/aggregate/aggregate_text.c \
	lib/aggregate/aggregate_write.c lib/aggregate/aggregate_write.h

check_PROGRAMS += \
	t/unit/aggregate_read.t t/unit/aggregate_schema.t \
	t/unit/aggregate_write.t
t_unit_aggregate_read_t_SOURCES = t/unit/aggregate_read.t.c t/tap.h
t_unit_aggregate_read_t_LDADD = $(aver_libs)
t_unit_aggregate_schema_t_SOURCES = t/unit/aggregate_schema.t.c t/tap.h \
	t/unit/aggregate_check.h t/unit/aggregate_gen.h
t_unit_aggregate_schema_t_LDADD = $(aver_libs)
t_unit_aggregate_write_t_SOURCES = t/unit/aggregate_write.t.c t/tap.h
t_unit_aggregate_write_t_LDADD = $(aver_libs)

check_PROGRAMS += t/fuzz/aggregate_read.t t/fuzz/aggregate_write.t
t_fuzz_aggregate_read_t_SOURCES = t/fuzz/aggregate_read.c $(fuzz_main)
t_fuzz_aggregate_read_t_LDADD = $(aver_libs)
t_fuzz_aggregate_read_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_aggregate_write_t_SOURCES = t/fuzz/aggregate_write.c $(fuzz_main) \
	t/unit/aggregate_check.h t/unit/aggregate_gen.h
t_fuzz_aggregate_write_t_LDADD = $(aver_libs)
t_fuzz_aggregate_write_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += \
	t/fuzz/corpus/aggregate_read t/fuzz/corpus/aggregate_write

# what t/integ/aggregate.t has read by programs that are not ours
noinst_PROGRAMS += t/integ/aggregen
t_integ_aggregen_SOURCES = t/integ/aggregen.c
t_integ_aggregen_LDADD = $(aver_libs)
TESTS += t/integ/aggregate.t
EXTRA_DIST += t/integ/aggregate.t
