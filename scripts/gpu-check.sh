#!/bin/sh
# Checks and times the network on an NVIDIA GPU beside the PyTorch peer on the same card, and prints one table. The last
# column says whether a row meets the bars. In bf16, of compiled PyTorch: the base training step at most 0.75 of the time and
# 1.0 of the memory, that of the 1.286e9 preset 0.8 and 1.0, its forward pass 0.8 of the time; the base step also at least
# 15 % of the card's bf16 peak, at most 5 % of its time on the host, and compiled in 40 s, from a warm cache in 20. In
# float32 and tf32: no slower than eager PyTorch. What the most bars are about comes first, in case the time given ends.
#
# Below the table: selftest, and the base step with XLA's own allocator (bfc) beside that with the driver's pool.
#
# Usage: scripts/gpu-check.sh [options]; docs/gpu.md says what must be installed. Nothing is downloaded.
#   --peer FILE      the peer, torch_walrus.py      (default ../shared/bench/torch_walrus.py)
#   --golden DIR     golden numbers of selftest     (default ../shared/golden)
#   --binary FILE    a build with XLA               (default bin/walrus-xla; built with make build-xla if missing)
#   --engine NAME    engine of that build           (default xla:cuda)
#   --python FILE    a Python with PyTorch          (default python3)
#   --out DIR        logs and results               (default gpu-check)
#   --runs N         timed steps after warm-up      (default 10)
#   --timeout S      seconds that one run may take  (default 900)
#   --within S       start no further run after so many seconds  (default 0: no limit)
#   --profile yes|no of the base step in bf16: XLA's plan of memory, and kernels where there is nsys  (default yes)
#   --cases LIST     of "base-train walrus-train walrus-forward walrus-rollout"  (default all)
#   --precisions L   of "bf16 float32 tf32"         (default all)
set -eu

peer=../shared/bench/torch_walrus.py golden=../shared/golden binary=bin/walrus-xla engine=xla:cuda python=python3
out=gpu-check runs=10 limit=900 cases="base-train walrus-train walrus-forward walrus-rollout" precisions="bf16 float32 tf32"
warmup=3 within=0 profile=yes began=$(date +%s)

fail() {
	echo "gpu-check: $*" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	--*) [ $# -ge 2 ] || fail "$1 needs a value; see --help" ;;
	esac
	case $1 in
	--peer) peer=$2 ;;
	--golden) golden=$2 ;;
	--binary) binary=$2 ;;
	--engine) engine=$2 ;;
	--python) python=$2 ;;
	--out) out=$2 ;;
	--runs) runs=$2 ;;
	--timeout) limit=$2 ;;
	--within) within=$2 ;;
	--profile) profile=$2 ;;
	--cases) cases=$2 ;;
	--precisions) precisions=$2 ;;
	*) fail "unknown option $1; see --help" ;;
	esac
	shift 2
done

[ -f "$peer" ] || fail "no peer at $peer; give torch_walrus.py with --peer"
command -v nvidia-smi >/dev/null || fail "no nvidia-smi here: this needs an NVIDIA GPU and its driver"
"$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || fail "$python has no PyTorch that sees a GPU; choose one with --python"
[ -x "$binary" ] || make build-xla >&2
[ -x "$binary" ] || fail "no program at $binary"

mkdir -p "$out"
rm -rf "$out/cache" "$out"/selftest-*.out # compile times are cold, but for the runs called warm
engine=$engine,cache=$(cd "$out" && pwd)/cache
results=$out/results.tsv
: >"$results"
{
	date -u +%Y-%m-%dT%H:%M:%SZ
	nvidia-smi
	"$binary" version
	"$python" -c 'import torch; print("torch", torch.__version__, "cuda", torch.version.cuda)'
} >"$out/machine.log" 2>&1 || true

# used prints the memory in use on the first GPU, in MiB.
used() {
	nvidia-smi --id=0 --query-gpu=memory.used --format=csv,noheader,nounits
}

# bounded NAME COMMAND... runs a command under the time limit. Its output goes to NAME.out and NAME.log, and the most
# memory that the card had in use, in MiB, to NAME.mem: read from outside, so that both programs are measured alike.
bounded() {
	name=$1
	shift
	echo "gpu-check: $name" >&2
	timeout "$limit" "$@" >"$out/$name.out" 2>"$out/$name.log" &
	running=$!
	most=0
	while kill -0 "$running" 2>/dev/null; do
		now=$(used || echo 0)
		[ "$now" -gt "$most" ] 2>/dev/null && most=$now
		sleep 0.2
	done
	echo "$most" >"$out/$name.mem"
	wait "$running"
}

