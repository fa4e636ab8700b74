#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""aver-milter without a message in transit ends when it is told to, and not
only when the poll of libmilter's listener does."""
import os
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L

L.need()
tap = L.Tap()


def main(lab):
    library = lab.path("longpoll.so")
    r = subprocess.run(
        shlex.split(os.environ.get("CC", "cc")) +
        ["-shared", "-fPIC", "-O1", "-o", library,
         os.path.join(L.HERE, "longpoll.c")],
        capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if r.returncode:
        L.skip_all("longpoll.c cannot be compiled: " + r.stderr)
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
    tap.done()


with L.Lab() as the_lab:
    main(the_lab)
