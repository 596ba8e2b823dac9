#!/bin/sh
# Reg beside PyTorch on the same machine: start-up, a training step, a fused chain, memory. Usage: run.sh BUILD [ROUNDS]
# Both take turns, every round gives a ratio, and the median of the ratios is shown: what disturbs the machine disturbs both.
# On a machine that is shared, UNDER='chrt -f 1' (as root) keeps others off the cores while one of the two runs.
# PyTorch gets what makes it fastest here: AVX-512 kernels, one pool of threads, memory that is kept and on huge pages.
B=${1:-build} ROUNDS=${2:-5}
here=$(dirname "$0") reg=$B/reg tools=$B/bench
mkdir -p "$tools"
${CC:-gcc} -O2 -o "$tools/measure" "$here/measure.c" && ${CC:-gcc} -O2 -o "$tools/peak" "$here/peak.c" -lpthread || exit 1

# OpenBLAS chooses its kernels itself, for both.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
python=${PYTHON:-python3}
"$python" -c 'import torch' 2> /dev/null || python=/usr/bin/python3
"$python" -c 'import torch' 2> /dev/null || { python=; echo "PyTorch is not installed (apt install python3-torch): Reg alone"; }

library=/usr/lib/$(uname -m)-linux-gnu
openmp=${OPENBLAS_OPENMP:-$library/openblas-openmp} # a directory
[ -d "$openmp" ] || openmp=
[ -z "$python" ] || [ -n "$openmp" ] || echo "PyTorch would do better with libopenblas0-openmp: two pools of threads compete"

peer() { # SCRIPT STEPS THREADS -> "steps/s MiB"
    capability=default
    grep -q avx2 /proc/cpuinfo && capability=avx2
    grep -q avx512f /proc/cpuinfo && capability=avx512
    env OMP_NUM_THREADS="$3" OPENBLAS_NUM_THREADS="$3" ATEN_CPU_CAPABILITY=$capability ${openmp:+LD_LIBRARY_PATH="$openmp"} \
        GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592:glibc.malloc.top_pad=268435456:glibc.malloc.hugetlb=1 \
        $UNDER "$python" "$here/$1" "$2" "$3"
}

ours() { # SCRIPT STEPS THREADS -> "steps/s MiB"
    memory=$("$tools/measure" 1 $UNDER "$reg" run --set steps="$2" --threads "$3" "$here/$1" 2> "$tools/out") || { cat "$tools/out" >&2; return 1; }
    echo "$(sed -n 's/.* steps in .* \([0-9.,]*\) steps\/s.*/\1/p' "$tools/out" | tr -d ,) ${memory#* }"
}

median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.6g", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# Prints one row. LIMIT is what the machine could do at best, in milliseconds a step.
row() { # NAME REG_SCRIPT PEER_SCRIPT STEPS PEER_STEPS THREADS LIMIT
    : > "$tools/ours"; : > "$tools/peer"; : > "$tools/ratio"
    for round in $(seq "$ROUNDS"); do
        a=$(ours "$2" "$4" "$6") || return 1
        echo "$a" >> "$tools/ours"
        [ -n "$python" ] || continue
        b=$(peer "$3" "$5" "$6") || return 1
        echo "$b" >> "$tools/peer"
        echo "$a $b" | awk '{ print $3 / $1 }' >> "$tools/ratio"
    done
    mine=$(awk '{ print 1000 / $1 }' "$tools/ours" | median) memory=$(awk '{ print $2 }' "$tools/ours" | median)
    theirs=- theirs_memory=- ratio=-
    if [ -n "$python" ]; then
        theirs=$(awk '{ print 1000 / $1 }' "$tools/peer" | median) theirs_memory=$(awk '{ print $2 }' "$tools/peer" | median)
        ratio=$(median < "$tools/ratio")
    fi
    echo "$1;$6;$mine;$theirs;$ratio;$(awk "BEGIN { print 100 * $7 / $mine }");$memory;$theirs_memory" | show
}

