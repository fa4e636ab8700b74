# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/net/attrline.c lib/net/attrline.h \
	lib/net/frame.h \
	lib/net/netstring.c lib/net/netstring.h
libaver_a_SOURCES += \
	lib/net/datagram.c lib/net/datagram.h \
	lib/net/listen.c lib/net/listen.h \
	lib/net/serve.c lib/net/serve.h lib/net/serve_int.h \
	lib/net/serve_conn.c lib/net/serve_work.c

check_PROGRAMS += t/unit/net.t t/fuzz/frame.t
t_unit_net_t_SOURCES = t/unit/net.t.c t/unit/tmpdir.h t/tap.h
t_unit_net_t_LDADD = $(aver_libs)
t_fuzz_frame_t_SOURCES = t/fuzz/frame.c $(fuzz_main)
t_fuzz_frame_t_LDADD = $(aver_libs)
t_fuzz_frame_t_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += t/fuzz/corpus/frame

# the same tests with the poller of this system, and with poll(2)
check_PROGRAMS += t/unit/serve.t t/unit/serve_poll.t
t_unit_serve_t_SOURCES = t/unit/serve.t.c t/unit/tmpdir.h t/tap.h
t_unit_serve_t_LDADD = $(aver_libs)
t_unit_serve_poll_t_SOURCES = $(t_unit_serve_t_SOURCES) \
	lib/compat/poller_poll.c lib/compat/poller.h
t_unit_serve_poll_t_LDADD = $(aver_libs)
