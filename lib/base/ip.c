/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/ip.h"

#include <string.h>

#include "lib/base/scan.h"

static bool
scan_quad(struct scan *s, uint8_t out[4])
{
	struct scan t = *s;

	for (int i = 0; i < 4; i++) {
		const char *from = t.p;
		uint64_t v;

		if (i && !scan_char(&t, '.'))
			return false;
		from = t.p;
		if (!scan_u64(&t, 255, &v) || (*from == '0' && t.p > from + 1))
			return false;
		out[i] = (uint8_t)v;
	}
	*s = t;
	return true;
}

static bool
scan_hextet(struct scan *s, uint16_t *out)
{
	unsigned v = 0;
	int n = 0;

	for (; n < 4 && s->p < s->end && chars_is(*s->p, CH_HEX); n++)
		v = v << 4 | (unsigned)chars_hex(*s->p++);
	*out = (uint16_t)v;
	return n > 0;
}

/* RFC 4291 section 2.2, forms 1 to 3. */
static bool
scan_v6(struct scan *s, uint8_t out[16])
{
	uint8_t head[16] = {0}, tail[16] = {0};
	size_t nh = 0, nt = 0;
	bool gap = scan_lit(s, STR("::"));
	bool first = true;

	while (!scan_done(s)) {
		uint8_t *to = gap ? tail + nt : head + nh;
		size_t *n = gap ? &nt : &nh;
		uint16_t v;

		if (!first && scan_lit(s, STR("::"))) {
			if (gap)
				return false;
			gap = true;
			first = true;
			continue;
		}
		if (!first && !scan_char(s, ':'))
			return false;
		if (nh + nt <= 12 && scan_quad(s, to)) {
			*n += 4;
			break;
		}
		if (nh + nt > 14 || !scan_hextet(s, &v))
			return false;
		to[0] = (uint8_t)(v >> 8);
		to[1] = (uint8_t)v;
		*n += 2;
		first = false;
	}
	if (!scan_done(s) || (gap ? nh + nt > 14 : nh != 16))
		return false;
	memset(out, 0, 16);
	memcpy(out, head, nh);
	memcpy(out + 16 - nt, tail, nt);
	return true;
}

bool
ip_parse(struct str text, struct ip *out)
{
	struct scan s = scan_of(text);
	struct ip ip = {.family = IP_V4};

	if (text.n == 0 || text.n > 45)
		return false;
	if (str_chr(text, ':') < text.n) {
		ip.family = IP_V6;
		if (!scan_v6(&s, ip.a))
			return false;
	} else if (!scan_quad(&s, ip.a) || !scan_done(&s)) {
		return false;
	}
	*out = ip;
	return true;
}

static void
clear_host_bits(struct ip_net *net, unsigned width)
{
	for (unsigned bit = net->bits; bit < width; bit++)
		net->ip.a[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

bool
ip_net_parse(struct str s, struct ip_net *out)
{
	struct str bits, addr = str_cut(s, '/', &bits);
	struct ip_net net;
	uint64_t n;
	unsigned width;

	if (!ip_parse(addr, &net.ip))
		return false;
	width = net.ip.family == IP_V4 ? 32 : 128;
	n = width;
	if (bits.p && !str_to_u64(bits, width, &n))
		return false;
	net.bits = (uint8_t)n;
	clear_host_bits(&net, width);
	*out = net;
	return true;
}

struct ip
ip_unmap(struct ip ip)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	struct ip v4 = {.family = IP_V4};

	if (ip.family != IP_V6 || memcmp(ip.a, prefix, 12) != 0)
		return ip;
	memcpy(v4.a, ip.a + 12, 4);
	return v4;
}

bool
ip_eq(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->a, b->a, 16) == 0;
}

bool
ip_in(const struct ip *ip, const struct ip *net, unsigned bits)
{
	unsigned whole = bits / 8, part = bits % 8;

	if (ip->family != net->family || bits > 128)
		return false;
	if (memcmp(ip->a, net->a, whole) != 0)
		return false;
	if (part == 0)
		return true;
	return ((ip->a[whole] ^ net->a[whole]) & (0xff00u >> part) & 0xff) == 0;
}

/* The longest run of two or more zero hextets, the first of equals. */
static void
longest_zeros(const uint16_t h[8], int *at, int *len)
{
	*at = -1;
	*len = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && h[i + n] == 0)
			n++;
		if (n > *len) {
			*at = i;
			*len = n;
		}
	}
}

static void
print_v6(struct buf *b, const uint8_t a[16])
{
	uint16_t h[8];
	int at, len;

	for (int i = 0; i < 8; i++)
		h[i] = (uint16_t)(a[2 * i] << 8 | a[2 * i + 1]);
	longest_zeros(h, &at, &len);
	for (int i = 0; i < 8; i++) {
		if (i == at) {
			buf_add_z(b, "::");
			i += len - 1;
			continue;
		}
		if (i && i != at + len)
			buf_add_c(b, ':');
		buf_addf(b, "%x", h[i]);
	}
}

void
ip_print(struct buf *b, const struct ip *ip)
{
	if (ip->family == IP_V4)
		buf_addf(
		    b, "%u.%u.%u.%u", ip->a[0], ip->a[1], ip->a[2], ip->a[3]);
	else if (ip->family == IP_V6)
		print_v6(b, ip->a);
	else
		buf_add_z(b, "unknown");
}

struct ip
ip_from_bytes(enum ip_family family, const void *octets)
{
	struct ip ip = {.family = (uint8_t)family};

	memcpy(ip.a, octets, family == IP_V4 ? 4 : 16);
	return ip;
}
