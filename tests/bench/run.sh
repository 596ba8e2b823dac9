#!/bin/sh
# Reg beside PyTorch (1.13, eager; scikit-learn for the lasso) on the same machine. Usage: run.sh BUILD [ROUNDS] [ID…]
# One row of `workloads` after the other, at 1 and at 2 threads. First every variant and environment of the peer plays once; the fastest
# then takes turns with Reg, every round gives a ratio, and the median of the ratios is shown: what disturbs the machine disturbs both.
# On a machine that is shared, UNDER='chrt -f 1' (as root) keeps others off the cores while one of the two runs.
# Rows are also written to BUILD/bench/results.csv.
B=${1:-build} ROUNDS=${2:-5}
[ $# -gt 2 ] && shift 2 || shift $#
case $B in /*) ;; *) B=$(pwd)/$B ;; esac
here=$(cd "$(dirname "$0")" && pwd) reg=$B/reg tools=$B/bench
mkdir -p "$tools"
compiler=${CC:-gcc}
"$compiler" -O2 -o "$tools/measure" "$here/measure.c" && "$compiler" -O2 -o "$tools/peak" "$here/peak.c" -lpthread || exit 1

# OpenBLAS chooses its kernels itself, for both.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
python=${PYTHON:-/usr/bin/python3}
if "$python" -c 'import torch' 2> /dev/null; then
    # What makes Debian's PyTorch fast (peer/common.py): one pool of threads, and oneDNN's sgemm in place of OpenBLAS's.
    library=/usr/lib/$(uname -m)-linux-gnu
    export OPENBLAS_OPENMP="${OPENBLAS_OPENMP:-$library/openblas-openmp}"
    [ -d "$OPENBLAS_OPENMP" ] || echo "PyTorch would do better with libopenblas0-openmp: two pools of threads compete"
    environments="bestob tuned" # of peer/common.py
    if "$compiler" -O2 -shared -fPIC "$here/peer/sgemm_shim.c" -o "$tools/sgemm_shim.so" -ldnnl 2> /dev/null; then
        export SGEMM_SHIM="$tools/sgemm_shim.so"
        environments="best $environments"
    fi
else
    python=
    echo "PyTorch is not installed (apt install python3-torch python3-sklearn python3-pot): Reg alone"
fi

median() { sort -n | awk '{ v[NR] = $1 } END { if (NR) printf "%.6g", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2; else print "-" }'; }

# Runs a script of Reg for so many steps; "ms of a step, MiB".
ours() { # SCRIPT_AND_OPTIONS STEPS THREADS
    memory=$(cd "$here" && "$tools/measure" 1 $UNDER "$reg" run --set steps="$2" --threads "$3" $1 2> "$tools/out") || { cat "$tools/out" >&2; return 1; }
    rate=$(sed -n 's/.* steps in .* \([0-9.,]*\) steps\/s.*/\1/p' "$tools/out" | tail -1 | tr -d ,)
    echo "$rate ${memory#* }" | awk '{ print 1000 / $1, $2 }'
}

# Runs a script of the peer; "ms of a step, MiB".
peer() { # SCRIPT_AND_OPTIONS ENVIRONMENT THREADS SECONDS
    (cd "$here/peer" && $UNDER "$python" $1 --env "$2" --threads "$3" --seconds "$4" 2> "$tools/out") |
        sed -n 's/.*"median_s": \([0-9.e-]*\).*"peak_rss_mb": \([0-9.]*\).*/\1 \2/p' | awk '{ print 1000 * $1, $2 }'
}

# The peer's fastest way: every variant in every environment once. "ms;environment;script and options".
fastest() { # VARIANTS THREADS
    echo "$1" | tr '|' '\n' | sed 's/^ *//; s/ *$//' | while read -r variant; do
        for environment in $environments; do
            echo "$(peer "$variant" "$environment" "$2" 0.5 | cut -d ' ' -f 1);$environment;$variant"
        done
    done | grep '^[0-9]' | sort -n | head -1
}

show() {
    awk -F ';' '
        function number(x, form) { return x == "-" || x == "" ? "-" : sprintf(form, x) }
        { printf "%-8s %-34s %3s %9s %9s %7s %6s %9s %7s %7s  %s\n", $1, $2, $3, number($4, "%.2f"), number($5, "%.2f"), number($6, "%.3f"), $7,
                 number($8, "%.0f %%"), number($9, "%.0f"), number($10, "%.0f"), $11 }'
}

report() { # one row, fields separated by ;
    echo "$1" | show
    echo "$1" | sed 's/;/","/g; s/.*/"&"/' >> "$tools/results.csv"
}

