# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors

libpure_a_SOURCES += \
	lib/smtp/transport_url.h
libaver_a_SOURCES += \
	lib/smtp/smtp_client.h \
	lib/smtp/tls_client.h \
	lib/smtp/tls_result.h \
	lib/smtp/tls_verify.h \
	lib/smtp/transport.h
