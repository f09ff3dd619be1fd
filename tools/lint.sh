#!/bin/bash
# clang-format (does it look like it should), clang-tidy and cppcheck over all C files.
#    tools/lint.sh [FILE.c...]
set -u
cd "$(dirname "$0")/.." || exit 2
failed=0
files=("$@")
[ $# -gt 0 ] || mapfile -t files < <(git ls-files 'src/*.c' 'fuzz/*.c' 'bench/*.c' 'tools/*.c' 'tests/*.c')
mapfile -t headers < <(git ls-files '*.h')

# clang's own build, since clang-tidy does not know gcc's warnings.
[ -f build-clang/build.ninja ] || CC=clang meson setup build-clang >/dev/null || exit 2

echo "clang-format"
clang-format --dry-run -Werror "${files[@]}" "${headers[@]}" || failed=1
echo "clang-tidy"
printf '%s\0' "${files[@]}" |
    xargs -0 -P "$(nproc)" -n 4 clang-tidy -p build-clang --quiet 2>/dev/null || failed=1
echo "cppcheck"
cppcheck --quiet -j "$(nproc)" --std=c11 --library=posix --library=gnu \
    --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
    --suppressions-list=tools/cppcheck.txt -D_GNU_SOURCE -Isrc -Ifuzz -Ibench "${files[@]}" || failed=1
echo "functions that write without a bound"
git ls-files 'src/*.c' 'bench/*.c' 'fuzz/*.c' 'tools/*.c' | grep -v '_test\.c$' |
    xargs grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets)\(' && failed=1
exit $failed
