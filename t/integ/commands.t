#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""What aver(1) does with a store that is not there, with an old one, with
output that cannot be written, with arguments that make no sense, and what it
prints as JSON."""
import ctypes
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L
import redis_lab as R

AVER = os.path.join(L.BUILD, "aver")
FILL = os.path.join(L.BUILD, "t/integ/fill")
FILL_TLS = os.path.join(L.BUILD, "t/integ/filltls")
DAY = 1700006400
tap = L.Tap()

# commands that look, with whether --json is promised
LISTS = [("evaluations",), ("evaluations", "known"),
         ("evaluations", "show", "d0.example"), ("reports",), ("results",),
         ("results", "show", "d0.example"), ("results", "bad"),
         ("store", "check"), ("suppress",), ("policy",), ("destinations",)]
PRINTS = LISTS + [("store",), ("store", "export"), ("suppress", "export"),
                  ("conf",), ("conf", "-dv"), ("version",), ("help",),
                  ("help", "eval"), ("eval", "--help")]
REMOVES = [("evaluations", "remove", "x.example"),
           ("results", "remove", "x.example"),
           ("policy", "remove", "x.example"),
           ("destinations", "forget", "x.example"),
           ("suppress", "remove", "x.example"),
           ("reports", "resend", "x"), ("reports", "cancel", "x")]
WRONG = [
    ("results", "show"), ("results", "list", "x.example"),
    ("results", "remove", "x.example", "--nonsense"),
    ("evaluations", "list", "x.example"), ("evaluations", "show"),
    ("evaluations", "show", ""), ("evaluations", "--nonsense"),
    ("policy", "list", "x.example"), ("policy", "export", "x.example"),
    ("policy", "export", "--json"), ("policy", "remove", "--json", "x.example"),
    ("policy", "refresh", "--json", "x.example"), ("policy", "nonsense"),
    ("destinations", "forget", "x.example", "--json"), ("destinations", "show"),
    ("suppress", "remove", "x.example", "--json"), ("suppress", "import",
                                                    "--json"),
    ("check", "--json", "x.example"), ("check",), ("query",),
    ("store", "status", "--json"), ("store", "export", "--json"),
    ("store", "migrate", "x"), ("store", "import"), ("conf", "-d", "-n"),
    ("eval", "--batch", "file"), ("eval", "--batch", "--ip", "192.0.2.1"),
    ("eval", "--batch", "--json"), ("eval", "--batch", "--time", "0"),
    ("eval", "--ip", "192.0.2.1"), ("reload", "x"), ("version", "x"),
    ("nonsense",), ("help", "nonsense"), ()]


class Site:
    def __init__(self, folder, name, store=None):
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.db = os.path.join(self.folder, "aver.db")
        self.store = store or "sqlite:" + self.db
        self.conf = os.path.join(self.folder, "aver.conf")
        with open(self.conf, "w") as f:
            f.write("store = %s\nstate_directory = %s\n"
                    "postconf_command =\n" % (self.store, self.folder))

    def fill(self, domains=5):
        for program in (FILL, FILL_TLS):
            subprocess.run([program, self.store, str(domains),
                            str(2 * domains), str(DAY), "7"],
                           check=True, stdout=subprocess.DEVNULL)

    def aver(self, *args, **more):
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stdin", subprocess.DEVNULL)
        if "input" in more:
            del more["stdin"]
        return subprocess.run([AVER, "-c", self.conf, *args],
                              stderr=subprocess.PIPE, timeout=L.PATIENCE,
                              **more)


def words(args):
    return "aver " + " ".join(args)


def test_absent(folder):
    site = Site(folder, "absent")
    for args in REMOVES:
        r = site.aver(*args)
        tap.ok(r.returncode == 1 and b"nothing has been recorded" in r.stderr,
               words(args) + ": there is no store", r)
    other = "sqlite:" + os.path.join(site.folder, "other.db")
    r = site.aver("store", "migrate", site.store, other)
    tap.ok(r.returncode == 1 and b"no such file" in r.stderr and
           not r.stdout, "nothing can be moved from there", r)
    tap.eq(os.listdir(site.folder), ["aver.conf"], "and nothing was made")


def on_redis(test, folder):
    if not R.SERVER or not R.CLI:
        tap.count += 1
        print("ok %d - Redis # SKIP redis-server is missing" % tap.count)
        return
    with R.Fleet() as fleet:
        server = fleet.server("--save", "")
        test(folder, server, "redis://127.0.0.1:%d?timeout=20000"
             "&command_timeout=60000" % server.port)


def absent_on_redis(folder, server, spec):
    site = Site(folder, "absent-redis", spec)
    for args in REMOVES + [("store", "migrate", spec, "sqlite:" + site.db)]:
        r = site.aver(*args)
        tap.ok(r.returncode == 1 and not r.stdout and
               b"nothing has been recorded" in r.stderr,
               words(args) + ": there is no store on Redis", r)
    tap.eq(server.cli("KEYS", "*").strip(), "", "and none was made")
    tap.eq(os.listdir(site.folder), ["aver.conf"], "nor a file")


# --- a store as the first programs left it

OLD_SQLITE = """
CREATE TABLE evaluation (id INTEGER PRIMARY KEY, policy_domain TEXT NOT NULL,
 hour INTEGER NOT NULL, optional INTEGER NOT NULL, digest BLOB NOT NULL,
 count INTEGER NOT NULL, octets BLOB NOT NULL,
 UNIQUE (policy_domain, hour, optional, digest)) STRICT;
