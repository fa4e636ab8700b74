/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver eval --batch`, kind "record": the parsers alone, without a message
 * or DNS. "what": spf_record, dkim_key_record, dkim_signature, dmarc_record,
 * authres, authres_print, tlsa, report_aggregate, report_tlsrpt,
 * report_failure, and those of MTA-STS and TLSRPT.
 */
#ifndef CTL_EVAL_RECORD_H
#define CTL_EVAL_RECORD_H

#include <jansson.h>

#include "lib/base/diag.h"

/* The answer, or NULL with d filled when "what" is unknown. */
json_t *eval_record(const json_t *rq, struct diag *d);

#endif
