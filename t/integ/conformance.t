#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Public cases for SPF, DKIM, DMARC and the record parsers.

AVER_CONFORMANCE names the folder that holds them and their runners; the
runners start their own DNS server on loopback and ask `aver eval --batch`.
One TAP line for each suite. t/integ/conformance.skip lists cases that we hold
to be wrong, with the reason.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile

TOP = os.environ.get("top_srcdir") or os.path.join(
    os.path.dirname(os.path.abspath(sys.argv[0])), "../..")
BUILD = os.environ.get("top_builddir") or TOP
KIT = os.path.join(os.environ.get("AVER_CONFORMANCE", ""), "kit")
RECORDS = ("spf_record", "dkim_key_record", "dkim_signature", "dmarc_record",
           "authres", "authres_print", "mtasts_record", "mtasts_policy",
           "mtasts_match", "mtasts_content_type", "tlsrpt_record",
           "reports")
TIMEOUT = 900
SUITE = re.compile(r"^ {3}(\S+) +pass +(\d+) +fail +(\d+)")
KIND = re.compile(r"^-- (\w+) +pass +(\d+) +fail +(\d+)")
RESTARTS = re.compile(r"restarted (\d+) times|restarts ([1-9]\d*)")

RUNS = [("spf", "run_spf.py", [], {}),
        ("dkim", "run_dkim.py", [], {}),
        ("arc", "run_arc.py", [], {}),
        ("dmarc 9989", "run_dmarc.py", [], {"CONF_RFC": "9989"}),
        ("dmarc 7489", "run_dmarc.py", [], {"CONF_RFC": "7489"}),
        ("records", "run_records.py",
         [w for r in RECORDS for w in ("--what", r)], {})]


class State:
    count = 0
    failed = 0


def line(good, name, notes=()):
    State.count += 1
    State.failed += not good
    print("%sok %d - %s" % ("" if good else "not ", State.count, name))
    if not good:
        for n in notes:
            print("# " + n)
    sys.stdout.flush()


def skipped():
    """[(case, reason)] of conformance.skip"""
    out = []
    with open(os.path.join(TOP, "t/integ/conformance.skip")) as f:
        for text in f:
            case, _, reason = text.partition(" ")
            if text.strip() and not text.startswith("#"):
                out.append((case, reason.strip()))
    return out


def results(output, pattern):
    return [m.groups() for m in map(pattern.match, output) if m]


def run(name, runner, options, extra, skip_file):
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **extra)
    env["AVER_BATCH"] = "%s eval --batch --resolver 127.0.0.1@{port}" % (
        shlex.quote(os.path.abspath(os.path.join(BUILD, "aver"))))
    if runner != "run_records.py":
        options = options + ["--skip", skip_file]
    try:
        r = subprocess.run(
            [sys.executable, os.path.join(KIT, runner)] + options, env=env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        line(False, name, ["no end within %d s" % TIMEOUT])
        return
    output = r.stdout.decode("utf-8", "replace").splitlines()
    found = results(output, KIND if runner == "run_records.py" else SUITE)
    for suite, good, bad in found:
        if suite != "TOTAL":
            line(bad == "0" and good != "0",
                 "%s: %s, %s of %d" % (name, suite, good,
                                       int(good) + int(bad)))
    told = [t for t in output if not KIND.match(t) and not SUITE.match(t)]
    line(r.returncode == 0 and len(found) > 0
         and not any(RESTARTS.search(t) for t in output),
         name + ": no case failed, no restart", told[-100:])


def main():
    if not os.environ.get("AVER_CONFORMANCE"):
        print("1..0 # SKIP AVER_CONFORMANCE is not set")
        return 0
    if not os.path.isdir(KIT):
        line(False, "AVER_CONFORMANCE holds kit/", [KIT + " is no folder"])
        print("1..1")
        return 1
    with tempfile.NamedTemporaryFile("w", suffix=".skip") as skip_file:
        for case, reason in skipped():
            skip_file.write(case + "\n")
            State.count += 1
            print("ok %d - %s # SKIP %s" % (State.count, case, reason))
        skip_file.flush()
        for name, runner, options, extra in RUNS:
            run(name, runner, options, extra, skip_file.name)
    print("1..%d" % State.count)
    return 1 if State.failed else 0


sys.exit(main())
