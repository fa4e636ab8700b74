#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""What aver-milter counts while a real Postfix receives messages, read from
metrics_listen."""
import os
import re
import signal
import socket
import struct
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L

L.need(programs=("postfix", "nsd"))
tap = L.Tap()

ZONE = """$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 3600 900 86400 300
@ NS ns
ns A 127.0.0.1
good TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.good TXT "v=DMARC1; p=reject; ruf=mailto:f@good.example"
"""
GOOD, BAD, KNOWN = 5, 3, 2
RATE = 2  # of the BAD ones


def get(port, path):
    """(status, text)"""
    try:
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path),
                                    timeout=L.PATIENCE) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def scrape(port):
    """{series: value}"""
    text = get(port, "/metrics")[1]
    tap.eq(list(L.exposition_faults(text)), [], "the form of the text")
    lines = [x for x in text.splitlines() if not x.startswith("#")]
    out = {}
    for line in lines:
        key, _, number = line.rpartition(" ")
        out[key] = float(number)
    tap.eq(len(out), len(lines), "every series once")
    return out


def send(port, ip, count):
    client = L.Client(port, ip=ip)
    for i in range(count):
        message = ("From: a@good.example\r\nTo: user@receiver.example\r\n"
                   "Subject: s\r\nMessage-ID: <%s.%d@good.example>\r\n\r\n"
                   "text\r\n" % (ip, i)).encode()
        client.send("a@good.example", message)
    client.close()


def begin_message(port):
    """A connection to the milter that is after MAIL: Postfix sends that
    command only together with what follows."""
    s = socket.create_connection(("127.0.0.1", port), L.PATIENCE)

    def command(letter, data):
        s.sendall(struct.pack(">I", len(data) + 1) + letter + data)

    command(b"O", struct.pack(">III", 6, 0x1ff, 0x1fffff))
    s.recv(100)
    command(b"C", b"x.example\0" b"4" + struct.pack(">H", 25) +
            b"192.0.2.1\0")
    command(b"H", b"x.example\0")
    command(b"M", b"<a@good.example>\0")
    return s


def result(method, word):
    return 'aver_milter_results_total{method="%s",result="%s"}' % (method,
                                                                   word)


def incidents(word):
    return 'aver_milter_incidents_total{outcome="%s"}' % word


def action(word):
    return 'aver_milter_messages_total{action="%s"}' % word


def main(lab):
    listen = L.free_ports(1)[0]
    dns = lab.nsd({"example": ZONE})
    milter = lab.milter(dns, "metrics_listen = 127.0.0.1:%d\n"
                        "dmarc_reject_action = reject\n"
                        "failure_reports = yes\nfailure_rate = %d\n"
                        "trusted_networks = 198.51.100.0/24\n" % (listen, RATE))
    port = lab.postfix(milter.port)
    fresh = scrape(listen)
    tap.eq(L.metrics_and_manual(get(listen, "/metrics")[1],
                                "aver-milter.8.in"), ([], []),
           "aver-milter(8) names every metric")
    tap.eq({k: v for k, v in fresh.items()
            if v and k.startswith("aver_milter_")}, {}, "all begins with 0")
    tap.ok(any(re.fullmatch(r'aver_build_info\{version="[^"]+"\}', k)
               for k in fresh), "the version")
    send(port, "192.0.2.1", GOOD)
    send(port, "192.0.2.99", BAD)
    send(port, "198.51.100.1", KNOWN)
    L.wait_until(lambda: get(listen, "/metrics")[1].find(
        "\naver_store_committed_total %d\n" % (GOOD + BAD + RATE)) > 0, 20,
        "the commit")
    now = scrape(listen)
    tap.eq(sorted(now), sorted(fresh), "no series more than at the start")
    want = {action("accept"): GOOD + KNOWN, action("reject"): BAD,
            action("tempfail"): 0, result("spf", "pass"): GOOD,
            result("spf", "fail"): BAD, result("dkim", "none"): GOOD + BAD,
            result("dmarc", "pass"): GOOD, result("dmarc", "fail"): BAD,
            incidents("recorded"): RATE, incidents("limited"): BAD - RATE,
            "aver_milter_exempt_total": KNOWN,
            "aver_milter_eom_seconds_count": GOOD + BAD + KNOWN,
            "aver_milter_in_flight": 0, "aver_store_queued": 0,
            "aver_store_lost_total": 0}
    for key, value in want.items():
        tap.eq(now.get(key), value, key)
    tap.ok(now["aver_dns_hits_total"] > 0 and
           now["aver_dns_latency_seconds_count"] > 0 and
           now["aver_dns_latency_seconds_sum"] > 0 and
           now["aver_dns_entries"] > 0, "the resolver")
    tap.eq(get(listen, "/healthz"), (200, "ok\n"), "well")
    # a message in flight keeps the milter while it stops
    s = begin_message(milter.port)
    L.wait_until(lambda: "\naver_milter_in_flight 1\n" in
                 get(listen, "/metrics")[1], 10, "a message in flight")
    milter.proc.send_signal(signal.SIGTERM)
    L.wait_until(lambda: "stopping" in milter.text(), 10, "the stop")
    tap.eq(get(listen, "/healthz"), (503, "stopping\n"), "stopping")
    s.close()
    tap.eq(milter.proc.wait(L.PATIENCE), 0, "and it ends in order")
    stop_in_reload(milter, listen)


def stop_in_reload(milter, listen):
    """libmilter waits for the signal as well: it may not be the one that gets
    it."""
    for _ in range(5):
        milter.start()
        s = begin_message(milter.port)
        L.wait_until(lambda: "\naver_milter_in_flight 1\n" in
                     get(listen, "/metrics")[1], 10, "a message in flight")
        before = len(milter.text())
        for sig in (signal.SIGSTOP, signal.SIGUSR1, signal.SIGTERM,
                    signal.SIGCONT):
            milter.proc.send_signal(sig)
        L.wait_until(lambda: "stopping: " in milter.text()[before:], 10,
                     "the stop")
        said = milter.text()[before:]
        s.close()
        status = milter.proc.wait(L.PATIENCE)
        if status or "stopping: 1 messages in flight" not in said:
            break
    tap.ok(status == 0 and "stopping: 1 messages in flight" in said,
           "a stop in a reload is as orderly", (status, said))


# failure_rate is for each hour
L.stay_clear_of(3600, 120)
with L.Lab() as lab:
    try:
        main(lab)
    except Exception:
        import traceback
        tap.ok(False, "no exception", traceback.format_exc())
        tap.note(lab.read("milter.log")[-3000:])
        tap.note(lab.read("postfix.log")[-2000:])
tap.done()
