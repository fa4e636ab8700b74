/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"

#define CONF_MEMORY 65536
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const default_anchors[] = {
    "/usr/share/dns/root.key",
    "/var/lib/unbound/root.key",
};

void
dns_settings_free(struct dns_settings *s)
{
	if (!s)
		return;
	arena_fini(&s->arena);
	free(s);
}

/* ADDR, ADDR@PORT or [V6]@PORT as libunbound wants it, NULL if it is none. */
static const char *
server_text(struct arena *a, const char *z)
{
	struct str port, addr = str_cut(str_from_z(z), '@', &port);
	struct buf b;
	struct ip ip;
	uint64_t n = 53;

	if (addr.n > 2 && addr.p[0] == '[' && addr.p[addr.n - 1] == ']')
		addr = (struct str){addr.p + 1, addr.n - 2};
	if (!ip_parse(addr, &ip) ||
	    (port.p && (!str_to_u64(port, 65535, &n) || n == 0)))
		return NULL;
	buf_init(&b, a, 80);
	ip_print(&b, &ip);
	buf_addf(&b, "@%u", (unsigned)n);
	return buf_ok(&b) ? buf_z(&b) : NULL;
}

static bool
is_word(const char *z)
{
	return strcmp(z, "system") == 0 || strcmp(z, "recursive") == 0;
}

static int
copy_servers(const struct dns_unbound_config *cfg, struct dns_settings *s,
    struct diag *d)
{
	size_t n = cfg->n_servers ? cfg->n_servers : 1;

	s->servers = ARENA_ARRAY(&s->arena, const char *, n);
	if (!s->servers)
		return AVER_NOMEM;
	s->servers[0] = "system";
	for (size_t i = 0; i < cfg->n_servers; i++) {
		const char *z = cfg->servers[i];

		if (is_word(z) && n > 1)
			return diag_set(d, AVER_CONF, 0,
			    "DNS server \"%s\" cannot be used with others", z);
		if (is_word(z))
			s->servers[i] = *z == 's' ? "system" : "recursive";
		else if (!(s->servers[i] = server_text(&s->arena, z)))
			return diag_set(d, AVER_CONF, 0,
			    "bad DNS server \"%s\": expected \"system\", "
			    "\"recursive\", ADDRESS or ADDRESS@PORT",
			    z);
	}
	s->n_servers = n;
	return 0;
}

/* Whether the file is there to be read; errno tells why not. */
static bool
can_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;
	bool ok;

	if (fd < 0)
		return false;
	ok = read(fd, &c, 1) >= 0;
	close(fd);
	return ok;
}

static int
copy_anchor(const struct dns_unbound_config *cfg, struct dns_settings *s,
    struct diag *d)
{
	const char *path = cfg->trust_anchor;

	if (path && *path) {
		if (!can_read(path))
			return diag_set(d, AVER_CONF, 0,
			    "cannot read the trust anchor %s: %s", path,
			    strerror(errno));
		s->anchor = arena_z(&s->arena, str_from_z(path));
		return s->anchor ? 0 : AVER_NOMEM;
	}
	for (size_t i = 0; i < COUNT(default_anchors); i++) {
		if (can_read(default_anchors[i])) {
			s->anchor = default_anchors[i];
			return 0;
		}
	}
	return diag_set(d, AVER_CONF, 0,
	    "no trust anchor: cannot read %s or %s (Debian: dns-root-data)",
	    default_anchors[0], default_anchors[1]);
}

int
dns_settings_new(const struct dns_unbound_config *cfg, enum dns_dnssec dnssec,
    struct dns_settings **out, struct diag *d)
{
	struct dns_settings *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return AVER_NOMEM;
	arena_init(&s->arena, CONF_MEMORY);
	s->timeout_ms = cfg->timeout_ms;
	s->keep = cfg->cache_entries > 0;
	s->max_ttl = cfg->max_ttl;
	s->max_negative_ttl = cfg->max_negative_ttl;
	s->state.what = "DNSSEC validation is off";
	err = copy_servers(cfg, s, d);
	if (err == 0 && dnssec != DNS_DNSSEC_OFF) {
		err = copy_anchor(cfg, s, d);
		s->state.validating = true;
		s->state.what = "DNSSEC validation is on";
	}
	if (err) {
		dns_settings_free(s);
		return err;
	}
	*out = s;
	return 0;
}

static const char *const selftest_words[DNS_SELFTEST_COUNT] = {
    [DNS_SELFTEST_NONE] = "not tested",
    [DNS_SELFTEST_OFF] = "DNSSEC validation is off",
    [DNS_SELFTEST_VALIDATED] = "DNSSEC works: the root validates",
    [DNS_SELFTEST_UNSIGNED] =
	"DNSSEC validation is on, but no trust anchor covers the root",
    [DNS_SELFTEST_STRIPPED] =
	"the DNS server strips DNSSEC: its answers come without "
	"signatures, so that every answer would be bogus",
    [DNS_SELFTEST_BOGUS] =
	"the root's signatures do not validate: is the trust anchor or "
	"the clock wrong?",
    [DNS_SELFTEST_SILENT] = "the DNS server does not answer",
};

enum dns_selftest
dns_selftest_judge(const struct dns_rrset *rr, bool validating)
{
	switch (rr->status) {
	case DNS_OK:
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		if (!validating)
			return DNS_SELFTEST_OFF;
		return rr->secure ? DNS_SELFTEST_VALIDATED
				  : DNS_SELFTEST_UNSIGNED;
	case DNS_BOGUS:
		/* libunbound's words for keys that came without RRSIG */
		return strstr(rr->why, "no signatures") ? DNS_SELFTEST_STRIPPED
							: DNS_SELFTEST_BOGUS;
	case DNS_TEMP:
	case DNS_STATUS_COUNT:
		break;
	}
	return DNS_SELFTEST_SILENT;
}

const char *
dns_selftest_words(enum dns_selftest result)
{
	return selftest_words[result];
}
