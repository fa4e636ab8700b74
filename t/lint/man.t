#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
# The manual pages, written and generated, as mandoc reads them.
top=${top_srcdir:-$(dirname "$0")/../..}
build=${top_builddir:-$top}

if ! command -v mandoc >/dev/null 2>&1; then
    echo '1..0 # SKIP mandoc is not installed'
    exit 0
fi
n=0
failed=0
pages=$(find "$top/man" "$build/man" -maxdepth 1 -name '*.[1-9]' 2>/dev/null |
    sort -u)
for page in $pages; do
    n=$((n + 1))
    said=$(mandoc -Tlint -W warning "$page" 2>&1)
    if [ -z "$said" ]; then
        echo "ok $n - $(basename "$page")"
    else
        echo "not ok $n - $(basename "$page")"
        echo "$said" | sed 's/^/# /'
        failed=1
    fi
done
# what is to be copied must not be broken: 78 columns less the indentation
n=$((n + 1))
long=$(grep -nE '^\.Dl .{68}' $pages)
if [ -z "$long" ]; then
    echo "ok $n - a displayed line is one line"
else
    echo "not ok $n - a displayed line is one line"
    echo "$long" | sed 's/^/# /'
    failed=1
fi
n=$((n + 1))
if [ "$n" -gt 2 ]; then
    echo "ok $n - there are pages"
else
    echo "not ok $n - there are pages"
    failed=1
fi
echo "1..$n"
exit $failed
