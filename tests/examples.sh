#!/bin/sh
# Runs every example: sh tests/examples.sh BUILD. Where a script has a top-level `let short`, it is set to true, so that all end
# within minutes; FULL=1 runs them as they stand and keeps what they print below BUILD/experiments.
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd) || exit 1
folder=$build/examples
[ -n "$FULL" ] && folder=$build/experiments
failed=0 count=0
for file in "$root"/examples/*.reg; do
    [ -f "$file" ] || continue
    name=$(basename "$file" .reg) count=$((count + 1))
    mkdir -p "$folder/$name" && cd "$folder/$name" || exit 1
    setting=
    [ -z "$FULL" ] && grep -Eq '^let +short *=' "$file" && setting='--set short=true'
    began=$(date +%s)
    # shellcheck disable=SC2086
    if timeout "${TEST_SECONDS:-${FULL:+7}200}" "$build/reg" run --quiet $setting "$file" > output.txt 2> errors.txt; then
        echo "ok    example $name ($(($(date +%s) - began)) s)"
        [ -n "$FULL" ] && cat output.txt
    else
        failed=$((failed + 1))
        tail -20 output.txt errors.txt
        echo "FAIL  example $name"
    fi
done
echo "examples: $count scripts, $failed failed"
[ $failed -eq 0 ]
