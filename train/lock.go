package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
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
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	for try := 0; try < 3 && errors.Is(err, syscall.EWOULDBLOCK); try++ {
		time.Sleep(20 * time.Millisecond) // a glance of Active may hold it
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("train: another process is training in %s; wait for it, or choose another folder with --set out=FOLDER", folder), file.Close())
	}
	return file, nil
}

// Active reports whether a process trains in a run's folder. On file systems without locks that can not be told, and none does.
func Active(folder string) bool {
	file, err := os.Open(filepath.Join(folder, LockFile))
	if err != nil {
		return false
	}
	defer file.Close() // and the lock with it
	return errors.Is(syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
