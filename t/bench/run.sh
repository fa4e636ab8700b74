#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# What a message costs, beside the bare cost of its cryptography and of
# libmilter, and beside OpenDKIM + OpenDMARC where they are installed.
#
# usage: run.sh SRCDIR BUILDDIR          (or: make bench)
#
# Environment: REPS=3 repetitions of SECS=4 seconds for each of CONCS="1 8 32"
# connections, MESSAGES=400 in the corpus, PEERS=yes|no.
#
# Needs nsd, python3 and python3-cryptography; for the peers, as root,
# opendkim, opendmarc and unbound. All of it listens on loopback or below a
# temporary folder and ends with this script.
#
# Everything runs at the same time and takes its turns, so that a machine
# which is busy with something else treats all alike: read the ratios, which
# are medians of ratios within a turn, before the absolute figures.

src=${1:?usage: run.sh SRCDIR BUILDDIR}
build=${2:?usage: run.sh SRCDIR BUILDDIR}
: "${REPS:=3}" "${SECS:=4}" "${CONCS:=1 8 32}" "${MESSAGES:=400}"
: "${PEERS:=yes}"
bench=$src/t/bench
bin=$build/t/bench
data=$bin/data
. "$bench/mail.sh"

# in its own file, to be run as another program in other namespaces
write_peers() {
    cat >"$run/peers.sh" <<PEERS
ip link set lo up && mount --bind $run/resolv.conf /etc/resolv.conf || exit 1
nsd -d -c $run/nsd.conf >$run/nsd2.log 2>&1 &
a=\$!
unbound -d -c $run/unbound.conf >$run/unbound.log 2>&1 &
b=\$!
trap 'kill \$a \$b \$c \$d 2>/dev/null; wait; exit' TERM
sleep 1
opendkim -f -x $run/opendkim.conf >$run/opendkim.log 2>&1 &
c=\$!
echo \$c >$run/opendkim.pid
opendmarc -f -c $run/opendmarc.conf >$run/opendmarc.log 2>&1 &
d=\$!
echo \$d >$run/opendmarc.pid
wait
PEERS
    echo 'nameserver 127.0.0.1' >"$run/resolv.conf"
    cat >"$run/unbound.conf" <<UNBOUND
server:
  interface: 127.0.0.1
  username: ""
  chroot: ""
  directory: "$run"
  pidfile: ""
  use-syslog: no
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@$port
remote-control:
  control-enable: no
UNBOUND
    cat >"$run/opendkim.conf" <<OPENDKIM
Mode v
Syslog yes
SyslogSuccess yes
AuthservID mx.bench.example
AlwaysAddARHeader yes
Nameservers 127.0.0.1
UMask 000
Socket local:$run/opendkim.sock
OPENDKIM
    list=/usr/share/publicsuffix/public_suffix_list.dat
    { [ -r $list ] && cat $list; echo example; } >"$run/suffixes"
    cat >"$run/opendmarc.conf" <<OPENDMARC
AuthservID mx.bench.example
TrustedAuthservIDs mx.bench.example
HistoryFile $run/opendmarc.history
PublicSuffixList $run/suffixes
Socket local:$run/opendmarc.sock
SPFIgnoreResults true
SPFSelfValidate true
RejectFailures false
Syslog true
UMask 000
OPENDMARC
}

# Their resolver is the system's: they get loopback and resolv.conf of their
# own.
start_peers() {
    [ "$PEERS" = yes ] || return 1
    for p in opendkim opendmarc unbound unshare ip; do
        command -v $p >/dev/null || {
            echo "bench: no peers: $p is not installed"
            return 1
        }
    done
    unshare -m -n true 2>/dev/null || {
        echo "bench: no peers: not allowed to create namespaces"
        return 1
    }
    write_peers
    start peers unshare -m -n sh "$run/peers.sh"
    await "[ -S $run/opendkim.sock ] && [ -S $run/opendmarc.sock ]" || {
        echo "bench: no peers: they did not start"
        cat "$run"/opendkim.log "$run"/opendmarc.log "$run/peers.log"
        return 1
    }
}

# LABEL CONNECTIONS SECONDS: one line of figures
turn() {
    label=$1
    set -- -d "$data" -l "$1" -c "$2" -t "$3"
    case $label in
    null)
        set -- "$@" -s "unix:$run/null.sock" -p "$(cat "$run/null.pid")" ;;
    aver-unix)
        set -- "$@" -s "unix:$run/aver.sock" -p "$(cat "$run/unix.pid")" ;;
    aver-inet)
        set -- "$@" -s "inet:127.0.0.1:$inet" -p "$(cat "$run/inet.pid")" ;;
    opendkim*)
        set -- "$@" -a 0 -s "unix:$run/opendkim.sock" \
            -p "$(cat "$run/opendkim.pid")" ;;
    esac
    case $label in
    *opendmarc)
        set -- "$@" -s "unix:$run/opendmarc.sock" \
            -p "$(cat "$run/opendmarc.pid")" ;;
    esac
    "$bin/load" "$@" || fail "$label failed"
}

