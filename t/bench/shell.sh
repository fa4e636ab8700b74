# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# What the benchmarks of aver-policyd share; sourced. $run is the folder that
# goes at the end, $pids what is stopped then.

pids=

fail() {
    echo "bench: $*" >&2
    exit 1
}

cleanup() {
    for pid in $pids; do
        kill "$pid" 2>/dev/null
    done
    wait
    rm -rf "$run"
}

free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

await() {
    i=0
    until eval "$1"; do
        i=$((i + 1))
        [ $i -lt 100 ] || return 1
        sleep 0.1
    done
}
