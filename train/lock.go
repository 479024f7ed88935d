package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// LockFile is the file in a run's folder that the process that trains there holds a lock on.
const LockFile = ".lock"

// lockFolder takes a run's folder for this process, until the file is closed or the process ends, however it does. On file
// systems without locks two runs can not be told apart, and none is refused.
func lockFolder(folder string) (*os.File, error) {
	path := filepath.Join(folder, LockFile)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("train: another process is training in %s; wait for it, or choose another folder with --set out=FOLDER", folder), file.Close())
	}
	return file, nil
}
