#!/bin/sh
# Each C program in README.md compiles, without a warning: `tests/readme.sh CC`.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
awk -v folder="$folder" '/^```c$/ { file = folder "/" ++count ".c"; next } /^```/ { file = "" } file { print > file }' README.md
count=0
for each in "$folder"/*.c; do
    "${1:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -Wconversion -I. -fsyntax-only "$each"
    count=$((count + 1))
done
echo "$count programs"
test "$count" -ge 4
