/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/report/verp.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/mac.h"
#include "lib/mail/addr.h"
#include "lib/mail/mime.h"

#define NUMBER_AT REPORT_ID_OCTETS
#define MAC_AT (REPORT_ID_OCTETS + 2)
#define MAC_CHARS (VERP_TOKEN - MAC_AT)

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

static int
check(const struct verp_config *c)
{
	char sample[VERP_LOCAL_MAX + 2 + 1];

	if (c->local.n == 0 || c->local.n > VERP_LOCAL_MAX || !c->secret)
		return AVER_CONF;
	/* whatever stands between, the whole has to be a dot-atom */
	if (c->separator != '.' && (chars_is(c->separator, CH_ALNUM) ||
				       !chars_is(c->separator, CH_ATEXT)))
		return AVER_CONF;
	memcpy(sample, c->local.p, c->local.n);
	sample[c->local.n] = '@';
	sample[c->local.n + 1] = 'x';
	if (*sample == '"' ||
	    !mime_address_ok((struct str){sample, c->local.n + 2}, false))
		return AVER_CONF;
	if (c->domain.n == 0 || c->domain.n > 255)
		return AVER_CONF;
	for (size_t i = 0; i < c->domain.n; i++)
		if (c->domain.p[i] != '.' && c->domain.p[i] != '_' &&
		    !chars_is(c->domain.p[i], CH_LDH))
			return AVER_CONF;
	return 0;
}

/* Fills in the MAC of a token whose ID and number are there. */
static bool
authenticate(const struct verp_config *c, char token[VERP_TOKEN])
{
	static const char purpose[] = "aver verp 1\n";
	struct str secret = {(const char *)c->secret, VERP_SECRET};
	char text[sizeof(purpose) - 1 + MAC_AT];
	uint8_t mac[MAC_OCTETS];

	memcpy(text, purpose, sizeof(purpose) - 1);
	memcpy(text + sizeof(purpose) - 1, token, MAC_AT);
	if (!mac_sha256(secret, (struct str){text, sizeof(text)}, mac))
		return false;
	mac_base32(mac, token + MAC_AT, MAC_CHARS);
	return true;
}

int
verp_make(
    const struct verp_config *c, struct str id, unsigned number, struct buf *b)
{
	char token[VERP_TOKEN];
	int err = check(c);

	if (err || number > VERP_NUMBER_MAX)
		return AVER_CONF;
	if (!report_id_ok(id))
		return AVER_SYNTAX;
	memcpy(token, id.p, REPORT_ID_OCTETS);
	token[NUMBER_AT] = letters[number >> 5];
	token[NUMBER_AT + 1] = letters[number & 31];
	if (!authenticate(c, token))
		return AVER_CRYPTO;
	if (!b)
		return 0;
	buf_add(b, c->local);
	buf_add_c(b, c->separator);
	buf_add(b, (struct str){token, sizeof(token)});
	buf_add_c(b, '@');
	buf_add(b, c->domain);
	return b->err;
}

static bool
read_number(const char *p, unsigned *out)
{
	const char *high = strchr(letters, p[0]), *low = strchr(letters, p[1]);

	if (!p[0] || !p[1] || !high || !low)
		return false;
	*out = (unsigned)(high - letters) << 5 | (unsigned)(low - letters);
	return true;
}

/* The token in the address, in lower case, when all around it is ours. */
static bool
find_token(
    const struct verp_config *c, struct str address, char token[VERP_TOKEN])
{
	struct str local, domain, head;

	addr_split(addr_strip(address), &local, &domain);
	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (!str_eq_ci(domain, c->domain) ||
	    local.n != c->local.n + 1 + VERP_TOKEN)
		return false;
	head = str_head(local, c->local.n);
	if (!str_eq_ci(head, c->local) || local.p[head.n] != c->separator)
		return false;
	for (size_t i = 0; i < VERP_TOKEN; i++)
		token[i] = chars_lower(local.p[head.n + 1 + i]);
	return report_id_ok((struct str){token, REPORT_ID_OCTETS});
}

int
verp_parse(const struct verp_config *c, struct str address,
    char id[REPORT_ID_OCTETS], unsigned *number)
{
	char token[VERP_TOKEN], want[VERP_TOKEN];
	unsigned n;

	if (check(c) || !find_token(c, address, token) ||
	    !read_number(token + NUMBER_AT, &n))
		return AVER_NOTFOUND;
	memcpy(want, token, sizeof(want));
	if (!authenticate(c, want))
		return AVER_CRYPTO;
	if (CRYPTO_memcmp(want, token, sizeof(want)) != 0)
		return AVER_NOTFOUND;
	memcpy(id, token, REPORT_ID_OCTETS);
	*number = n;
	return 0;
}
