#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
# Every .c and .h is as clang-format 14 writes it with our .clang-format.
top=${top_srcdir:-$(dirname "$0")/../..}
cd "$top" || exit 1

tool=
for t in clang-format-14 clang-format; do
    if command -v $t >/dev/null 2>&1 &&
        $t --version | grep -q 'version 14\.'; then
        tool=$t
        break
    fi
done
if [ -z "$tool" ]; then
    echo '1..0 # SKIP clang-format 14 is not installed'
    exit 0
fi

bad=$(find . -name 'build*' -prune -o -name .git -prune -o \
    -name 'aver-*' -prune -o -name config.h -prune -o \
    -type f -name '*.[ch]' -print0 |
    TOOL=$tool xargs -0 -n 16 -P 2 sh -c '
        said=$("$TOOL" --dry-run -Werror "$@" 2>&1)
        printf "%s\n" "$said"' sh |
    grep -E '^[^ ]+: ')
if [ -z "$bad" ]; then
    echo 'ok 1 - formatted'
else
    echo 'not ok 1 - formatted'
    echo "$bad" | cut -d: -f1 | sort | uniq -c | sed 's/^/# /'
fi
echo 1..1
[ -z "$bad" ]
