#!/bin/sh
# Golden programs: sh tests/golden/run.sh BUILD [STAGE]…
#
# tests/golden/STAGE/NAME.reg is run in a folder of its own; what it prints must be NAME.out, what it reports NAME.err (with a last
# line `exit N` when N is not 0). A missing file stands for an empty one. STAGE/command holds the words to call reg with, where
# FILE stands for the program (also its standard input); without it: run --quiet FILE. A program whose first line is `# reg WORDS`
# is called so. STAGE/again holds words for a second run, which must give the same. With STAGE/compiled every program is also made a
# native one, which must give the same (or, when it does not compile, report the same). BLESS=1 writes the expected files instead.
here=$(cd "$(dirname "$0")" && pwd)

fresh() { rm -rf "$work" && mkdir -p "$work" && ln -s "$here/$stage"/* "$work" && cd "$work" || exit 1; }

# once OUT ERR PROGRAM WORDS…
once() {
    out=$1 err=$2
    shift 2
    timeout "${TEST_SECONDS:-120}" "$@" < "$name.reg" > "$out" 2> "$err"
    code=$?
    [ $code -ne 0 ] && echo "exit $code" >> "$err"
}

same() { # EXPECTED FOUND TITLE
    [ -f "$1" ] && expected=$1 || expected=/dev/null
    diff -u --label "expected $3" --label "found $3" "$expected" "$2" > "$2.diff" && return 0
    head -40 "$2.diff"
    return 1
}

accept() { # EXPECTED FOUND
    [ -s "$2" ] || { rm -f "$1"; return; }
    cmp -s "$2" "$1" || { cp "$2" "$1" && echo "wrote ${1#"$here/"}"; }
}

if [ "$1" = --one ]; then
    build=$2 stage=$3 name=$(basename "$4" .reg)
    folder=$build/golden/$stage work=$build/golden/$stage/$name
    words='run --quiet FILE'
    [ -f "$here/$stage/command" ] && words=$(cat "$here/$stage/command")
    first=$(head -1 "$4" | tr -d '\000')
    case $first in "# reg "*) words=${first#"# reg "} ;; esac
    # shellcheck disable=SC2046
    fresh && once "$folder/$name.out" "$folder/$name.err" "$build/reg" $(echo "$words" | sed "s/FILE/$name.reg/")
    if [ -n "$BLESS" ]; then
        for ending in out err; do accept "$here/$stage/$name.$ending" "$folder/$name.$ending"; done
        exit 0
    fi
    passed=true
    for ending in out err; do same "$here/$stage/$name.$ending" "$folder/$name.$ending" "$name.$ending" || passed=false; done
    if [ -f "$here/$stage/again" ]; then
        # shellcheck disable=SC2046
        fresh && once "$folder/$name.again.out" "$folder/$name.again.err" "$build/reg" $(sed "s/FILE/$name.reg/" "$here/$stage/again")
        for ending in out err; do same "$folder/$name.$ending" "$folder/$name.again.$ending" "$name.$ending again" || passed=false; done
    fi
    if [ -f "$here/$stage/compiled" ]; then
        fresh && once "$folder/$name.made.out" "$folder/$name.made.err" "$build/reg" compile "$name.reg" -o "$name.program"
        endings=err
        [ -f "$name.program" ] && endings='out err' && once "$folder/$name.made.out" "$folder/$name.made.err" "./$name.program" --quiet
        for ending in $endings; do same "$folder/$name.$ending" "$folder/$name.made.$ending" "$name.$ending compiled" || passed=false; done
    fi
    $passed && exec touch "$folder/$name.passed"
    echo "FAIL  golden $stage/$name"
    exit 1
fi

build=$(cd "$1" && pwd) || exit 1
shift
# shellcheck disable=SC2046
[ $# -eq 0 ] && set -- $(cd "$here" && ls -d */ | tr -d /)
failed=0
for stage; do
    count=$(ls "$here/$stage" | grep -c '\.reg$')
    [ "$count" -eq 0 ] && continue
    rm -rf "$build/golden/$stage" && mkdir -p "$build/golden/$stage"
    ls "$here/$stage"/*.reg | xargs -P 2 -n 1 sh "$here/run.sh" --one "$build" "$stage"
    [ -n "$BLESS" ] && continue
    passed=$(ls "$build/golden/$stage" | grep -c '\.passed$')
    failed=$((failed + count - passed))
    echo "golden $stage: $count programs, $((count - passed)) failed"
done
[ $failed -eq 0 ]
