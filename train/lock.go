package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/internal/atomicfile"
)

// LockFile is the file in a run's folder that the process that trains there holds a lock on.
const LockFile = ".lock"

// lockFolder takes a run's folder for this process, until the file is closed or the process ends, however it does. On file
// systems without locks two runs can not be told apart, and none is refused.
func lockFolder(folder string) (*os.File, error) {
	file, err := atomicfile.Lock(filepath.Join(folder, LockFile))
	if errors.Is(err, atomicfile.ErrBusy) {
		return nil, fmt.Errorf("train: another process is training in %s; wait for it, or choose another folder with --set out=FOLDER", folder)
	}
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return file, nil
}

// Active reports whether a process trains in a run's folder. On file systems without locks that can not be told, and none does.
func Active(folder string) bool {
	busy, err := atomicfile.Busy(filepath.Join(folder, LockFile))
	return err == nil && busy
}
