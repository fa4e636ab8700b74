#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Citations of RFC sections in the code, and the ledger RFCS.

rfcs.py --list    prints what is cited but is not in the ledger, as lines to
                  complete: RFC, section, and the files that cite it
"""
import re
import sys
import lint

STATES = ("Y", "partial", "no", "dep")
SECTION = r"(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)*)(?![A-Za-z0-9])"
CITE = re.compile(r"RFC (\d+)(?:'s)? (?:sections?|appendix|appendices) (%s"
                  r"(?:(?:, and |, | and | to |-)%s)*)" % (SECTION, SECTION))


def prose(text):
    """Comment text as one line: a citation may be broken over two."""
    text = re.sub(r'"\s*\n\s*"', "", text)
    return re.sub(r"\s*\n[ \t]*(?:\*|#|//)?[ \t]*", " ", text)


def citations(paths):
    """{(rfc, section): {path}}"""
    found = {}
    for path in paths:
        for m in CITE.finditer(prose(lint.read(path))):
            for section in re.findall(SECTION, m.group(2)):
                if re.match(r"\d|[A-Z](?:\.|$)", section):
                    found.setdefault((m.group(1), section), set()).add(path)
    return found


def ledger():
    """[(line number, rfc, section, state, words)] and the errors."""
    lines, errors, seen = [], [], set()
    for n, line in enumerate(lint.read("RFCS").split("\n"), 1):
        if not line.startswith("RFC "):
            continue
        words = line.split()
        if len(words) < 4 or words[3] not in STATES:
            errors.append("RFCS:%d: RFC NUMBER SECTION STATE ..." % n)
            continue
        key = (words[1], words[2])
        if key in seen:
            errors.append("RFCS:%d: section %s of RFC %s again"
                          % (n, words[2], words[1]))
        seen.add(key)
        lines.append((n, words[1], words[2], words[3], words[4:]))
    return lines, errors


def is_within(section, outer):
    return section == outer or section.startswith(outer + ".")


def code():
    """The files whose citations count: the programs, not their tests."""
    return [f for f in lint.c_files() if not lint.is_test(f)]


def missing(found, lines):
    known = {(rfc, section) for _, rfc, section, _, _ in lines}
    return sorted((k for k in found if k not in known),
                  key=lambda k: (int(k[0]), [
                      int(x) if x.isdigit() else 0
                      for x in k[1].split(".")], k[1]))


if __name__ == "__main__":
    if sys.argv[1:] != ["--list"]:
        sys.exit(__doc__)
    cited = citations(code())
    for rfc, section in missing(cited, ledger()[0]):
        print("RFC %s %s ? %s" % (rfc, section,
                                  " ".join(sorted(cited[rfc, section]))))
