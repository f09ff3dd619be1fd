#!/bin/bash
# Runs all harnesses of a build made with -Dfuzz=true for FUZZ_SECONDS (300) in all, as many at a
# time as there are processors. What is found is kept as build/artifacts/NAME-...; put it into
# fuzz/corpus/NAME/ with the repair.
#    tools/fuzz.sh BUILD [NAME...]
set -u
build=$1
shift
cd "$(dirname "$0")/.." || exit 2
budget=${FUZZ_SECONDS:-300}
jobs=$(nproc)
if [ $# -gt 0 ]; then
    harnesses=("${@/#/$build/fuzz/fuzz_}")
else
    harnesses=()
    for h in "$build"/fuzz/fuzz_*; do
        [ -f "$h" ] && [ -x "$h" ] && harnesses+=("$h")
    done
fi
[ ${#harnesses[@]} -gt 0 ] || { echo "no harness in $build/fuzz"; exit 2; }
rounds=$(((${#harnesses[@]} + jobs - 1) / jobs))
each=$((budget / rounds))
[ "$each" -gt 0 ] || each=1
mkdir -p "$build/artifacts" "$build/corpus" "$build/fuzz-logs"

fuzz_one() {
    local name=${1##*/fuzz_} log
    log=$build/fuzz-logs/$name
    mkdir -p "$build/corpus/$name"
    local seeds=()
    [ -d "fuzz/corpus/$name" ] && seeds=("fuzz/corpus/$name")
    if "$1" -max_total_time="$each" -timeout=25 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/artifacts/$name-" "$build/corpus/$name" "${seeds[@]}" >"$log" 2>&1; then
        awk -v name="$name" '/number_of_executed_units/ { n = $2 }
            END { printf "  %-16s %d inputs, nothing found\n", name, n }' "$log"
    else
        echo "  $name: FAILED, see $log"
        tail -n 40 "$log"
        return 1
    fi
}

echo "fuzzing ${#harnesses[@]} harnesses, $each s each, $jobs at a time"
failed=0 running=0
for h in "${harnesses[@]}"; do
    if [ "$running" -ge "$jobs" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    fuzz_one "$h" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
exit $failed
