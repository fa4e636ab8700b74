/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The part of a report's mail that people read. */
#ifndef REPORT_MESSAGE_TEXT_H
#define REPORT_MESSAGE_TEXT_H

#include "lib/base/buf.h"
#include "lib/report/message.h"

/* Appends the text; lines end in LF. */
void message_text(
    struct buf *b, const struct report_message *m, struct str submitter);

#endif
