#!/bin/sh
# Replays the reference arrays of the methods: sh tests/reference/run.sh BUILD. NAME.reg gets its arrays as `--set cases=…/NAME.npz`,
# or the folder of all arrays when there is no file of that name; its `expect` lines compare.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) || exit 1
cd "$here/../.." || exit 1
failed=0 count=0
for file in tests/reference/*.reg; do
    [ -f "$file" ] || continue
    name=$(basename "$file" .reg) count=$((count + 1))
    setting=
    grep -Eq '^let +cases *=' "$file" && setting="--set cases=tests/reference/data"
    [ -f "tests/reference/data/$name.npz" ] && setting="--set cases=tests/reference/data/$name.npz"
    # shellcheck disable=SC2086
    if ! timeout "${TEST_SECONDS:-300}" "$build/reg" run --quiet $setting "$file" > "$build/reference.txt" 2>&1; then
        failed=$((failed + 1))
        tail -20 "$build/reference.txt"
        echo "FAIL  reference $name"
    fi
done
echo "reference: $count scripts, $failed failed"
[ $failed -eq 0 ]
