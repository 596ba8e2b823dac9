#!/bin/sh
# Runs test programs one after the other, each with a time limit; shows the output of those that fail.
limit=${TEST_SECONDS:-300}
failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
for program; do
    if timeout "$limit" "$program" > "$output" 2>&1; then
        echo "ok    unit ${program##*/} ($(grep -c '\[       OK \]' "$output") tests)"
    else
        code=$?
        failed=$((failed + 1))
        grep -v '\[ RUN      \]\|\[       OK \]' "$output"
        [ $code -eq 124 ] && echo "      longer than $limit seconds"
        echo "FAIL  unit ${program##*/} (exit $code)"
    fi
done
echo "unit: $# programs, $failed failed"
[ $failed -eq 0 ]
