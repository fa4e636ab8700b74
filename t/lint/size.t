#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Functions of at most 100 lines and 25 branch points, files of 800 lines.

Test programs may be longer files: their tables of cases are data.
"""
import re
import lint

LINES, BRANCHES, FILE = 100, 25, 800
BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")


def read_allow():
    """{"FILE" or "FILE:FUNCTION"}; a line without a reason is an error."""
    allow, problems = {}, []
    for line in lint.read("t/lint/size.allow").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        key, _, reason = line.partition(" ")
        allow[key] = False
        if not reason.strip():
            problems.append("%s has no reason" % key)
    return allow, problems


def check(path, used):
    text = lint.read(path)
    problems, n = [], text.count("\n")
    if n > FILE and not lint.is_test(path) and not allowed(used, path):
        problems.append("%s: %d lines" % (path, n))
    found, error = lint.functions(text)
    if error:
        problems.append("%s: %s" % (path, error))
    code = lint.without_directives(lint.blank(text))
    for f in found:
        branches = len(BRANCH.findall(code[f.body[0]:f.body[1]]))
        if f.lines <= LINES and branches <= BRANCHES:
            continue
        if not allowed(used, "%s:%s" % (path, f.name)):
            problems.append("%s:%d: %s has %d lines, %d branch points"
                            % (path, f.start, f.name, f.lines, branches))
    return problems, len(found)


def allowed(used, key):
    if key in used:
        used[key] = True
    return key in used


def self_test(tap):
    text = ("static int x[] = {1, 2};\n"
            "__attribute__((unused)) static int\n"
            "f(int (*g)(int), char c)\n{\n"
            "\t/* if { */\n\treturn c == '{' ? g(1) : 0; // }\n}\n\n"
            "struct s {\n\tint a;\n};\n\n"
            "int h(void) __attribute__((pure));\n#define Q {\nint\nh(void)\n"
            "{\n\tconst char *z = \"}\\\"\";\n\treturn *z;\n}\n")
    found, error = lint.functions(text)
    got = [(f.name, f.start, f.end) for f in found]
    tap.ok(not error and got == [("f", 3, 7), ("h", 16, 20)],
           "the lexer finds functions", ["%r %r" % (got, error)])


def main():
    tap = lint.Tap()
    self_test(tap)
    used, problems = read_allow()
    tap.none(problems, "size.allow: every line has a reason")
    total = 0
    for path in lint.c_files():
        problems, n = check(path, used)
        total += n
        tap.none(problems, path)
    tap.ok(total > 100, "functions were found (%d)" % total)
    tap.none([k for k in used if not used[k]],
             "size.allow: every line is needed")
    tap.done()


main()
