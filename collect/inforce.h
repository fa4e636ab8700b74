/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The policy that was in force for a session of which only the log tells:
 * what the engine says of the domain.
 */
#ifndef COLLECT_INFORCE_H
#define COLLECT_INFORCE_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/tlsrpt/tlsrpt_report.h"
#include "tlspolicy/decision.h"
#include "tlspolicy/engine.h"

/*
 * Type, domain, strings and hosts of the policy that d means for the host mx
 * (any case); the rest of *out is 0. In arena, with views of d.
 */
void inforce_of_decision(struct arena *arena, const struct tls_decision *d,
    struct str mx, struct tlsrpt_policy *out);

/*
 * Asks the engine, waiting until deadline (clock_mono_ms()) at most; without
 * an answer by then there is no policy. port: of the connection, 0 when it is
 * not known; TLSA records stand for one.
 */
void
inforce_ask(struct engine *e, struct str domain, struct str mx, uint16_t port,
    int64_t deadline, struct arena *arena, struct tlsrpt_policy *out);

/* The policy that an event of the engine is about; in arena. */
void inforce_of_event(struct arena *arena, const struct engine_event *ev,
    struct tlsrpt_policy *out);

#endif
