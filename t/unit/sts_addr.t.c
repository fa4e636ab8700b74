/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include "tlspolicy/sts_addr.h"

static const struct {
	const char *ip;
	bool public;
} cases[] = {
    {"8.8.8.8", true},
    {"1.1.1.1", true},
    {"9.255.255.255", true},
    {"11.0.0.0", true},
    {"172.15.255.255", true},
    {"172.32.0.0", true},
    {"100.63.255.255", true},
    {"100.128.0.0", true},
    {"192.0.1.0", true},
    {"198.17.255.255", true},
    {"198.20.0.0", true},
    {"223.255.255.255", true},
    {"0.0.0.0", false},
    {"0.1.2.3", false},
    {"10.0.0.1", false},
    {"100.64.0.1", false},
    {"100.127.255.255", false},
    {"127.0.0.1", false},
    {"127.255.255.254", false},
    {"169.254.169.254", false},
    {"172.16.0.1", false},
    {"172.31.255.255", false},
    {"192.0.0.8", false},
    {"192.0.2.1", false},
    {"192.168.255.255", false},
    {"198.18.0.1", false},
    {"198.19.255.255", false},
    {"198.51.100.1", false},
    {"203.0.113.1", false},
    {"224.0.0.1", false},
    {"240.0.0.1", false},
    {"255.255.255.255", false},
    {"2606:4700::1111", true},
    {"2a00::1", true},
    {"3fff:1000::1", true},
    {"::", false},
    {"::1", false},
    {"::8.8.8.8", false},
    {"64:ff9b:1::8.8.8.8", false},
    {"100::1", false},
    {"2001::1", false},
    {"2001:2::1", false},
    {"2001:db8::1", false},
    {"3fff::1", false},
    {"4000::1", false},
    {"fc00::1", false},
    {"fd00:ec2::254", false},
    {"fe80::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
    /* an IPv4 address in IPv6 clothes */
    {"::ffff:8.8.8.8", true},
    {"::ffff:127.0.0.1", false},
    {"::ffff:169.254.169.254", false},
    {"::ffff:0:10.0.0.1", false},
    {"64:ff9b::8.8.8.8", true},
    {"64:ff9b::192.168.0.1", false},
    {"2002:808:808::1", true},
    {"2002:7f00:1::1", false},
    {"2002:a9fe:a9fe::", false},
};

static bool
allows(const char *net, const char *text)
{
	struct ip_net n;
	struct sts_nets nets = {&n, 1};
	struct ip ip;

	return ip_net_parse(str_from_z(net), &n) &&
	       ip_parse(str_from_z(text), &ip) &&
	       sts_addr_is_allowed(&ip, &nets);
}

int
main(void)
{
	struct ip none = {.family = IP_NONE};
	struct sts_nets nets = {NULL, 0};
	struct ip ip;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ok(ip_parse(str_from_z(cases[i].ip), &ip) &&
			sts_addr_is_public(&ip) == cases[i].public,
		    "%s", cases[i].ip);
		ok(sts_addr_is_allowed(&ip, &nets) == cases[i].public,
		    "%s without exceptions", cases[i].ip);
	}
	ok(!sts_addr_is_public(&none), "no address");
	ok(allows("127.0.0.0/8", "127.0.0.1"), "an exception");
	ok(allows("127.0.0.0/8", "8.8.8.8"), "public ones need none");
	ok(!allows("127.0.0.0/8", "10.0.0.1"), "for its network alone");
	ok(allows("127.0.0.0/8", "::ffff:127.0.0.1"), "of IPv4 inside");
	ok(allows("fd00::/8", "fd12::1"), "of IPv6");
	ok(!allows("::/0", "127.0.0.1"), "of the family alone");
	return tap_done();
}
