package hdf5

import (
	"errors"
	"os"
	"strings"

	"github.com/gowalrus/walrus/internal/atomicfile"
)

// errBeingWritten is a file that another program holds a lock for writing on, as libhdf5 does while it writes.
var errBeingWritten = errors.New("another program has it open for writing; wait until it has closed the file, or set HDF5_USE_FILE_LOCKING=FALSE to read what is there")

// beingWritten reports a file that another program is writing. The library's own locks are off, since many file systems
// have none, which is no reason not to read from them.
func beingWritten(path string) error {
	switch strings.ToUpper(os.Getenv("HDF5_USE_FILE_LOCKING")) {
	case "FALSE", "0":
		return nil
	}
	busy, err := atomicfile.Busy(path)
	if busy {
		return errBeingWritten
	}
	return err
}
