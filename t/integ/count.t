#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""A real Postfix receives messages over 50 connections; the milter is killed
with SIGKILL in the middle and started again. Every message that Postfix took
has one Authentication-Results of ours and is counted exactly once.

AVER_COUNT sets how many messages (default 1500)."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L

L.need(programs=("postfix", "nsd"))
TOTAL = int(os.environ.get("AVER_COUNT", "1500"))
CONNECTIONS = 50
DOMAINS = 30
tap = L.Tap()


def zone():
    text = ["$ORIGIN example.", "$TTL 300",
            "@ SOA ns hostmaster 1 3600 900 86400 300", "@ NS ns",
            "ns A 127.0.0.1"]
    for i in range(DOMAINS):
        text.append('d%d TXT "v=spf1 ip4:192.0.2.%d -all"' % (i, i + 1))
        text.append('_dmarc.d%d TXT "v=DMARC1; p=%s"' %
                    (i, ("none", "reject")[i % 2]))
    return "\n".join(text) + "\n"


def main(lab):
    dns = lab.nsd({"example": zone()})
    milter = lab.milter(dns, "log_level = warn\n")
    port = lab.postfix(milter.port)
    taken, lock = {}, threading.Lock()
    started = time.monotonic()

    def work(c):
        d = c % DOMAINS
        client = L.Client(port, ip="192.0.2.%d" % (d + 1),
                          helo="mail.d%d.example" % d)
        for n in range(c, TOTAL, CONNECTIONS):
            m = ("From: a@d%d.example\r\nTo: user@receiver.example\r\n"
                 "Subject: count\r\nMessage-ID: <%d@count.example>\r\n"
                 "\r\nbody %d\r\n" % (d, n, n)).encode()
            code = client.send_until_taken("b@d%d.example" % d, m)
            with lock:
                taken[n] = code
        client.close()

    def killer():
        # two kills, when a third and two thirds have been taken
        for part in (1, 2):
            while len(taken) < TOTAL * part // 3:
                time.sleep(0.005)
            milter.kill()
            milter.start()

    # it does not outlive those that fail
    k = threading.Thread(target=killer, daemon=True)
    k.start()
    L.run_threads(CONNECTIONS, work)
    k.join()
    tap.note("%d messages in %.1f s" %
             (TOTAL, time.monotonic() - started))
    tap.eq(sum(c == 250 for c in taken.values()), TOTAL,
           "Postfix took all messages")
    L.wait_until(lambda: len(lab.inbox()) >= TOTAL, 120, "delivery")
    ids, wrong = {}, []
    for f in lab.inbox():
        ar = [a for a in L.fields(f, "Authentication-Results")
              if a.startswith("mx.receiver.example;")]
        mid = L.fields(f, "Message-ID")[0]
        ids[mid] = ids.get(mid, 0) + 1
        if len(ar) != 1 or "dmarc=pass" not in ar[0]:
            wrong.append((f, ar))
    tap.eq(wrong[:3], [], "one Authentication-Results each, dmarc=pass")
    tap.eq(len(ids), TOTAL, "every message arrived")
    tap.eq([i for i, n in ids.items() if n != 1][:5], [], "and only once")
    tap.eq(milter.stop(), 0, "the milter stops in order")
    seen = milter.evaluations()
    tap.eq(sum(seen.values()), TOTAL, "as many counted as taken")
    want = {"d%d.example" % d: sum(
        len(range(c, TOTAL, CONNECTIONS)) for c in range(CONNECTIONS)
        if c % DOMAINS == d) for d in range(DOMAINS)}
    tap.eq(seen, want, "of each domain as many as were sent")


with L.Lab() as lab:
    try:
        main(lab)
    except Exception:
        import traceback
        tap.ok(False, "no exception", traceback.format_exc())
        tap.note(lab.read("milter.log")[-3000:])
        tap.note(lab.read("postfix.log")[-2000:])
tap.done()
