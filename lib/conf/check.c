/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/conf/check.h"

#include <sys/un.h>

#include "lib/base/chars.h"
#include "lib/base/ip.h"
#include "lib/conf/items.h"
#include "lib/conf/transport_url.h"

#define NAME_MAX_OCTETS 255
#define ACCOUNT_MAX_OCTETS 32
#define PATH_MAX_OCTETS 1023

bool
check_name_or_empty(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_PRINT) || s.p[i] == ' ' ||
		    s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return s.n <= NAME_MAX_OCTETS;
}

bool
check_field_name_or_empty(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_LDH))
			return false;
	return s.n == 0 ||
	       (s.n > 2 && s.n <= 64 && str_starts_ci(s, STR("X-")));
}

bool
check_account_or_empty(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_ALNUM) && s.p[i] != '_' &&
		    (i == 0 || (s.p[i] != '-' && s.p[i] != '.')))
			return false;
	return s.n <= ACCOUNT_MAX_OCTETS;
}

bool
check_path(struct str s)
{
	return s.n <= PATH_MAX_OCTETS && str_starts(s, STR("/"));
}

bool
check_path_or_empty(struct str s)
{
	return s.n == 0 || check_path(s);
}

static bool
is_host(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_LDH) && s.p[i] != '.')
			return false;
	return s.n > 0 && s.n <= 253;
}

static bool
is_port(struct str s)
{
	uint64_t n;

	return str_to_u64(s, 65535, &n) && n > 0;
}

bool
check_path_list(struct str s)
{
	struct str item;
	unsigned n = 0;

	while (items_next(&s, &item))
		if (++n > 2 || !check_path(item))
			return false;
	return true;
}

bool
check_mailbox_or_empty(struct str s)
{
	struct str domain, local = str_cut(s, '@', &domain), atom;

	if (s.n == 0)
		return true;
	if (local.n > 64 || !is_host(domain) ||
	    str_chr(domain, '.') == domain.n || domain.p[0] == '.' ||
	    domain.p[domain.n - 1] == '.')
		return false;
	do {
		atom = str_cut(local, '.', &local);
		for (size_t i = 0; i < atom.n; i++)
			if (!chars_is(atom.p[i], CH_ATEXT))
				return false;
		if (atom.n == 0)
			return false;
	} while (local.p);
	return true;
}

bool
check_transport(struct str s)
{
	struct transport_url u;

	return transport_url_parse(s, &u);
}

bool
check_delimiter(struct str s)
{
	return s.n == 1 && str_chr(STR("+-=_.#"), s.p[0]) < 6;
}

bool
check_format_list(struct str s)
{
	struct str item, format;
	unsigned n = 0;

	while (items_next(&s, &item)) {
		struct str host = str_cut(item, '=', &format);

		if (++n > 64 || !is_host(host) ||
		    (!str_eq(format, STR("rfc9990")) &&
			!str_eq(format, STR("rfc7489"))))
			return false;
	}
	return true;
}

/* HOST:PORT or [IPV6]:PORT */
static bool
is_inet(struct str s)
{
	size_t colon = str_rchr(s, ':');
	struct str host = str_head(s, colon);
	struct ip ip;

	if (!is_port(str_from(s, colon + 1)))
		return false;
	if (!str_starts(host, STR("[")) || host.p[host.n - 1] != ']')
		return is_host(host);
	return ip_parse(str_head(str_from(host, 1), host.n - 2), &ip) &&
	       ip.family == IP_V6;
}

bool
check_address_port_or_empty(struct str s)
{
	size_t colon = str_rchr(s, ':');
	struct str host = str_head(s, colon);
	struct ip ip;

	return s.n == 0 ||
	       (is_inet(s) && (host.p[0] == '[' ||
				  (ip_parse(host, &ip) && ip.family == IP_V4)));
}

bool
check_listen(struct str s)
{
	static const struct str unix_ = STR_INIT("unix:");
	static const struct str inet = STR_INIT("inet:");

	if (str_starts(s, inet))
		return is_inet(str_from(s, inet.n));
	return str_starts(s, unix_) && check_path(str_from(s, unix_.n)) &&
	       s.n - unix_.n < sizeof((struct sockaddr_un){0}.sun_path);
}

bool
check_listen_list(struct str s)
{
	struct str item;
	unsigned n = 0;

	while (items_next(&s, &item))
		if (++n > 16 || !check_listen(item))
			return false;
	return n > 0;
}

/* What a version means is known elsewhere. */
bool
check_version_or_auto(struct str s)
{
	if (str_eq(s, STR("auto")))
		return true;
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_LDH) && s.p[i] != '.')
			return false;
	return s.n >= 3 && s.n < 64 && chars_is(s.p[0], CH_DIGIT) &&
	       str_chr(s, '.') < s.n;
}

/* postconf(5), smtp_tls_security_level */
bool
check_level_or_auto(struct str s)
{
	static const struct str words[] = {STR_INIT("auto"), STR_INIT("none"),
	    STR_INIT("may"), STR_INIT("encrypt"), STR_INIT("dane"),
	    STR_INIT("dane-only"), STR_INIT("fingerprint"), STR_INIT("verify"),
	    STR_INIT("secure")};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(s, words[i]))
			return true;
	return false;
}

bool
check_log_source(struct str s)
{
	static const struct str scheme = STR_INIT("file:");

	return str_eq(s, STR("none")) || str_eq(s, STR("stdin")) ||
	       str_eq(s, STR("journal")) ||
	       (str_starts(s, scheme) && check_path(str_from(s, scheme.n)));
}

bool
check_store(struct str s)
{
	static const struct str sqlite = STR_INIT("sqlite:");
	static const struct str redis[] = {STR_INIT("redis://"),
	    STR_INIT("rediss://"), STR_INIT("redis-sentinel://"),
	    STR_INIT("redis-cluster://"), STR_INIT("unix:")};

	if (str_starts(s, sqlite))
		return check_path(str_from(s, sqlite.n));
	for (size_t i = 0; i < sizeof(redis) / sizeof(redis[0]); i++)
		if (str_starts(s, redis[i]))
			return s.n > redis[i].n;
	return false;
}

/* ADDRESS[@PORT], an IPv6 address with or without brackets */
static bool
is_server(struct str s)
{
	struct str port, addr = str_cut(s, '@', &port);
	struct ip ip;

	if (port.p && !is_port(port))
		return false;
	if (!str_starts(addr, STR("[")))
		return ip_parse(addr, &ip);
	return addr.p[addr.n - 1] == ']' &&
	       ip_parse(str_head(str_from(addr, 1), addr.n - 2), &ip) &&
	       ip.family == IP_V6;
}

bool
check_servers(struct str s)
{
	struct str item;

	if (str_eq(s, STR("system")) || str_eq(s, STR("recursive")))
		return true;
	if (items_count(s) == 0)
		return false;
	while (items_next(&s, &item))
		if (!is_server(item))
			return false;
	return true;
}

bool
check_name_list(struct str s)
{
	struct str item;
	unsigned n = 0;

	while (items_next(&s, &item))
		if (++n > 16 || !check_name_or_empty(item))
			return false;
	return true;
}

bool
check_any(struct str s)
{
	return s.n <= 512;
}
