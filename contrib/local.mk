# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

EXTRA_DIST += contrib/check contrib/demo contrib/packages.txt \
	contrib/quickstart contrib/sendmail \
	contrib/systemd/aver-milter.service.in \
	contrib/systemd/aver-report.service.in \
	contrib/systemd/aver-report.timer \
	contrib/report

# The unit names the place that the programs are installed in.
CLEANFILES += contrib/systemd/aver-milter.service \
	contrib/systemd/aver-report.service
contrib/systemd/aver-milter.service: contrib/systemd/aver-milter.service.in \
		Makefile
	$(AM_V_GEN)$(MKDIR_P) contrib/systemd && \
	$(SED) -e 's,@sbindir[@],$(sbindir),g' \
		-e 's,@sysconfdir[@],$(sysconfdir),g' \
		$(srcdir)/contrib/systemd/aver-milter.service.in > $@.tmp && \
	mv $@.tmp $@
contrib/systemd/aver-report.service: contrib/systemd/aver-report.service.in \
		Makefile
	$(AM_V_GEN)$(MKDIR_P) contrib/systemd && \
	$(SED) -e 's,@sbindir[@],$(sbindir),g' \
		-e 's,@sysconfdir[@],$(sysconfdir),g' \
		$(srcdir)/contrib/systemd/aver-report.service.in > $@.tmp && \
	mv $@.tmp $@

if UNITS
systemdunit_DATA = contrib/systemd/aver-milter.service \
	contrib/systemd/aver-report.service \
	contrib/systemd/aver-report.timer
else
noinst_DATA = contrib/systemd/aver-milter.service \
	contrib/systemd/aver-report.service
endif
