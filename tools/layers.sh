#!/bin/sh
# Every #include "dir/x.h" in src/ goes to its own folder or to one named in layers.txt.
cd "$(dirname "$0")/.." || exit 2
grep -rnE '^#[ ]*include "' src | awk -F'[:"/]' '
    BEGIN { while ((getline l < "tools/layers.txt") > 0) {
                n = split(l, w, /[: ]+/); for (i = 2; i <= n; i++) ok[w[1] "/" w[i]] = 1 } }
    { from = $2; match($0, /include "[^\/"]*/); to = substr($0, RSTART + 9, RLENGTH - 9)
      if (from != to && !ok[from "/" to]) { print; bad = 1 } }
    END { exit bad }'