row() { # ID WHAT GOAL SCRIPT STEPS LIMIT PEERS THREADS
    [ -f "$here/${4%% *}" ] || { echo "$1: $4 is missing" >&2; return 1; }
    : > "$tools/ours"; : > "$tools/peer"; : > "$tools/ratio"
    way=
    [ -z "$python" ] || way=$(fastest "$7" "$8")
    ours "$4" "$5" "$8" > /dev/null || return 1 # fills the cache of compiled kernels
    environment=$(echo "$way" | cut -d ';' -f 2) variant=$(echo "$way" | cut -d ';' -f 3)
    for round in $(seq "$ROUNDS"); do
        a=$(ours "$4" "$5" "$8")
        case $a in *' '*) ;; *) return 1 ;; esac
        echo "$a" >> "$tools/ours"
        [ -n "$variant" ] || continue
        b=$(peer "$variant" "$environment" "$8" 1) || return 1
        echo "$b" >> "$tools/peer"
        echo "$a $b" | awk '{ print $1 / $3 }' >> "$tools/ratio"
    done
    mine=$(cut -d ' ' -f 1 "$tools/ours" | median)
    share=-
    [ "$6" = - ] || share=$(awk -v mine="$mine" "{ F = \$1; C = \$2; M = \$3; print 100 * ($6) / mine }" "$tools/limit$8")
    report "$1;$2;$8;$mine;$(cut -d ' ' -f 1 "$tools/peer" | median);$(median < "$tools/ratio");$3;$share;$(cut -d ' ' -f 2 "$tools/ours" | median);$(cut -d ' ' -f 2 "$tools/peer" | median);$(echo "$variant" | sed 's/^[^ ]*\.py *//; s/--variant //') $environment"
}

# Whole processes: from the start to the first result, or to the end of the first training step.
startup() { # ID WHAT GOAL SCRIPT PEER_PROGRAM
    : > "$tools/ours"; : > "$tools/peer"; : > "$tools/ratio"
    for round in $(seq "$ROUNDS"); do
        a=$("$tools/measure" 11 $UNDER "$reg" run "$here/$4" 2> /dev/null) || return 1
        echo "$a" >> "$tools/ours"
        [ -n "$python" ] && [ -n "$5" ] || continue
        b=$("$tools/measure" 1 $UNDER "$python" -c "$5" 2> /dev/null) || return 1
        echo "$b" >> "$tools/peer"
        echo "$a $b" | awk '{ print $1 / $3 }' >> "$tools/ratio"
    done
    report "$1;$2;-;$(cut -d ' ' -f 1 "$tools/ours" | median);$(cut -d ' ' -f 1 "$tools/peer" | median);$(median < "$tools/ratio");$3;-;$(cut -d ' ' -f 2 "$tools/ours" | median);$(cut -d ' ' -f 2 "$tools/peer" | median);"
}

wanted() { # ID WANTED…: no list wants all
    id=$1
    shift
    [ $# -gt 0 ] || return 0
    for wish; do case $id in "$wish" | "$wish"-*) return 0 ;; esac; done
    return 1
}

echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores, load $(cut -d ' ' -f 1 /proc/loadavg); medians of $ROUNDS rounds"
echo "id,what,threads,reg_ms,peer_ms,ratio,goal,percent_of_limit,reg_mib,peer_mib,peer" > "$tools/results.csv"
echo "id;what;thr;Reg ms;peer ms;ratio;goal;of limit;MiB;peer;peer's fastest" |
    awk -F ';' '{ printf "%-8s %-34s %3s %9s %9s %7s %6s %9s %7s %7s  %s\n", $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 }'
wanted w13 "$@" && { startup w13 'start and print 1 + 1' 0.01 hello.reg 'import torch; print((torch.tensor(1) + 1).item())'
    startup w13-q 'quickstart, to its first step' - first_step.reg ''; }
for threads in 1 2; do
    [ "$threads" -le "$(nproc)" ] || continue
    $UNDER "$tools/peak" "$threads" > "$tools/limit$threads" || exit 1
done
failed=0
while IFS=';' read -r id what goal script steps limit peers; do
    case $id in '#'* | '') continue ;; esac
    wanted "$id" "$@" || continue
    for threads in 1 2; do
        [ "$threads" -le "$(nproc)" ] || continue
        row "$id" "${what# }" "${goal# }" "${script# }" "${steps# }" "${limit# }" "${peers# }" "$threads" < /dev/null || failed=1
    done
done < "$here/workloads"
echo "Ratio below 1: Reg is faster. \"Of limit\": what the machine's measured peak allows for the same work, over Reg's time."
exit $failed
