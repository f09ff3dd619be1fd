#!/bin/sh
# Installs what is missing of Debian's packages when run by root, and names it otherwise.
#    tools/deps.sh LIST...        LIST: build test bench lint
set -eu
build="make gcc libc6-dev meson ninja-build pkg-config libzstd-dev liblz4-dev libxxhash-dev libpcap-dev zlib1g-dev libjansson-dev libmaxminddb-dev libndpi-dev libcmocka-dev"
test="libndpi-bin clang libclang-rt-dev python3 python3-venv python3-pytest softflowd fprobe pmacct nfdump tshark man-db groff gnuplot-nox"
bench="nfdump valgrind"
lint="clang clang-tidy clang-format cppcheck"

if ! command -v dpkg-query >/dev/null; then
    echo "deps: this is no Debian; what Debian calls the packages is in tools/deps.sh" >&2
    exit 0
fi
missing=
for list in "$@"; do
    eval "names=\$$list"
    for name in $names; do
        case $(dpkg-query -W -f '${Status}' "$name" 2>/dev/null || true) in
        "install ok installed") ;;
        *) missing="$missing $name" ;;
        esac
    done
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "deps: these packages are missing; install them with" >&2
    echo "    sudo apt-get install$missing" >&2
    exit 1
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the names are words
{
    apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 ||
        { apt-get update -q && apt-get install -y -q --no-install-recommends $missing; }
}
