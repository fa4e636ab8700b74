/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the text of a parameter has to look like: the check functions of the
 * table. Each is given the whole value, never with a control octet in it.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include <stdbool.h>

#include "lib/base/str.h"

/* Printable ASCII without space and quotes, at most 255 octets, or empty. */
bool check_name_or_empty(struct str s);
/* A name of a header field, with "X-" at its begin, or empty. */
bool check_field_name_or_empty(struct str s);
/* Anything at all; its meaning is checked where it is known. */
bool check_any(struct str s);
/* Up to 16 such names, separated by white space or commas. */
bool check_name_list(struct str s);
/* A name of passwd(5) or group(5), or empty. */
bool check_account_or_empty(struct str s);
/* An absolute path of at most 1023 octets. */
bool check_path(struct str s);
bool check_path_or_empty(struct str s);
/*
 * Postfix's notation of a socket (MILTER_README): unix:PATH, which fits a
 * struct sockaddr_un, or inet:HOST:PORT with a name, an IPv4 address or a
 * bracketed IPv6 address.
 */
bool check_listen(struct str s);
/* One or two absolute paths. */
bool check_path_list(struct str s);
/* LOCAL@DOMAIN with a dot-atom and a name of two labels, or empty. */
bool check_mailbox_or_empty(struct str s);
/* The form of a URL of lib/smtp/transport.h. */
bool check_transport(struct str s);
/* One of + - = _ . # */
bool check_delimiter(struct str s);
/* DOMAIN=FORMAT, at most 64 times. */
bool check_format_list(struct str s);
/* 1 to 16 of them. */
bool check_listen_list(struct str s);
/* "auto", or a number with dots and more behind it: "3.7.11". */
bool check_version_or_auto(struct str s);
bool check_level_or_auto(struct str s);
/* ADDRESS:PORT, [IPV6]:PORT, or nothing */
bool check_address_port_or_empty(struct str s);
/* none, stdin, journal, or file:/PATH */
bool check_log_source(struct str s);
/* sqlite:PATH, or the scheme of a store on Redis */
bool check_store(struct str s);
/* One of "system" and "recursive", or ADDRESS[@PORT] one or more times. */
bool check_servers(struct str s);

#endif
