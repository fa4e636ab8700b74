#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# What the store costs the milter: without a record, with SQLite, with Redis
# over a socket, and four milters on one Redis.
#
# usage: stores.sh SRCDIR BUILDDIR       (or: make bench-stores)
#
# Environment: REPS=5 repetitions of SECS=4 seconds, CONC=8 connections in all,
# MESSAGES=400 in the corpus: about as many rows an hour.
#
# Needs what run.sh needs and redis-server or valkey-server, which listens on
# a socket in the temporary folder. All take their turns within one run: read
# the ratios, medians of ratios within a turn. CPU: of the milters alone,
# their writer thread included; the server's stands beside it.

src=${1:?usage: stores.sh SRCDIR BUILDDIR}
build=${2:?usage: stores.sh SRCDIR BUILDDIR}
: "${REPS:=5}" "${SECS:=4}" "${CONC:=8}" "${MESSAGES:=400}"
bench=$src/t/bench
bin=$build/t/bench
data=$bin/data
. "$bench/mail.sh"

# either project's program
find_program() { # NAME
    command -v "redis-$1" || command -v "valkey-$1" ||
        fail "redis-$1 is not installed"
}

start_redis() {
    start server "$server" --port 0 --unixsocket "$run/server.sock" \
        --unixsocketperm 777 --save '' --dir "$run" --appendonly yes \
        --appendfsync everysec
    await "[ -S $run/server.sock ]" || fail "$server did not start"
}

# calls, octets in, CPU seconds of the server so far
server_use() {
    "$cli" -s "$run/server.sock" INFO all | tr -d '\r' | awk -F '[:=,]' '
        /^cmdstat_(eval|evalsha):/ { calls += $3 }
        /^total_net_input_bytes:/ { octets = $2 }
        /^used_cpu_(sys|user):/ { cpu += $2 }
        END { printf "%d,%d,%f", calls, octets, cpu }'
}

load() { # LABEL CONNECTIONS MILTER
    "$bin/load" -d "$data" -l "$1" -c "$2" -t "$SECS" \
        -s "unix:$run/$3.sock" -p "$(cat "$run/$3.pid")" || fail "$1 failed"
}

# the lines of LABEL's milters, each with what the server did meanwhile
turn() { # LABEL
    before=$(server_use)
    if [ "$1" = four ]; then
        loads=
        for i in 1 2 3 4; do
            load four $(((CONC + 3) / 4)) "four$i" >"$run/load$i" &
            loads="$loads $!"
        done
        for pid in $loads; do
            wait "$pid" || exit 1
        done
        cat "$run"/load[1-4] >"$run/load"
    else
        load "$1" "$CONC" "$1" >"$run/load" || exit 1
    fi
    sleep 0.5 # until the last batch is there
    after=$(server_use)
    sed "s/^/turn=$rep before=$before after=$after /" "$run/load"
}

measure() {
    for rep in $(seq "$REPS"); do
        for label in none sqlite redis four; do
            turn "$label" || exit 1
        done
        echo "bench: repetition $rep of $REPS done" >&2
    done
}

table() {
    awk "$medians"'
    {
        for (i = 1; i <= NF; i++) {
            split($i, pair, "=")
            f[pair[1]] = pair[2]
        }
        turn = f["turn"] " " f["label"]
        turns[turn] = 1
        msgs[turn] += f["msgs"]
        rate[turn] += f["rate"]
        cpu[turn] += f["cpu"] * f["msgs"]
        before[turn] = f["before"]
        after[turn] = f["after"]
        wrong[f["label"]] += f["errors"] + f["fields"]
    }
    END {
        for (turn in turns) {
            split(turn, part, " ")
            label = part[2]
            base = part[1] " sqlite"
            split(before[turn], old, ",")
            split(after[turn], new, ",")
            n = msgs[turn]
            note(label "rate", rate[turn])
            note(label "cpu", cpu[turn] / n)
            note(label "ratio", cpu[turn] / n / cpu[base] * msgs[base])
            note(label "calls", (new[1] - old[1]) * 1000 / n)
            note(label "octets", (new[2] - old[2]) / n)
            note(label "server", (new[3] - old[3]) * 1000 / n)
        }
        form = "%-7s %7s %7s %9s %11s %10s %11s  %s\n"
        printf form, "store", "msg/s", "CPU/k", "/ sqlite", "commands/k",
            "octets/msg", "server CPU/k", ""
        split("none sqlite redis four", labels, " ")
        for (i = 1; i in labels; i++) {
            r = labels[i]
            printf form, r, sprintf("%.0f", median(r "rate")),
                sprintf("%.3f", median(r "cpu")),
                sprintf("%.3f", median(r "ratio")),
                sprintf("%.1f", median(r "calls")),
                sprintf("%.0f", median(r "octets")),
                sprintf("%.3f", median(r "server")),
                wrong[r] ? wrong[r] " wrong" : ""
        }
        print "\nCPU/k: CPU seconds for 1000 messages; commands: scripts " \
            "that the server ran;\nfour: milters on one Redis, a quarter " \
            "of the connections each"
    }' "$run/figures"
}

server=$(find_program server) || exit 1
cli=$(find_program cli) || exit 1
prepare
start_redis
start_aver none "unix:$run/none.sock" none
start_aver sqlite "unix:$run/sqlite.sock"
start_aver redis "unix:$run/redis.sock" "unix:$run/server.sock?prefix=one"
for i in 1 2 3 4; do
    start_aver four$i "unix:$run/four$i.sock" "unix:$run/server.sock?prefix=four"
done
echo "$(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
for label in none sqlite redis four1 four2 four3 four4; do
    load $label 4 $label >/dev/null || exit 1
done
measure >"$run/figures" || exit 1
table
