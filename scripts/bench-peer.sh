#!/bin/sh
# Times this program and PyTorch in turn on one machine and prints the ratios: ours / PyTorch, median time, peak memory.
#
#   scripts/bench-peer.sh PEER.py [PYTHON...]        the peer's script, and the Pythons to run it with (default python3)
#
# RUNS=3 sets how often each is started in turn, with one run for warm-up and one that counts; ROWS the rows (default
# "1 2 3 4"; 5 is the 1.286e9 preset, which needs 12 GiB). The times of all runs follow each line of medians.
# Run it on an idle machine: two processes that share cores slow each other down by more than their share.
set -eu
peer=$1
shift
[ $# -gt 0 ] || set -- python3
binary=$(dirname "$0")/../bin/walrus
runs=${RUNS:-3}

row() { # the settings of a row: peer's, then ours after a bar
	case $1 in
	1) echo "--hidden 384 --heads 6 --blocks 8 --frames 6 --size 128 128|--hidden 384 --heads 6 --blocks 8 --frames 6 --size 128x128" ;;
	2) echo "--hidden 384 --heads 6 --blocks 8 --frames 6 --size 128 128 --train|--hidden 384 --heads 6 --blocks 8 --frames 6 --size 128x128 --train" ;;
	3) echo "--hidden 768 --heads 12 --blocks 12 --frames 6 --size 128 128|--hidden 768 --heads 12 --blocks 12 --frames 6 --size 128x128" ;;
	4) echo "--hidden 96 --heads 4 --blocks 4 --frames 6 --size 64 64 --train|--hidden 96 --heads 4 --blocks 4 --frames 6 --size 64x64 --train" ;;
	5) echo "--hidden 1408 --heads 16 --blocks 40 --frames 3 --size 128 128|--preset walrus --frames 3 --size 128x128" ;;
	*) echo "bench-peer: no row $1" >&2; exit 2 ;;
	esac
}
# blas says which library multiplies the peer's matrices: Debian's PyTorch takes whatever libblas.so.3 there is.
blas() {
	"$1" -c 'import torch
x = torch.ones(64, 64); x @ x
libraries = open("/proc/self/maps").read()
build = torch.__config__.show()
print("MKL" if "BLAS_INFO=mkl" in build else "OpenBLAS" if "openblas" in libraries else "reference BLAS" if "/libblas.so" in libraries else "unknown BLAS")'
}
for python in "$@"; do
	case $(blas "$python") in
	reference*) echo "bench-peer: $python multiplies with the reference BLAS, many times too slow for a comparison; apt-get install libopenblas0-pthread" >&2; exit 1 ;;
	esac
done
value() { sed -n "s/.*\"$1\": *\([0-9.e+-]*\).*/\1/p"; }
median() { sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for number in ${ROWS:-1 2 3 4}; do
	settings=$(row "$number")
	echo "row $number: ${settings#*|}"
	for python in "$@"; do
		rm -f "$scratch"/*
		for _ in $(seq "$runs"); do # in turn, since the clock of a shared machine drifts from minute to minute
			# shellcheck disable=SC2086 # the settings are words
			OPENBLAS_CORETYPE=SkylakeX "$python" "$peer" time ${settings%|*} --runs 1 >>"$scratch/theirs"
			# shellcheck disable=SC2086
			"$binary" bench ${settings#*|} --runs 1 --json 2>/dev/null >>"$scratch/ours"
		done
		version="$("$python" -c 'import torch; print(torch.__version__)') with $(blas "$python")"
		awk -v t="$(value median_s <"$scratch/theirs" | median)" -v o="$(value median_s <"$scratch/ours" | median)" \
			-v tm="$(value peak_rss_gib <"$scratch/theirs" | median)" -v om="$(value peak_rss_gib <"$scratch/ours" | median)" \
			-v g="$(value gflops <"$scratch/ours" | median)" -v s="$(value share_of_peak <"$scratch/ours" | median)" -v v="$version" \
			'BEGIN { printf "  PyTorch %s: %.3f s, %.2f GiB; ours %.3f s, %.2f GiB, %.0f GFLOP/s (%.0f%% of the peak); ratios: time %.2f, memory %.2f\n", v, t, tm, o, om, g, 100*s, o/t, om/tm }'
		paste "$scratch/theirs" "$scratch/ours" | sed -n 's/.*"median_s": *\([0-9.]*\).*"median_s": *\([0-9.]*\).*/    \1 s, \2 s/p'
	done
done
