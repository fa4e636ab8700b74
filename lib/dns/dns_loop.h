/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * An event loop for libunbound: descriptors and timers that report to
 * functions, all in the thread that runs it. Only dns_loop_wake() may be
 * called from another one.
 */
#ifndef DNS_DNS_LOOP_H
#define DNS_DNS_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_LOOP_TIME 1
#define DNS_LOOP_READ 2
#define DNS_LOOP_WRITE 4

struct dns_loop;

/* Embed it in a struct of yours; to be all zero but what is not private. */
struct dns_event {
	/* what: DNS_LOOP_ flags of what happened. May do anything but wait. */
	void (*call)(struct dns_event *, unsigned what);
	int fd; /* -1: a timer alone */
	unsigned what; /* of DNS_LOOP_READ and DNS_LOOP_WRITE */
	bool persists; /* goes on after the call, as does its timer */
	/* private */
	bool is_watched, is_on;
	int64_t period, due; /* milliseconds; clock_mono_ms() */
	size_t place; /* in the heap, from 1; 0: no timer runs */
};

/* NULL: no memory or descriptors. */
struct dns_loop *dns_loop_new(void);
void dns_loop_free(struct dns_loop *l); /* NULL allowed; no event is on */

/*
 * On, with a timer of timeout_ms, -1 for none. Call dns_loop_off() before
 * anything of it is changed. False: no memory; it is off.
 */
bool dns_loop_on(struct dns_loop *l, struct dns_event *e, int64_t timeout_ms);
/* Never fails, also if it is off. Before the descriptor is closed. */
void dns_loop_off(struct dns_loop *l, struct dns_event *e);
/* Waits at most timeout_ms (-1: no limit) and calls what is due. */
void dns_loop_run(struct dns_loop *l, int64_t timeout_ms);
/*
 * Ends dns_loop_run(), now or as soon as it is called. Any thread; costs little
 * while the loop does not wait.
 */
void dns_loop_wake(struct dns_loop *l);

#endif
