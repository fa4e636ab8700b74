/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The recorder's mapped file. It outlives the process: what a thread stored
 * before a kill -9 is there afterwards, in the order it was stored, so one
 * atomic store decides whether a record exists.
 *
 *	header	64 kB	magic, version, source, sizes; head and tail; what
 *			the store calls a source whose name another took
 *	slots	256 kB	RING_SLOTS x (fingerprint, seq, time and state)
 *	data	the rest, a circle of records, mapped twice in a row so that
 *		none is ever in two pieces
 *
 * A position is the number of octets ever put in the circle; it never goes
 * back. The seq of a record is the position of its end. [tail, head) is what
 * has been published and not been taken away. Numbers are in the order of the
 * machine: the file does not travel.
 *
 * A slot is free, open (a message has been recorded and its reply is not
 * confirmed) or in doubt (it was open when a former process ended). Its state
 * is one word, so each change is one atomic store:
 *
 *	recorded	slot (fingerprint, seq), slot open, record, head
 *	confirmed	slot free
 *	restart		open -> in doubt if seq <= head, else free: its record
 *			was never published, so the message is not counted
 *	sent again	in doubt -> open
 *
 * A kill before the store of head leaves an open slot without record: the
 * client's retry is counted, once. A kill after it leaves a counted record
 * and an open slot: the retry finds the doubt. The retry itself is an open
 * slot again, with the same seq, so a kill before its confirmation puts the
 * same slot in doubt again: however often this happens there is one slot and
 * one count. The next process settles all slots before it puts a record, so
 * an unpublished seq is never taken for a published one later.
 *
 * Nothing here locks. Producers (ring_prepare ... ring_publish, the slots,
 * ring_skip) are kept apart by the caller's mutex; one consumer (ring_next,
 * ring_advance) may run beside them.
 */
#ifndef STORE_RING_H
#define STORE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/record.h"

#define RING_FINGERPRINT 16
#define RING_SLOTS 8192
#define RING_HEADER_SIZE 65536
#define RING_SLOT_SIZE 32
#define RING_DATA (RING_HEADER_SIZE + RING_SLOTS * RING_SLOT_SIZE)
#define RING_SIZE_MIN ((size_t)256 << 10)
#define RING_SIZE_MAX ((size_t)1 << 30)
#define RING_UNIT 65536 /* sizes are multiples: no page is larger */
#define RING_DOMAIN_MAX 255
#define RING_OCTETS_MAX 65536
#define RING_RECORD_MAX (64 + RING_DOMAIN_MAX + RING_OCTETS_MAX)

/* RFC 5321 section 4.5.4.1: clients try for four to five days. */
#define RING_DOUBT_SECONDS (5 * 86400)

struct ring_header;
struct ring_slot;

/* A record as a value; views of the ring's memory. */
struct ring_entry {
	uint64_t source, seq;
	enum record_kind kind;
	int64_t time;
	struct str policy_domain, octets; /* see record.h for other kinds */
	bool optional;
	uint64_t hash; /* of policy_domain and octets; no defence */
};

enum ring_state {
	RING_CREATED, /* there was no file */
	RING_SOUND,
	RING_RESIZED, /* sound, but of another size */
	RING_DAMAGED, /* or of another version */
};

/* Where records are read from: size octets, the first ones repeated. */
struct ring_view {
	const char *data;
	uint64_t size;
};

struct ring {
	char *path;
	int fd, lock;
	enum ring_state state;
	size_t want; /* the size to have */
	/* the mapping; NULL until the state is good */
	struct ring_header *h;
	struct ring_slot *slots;
	char *data;
	uint64_t size, source;
	/* process memory: slots by list, 0 is the end, else index + 1 */
	uint16_t *next;
	uint16_t bucket[1024]; /* doubts by fingerprint */
	uint16_t free_list;
	atomic_uint doubts, open;
	atomic_uint_fast64_t records; /* published, not taken */
};

/*
 * Locks path + ".lock", then opens and checks the file at path or creates it.
 * size: octets of data, rounded up to RING_UNIT, within RING_SIZE_*. For
 * RING_RESIZED and RING_DAMAGED the caller must call ring_salvage() and
 * ring_renew() before anything else. Returns 0, AVER_CONF when another
 * process has the lock, AVER_IO, AVER_NOMEM.
 */
int ring_open(const char *path, size_t size, struct ring **out, struct diag *d);
void ring_close(struct ring *r); /* NULL allowed */

