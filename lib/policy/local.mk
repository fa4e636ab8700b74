# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/policy/policy_action.c lib/policy/policy_action.h \
	lib/policy/policy_decide.c \
	lib/policy/policy_index.c \
	lib/policy/policy_parse.c \
	lib/policy/policy_reply.c lib/policy/policy_reply.h \
	lib/policy/policy_rule.h \
	lib/policy/policy_table.h
libaver_a_SOURCES += lib/policy/policy_file.c lib/policy/policy_file.h

check_PROGRAMS += t/unit/policy.t t/fuzz/policy.t
t_unit_policy_t_SOURCES = t/unit/policy.t.c t/tap.h
t_unit_policy_t_LDADD = $(aver_libs)
t_fuzz_policy_t_SOURCES = t/fuzz/policy.c $(fuzz_main)
t_fuzz_policy_t_LDADD = $(aver_libs)
t_fuzz_policy_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += t/fuzz/corpus/policy