measure() {
    for milter in $milters; do
        turn "$milter" 8 2 >/dev/null
    done
    for rep in $(seq "$REPS"); do
        for conc in $CONCS; do
            # the floor of each turn by itself: see above
            floor=$("$bin/floor" "$data" 1) || exit 1
            for milter in $milters; do
                echo "turn=$rep-$conc $floor $(turn "$milter" "$conc" \
                    "$SECS")"
            done
        done
        echo "bench: repetition $rep of $REPS done" >&2
    done
}

# 4 connections with messages of one size: the peak of a new process
memory() { # LABEL PASSES
    start_aver "$1" "unix:$run/$1.sock"
    "$bin/load" -d "$data/$1" -s "unix:$run/$1.sock" -c 4 -n "$2" \
        -p "$(cat "$run/$1.pid")" -l "$1" || fail "$1 failed"
    stop "$1"
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
        if (f["label"] == "null")
            base = f["cpu"] + f["floor"] / 1000
        note("floor", f["floor"])
        note("bodies", f["bodies"])
        note("rsa", f["rsa"])
        note("ed25519", f["ed25519"])
        split("rate p50 p99 eom50 eom99 cpu load rss", names, " ")
        for (i = 1; i in names; i++)
            note(row names[i], f[names[i]])
        note(row "ratio", f["cpu"] / base)
        wrong[row] += f["errors"] + f["fields"]
        differ[row] = f["spf"] / f["msgs"] "/" f["dkim"] / f["msgs"] "/" \
            f["dmarc"] / f["msgs"]
    }
    END {
        printf "cryptography alone: %.0f us CPU a message (body hashes " \
            "%.0f, RSA %.0f, Ed25519 %.0f)\n\n", median("floor"),
            median("bodies"), median("rsa"), median("ed25519")
        form = "%-19s %4s %7s %7s %7s %7s %7s %7s %6s %6s  %s\n"
        printf form, "milter", "conn", "msg/s", "p50 ms", "p99 ms",
            "eom p50", "eom p99", "CPU/k", "ratio", "RSS MB", "wrong"
        for (i = 1; i <= n; i++) {
            r = rows[i]
            split(r, part, " ")
            bad = wrong[r] ? wrong[r] " " : ""
            split(differ[r], d, "/")
            if (part[1] == "opendkim")
                bad = bad sprintf("dkim %.1f%%", d[2] * 100)
            else if (part[1] != "null")
                bad = bad sprintf("spf %.1f%% dkim %.1f%% dmarc %.1f%%",
                    d[1] * 100, d[2] * 100, d[3] * 100)
            printf form, part[1], part[2], sprintf("%.0f",
                median(r "rate")), sprintf("%.2f", median(r "p50")),
                sprintf("%.2f", median(r "p99")),
                sprintf("%.2f", median(r "eom50")),
                sprintf("%.2f", median(r "eom99")),
                sprintf("%.3f", median(r "cpu")),
                sprintf("%.2f", median(r "ratio")),
                sprintf("%.1f", median(r "rss")), bad
        }
        print "\nCPU/k: CPU seconds of the milter for 1000 messages; " \
            "ratio: that, divided by\ncryptography + null milter of the " \
            "same turn; wrong: protocol errors and\nresults that differ " \
            "from the corpus (peers write some results otherwise)"
    }' "$run/figures"
}

prepare
inet=$(free_port)
start null "$bin/nullmilter" "unix:$run/null.sock"
start_aver unix "unix:$run/aver.sock"
start_aver inet "inet:127.0.0.1:$inet"
await "[ -S $run/null.sock ]" || fail "nullmilter did not start"
milters="null aver-unix aver-inet"
start_peers && milters="$milters opendkim opendkim+opendmarc"
measure >"$run/figures" || exit 1
table
printf '\nmemory, 4 connections, new processes:\n'
memory big50k 400 >"$run/memory" && memory big50M 8 >>"$run/memory" || exit 1
awk '{
    for (i = 1; i <= NF; i++) {
        split($i, pair, "=")
        f[pair[1]] = pair[2]
    }
    printf "%4s messages of %-4s peak RSS %5.1f MB, %5.0f MB/s\n",
        f["msgs"], substr(f["label"], 4), f["rss"], f["mbs"]
}' "$run/memory"
