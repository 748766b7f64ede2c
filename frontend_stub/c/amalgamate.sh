#!/bin/sh
# Make stockade.c, the one source that users take, of the sections in src/: `./amalgamate.sh`, or with `--check` say
# whether it is what they make.
set -eu
cd "$(dirname "$0")"
sections="containers wire reading writing errors writers grants outbox state channels calls asking handled events session
verbs link turns face_calls face_events face_handling face"
made=$(mktemp)
trap 'rm -f "$made"' EXIT
{
    echo '/* stockade.c - the stub for C workers of Stockade, whole: see stockade.h, and README.md beside it.'
    echo ' *'
    echo ' * Made by amalgamate.sh of the sections in src/: edit those.'
    echo ' *'
    echo ' * SPDX-License-Identifier: MIT'
    echo ' */'
    echo '#ifndef _GNU_SOURCE'
    echo '#define _GNU_SOURCE /* F_DUPFD_CLOEXEC, O_CLOEXEC, clock_gettime under -std=c11 */'
    echo '#endif'
    echo
    cat $(for each in $sections; do echo "src/$each.h"; done) | sed -n 's/^#include </#include </p' | sort -u
    echo
    echo '#include "stockade.h"'
    for each in $sections; do
        echo
        sed -e '/^#ifndef STOCKADE_SRC_/d' -e '/^#define STOCKADE_SRC_/d' -e '/^#include /d' -e '$d' "src/$each.h"
    done
} > "$made"
if [ "${1:-}" = --check ]; then
    cmp "$made" stockade.c || { echo "stockade.c is not what src/ makes: run ./amalgamate.sh" >&2; exit 1; }
else
    cp "$made" stockade.c
    chmod 644 stockade.c
fi
