/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* DMARC for whatever the From fields hold, and what follows from it. */
#ifndef INBOUND_INBOUND_DMARC_H
#define INBOUND_INBOUND_DMARC_H

#include "lib/inbound/inbound.h"

/* Fills in->dmarc, action, reply and reasons from the results before. */
void inbound_dmarc(struct inbound *in);

#endif
