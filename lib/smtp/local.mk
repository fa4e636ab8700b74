# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/smtp/credentials.c lib/smtp/credentials.h \
	lib/smtp/smtp_ehlo.c lib/smtp/smtp_ehlo.h \
	lib/smtp/smtp_reply.c lib/smtp/smtp_reply.h \
	lib/smtp/smtp_text.c lib/smtp/smtp_text.h
libaver_a_SOURCES += \
	lib/smtp/credentials_file.c lib/smtp/credentials_file.h \
	lib/smtp/sasl.h \
	lib/smtp/smtp_auth.c lib/smtp/smtp_client.h \
	lib/smtp/smtp_conn.c lib/smtp/smtp_conn.h \
	lib/smtp/smtp_io.c lib/smtp/smtp_io.h \
	lib/smtp/smtp_open.c \
	lib/smtp/smtp_resolve.c lib/smtp/smtp_resolve.h \
	lib/smtp/smtp_send.c \
	lib/smtp/tls_client.c lib/smtp/tls_client.h \
	lib/smtp/tls_result.c lib/smtp/tls_result.h \
	lib/smtp/tls_verify.c lib/smtp/tls_verify.h \
	lib/smtp/transport.c lib/smtp/transport.h \
	lib/smtp/transport_directory.c lib/smtp/transport_ops.h \
	lib/smtp/transport_sendmail.c lib/smtp/transport_smtp.c
if SASL
libaver_a_SOURCES += lib/smtp/sasl_gsasl.c
else
libaver_a_SOURCES += lib/smtp/sasl_none.c
endif

check_PROGRAMS += \
	t/unit/smtp_reply.t t/unit/smtp_text.t \
	t/fuzz/smtp_reply.t t/fuzz/smtp_text.t
t_unit_smtp_reply_t_SOURCES = t/unit/smtp_reply.t.c t/tap.h
t_unit_smtp_reply_t_LDADD = $(aver_libs)
t_unit_smtp_text_t_SOURCES = t/unit/smtp_text.t.c t/tap.h
t_unit_smtp_text_t_LDADD = $(aver_libs)
t_fuzz_smtp_reply_t_SOURCES = t/fuzz/smtp_reply.c $(fuzz_main)
t_fuzz_smtp_reply_t_LDADD = $(aver_libs)
t_fuzz_smtp_reply_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_smtp_text_t_SOURCES = t/fuzz/smtp_text.c $(fuzz_main)
t_fuzz_smtp_text_t_LDADD = $(aver_libs)
t_fuzz_smtp_text_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/smtp_reply t/fuzz/corpus/smtp_text

# drives the client, for t/integ/smtp.t
noinst_PROGRAMS += t/integ/smtpc
t_integ_smtpc_SOURCES = t/integ/smtpc.c
t_integ_smtpc_LDADD = $(aver_libs)
TESTS += t/integ/smtp.t t/integ/smtp_mta.t t/integ/transport.t
EXTRA_DIST += t/integ/smtp.t t/integ/smtp_lab.py t/integ/smtp_mta.t \
	t/integ/transport.t

check_PROGRAMS += t/unit/smtp_tls.t
t_unit_smtp_tls_t_SOURCES = t/unit/smtp_tls.t.c t/tap.h
t_unit_smtp_tls_t_LDADD = $(aver_libs)
if SASL
check_PROGRAMS += t/unit/sasl.t
t_unit_sasl_t_SOURCES = t/unit/sasl.t.c t/tap.h
t_unit_sasl_t_LDADD = $(aver_libs)
endif

check_PROGRAMS += t/fuzz/smtp_send.t
t_fuzz_smtp_send_t_SOURCES = t/fuzz/smtp_send.c $(fuzz_main)
t_fuzz_smtp_send_t_LDADD = $(aver_libs)
t_fuzz_smtp_send_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/smtp_send

check_PROGRAMS += t/fuzz/tls_verify.t
t_fuzz_tls_verify_t_SOURCES = t/fuzz/tls_verify.c $(fuzz_main)
t_fuzz_tls_verify_t_LDADD = $(aver_libs)
t_fuzz_tls_verify_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/tls_verify
