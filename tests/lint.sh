#!/bin/sh
# What the compiler does not check: includes point down the layers only, and nothing is left undone.
cd "$(dirname "$0")/.." || exit 1
failed=0
complain() { echo "lint: $*" >&2; failed=1; }

# From the top down. A file may include its own layer and those behind it in this list.
layers='driver script elaborate passes backend ops graph names syntax'
below() { echo "$layers" | tr ' ' '\n' | sed -n "/^$1\$/,\$p" | tr '\n' ' '; }

for file in lang/*/*.[chly]; do
    layer=${file#lang/} layer=${layer%%/*}
    allowed=$(below "$layer")
    # The pass list ends in lowering, and a loop's body is compiled while it is lowered.
    [ "$layer" = backend ] && allowed="passes $allowed"
    # A graph asks the table of ops for types.
    [ "$layer" = graph ] && allowed="ops $allowed"
    for target in $(sed -n 's|^#include "lang/\([a-z]*\)/.*|\1|p' "$file" | sort -u); do
        case " $allowed " in *" $target "*) ;; *) complain "$file includes lang/$target, which is above lang/$layer" ;; esac
    done
done
grep -ln '#include "lang/' runtime/*/*.[ch] runtime/*.def 2> /dev/null | while read -r file; do complain "$file includes lang/"; done
[ -z "$(grep -ln '#include "lang/' runtime/*/*.[ch])" ] || failed=1
grep -rnE 'TO[D]O|FIX[M]E' lang runtime stdlib examples tests --include='*.[chlyw]' --include='*.reg' --include='*.def' && complain "something is left to do"
grep -nE '(^|[^a-z_])(exit|abort|printf|puts) *\(' $(ls lang/*/*.c runtime/*/*.c | grep -v "^lang/driver/") | grep -v '_exit' && complain "below the driver nobody prints or exits"
grep -rnE '(/home/|/roo[t]/|/wor[k]/)' lang runtime stdlib examples tests Makefile .ci --include='*' -I | grep -v 'tests/lint.sh' && complain "a path of one machine"
[ $failed -eq 0 ]
