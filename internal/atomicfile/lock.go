package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrBusy says that another process has a lock.
var ErrBusy = errors.New("another process has it")

// flock takes a lock on an open file without waiting.
func flock(f *os.File, how int) error { return syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB) }

// Busy reports whether another holder has a lock for writing on the file at path, which is as it was afterwards. On file systems without
// locks that can not be told, and nobody has. An error is that the file can not be opened.
func Busy(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close() // it was only asked for its lock, which closing gives back
	return errors.Is(flock(f, syscall.LOCK_SH), syscall.EWOULDBLOCK), nil
}

// Hold locks a file that was just created or opened; false where another process has the lock, or has removed the file. On file systems
// without locks nobody has.
func Hold(f *os.File) bool { return hold(f, syscall.LOCK_EX) }

// hold takes a lock that others may share (LOCK_SH) or not (LOCK_EX). It must not be changed from one to the other: in between there is none.
func hold(f *os.File, how int) bool {
	if errors.Is(flock(f, how), syscall.EWOULDBLOCK) {
		return false
	}
	own, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(own, named)
}

// Lock takes the lock that the file at path stands for, which is created where it is not there, until the file is closed or the process
// ends, however it does. The error wraps ErrBusy where another process has it. On file systems without locks nobody is refused.
func Lock(path string) (*os.File, error) {
	for try := 0; ; try++ {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, fmt.Errorf("atomicfile: %w", err)
		}
		if Hold(f) {
			return f, nil
		}
		f.Close() // nothing was written
		if try == 3 {
			return nil, fmt.Errorf("atomicfile: %s: %w", path, ErrBusy)
		}
		time.Sleep(20 * time.Millisecond) // somebody may only have looked whether it is free
	}
}

// Unlock gives a lock back and removes its file.
func Unlock(f *os.File) error {
	return errors.Join(os.Remove(f.Name()), f.Close()) // in this order nobody can have taken it in between
}
