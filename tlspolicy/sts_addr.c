/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_addr.h"

struct range {
	uint8_t a[16];
	uint8_t bits;
};

/* the IANA IPv4 special-purpose registry, multicast and class E */
static const struct range v4[] = {
    {{0}, 8}, /* this network */
    {{10}, 8}, /* private */
    {{100, 64}, 10}, /* shared by carriers */
    {{127}, 8}, /* loopback */
    {{169, 254}, 16}, /* link-local; metadata of clouds */
    {{172, 16}, 12}, /* private */
    {{192, 0, 0}, 24}, /* protocols */
    {{192, 0, 2}, 24}, /* documentation */
    {{192, 88, 99}, 24}, /* 6to4 relays */
    {{192, 168}, 16}, /* private */
    {{198, 18}, 15}, /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24}, /* documentation */
    {{224}, 3}, /* multicast, reserved, broadcast */
};

/* global unicast is 2000::/3; of it */
static const struct range v6[] = {
    {{0x20, 0x01, 0x00}, 23}, /* protocols, Teredo, benchmarks, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x3f, 0xff}, 20}, /* documentation */
};

/* where an IPv4 address is inside, and at which octet */
static const struct {
	struct range range;
	uint8_t at;
} inside[] = {
    {{{[10] = 0xff, 0xff}, 96}, 12}, /* mapped */
    {{{[8] = 0xff, 0xff}, 96}, 12}, /* translated */
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12}, /* NAT64 */
    {{{0x20, 0x02}, 16}, 2}, /* 6to4 */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_in(const struct ip *ip, const struct range *r)
{
	struct ip net = ip_from_bytes(ip->family, r->a);

	return ip_in(ip, &net, r->bits);
}

static bool
is_in_any(const struct ip *ip, const struct range *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_in(ip, &v[i]))
			return true;
	return false;
}

static bool
find_inside(const struct ip *ip, struct ip *out)
{
	for (size_t i = 0; ip->family == IP_V6 && i < COUNT(inside); i++) {
		if (is_in(ip, &inside[i].range)) {
			*out = ip_from_bytes(IP_V4, &ip->a[inside[i].at]);
			return true;
		}
	}
	return false;
}

bool
sts_addr_is_public(const struct ip *ip)
{
	static const struct range unicast = {{0x20}, 3};
	struct ip within;

	if (ip->family == IP_V4)
		return !is_in_any(ip, v4, COUNT(v4));
	if (ip->family != IP_V6)
		return false;
	if (find_inside(ip, &within))
		return !is_in_any(&within, v4, COUNT(v4));
	return is_in(ip, &unicast) && !is_in_any(ip, v6, COUNT(v6));
}

bool
sts_addr_is_allowed(const struct ip *ip, const struct sts_nets *allow)
{
	struct ip within;
	bool has = find_inside(ip, &within);

	if (sts_addr_is_public(ip))
		return true;
	for (size_t i = 0; i < allow->n; i++) {
		const struct ip_net *net = &allow->v[i];

		if (ip_in(ip, &net->ip, net->bits) ||
		    (has && ip_in(&within, &net->ip, net->bits)))
			return true;
	}
	return false;
}
