#!/bin/sh
# Measures how much waiting it saves that ranks of a group draw the same data set and tokens in a step: two ranks with one thread each and two
# samples a step, on data of which a batch has 64 or 1024 tokens a frame. In turn, each with the same steps: every rank draws on its own (a batch
# of two a rank), and both draw together (a batch of four, shared). Run it on two idle cores, after make build-mpi; it takes about a minute.
#
#   scripts/bench-sampling.sh        RUNS=2 STEPS=16
set -eu
binary=$(readlink -f "$(dirname "$0")/../bin/walrus-mpi")
runs=${RUNS:-2} steps=${STEPS:-16}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
"$binary" simulate shear_flow --out data --grid 64x64 --steps 12 --trajectories 2 --splits 1,0,0 >simulated 2>&1 || { cat simulated >&2; exit 1; }

# train NAME SHARD BATCH ACCUMULATION: one line with the seconds of compute, waiting and exchange of all steps, means over the ranks.
train() {
	rm -rf run
	mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2 "$binary" train --threads 1 --shard "$2" \
		--set 'data.sets=[{path: data/shear_flow, tokens: [8, 32]}]' --set 'model={preset: tiny, hidden: 48, intermediate: 12, heads: 3, blocks: 2}' --set out=run \
		--set data.history=3 --set data.batch="$3" --set data.accumulation="$4" --set data.max_stride=1 --set data.rotation=none --set log_every=1 \
		--set "schedule={epochs: 1, steps_per_epoch: $steps, warmup_epochs: 0, cooldown_epochs: 0}" --set validation.every=0 --set checkpoint.best=false \
		>log 2>&1 || { cat log >&2; exit 1; }
	# The first four steps compile.
	tail -n +5 run/metrics.jsonl | sed 's/.*"compute_s":\([^,]*\),"wait_s":\([^,]*\),.*"exchange_s":\([^,]*\),"seconds":\([^,]*\),.*/\1 \2 \3 \4/' >>"$1"
}
for _ in $(seq "$runs"); do
	train own 1 2 2
	train together 2 4 1
done
for name in own together; do
	awk -v name="$name" '{ c += $1; w += $2; x += $3; s += $4 } END {
		printf "%-8s %d steps: waiting %.1f %%, compute %.1f %%, exchange %.1f %% of the time; waiting / compute %.2f\n", name, NR, 100*w/s, 100*c/s, 100*x/s, w/c }' "$name"
done
