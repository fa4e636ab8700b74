/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A message and signatures of it that another implementation made, with the
 * key in both of its forms.
 */
#ifndef UNIT_DKIM_VECTORS_H
#define UNIT_DKIM_VECTORS_H

#include "lib/base/str.h"

#define RSA_SPKI                                                       \
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxQQoFZcHF0NijD+y" \
	"TTMwY1dsMvT3eWEPfnrMabWzmUbgqjFjW/0Qg9kW+4juDouXi8+ShqHhONJZ" \
	"cdSCx1G0pcHVhVxCrbUn35zpDHw5lpeclwcWLETFQhRNEPLiZZ1bxNQwv0Zb" \
	"LpLT4sQuIh05Uo6RzA4IOFo4nc0oQJ11Ti8L677G+8vc1641Mw/8KP5jy4qp" \
	"VNoyuCCUI3yLvwxPP8Nyn3KfkYtQV2k7Twl3w39ZzXurr8R+s8YN/94ncVbs" \
	"/vdoAx57RLaMRU1OvCHJpMrxQZUICq/fp5rLc3iaVXaSAi+KgqNYGd50bPI5" \
	"3v9V1RC6A8JqTk6/Sy2rGepwuQIDAQAB"
#define RSA_PKCS1                                                      \
	"MIIBCgKCAQEAxQQoFZcHF0NijD+yTTMwY1dsMvT3eWEPfnrMabWzmUbgqjFj" \
	"W/0Qg9kW+4juDouXi8+ShqHhONJZcdSCx1G0pcHVhVxCrbUn35zpDHw5lpec" \
	"lwcWLETFQhRNEPLiZZ1bxNQwv0ZbLpLT4sQuIh05Uo6RzA4IOFo4nc0oQJ11" \
	"Ti8L677G+8vc1641Mw/8KP5jy4qpVNoyuCCUI3yLvwxPP8Nyn3KfkYtQV2k7" \
	"Twl3w39ZzXurr8R+s8YN/94ncVbs/vdoAx57RLaMRU1OvCHJpMrxQZUICq/f" \
	"p5rLc3iaVXaSAi+KgqNYGd50bPI53v9V1RC6A8JqTk6/Sy2rGepwuQIDAQAB"

/* Signed by dkimpy 1.1.4. */
static const struct str head =
    STR_INIT("X-Hop: from b.example (b.example [192.0.2.2])\r\n"
	     "\tby c.example;  Tue, 14 Nov 2023 22:13:22 +0000\r\n"
	     "X-Hop: from a.example (a.example [192.0.2.1])\r\n"
	     "\tby b.example; Tue, 14 Nov 2023 22:13:21 +0000\r\n"
	     "From: Ann  Example <ann@example.org>\r\n"
	     "To:bob@example.net\r\n"
	     "SUBJECT: Two  spaces,\ta tab \r\n"
	     "  and a fold \t \r\n"
	     "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
	     "X-Empty:\r\n");

static const struct str text =
    STR_INIT(" first  line\t with \t white space \r\n"
	     "\r\n"
	     "\t\r\n"
	     "octets:\000 NUL, \303\251\r\n"
	     "last \t \r\n"
	     " \r\n"
	     "\r\n"
	     "\r\n");

