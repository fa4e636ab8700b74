# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/dkim/dkim.h \
	lib/dkim/dkim_body.c lib/dkim/dkim_body.h \
	lib/dkim/dkim_canon.c lib/dkim/dkim_canon.h \
	lib/dkim/dkim_check.c lib/dkim/dkim_check.h \
	lib/dkim/dkim_engine.c lib/dkim/dkim_engine.h \
	lib/dkim/dkim_index.c lib/dkim/dkim_index.h \
	lib/dkim/dkim_key.c lib/dkim/dkim_key.h \
	lib/dkim/dkim_names.c \
	lib/dkim/dkim_rsa.c lib/dkim/dkim_rsa.h \
	lib/dkim/dkim_sig.c lib/dkim/dkim_sig.h \
	lib/dkim/dkim_private.c lib/dkim/dkim_private.h \
	lib/dkim/dkim_sign.c lib/dkim/dkim_sign.h \
	lib/dkim/dkim_verify.c

check_PROGRAMS += \
	t/unit/dkim_canon.t t/unit/dkim_key.t t/unit/dkim_sig.t \
	t/unit/dkim_sign.t t/unit/dkim_verify.t \
	t/fuzz/dkim_canon.t t/fuzz/dkim_key.t t/fuzz/dkim_sig.t
t_unit_dkim_canon_t_SOURCES = t/unit/dkim_canon.t.c t/tap.h
t_unit_dkim_canon_t_LDADD = $(aver_libs)
t_unit_dkim_key_t_SOURCES = t/unit/dkim_key.t.c t/tap.h
t_unit_dkim_key_t_LDADD = $(aver_libs)
t_unit_dkim_sig_t_SOURCES = t/unit/dkim_sig.t.c t/tap.h
t_unit_dkim_sig_t_LDADD = $(aver_libs)
t_unit_dkim_sign_t_SOURCES = t/unit/dkim_sign.t.c \
	t/unit/dkim_keys.h t/tap.h
t_unit_dkim_sign_t_LDADD = $(aver_libs)
t_unit_dkim_verify_t_SOURCES = t/unit/dkim_verify.t.c \
	t/unit/dkim_vectors.h t/tap.h
t_unit_dkim_verify_t_LDADD = $(aver_libs)
t_fuzz_dkim_canon_t_SOURCES = t/fuzz/dkim_canon.c $(fuzz_main)
t_fuzz_dkim_canon_t_LDADD = $(aver_libs)
t_fuzz_dkim_canon_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_dkim_key_t_SOURCES = t/fuzz/dkim_key.c $(fuzz_main)
t_fuzz_dkim_key_t_LDADD = $(aver_libs)
t_fuzz_dkim_key_t_LDFLAGS = $(fuzz_ldflags)
t_fuzz_dkim_sig_t_SOURCES = t/fuzz/dkim_sig.c $(fuzz_main)
t_fuzz_dkim_sig_t_LDADD = $(aver_libs)
t_fuzz_dkim_sig_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	t/fuzz/corpus/dkim_canon/body \
	t/fuzz/corpus/dkim_canon/cr \
	t/fuzz/corpus/dkim_canon/header \
	t/fuzz/corpus/dkim_key/der \
	t/fuzz/corpus/dkim_key/ed25519 \
	t/fuzz/corpus/dkim_key/revoked \
	t/fuzz/corpus/dkim_key/rsa \
	t/fuzz/corpus/dkim_key/spki \
	t/fuzz/corpus/dkim_sig/all-tags \
	t/fuzz/corpus/dkim_sig/sha1 \
	t/fuzz/corpus/dkim_sig/utf8 \
	t/fuzz/corpus/dkim_sig/wrong
