#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""The ledger RFCS and the citations in the code agree."""
import os
import lint
import rfcs


def not_there(words):
    return [w for w in words
            if "/" in w and not os.path.exists(os.path.join(lint.TOP, w))]


def check_done(tap, lines, cited):
    problems = []
    for n, rfc, section, state, words in lines:
        place = "RFCS:%d: RFC %s section %s" % (n, rfc, section)
        if state in ("Y", "partial"):
            paths = [w for w in words if "/" in w]
            problems += ["%s: %s is not there" % (place, w)
                         for w in not_there(words)]
            if not any(lint.is_test(p) for p in paths):
                problems.append(place + " names no test")
            if not any(not lint.is_test(p) for p in paths):
                problems.append(place + " names no code")
        if state in ("partial", "no", "dep") and \
                not [w for w in words if "/" not in w]:
            problems.append(place + " gives no reason")
        if state == "Y" and not any(r == rfc and rfcs.is_within(s, section)
                                    for r, s in cited):
            problems.append(place + " is cited nowhere")
    tap.none(problems, "RFCS: every line keeps what it says")


def self_test(tap):
    text = ("/* RFC 7208 section 4.6.4: x, RFC 6376\n * section 3.2. And\n"
            " * RFC 8601 sections 2.2, 2.5 and 5; RFC 8463 appendix A */")
    got = sorted((m.group(1), m.group(2))
                 for m in rfcs.CITE.finditer(rfcs.prose(text)))
    want = [("6376", "3.2"), ("7208", "4.6.4"), ("8463", "A"),
            ("8601", "2.2, 2.5 and 5")]
    tap.ok(got == want, "citations are recognised", [repr(got)])


def main():
    tap = lint.Tap()
    self_test(tap)
    cited = rfcs.citations(rfcs.code())
    lines, errors = rfcs.ledger()
    tap.none(errors, "RFCS: form")
    tap.ok(len(lines) > 0, "RFCS has lines")
    tap.none(["RFC %s section %s, cited in %s"
              % (r, s, " ".join(sorted(cited[r, s])))
              for r, s in rfcs.missing(cited, lines)],
             "every section that is cited is in RFCS")
    check_done(tap, lines, cited)
    tap.done()


main()
