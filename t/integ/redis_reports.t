#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""t/integ/reports_kill.t on a Redis server: two aver-report at once, as on two
hosts, killed at random; every window is reported once."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import redis_lab as R

R.need()
with R.Fleet() as f:
    server = f.server()
    env = dict(os.environ, AVER_STORE="redis://127.0.0.1:%d?timeout=2000&"
               "command_timeout=10000&lease=1000" % server.port)
    env.setdefault("AVER_KILLS", "20")
    status = subprocess.run([os.path.join(HERE, "reports_kill.t")],
                            env=env).returncode
sys.exit(status)
