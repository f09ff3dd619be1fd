#!/bin/sh
# src/README.md has a line for each module in src/, under its folder, and none for what is gone.
cd "$(dirname "$0")/.." || exit 2
have=$(mktemp) want=$(mktemp)
trap 'rm -f "$have" "$want"' EXIT
awk '/^## / { sub(":.*", "", $2); dir = $2 }
    /^- `/ { split($0, w, "`"); sub(/\.[ch]$/, "", w[2]); print dir "/" w[2] }' src/README.md | sort >"$have"
find src -name '*.[ch]' ! -name '*_test.c' | sed 's|^src/||; s|\.[ch]$||' | sort -u >"$want"
diff "$have" "$want" && exit 0
echo "readme: src/README.md (<) and src/ (>) differ" >&2
exit 1
