# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/mail/addr.c lib/mail/addr.h \
	lib/mail/authres.h \
	lib/mail/authres_parse.c lib/mail/authres_print.c \
	lib/mail/date.c lib/mail/date.h \
	lib/mail/encword.c lib/mail/encword.h \
	lib/mail/from.c lib/mail/from.h \
	lib/mail/from_parse.c lib/mail/from_parse.h \
	lib/mail/hdr.c lib/mail/hdr.h \
	lib/mail/idn.c lib/mail/idn.h \
	lib/mail/mime.h \
	lib/mail/mailto.c lib/mail/mailto.h \
	lib/mail/mime_decode.c lib/mail/mime_read.c lib/mail/mime_write.c \
	lib/mail/orgdom.c lib/mail/orgdom.h \
	lib/mail/utf8.c lib/mail/utf8.h

check_PROGRAMS += \
	t/unit/addr.t t/unit/authres.t t/unit/from.t t/unit/hdr.t \
	t/unit/date.t t/unit/mailto.t t/unit/mime.t t/unit/orgdom.t \
	t/fuzz/addr.t t/fuzz/authres.t t/fuzz/from.t t/fuzz/hdr.t \
	t/fuzz/mime.t
t_unit_addr_t_SOURCES = t/unit/addr.t.c t/tap.h
t_unit_addr_t_LDADD = $(aver_libs)
t_unit_authres_t_SOURCES = t/unit/authres.t.c t/tap.h
t_unit_authres_t_LDADD = $(aver_libs)
t_unit_from_t_SOURCES = t/unit/from.t.c t/tap.h
t_unit_from_t_LDADD = $(aver_libs)
t_unit_hdr_t_SOURCES = t/unit/hdr.t.c t/tap.h
t_unit_hdr_t_LDADD = $(aver_libs)
t_unit_mailto_t_SOURCES = t/unit/mailto.t.c t/tap.h
t_unit_mailto_t_LDADD = $(aver_libs)
t_unit_date_t_SOURCES = t/unit/date.t.c t/tap.h
t_unit_date_t_LDADD = $(aver_libs)
t_unit_mime_t_SOURCES = t/unit/mime.t.c t/tap.h
t_unit_mime_t_LDADD = $(aver_libs)
t_unit_orgdom_t_SOURCES = t/unit/orgdom.t.c t/tap.h
t_unit_orgdom_t_LDADD = $(aver_libs)

t_fuzz_addr_t_SOURCES = t/fuzz/addr.c $(fuzz_main)
t_fuzz_addr_t_LDADD = $(aver_libs)
t_fuzz_addr_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_authres_t_SOURCES = t/fuzz/authres.c $(fuzz_main)
t_fuzz_authres_t_LDADD = $(aver_libs)
t_fuzz_authres_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_from_t_SOURCES = t/fuzz/from.c $(fuzz_main)
t_fuzz_from_t_LDADD = $(aver_libs)
t_fuzz_from_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_hdr_t_SOURCES = t/fuzz/hdr.c $(fuzz_main)
t_fuzz_hdr_t_LDADD = $(aver_libs)
t_fuzz_hdr_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_mime_t_SOURCES = t/fuzz/mime.c $(fuzz_main)
t_fuzz_mime_t_LDADD = $(aver_libs)
t_fuzz_mime_t_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += \
	t/fuzz/corpus/addr t/fuzz/corpus/authres \
	t/fuzz/corpus/from t/fuzz/corpus/hdr t/fuzz/corpus/mime