static const struct {
	const char *name;
	struct str field;
} signed_by_others[] = {
    {"simple/simple",
	STR_INIT("DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=examp"
		 "le.org;\r\n"
		 " i=@example.org; q=dns/txt; s=sel; t=1700000000; h=x-hop : "
		 "from : to :\r\n"
		 " subject : date : x-empty : x-hop : cc : from;\r\n"
		 " bh=AZccpuTru4Oxvi/KaUeoxy5ZKwKb2SoqXt57T8IWtbg=;\r\n"
		 " b=DWdRRT/dBlxaniJd5CeOnW0C6bE5hu0fixizNXjA0phlom228VR75pjb"
		 "wI1q0LeFm/y59\r\n"
		 " B2QI1UA/nncjhEnwRQmm+acKDq1/OJEPSNaLgLDLEO1WcRgDF0RHQBd4jQ"
		 "7NBPHXxToHmYc\r\n"
		 " SnWTbywYN6n5rurZ7yvDWpeCklyTj1qspSZYFzMjKNMaAUt62pm/e9EXjO"
		 "WNH4ydk7XWzkY\r\n"
		 " K/BoqxYY8pxUPL1F1DRG4nSi2+USLGX4oquFrzZV4O3lb1iFbYSTGL7lGN"
		 "CyLIdNlu9qDuE\r\n"
		 " /YaNlF40dbQNKX1TJJBYmPXCmshRhZ5zdIwO6hzoOyrw+Ivn0fz1UfViei"
		 "cg==")},
    {"simple/relaxed",
	STR_INIT("DKIM-Signature: v=1; a=rsa-sha256; c=simple/relaxed; d=exam"
		 "ple.org;\r\n"
		 " i=ann@mail.example.org; q=dns/txt; s=sel; t=1700000000; h="
		 "x-hop : from\r\n"
		 " : to : subject : date : x-empty : x-hop : cc : from;\r\n"
		 " bh=Rngnsx2h6KvX8n5CrrGsJfgOQoEj0bq4PxxgnCNxRSI=;\r\n"
		 " b=o3THHr4dbsXl4gjjPE54NQIGxfA0vHuY0kZcChpZ87fhG+5C+LTJF1vz"
		 "8nPgiiMjeC/go\r\n"
		 " H1c+h5T6BaxL3B62B+G93JmU6McAQwx05VOQKYxrCHUjmOdN7XaYX1SsFu"
		 "DCyILBJABzPpb\r\n"
		 " UaTmP2PC4vCUpUdP/ZDgmJVLmhzRvFUQ8TKSpT/r+WXElNkkAV+IqqkZGx"
		 "6lEndOrt1CPnX\r\n"
		 " tm1WF2FG2h+Nv2h4HYc1EapiHTSIN5KS20QQwlPJeRkZegifj5DRQuQfdP"
		 "22WTY9qGC4n/U\r\n"
		 " jykEL9nKxG//eHsE0seKfZW76mxy/pP1Dj+GLM+E6tjv8PtxPd21sjEctz"
		 "ew==")},
    {"relaxed/simple",
	STR_INIT("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=exam"
		 "ple.org;\r\n"
		 " i=@example.org; q=dns/txt; s=sel; t=1700000000; h=x-hop : "
		 "from : to :\r\n"
		 " subject : date : x-empty : x-hop : cc : from;\r\n"
		 " bh=AZccpuTru4Oxvi/KaUeoxy5ZKwKb2SoqXt57T8IWtbg=;\r\n"
		 " b=kVKKiUTQsYQkvcUUmVvLvCxeSGydLwajpW58EMLxaYmWs/Hk8IVICbI2"
		 "vays53kcE7d1H\r\n"
		 " IsNCuhpnBX3YIcYQo1qXs4yMtCNwWndVe06UaK6T/luyaIAbzGIIlnO1L8"
		 "5ekTGEkdZk50r\r\n"
		 " 7u8BYmmaVnrP7NIhw9pJKJKzGEuVd/asN2Hm/8pDgt4eS8Wr2GbHpiIN/+"
		 "aAeOBmYYH2w1V\r\n"
		 " +C6fRHdVqDmOUH7zN5Fw9UYAMh+4EG4C72U1/BsSWcTP3GBnIk3VvyEE8r"
		 "mh3Zw4skAk3AO\r\n"
		 " qAZAD1pBFa7fB6hiQq/nbb2uNPWf/xUBPymlyoy7FCkhm4APqtPWjZUyK9"
		 "Sg==")},
    {"relaxed/simple, all of it by l=",
	STR_INIT("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=exam"
		 "ple.org;\r\n"
		 " i=@example.org; l=70; q=dns/txt; s=sel; t=1700000000; h=x-"
		 "hop : from :\r\n"
		 " to : subject : date : x-empty : x-hop : cc : from;\r\n"
		 " bh=AZccpuTru4Oxvi/KaUeoxy5ZKwKb2SoqXt57T8IWtbg=;\r\n"
		 " b=X/qojjiv+3xHF9TEC9wUjcNQ5Q/Fsn+7QcD0XhIoCXIX349vsKVAUgoh"
		 "ll0BRtXdpIoy3\r\n"
		 " acTs77L/dwb0m6b0ClJ8mstluJdN/j5A5Tgn3LK90O5eIWwPmi0VfD99Q9"
		 "2Ml2rV4nbfzaQ\r\n"
		 " C9V6LDXbzxqHMLQ8tShP95PWTHc9i5MhuWuN3HK043xxGpJK8PqHnXUx9b"
		 "w/y4nf5ig+HlP\r\n"
		 " KJZwmC8mPSSFLOFKrQK0mkN6I0xoXEUSxAcYyWlmYXfXJT9scHEWOgBH9/"
		 "PXiMq0y8rAa3C\r\n"
		 " oEn4yPaWTZsQ2s7gda2BFm1jGQCZPpP1cvJQaHggxc5L0ukd66F2pDj1Af"
		 "8g==")},
    {"relaxed/relaxed",
	STR_INIT("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=exa"
		 "mple.org;\r\n"
		 " i=ann@mail.example.org; q=dns/txt; s=sel; t=1700000000; h="
		 "x-hop : from\r\n"
		 " : to : subject : date : x-empty : x-hop : cc : from;\r\n"
		 " bh=Rngnsx2h6KvX8n5CrrGsJfgOQoEj0bq4PxxgnCNxRSI=;\r\n"
		 " b=TGIrOcBdBgS4rmLdttbuVI3h+abbUUsOcGvHrxrJAkqewLS18iCK9ZnC"
		 "Zv+cljHTa5CgD\r\n"
		 " PDYEE5Bmg68pVuHmo45/jIEz3kwTTKvOTAlDjgP/Oteat7RU2QZ8xnKkvD"
		 "7AGptafwzXgH4\r\n"
		 " EDxD3MAd/P16/LLtLjQIaUnY0AOBkChSaO2P46iTsGKZYj2fXJ/wI+DRBU"
		 "pfAjJ5gxgsWBB\r\n"
		 " UAfn0NiTL5uTZeTGa8MQs+YFuhiaz1QmDts9ZkP16YOf+adcPLgfFwcIJC"
		 "UHj7AkkimZhuv\r\n"
		 " fOgkNn8fnfJXzPNtzmvaGSe6tVjUGTJ3SeApALmURXr9Af9k2ou7A7WMK4"
		 "nA==")},
    {"relaxed/relaxed, all of it by l=",
	STR_INIT("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=exa"
		 "mple.org;\r\n"
		 " i=ann@mail.example.org; l=58; q=dns/txt; s=sel; t=17000000"
		 "00; h=x-hop\r\n"
		 " : from : to : subject : date : x-empty : x-hop : cc : from"
		 ";\r\n"
		 " bh=Rngnsx2h6KvX8n5CrrGsJfgOQoEj0bq4PxxgnCNxRSI=;\r\n"
		 " b=nMnNWwgenI7xpcWNEK+TzrICyR780ixFTMcy2dTkAVao/iLD3OOd62H+"
		 "wbhnbqLoZqVIq\r\n"
		 " HlPaKVqUUbukr6l/CGXrFcnyZxY8HmHIPNQS5NfQ/2H/NwmUqcHtB5gueS"
		 "Kti88iyEwLNDx\r\n"
		 " eBGRvNrjfArdjAgWqtycYA5pbBvv7+I05Sc6g1VHmEb7e7O404TRHqYHHN"
		 "98WQHbfWd6YCt\r\n"
		 " z/OvzlmDjEScBmQos1+G/QnvnlRxYOEQkgfQjTLoyqnAWE6QbfAx6QguH+"
		 "NOZ+H8zhzRPJp\r\n"
		 " +xS7FLfZq4c027Ou9O/D/HXLGQkLNTZ9CzU3FhM581iosmWyhIhcmiy6wk"
		 "IA==")},
};

#endif
