/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What each version of Postfix takes: RELEASE_NOTES and postconf(5). */

#include "lib/base/err.h"
#include "lib/base/scan.h"
#include "tlspolicy/render.h"

#define V(major, minor, patch) ((major)*10000u + (minor)*100u + (patch))
#define OLDEST V(3, 4, 0)
#define NEWEST V(3, 12, 99)

static void
set(unsigned version, struct render_profile *out)
{
	*out = (struct render_profile){
	    .mta = RENDER_POSTFIX,
	    .version = version,
	    .servername = version >= V(3, 4, 0),
	    .enable_rpk = version >= V(3, 9, 0),
	    .policy = version >= V(3, 10, 0),
	    .mx_patterns = version >= V(3, 10, 5),
	    .requiretls = version >= V(3, 11, 0),
	    .base = RENDER_BASE_MAY,
	};
}

int
render_profile_postfix(
    struct str version, struct render_profile *out, struct diag *d)
{
	struct scan s = scan_of(version);
	uint64_t major, minor, patch = 0;
	unsigned v;

	/* "3.7.11", "3.12-20260821", "3.11-RC1-nonprod" */
	if (!scan_u64(&s, 99, &major) || !scan_char(&s, '.') ||
	    !scan_u64(&s, 99, &minor) ||
	    (scan_char(&s, '.') && !scan_u64(&s, 99, &patch)) ||
	    (!scan_done(&s) && scan_peek(&s) != '-'))
		return diag_set(d, AVER_CONF, 0,
		    "\"%.*s\" is no version of Postfix; expected for example "
		    "3.7 or 3.10.5",
		    STRF(str_head(version, 40)));
	v = V((unsigned)major, (unsigned)minor, (unsigned)patch);
	if (v < OLDEST)
		return diag_set(d, AVER_CONF, 0,
		    "Postfix %.*s is not supported; expected 3.4 or later",
		    STRF(str_head(version, 40)));
	set(v, out);
	return 0;
}

void
render_profile_newest(struct render_profile *out)
{
	set(NEWEST, out);
}

void
render_profile_sendmail(struct render_profile *out)
{
	*out =
	    (struct render_profile){.mta = RENDER_SENDMAIL, .servername = true};
}

enum render_base
render_base_of(struct str level)
{
	static const struct {
		struct str level;
		enum render_base base;
	} levels[] = {
	    {STR_INIT(""), RENDER_BASE_MAY},
	    {STR_INIT("none"), RENDER_BASE_MAY},
	    {STR_INIT("may"), RENDER_BASE_MAY},
	    {STR_INIT("encrypt"), RENDER_BASE_ENCRYPT},
	    {STR_INIT("dane"), RENDER_BASE_DANE},
	    {STR_INIT("dane-only"), RENDER_BASE_DANE_ONLY},
	    {STR_INIT("fingerprint"), RENDER_BASE_PKIX},
	    {STR_INIT("verify"), RENDER_BASE_PKIX},
	    {STR_INIT("secure"), RENDER_BASE_PKIX},
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (str_eq_ci(level, levels[i].level))
			return levels[i].base;
	return RENDER_BASE_UNKNOWN;
}
