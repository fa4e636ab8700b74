#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# What aver-policyd costs with MTA-STS: domains that nobody asked for before,
# with a policy behind HTTPS (cold) and without (cold-none), and the same
# domains again (hit, none). The DNS is nsd, the policy hosts are nginx, the
# certificates come from an authority of the run's.
#
# usage: policyd_cold.sh SRCDIR BUILDDIR     (or: make bench-policyd)
#
# Environment: REPS=3 repetitions with COUNT=1000 domains of each kind, for each
# of CONCS="1 8 32" connections, and SECS=2 seconds for those that are cached.
# PEER_CMD, a command that serves PEER_SOCK with the map PEER_MAP, takes its
# turns in the same run: it is started for each, and has to forget before. It
# finds the authority in SSL_CERT_FILE. DNS_PORT and HTTPS_PORT, for a peer that
# cannot be told: 53 and 443. One that reads /etc/resolv.conf for any of its
# questions needs a mount namespace with another one, in PEER_CMD: "unshare -m
# sh -c 'mount --bind FILE /etc/resolv.conf; exec PEER'" with "nameserver
# 127.0.0.1" in FILE (postfix-tlspol looks its policy hosts up so).
#
# A turn is a fresh daemon with an empty store. Read the ratios: medians of
# ratios within a turn. CPU: microseconds of the server for one answer, kernel
# included.

build=${2:?usage: policyd_cold.sh SRCDIR BUILDDIR}
: "${REPS:=3}" "${SECS:=2}" "${CONCS:=1 8 32}" "${COUNT:=1000}"
: "${PEER_CMD:=}" "${PEER_SOCK:=}" "${PEER_MAP:=QUERY}"
: "${DNS_PORT:=}" "${HTTPS_PORT:=}"
bin=$build/t/bench
GROUP=25 # domains that share a certificate

. "$(dirname "$0")/shell.sh"

# ---- the world ---------------------------------------------------------------

make_certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$run/ca.key" \
        -out "$run/ca.pem" -days 30 -subj "/CN=bench authority" 2>/dev/null
    for first in $(seq 0 $GROUP $((COUNT - 1))); do
        names=$(seq -f 'DNS:mta-sts.p%05g.bench.example' -s , \
            "$first" $((first + GROUP - 1)))
        printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' \
            "$names" >"$run/ext"
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -keyout "$run/$first.key" -subj "/CN=$first" 2>/dev/null |
            openssl x509 -req -CA "$run/ca.pem" -CAkey "$run/ca.key" \
                -set_serial $((first + 2)) -days 30 -extfile "$run/ext" \
                -out "$run/$first.pem" 2>/dev/null ||
            fail "no certificate"
    done
}

start_dns() {
    {
        echo "\$ORIGIN bench.example."
        echo "\$TTL 3600"
        echo "@ SOA ns h 1 3600 900 604800 3600"
        echo "@ NS ns"
        echo "ns A 127.0.0.1"
        for kind in p n; do
            seq -f "$kind%05g" 0 $((COUNT - 1))
        done | awk '{
            print $1 " MX 10 mx." $1 "\nmx." $1 " A 192.0.2.1"
            if (/^p/)
                print "_mta-sts." $1 " TXT \"v=STSv1; id=1;\"\nmta-sts." \
                    $1 " A 127.0.0.1"
        }'
    } >"$run/zone"
    cat >"$run/nsd.conf" <<NSD
server:
  ip-address: 127.0.0.1@$dns_port
  username: ""
  chroot: ""
  zonesdir: "$run"
  pidfile: ""
  database: ""
  xfrdfile: ""
  zonelistfile: "$run/zone.list"
  xfrdir: "$run"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: bench.example
  zonefile: zone
NSD
    nsd -d -c "$run/nsd.conf" 2>"$run/nsd.log" &
    pids="$pids $!"
}

start_https() {
    {
        echo "worker_processes 1; pid $run/nginx.pid; daemon off;"
        echo "error_log $run/nginx.log crit; events { worker_connections 4096; }"
        echo "http { access_log off; server_names_hash_max_size 16384;"
        echo "server_names_hash_bucket_size 128; default_type text/plain;"
        echo "ssl_session_cache off; ssl_session_tickets off;"
        for first in $(seq 0 $GROUP $((COUNT - 1))); do
            backlog=
            [ "$first" != 0 ] || backlog=' backlog=1024'
            echo "server { listen 127.0.0.1:$https_port ssl$backlog;"
            echo "server_name $(seq -f 'mta-sts.p%05g.bench.example' -s ' ' \
                "$first" $((first + GROUP - 1)));"
            echo "ssl_certificate $run/$first.pem;"
            echo "ssl_certificate_key $run/$first.key;"
            cat <<'NGINX'
location = /.well-known/mta-sts.txt {
return 200 "version: STSv1\nmode: enforce\nmx: *.bench.example\nmax_age: 604800\n";
} }
NGINX
        done
        echo "}"
    } >"$run/nginx.conf"
    nginx -c "$run/nginx.conf" 2>"$run/nginx.err" &
    pids="$pids $!"
}

