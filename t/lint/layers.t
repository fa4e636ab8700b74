#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Includes point only where lib/LAYERS says; outside libraries stay boxed."""
import os
import lint

# Headers of outside libraries. ONE: by exactly one .c file of the project.
ONE = ["libmilter/mfapi.h", "unbound.h", "unbound-event.h", "sqlite3.h", "idn2.h", "libpsl.h",
       "microhttpd.h", "curl/curl.h",
       "gsasl.h"]
WHERE = {"jansson.h": ["ctl", "lib/tlsrpt"],
         "zlib.h": ["lib/zip"],
         "libxml/": ["lib/aggregate"],
         "openssl/": ["lib/base", "lib/dkim", "lib/http", "lib/inbound", "lib/report",
                      "lib/smtp", "lib/store", "milter"]}

# What evaluators may take from the C library.
PURE = {"assert.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h",
        "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h",
        "stdlib.h", "string.h", "idn2.h", "libpsl.h"}


def read_layers(tap):
    layers, problems = {}, []
    for line in lint.read("lib/LAYERS").splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        folder, _, below = line.partition(":")
        for b in below.split():
            if b not in layers:
                problems.append("%s: %s does not stand above" % (folder, b))
        layers[folder] = set(below.split())
    tap.none(problems, "lib/LAYERS: each folder names only folders before it")
    return layers


def check_folder(folder, allowed, paths):
    problems = []
    for path in paths:
        for kind, name in lint.includes(path):
            target = os.path.dirname(name)
            if kind == '"' and target not in allowed and target != folder:
                problems.append("%s includes %s" % (path, name))
            if kind == '"' and not os.path.exists(
                    os.path.join(lint.TOP, name)):
                problems.append("%s includes %s, which is not there"
                                % (path, name))
    return problems


def check_boxed(tap, code):
    users = {}
    for path in code:
        for kind, name in lint.includes(path):
            if kind == "<":
                users.setdefault(name, []).append(path)
    for name in ONE:
        who = users.get(name, [])
        tap.ok(len(who) == 1 and who[0].endswith(".c"),
               "<%s> is included by one .c file" % name,
               who or ["by none"])
    for prefix, folders in WHERE.items():
        bad = [p for n, who in users.items() if n.startswith(prefix)
               for p in who if os.path.dirname(p) not in folders]
        tap.none(bad, "<%s> only in %s" % (prefix, " ".join(folders)))


def check_pure(tap, pure):
    problems = []
    for path in sorted(pure):
        if not os.path.exists(os.path.join(lint.TOP, path)):
            problems.append("%s is not there" % path)
            continue
        for kind, name in lint.includes(path):
            if kind == '"' and name not in pure:
                problems.append("%s includes %s, which is not pure"
                                % (path, name))
            if (kind == "<" and name not in PURE
                    and not name.startswith("openssl/")):
                problems.append("%s includes <%s>" % (path, name))
    tap.none(problems, "evaluators include evaluators and the plain C library")


def main():
    tap = lint.Tap()
    layers = read_layers(tap)
    code = [f for f in lint.c_files() if not lint.is_test(f)]
    folders = {}
    for path in code:
        folders.setdefault(os.path.dirname(path), []).append(path)
    for folder, paths in sorted(folders.items()):
        if folder not in layers:
            tap.ok(False, folder + " is in lib/LAYERS")
            continue
        tap.none(check_folder(folder, layers[folder], paths), folder)
    check_boxed(tap, code)
    pure = set(lint.make_list("libpure_a_SOURCES"))
    check_pure(tap, pure)
    built = pure | set(lint.make_list("libaver_a_SOURCES"))
    tap.none([p for p in code if p.startswith("lib/") and p not in built],
             "every file of lib/ is in libpure.a or libaver.a")
    tap.done()


main()
