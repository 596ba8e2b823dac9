#!/bin/sh
# Mutated programs must neither crash nor hang: sh tests/fuzz/mutate.sh BUILD [COUNT [SEED]]
#
# Each round takes a program of tests/golden or examples, changes a few of its tokens and runs it (`reg run`; programs that train long
# are only checked). Allowed are the exit codes 0 and 1, within 10 seconds. What fails is kept in BUILD/fuzz. Build with
#   make B=build-asan OPT='-O1 -g' SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined' build-asan/reg
here=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd) || exit 1
count=${2:-200} seed=${3:-1}
work=$build/fuzz
mkdir -p "$work/run" && cc -std=c17 -O1 -o "$work/mutate" "$here/tests/fuzz/mutate.c" || exit 1
export ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:hard_rss_limit_mb=3000:exitcode=99:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=99"

ls "$here"/tests/golden/run/*.reg "$here"/tests/golden/builtins/*.reg "$here"/tests/golden/bad/*.reg "$here"/examples/*.reg > "$work/programs"
programs=$(wc -l < "$work/programs")
failed=0 round=$seed last=$((seed + count))
cd "$work/run" || exit 1
ln -sfn "$here/tests/golden/bad/data" data
while [ "$round" -lt "$last" ]; do
    program=$(sed -n "$((round * 7919 % programs + 1))p" "$work/programs")
    donor=$(sed -n "$((round * 104729 % programs + 1))p" "$work/programs")
    "$work/mutate" "$round" "$donor" "$program" > mutated.reg
    command="run --quiet"
    case $program in */examples/*) command=check ;; esac
    # shellcheck disable=SC2086
    timeout 10 "$build/reg" $command mutated.reg > out.txt 2> err.txt < /dev/null
    code=$?
    if [ $code -gt 1 ]; then
        cp mutated.reg "$work/failed-$round.reg"
        cp err.txt "$work/failed-$round.txt"
        echo "FAIL  round $round, exit $code: $work/failed-$round.reg (from $program)"
        grep -m1 -E 'runtime error|ERROR: |SUMMARY' err.txt
        failed=$((failed + 1))
    fi
    round=$((round + 1))
done
echo "mutated programs: $count, $failed failed"
[ $failed -eq 0 ]
