#!/bin/sh
# Makes a Python environment in DIR for the end-to-end tests: Debian's pytest, and pyarrow and duckdb
# from PyPI as second opinions on our Parquet files. Tests that need one of them are skipped by name
# where it cannot be had.
#    tools/venv.sh DIR
set -eu
dir=$1
# Another python3 may come first in PATH; Debian's sees Debian's pytest.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
[ -x "$dir/bin/python" ] || "$python" -m venv --system-site-packages "$dir"
for module in pytest pyarrow duckdb; do
    "$dir/bin/python" -c "import $module" 2>/dev/null && continue
    "$dir/bin/python" -m pip install -q --disable-pip-version-check "$module" ||
        echo "venv: no $module to be had; tests that need it are skipped" >&2
done
