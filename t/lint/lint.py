# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""What the lints share: where the tree is, its files, a C lexer, TAP."""
import functools
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(sys.argv[0]))
TOP = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("top_builddir") or TOP
SANITIZERS = os.environ.get("SANITIZERS", "")


class Tap:
    """One TAP stream: ok() prints a line, done() the plan, and exits."""

    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, problems=()):
        self.count += 1
        print("%sok %d - %s" % ("" if good else "not ", self.count, name))
        if not good:
            self.failed += 1
            for p in problems:
                print("# " + p)

    def none(self, problems, name):
        """ok when the list of problems is empty"""
        self.ok(not problems, name, problems)

    def done(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)


def skip_all(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def is_build_folder(path):
    return os.path.exists(os.path.join(path, "config.status"))


# what the build leaves in a tree that is configured in place, and the file
# that a git worktree has for .git
GENERATED = re.compile(
    r"(?:\.git|configure~?|aclocal\.m4|Makefile(?:\.in)?|stamp-h1|libtool"
    r"|config\.(?:h|log|status)(?:\.in~?)?|man/aver\.conf\.5"
    r"|[^/]*\.tar\..*|.*\.(?:o|a|log|trs|pyc|gcda|gcno)|.*/\.dirstamp)$")


def files(*suffixes, under=None):
    """Paths, relative to the top, of the files with one of the suffixes."""
    out = []
    start = os.path.join(TOP, under) if under else TOP
    for folder, subs, names in os.walk(start):
        rel = os.path.relpath(folder, TOP)
        subs[:] = sorted(
            s for s in subs
            if s not in (".git", ".deps", "autom4te.cache", "build-aux",
                         "__pycache__")
            and not (rel == "." and s.startswith(("build", "aver-")))
            and not is_build_folder(os.path.join(folder, s)))
        for n in sorted(names):
            path = os.path.normpath(os.path.join(rel, n))
            # .git is a file in a linked work tree
            if n != ".git" and (not suffixes or n.endswith(suffixes)) and \
                    not GENERATED.match(path):
                out.append(path)
    return out


def c_files():
    """Every .c and .h of the project."""
    return files(".c", ".h")


def is_test(path):
    return path.startswith("t/")


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8",
              errors="surrogateescape", newline="") as f:
        return f.read()


def is_binary(path):
    """A program of an in-tree build, an image: nothing to read."""
    with open(os.path.join(TOP, path), "rb") as f:
        return b"\0" in f.read(4096)


LEX = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


@functools.lru_cache(4)
def blank(text):
    """C text with comments, strings and character constants emptied.

    Line numbers and columns stay: every octet of them becomes a space, except
    line ends and the quotes.
    """
    def sub(m):
        t = m.group(0)
        if t[0] in "\"'":
            return t[0] + " " * (len(t) - 2) + t[0]
        return re.sub(r"[^\n]", " ", t)
    return LEX.sub(sub, text)


@functools.lru_cache(4)
def without_directives(text):
    """Blanked C text without preprocessor lines (continued ones too)."""
    return re.sub(r"(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                  lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


class Function:
    def __init__(self, name, start, end, body):
        self.name, self.start, self.end, self.body = name, start, end, body
        self.lines = end - start + 1


NAME = re.compile(r"([A-Za-z_]\w*)\s*$")


def head_of(code, brace):
    """(name, offset) of the function whose body opens at brace, or None."""
    at = brace - 1
    while at >= 0 and code[at].isspace():
        at -= 1
    if at < 0 or code[at] != ")":
        return None
    depth = 0
    while at >= 0:
        depth += (code[at] == ")") - (code[at] == "(")
        if depth == 0:
            break
        at -= 1
    m = NAME.search(code, 0, max(at, 0))
    if not m or m.group(1) in ("if", "for", "while", "switch"):
        return None
    if m.group(1) == "__attribute__":
        return head_of(code, m.start(1))
    return m.group(1), m.start(1)


@functools.lru_cache(4)
def functions(text):
    """The functions that a C file defines, and an error text or None."""
    code = without_directives(blank(text))
    out, depth, opened = [], 0, None
    for m in re.finditer(r"[{}]", code):
        if m.group(0) == "{":
            if depth == 0:
                opened = (m.start(), head_of(code, m.start()))
            depth += 1
            continue
        depth -= 1
        if depth < 0:
            return out, "line %d: } without {" % line_of(code, m.start())
        if depth == 0 and opened[1]:
            name, at = opened[1]
            out.append(Function(name, line_of(code, at),
                                line_of(code, m.start()),
                                (opened[0], m.end())))
    return out, "a { is not closed" if depth else None


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def includes(path):
    """(kind, name) of each #include: kind is < or a double quote."""
    return INCLUDE.findall(read(path))


def make_list(variable):
    """The words of VARIABLE =/+= in all local.mk files and Makefile.am."""
    words = []
    for path in files("local.mk", "Makefile.am"):
        text = re.sub(r"#[^\n]*", "", read(path)).replace("\\\n", " ")
        for m in re.finditer(r"(?m)^%s\s*\+?=(.*)$" % re.escape(variable),
                             text):
            words += m.group(1).split()
    return words
