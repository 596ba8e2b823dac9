#!/bin/sh
# Golden programs: sh tests/golden/run.sh BUILD [STAGE]…
#
# tests/golden/STAGE/NAME.reg is run in a folder of its own; what it prints must be NAME.out, what it reports NAME.err (with a last
# line `exit N` when N is not 0). A missing file stands for an empty one. STAGE/command holds the words to call reg with, where
# FILE stands for the program (also its standard input); without it: run --quiet FILE. A program whose first line is `# reg WORDS`
# is called so. BLESS=1 writes the expected files instead.
here=$(cd "$(dirname "$0")" && pwd)

if [ "$1" = --one ]; then
    build=$2 file=$3
    stage=$(basename "$(dirname "$file")") name=$(basename "$file" .reg)
    work=$build/golden/$stage/$name
    rm -rf "$work" && mkdir -p "$work" || exit 1
    ln -s "$(dirname "$file")"/* "$work"
    cd "$work" || exit 1
    command='run --quiet FILE'
    [ -f "$here/$stage/command" ] && command=$(cat "$here/$stage/command")
    first=$(head -1 "$name.reg" | tr -d '\000')
    case $first in "# reg "*) command=${first#"# reg "} ;; "# reg") command= ;; esac
    # shellcheck disable=SC2046
    timeout "${TEST_SECONDS:-120}" "$build/reg" $(printf %s "$command" | sed "s/FILE/$name.reg/") < "$name.reg" > "$build/golden/$stage/$name.out" 2> "$build/golden/$stage/$name.err"
    code=$?
    [ $code -ne 0 ] && echo "exit $code" >> "$build/golden/$stage/$name.err"
    same=true
    for ending in out err; do
        found=$build/golden/$stage/$name.$ending expected=$here/$stage/$name.$ending
        if [ -n "$BLESS" ]; then
            if [ -s "$found" ]; then cmp -s "$found" "$expected" || { cp "$found" "$expected"; echo "wrote tests/golden/$stage/$name.$ending"; }
            else rm -f "$expected"; fi
            continue
        fi
        [ -f "$expected" ] || expected=/dev/null
        diff -u --label "expected $name.$ending" --label "found $name.$ending" "$expected" "$found" > "$found.diff" || { same=false; head -40 "$found.diff"; }
    done
    $same && { touch "$work/passed"; exit 0; }
    echo "FAIL  golden $stage/$name"
    exit 1
fi

build=$(cd "$1" && pwd) || exit 1
shift
[ $# -eq 0 ] && set -- $(cd "$here" && ls -d */ | tr -d /)
failed=0
for stage; do
    [ -d "$here/$stage" ] || continue
    count=$(ls "$here/$stage" | grep -c '\.reg$')
    rm -rf "$build/golden/$stage" && mkdir -p "$build/golden/$stage"
    ls "$here/$stage"/*.reg 2> /dev/null | xargs -r -P 2 -n 1 sh "$here/run.sh" --one "$build"
    [ -n "$BLESS" ] && continue
    passed=$(ls "$build/golden/$stage"/*/passed 2> /dev/null | wc -l)
    failed=$((failed + count - passed))
    echo "golden $stage: $count programs, $((count - passed)) failed"
done
[ $failed -eq 0 ]
