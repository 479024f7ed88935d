#!/bin/sh
# Benchmarks of this checkout beside those of the last tag, run in turn so that the drift of the machine's clock hits both, and compared by benchstat.
# The table goes to the terminal and to bench/results, one file a machine kind. Without a tag it has this checkout alone.
#
#   scripts/bench.sh                              what make bench runs
#   BENCH=GEMM PACKAGES=cpu/kernel scripts/bench.sh
#   BASE=HEAD~5 COUNT=10 scripts/bench.sh         another commit than the last tag
#
# COUNT=6     how often each benchmark runs; below 6 benchstat gives no interval
# TIME=100ms  how long each of them takes
# BENCH=.     which, as in go test -bench; PACKAGES: in which packages (default all that have some); OUT=bench/results: where the table goes
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go} count=${COUNT:-6} time=${TIME:-100ms} bench=${BENCH:-.} out=${OUT:-bench/results}
# golang.org/x/perf has no releases: a commit is pinned.
benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
packages=${PACKAGES:-$(git grep -l '^func Benchmark.*testing\.B' -- '*_test.go' | xargs -n1 dirname | sort -u)}

load=$(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo unknown)
scratch=$(mktemp -d)
end() {
	[ ! -e "$scratch/tree" ] || git worktree remove --force "$scratch/tree"
	rm -rf "$scratch"
}
trap end EXIT
trap 'exit 1' INT TERM

head=$(git describe --always --dirty --exclude '*')
base=${BASE:-$(git describe --tags --abbrev=0 2>/dev/null || true)}
if [ -z "${BASE:-}" ] && [ -n "$base" ] && [ "$(git rev-parse "$base^{commit}")" = "$(git rev-parse HEAD)" ] && [ "${head%-dirty}" = "$head" ]; then
	base=$(git describe --tags --abbrev=0 HEAD^ 2>/dev/null || true) # this checkout is the tag: the one before it
fi
if [ -z "$base" ]; then
	echo "bench: no tag that this commit comes after (git fetch --tags?): nothing to compare with, only this checkout is timed; BASE=COMMIT names another base" >&2
else
	echo "bench: $head beside $base" >&2
	git worktree add --quiet --detach "$scratch/tree" "$base"
fi

# compile NAME FOLDER: the test programs of the packages that are there.
compile() {
	mkdir -p "$scratch/$1"
	for package in $packages; do
		ls "$2/$package"/*_test.go >/dev/null 2>&1 || { echo "bench: $1 has no tests in $package" >&2; continue; }
		(cd "$2" && $go test -vet=off -c -o "$scratch/$1/$(echo "$package" | tr / _).test" "./$package")
	done
}
# run NAME FOLDER: every benchmark once more, to the end of NAME's results.
run() {
	for package in $packages; do
		program=$scratch/$1/$(echo "$package" | tr / _).test
		[ ! -e "$program" ] || (cd "$2/$package" && "$program" -test.run '^$' -test.bench "$bench" -test.benchtime "$time" >>"$scratch/$1.txt")
	done
}
compile new .
[ -z "$base" ] || compile old "$scratch/tree"
for turn in $(seq "$count"); do
	echo "bench: turn $turn of $count" >&2
	[ -z "$base" ] || run old "$scratch/tree"
	run new .
done

results=$head=$scratch/new.txt
[ -z "$base" ] || results="$base=$scratch/old.txt $results"
$go build -buildvcs=auto -o "$scratch/walrus" ./cmd/walrus
cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | head -1)
[ -n "$cpu" ] || cpu=$(sysctl -n machdep.cpu.brand_string 2>/dev/null || uname -m)
threads=${GOMAXPROCS:-$(getconf _NPROCESSORS_ONLN)}
table=$out/$(echo "$cpu $threads threads" | tr 'A-Z' 'a-z' | sed 's/([a-z]*)//g; s/[^a-z0-9]\{1,\}/-/g; s/^-//; s/-$//').md
mkdir -p "$out"
{
	echo "# $cpu, $threads threads"
	echo
	echo "Made by \`make bench\` ($count runs of $time each, benchmarks \`$bench\`). GFLOP/cpu-s is the best rate for each second of processor time, which other load of the machine disturbs little. The machine's load average at the start was $load: above 0.3 or so, the seconds say little."
	echo
	echo '```'
	"$scratch/walrus" version
	echo
	# shellcheck disable=SC2086 # two words, none with blanks
	$go run $benchstat -filter '.unit:(sec/op OR GFLOP/cpu-s)' $results
	echo '```'
} >"$scratch/table.md"
mv "$scratch/table.md" "$table"
cat "$table"
