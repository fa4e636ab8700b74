#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Every header compiles alone, twice in a row, and has its guard."""
import os
import re
import shlex
import subprocess
import lint


def guards_of(path):
    """FOLDER_FILE_H; FILE_H too in t/, and where it begins with FOLDER_.

    FOLDER is without lib/ or t/, or the whole path.
    """
    folder, name = os.path.split(re.sub(r"^(?:lib|t)/", "", path))
    names = [os.path.join(folder, name), path]
    if lint.is_test(path) or name.startswith(os.path.basename(folder) + "_"):
        names.append(name)
    return [re.sub(r"[^A-Z0-9]", "_", n.upper()) for n in names]


def has_guard(path, guard):
    return re.search(r"(?m)^#ifndef %s\n#define %s\n(?s:.*)^#endif\s*\Z"
                     % (guard, guard), lint.read(path))


def library_flags():
    """The include flags that configure found, from the Makefile."""
    flags = []
    try:
        with open(os.path.join(lint.BUILD, "Makefile")) as f:
            for line in f:
                m = re.match(r"(?:[A-Z0-9]+)_CFLAGS = (.*)", line)
                if m and "$" not in line and not line.startswith("AVER"):
                    flags += [w for w in shlex.split(m.group(1))
                              if w.startswith(("-I", "-D", "-isystem"))]
    except OSError:
        pass
    return flags


def compile_alone(path, flags):
    cc = shlex.split(os.environ.get("CC") or "cc")
    text = '#include "%s"\n#include "%s"\n' % (path, path)
    r = subprocess.run(
        cc + ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-D_DEFAULT_SOURCE",
              "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
              "-Wno-unused-function", "-I", lint.TOP, "-I", lint.BUILD]
        + flags + ["-x", "c", "-"],
        input=text, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    return r.stdout.splitlines() if r.returncode else []


def main():
    tap = lint.Tap()
    flags = library_flags()
    for path in [f for f in lint.c_files() if f.endswith(".h")]:
        problems = compile_alone(path, flags)
        guards = guards_of(path)
        if not any(has_guard(path, g) for g in guards):
            problems.append("no guard " + " or ".join(guards))
        tap.none(problems, path)
    tap.done()


main()
