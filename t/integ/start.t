#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""What a daemon says that cannot start, or has been set up wrongly: it names
the parameter or the file, and what is the matter with it."""
import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L

L.need(root=False)
tap = L.Tap()
DAEMONS = {"aver-milter": "milter_listen", "aver-policyd": "policyd_listen"}


class Case:
    def __init__(self, lab, name):
        self.lab, self.name, self.listen = lab, name, DAEMONS[name]
        self.state = lab.path(name + ".state")
        self.user = "nobody" if os.geteuid() == 0 else ""
        os.mkdir(self.state)
        if self.user:
            shutil.chown(self.state, self.user)

    def start(self, place=None, **more):
        """Exit code and standard error of a start that has to fail."""
        conf = {"log_destination": "stderr", "user": self.user,
                "postconf_command": "", "state_directory": self.state,
                "store": "sqlite:%s/aver.db" % self.state,
                "dns_servers": "127.0.0.1@%d" % self.lab.silent, "dnssec": "off",
                self.listen: place or "unix:" + self.lab.path("new.sock")}
        conf.update(more)
        path = self.lab.write("start.conf", "".join(
            "%s = %s\n" % pair for pair in conf.items()))
        r = subprocess.run([os.path.join(L.BUILD, self.name), "-c", path],
                           stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, timeout=L.PATIENCE)
        return r.returncode, r.stderr

    def fails(self, what, words, place=None, **more):
        code, text = self.start(place, **more)
        last = text.rstrip("\n").rpartition("\n")[2]
        tap.ok(code == 1 and last.startswith(self.name + ": ") and
               all(w in last for w in words),
               "%s: %s" % (self.name, what), (code, text))


def test_parameters(c):
    c.fails("no such parameter", ["start.conf:", "parameter nonsense"],
            nonsense="1")
    c.fails("no such group", ["new.sock", 'no group "nosuch-group"'],
            **{c.listen.replace("listen", "socket_group"): "nosuch-group"})
    if os.geteuid() == 0:
        c.fails("no such user", ["parameter user", '"nosuch-user"'],
                user="nosuch-user")
        c.fails("no user to become", ["parameter user", "root"], user="")


def test_state(c):
    away = c.lab.path("away/state")
    c.fails("no folder for the state",
            ["state_directory", away, "No such file", "make it"],
            state_directory=away)
    if c.name == "aver-policyd":
        c.fails("no folder for the database", ["store", away, "No such file"],
                store="sqlite:%s.db" % away)
    locked = c.lab.path(c.name + ".locked")
    os.mkdir(locked)
    os.chmod(locked, 0o555)
    c.fails("a state that cannot be written",
            ["state_directory", locked, "Permission denied", c.user or "user"],
            state_directory=locked)


def test_sockets(c):
    away = c.lab.path("away/new.sock")
    c.fails("no folder for the socket", [away, "No such file"],
            place="unix:" + away)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        place = "inet:127.0.0.1:%d" % s.getsockname()[1]
        c.fails("a port in use", [place, "Address already in use"],
                place=place)
        where = place.partition(":")[2]
        metrics = c.listen.replace("milter_", "").replace(
            "listen", "metrics_listen")
        c.fails("a port of the metrics in use",
                ["metrics", where, "Address already in use"],
                **{metrics: where})
        code, text = c.start(dnssec="auto", **{
            "dns_trust_anchor": "/nonexistent/root.key", metrics: where})
        tap.ok("warning: DNSSEC validation is off: there is no usable trust "
               "anchor file (parameters dns_servers, dns_trust_anchor, dnssec)"
               in text, c.name + ": no trust anchor", text)
    path = c.lab.path(c.name + ".sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        c.fails("a socket in use", [path, "in use"], place="unix:" + path)


def main(lab):
    (lab.silent,) = L.free_ports(1)
    for name in DAEMONS:
        c = Case(lab, name)
        test_parameters(c)
        test_state(c)
        test_sockets(c)
    tap.done()


with L.Lab() as the_lab:
    main(the_lab)
