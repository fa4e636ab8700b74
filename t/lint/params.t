#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Parameters: the struct, the table, the command and the manual agree."""
import os
import re
import subprocess
import lint

BOOKKEEPING = {"refs", "arena", "path"}
MACRO = re.compile(r"\b(?:TEXT|BOOL|NUMBER|INTEGER|OCTAL|SIZE|SECONDS|"
                   r"MILLISECONDS|INT_WORD|WORD|STRINGS|NETS)\((\w+)[,)]")


def fields():
    text = lint.blank(lint.read("lib/conf/conf.h"))
    body = re.search(r"\nstruct conf \{(.*?)\n\};", text, re.S).group(1)
    names = []
    for declaration in body.split(";"):
        for part in declaration.split(","):
            m = re.search(r"(\w+)\s*$", part)
            if m and m.group(1) not in BOOKKEEPING:
                names.append(m.group(1))
    return names


def table():
    names = []
    for path in lint.c_files():
        if not path.startswith("lib/conf/params_"):
            continue
        text = lint.blank(lint.read(path))
        start = text.find("struct param table[]")
        if start >= 0:
            names += MACRO.findall(text[start:text.index("\n};", start)])
    return names


def printed(option):
    """Names that `aver conf OPTION` prints."""
    program = os.path.join(lint.BUILD, "aver")
    if not os.access(program, os.X_OK):
        return []
    r = subprocess.run([program, "conf"] + option, stdout=subprocess.PIPE,
                       text=True, check=False)
    return re.findall(r"(?m)^(\w+) =", r.stdout)


def manual():
    """{name: text} of the items in aver.conf(5)"""
    for folder in (lint.BUILD, lint.TOP):
        path = os.path.join(folder, "man/aver.conf.5")
        if os.path.exists(path):
            with open(path) as f:
                text = f.read()
            parts = re.split(r"(?m)^\.It (?:Va|Ic|Cm|Sy) (\w+).*$", text)
            return dict(zip(parts[1::2], parts[2::2]))
    return {}


def prose(item):
    """The words of an item without macro lines."""
    return [w for line in item.split("\n") if not line.startswith(".")
            for w in line.split()]


def same(tap, one, other, name):
    tap.none(["only in the first: " + n for n in one if n not in other] +
             ["only in the second: " + n for n in other if n not in one],
             name)


def main():
    tap = lint.Tap()
    names = table()
    tap.ok(len(names) > 20 and len(set(names)) == len(names),
           "the table has parameters (%d)" % len(names))
    same(tap, fields(), names, "struct conf and the table")
    same(tap, names, printed(["-d"]), "the table and `aver conf -d`")
    items = manual()
    same(tap, names, items, "the table and aver.conf(5)")
    tap.none([n for n in names if len(prose(items.get(n, ""))) < 5],
             "every parameter has a text in the manual")
    code = "\n".join(lint.blank(lint.read(p)) for p in lint.c_files()
                     if not lint.is_test(p)
                     and not p.startswith("lib/conf/"))
    tap.none([n for n in names
              if not re.search(r"(?:->|\.)\s*%s\b" % n, code)],
             "every parameter is used outside lib/conf")
    tap.done()


main()