show() {
    awk -F ';' '
        function number(x, form) { return x == "-" ? x : sprintf(form, x) }
        { printf "%-26s %7s %10s %10s %8s %10s %9s %9s\n", $1, $2, number($3, "%.2f"), number($4, "%.2f"), number($5, "%.2fx"),
                 number($6, "%.0f %%"), number($7, "%.0f"), number($8, "%.0f") }'
}

startup() {
    : > "$tools/ours"; : > "$tools/peer"; : > "$tools/ratio"
    for round in $(seq "$ROUNDS"); do
        a=$("$tools/measure" 11 $UNDER "$reg" run "$here/hello.reg" 2> /dev/null) || return 1
        echo "$a" >> "$tools/ours"
        [ -n "$python" ] || continue
        b=$("$tools/measure" 1 $UNDER "$python" -c 'import torch; print((torch.tensor(1) + 1).item())' 2> /dev/null) || return 1
        echo "$b" >> "$tools/peer"
        echo "$a $b" | awk '{ print $1 / $3 }' >> "$tools/ratio"
    done
    mine=$(awk '{ print $1 }' "$tools/ours" | median) memory=$(awk '{ print $2 }' "$tools/ours" | median)
    if [ -n "$python" ]; then
        echo "start and print 1 + 1;-;$mine;$(awk '{ print $1 }' "$tools/peer" | median);$(median < "$tools/ratio");-;$memory;$(awk '{ print $2 }' "$tools/peer" | median)" | show
    else
        echo "start and print 1 + 1;-;$mine;-;-;-;$memory;-" | show
    fi
}

echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores, load $(cut -d ' ' -f 1 /proc/loadavg); medians of $ROUNDS rounds"
printf '%-26s %7s %10s %10s %8s %10s %9s %9s\n' '' threads 'Reg ms' 'torch ms' ratio 'of limit' 'Reg MiB' 'torch MiB'
startup || exit 1
for threads in 1 2; do
    [ "$threads" -le "$(nproc)" ] || continue
    $UNDER "$tools/peak" "$threads" > "$tools/limit" || exit 1
    # Products of a forward pass and both gradients, none for the inputs; Adam reads w, g, m, v and writes w, m, v.
    limit=$(awk '{ flops = 2 * 128 * (2 * (784 * 512 + 512 * 256 + 256 * 10) + 512 * 256 + 256 * 10); bytes = 28 * (784 * 512 + 512 * 256 + 2560 + 778);
                   print flops / ($1 * 1e6) + bytes / ($2 * 1e6) }' "$tools/limit")
    row 'mlp 784-512-256-10, Adam' mlp.reg peer_mlp.py 400 200 "$threads" "$limit" || exit 1
done
for threads in 1 2; do
    [ "$threads" -le "$(nproc)" ] || continue
    $UNDER "$tools/peak" "$threads" > "$tools/limit" || exit 1
    limit=$(awk '{ print 2 * 128 * (2 * 32 * 9 * 784 + 3 * 64 * 32 * 9 * 196 + 3 * 3136 * 10) / ($1 * 1e6) }' "$tools/limit")
    row 'cnn 28 x 28, 32 and 64' cnn.reg peer_cnn.py 40 20 "$threads" "$limit" || exit 1
done
for threads in 1 2; do
    [ "$threads" -le "$(nproc)" ] || continue
    $UNDER "$tools/peak" "$threads" > "$tools/limit" || exit 1
    # x is read and written once.
    limit=$(awk '{ print 8e7 / ($3 * 1e6) }' "$tools/limit")
    row 'chain of 10 M, gradient' chain.reg peer_chain.py 20 5 "$threads" "$limit" || exit 1
done
echo "ratio below 1: Reg is faster. \"of limit\": the machine's peak for the same work over Reg's time."
