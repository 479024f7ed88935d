#!/usr/bin/env bash
# Runs train.sbatch under a real Slurm on this machine alone, time limit and requeue included: a job of two ranks with a limit of one
# minute has to be requeued until its run is complete. Needs root, Debian's slurm-wlm and munge, and the program of make build-mpi.
#
#   scripts/slurm/check.sh [FOLDER]      default: a temporary one; it is kept if something fails
#
# Without Slurm it says so and does nothing. It ends the daemons that it has started, by their numbers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=${WALRUS:-$here/../../bin/walrus-mpi}
for tool in slurmctld slurmd srun munged; do
	command -v "$tool" >/dev/null || { echo "slurm check: skipped, $tool is missing (apt-get install slurm-wlm munge)"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "slurm check: skipped, starting Slurm's daemons needs root"; exit 0; }
[ -x "$program" ] || { echo "slurm check: $program is missing: make build-mpi" >&2; exit 1; }
program=$(readlink -f "$program")
dir=${1:-$(mktemp -d)} keep=${1:-}
mkdir -p "$dir"/{state,spool}
dir=$(cd "$dir" && pwd)
host=$(hostname -s)
port=$((20000 + $$ % 5000 * 2)) # of its own, since two checks may run at once

cat >"$dir/slurm.conf" <<CONF
ClusterName=check
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
SlurmctldPort=$port
SlurmdPort=$((port + 1))
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobRequeue=1
KillWait=5
ReturnToService=2
MinJobAge=600
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=4000
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$dir/slurm.conf

daemons=() job=
finish() {
	local code=$? pid
	trap - EXIT
	[ -z "$job" ] || scancel "$job" 2>/dev/null || true
	for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
		pid=$(cat "${daemons[i]}" 2>/dev/null) || continue
		kill "$pid" 2>/dev/null || true
		for _ in $(seq 50); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
	done
	if [ "$code" != 0 ]; then
		tail -n 20 "$dir"/walrus-*.log >&2 2>/dev/null || true
		echo "slurm check: see $dir" >&2
	elif [ -z "$keep" ]; then
		rm -rf "$dir"
	fi
	exit "$code"
}
trap finish EXIT
trap 'exit 1' INT TERM

# munge of its own: key, socket and log in the folder, so that one that is there is left alone.
chmod 755 "$dir"
dd if=/dev/urandom of="$dir/munge.key" bs=128 count=1 status=none
chmod 400 "$dir/munge.key"
munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" --log-file="$dir/munged.log" --seed-file="$dir/munge.seed"
daemons+=("$dir/munged.pid")
slurmctld -f "$SLURM_CONF"
daemons+=("$dir/slurmctld.pid")
sleep 2
slurmd -f "$SLURM_CONF" -N "$host"
daemons+=("$dir/slurmd.pid")
for _ in $(seq 60); do
	sinfo -h 2>/dev/null | grep -q idle && break
	sleep 0.5
done
sinfo -h | grep -q idle || { echo "slurm check: the node did not become idle" >&2; exit 1; }

cd "$dir"
"$program" simulate gray_scott_reaction_diffusion --out data --grid 16x16 --steps 8 --trajectories 4 --splits 1,0,0
cat >recipe.yaml <<'YAML'
model: {preset: tiny, hidden: 16, intermediate: 4, heads: 2, blocks: 2, tokens: 8, vocabulary: data}
data: {sets: [{path: data/gray_scott_reaction_diffusion}], history: 3, batch: 4, accumulation: 2, max_stride: 1}
schedule: {learning_rate: 0.002, epochs: 2, steps_per_epoch: 1000000, warmup_epochs: 0, cooldown_epochs: 0}
validation: {every: 0}
YAML
# The limit of a job is whole minutes, and the signal comes at least so many seconds before it. The requeued job would wait for two minutes:
# it is told where to end, and to begin.
export WALRUS=$program
job=$(sbatch --parsable --ntasks 2 --time 1 --signal=USR1@40 "$here/train.sbatch" recipe.yaml run)
said() { scontrol show job "$job" | sed -n "s/.*$1=\([A-Z0-9]*\).*/\1/p"; }
for _ in $(seq 180); do
	case $(said Restarts):$(said JobState) in 0:PENDING | 0:RUNNING | 0:COMPLETING) sleep 0.5 ;; *) break ;; esac
done
[ "$(said Restarts)" -ge 1 ] || { echo "slurm check: job $job is $(said JobState) and was not requeued at its time limit" >&2; exit 1; }
step=$(sed -n 's/.*"step": \([0-9]*\).*/\1/p' run/last/state.json | head -1)
echo "slurm check: job $job saved after step $step and was requeued"
sed -i "s/steps_per_epoch: [0-9]*/steps_per_epoch: $((step / 2 + 5))/" run/train.yaml
# But not before its first part is gone, whose sockets lie in the spool, and its credential is a second old: a node refuses a job that it has
# ended in the same second, and the job then counts as failed. Those two minutes are there for that.
for _ in $(seq 120); do
	case $(ls "$dir/spool") in *"${host}_$job".* | *"pmix.$job".*) sleep 0.5 ;; *) break ;; esac
done
sleep 2
for _ in $(seq 240); do
	case $(said JobState) in
	COMPLETED | FAILED | TIMEOUT | CANCELLED) break ;;
	PENDING) scontrol update jobid="$job" starttime=now 2>/dev/null || true ;;
	esac
	sleep 0.5
done
[ "$(said JobState)" = COMPLETED ] || { echo "slurm check: job $job is $(said JobState)" >&2; exit 1; }
last=$(sed -n 's/.*"step": \([0-9]*\).*/\1/p' run/last/state.json | head -1)
[ "$last" = $((2 * (step / 2 + 5))) ] || { echo "slurm check: the run ends at step $last" >&2; exit 1; }
rows=$(tail -n +2 run/log.csv | cut -d, -f1 | sort -n | uniq -d | wc -l)
[ "$rows" = 0 ] || { echo "slurm check: $rows steps are logged twice" >&2; exit 1; }
echo "slurm check: job $job went on by itself and completed at step $last (requeued $(said Restarts) times)"
