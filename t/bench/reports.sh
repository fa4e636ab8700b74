#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
#
# What reports cost: EVALUATIONS recorded over DOMAINS policy domains become
# signed reports in a directory; and one domain with as many distinct rows.
# Then SESSIONS results of TLS sessions become a report for each domain. Beside
# it Mail::DMARC, where it is installed, records a share of the data, and so does
# OpenDMARC, whose scripts also send reports, where they are named.
#
# usage: reports.sh SRCDIR BUILDDIR      (or: make bench-reports)
#
# Environment: EVALUATIONS=1000000 DOMAINS=10000 SESSIONS=100000 PEERS=yes|no,
# and commands for the shell, which are to know their database and where reports
# go to:
#   OPENDMARC_IMPORT  reads history on standard input (opendmarc-import)
#   OPENDMARC_READY   makes what was imported due to be reported; may be empty
#   OPENDMARC_REPORTS makes and sends the reports (opendmarc-reports)
# PEER_EVALUATIONS=5000 PEER_DOMAINS=100 is what these get, and aver-report
# the same beside them.
#
# The DNS is a zone file (aver-report --zone), so that no server's speed is
# measured. As root the programs run as nobody.

src=${1:?usage: reports.sh SRCDIR BUILDDIR}
build=${2:?usage: reports.sh SRCDIR BUILDDIR}
: "${EVALUATIONS:=1000000}" "${DOMAINS:=10000}" "${PEERS:=yes}"
: "${SESSIONS:=100000}" "${PEER_EVALUATIONS:=5000}" "${PEER_DOMAINS:=100}"
day=1793491200 # 2026-11-01

fail() {
    echo "bench-reports: $*" >&2
    exit 1
}

# seconds of wall clock, user and system time, and kB, of a command
measure() {
    python3 - "$@" <<'PY'
import os
import resource
import subprocess
import sys
import time
t = time.monotonic()
r = subprocess.run(sys.argv[2:], stderr=open(sys.argv[1], "w"),
                   stdout=subprocess.DEVNULL)
u = resource.getrusage(resource.RUSAGE_CHILDREN)
print("%.1f s, CPU %.1f + %.1f s, %d MB%s" % (
    time.monotonic() - t, u.ru_utime, u.ru_stime, u.ru_maxrss // 1024,
    "" if r.returncode == 0 else "  FAILED: exit %d" % r.returncode))
PY
}

# a store, a configuration, a zone: prepare NAME DOMAINS [distinct]
prepare() {
    dir=$run/$1
    mkdir -p "$dir/out"
    cat >"$dir/aver.conf" <<CONF
user = nobody
log_destination = stderr
state_directory = $dir
store = sqlite:$dir/aver.db
report_email = dmarc-reports@reporter.example
report_transport = directory:$dir/out
report_spread = 0
tls_report_spread = 0
report_dkim_selector = s1
report_dkim_key_file = $dir/key.pem
CONF
    openssl genrsa -out "$dir/key.pem" 2048 2>/dev/null || fail "no key"
    chmod 600 "$dir/key.pem"
    awk -v n="$2" 'BEGIN { for (i = 0; i < n; i++) {
        printf "_dmarc.d%d.example. TXT \"v=DMARC1; p=reject; " \
            "rua=mailto:rua@d%d.example\"\n", i, i
        printf "_smtp._tls.d%d.example. TXT \"v=TLSRPTv1; " \
            "rua=mailto:rua@d%d.example\"\n", i, i
        printf "d%d.example. MX 1 mx.d%d.example.\n", i, i } }' >"$dir/zone"
    if [ "$1" = tls ]; then
        echo "fill $1: $(measure "$dir/fill.log" "$build/t/integ/filltls" \
            "sqlite:$dir/aver.db" "$2" "$SESSIONS" $day 1)"
    else
        echo "fill $1: $(measure "$dir/fill.log" "$build/t/integ/fill" \
            "sqlite:$dir/aver.db" "$2" "$EVALUATIONS" $day 1 $3)"
    fi
    [ "$(id -u)" != 0 ] || chown -R nobody "$dir"
}

aver_report() { # NAME COMMAND WHAT
    echo "aver-report $2, $3: $(measure "$run/$1/log" \
        "$build/aver-report" -f -c "$run/$1/aver.conf" "$2" \
        --now $((day + 86400 + 600)) --zone "$run/$1/zone")"
    sed -n 's/.*: run: /    /p' "$run/$1/log"
    echo "    $(find "$run/$1/out" -name '*.eml' | wc -l) messages," \
        "$(du -sk "$run/$1/out" | cut -f1) kB"
}

