#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Text files: white space, line length, licence line, scripts that parse."""
import os
import re
import subprocess
import lint

# exact octets: test data is not text
DATA = ("t/fuzz/corpus/", "t/cases/", "t/golden/", "t/bench/corpus/")
SPACES = (".py", ".sh", ".t")
SOURCE = (".c", ".h", ".py", ".sh", ".t", ".am", ".mk")


def check_text(path, text):
    problems = []
    if "\r" in text:
        problems.append(path + ": carriage return")
    if text and not text.endswith("\n"):
        problems.append(path + ": no line end at the end")
    if text.endswith("\n\n"):
        problems.append(path + ": empty line at the end")
    if any(0xdc80 <= ord(c) <= 0xdcff for c in text):
        problems.append(path + ": not UTF-8")
    for n, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            problems.append("%s:%d: white space at the end" % (path, n))
        if path.endswith(SPACES) and line.startswith("\t"):
            problems.append("%s:%d: tab" % (path, n))
        if (path.endswith((".c", ".h")) and not lint.is_test(path)
                and len(line.expandtabs(8)) > 80):
            problems.append("%s:%d: more than 80 columns" % (path, n))
    if path.endswith(SOURCE) and "SPDX-License-Identifier: ISC" not in \
            "\n".join(text.split("\n")[:4]):
        problems.append(path + ": no SPDX line")
    return problems


def check_script(path, text):
    first = text.split("\n")[0]
    full = os.path.join(lint.TOP, path)
    problems = []
    if not os.access(full, os.X_OK):
        problems.append(path + ": not executable")
    m = re.match(r"#!\s*(?:/usr)?/bin/(?:env )?(sh|bash|dash)\b", first)
    if m:
        r = subprocess.run([m.group(1), "-n", full], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        problems += r.stdout.splitlines() if r.returncode else []
    elif "python3" in first:
        try:
            compile(text, path, "exec")
        except SyntaxError as e:
            problems.append("%s: %s" % (path, e))
    else:
        problems.append("%s: unknown interpreter: %s" % (path, first))
    return problems


def main():
    tap = lint.Tap()
    texts, scripts, n = [], [], 0
    for path in lint.files():
        if (path.startswith(DATA) or path.startswith("LICENSE")
                or lint.is_binary(path)):
            continue
        n += 1
        text = lint.read(path)
        texts += check_text(path, text)
        if text.startswith("#!"):
            scripts += check_script(path, text)
    tap.ok(n > 50, "text files were found (%d)" % n)
    tap.none(texts, "white space, line ends, licence")
    tap.none(scripts, "scripts")
    tap.done()


main()
