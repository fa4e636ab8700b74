# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Redis servers, Sentinels and a Cluster of a test's own: in one temporary
directory, on loopback, stopped by process ID."""
import os
import resource
import shutil
import signal
import subprocess
import tempfile

import lab as L

# the folder of other versions than the installed one
DIR = os.environ.get("AVER_REDIS")
SERVER = (shutil.which("redis-server", path=DIR) or
          shutil.which("valkey-server", path=DIR))
CLI = (shutil.which("redis-cli", path=DIR) or
       shutil.which("valkey-cli", path=DIR))
LOAD = os.path.join(L.BUILD, "t", "integ", "storeload")


def need():
    if not SERVER or not CLI:
        L.skip_all("redis-server or redis-cli is missing")


class Server:
    def __init__(self, fleet, port, *args):
        self.port, self.args, self.fleet = port, list(args), fleet
        self.dir = os.path.join(fleet.dir, str(port))
        os.mkdir(self.dir)
        self.start()

    def start(self, wait=True):
        with open(os.path.join(self.dir, "out"), "ab") as out:
            # SIGXFSZ stays ignored, see limit_file()
            self.proc = subprocess.Popen(
                [SERVER] + self.args +
                ["--port", str(self.port), "--bind", "127.0.0.1",
                 "--dir", self.dir], stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, restore_signals=False)
        if wait:
            L.wait_until(self.answers, 20, self.output)

    def answers(self):
        if self.proc.poll() is not None:
            raise RuntimeError("ended: " + self.output())
        told = self.cli("PING")
        return "PONG" in told or "NOAUTH" in told

    def output(self):
        with open(os.path.join(self.dir, "out"), errors="replace") as f:
            return "redis-server: " + f.read()[-2000:]

    def cli(self, *words):
        return subprocess.run([CLI, "-p", str(self.port)] + list(words),
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True).stdout

    def signal(self, number):
        self.proc.send_signal(number)

    def limit_file(self, octets):
        """Lets its files not grow beyond that, as a full disk does; None: lets
        them."""
        most = resource.RLIM_INFINITY if octets is None else octets
        _, hard = resource.prlimit(self.proc.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.proc.pid, resource.RLIMIT_FSIZE, (most, hard))

    def kill(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGCONT)
            self.proc.kill()
        self.proc.wait()


class Fleet:
    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="aver-redis-")
        self.servers, self.procs = [], []
        return self

    def server(self, *args, port=None):
        s = Server(self, port or L.free_ports(1)[0], "--save", "",
                   "--appendonly", "yes", "--appendfsync", "no", *args)
        self.servers.append(s)
        return s

    def sentinel(self, name, master, quorum, *args):
        port = L.free_ports(1)[0]
        conf = os.path.join(self.dir, "sentinel%d.conf" % port)
        with open(conf, "w") as f:
            f.write("sentinel monitor %s 127.0.0.1 %d %d\n"
                    "sentinel down-after-milliseconds %s 700\n"
                    "sentinel failover-timeout %s 3000\n" %
                    (name, master, quorum, name, name))
        s = Server(self, port, conf, "--sentinel", *args)
        self.servers.append(s)
        return s

    def load(self, spec, *words):
        p = subprocess.Popen([LOAD, spec] + [str(w) for w in words],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        self.procs.append(p)
        return p

    def output(self, spec, *words):
        out, err = self.load(spec, *words).communicate(timeout=240 * L.SLOW)
        return out + err

    def __exit__(self, *exc):
        for p in self.procs:
            if p.poll() is None:
                p.kill()
                p.wait()
        for s in self.servers:
            s.kill()
        if os.environ.get("AVER_KEEP"):
            print("# kept: " + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def want(n):
    return int(subprocess.run([LOAD, "-", "want", str(n)], check=True,
                              stdout=subprocess.PIPE).stdout)


def finish(tap, fleet, spec, total, name):
    """Reports all that is left; counts what there is."""
    p = fleet.load(spec, "run", 0)
    out, err = p.communicate(timeout=240 * L.SLOW)
    tap.eq(p.returncode, 0, name + ": the last run ends " + err)
    words = fleet.output(spec, "sum").split()
    tap.note(" ".join(words))
    tap.ok(len(words) == 8 and words[1] == "0" and words[3] == str(total) and
           int(words[5]) > 0 and words[5] == words[7],
           name + ": counts are exact, all is reported and sent once",
           "want %d, got %s" % (total, words))
