/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What of a message is kept for a DMARC failure report (RFC 9991). */
#ifndef INBOUND_INBOUND_INCIDENT_H
#define INBOUND_INBOUND_INCIDENT_H

#include "lib/arf/incident.h"
#include "lib/inbound/inbound.h"

/*
 * After inbound_finish(). False when no report is due: the owner asks for
 * none, or the message is exempt, comes again, is a report itself or caused by
 * one. Strings of *out are views of the message. May ask DNS once more for
 * the SPF record, which is in the cache.
 */
bool inbound_incident(const struct inbound *in, struct arf_incident *out);

#endif