# ---- the servers -------------------------------------------------------------

write_conf() {
    cat >"$run/aver.conf" <<AVER
user = nobody
log_destination = stderr
log_level = warn
state_directory = $run/state
store = sqlite:$run/state/aver.db
policyd_listen = inet:127.0.0.1:$port
dns_servers = 127.0.0.1@$dns_port
dnssec = off
postconf_command =
postfix_version = 3.7
sts_allow_networks = 127.0.0.0/8
sts_port = $https_port
sts_ca_file = $run/ca.pem
AVER
}

ask() { # CASE CONNECTIONS KEYS MORE...
    label=$1.$server
    conc=$2
    keys=$3
    shift 3
    "$bin/mapload" -l "$label" -c "$conc" -k "$run/$keys" -s "$sock" \
        -m "$map" -p "$pid" "$@" || fail "$label failed"
}

# Sets sock, map, pid; the only key of "first" is not measured.
start_server() {
    case $server in
    aver)
        rm -rf "$run/state"
        mkdir "$run/state"
        [ "$(id -u)" != 0 ] || chown nobody "$run/state"
        "$build/aver-policyd" -c "$run/aver.conf" 2>"$run/aver.log" &
        sock=inet:127.0.0.1:$port
        map=tls
        ;;
    peer)
        sh -c "exec $PEER_CMD" >"$run/peer.log" 2>&1 &
        sock=$PEER_SOCK
        map=$PEER_MAP
        ;;
    esac
    pid=$!
    pids="$pids $pid"
    await 'ask first 1 first -o 2>/dev/null | grep -q "errors=0 "' || {
        cat "$run"/*.log >&2
        fail "$server does not answer"
    }
}

stop_server() {
    kill "$pid"
    wait "$pid"
    pids=${pids% *}
}

turn() {
    some=
    [ "$conc_now" != 1 ] || some=few-
    start_server
    ask cold "$conc_now" "${some}policy" -o
    ask cold-none "$conc_now" "${some}none" -o
    ask hit "$conc_now" "${some}policy" -t "$SECS"
    ask none "$conc_now" "${some}none" -t "$SECS"
    stop_server
}

table() {
    awk '
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
    function note(key, x) { value[key, ++count[key]] = x }
    {
        for (i = 1; i <= NF; i++) {
            split($i, pair, "=")
            f[pair[1]] = pair[2]
        }
        split(f["label"], part, ".")
        which = part[1] " " f["conc"]
        row = which " " part[2]
        if (!(row in seen)) {
            seen[row] = 1
            rows[++n] = row
        }
        # the peer has its turn first
        if (part[2] == "peer") {
            rate[which] = f["rate"]
            cpu[which] = f["cpu"]
        }
        note(row "rate", f["rate"])
        note(row "p50", f["p50"])
        note(row "p99", f["p99"])
        note(row "cpu", f["cpu"])
        note(row "rss", f["rss"])
        note(row "ratio", rate[which] > 0 ? f["rate"] / rate[which] : 0)
        note(row "cost", cpu[which] > 0 ? f["cpu"] / cpu[which] : 0)
        want = part[1] ~ /none/ ? "notfound" : "ok"
        wrong[row] += f["errors"] + f["temp"] + f["other"] + \
            f[want == "ok" ? "notfound" : "ok"]
    }
    END {
        form = "%-9s %4s %-6s %9s %7s %7s %7s %8s %7s %7s %6s\n"
        printf form, "case", "conn", "server", "answers/s", "/ peer",
            "p50 us", "p99 us", "CPU us", "/ peer", "RSS MB", "wrong"
        for (i = 1; i <= n; i++) {
            r = rows[i]
            split(r, part, " ")
            printf form, part[1], part[2], part[3], sprintf("%.0f",
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
PATH=$PATH:/usr/sbin:/sbin
for program in nsd nginx openssl; do
    command -v $program >/dev/null || {
        echo "bench: no $program: cold lookups are not measured" >&2
        exit 0
    }
done
run=$(mktemp -d /tmp/aver-bench.XXXXXX) || exit 1
chmod 755 "$run"
trap cleanup EXIT
trap 'exit 130' INT TERM
port=$(free_port)
dns_port=${DNS_PORT:-$(free_port)}
https_port=${HTTPS_PORT:-$(free_port)}
for kind in p n; do
    case $kind in
    p) file=policy ;;
    n) file=none ;;
    esac
    seq -f "$kind%05g.bench.example" 0 $((COUNT - 1)) >"$run/$file"
    head -n 300 "$run/$file" >"$run/few-$file"
done
echo first.bench.example >"$run/first"
make_certificates
start_dns
start_https
write_conf
SSL_CERT_FILE=$run/ca.pem
export SSL_CERT_FILE
servers=aver
[ -z "$PEER_CMD" ] || servers="peer aver"
for rep in $(seq "$REPS"); do
    for conc_now in $CONCS; do
        for server in $servers; do
            turn
        done
    done
    echo "bench: repetition $rep of $REPS done" >&2
done | table
