package export

import (
	"errors"
	"fmt"

	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/internal/hdf5"
)

// writeHDF5 makes an HDF5 file that is there when it is complete.
func writeHDF5(path string, fill func(*hdf5.File) error) error {
	target, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer target.Discard()
	f, err := hdf5.Create(target.Name())
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f), f.Close()); err != nil {
		return fmt.Errorf("export: %s: %w", path, err)
	}
	return target.Commit()
}
