#!/bin/sh
# Times the baselines here and The Well's classes in PyTorch in turn on one machine: a training step (or a forward pass), the
# median of all runs, and the ratio ours / PyTorch.
#
#   scripts/bench-baseline.sh PYTHON        the Python that has what scripts/golden-baseline.py names
#
# RUNS=3 sets how often each is started in turn; TIMED=5 how many steps count each time; ROWS the rows of the list below;
# TRAIN= (empty) times the forward pass. Run it on an idle machine.
set -eu
python=$1
binary=$(dirname "$0")/../bin/walrus
peer=$(dirname "$0")/bench-baseline.py
runs=${RUNS:-3} timed=${TIMED:-5} train=${TRAIN---train}

row() { # model, width of the peer, grid, budget
	case $1 in
	fno) echo "fno 51 64x64 3e6" ;;
	unet) echo "unet 20 64x64 3e6" ;;
	cnextunet) echo "cnextunet 17 64x64 3e6" ;;
	fno-3d) echo "fno 13 32x32x32 3e6" ;;
	unet-3d) echo "unet 12 32x32x32 3e6" ;;
	cnextunet-3d) echo "cnextunet 14 32x32x32 3e6" ;;
	fno-well) echo "fno 128 128x128 0" ;;
	unet-well) echo "unet 48 128x128 0" ;;
	cnextunet-well) echo "cnextunet 42 128x128 0" ;;
	*) echo "bench-baseline: no row $1" >&2; exit 2 ;;
	esac
}
value() { sed -n "s/.*\"$1\": *\([0-9.e+-]*\).*/\1/p"; }
median() { sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for name in ${ROWS:-fno unet cnextunet fno-3d unet-3d cnextunet-3d}; do
	# shellcheck disable=SC2046 # the settings are words
	set -- $(row "$name")
	rm -f "$scratch"/*
	for _ in $(seq "$runs"); do
		# shellcheck disable=SC2086
		"$python" "$peer" --model "$1" --width "$2" --size $(echo "$3" | tr x ' ') $train --runs "$timed" 2>"$scratch/errors" >>"$scratch/theirs" || { cat "$scratch/errors" >&2; exit 1; }
		# shellcheck disable=SC2086
		"$binary" bench --model "$1" --parameters "$4" --frames 4 --size "$3" $train --runs "$timed" --warmup 2 --json 2>"$scratch/errors" >>"$scratch/ours" || { cat "$scratch/errors" >&2; exit 1; }
	done
	awk -v n="$name" -v t="$(value median_s <"$scratch/theirs" | median)" -v o="$(value median_s <"$scratch/ours" | median)" \
		-v tm="$(value peak_rss_gib <"$scratch/theirs" | median)" -v om="$(value peak_rss_gib <"$scratch/ours" | median)" \
		-v tp="$(value parameters <"$scratch/theirs" | median)" -v op="$(value parameters <"$scratch/ours" | median)" \
		'BEGIN { printf "%s: PyTorch %.3f s, %.2f GiB, %d parameters; ours %.3f s, %.2f GiB, %d parameters; ratio of times %.2f\n", n, t, tm, tp, o, om, op, o/t }'
	paste "$scratch/theirs" "$scratch/ours" | sed -n 's/.*"median_s": *\([0-9.e-]*\).*"median_s": *\([0-9.e-]*\).*/    \1 s, \2 s/p'
done