# a share of the data, recorded in the peer's own way; what it sends it would
# send one by one over SMTP to the real addresses, so it is not asked to
mail_dmarc() {
    n=$((EVALUATIONS / 500)) d=$((DOMAINS / 500))
    [ "$d" -gt 0 ] || d=1
    cat >"$run/mail-dmarc.ini" <<INI
[organization]
domain = reporter.example.net
org_name = bench
email = dmarc-reports@reporter.example.net
[report_store]
backend = SQL
dsn = dbi:SQLite:dbname=$run/mail-dmarc.db
INI
    cat >"$run/mail-dmarc.pl" <<'PERL'
use strict; use warnings; use Mail::DMARC::PurePerl;
use Mail::DMARC::Policy; use Time::HiRes 'time';
my ($n, $d) = @ARGV; my $t = time; my $made = 0;
for my $i (1 .. $n) {
    my $name = sprintf 'd%d.example.com', $i % $d;
    my $m = Mail::DMARC::PurePerl->new;
    $m->source_ip('100.0.' . int($i / 250) % 250 . '.' . $i % 250);
    $m->envelope_to('reporter.example.net');
    $m->envelope_from($name); $m->header_from($name);
    $m->dkim([{domain => $name, selector => 's', result => 'pass'}]);
    $m->spf([{scope => 'mfrom', domain => $name, result => 'pass'}]);
    my $policy = Mail::DMARC::Policy->new(
        "v=DMARC1; p=reject; rua=mailto:rua\@$name");
    $policy->domain($name); $m->result->published($policy);
    $m->result->result('pass'); $m->result->disposition('none');
    $m->result->dkim('pass'); $m->result->spf('pass');
    eval { $m->save_aggregate; $made++; 1 } or $i > 2 or print STDERR $@;
}
printf "%d evaluations recorded in %.1f s: %.0f a second\n", $made,
    time - $t, $made / (time - $t);
PERL
    echo "Mail::DMARC, $n evaluations of $d domains, recorded only:"
    (cd "$run" && MAIL_DMARC_CONFIG_FILE=$run/mail-dmarc.ini \
        perl mail-dmarc.pl $n $d 2>&1 | tail -n 1 | sed 's/^/    /')
}

# OpenDMARC's history of as many evaluations: its numbers 0, 2 and 7 are pass,
# fail and none of SPF and DKIM, 4 and 5 aligned or not, 114 is "r"
make_history() {
    awk -v n="$PEER_EVALUATIONS" -v d="$PEER_DOMAINS" -v at=$day 'BEGIN {
        for (i = 0; i < n; i++) {
            name = "d" i % d ".example"
            ok = i % 9 > 0
            printf "job %010d\nreporter mx.reporter.example\n" \
                "received %d\nipaddr 198.51.%d.%d\nfrom %s\nmfrom %s\n" \
                "dkim %s r1 %d\nspf %d\npdomain %s\npolicy %d\n" \
                "rua mailto:rua@%s\npct 100\nadkim 114\naspf 114\np 114\n" \
                "sp 0\nalign_dkim %d\nalign_spf %d\narc 7\n" \
                "arc_policy 0 json:[]\naction %d\n", i, at + i % 86400,
                i % 250, 1 + int(i / 250) % 250, name, name, name,
                ok ? 0 : 7, ok ? 0 : 2, name, ok ? 15 : 16, name,
                ok ? 4 : 5, ok ? 4 : 5, ok ? 2 : 0
        } }'
}

peer() {
    echo "$1: $(measure "$run/peer.log" sh -c "{ $2; } <'$run/history'")"
    tail -n 1 "$run/peer.log" | cut -c1-100 | sed 's/^/    /'
}

opendmarc() {
    make_history >"$run/history"
    what="$PEER_EVALUATIONS evaluations of $PEER_DOMAINS domains"
    peer "opendmarc-import, $what" "$OPENDMARC_IMPORT"
    [ -z "${OPENDMARC_READY:-}" ] || sh -c "$OPENDMARC_READY" ||
        fail "OPENDMARC_READY failed"
    [ -z "${OPENDMARC_REPORTS:-}" ] ||
        peer "opendmarc-reports, $what" "$OPENDMARC_REPORTS"
    EVALUATIONS=$PEER_EVALUATIONS
    prepare beside "$PEER_DOMAINS"
    aver_report beside dmarc "$what"
}

for program in openssl python3 awk; do
    command -v $program >/dev/null || fail "$program is missing"
done
[ -x "$build/aver-report" ] && [ -x "$build/t/integ/fill" ] &&
    [ -x "$build/t/integ/filltls" ] ||
    fail "build aver-report, t/integ/fill and t/integ/filltls first"
[ -d "$src/t/bench" ] || fail "$src is no source tree"
run=$(mktemp -d) || exit 1
chmod 755 "$run"
trap 'rm -rf "$run"' EXIT
trap 'exit 1' INT TERM

echo "$(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
prepare many "$DOMAINS"
aver_report many dmarc "$EVALUATIONS evaluations of $DOMAINS domains"
prepare one 1 distinct
aver_report one dmarc "$EVALUATIONS evaluations of one domain, all different"
prepare tls "$DOMAINS"
aver_report tls tls "$SESSIONS sessions with $DOMAINS domains"
if [ "$PEERS" = yes ] && perl -MMail::DMARC::PurePerl -e 1 2>/dev/null; then
    mail_dmarc
fi
if [ "$PEERS" = yes ] && [ -n "${OPENDMARC_IMPORT:-}" ]; then
    opendmarc
fi
