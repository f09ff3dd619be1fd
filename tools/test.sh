#!/bin/bash
# All tests, as `make test` and `make test-long` run them. Each step writes its log to build/logs;
# a step that fails shows it, and the others run all the same. The last line is the sum of all.
#    FUZZ_SECONDS    for fuzzing, over all harnesses (180)
#    WEIR_LONG=1     the long forms of tests that have one
#    ONLY=step,...   these steps only
set -u
cd "$(dirname "$0")/.." || exit 2
logs=build/logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export ASAN_OPTIONS=detect_stack_use_after_return=1
export FUZZ_SECONDS=${FUZZ_SECONDS:-180}

# Number before a word in the log's text: "12 passed".
number() { grep -oE "[0-9]+ $1" "$2" | tail -n 1 | grep -oE '^[0-9]+' || echo 0; }

# meson's summary is "Ok: 12", one a line.
meson_number() { awk -v key="$1:" '$0 ~ "^" key { n = $NF } END { print n + 0 }' "$2"; }

# Set p, f and s to what the log of a step counts.
count() {
    local kind=$1 log=$2 status=$3
    p=0 f=0 s=0
    case $kind in
    meson)
        p=$(meson_number Ok "$log")
        s=$(meson_number Skipped "$log")
        f=$(($(meson_number Fail "$log") + $(meson_number Timeout "$log") + $(meson_number 'Unexpected Pass' "$log")))
        ;;
    pytest)
        p=$(number passed "$log")
        s=$(number skipped "$log")
        f=$(($(number failed "$log") + $(number 'errors?' "$log")))
        ;;
    esac
    # A step that counts nothing is one test; one that fails without naming a test is one failure.
    if [ "$status" != 0 ]; then
        [ "$f" -gt 0 ] || f=1
    elif [ $((p + s + f)) = 0 ]; then
        p=1
    fi
}

# step KIND NAME COMMAND...
step() {
    local kind=$1 name=$2 log="$logs/$2.log" start=$SECONDS status=0 p f s
    shift 2
    [ -z "${ONLY:-}" ] || [[ ",$ONLY," == *",$name,"* ]] || return 0
    printf '%-12s ' "$name"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    count "$kind" "$log" "$status"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '%d passed, %d failed, %d skipped (%d s)\n' "$p" "$f" "$s" $((SECONDS - start))
    if [ "$status" != 0 ]; then
        printf -- '---- the end of %s ----\n' "$log"
        tail -n 60 "$log"
        echo ----
    fi
}

build() { # DIR OPTION...
    local dir=$1
    shift
    if [ -f "$dir/build.ninja" ]; then
        meson configure "$dir" -Dwerror=true "$@" && ninja -C "$dir"
    else
        meson setup "$dir" -Dwerror=true "$@" && ninja -C "$dir"
    fi
}
with_clang() { CC=clang "$@"; }
asan=(-Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=all)
unit() { meson test -C "$1" --no-rebuild --print-errorlogs --timeout-multiplier "$2"; }
e2e() { WEIR=$PWD/$1/src/cli/weir build/venv/bin/python -m pytest -q tests; }

step build gcc build build
step build clang with_clang build build-clang
step build sanitized build build-asan -Dbench=false "${asan[@]}"
step meson unit unit build 3
step meson unit-asan unit build-asan 10
step build venv tools/venv.sh build/venv
step pytest e2e e2e build
step pytest e2e-asan e2e build-asan
step build fuzz-build with_clang build build-fuzz -Dfuzz=true -Dbench=false "${asan[@]}"
step build fuzz tools/fuzz.sh build-fuzz

grep -hE '^SKIPPED' "$logs"/e2e.log 2>/dev/null | sort -u
echo "$passed passed, $failed failed, $skipped skipped" | tee build/test-result
[ "$failed" = 0 ]
