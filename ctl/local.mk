# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

bin_PROGRAMS += aver
aver_SOURCES = ctl/main.c \
	ctl/check.c ctl/check.h \
	ctl/destinations.c ctl/destinations.h \
	ctl/policies.c ctl/policies.h \
	ctl/query.c ctl/query.h \
	ctl/query_print.c ctl/query_print.h \
	ctl/tls_setup.c ctl/tls_setup.h \
	ctl/cell.c ctl/cell.h \
	ctl/cmd_conf.c ctl/cmd_conf.h \
	ctl/cmd_eval.c ctl/cmd_eval.h \
	ctl/cmd_reload.c ctl/cmd_reload.h \
	ctl/eval_batch.c ctl/eval_batch.h \
	ctl/eval_json.c ctl/eval_json.h \
	ctl/eval_record.c ctl/eval_record.h \
	ctl/eval_report.c ctl/eval_report.h \
	ctl/eval_tlsa.c ctl/eval_tlsa.h \
	ctl/eval_run.c ctl/eval_run.h \
	ctl/eval_source.c ctl/eval_source.h \
	ctl/evaluations.c ctl/evaluations.h \
	ctl/report_file.c ctl/report_file.h \
	ctl/report_json.c ctl/report_print.h ctl/report_text.c \
	ctl/report_show.c ctl/report_show.h \
	ctl/json_text.c ctl/json_text.h \
	ctl/listing.c ctl/listing.h \
	ctl/reports.c ctl/reports.h \
	ctl/results.c ctl/results.h \
	ctl/results_import.c ctl/results_import.h \
	ctl/store.c ctl/store.h \
	ctl/portable.c ctl/portable.h \
	ctl/portable_file.c ctl/portable_file.h \
	ctl/store_check.c ctl/store_check.h \
	ctl/store_check_content.c ctl/store_check_files.c \
	ctl/store_check_reports.c \
	ctl/store_copy.c ctl/store_copy.h \
	ctl/store_export.c ctl/store_export.h \
	ctl/store_import.c ctl/store_import.h \
	ctl/suppress.c ctl/suppress.h \
	ctl/usage.c ctl/usage.h
aver_LDADD = $(aver_libs)

check_PROGRAMS += t/unit/cmd_conf.t
t_unit_cmd_conf_t_SOURCES = t/unit/cmd_conf.t.c t/tap.h \
	ctl/cmd_conf.c ctl/cmd_conf.h \
	ctl/cmd_reload.c ctl/cmd_reload.h \
	ctl/usage.c ctl/usage.h
t_unit_cmd_conf_t_LDADD = $(aver_libs)

check_PROGRAMS += t/unit/report_show.t
t_unit_report_show_t_SOURCES = t/unit/report_show.t.c t/tap.h \
	ctl/cell.c ctl/cell.h \
	ctl/report_file.c ctl/report_file.h \
	ctl/report_json.c ctl/report_print.h ctl/report_text.c \
	ctl/report_show.c ctl/report_show.h \
	ctl/usage.c ctl/usage.h
t_unit_report_show_t_LDADD = $(aver_libs)

check_PROGRAMS += t/fuzz/report_file.t
t_fuzz_report_file_t_SOURCES = t/fuzz/report_file.c $(fuzz_main) \
	ctl/cell.c ctl/cell.h \
	ctl/report_file.c ctl/report_file.h \
	ctl/report_json.c ctl/report_print.h ctl/report_text.c
t_fuzz_report_file_t_LDADD = $(aver_libs)
t_fuzz_report_file_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/report_file

check_PROGRAMS += t/unit/store_export.t t/fuzz/portable.t
t_unit_store_export_t_SOURCES = t/unit/store_export.t.c t/tap.h \
	ctl/json_text.c ctl/json_text.h \
	ctl/portable.c ctl/portable.h \
	ctl/portable_file.c ctl/portable_file.h \
	ctl/store_export.c ctl/store_export.h \
	ctl/store_import.c ctl/store_import.h
t_unit_store_export_t_LDADD = $(aver_libs)
t_fuzz_portable_t_SOURCES = t/fuzz/portable.c $(fuzz_main) \
	ctl/json_text.c ctl/json_text.h \
	ctl/portable.c ctl/portable.h \
	ctl/portable_file.c ctl/portable_file.h
t_fuzz_portable_t_LDADD = $(aver_libs)
t_fuzz_portable_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/portable
