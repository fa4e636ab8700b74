/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* DMARC for whatever the From fields hold, and what follows from it. */
#ifndef INBOUND_INBOUND_DMARC_H
#define INBOUND_INBOUND_DMARC_H

#include "lib/inbound/inbound.h"

/* Author domains evaluated when a message names several: RFC 9989 section
 * 11.5 asks for a cap. */
#define INBOUND_AUTHORS_MAX 4

/* Fills in->dmarc, action, reply and reasons from the results before. */
void inbound_dmarc(struct inbound *in);

#endif
