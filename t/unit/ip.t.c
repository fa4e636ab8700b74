/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/ip.h"
#include "t/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Text and what it prints as; RFC 5952 section 4 for IPv6. */
static const struct {
	struct str in, want;
} good[] = {
    {STR_INIT("0.0.0.0"), STR_INIT("0.0.0.0")},
    {STR_INIT("255.255.255.255"), STR_INIT("255.255.255.255")},
    {STR_INIT("192.0.2.1"), STR_INIT("192.0.2.1")},
    {STR_INIT("::"), STR_INIT("::")},
    {STR_INIT("::1"), STR_INIT("::1")},
    {STR_INIT("1::"), STR_INIT("1::")},
    {STR_INIT("0:0:0:0:0:0:0:0"), STR_INIT("::")},
    {STR_INIT("1:2:3:4:5:6:7:8"), STR_INIT("1:2:3:4:5:6:7:8")},
    {STR_INIT("2001:DB8::00aB"), STR_INIT("2001:db8::ab")},
    {STR_INIT("2001:db8:0:1:1:1:1:1"), STR_INIT("2001:db8:0:1:1:1:1:1")},
    {STR_INIT("2001:0:0:1:0:0:0:1"), STR_INIT("2001:0:0:1::1")},
    {STR_INIT("2001:db8:0:0:1:0:0:1"), STR_INIT("2001:db8::1:0:0:1")},
    {STR_INIT("1:2:3:4:5:6:7::"), STR_INIT("1:2:3:4:5:6:7:0")},
    {STR_INIT("::2:3:4:5:6:7:8"), STR_INIT("0:2:3:4:5:6:7:8")},
    {STR_INIT("1:0:0:0:0:0:0:0"), STR_INIT("1::")},
    {STR_INIT("::ffff:192.0.2.1"), STR_INIT("::ffff:c000:201")},
    {STR_INIT("64:ff9b::192.0.2.33"), STR_INIT("64:ff9b::c000:221")},
    {STR_INIT("1:2:3:4:5:6:1.2.3.4"), STR_INIT("1:2:3:4:5:6:102:304")},
    {STR_INIT("1::5:1.2.3.4"), STR_INIT("1::5:102:304")},
    {STR_INIT("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"),
	STR_INIT("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")},
};

static const struct str bad[] = {
    STR_INIT(""),
    STR_INIT("1"),
    STR_INIT("1.2.3"),
    STR_INIT("1.2.3."),
    STR_INIT(".1.2.3.4"),
    STR_INIT("1.2.3.4."),
    STR_INIT("1.2.3.4.5"),
    STR_INIT("1..2.3"),
    STR_INIT("256.1.1.1"),
    STR_INIT("1.2.3.256"),
    STR_INIT("01.2.3.4"),
    STR_INIT("1.2.3.00"),
    STR_INIT("1.2.3.-4"),
    STR_INIT("1.2.3.4\0"),
    STR_INIT(" 1.2.3.4"),
    STR_INIT("1.2.3.4 "),
    STR_INIT("0x1.2.3.4"),
    STR_INIT("1.2.3.99999999999999999999999"),
    STR_INIT(":"),
    STR_INIT(":::"),
    STR_INIT("1:"),
    STR_INIT(":1"),
    STR_INIT("::1:"),
    STR_INIT("1:::2"),
    STR_INIT("1::2::3"),
    STR_INIT("::2::"),
    STR_INIT("1:2:3:4:5:6:7"),
    STR_INIT("1:2:3:4:5:6:7:8:9"),
    STR_INIT("1:2:3:4:5:6:7:8::"),
    STR_INIT("::1:2:3:4:5:6:7:8"),
    STR_INIT("1:2:3:4::5:6:7:8"),
    STR_INIT("12345::"),
    STR_INIT("::g"),
    STR_INIT("::1%eth0"),
    STR_INIT("[::1]"),
    STR_INIT("::1.2.3"),
    STR_INIT("::1.2.3.4.5"),
    STR_INIT("::1.2.3.4:5"),
    STR_INIT("1.2.3.4::"),
    STR_INIT("::01.2.3.4"),
    STR_INIT("1:2:3:4:5:6:7:1.2.3.4"),
    STR_INIT("1:2:3:4:5:1.2.3.4"),
    STR_INIT("::1\0"),
    STR_INIT("::\xff"),
    STR_INIT("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555"),
};