CREATE TABLE source (name TEXT NOT NULL PRIMARY KEY, seq INTEGER NOT NULL)
 STRICT, WITHOUT ROWID;
INSERT INTO evaluation VALUES (1, 'x.example', 3600, 1, x'00', 5, x'6f');
INSERT INTO evaluation VALUES (2, 'y.example', 3600, 1, x'01', 7, x'6f');
PRAGMA application_id = %d;
PRAGMA user_version = 1;
"""
OLD_REDIS = [
    "SET {aver}:v 1", "ZADD {aver}:E 0 x.example 0 y.example",
    "HSET {aver}:ec:x.example 3600lo 5", "HSET {aver}:ec:y.example 3600lo 7",
    "HSET {aver}:el:x.example 3600l oone",
    "HSET {aver}:el:y.example 3600l oone",
    "ZADD {aver}:e:l:3600:o:x.example 5 one",
    "ZADD {aver}:e:l:3600:o:y.example 7 one"]


def pragma(path, name):
    db = sqlite3.connect(path)
    try:
        return db.execute("PRAGMA " + name).fetchone()[0]
    finally:
        db.close()


def old_does_work(site, make, version, today):
    """Each command that changes something brings an older store to today's
    version and answers as it does on one of today."""
    for args in REMOVES + [("store", "migrate", site.store,
                            "sqlite:" + site.db + ".moved")]:
        make()
        tap.eq(version(), "1", words(args) + ": an old store")
        r = site.aver("evaluations")
        tap.ok(r.returncode == 1 and b"version 1" in r.stderr,
               "which who only looks leaves alone", r)
        old = site.aver(*args)
        tap.eq(version(), today, "is brought to today's version")
        left = site.aver("evaluations").stdout
        tap.ok((b"x.example" in left, b"y.example" in left) ==
               {"evaluations": (False, True), "store": (False, False)}
               .get(args[0], (True, True)), "what it held is there, or gone",
               left)
        if args[0] == "evaluations":
            tap.eq((old.returncode, old.stdout),
                   (0, b"removed 5 messages of x.example\n"),
                   "and was removed")
        elif args[0] == "store":
            tap.ok(old.returncode == 0 and b"messages=12 " in old.stdout,
                   "and was moved", old)
        else:
            new = site.aver(*args)
            tap.eq((old.returncode, old.stdout, old.stderr),
                   (new.returncode, new.stdout, new.stderr),
                   "the answer is that of a store of today")


def test_old(folder):
    recent = Site(folder, "recent")
    recent.fill()
    site = Site(folder, "old")

    def make():
        for name in os.listdir(site.folder):
            if name != "aver.conf":
                os.unlink(os.path.join(site.folder, name))
        db = sqlite3.connect(site.db)
        db.executescript(OLD_SQLITE % pragma(recent.db, "application_id"))
        db.close()
    old_does_work(site, make, lambda: str(pragma(site.db, "user_version")),
                  str(pragma(recent.db, "user_version")))


def old_on_redis(folder, server, spec):
    site = Site(folder, "old-redis", spec)
    site.fill()

    def version():
        return server.cli("GET", "{aver}:v").strip()

    def make():
        server.cli("FLUSHALL")
        if os.path.exists(site.db + ".moved"):
            os.unlink(site.db + ".moved")
        for command in OLD_REDIS:
            server.cli(*command.split())
    today = version()
    old_does_work(site, make, version, today)


def without_root():
    """What root may do with files of others, a program does not inherit."""
    if os.getuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def test_unreadable(folder):
    site = Site(folder, "unreadable")
    site.fill()
    os.chmod(site.db, 0)
    try:
        r = site.aver("conf", preexec_fn=without_root)
    except OSError as e:
        r = e
    if not isinstance(r, subprocess.CompletedProcess) or r.returncode:
        tap.note("without root's rights aver cannot be run here: %s" % r)
        return
    for args in (("evaluations",), ("results", "remove", "d0.example"),
                 ("store", "export"), ("policy", "--json")):
        r = site.aver(*args, preexec_fn=without_root)
        tap.ok(r.returncode == 1 and not r.stdout and
               b"aver.db" in r.stderr and b"ermission denied" in r.stderr,
               words(args) + ": a store that may not be read", r)


def test_json(folder):
    site = Site(folder, "json")
    site.fill()
    for args in LISTS:
        r = site.aver(*args, "--json")
        try:
            good = isinstance(json.loads(r.stdout), list)
        except ValueError:
            good = False
        tap.ok(r.returncode == 0 and good and r.stdout.isascii(),
               words(args) + " --json", r)
    for args in (("evaluations", "remove"), ("results", "remove")):
        r = site.aver(*args, "--json", "d0.example")
        tap.eq(json.loads(r.stdout or b"0"),
               {"policy_domain": "d0.example", "removed": 2}, words(args))
    r = site.aver("results", "remove", "d1.example")
    tap.eq(r.stdout, b"2 sessions removed\n", "and in words")


def test_output(folder):
    """A full disk, and a standard output that is closed."""
    site = Site(folder, "output")
    site.fill()
    for args in PRINTS:
        if not site.aver(*args).stdout:
            continue
        with open("/dev/full", "wb") as full:
            r = site.aver(*args, stdout=full)
        tap.ok(r.returncode == 1 and b"written" in r.stderr,
               words(args) + " >/dev/full", r)
        r = site.aver(*args, preexec_fn=lambda: os.close(1))
        tap.ok(r.returncode == 1 and b"written" in r.stderr,
               words(args) + " >&-", r)
    r = site.aver("eval", "--batch", stdin=os.open("/", os.O_RDONLY))
    tap.ok(r.returncode == 1 and b"standard input" in r.stderr,
           "aver eval --batch </", r)


def closed_on_redis(folder, server, spec):
    """What is printed does not go to a socket that has the number of a
    standard file."""
    site = Site(folder, "redis", spec)
    site.fill(100)
    tap.ok(len(site.aver("evaluations").stdout) > 8192, "a long list")
    server.cli("CONFIG", "RESETSTAT")
    r = site.aver("evaluations", preexec_fn=lambda: os.close(1))
    tap.eq(r.returncode, 1, "a list that nobody gets")
    site.aver("evaluations", "show", "nix.example",
              preexec_fn=lambda: os.closerange(0, 3))
    told = server.cli("INFO", "errorstats")
    tap.ok("errorstat_ERR" not in told, "is no command to Redis", told)


def test_redis(folder):
    for test in (absent_on_redis, old_on_redis, closed_on_redis):
        tap.note(test.__name__)
        on_redis(test, folder)


def test_wrong(folder):
    site = Site(folder, "wrong")
    for args in WRONG:
        r = site.aver(*args)
        tap.ok(r.returncode == 2 and b"usage: " in r.stderr and not r.stdout,
               "usage: " + words(args), r)
    tap.eq(os.listdir(site.folder), ["aver.conf"], "nothing was made")


SIGNED = ("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=sel; h=from;"
          " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=QUJD; i=%s\r\n")
KEY = ("v=DKIM1; %s; k=ed25519;"
       " p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
# request, members of the answer
RECORDS = [
    ({"what": "dkim_signature", "text": SIGNED % "a@example.org",
      "smtputf8": False}, {"valid": True}),
    ({"what": "dkim_signature", "text": SIGNED % "\u00e4@example.org",
      "smtputf8": False}, {"valid": False, "reason": "octets beyond ASCII"}),
    ({"what": "dkim_signature", "text": SIGNED % "\u00e4@example.org",
      "smtputf8": True}, {"valid": True}),
    ({"what": "dkim_signature", "text": SIGNED % "\u00e4@example.org"},
     {"valid": True}),
    ({"what": "dkim_key_record", "text": KEY % "t=s : y"},
     {"fields": {"k": "ed25519", "t": ["s", "y"], "revoked": False}}),
    ({"what": "dkim_key_record", "text": KEY % "t="},
     {"fields": {"k": "ed25519", "t": [], "revoked": False}}),
    ({"what": "nonsense", "text": ""}, {"valid": None}),
]


def test_records(folder):
    site = Site(folder, "records")
    asked = "".join(json.dumps(dict(q, id=str(i), kind="record")) + "\n"
                    for i, (q, _) in enumerate(RECORDS))
    r = site.aver("eval", "--batch", input=asked.encode())
    told = [json.loads(t) for t in r.stdout.splitlines()]
    tap.eq([t.get("id") for t in told], [str(i) for i in range(len(RECORDS))],
           "an answer to each record")
    for (request, want), got in zip(RECORDS, told):
        tap.eq({k: got.get(k) for k in want}, want,
               "%(what)s: %(text)s" % request)


# value, comment
SUPPRESSED = [("\u00fc@x.example", "a\\b \u00fc \x01"),
              ('"a\\\\b"@x.example', ""), ("plain@x.example", b"\xff\xfe"),
              (b"\xe4@x.example", "Latin 1")]


def test_version(folder):
    site = Site(folder, "version")
    said = site.aver("version").stdout
    for option in ("-V", "--version"):
        tap.eq(site.aver(option).stdout, said, "the version by " + option)
    for name in ("aver-milter", "aver-policyd", "aver-report"):
        r = subprocess.run([os.path.join(L.BUILD, name), "-V"],
                           capture_output=True)
        tap.eq(r.stdout, said.replace(b"aver", name.encode()), name + " -V")


def test_suppress(folder):
    a, b = Site(folder, "one"), Site(folder, "two")
    for value, comment in SUPPRESSED:
        tap.eq(a.aver("suppress", "add", value, "--comment", comment)
               .returncode, 0, "add %r" % value)
    out = a.aver("suppress", "export").stdout
    tap.eq((len(json.loads(out)), out.isascii()), (4, True), "the export")
    r = b.aver("suppress", "import", input=out)
    tap.eq((r.returncode, r.stdout), (0, b"4 entries\n"), "the import")
    tap.eq(b.aver("suppress", "export").stdout, out, "is the same")
    tap.eq(b.aver("suppress").stdout, a.aver("suppress").stdout, "in words")
    for value, _ in SUPPRESSED:
        tap.eq(b.aver("suppress", "remove", value).returncode, 0,
               "remove %r" % value)
    for bad in ({"b64": "!"}, {"b64": "", "x": 1}, 5, None):
        r = b.aver("suppress", "import", input=json.dumps(
            [{"kind": "address", "value": bad}]).encode())
        tap.ok(r.returncode == 1 and b"entry 1" in r.stderr,
               "no value: %r" % bad, r)


with tempfile.TemporaryDirectory(prefix="aver-commands-") as tmp:
    try:
        for test in (test_absent, test_old, test_unreadable, test_json,
                     test_output, test_redis, test_wrong, test_version,
                     test_suppress, test_records):
            tap.note(test.__name__)
            test(tmp)
    except Exception:
        import traceback
        tap.ok(False, "no exception", traceback.format_exc())
tap.done()
