#!/bin/sh
# Times training steps of two ranks with one thread each against one process with two threads, in turn, with the same batch of two samples,
# and with a peer beside PyTorch's DistributedDataParallel over gloo (bench-ranks.py). Prints one table, with the memory of the moments that
# two ranks share. Run it on two idle cores: ranks that share cores with others wait for each other.
#
#   make build-mpi
#   scripts/bench-ranks.sh [PEER.py [PYTHON]]        the peer's script as for bench-peer.sh, and the Python that has PyTorch (default python3)
#
# A call takes about 8 minutes for row 2: it begins no run after SECONDS_MAX=420. Results are kept in OUT=bin/bench-ranks, by program and row,
# and the next call goes on until there are RUNS=3 of each; RUNS=0 prints the table. ROW=2 is a row of bench-peer.sh, 2 or 4; STEPS=2 are the
# steps of a run, of which the first is not counted.
set -eu
scripts=$(cd "$(dirname "$0")" && pwd)
binary=$scripts/../bin/walrus-mpi
peer=${1:-} python=${2:-python3}
runs=${RUNS:-3} steps=${STEPS:-2} row=${ROW:-2} limit=${SECONDS_MAX:-420}
[ -x "$binary" ] || { echo "bench-ranks: $binary is missing: make build-mpi" >&2; exit 1; }
[ -z "$peer" ] || peer=$(readlink -f "$peer")
case $row in
2) hidden=384 heads=6 blocks=8 size=128 ;;
4) hidden=96 heads=4 blocks=4 size=64 ;;
*) echo "bench-ranks: no row $row; expected 2 or 4" >&2; exit 2 ;;
esac
out=${OUT:-$scripts/../bin/bench-ranks}/row$row-$(sha256sum "$binary" | cut -c1-8)
mkdir -p "$out"
out=$(cd "$out" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
began=$(date +%s)

launch="mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2"
# ours COMMAND...: the mean seconds of a step but for the first, from the log; then the last line of the metrics, if several ranks ran.
ours() {
	[ -d data ] || "$binary" simulate shear_flow --out data --grid ${size}x$size --steps 12 --trajectories 2 --splits 1,0,0 >simulated 2>&1 || { cat simulated >&2; exit 1; }
	rm -rf run
	"$@" --set 'data.sets=[{path: data/shear_flow}]' --set "model={preset: small, hidden: $hidden, intermediate: $((hidden / 4)), heads: $heads, blocks: $blocks}" \
		--set data.history=6 --set data.batch=2 --set data.accumulation=1 --set data.max_stride=1 --set data.rotation=none --set log_every=1 --set out=run \
		--set "schedule={epochs: 1, steps_per_epoch: $steps, warmup_epochs: 0, cooldown_epochs: 0}" --set validation.every=0 --set checkpoint.best=false \
		>log 2>&1 || { cat log >&2; exit 1; }
	seconds=$(tail -n +2 run/log.csv | cut -d, -f7 | awk 'NR == 1 { first = $1 } { last = $1 } END { print (last - first) / (NR - 1) }')
	[ ! -e run/metrics.jsonl ] || metrics=$(tail -1 run/metrics.jsonl)
	echo "$seconds ${metrics:-}"
}
# measure KIND: one line in the kind's file, which begins with the seconds of a step.
measure() {
	case $1 in
	one) line=$(ours "$binary" train --threads 2) ;;
	two) line=$(ours $launch "$binary" train --threads 1) ;;
	sharded) line=$(ours $launch "$binary" train --threads 1 --shard 2) ;;
	peer)
		line=$(OPENBLAS_CORETYPE=SkylakeX "$python" "$scripts/bench-ranks.py" "$peer" --hidden $hidden --heads $heads --blocks $blocks --frames 6 --size $size $size --steps $((steps - 1)))
		line="$(echo "$line" | sed 's/.*"seconds": \[\([^]]*\)\].*/\1/' | tr ',' '\n' | awk '{ s += $1 } END { print s / NR }') $line"
		;;
	esac
	echo "$line" >>"$out/$1"
	echo "$1: ${line%% *} s a step" >&2
}
count() { cat "$out/$1" 2>/dev/null | wc -l; }

kinds="one two ${peer:+peer} sharded"
while :; do # in turn, since the clock of a shared machine drifts: whatever has been run least often is next
	next="" least=$runs
	for kind in $kinds; do
		[ "$(count "$kind")" -ge "$least" ] || { next=$kind least=$(count "$kind"); }
	done
	[ -n "$next" ] || break
	if [ $(($(date +%s) - began)) -ge "$limit" ]; then
		echo "bench-ranks: call it again for the rest" >&2
		break
	fi
	measure "$next"
done

median() { cut -d' ' -f1 "$out/$1" | sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
value() { tail -1 "$out/$1" | sed -n "s/.*\"$2\": *\([0-9.e+-]*\).*/\1/p"; }
one=""
[ "$(count one)" = 0 ] || one=$(median one)
echo "row $row (hidden $hidden, $blocks blocks, 6 frames, $size x $size), two samples a step"
echo "| | s a step (median) | runs | throughput | waiting, s | exchange, s | moments a rank, MiB | peak a rank, GiB |"
echo "|---|--:|--:|--:|--:|--:|--:|--:|"
for kind in $kinds; do
	[ "$(count "$kind")" -gt 0 ] || continue
	case $kind in
	one) name="one process, 2 threads" ;;
	two) name="2 ranks, 1 thread each" ;;
	sharded) name="2 ranks that share the moments" ;;
	peer) name="PyTorch $(tail -1 "$out/peer" | sed -n 's/.*"torch": *"\([^"]*\)".*/\1/p'), DDP over gloo, 2 ranks" ;;
	esac
	awk -v name="$name" -v s="$(median "$kind")" -v n="$(count "$kind")" -v one="$one" -v w="$(value "$kind" wait_s)" -v x="$(value "$kind" exchange_s)" \
		-v m="$(value "$kind" moment_bytes)" -v peak="$(value "$kind" peak_bytes)" -v gib="$(value "$kind" peak_rss_gib)" 'BEGIN {
		printf "| %s | %.2f | %d | %s | %s | %s | %s | %s |\n", name, s, n, one ? sprintf("%.2f", one / s) : "", w == "" ? "" : sprintf("%.2f", w),
			x == "" ? "" : sprintf("%.2f", x), m == "" ? "" : sprintf("%.0f", m / 1048576), peak != "" ? sprintf("%.2f", peak / 1073741824) : gib }'
done
if [ -n "$one" ] && [ "$(count two)" -gt 0 ]; then
	awk -v a="$one" -v b="$(median two)" 'BEGIN { printf "throughput of two ranks against one process: %.2f (bar 0.9)\n", a / b }'
fi
if [ -n "$peer" ] && [ "$(count peer)" -gt 0 ] && [ "$(count two)" -gt 0 ]; then
	awk -v p="$(median peer)" -v b="$(median two)" 'BEGIN { printf "time of two ranks against PyTorch: %.2f (bar 0.9)\n", b / p }'
fi
for kind in $kinds; do
	[ "$(count "$kind")" = 0 ] || echo "all runs, $kind: $(cut -d' ' -f1 "$out/$kind" | tr '\n' ' ')s"
done
