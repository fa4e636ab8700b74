#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# What an answer of aver-policyd costs that is cached, beside socketmap servers
# that always say the same, and the memory of 100 000 domains. "null" has a
# thread for each connection, which waits in recv(2), and the shortest reply;
# "poll" has as many threads as the daemon has pollers, and as long a reply.
#
# usage: policyd.sh SRCDIR BUILDDIR          (or: make bench-policyd)
#
# Environment: REPS=5 repetitions of SECS=2 seconds for each of CONCS="1 8 32"
# connections; DOMAINS=100000; PEER_CMD, a command that serves PEER_SOCK
# (inet:127.0.0.1:PORT or unix:PATH) with the map PEER_MAP, to be measured in
# the same run.
#
# All take their turns within one run: read the ratios, medians of ratios within
# a turn. CPU: microseconds of the server for one answer, kernel included.

build=${2:?usage: policyd.sh SRCDIR BUILDDIR}
: "${REPS:=5}" "${SECS:=2}" "${CONCS:=1 8 32}" "${DOMAINS:=100000}"
: "${PEER_CMD:=}" "${PEER_SOCK:=}" "${PEER_MAP:=QUERY}"
bin=$build/t/bench
. "$(dirname "$0")/shell.sh"

write_conf() {
    mkdir "$run/state"
    [ "$(id -u)" != 0 ] || chown nobody "$run/state"
    echo '.bench.example secure match=mail.bench.example:.mx.bench.example' \
        'servername=hostname' >"$run/table"
    cat >"$run/aver.conf" <<AVER
user = nobody
log_destination = stderr
log_level = warn
state_directory = $run/state
store = sqlite:$run/state/aver.db
policyd_listen = inet:127.0.0.1:$port
tls_policy_table = $run/table
tls_min_validity = 3600s
dns_servers = 127.0.0.1@$port
dnssec = off
dns_timeout = 100ms
postconf_command =
postfix_version = 3.7
AVER
}

turn() { # LABEL CONNECTIONS MORE...
    label=$1
    conc=$2
    shift 2
    case $label in
    null) set -- "$@" -s "inet:127.0.0.1:$null_port" -p "$null" -m tls ;;
    poll) set -- "$@" -s "inet:127.0.0.1:$poll_port" -p "$poll" -m tls ;;
    peer) set -- "$@" -s "$PEER_SOCK" -p "$peer" -m "$PEER_MAP" ;;
    *) set -- "$@" -s "inet:127.0.0.1:$port" -p "$aver" -m tls ;;
    esac
    "$bin/mapload" -l "$label" -c "$conc" -k "$run/keys" "$@" ||
        fail "$label failed"
}

table() {
    awk "$medians"'
    {
        for (i = 1; i <= NF; i++) {
            split($i, pair, "=")
            f[pair[1]] = pair[2]
        }
        row = f["label"] " " f["conc"]
        if (!(row in seen)) {
            seen[row] = 1
            rows[++n] = row
        }
        if (f["label"] == "null") {
            rate = f["rate"]
            cpu = f["cpu"]
        }
        note(row "rate", f["rate"])
        note(row "p50", f["p50"])
        note(row "p99", f["p99"])
        note(row "cpu", f["cpu"])
        note(row "rss", f["rss"])
        note(row "ratio", f["rate"] / rate)
        note(row "cost", cpu > 0 ? f["cpu"] / cpu : 0)
        wrong[row] += f["errors"] + f["temp"] + f["other"]
    }
    END {
        form = "%-6s %4s %9s %7s %7s %7s %7s %7s %7s %6s\n"
        printf form, "server", "conn", "answers/s", "/ null", "p50 us",
            "p99 us", "CPU us", "/ null", "RSS MB", "wrong"
        for (i = 1; i <= n; i++) {
            r = rows[i]
            split(r, part, " ")
            printf form, part[1], part[2], sprintf("%.0f",
                median(r "rate")), sprintf("%.2f", median(r "ratio")),
                sprintf("%.0f", median(r "p50")),
                sprintf("%.0f", median(r "p99")),
                sprintf("%.2f", median(r "cpu")),
                sprintf("%.2f", median(r "cost")),
                sprintf("%.1f", median(r "rss")), wrong[r]
        }
    }'
}

[ -x "$build/aver-policyd" ] || fail "$build/aver-policyd is not built"
run=$(mktemp -d /tmp/aver-bench.XXXXXX) || exit 1
chmod 755 "$run"
trap cleanup EXIT
trap 'exit 130' INT TERM
port=$(free_port)
null_port=$(free_port)
poll_port=$(free_port)
write_conf
seq -f 'p%05g.bench.example' 2000 >"$run/keys"
"$bin/nullmap" "inet:127.0.0.1:$null_port" &
null=$!
"$bin/nullmap" -t 2 -r 72 "inet:127.0.0.1:$poll_port" &
poll=$!
pids="$null $poll"
"$build/aver-policyd" -c "$run/aver.conf" 2>"$run/aver.log" &
aver=$!
pids="$pids $aver"
servers="null poll aver"
if [ -n "$PEER_CMD" ]; then
    sh -c "exec $PEER_CMD" >"$run/peer.log" 2>&1 &
    peer=$!
    pids="$pids $peer"
    servers="$servers peer"
    sleep 3
fi
for server in $servers; do
    await "turn $server 8 -o 2>/dev/null | grep -q 'errors=0 '" || {
        cat "$run"/*.log >&2
        fail "$server does not answer"
    }
done
for rep in $(seq "$REPS"); do
    for conc in $CONCS; do
        for server in $servers; do
            turn "$server" "$conc" -t "$SECS"
        done
    done
    echo "bench: repetition $rep of $REPS done" >&2
done | table
seq -f 'p%06g.bench.example' "$DOMAINS" >"$run/keys"
printf '\n%s domains, each asked once: ' "$DOMAINS"
turn all 8 -o | awk '{
    for (i = 1; i <= NF; i++) {
        split($i, pair, "=")
        f[pair[1]] = pair[2]
    }
    printf "%.0f decisions/s, %.0f us CPU, peak RSS %.1f MB, %d wrong\n",
        f["rate"], f["cpu"], f["rss"], f["errors"] + f["temp"] + f["other"]
}'
