#!/bin/sh
# A million calls, of every kind, under valgrind: nothing lost, nothing read that was not written, and flat.
# `tests/memory.sh [COUNT]`; with PLAIN=1 without valgrind.
set -eu
cd "$(dirname "$0")/.."
million=build/tests/million
if [ -n "${PLAIN:-}" ]; then
    exec "$million" core -- "$million" worker "${1:-1000000}"
fi
exec "$million" core -- valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect,possible \
    --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=99 "$million" worker "${1:-1000000}"
