# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libaver_a_SOURCES += \
	tlspolicy/engine.h
# the pure part: records, policies, decisions, answers
libpure_a_SOURCES += \
	tlspolicy/dane.h \
	tlspolicy/decision.h \
	tlspolicy/nexthop.h \
	tlspolicy/render.h \
	tlspolicy/requiretls.h \
	tlspolicy/sts_match.h \
	tlspolicy/sts_policy.h \
	tlspolicy/sts_record.h \
	tlspolicy/tls_table.h
libaver_a_SOURCES += tlspolicy/tls_table_file.h
