# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += lib/compat/compat.c lib/compat/compat.h \
	lib/compat/pipe.c lib/compat/pipe.h \
	lib/compat/poller.h
if EPOLL
libaver_a_SOURCES += lib/compat/poller_epoll.c
else
libaver_a_SOURCES += lib/compat/poller_poll.c
endif
if SYNCFS
libaver_a_SOURCES += lib/compat/sync_syncfs.c
else
libaver_a_SOURCES += lib/compat/sync_none.c
endif
EXTRA_DIST += lib/compat/poller_epoll.c lib/compat/poller_poll.c \
	lib/compat/sync_syncfs.c lib/compat/sync_none.c

check_PROGRAMS += t/unit/compat.t t/unit/poller.t t/unit/poller_poll.t
t_unit_compat_t_SOURCES = t/unit/compat.t.c t/tap.h
t_unit_compat_t_LDADD = $(aver_libs)
t_unit_poller_t_SOURCES = t/unit/poller.t.c t/tap.h
t_unit_poller_t_LDADD = $(aver_libs)
t_unit_poller_poll_t_SOURCES = $(t_unit_poller_t_SOURCES) \
	lib/compat/poller_poll.c
t_unit_poller_poll_t_LDADD = $(aver_libs)
