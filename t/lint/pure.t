#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""What the objects of libpure.a need from outside is in pure.allow."""
import fnmatch
import os
import subprocess
import lint


def read_allow():
    """(symbol pattern, [object patterns]) of each line."""
    out = []
    for line in lint.read("t/lint/pure.allow").splitlines():
        words = line.split("#")[0].split()
        if words:
            out.append((words[0], words[1:] or ["*"]))
    return out


def read_symbols(archive):
    """{object: undefined symbols}, and all symbols that are defined"""
    text = subprocess.run(["nm", "-A", archive], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    wants, defined = {}, set()
    for line in text.splitlines():
        place, _, rest = line.partition(": ")
        # "libpure.a:libpure_a-str.o:0000000000000000 T str_eq"
        parts = line.split(":")
        obj, words = parts[1], parts[-1].split()
        kind, name = words[-2], words[-1]
        wants.setdefault(obj, set())
        if kind in "Uwv":
            wants[obj].add(name)
        elif kind not in "tdbr":
            defined.add(name)
    return wants, defined


def short(obj):
    return obj.replace("libpure_a-", "")


def main():
    if lint.SANITIZERS:
        lint.skip_all("a build with sanitizers calls their run time")
    archive = os.path.join(lint.BUILD, "libpure.a")
    tap = lint.Tap()
    if not os.path.exists(archive):
        tap.ok(False, "libpure.a is built")
        tap.done()
    allow = read_allow()
    wants, defined = read_symbols(archive)
    tap.ok(len(wants) > 0, "libpure.a has objects")
    for obj in sorted(wants):
        bad = [s for s in sorted(wants[obj] - defined)
               if not any(fnmatch.fnmatchcase(s, pattern) and
                          any(fnmatch.fnmatchcase(short(obj), o)
                              for o in objects)
                          for pattern, objects in allow)]
        tap.none(["needs " + s for s in bad], short(obj))
    tap.done()


main()
