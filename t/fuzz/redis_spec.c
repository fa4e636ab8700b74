/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Where a store is: what is accepted has a scheme, is within its bounds, and
 * has no password in an error's text.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/store/redis_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct redis_spec *s)
{
	if (s->n_hosts > REDIS_HOSTS_MAX ||
	    (s->kind == REDIS_UNIX) != (s->n_hosts == 0) ||
	    (s->kind == REDIS_UNIX) != (s->path[0] == '/') ||
	    (s->kind == REDIS_SENTINEL) != (s->master[0] != 0))
		abort();
	for (size_t i = 0; i < s->n_hosts; i++)
		if (s->hosts[i].port == 0 || s->hosts[i].name[0] == 0)
			abort();
	if (s->timeout == 0 || s->command_timeout == 0 || s->lease == 0 ||
	    s->prefix[0] == 0 || strpbrk(s->prefix, "{}:"))
		abort();
	if (s->user[0] && !s->password[0] && !s->password_file[0])
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = {(const char *)data, size};
	struct redis_spec spec;
	struct diag d = {.text = ""};
	int err = redis_spec_parse(s, &spec, &d);

	if (err != 0 && err != AVER_CONF)
		abort();
	if (err == 0)
		check(&spec);
	if ((err != 0) != (d.text[0] != 0) || (err == 0 && !redis_spec_is(s)) ||
	    strstr(d.text, "s3cret"))
		abort();
	return 0;
}
