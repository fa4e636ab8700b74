# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

EXTRA_DIST += contrib/check contrib/demo contrib/packages.txt \
	contrib/postfix contrib/quickstart contrib/redis contrib/report \
	contrib/sendmail \
	contrib/systemd/aver-report.timer $(units:=.in)

# Units name the place that the programs are installed in.
units = contrib/systemd/aver-milter.service \
	contrib/systemd/aver-policyd.service \
	contrib/systemd/aver-policyd.socket \
	contrib/systemd/aver-report.service
CLEANFILES += $(units)
contrib/systemd/aver-milter.service: contrib/systemd/aver-milter.service.in
contrib/systemd/aver-policyd.service: contrib/systemd/aver-policyd.service.in
contrib/systemd/aver-policyd.socket: contrib/systemd/aver-policyd.socket.in
contrib/systemd/aver-report.service: contrib/systemd/aver-report.service.in
$(units): Makefile
	$(AM_V_GEN)$(MKDIR_P) contrib/systemd && \
	$(SED) -e 's,@sbindir[@],$(sbindir),g' \
		-e 's,@sysconfdir[@],$(sysconfdir),g' \
		-e 's,@localstatedir[@],$(localstatedir),g' \
		$(srcdir)/$@.in > $@.tmp && \
	mv $@.tmp $@

if UNITS
systemdunit_DATA = $(units) contrib/systemd/aver-report.timer
else
noinst_DATA = $(units)
endif
