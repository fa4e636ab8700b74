#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""The commands of aver, what they say they take, and aver(1) agree."""
import os
import re
import subprocess
import lint


def run(name, *words):
    program = os.path.join(lint.BUILD, name)
    r = subprocess.run([program] + list(words), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, check=False)
    return r.returncode, r.stdout, r.stderr


def aver(*words):
    return run("aver", *words)


def synopsis(name):
    """The letters and words of the options in a daemon's manual."""
    with open(os.path.join(lint.TOP, "man/%s.8.in" % name)) as f:
        text = f.read()
    options = re.search(r"\nThe options are:\n(.*?)\n\.El\n", text, re.S)
    return set(re.findall(r"(?m)Fl (-?\w+)", options.group(1)))


def daemon_help(name):
    """What is wrong with the help of a program whose only words are options"""
    bad, said = [], None
    for word in ("-h", "--help"):
        r = run(name, word)
        if r[0] or r[2] or not r[1].startswith("usage: %s " % name):
            bad.append("%s %s: %r" % (name, word, r))
        elif said not in (None, r[1]):
            bad.append("%s: -h and --help differ" % name)
        said = r[1]
    known = set(re.findall(r"(?m)(?<=[ \n,]-)-?\w+(?=[ ,])",
                           said.partition("\n")[2]))
    if known != synopsis(name):
        bad.append("%s: %s in the help, %s in the manual" % (
            name, sorted(known), sorted(synopsis(name))))
    r = run(name, "-x")
    if r[0] != 2 or r[1] or "usage: " not in r[2]:
        bad.append("%s -x: %r" % (name, r))
    return bad


def forms(usage):
    """{(command, verb)}, {option} of what a command takes."""
    pairs = set()
    for line in usage.split("\n"):
        m = re.match(r"(?:usage:|      ) aver (\w+)(?: \[?([a-z]+)\b)?", line)
        if m:
            pairs.add((m.group(1), m.group(2)))
    return pairs, set(re.findall(r"(?<!\w)--[a-z-]+", usage))


def manual():
    with open(os.path.join(lint.TOP, "man/aver.1.in")) as f:
        text = f.read()
    synopsis = re.search(r"\n\.Sh SYNOPSIS\n(.*?)\n\.Sh ", text, re.S).group(1)
    pairs = set()
    for form in synopsis.split(".Nm\n"):
        words = []
        for line in re.findall(r"(?m)^\.(?:Op )?Cm (.+)$", form):
            words += re.sub(r" (Op|Ar|Fl) .*", "", line).split()
        if words:
            verbs = [w for w in words[1:] if w != "|"] or [None]
            pairs |= {(words[0], v) for v in verbs}
    options = {"-" + o for o in re.findall(r"Fl (-[a-z-]+)", text)}
    return pairs, options


def main():
    tap = lint.Tap()
    names = re.findall(r"(?m)^  aver (\w+)", aver("help")[1])
    tap.ok(len(names) > 10, "there are commands (%d)" % len(names))
    pairs, options, bad = set(), set(), []
    for name in names:
        said = aver("help", name)
        if said[0] or not said[1].startswith("usage: aver %s" % name):
            bad.append("aver help %s" % name)
        if name != "help" and aver(name, "--help") != said:
            bad.append("aver %s --help" % name)
        p, o = forms(said[1])
        pairs |= p
        options |= o
    tap.none(bad, "every command says what it takes")
    in_manual, known = manual()
    # formats of a file, and `list` where it may be left out
    tap.none(["only in the usage: %s %s" % p for p in sorted(
        pairs - in_manual, key=str) if p[1]] +
             ["only in the manual: %s %s" % p for p in sorted(
                 in_manual - pairs, key=str) if p[1]],
             "the verbs of aver(1) are those that the commands know")
    tap.none(sorted({c for c, _ in pairs} ^ {c for c, _ in in_manual}),
             "and so are the commands")
    tap.none(sorted(options - known), "every option is in aver(1)")
    for name in ("aver-milter", "aver-policyd"):
        tap.none(daemon_help(name), name + " says what it takes")
    tap.done()


main()
