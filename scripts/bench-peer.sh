#!/bin/sh
# Times this program and PyTorch in turn on one machine and prints the ratios: ours / PyTorch, median time, peak memory.
#
#   scripts/bench-peer.sh PEER.py [PYTHON...]        the peer's script, and the Pythons to run it with (default python3)
#
# RUNS=3 sets the timed runs, ROWS the rows to run (default "1 2 3 4"; 5 is the 1.286e9 preset, which needs 12 GiB).
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

for number in ${ROWS:-1 2 3 4}; do
	settings=$(row "$number")
	echo "row $number: ${settings#*|}"
	for python in "$@"; do
		# shellcheck disable=SC2086 # the settings are words
		theirs=$(OPENBLAS_CORETYPE=SkylakeX "$python" "$peer" time ${settings%|*} --runs "$runs")
		# shellcheck disable=SC2086
		ours=$("$binary" bench ${settings#*|} --runs "$runs" --json 2>/dev/null)
		version="$("$python" -c 'import torch; print(torch.__version__)') with $(blas "$python")"
		awk -v t="$(echo "$theirs" | value median_s)" -v o="$(echo "$ours" | value median_s)" \
			-v tm="$(echo "$theirs" | value peak_rss_gib)" -v om="$(echo "$ours" | value peak_rss_gib)" \
			-v g="$(echo "$ours" | value gflops)" -v s="$(echo "$ours" | value share_of_peak)" -v v="$version" \
			'BEGIN { printf "  PyTorch %s: %.3f s, %.2f GiB; ours %.3f s, %.2f GiB, %.0f GFLOP/s (%.0f%% of the peak); ratios: time %.2f, memory %.2f\n", v, t, tm, o, om, g, 100*s, o/t, om/tm }'
	done
done
