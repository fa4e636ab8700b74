#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""The HTTP server of the metrics, through t/integ/metricsd: what it answers,
and what clients that mean no good can do to it."""
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L

PROGRAM = os.path.join(L.BUILD, "t/integ/metricsd")
tap = L.Tap()


class Server:
    def __init__(self, listen):
        self.p = subprocess.Popen([PROGRAM, listen], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        self.first = self.p.stdout.readline().strip()

    def tell(self, word):
        self.p.stdin.write(word + "\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()

    def end(self):
        """(status, seconds, standard error)"""
        start = time.monotonic()
        self.p.stdin.close()
        status = self.p.wait(L.PATIENCE)
        return status, time.monotonic() - start, self.p.stderr.read()

    def files(self):
        return len(os.listdir("/proc/%d/fd" % self.p.pid))

    def memory(self):
        with open("/proc/%d/status" % self.p.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def connect(port, host="127.0.0.1", timeout=L.PATIENCE):
    return socket.create_connection((host, port), timeout)


def read_all(s):
    """What comes until the server closes; a reset is an end too."""
    out = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                return out
            out += part
    except ConnectionError:
        return out


def send_raw(port, octets, host="127.0.0.1", close=False):
    """What comes back. close: say that nothing more will be sent."""
    with connect(port, host) as s:
        try:
            s.sendall(octets)
            if close:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_all(s)


def send(port, octets, host="127.0.0.1"):
    """(status or None, {header}, body) of one raw request."""
    return parse(send_raw(port, octets, host))


def parse(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    m = re.match(r"HTTP/1\.[01] (\d{3})", lines[0])
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    return int(m.group(1)) if m else None, fields, body


def request(port, path, method="GET", host="127.0.0.1"):
    return send(port, ("%s %s HTTP/1.1\r\nHost: x\r\n\r\n" %
                       (method, path)).encode(), host)


def prints(port):
    """The counter of scrapes, by a scrape."""
    status, _, body = request(port, "/metrics")
    m = re.search(rb"^t_prints_total (\d+)$", body, re.M)
    return int(m.group(1)) if status == 200 and m else -1


WANT = """# HELP t_prints_total How often this was printed.
# TYPE t_prints_total counter
t_prints_total 1
# HELP t_actions_total Nothing happens here.
# TYPE t_actions_total counter
t_actions_total{action="accept"} 0
t_actions_total{action="reject"} 0
"""


def answers(server, port):
    status, fields, body = request(port, "/metrics")
    tap.eq(status, 200, "/metrics")
    tap.eq(body.decode(), WANT, "the text")
    tap.eq(fields.get("content-type"),
           "text/plain; version=0.0.4; charset=utf-8", "its type")
    tap.eq(fields.get("connection", "").lower(), "close",
           "one request a connection")
    status, fields, body = request(port, "/metrics", "HEAD")
    tap.eq((status, body), (200, b""), "HEAD has no body")
    tap.eq(fields.get("content-length"), str(len(WANT)), "but its length")
    tap.eq(request(port, "/metrics?a=b")[0], 200, "with a query")
    tap.eq(request(port, "/healthz")[::2], (200, b"ok\n"), "/healthz")
    tap.eq(server.tell("sick"), "done", "made sick")
    tap.eq(request(port, "/healthz")[::2], (503, b"told to be sick\n"),
           "/healthz says why")
    tap.eq(request(port, "/metrics")[0], 200, "/metrics goes on")
    tap.eq(server.tell("well"), "done", "made well")
    tap.eq(request(port, "/healthz")[0], 200, "/healthz again")
    for path in ("/", "/metrics/", "//metrics", "/metricsx", "/METRICS",
                 "/../metrics", "/etc/passwd", "*", "/" + "a" * 4000):
        tap.eq(request(port, path)[0], 404, "not there: " + path[:20])
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH",
                   "get", "X" * 100):
        status, fields, _ = request(port, "/metrics", method)
        tap.eq((status, fields.get("allow")), (405, "GET, HEAD"),
               "method " + method[:10])
    tap.eq(send(port, b"POST /metrics HTTP/1.1\r\nHost: x\r\n"
                b"Content-Length: 100000000\r\n\r\n" + b"a" * 100000)[0], 405,
           "a body is not waited for")
    tap.eq(request(port, "/metrics", "GET")[2].count(b"\n"), 7,
           "no series more than at the start")


RND = random.Random(7)
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"

# name, octets; is the answer a refusal, or silence?
HOSTILE = [
    ("nothing", b"", True),
    ("line ends", b"\r\n" * 1000, True),
    ("zeros", b"\0" * 100000, True),
    ("random octets", bytes(RND.randrange(256) for _ in range(100000)), True),
    ("a TLS greeting", bytes.fromhex("16030100a5010000a10303") + b"\x5a" * 160,
     True),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 30, True),
    ("no version", b"GET /metrics\r\n\r\n", True),
    ("a version of its own", b"GET /metrics HTTP/9.9\r\n\r\n", True),
    ("no Host", b"GET /metrics HTTP/1.1\r\n\r\n", True),
    ("no end of the line", b"G" * 200000, True),
    ("a long path", b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n", True),
    ("a long field", GET + b"A: " + b"b" * 200000 + b"\r\n\r\n", True),
    ("10000 fields", GET + b"A: b\r\n" * 10000 + b"\r\n", True),
    ("a field without a colon", GET + b"nonsense\r\n\r\n", True),
    ("a bad length", GET + b"Content-Length: -1\r\n\r\n", True),
    ("a length beyond numbers",
     GET + b"Content-Length: 99999999999999999999999\r\n\r\n", True),
    ("a bad chunk", b"POST /metrics HTTP/1.1\r\nHost: x\r\n"
     b"Transfer-Encoding: chunked\r\n\r\nzzzz\r\n" + b"f" * 5000, True),
    ("an escaped zero", b"GET /metrics%00/x HTTP/1.1\r\nHost: x\r\n\r\n",
     False),
    ("bad escapes", b"GET /%%%zz%f HTTP/1.1\r\nHost: x\r\n\r\n", True),
    ("10000 requests at once", (GET + b"\r\n") * 10000, False),
    ("half a request", GET, True),
]


# the server would wait for more; once is enough
UNFINISHED = {"nothing", "line ends", "a TLS greeting"}


def hostile(server, port):
    before = server.memory()
    for name, octets, refused in HOSTILE:
        # the server ends it, or this never does
        raw = send_raw(port, octets, close=name in UNFINISHED)
        status = parse(raw)[0]
        if refused:
            tap.ok(status is None or status // 100 == 4 or status == 505,
                   "refused: " + name, status)
        # some refusals of libmicrohttpd 0.9.75 have their head twice
        tap.ok(len(re.findall(rb"HTTP/1\.[01] 200 ", raw)) <= 1,
               "served once at most: " + name, raw[:500])
        tap.ok(prints(port) > 0, "and it serves on: " + name)
    for _ in range(300):
        octets = bytearray(GET + b"Accept: */*\r\n\r\n")
        for _ in range(RND.randrange(1, 8)):
            octets[RND.randrange(len(octets))] = RND.randrange(256)
        send_raw(port, bytes(octets), close=True)
    tap.ok(prints(port) > 0, "it serves on after 300 damaged requests")
    grown = server.memory() - before
    tap.ok(grown < 8 * 1024 * L.SLOW, "memory grew by %d kB" % grown)


def slow(server, port):
    """200 connections that never come to the end of their request."""
    stop = threading.Event()
    held = []

    def drip():
        while not stop.is_set():
            while len(held) < 200:
                try:
                    s = connect(port, timeout=1)
                    s.setblocking(False)
                    s.send(GET + b"X-Slow: ")
                    held.append(s)
                except OSError:
                    break
            for s in held[:]:
                try:
                    s.send(b"a")
                except BlockingIOError:
                    pass
                except OSError:
                    held.remove(s)
                    s.close()
            stop.wait(0.5)

    before = server.files()
    t = threading.Thread(target=drip)
    t.start()
    time.sleep(2)
    most, got = 0, 0
    for _ in range(10):
        try:
            got += prints(port) > 0
        except OSError as e:
            tap.note(e)
        most = max(most, server.files() - before)
        time.sleep(0.5)
    stop.set()
    t.join()
    for s in held:
        s.close()
    tap.ok(got >= 9, "%d of 10 scrapes among slow clients" % got)
    tap.ok(most <= 20, "at most 20 connections (%d)" % most)


def idle(port):
    with connect(port) as s:
        start = time.monotonic()
        got = s.recv(1)
        took = time.monotonic() - start
    tap.ok(not got and took > 3,
           "an idle connection ends (%.1f s)" % took)
    # asks and asks, and reads nothing
    s = connect(port)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sendall(GET + b"\r\n")
    tap.ok(prints(port) > 0, "one that does not read stops nobody")
    return s


def main():
    port, port6, other = L.free_ports(3)
    server = Server("127.0.0.1:%d" % port)
    if "built without" in server.first:
        L.skip_all("built without libmicrohttpd")
    tap.eq(server.first, "ready", "ready")
    answers(server, port)
    second = Server("127.0.0.1:%d" % port)
    tap.ok("127.0.0.1:%d" % port in second.first and "error" in second.first,
           "a second one on the address: " + second.first)
    tap.eq(second.p.wait(), 1, "and it ends")
    bad = Server("localhost:%d" % other)
    tap.ok("bad address" in bad.first, bad.first)
    six = Server("[::1]:%d" % port6)
    if six.first == "ready":
        tap.eq(request(port6, "/healthz", host="::1")[0], 200, "IPv6")
        six.end()
    hostile(server, port)
    slow(server, port)
    left = [idle(port), connect(port)]
    tap.ok(prints(port) > 0, "it serves on at the end")
    status, took, errors = server.end()
    tap.eq((status, errors), (0, ""), "it ends in order")
    tap.note("with connections open, in %.2f s" % took)
    for s in left:
        s.close()


if not os.access(PROGRAM, os.X_OK):
    L.skip_all("t/integ/metricsd is not built")
try:
    main()
except Exception:
    import traceback
    tap.ok(False, "no exception", traceback.format_exc())
tap.done()
