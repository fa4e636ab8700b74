# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# What the benchmarks of the milter share; sourced, with $bench, $bin, $build,
# $data and $MESSAGES set. Needs nsd, python3 and python3-cryptography.

. "$bench/shell.sh"
PATH=$PATH:/usr/sbin:/sbin

# STORE: sqlite, none, or what a configuration says
write_aver() { # NAME ADDRESS [STORE]
    case ${3:-sqlite} in
    sqlite) kept="store = sqlite:$run/$1.state/aver.db" ;;
    none) kept="record_evaluations = no" ;;
    *) kept="store = $3" ;;
    esac
    mkdir "$run/$1.state"
    [ "$(id -u)" != 0 ] || chown nobody "$run/$1.state"
    cat >"$run/$1.conf" <<AVER
authserv_id = mx.bench.example
user = nobody
state_directory = $run/$1.state
$kept
milter_listen = $2
milter_socket_mode = 0666
trusted_networks =
dns_servers = 127.0.0.1@$port
dnssec = off
log_destination = stderr
AVER
}

# NAME COMMAND...: in the background; its process ID is in $run/NAME.pid
start() {
    name=$1
    shift
    : >"$run/$name.log"
    "$@" >"$run/$name.log" 2>&1 &
    echo $! >"$run/$name.pid"
    pids="$pids $!"
}

stop() { # NAME
    pid=$(cat "$run/$1.pid")
    kill "$pid" && wait "$pid"
}

start_aver() { # NAME ADDRESS [STORE]
    write_aver "$@"
    start "$1" "$build/aver-milter" -c "$run/$1.conf"
    await "grep -q ' ready\$' $run/$1.log" || {
        cat "$run/$1.log" >&2
        fail "aver-milter did not start"
    }
}

start_nsd() {
    cat >"$run/nsd.conf" <<NSD
server:
  ip-address: 127.0.0.1@$port
  zonesdir: "$data"
  username: ""
  chroot: ""
  database: ""
  pidfile: ""
  xfrdfile: ""
  zonelistfile: "$run/zone.list"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "zone"
NSD
    start nsd nsd -d -c "$run/nsd.conf"
    sleep 1
    kill -0 "$(cat "$run/nsd.pid")" 2>/dev/null || {
        cat "$run/nsd.log" >&2
        fail "nsd did not start"
    }
}

# The corpus, a folder for all else that goes at the end, and the DNS.
prepare() {
    python3 -c 'import cryptography' 2>/dev/null ||
        fail "python3-cryptography is not installed"
    command -v nsd >/dev/null || fail "nsd is not installed"
    [ -x "$build/aver-milter" ] || fail "$build/aver-milter is not built"
    [ -e "$data/index.tsv" ] &&
        [ "$(wc -l <"$data/index.tsv")" = "$MESSAGES" ] || {
        rm -rf "$data"
        "$bench/corpus.py" -n "$MESSAGES" "$data" || fail "no corpus"
    }
    # short and open to all: it holds sockets
    run=$(mktemp -d /tmp/aver-bench.XXXXXX) || exit 1
    chmod 755 "$run"
    trap cleanup EXIT
    trap 'exit 130' INT TERM
    port=$(free_port)
    start_nsd
}