# late tells whether the time given is over.
late() {
	[ "$within" -gt 0 ] && [ $(($(date +%s) - began)) -ge "$within" ]
}

# timed CASE PRECISION WHO COMMAND... adds a line to the results.
timed() {
	case_=$1 precision_=$2 who=$3
	shift 3
	if late; then
		state=skipped
	elif bounded "$case_-$precision_-$who" "$@"; then
		state=ok
	else
		state=failed
	fi
	printf '%s\t%s\t%s\t%s\t%s\n' "$case_" "$precision_" "$who" "$state" "$out/$case_-$precision_-$who" >>"$results"
}

broken=0
if ! [ -d "$golden" ]; then
	echo "gpu-check: no golden numbers at $golden: selftest is left out" >&2
	broken=1
fi

# selftest PRECISION compares with golden numbers. Only float32 has to pass; the others report what rounding costs.
selftest() {
	if [ -d "$golden" ] && ! late && ! bounded "selftest-$1" "$binary" selftest "$golden" --engine "$engine" --precision "$1" && [ "$1" = float32 ]; then
		broken=1
	fi
}

base="--hidden 768 --heads 12 --blocks 12 --frames 6 --size 128x128 --train"

# compare CASE PRECISION runs a case with each program in turn.
compare() {
	case=$1 precision=$2
	ours="--frames 6 --size 128x128" theirs="--frames 6 --size 128 128"
	case $case in
	base-train)
		sizes="--hidden 768 --heads 12 --blocks 12"
		ours=$base theirs="$theirs $sizes --train"
		;;
	walrus-train)
		ours="$ours --preset walrus --train --recompute 2"
		theirs="$theirs --hidden 1408 --heads 16 --blocks 40 --train --recompute 2"
		;;
	walrus-forward)
		ours="$ours --preset walrus"
		theirs="$theirs --hidden 1408 --heads 16 --blocks 40"
		;;
	walrus-rollout) ours="$ours --preset walrus --rollout 20" theirs= ;; # the peer has no rollout
	*) fail "unknown case $case; see --help" ;;
	esac
	counts="--runs $runs --warmup $warmup"
	# shellcheck disable=SC2086 # the settings are lists of words
	{
		timed "$case" "$precision" walrus "$binary" bench $ours $counts --engine "$engine" --precision "$precision" --json
		if [ "$case" = base-train ]; then
			timed "$case" "$precision" warm "$binary" bench $ours $counts --engine "$engine" --precision "$precision" --json
		fi
		if [ "$case-$precision" = base-train-bf16 ]; then
			timed "$case" "$precision" bfc "$binary" bench $ours $counts --engine "$engine,allocator=bfc" --precision "$precision" --json
		fi
		if [ -n "$theirs" ]; then
			timed "$case" "$precision" compiled "$python" "$peer" time $theirs $counts --device cuda --precision "$precision" --compile
			timed "$case" "$precision" eager "$python" "$peer" time $theirs $counts --device cuda --precision "$precision"
		fi
	}
}

for precision in $precisions; do
	for case in $cases; do
		compare "$case" "$precision"
		if [ "$case-$precision" = base-train-bf16 ]; then
			selftest float32
		fi
	done
done
for precision in $precisions; do
	[ -e "$out/selftest-$precision.out" ] || selftest "$precision"
done

if [ "$profile" = yes ] && ! late; then
	# shellcheck disable=SC2086
	XLA_FLAGS="${XLA_FLAGS:-} --xla_dump_to=$out/xla" bounded plan "$binary" bench $base --runs 1 --engine "$engine" --precision bf16 --json ||
		echo "gpu-check: no plan of memory; see $out/plan.log" >&2
	if command -v nsys >/dev/null; then
		# shellcheck disable=SC2086
		bounded profile nsys profile --force-overwrite true --stats true -o "$out/profile" \
			"$binary" bench $base --runs 3 --engine "$engine" --precision bf16 --json || echo "gpu-check: no profile; see $out/profile.log" >&2
	else
		echo "gpu-check: no nsys here: the profile of kernels is left out" >&2
	fi
fi

"$python" - "$results" "$out" "$precisions" <<'PYTHON' | tee "$out/table.txt"
import json, os, sys

