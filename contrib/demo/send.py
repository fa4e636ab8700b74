#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Send one demonstration message through a Postfix that allows XCLIENT.

send.py PORT CLIENT HELO SENDER FROM SUBJECT [--sign DOMAIN SELECTOR KEY]
        [--break]

CLIENT is the address Postfix is told the message comes from (XCLIENT), so
that SPF sees it. --break changes the body after signing. Prints the reply to
the end of the message."""
import argparse
import smtplib
import sys
import time

import dkim

p = argparse.ArgumentParser()
for name in ("port", "client", "helo", "sender", "author", "subject"):
    p.add_argument(name)
p.add_argument("--sign", nargs=3)
p.add_argument("--break", dest="broken", action="store_true")
a = p.parse_args()

message = (
    f"From: {a.author}\r\n"
    "To: postmaster@receiver.example\r\n"
    f"Subject: {a.subject}\r\n"
    f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())}\r\n"
    f"Message-ID: <{time.time_ns()}@{a.helo}>\r\n"
    "\r\n"
    "Hello from the demonstration.\r\n"
).encode()
if a.sign:
    domain, selector, keyfile = a.sign
    with open(keyfile, "rb") as f:
        key = f.read()
    message = dkim.sign(message, selector.encode(), domain.encode(), key,
                        canonicalize=(b"relaxed", b"relaxed"),
                        include_headers=[b"from", b"to", b"subject", b"date",
                                         b"message-id"]) + message
if a.broken:
    message = message.replace(b"Hello", b"Goodbye")

s = smtplib.SMTP("127.0.0.1", int(a.port), local_hostname=a.helo, timeout=60)
s.ehlo()
code, text = s.docmd("XCLIENT", f"ADDR={a.client} NAME={a.helo}")
if code != 220:
    sys.exit(f"XCLIENT refused: {code} {text.decode()}")
s.ehlo(a.helo)
s.mail(a.sender)
s.rcpt("postmaster@receiver.example")
code, text = s.data(message)
print(code, text.decode("ascii", "replace"))
s.quit()