/* See ring_rename(); all 0: nothing was renamed. */
struct ring_naming {
	uint64_t source, name, done;
};

struct ring_salvaged {
	uint64_t records, last_seq; /* last_seq of the ring's own source */
	bool header; /* the header could be believed */
	uint64_t source;
	struct ring_naming naming;
};

/*
 * Reads the file's image and calls fn for each whole record that may not have
 * been taken, ordered by source and seq; without a usable header this may
 * include records that the store has already. After the last one fn is called
 * with NULL; views are valid until that call returns. fn returns 0 to go on,
 * anything else is returned.
 */
int
ring_salvage(struct ring *r, int (*fn)(void *arg, const struct ring_entry *e),
    void *arg, struct ring_salvaged *out, struct diag *d);
/* The same of n octets in memory. */
int ring_salvage_image(const void *image, size_t n,
    int (*fn)(void *arg, const struct ring_entry *e), void *arg,
    struct ring_salvaged *out);
/* What stands in the n first octets of a file; all 0 if they are none's. */
void ring_naming_of(const void *image, size_t n, struct ring_naming *out);
/* A new file with a new source and no records takes the place of the old one
 * at once, and has its doubts and its renamed source. */
int ring_renew(struct ring *r, const struct ring_salvaged *old, struct diag *d);

/*
 * Settles the slots a former process left and drops doubts older than
 * RING_DOUBT_SECONDS. Once, before any record is put. Returns how many
 * doubts there are.
 */
unsigned ring_settle(struct ring *r, int64_t now);

/* --- producers */

struct ring_put {
	uint64_t pos, seq;
	uint32_t size;
};

/* The hash to give to ring_write(); needs no lock. */
uint64_t
ring_hash(const struct ring *r, struct str policy_domain, struct str octets);
/* Room for a record? False when there is none. */
bool ring_prepare(const struct ring *r, struct str policy_domain,
    struct str octets, struct ring_put *out);
/* And for one more behind it, to be published with it? */
bool ring_prepare_next(const struct ring *r, const struct ring_put *first,
    struct str policy_domain, struct str octets, struct ring_put *out);
/* Copies the record where it will be; seq and source are set here. */
void ring_write(
    struct ring *r, const struct ring_put *put, const struct ring_entry *e);
/* From this store on the record exists. */
void ring_publish(struct ring *r, const struct ring_put *put);
/* The same for n records one behind the other, of which put is the last. */
void ring_publish_all(struct ring *r, const struct ring_put *put, unsigned n);

/* Takes a free slot, or that of the oldest doubt; -1 when all are open. */
int ring_slot_open(struct ring *r, const uint8_t fp[RING_FINGERPRINT],
    uint64_t seq, int64_t now);
/* Makes one doubt with this fingerprint open; -1 when there is none. */
int ring_slot_doubted(
    struct ring *r, const uint8_t fp[RING_FINGERPRINT], int64_t now);
void ring_slot_confirm(struct ring *r, int slot);
/* Frees the doubts that are too old; returns how many. */
unsigned ring_expire(struct ring *r, int64_t now);

/* --- consumer */

uint64_t ring_head(const struct ring *r);
uint64_t ring_tail(const struct ring *r);
uint64_t ring_used(const struct ring *r);
/*
 * Reads the record at *pos (< ring_head()) and moves *pos behind it. False
 * when there is no whole record: the mapped file has been changed by somebody
 * else.
 */
bool ring_next(const struct ring *r, uint64_t *pos, struct ring_entry *out);
/* Gives the space before pos back, in which n records were. */
void ring_advance(struct ring *r, uint64_t pos, uint64_t n);
/*
 * Everything up to seq is counted elsewhere: drops it. A seq past the head
 * (the ring is older than the store, as after a restored backup) moves the
 * head too, so that no new record gets a number that has been used. A
 * producer's and the consumer's call.
 */
void ring_skip(struct ring *r, uint64_t seq);

/* Waits until the file is on the disk. */
void ring_sync(struct ring *r);

/*
 * From the number done on the store knows the ring's records by another name
 * than that of their source, which another process has taken: ring and spool
 * stay as they are. It is on the disk when this returns. The consumer's calls.
 */
void ring_rename(struct ring *r, uint64_t name, uint64_t done);
/* The name of a source's records; *done: 0, or what ring_rename() was told. */
uint64_t ring_name(const struct ring *r, uint64_t source, uint64_t *done);

#endif
