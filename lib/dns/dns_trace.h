/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The questions of one message with their answers as a zone file that
 * dns_zone_parse() reads: who asks the same questions of it gets the same
 * answers. A trace of a production failure is a test case.
 */
#ifndef DNS_TRACE_H
#define DNS_TRACE_H

#include "lib/base/buf.h"
#include "lib/dns/dns.h"

/*
 * Appends the log of d, which has to have had keep_log set from the start, in
 * the order of the questions; each question once. The reason of a failure and
 * a question refused for the budget are comments.
 */
void dns_trace_print(struct buf *b, const struct dns *d);

#endif
