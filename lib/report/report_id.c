/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/report/report_id.h"

#include "lib/base/err.h"
#include "lib/base/mac.h"
#include "lib/base/name.h"

static const char *const kind_names[REPORT_KIND_COUNT] = {
    [REPORT_KIND_DMARC] = "dmarc",
    [REPORT_KIND_FAILURE] = "failure",
    [REPORT_KIND_TLS] = "tls",
};

const char *
report_kind_name(enum report_kind k)
{
	return name_of(kind_names, REPORT_KIND_COUNT, (int)k);
}

/* No two different names have the same octets: each part is counted. */
static void
put_part(struct buf *b, struct str s)
{
	buf_add_u64(b, s.n);
	buf_add_c(b, ':');
	buf_add(b, s);
}

int
report_id_make(
    const struct report_name *n, struct str salt, char out[REPORT_ID_OCTETS])
{
	uint8_t mac[MAC_OCTETS];
	struct buf b;
	int err;

	buf_init(&b, NULL, n->policy_domain.n + n->detail.n + 200);
	put_part(&b, STR("aver report 1"));
	put_part(&b, str_from_z(report_kind_name(n->kind)));
	put_part(&b, n->policy_domain);
	buf_addf(&b, "%lld,%lld,%u,", (long long)n->begin, (long long)n->end,
	    n->part);
	put_part(&b, n->detail);
	err = b.err;
	if (!err && !mac_sha256(salt, buf_str(&b), mac))
		err = AVER_CRYPTO;
	buf_fini(&b);
	if (!err)
		mac_base32(mac, out, REPORT_ID_OCTETS);
	return err;
}

bool
report_id_ok(struct str s)
{
	if (s.n != REPORT_ID_OCTETS)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') &&
		    !(s.p[i] >= '2' && s.p[i] <= '7'))
			return false;
	return true;
}

void
report_file_name(struct buf *b, const struct report_name *n,
    struct str receiver, struct str id, bool gzip)
{
	if (n->kind == REPORT_KIND_FAILURE)
		return;
	/* RFC 9990 section 3.1.1.4: the last second of the period */
	buf_addf(b, "%.*s!%.*s!%lld!%lld!%.*s.%s%s", STRF(receiver),
	    STRF(n->policy_domain), (long long)n->begin, (long long)n->end - 1,
	    STRF(id), n->kind == REPORT_KIND_TLS ? "json" : "xml",
	    gzip ? ".gz" : "");
}

void
report_subject(struct buf *b, const struct report_name *n, struct str submitter,
    struct str id)
{
	if (n->kind == REPORT_KIND_FAILURE)
		return;
	buf_addf(b, "Report Domain: %.*s Submitter: %.*s Report-ID: ",
	    STRF(n->policy_domain), STRF(submitter));
	/* RFC 8460 section 5.3 has a msg-id there */
	if (n->kind == REPORT_KIND_TLS)
		buf_addf(b, "<%.*s@%.*s>", STRF(id), STRF(submitter));
	else
		buf_add(b, id);
}
