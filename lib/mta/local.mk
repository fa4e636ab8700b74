# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += lib/mta/child.c lib/mta/child.h \
	lib/mta/postfix.c lib/mta/postfix.h

check_PROGRAMS += t/unit/postfix_facts.t
t_unit_postfix_facts_t_SOURCES = t/unit/postfix_facts.t.c t/unit/tmpdir.h \
	t/tap.h
t_unit_postfix_facts_t_LDADD = $(aver_libs)
