#!/bin/bash
# The main job on real input: a collector, and a probe metering this machine's own traffic into it.
# Ctrl-C ends both; nothing that the probe had metered is lost.
#    WEIR_PORT       port of the collector on 127.0.0.1 (2055)
#    WEIR_STORE      where flows are kept (./var)
#    RUN_SECONDS     end by itself after so many seconds (0: run until Ctrl-C)
set -u
cd "$(dirname "$0")/.." || exit 2
port=${WEIR_PORT:-2055} store=${WEIR_STORE:-./var} seconds=${RUN_SECONDS:-0}
build=${BUILD:-build}
weir=$build/src/cli/weir
work=$store/run
begin="@$(date +%s)"
collector='' probe='' stop=''
asked="$weir query" # as the user would type it
[ "$store" = ./var ] || asked="$asked --store $store"

if [ "$(id -u)" != 0 ]; then
    cat <<END
Metering this machine's traffic needs root:
    sudo make run
Without it, collect what a router or a probe sends you:
    $weir collect --listen 0.0.0.0:$port --store $store
and ask:
    $weir query --store $store --last 1h --by src_addr
END
    exit 1
fi

# In a session of its own, so that Ctrl-C reaches this script only; if the script dies, it ends too.
# To be run with &.
start() { exec setpriv --pdeathsig TERM setsid "$@" </dev/null; }

# Wait until process $1 has ended, for $2 seconds at most.
gone() {
    local end=$((SECONDS + $2))
    while kill -0 "$1" 2>/dev/null; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# The probe first, which sends what it has; then the collector, which keeps it. In that order.
finish() {
    local status=0
    trap '' INT TERM HUP
    if [ -n "$probe" ]; then
        kill -TERM "$probe" 2>/dev/null
        gone "$probe" 10 || { echo "the probe did not end; it is killed"; kill -KILL "$probe"; }
        grep -h '^metered ' "$work/probe.log"
    fi
    if [ -n "$collector" ]; then
        kill -TERM "$collector" 2>/dev/null
        wait "$collector" || status=1
        grep -h ' stopped ' "$work/collect.log"
    fi
    return $status
}
trap 'stop=1' INT TERM HUP

fail() { # LOG TEXT
    echo "$2" >&2
    tail -n 5 "$1" >&2
    finish
    exit 1
}

# Wait until process $1 has written $2 to its log $3; false: it has ended before.
begun() {
    until grep -qs "$2" "$3"; do
        kill -0 "$1" 2>/dev/null || return 1
        [ -z "$stop" ] || { finish; exit; }
        sleep 0.05
    done
}

flows() { "$weir" query --store "$store" --from "$begin" --by version --top 0 --format jsonl 2>/dev/null; }
flow_count() { flows | sed -n 's/.*"flows":\([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n + 0 }'; }

mkdir -p "$work"
start "$weir" collect --listen "127.0.0.1:$port" --store "$store" 2>"$work/collect.log" &
collector=$!
begun "$collector" ' ready ' "$work/collect.log" || {
    collector=
    fail "$work/collect.log" "The collector did not start; another port: WEIR_PORT=9995 make run"
}
echo "Collecting on 127.0.0.1:$port (UDP) into $store, log in $work/collect.log"

# What comes in at each interface, and what leaves; of loopback only what comes, which is the same.
# Short times, so that flows come within seconds.
configuration() {
    cat <<END
flow exporter HERE
 destination 127.0.0.1
 transport udp $port
 option interface-table timeout 60
END
    for family in 4 6; do
        cat <<END
flow record IPV$family
 match ipv$family source address
 match ipv$family destination address
 match ip protocol
 match ip tos
 match transport source-port
 match transport destination-port
 match interface input
 match interface output
 collect counter bytes long
 collect counter packets long
 collect transport tcp flags
 collect timestamp sys-uptime first
 collect timestamp sys-uptime last
flow monitor IPV$family
 record IPV$family
 exporter HERE
 cache timeout active 3
 cache timeout inactive 3
 cache timeout tcp-fin 1
 cache timeout tcp-rst 1
END
    done
    for dev in /sys/class/net/*; do
        [ $(($(cat "$dev/flags") & 1)) = 1 ] || continue
        case $(cat "$dev/type") in
        1) ways='input output' ;; # Ethernet
        772) ways=input ;;        # loopback
        *) continue ;;
        esac
        echo "interface ${dev##*/}"
        for way in $ways; do
            echo " ip flow monitor IPV4 $way"
            echo " ipv6 flow monitor IPV6 $way"
        done
    done
}
configuration >"$work/probe.conf"
RUNTIME_DIRECTORY=$(realpath "$work") start "$weir" probe --config "$work/probe.conf" 2>"$work/probe.log" &
probe=$!
begun "$probe" ' metering ' "$work/probe.log" || {
    probe=
    fail "$work/probe.log" "The probe did not start:"
}
echo "Metering all interfaces, as $work/probe.conf says; the first flows come within seconds"

shown='' next=3
SECONDS=0
while [ -z "$stop" ]; do
    sleep 0.2
    kill -0 "$collector" 2>/dev/null || fail "$work/collect.log" "The collector has ended:"
    kill -0 "$probe" 2>/dev/null || {
        probe=
        fail "$work/probe.log" "The probe has ended:"
    }
    [ "$seconds" = 0 ] || [ $SECONDS -lt "$seconds" ] || stop=1
    [ $SECONDS -ge $next ] || continue
    n=$(flow_count)
    next=$((SECONDS + 10))
    if [ "$n" = 0 ]; then
        [ $((SECONDS % 5)) != 0 ] ||
            echo "no flows yet: this machine is quiet; any traffic will do, such as apt-get update"
        next=$((SECONDS + 1))
    elif [ -z "$shown" ]; then
        shown=1
        echo
        "$weir" query --store "$store" --from "$begin" --by src_addr,dst_addr --sort bytes --top 10
        cat <<END

Ask more, in another terminal:
    $asked --last 5m --by proto,dst_port --sort bytes
    $asked --last 5m 'proto tcp and dst port 443' --top 20
    $asked --last 1h --by time/1m,src_addr --format csv
    $weir show collect --store $store
    $weir show probe --store $store
Ctrl-C ends it.
END
    else
        echo "$(date +%T)  $n flows so far"
    fi
done

echo
echo "Ending: the probe sends what it has, the collector writes it down"
finish
status=$?
echo
"$weir" query --store "$store" --from "$begin" --by proto --sort bytes --top 5 2>/dev/null
echo "$(flow_count) flows of this run are in $store; ask any time: $asked --last 1h --by src_addr"
exit $status