runs = {}
for line in open(sys.argv[1]):
    case, precision, who, state, name = line.rstrip("\n").split("\t")
    result = {}
    if state == "ok":
        try:
            result = json.loads(open(name + ".out").read().strip().splitlines()[-1])
            result["gib"] = float(open(name + ".mem").read()) / 1024
        except (IndexError, ValueError):
            result = {}
    runs[case, precision, who] = result


def number(value, digits):
    return f"{value:.{digits}f}" if value is not None else "-"


def ratio(a, b, key):
    return a[key] / b[key] if a.get(key) and b.get(key) else None


def comparisons(path):
    """The lines of selftest: case, what is compared, error, allowed error, ok or FAILED."""
    for line in open(path):
        words = line.split()
        at = next((i for i, word in enumerate(words) if word in ("ok", "FAILED")), None)
        if at is not None and at >= 4 and float(words[at - 1]) > 0:
            yield words[0], " ".join(words[1 : at - 2]), float(words[at - 2]), float(words[at - 1])


for precision in dict.fromkeys(["float32", *sys.argv[3].split()]):
    path = os.path.join(sys.argv[2], f"selftest-{precision}.out")
    found = list(comparisons(path)) if os.path.exists(path) else []
    if not found:
        print(f"selftest {precision}: no result")
        continue
    good = sum(error <= allowed for _, _, error, allowed in found)
    case, what, error, allowed = max(found, key=lambda c: c[2] / c[3])
    print(f"selftest {precision}: {good} of {len(found)} comparisons within what float32 is allowed; "
          f"worst {case}, {what}: {error:.2e}, {error / allowed:.2g} of that")
most = {"base-train": (0.75, 1.0), "walrus-train": (0.8, 1.0), "walrus-forward": (0.8, None)}


def bar(case, precision, ours, eager, compiled, warm):
    """Whether a row meets its bars: pairs of a name, a value and the most that it may be."""
    if precision != "bf16":
        judged = [("time", ratio(ours, eager, "median_s"), 1.0)]
    else:
        time, memory = most.get(case, (None, None))
        judged = [("time", ratio(ours, compiled, "median_s"), time), ("memory", ratio(ours, compiled, "gib"), memory)]
        if case == "base-train":
            share, host = ours.get("share_of_peak"), ratio({"s": ours.get("host_s")}, {"s": ours.get("median_s")}, "s")
            judged += [("share of peak", 0.15 / share if share else None, 1.0),
                       ("host", host if host is not None or "median_s" not in ours else 0.0, 0.05),
                       ("compile", ours.get("compile_s"), 40), ("compile, warm", warm.get("compile_s"), 20)]
    judged = [(name, value, limit) for name, value, limit in judged if limit is not None]
    if not judged or any(value is None for _, value, _ in judged):
        return "-"
    missed = [name for name, value, limit in judged if value > limit]
    return "missed: " + ", ".join(missed) if missed else "met"


heads = ("case", "precision", "walrus s", "eager s", "compiled s", "/eager", "/compiled",
         "walrus GiB", "eager GiB", "compiled GiB", "/eager", "/compiled", "device s", "host s", "compile s", "warm s", "of bf16 peak", "bars")
rows = [heads]
for case, precision in dict.fromkeys((c, p) for c, p, _ in runs):
    ours, eager, compiled, warm = (runs.get((case, precision, who), {}) for who in ("walrus", "eager", "compiled", "warm"))
    rows.append((case, precision, number(ours.get("median_s"), 4), number(eager.get("median_s"), 4), number(compiled.get("median_s"), 4),
                 number(ratio(ours, eager, "median_s"), 2), number(ratio(ours, compiled, "median_s"), 2),
                 number(ours.get("gib"), 1), number(eager.get("gib"), 1), number(compiled.get("gib"), 1),
                 number(ratio(ours, eager, "gib"), 2), number(ratio(ours, compiled, "gib"), 2), number(ours.get("device_s"), 4), number(ours.get("host_s"), 4),
                 number(ours.get("compile_s"), 1), number(warm.get("compile_s"), 1),
                 number(ours.get("share_of_peak"), 3), bar(case, precision, ours, eager, compiled, warm)))
widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
for row in rows:
    print("  ".join(text.rjust(width) for text, width in zip(row, widths)))
for (case, precision, who), result in runs.items():
    if who == "bfc":
        print(f"{case} {precision} with allocator=bfc: {number(result.get('median_s'), 4)} s, {number(result.get('gib'), 1)} GiB")
PYTHON
if grep -q failed "$results"; then
	echo "gpu-check: some runs failed; their logs are in $out" >&2
	broken=1
fi
exit "$broken"
