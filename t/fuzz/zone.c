/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Any text as a zone file. Where it is one, the trace of some questions is one
 * too, and gives the same answers.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/dns/dns_trace.h"
#include "lib/dns/dns_zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUESTIONS 12

static void
ask_all(struct dns *d, enum dns_status st[QUESTIONS])
{
	static const char *const names[] = {"a", "x.a", "c.d", "*.a"};
	static const uint16_t types[] = {DNS_TXT, DNS_A, DNS_MX};

	for (size_t i = 0; i < QUESTIONS; i++) {
		struct dname name;

		dname_from_text(str_from_z(names[i % 4]), &name);
		st[i] = dns_lookup(d, &name, types[i / 4])->status;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_source *src, *replay;
	enum dns_status st[QUESTIONS], again[QUESTIONS];
	struct arena a;
	struct buf b;
	struct dns d;

	if (dns_zone_parse((struct str){(const char *)data, size}, &src, NULL))
		return 0;
	arena_init(&a, 1 << 16);
	buf_init(&b, NULL, 1 << 24);
	dns_init(&d, src, &a, 0, QUESTIONS);
	d.keep_log = true;
	ask_all(&d, st);
	dns_trace_print(&b, &d);
	if (!buf_ok(&b) || dns_zone_parse(buf_str(&b), &replay, NULL))
		abort();
	dns_init(&d, replay, &a, 0, QUESTIONS);
	ask_all(&d, again);
	for (size_t i = 0; i < QUESTIONS; i++)
		if (st[i] != again[i])
			abort();
	arena_fini(&a);
	buf_fini(&b);
	dns_source_close(src);
	dns_source_close(replay);
	return 0;
}
