package ranks

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// DefaultSilence is how long a rank may be silent before it counts as lost.
const DefaultSilence = time.Minute

// Join makes this process a rank of the run that a launcher (mpirun or srun) has started it for; without a launcher it is
// alone. A rank that is silent for longer than silence ends the run with a message that names it.
func Join(silence time.Duration) (*Group, error) {
	rank, size, launcher := launched(os.Getenv)
	if size <= 1 {
		return Alone(), nil
	}
	if silence <= 0 {
		return nil, fmt.Errorf("ranks: a peer timeout of %v; expected a positive time", silence)
	}
	if !HasMPI {
		return nil, fmt.Errorf("ranks: %s started this process as %d of %d, and this build can not work with others; build it with: make build-mpi", launcher, rank, size)
	}
	g, err := joinMPI(silence)
	if err != nil {
		return nil, err
	}
	if g.Size() != size {
		return nil, fmt.Errorf("ranks: %s started %d processes, and MPI sees %d; Slurm's launch needs srun --mpi=pmix (srun --mpi=list shows what there is)", launcher, size, g.Size())
	}
	return g, nil
}

// launched says which of how many processes of a launcher this is; size 0 without one.
func launched(env func(string) string) (rank, size int, launcher string) {
	number := func(name string) int {
		n, err := strconv.Atoi(env(name))
		if err != nil {
			return -1
		}
		return n
	}
	for _, l := range []struct{ rank, size, launcher string }{
		{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "mpirun"},
		{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "srun"},
		{"PMI_RANK", "PMI_SIZE", "mpiexec"},
	} {
		if rank, size := number(l.rank), number(l.size); rank >= 0 && size > 0 {
			return rank, size, l.launcher
		}
	}
	return 0, 0, ""
}
