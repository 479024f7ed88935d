#!/bin/sh
# Times training steps of two ranks with one thread each against one process with two threads, in turn, with the same batch of two samples:
# row 2 of bench-peer.sh (hidden 384, 6 heads, 8 blocks, 6 frames, 128 x 128). With PEER (a PyTorch program that prints the seconds of a step)
# beside DistributedDataParallel over gloo.
#
#   scripts/bench-ranks.sh                                       needs bin/walrus-mpi (make build-mpi) and mpirun
#   PEER="torchrun --nproc-per-node 2 ddp.py" scripts/bench-ranks.sh
#
# RUNS=3 sets how often each is started in turn, STEPS=4 the steps of a run, of which the first is not counted.
set -eu
binary=$(readlink -f "$(dirname "$0")/../bin/walrus-mpi")
runs=${RUNS:-3} steps=${STEPS:-4}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
"$binary" simulate shear_flow --out data --grid 128x128 --steps 12 --trajectories 2 --splits 1,0,0 >/dev/null 2>&1

# run NAME COMMAND...: the mean seconds of a step but for the first, from the log.
run() {
	name=$1
	shift
	rm -rf run
	"$@" --set 'data.sets=[{path: data/shear_flow}]' --set 'model={preset: small, hidden: 384, intermediate: 96, heads: 6, blocks: 8}' \
		--set data.history=6 --set data.batch=2 --set data.accumulation=1 --set data.max_stride=1 --set data.rotation=none --set log_every=1 \
		--set "schedule={epochs: 1, steps_per_epoch: $steps, warmup_epochs: 0, cooldown_epochs: 0}" --set validation.every=0 --set checkpoint.best=false \
		>log 2>&1 || { cat log >&2; exit 1; }
	tail -n +2 run/log.csv | cut -d, -f7 | awk -v n="$name" 'NR == 1 { first = $1 } { last = $1 } END { print (last - first) / (NR - 1) }' >>"$name"
	[ ! -e run/metrics.jsonl ] || tail -1 run/metrics.jsonl >>metrics
}
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
for _ in $(seq "$runs"); do # in turn, since the clock of a shared machine drifts
	run one "$binary" train --threads 2
	run two mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2 "$binary" train --threads 1
	run sharded mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2 "$binary" train --threads 1 --shard 2
	[ -z "${PEER:-}" ] || $PEER >>peer
done
printf 'one process, 2 threads: %s s a step; 2 ranks: %s s; 2 ranks that share moments: %s s\n' "$(median one)" "$(median two)" "$(median sharded)"
awk -v a="$(median one)" -v b="$(median two)" 'BEGIN { printf "throughput of two ranks against one process: %.2f\n", a / b }'
[ -z "${PEER:-}" ] || awk -v p="$(median peer)" -v b="$(median two)" 'BEGIN { printf "PyTorch DDP: %s s; ours / PyTorch: %.2f\n", p, b / p }'
echo "all runs (one process | two ranks | sharded):"
paste one two sharded
tail -2 metrics
