#!/bin/sh
# Runs every example: sh tests/examples.sh BUILD. Where a script has a top-level `let short`, it is set to true, so that all end
# within minutes; FULL=1 runs them as they stand and keeps what they print below BUILD/experiments.
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd) || exit 1
folder=$build/examples
[ -n "$FULL" ] && folder=$build/experiments
failed=0 count=0
[ -z "$FULL" ] || { mkdir -p "$folder" && : > "$folder/table.txt"; }

# An entry of the table: the claim that the script states, what it measured, whether that is so.
record() {
    printf '%s: %s\n  claim\n' "$(basename "$1" .reg)" "$2"
    sed -n '/^#/!q; s/^# */    /p' "$1"
    printf '  measured\n'
    sed 's/^/    /' output.txt
    [ "$2" = holds ] || sed -n 's/^/    /; /error/,/^ *$/p' errors.txt
    echo
}

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
        verdict=holds
    else
        failed=$((failed + 1))
        [ -n "$FULL" ] || tail -n 20 output.txt errors.txt
        echo "FAIL  example $name"
        verdict='does not hold'
    fi
    [ -z "$FULL" ] || record "$file" "$verdict" >> "$folder/table.txt"
done
[ -z "$FULL" ] || { echo; cat "$folder/table.txt"; }
echo "examples: $count scripts, $failed failed"
[ $failed -eq 0 ]
