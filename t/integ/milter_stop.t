#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""aver-milter without a message in transit ends when it is told to, and not
only when the poll of libmilter's listener does; with connections that the MTA
keeps open, too, and what they brought is in the store by then."""
import os
import shlex
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L

L.need(programs=("nsd",))
tap = L.Tap()
ZONE = """
$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 3600 900 86400 300
@ NS ns
ns A 127.0.0.1
good TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.good TXT "v=DMARC1; p=none; rua=mailto:r@good.example"
"""


def one_message(port):
    """A connection over which a message came."""
    s = socket.create_connection(("127.0.0.1", port), L.PATIENCE)
    f = s.makefile("rb")

    def command(letter, data=b""):
        s.sendall(struct.pack(">I", len(data) + 1) + letter + data)

    def reply():
        n, = struct.unpack(">I", f.read(4))
        return f.read(n)[:1]

    command(b"O", struct.pack(">III", 6, 0x1ff, 0x1fffff))
    reply()
    command(b"C", b"x.example\0" b"4" + struct.pack(">H", 25) +
            b"192.0.2.1\0")
    command(b"H", b"x.example\0")
    command(b"M", b"<a@good.example>\0")
    command(b"R", b"<b@receiver.example>\0")
    command(b"L", b"From\0 a@good.example\0")
    command(b"N")
    command(b"E")
    while reply() not in b"acrt":
        pass
    return s


def test_open(lab):
    dns = lab.nsd({"example": ZONE})
    milter = lab.milter(dns, "", "open")
    left = [one_message(milter.port) for _ in range(5)]
    milter.proc.terminate()
    tap.ok(L.happens(lambda: milter.proc.poll() is not None, L.PATIENCE),
           "with connections left it ends")
    tap.eq(milter.proc.poll(), 0, "in order")
    told = lab.aver("-c", milter.conf, "evaluations").stdout
    tap.ok("good.example" in told and " 5 " in told + " ",
           "all is in the store", told)
    for s in left:
        s.close()


def test_idle(lab):
    library = lab.path("longpoll.so")
    r = subprocess.run(
        shlex.split(os.environ.get("CC", "cc")) +
        ["-shared", "-fPIC", "-O1", "-o", library,
         os.path.join(L.HERE, "longpoll.c")],
        capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if r.returncode:
        tap.note(r.stderr)
        tap.count += 1
        print("ok %d - idle # SKIP longpoll.c cannot be compiled" % tap.count)
        return
    polls = lab.write("polls", "")
    os.chmod(polls, 0o666)
    # the milter alone: what lab starts later has the old environment
    os.environ.update(LD_PRELOAD=library, LONGPOLL=polls)
    # a runtime of ASan that is no part of the program wants to be first
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [
        os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    milter = lab.milter(L.free_ports(1)[0], "")
    del os.environ["LD_PRELOAD"]
    # again after the client that saw that it listens
    L.wait_until(lambda: len(lab.read("polls")) > 1, 20, "the listener's poll")
    milter.proc.terminate()
    tap.ok(L.happens(lambda: milter.proc.poll() is not None, L.PATIENCE),
           "it ends")
    tap.eq(milter.proc.poll(), 0, "in order")
    tap.ok("libmilter does not stop" not in milter.text(),
           "with its listener", milter.text())


with L.Lab() as the_lab:
    test_open(the_lab)
    test_idle(the_lab)
tap.done()
