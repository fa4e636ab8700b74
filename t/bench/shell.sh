# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# What the benchmarks share; sourced. $run is the folder that goes at the end,
# $pids what is stopped then.

pids=

# for awk: note(KEY, NUMBER), then median(KEY) of what was noted
medians='
    function median(key,   n, i, j, t, v) {
        n = count[key]
        for (i = 1; i <= n; i++)
            v[i] = value[key, i]
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && v[j - 1] > v[j]; j--) {
                t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
            }
        return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    function note(key, x) { value[key, ++count[key]] = x }'

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
