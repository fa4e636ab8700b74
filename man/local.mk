# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# The pages hold the paths of this build, and aver.conf(5) the table of
# lib/conf/params_*.c: a program of the build makes them from man/PAGE.in.

noinst_PROGRAMS += man/genman
man_genman_SOURCES = man/genman.c
man_genman_CPPFLAGS = $(AM_CPPFLAGS) -DAVER_SBINDIR=\"$(sbindir)\"
man_genman_LDADD = libaver.a libpure.a

man_pages = man/aver.1 man/aver.conf.5 man/aver-policy_table.5 \
	man/aver-tls_policy_table.5 \
	man/aver-milter.8 man/aver-policyd.8 man/aver-report.8
man_MANS += $(man_pages)
CLEANFILES += $(man_pages)
EXTRA_DIST += man/aver.1.in man/aver.conf.5.in \
	man/aver-policy_table.5.in man/aver-tls_policy_table.5.in \
	man/aver-milter.8.in man/aver-policyd.8.in man/aver-report.8.in

# a page of a newer table or of other paths: genman is newer then
man/aver.1: man/aver.1.in man/genman$(EXEEXT)
man/aver.conf.5: man/aver.conf.5.in man/genman$(EXEEXT)
man/aver-policy_table.5: man/aver-policy_table.5.in man/genman$(EXEEXT)
man/aver-tls_policy_table.5: man/aver-tls_policy_table.5.in \
	man/genman$(EXEEXT)
man/aver-milter.8: man/aver-milter.8.in man/genman$(EXEEXT)
man/aver-policyd.8: man/aver-policyd.8.in man/genman$(EXEEXT)
man/aver-report.8: man/aver-report.8.in man/genman$(EXEEXT)
$(man_pages):
	$(AM_V_GEN)$(MKDIR_P) man && \
	./man/genman$(EXEEXT) <$(srcdir)/$@.in >$@.tmp && mv $@.tmp $@
