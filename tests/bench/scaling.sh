#!/bin/sh
# How the time of a training step grows: with the batch, the width, the depth, the size of the data (it must not) and the number of methods;
# and how the time to compile grows with the depth of a network whose loss has second derivatives. Usage: scaling.sh BUILD
# Writes BUILD/bench/scaling/*.csv, *.svg and a page, report.html, drawn by scaling.reg.
B=${1:-build}
case $B in /*) ;; *) B=$(pwd)/$B ;; esac
here=$(cd "$(dirname "$0")" && pwd) reg=$B/reg out=$B/bench/scaling
mkdir -p "$out"
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

# The text of a script: METHODS is how many stand in the block.
script() { # BATCH WIDTH DEPTH ROWS METHODS
    echo "let x = normal([$4, 64])
let y = int(10 * uniform([$4]))
let net = mlp{10, hidden = $2, layers = $3}
train net on {x = x, y = y} for 300 steps {
  minimize cross_entropy(net(x), y)"
    printf '%s\n' 'with elr{}' 'with mixup{}' 'with input_noise{}' 'with perp_grad{}' 'with clip_norm{}' | head -n "$5"
    echo "  using adam{lr = 1e-3}
  batch $1
}"
}

# The least of three runs, in milliseconds: what others on the machine do only adds.
step() {
    for round in 1 2 3; do
        script "$@" | $UNDER "$reg" run --threads "${THREADS:-1}" - 2>&1 | sed -n 's/.* steps in .* \([0-9.,]*\) steps\/s.*/\1/p' | tr -d ,
    done | sort -n | tail -1 | awk '{ printf "%.5f\n", 1000 / $1 }'
}

# From the start of the process to the end of the first step.
compile() { # DEPTH
    for round in 1 2 3; do
        echo "let points = uniform([64, 1])
let net = mlp{1, hidden = 16, layers = $1, activation = tanh}
fn u(x) = net(x)[:, 0]
train net on {x = points} for 1 step {
  minimize mean(square(d(d(u(x), x), x) + u(x)))
  using adam{lr = 1e-3}
  batch all
}" > "$out/deep.reg"
        "$B/bench/measure" 1 $UNDER "$reg" run --threads 1 "$out/deep.reg" 2> "$out/deep.err" || { cat "$out/deep.err" >&2; return 1; }
    done | sort -n | head -1 | cut -d ' ' -f 1
}

series() { # NAME VALUE… : the call of `step` with the value in place of @
    name=$1 call=$2
    shift 2
    echo "$name,ms" > "$out/$name.csv"
    for value; do
        # shellcheck disable=SC2046
        echo "$value,$(step $(echo "$call" | sed "s/@/$value/"))" | tee -a "$out/$name.csv" | sed "s/^/$name /"
    done
}

[ -x "$B/bench/measure" ] || { mkdir -p "$B/bench" && ${CC:-gcc} -O2 -o "$B/bench/measure" "$here/measure.c"; } || exit 1
series batch '@ 256 2 20000 0' 16 32 64 128 256 512 1024
series width '128 @ 2 20000 0' 32 64 128 256 512 1024
series depth '128 128 @ 20000 0' 1 2 4 8 16 32
series rows '128 256 2 @ 0' 1000 4000 16000 64000 256000 1000000
series methods '128 256 2 20000 @' 0 1 2 3 4 5
echo "layers,ms" > "$out/compile.csv"
for layers in 5 10 20 50 100; do echo "$layers,$(compile $layers)" | tee -a "$out/compile.csv" | sed 's/^/compile /'; done
cd "$out" && "$reg" run -q "$here/scaling.reg" && echo "plots and report.html are in $out"
