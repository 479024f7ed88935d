#!/bin/sh
# Times this program and PyTorch in turn on one machine and prints the ratios: ours / PyTorch, median time, peak memory.
#
#   scripts/bench-peer.sh PEER.py [PYTHON...]        the peer's script, and the Pythons to run it with (default python3)
#
# RUNS=3 sets how often each is started in turn, with one run for warm-up and one that counts; ROWS the rows (default
# "1 2 3 4"; 5 is the 1.286e9 preset, which needs 12 GiB); PRECISIONS what both compute in (default "float32"; "float32 bf16" is
# both, and then ours in bf16 beside ours in float32 too); COMPILED=1 starts PyTorch with --compile as well, and the ratio is to the
# better of the two. The times of all runs follow each line of medians.
# Run it on an idle machine: two processes that share cores slow each other down by more than their share.
set -eu
peer=$1
shift
[ $# -gt 0 ] || set -- python3
binary=$(dirname "$0")/../bin/walrus
runs=${RUNS:-3}
precisions=${PRECISIONS:-float32}
modes=eager
[ "${COMPILED:-}" != 1 ] || modes="eager compiled"

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
middle() { value "$1" <"$scratch/$2" | median; } # of a quantity in all runs of a program
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# theirs starts PyTorch: Python, precision, mode, settings. OpenBLAS does not know new processors by name and would take its slowest kernels;
# oneDNN, which computes in bf16, is left to itself.
theirs() {
	python=$1 precision=$2 mode=$3
	shift 3
	[ "$mode" = eager ] || set -- "$@" --compile
	if [ "$precision" = float32 ]; then
		OPENBLAS_CORETYPE=SkylakeX "$python" "$peer" time "$@" --precision "$precision" --runs 1
	else
		"$python" "$peer" time "$@" --precision "$precision" --runs 1
	fi
}

for number in ${ROWS:-1 2 3 4}; do
	settings=$(row "$number")
	echo "row $number: ${settings#*|}"
	for python in "$@"; do
		rm -f "$scratch"/*
		version="$("$python" -c 'import torch; print(torch.__version__)') with $(blas "$python")"
		for _ in $(seq "$runs"); do # in turn, since the clock of a shared machine drifts from minute to minute
			for precision in $precisions; do
				for mode in $modes; do
					# shellcheck disable=SC2086 # the settings are words
					theirs "$python" "$precision" "$mode" ${settings%|*} >>"$scratch/$precision.$mode"
				done
				# shellcheck disable=SC2086
				"$binary" bench ${settings#*|} --precision "$precision" --runs 1 --json 2>/dev/null >>"$scratch/$precision.ours"
			done
		done
		for precision in $precisions; do
			for mode in $modes; do
				echo "$(middle median_s "$precision.$mode") $(middle peak_rss_gib "$precision.$mode") $mode"
			done | sort -g | head -1 >"$scratch/best"
			read -r t tm mode <"$scratch/best"
			awk -v t="$t" -v tm="$tm" -v o="$(middle median_s "$precision.ours")" -v om="$(middle peak_rss_gib "$precision.ours")" \
				-v g="$(middle gflops "$precision.ours")" -v s="$(middle share_of_peak "$precision.ours")" -v v="$version, $precision, $mode" \
				'BEGIN { printf "  PyTorch %s: %.3f s, %.2f GiB; ours %.3f s, %.2f GiB, %.0f GFLOP/s (%.0f%% of the peak); ratios: time %.2f, memory %.2f\n", v, t, tm, o, om, g, 100*s, o/t, om/tm }'
			for file in "$scratch/$precision".*; do
				echo "    ${file##*.}: $(value median_s <"$file" | tr '\n' ' ')s"
			done
		done
		case $precisions in
		*float32*bf16*) awk -v a="$(middle median_s float32.ours)" -v b="$(middle median_s bf16.ours)" 'BEGIN { printf "  ours in bf16 / ours in float32: %.2f\n", b/a }' ;;
		esac
	done
done
