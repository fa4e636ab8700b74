/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/err.h"
#include "reports/walk.h"

#include "t/tap.h"

/* What a run makes of a domain that cannot be handled. */
static const struct {
	int err;
	bool goes_on;
} cases[] = {
    {0, true},
    {AVER_NOMEM, true},
    {AVER_LIMIT, true},
    {AVER_SYNTAX, true},
    {AVER_NOTFOUND, true},
    {AVER_TEMP, true},
    {AVER_CRYPTO, true},
    {AVER_BUG, true},
    {AVER_IO, false},
    {AVER_CONF, false},
};

int
main(void)
{
	struct store_due due = {.policy_domain = STR("evil.example")};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct diag d = {"what was wrong", 0};
		int err = cases[i].err;
		bool later = false;

		is_int(walk_on(&due, err, &later, &d),
		    cases[i].goes_on ? 0 : err, aver_err_name(err));
		ok(later == (cases[i].goes_on && err), "another run: %d",
		    later);
		ok(!later == (*d.text != '\0'), "it was told");
	}
	return tap_done();
}