static void
test_parse(void)
{
	struct buf b;

	buf_init(&b, NULL, 100);
	for (size_t i = 0; i < COUNT(good); i++) {
		struct ip ip;

		buf_clear(&b);
		if (!ok(ip_parse(good[i].in, &ip), "parse %.*s",
			STRF(good[i].in)))
			continue;
		ip_print(&b, &ip);
		is_str(buf_str(&b), good[i].want, good[i].in.p);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct ip ip = {.family = 77};

		ok(!ip_parse(bad[i], &ip) && ip.family == 77,
		    "refuse %zu \"%.*s\"", i, STRF(bad[i]));
	}
	buf_clear(&b);
	ip_print(&b, &(struct ip){IP_NONE, {0}});
	is_str(buf_str(&b), STR("unknown"), "no address");
	buf_fini(&b);
}

static void
test_nets(void)
{
	static const struct {
		struct str in, want; /* network/bits, empty: refused */
	} t[] = {
	    {STR_INIT("192.0.2.1"), STR_INIT("192.0.2.1/32")},
	    {STR_INIT("192.0.2.255/25"), STR_INIT("192.0.2.128/25")},
	    {STR_INIT("192.0.2.255/0"), STR_INIT("0.0.0.0/0")},
	    {STR_INIT("::1"), STR_INIT("::1/128")},
	    {STR_INIT("2001:db8:ffff::/33"), STR_INIT("2001:db8:8000::/33")},
	    {STR_INIT("ffff::1/0"), STR_INIT("::/0")},
	    {STR_INIT("192.0.2.1/"), STR_NONE},
	    {STR_INIT("192.0.2.1/33"), STR_NONE},
	    {STR_INIT("::1/129"), STR_NONE},
	    {STR_INIT("192.0.2.1/-1"), STR_NONE},
	    {STR_INIT("192.0.2.1/8/8"), STR_NONE},
	    {STR_INIT("192.0.2.1/4294967304"), STR_NONE},
	    {STR_INIT("/8"), STR_NONE},
	    {STR_INIT("10/8"), STR_NONE},
	};
	struct buf b;

	buf_init(&b, NULL, 100);
	for (size_t i = 0; i < COUNT(t); i++) {
		struct ip_net net;

		buf_clear(&b);
		if (ip_net_parse(t[i].in, &net)) {
			ip_print(&b, &net.ip);
			buf_addf(&b, "/%u", net.bits);
		}
		is_str(buf_str(&b), t[i].want, t[i].in.p);
	}
	buf_fini(&b);
}

static struct ip
addr(const char *z)
{
	struct ip ip = {.family = IP_NONE};

	ok(ip_parse(str_from_z(z), &ip), "%s is an address", z);
	return ip;
}

static void
test_in(void)
{
	struct ip v4 = addr("192.0.2.1"), other = addr("192.0.2.129");
	struct ip v6 = addr("2001:db8::1"), mapped = addr("::ffff:192.0.2.1");
	struct ip plain;

	ok(ip_in(&v4, &other, 24) && !ip_in(&v4, &other, 25) &&
		ip_in(&v4, &other, 0) && ip_in(&v4, &v4, 32),
	    "in: IPv4");
	ok(ip_in(&v6, &v6, 128) && !ip_in(&v6, &mapped, 3) &&
		ip_in(&v6, &mapped, 2),
	    "in: IPv6");
	ok(!ip_in(&v4, &mapped, 0) && !ip_in(&mapped, &v4, 0),
	    "in: never across families");
	ok(!ip_in(&v6, &v6, 129), "in: too many bits");
	plain = ip_unmap(mapped);
	ok(ip_eq(&plain, &v4) && !ip_eq(&mapped, &v4), "unmap: mapped");
	plain = ip_unmap(v6);
	ok(ip_eq(&plain, &v6), "unmap: others stay");
	plain = addr("::fffe:c000:201");
	ok(ip_unmap(plain).family == IP_V6, "unmap: the prefix is exact");
	plain = ip_from_bytes(IP_V4, "\xc0\x00\x02\x01");
	ok(ip_eq(&plain, &v4), "from 4 octets");
	plain = ip_from_bytes(IP_V6, v6.a);
	ok(ip_eq(&plain, &v6), "from 16 octets");
}

int
main(void)
{
	test_parse();
	test_nets();
	test_in();
	return tap_done();
}
