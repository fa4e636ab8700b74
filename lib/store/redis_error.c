/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/redis_error.h"

#include "lib/base/err.h"

#define SHOWN 90 /* octets */

/* code: what the error begins with; drops: another server may do better */
static const struct {
	const char *code;
	int err;
	bool drops;
} errors[] = {
    {"AVERNEWER", AVER_CONF, true},
    {"AVERGONE", AVER_TEMP, true},
    {"READONLY", AVER_TEMP, true},
    {"LOADING", AVER_TEMP, true},
    /* it became a replica while replicas were waited for, or before */
    {"UNBLOCKED", AVER_TEMP, true},
    {"ERR WAIT cannot be used with replica", AVER_TEMP, true},
    {"MASTERDOWN", AVER_TEMP, true},
    {"CLUSTERDOWN", AVER_TEMP, true},
    /* the slot is being moved: part of the keys is elsewhere */
    {"ASK ", AVER_TEMP, false},
    {"TRYAGAIN", AVER_TEMP, false},
    {"BUSY", AVER_TEMP, false},
    {"OOM", AVER_TEMP, false},
    {"MISCONF", AVER_TEMP, false},
    {"NOREPLICAS", AVER_TEMP, false},
    {"NOAUTH", AVER_CONF, true},
    {"WRONGPASS", AVER_CONF, true},
    {"NOPERM", AVER_CONF, true},
    /* protected mode: not from this address */
    {"DENIED", AVER_CONF, true},
    /* NOPERM of a command in a script */
    {"ERR The user executing the script", AVER_CONF, true},
    {"ERR AUTH", AVER_CONF, true},
    {"ERR invalid password", AVER_CONF, true},
    {"ERR Client sent AUTH", AVER_CONF, true},
    {"ERR DB index", AVER_CONF, true},
    {"ERR max number of clients", AVER_TEMP, true},
    {"EXECABORT", AVER_TEMP, false},
};

/*
 * Redis 6 wraps what a script ran into: "ERR Error running script (...):
 * @user_script:9: -OOM command ...".
 */
static struct str
unwrap(struct str text)
{
	if (!str_starts(text, STR("ERR Error running script")) &&
	    !str_starts(text, STR("ERR user_script")))
		return text;
	for (size_t i = 0; i + 2 < text.n; i++)
		if (text.p[i] == ' ' && text.p[i + 1] == '-')
			return str_from(text, i + 2);
	return text;
}

/*
 * Redis 7 adds where in which script it was: nothing to an operator. A server
 * that has no AUTH repeats what it was told, which is the password.
 */
static struct str
without_tail(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		struct str rest = str_from(text, i);

		if (str_starts(rest, STR(" script: ")) ||
		    str_starts(rest, STR(", with args beginning with")))
			return str_head(text, i);
	}
	return text;
}

int
redis_error(struct str text, struct str *shown, bool *drops)
{
	struct str s = without_tail(unwrap(text));

	*shown = str_head(s, SHOWN);
	*drops = false;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (str_starts(s, str_from_z(errors[i].code))) {
			*drops = errors[i].drops;
			return errors[i].err;
		}
	return AVER_IO;
}
