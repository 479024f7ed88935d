//go:build !mpi

package ranks

import (
	"errors"
	"time"
)

// HasMPI says whether this build can work with the processes that a launcher starts.
const HasMPI = false

// joinMPI is not reached: Join refuses before.
func joinMPI(time.Duration) (*Group, error) {
	return nil, errors.New("ranks: this build has no MPI; build it with: make build-mpi")
}
