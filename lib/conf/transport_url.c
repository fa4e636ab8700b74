/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/conf/transport_url.h"

#include "lib/base/chars.h"
#include "lib/base/ip.h"
#include "lib/base/name.h"

#define URL_MAX 1023
#define HOST_MAX 253
#define LABEL_MAX 63
#define SENDMAIL_PATH "/usr/sbin/sendmail"

static const char *const kind_names[TRANSPORT_KIND_COUNT] = {
    [TRANSPORT_SENDMAIL] = "sendmail",
    [TRANSPORT_SMTP] = "smtp",
    [TRANSPORT_SUBMISSION] = "submission",
    [TRANSPORT_SUBMISSIONS] = "submissions",
    [TRANSPORT_DIRECTORY] = "directory",
};

static const uint16_t ports[TRANSPORT_KIND_COUNT] = {
    [TRANSPORT_SMTP] = 25,
    [TRANSPORT_SUBMISSION] = 587, /* RFC 6409 section 3.1 */
    [TRANSPORT_SUBMISSIONS] = 465, /* RFC 8314 section 3.3 */
};

const char *
transport_kind_name(enum transport_kind k)
{
	return name_of(kind_names, TRANSPORT_KIND_COUNT, (int)k);
}

static bool
is_host(struct str s)
{
	struct str rest = s, label;

	if (s.n == 0 || s.n > HOST_MAX)
		return false;
	do {
		label = str_cut(rest, '.', &rest);
		for (size_t i = 0; i < label.n; i++)
			if (!chars_is(label.p[i], CH_LDH) && label.p[i] != '_')
				return false;
		if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' ||
		    label.p[label.n - 1] == '-')
			return false;
	} while (rest.p);
	return true;
}

/* HOST, IPV4 or [IPV6], then perhaps :PORT */
static bool
authority(struct str s, struct transport_url *u)
{
	struct str port;
	struct ip ip;
	uint64_t v;

	if (str_starts(s, STR("["))) {
		u->host = str_cut(str_from(s, 1), ']', &port);
		if (!port.p || !ip_parse(u->host, &ip) || ip.family != IP_V6)
			return false;
		u->literal = true;
		if (port.n == 0)
			return true;
		if (port.p[0] != ':')
			return false;
		port = str_from(port, 1);
	} else {
		u->host = str_cut(s, ':', &port);
		u->literal = ip_parse(u->host, &ip) && ip.family == IP_V4;
		if (!is_host(u->host))
			return false;
		if (!port.p)
			return true;
	}
	if (!str_to_u64(port, 65535, &v) || v == 0)
		return false;
	u->port = (uint16_t)v;
	return true;
}

static bool
is_path(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (chars_is(s.p[i], CH_CTL))
			return false;
	return str_starts(s, STR("/"));
}

bool
transport_url_parse(struct str s, struct transport_url *out)
{
	struct transport_url u = {0};
	struct str rest, scheme = str_cut(s, ':', &rest);
	int kind = name_find(kind_names, TRANSPORT_KIND_COUNT, scheme);

	if (kind < 0 || !rest.p || s.n > URL_MAX)
		return false;
	u.kind = (enum transport_kind)kind;
	u.port = ports[kind];
	switch (u.kind) {
	case TRANSPORT_SENDMAIL:
		u.path = rest.n ? rest : STR(SENDMAIL_PATH);
		break;
	case TRANSPORT_DIRECTORY:
		u.path = rest;
		break;
	case TRANSPORT_SMTP:
	case TRANSPORT_SUBMISSION:
	case TRANSPORT_SUBMISSIONS:
		if (!str_starts(rest, STR("//")) ||
		    !authority(str_from(rest, 2), &u))
			return false;
		*out = u;
		return true;
	case TRANSPORT_KIND_COUNT:
		return false;
	}
	if (!is_path(u.path))
		return false;
	*out = u;
	return true;
}
