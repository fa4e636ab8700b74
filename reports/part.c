/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/part.h"

#include <stdio.h>

#include "lib/base/err.h"
#include "reports/window.h"

int
part_choose_id(struct reporter *r, struct report_name *name, unsigned most,
    struct arena *a, char id[REPORT_ID_OCTETS], struct diag *d)
{
	struct str salt = {(const char *)r->id_salt, STORE_SECRET};
	struct ledger_report known;
	int err;

	for (; name->part < most; name->part++) {
		err = report_id_make(name, salt, id);
		if (err)
			return diag_set(d, err, 0, "cannot make an ID");
		err = store_get_report(r->store,
		    (struct str){id, REPORT_ID_OCTETS}, false, a, &known, d);
		if (err)
			return err == AVER_NOTFOUND ? 0 : err;
	}
	return diag_set(d, AVER_LIMIT, 0, "more than %u parts", most);
}

struct ledger_submission
part_submission(struct str id, unsigned number, int64_t now, int64_t spread,
    struct str uri, struct str destination, const char *suppressed)
{
	char text[REPORT_ID_OCTETS + 16];
	int n = snprintf(text, sizeof(text), "%.*s/%u", STRF(id), number);
	int64_t first =
	    now + spread_offset((struct str){text, (size_t)n}, spread);

	return (struct ledger_submission){
	    .number = number,
	    .uri = uri,
	    .destination = destination,
	    .state = suppressed ? LEDGER_SUPPRESSED : LEDGER_PENDING,
	    .next_try = first,
	    .give_up = first + RETRY_GIVE_UP,
	    .detail = str_from_z(suppressed ? suppressed : ""),
	};
}
