/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Whom a name of a stranger's may send us to. Policy hosts and MX hosts are
 * named by anybody: addresses of this host, of the networks behind it and of
 * what clouds keep at link-local addresses are not to be reached that way.
 */
#ifndef TLSPOLICY_STS_ADDR_H
#define TLSPOLICY_STS_ADDR_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/ip.h"

struct sts_nets {
	const struct ip_net *v;
	size_t n;
};

/*
 * A global unicast address by the registries of special purpose addresses. An
 * IPv4 address inside an IPv6 one (mapped, translated, NAT64, 6to4) decides.
 */
bool sts_addr_is_public(const struct ip *ip);
/* Public, or in one of the nets; also when the IPv4 address inside is. */
bool sts_addr_is_allowed(const struct ip *ip, const struct sts_nets *allow);

#endif
