# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# The lints, the tests of lib/base and lib/tag, and the integration tests.
# Unit tests and fuzz targets of the other modules stand in their local.mk.

lint_tests = \
	t/lint/banned.t \
	t/lint/commands.t \
	t/lint/format.t \
	t/lint/headers.t \
	t/lint/layers.t \
	t/lint/man.t \
	t/lint/params.t \
	t/lint/pure.t \
	t/lint/rfcs.t \
	t/lint/size.t \
	t/lint/text.t

# with real programs around ours; each one skips with its reason when it
# cannot run here
integ_tests = \
	t/integ/sts_fleet.t \
	t/integ/chaos.t \
	t/integ/commands.t \
	t/integ/conformance.t \
	t/integ/count.t \
	t/integ/sendmail_tls.t \
	t/integ/start.t \
	t/integ/store.t \
	t/integ/tls_delivery_new.t \
	t/integ/tls_forms.t \
	t/integ/failure.t \
	t/integ/flood.t \
	t/integ/forged.t \
	t/integ/milter_metrics.t t/integ/milter_stop.t \
	t/integ/policy.t \
	t/integ/policyd.t \
	t/integ/postfix.t \
	t/integ/redis.t \
	t/integ/redis_chaos.t \
	t/integ/redis_reports.t \
	t/integ/reports.t \
	t/integ/reports_day.t \
	t/integ/reports_kill.t \
	t/integ/report_mail.t \
	t/integ/report_senders.t \
	t/integ/sendmail.t \
	t/integ/tls_reports.t \
	t/integ/tls_reports_kill.t \
	t/integ/tls_reports_mail.t \
	t/integ/tls_required.t \
	t/integ/sts_fetch.t \
	t/integ/tls_delivery.t \
	t/integ/tlspolicy.t t/integ/tlsrpt.t \
	t/integ/tlsrpt_live.t

TESTS += $(lint_tests) $(integ_tests)
EXTRA_DIST += $(lint_tests) $(integ_tests) \
	t/integ/conformance.skip t/integ/kill_lab.py t/integ/lab.py \
	t/integ/offline.c t/integ/sendmail_lab.py t/integ/tlsrep_lab.py \
	t/integ/tlsrpt.schema.json t/integ/tls_lab.py \
	t/integ/redis_lab.py t/integ/reports_lab.py \
	t/integ/chaos_lab.py t/integ/chaos_check.py t/integ/jumpclock.c \
	t/integ/longpoll.c \
	t/lint/lint.py t/lint/pure.allow t/lint/rfcs.py t/lint/size.allow \
	lib/LAYERS .ci/run

check_PROGRAMS += \
	t/unit/base.t t/unit/ip.t t/unit/tag.t \
	t/fuzz/b64.t t/fuzz/ip.t t/fuzz/tag.t
noinst_HEADERS += t/tap.h
t_unit_base_t_SOURCES = t/unit/base.t.c t/tap.h
t_unit_base_t_LDADD = $(aver_libs)
t_unit_ip_t_SOURCES = t/unit/ip.t.c t/tap.h
t_unit_ip_t_LDADD = $(aver_libs)
t_unit_tag_t_SOURCES = t/unit/tag.t.c t/tap.h
t_unit_tag_t_LDADD = $(aver_libs)
t_fuzz_b64_t_SOURCES = t/fuzz/b64.c $(fuzz_main)
t_fuzz_b64_t_LDADD = $(aver_libs)
t_fuzz_b64_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_ip_t_SOURCES = t/fuzz/ip.c $(fuzz_main)
t_fuzz_ip_t_LDADD = $(aver_libs)
t_fuzz_ip_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_tag_t_SOURCES = t/fuzz/tag.c $(fuzz_main)
t_fuzz_tag_t_LDADD = $(aver_libs)
t_fuzz_tag_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/replay.c \
	t/fuzz/corpus/b64 t/fuzz/corpus/ip t/fuzz/corpus/tag
EXTRA_DIST += t/integ/tls_site.py

# clients of a milter for t/integ/chaos.t
noinst_PROGRAMS += t/integ/milterload
t_integ_milterload_SOURCES = t/integ/milterload.c \
	t/bench/mail.h t/bench/mta.c t/bench/mta.h
t_integ_milterload_LDADD = -lpthread
