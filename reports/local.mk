# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

sbin_PROGRAMS += aver-report
aver_report_SOURCES = \
	reports/caps.c reports/caps.h \
	reports/command_bounce.c \
	reports/command_check.c \
	reports/command_dmarc.c \
	reports/command_failure.c \
	reports/command_tls.c \
	reports/commands.h \
	reports/dmarc_build.c reports/dmarc_build.h \
	reports/dmarc_plan.c reports/dmarc_plan.h \
	reports/dmarc_show.c reports/dmarc_show.h \
	reports/failure_build.c reports/failure_build.h \
	reports/https.c reports/https.h \
	reports/loop.c reports/loop.h \
	reports/main.c \
	reports/part.c reports/part.h \
	reports/plan.c reports/plan.h \
	reports/reporter.c reports/reporter.h \
	reports/run.c reports/run.h \
	reports/sender.c reports/sender.h \
	reports/submit.c reports/submit.h \
	reports/submit_claim.c reports/submit_int.h \
	reports/tls_build.c reports/tls_build.h \
	reports/tls_plan.c reports/tls_plan.h \
	reports/tls_show.c \
	reports/walk.c reports/walk.h \
	reports/window.c reports/window.h
aver_report_LDADD = $(aver_libs)

# makes evaluations for tests and benchmarks
noinst_PROGRAMS += t/integ/fill
t_integ_fill_SOURCES = t/integ/fill.c
t_integ_fill_LDADD = $(aver_libs)

# makes TLS results for the same
noinst_PROGRAMS += t/integ/filltls
t_integ_filltls_SOURCES = t/integ/filltls.c
t_integ_filltls_LDADD = $(aver_libs)

check_PROGRAMS += t/unit/window.t t/unit/report_caps.t t/unit/report_loop.t
t_unit_window_t_SOURCES = t/unit/window.t.c t/tap.h \
	reports/window.c reports/window.h
t_unit_window_t_LDADD = $(aver_libs)
t_unit_report_caps_t_SOURCES = t/unit/report_caps.t.c t/tap.h \
	t/unit/tmpdir.h reports/caps.c reports/caps.h
t_unit_report_caps_t_LDADD = $(aver_libs)
t_unit_report_loop_t_SOURCES = t/unit/report_loop.t.c t/tap.h \
	t/unit/tmpdir.h reports/loop.c reports/loop.h
t_unit_report_loop_t_LDADD = $(aver_libs)
check_PROGRAMS += t/unit/report_walk.t
t_unit_report_walk_t_SOURCES = t/unit/report_walk.t.c t/tap.h \
	reports/reporter.c reports/reporter.h reports/walk.c reports/walk.h
t_unit_report_walk_t_LDADD = $(aver_libs)
check_PROGRAMS += t/unit/report_drop.t
t_unit_report_drop_t_SOURCES = t/unit/report_drop.t.c t/tap.h \
	reports/part.c reports/part.h reports/window.c reports/window.h
t_unit_report_drop_t_LDADD = $(aver_libs)

https_of_reports = reports/https.c reports/https.h
check_PROGRAMS += t/unit/report_https.t t/fuzz/https_url.t
t_unit_report_https_t_SOURCES = t/unit/report_https.t.c t/tap.h \
	$(https_of_reports) reports/plan.c reports/plan.h \
	reports/tls_plan.c reports/tls_plan.h reports/window.c reports/window.h \
	reports/reporter.c reports/reporter.h
t_unit_report_https_t_LDADD = $(aver_libs)
t_fuzz_https_url_t_SOURCES = t/fuzz/https_url.c $(fuzz_main) \
	$(https_of_reports)
t_fuzz_https_url_t_LDADD = $(aver_libs)
t_fuzz_https_url_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/https_url
