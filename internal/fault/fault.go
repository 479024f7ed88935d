package fault

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// Fault is a panic that was caught.
type Fault struct {
	Value any    // what the panic was called with
	Stack string // of the goroutine that panicked
	where string // the line of this module that it happened in
}

// Error is one line; the stack is for the report.
func (f *Fault) Error() string {
	return fmt.Sprintf("a fault of the program, not of what it was given: %s (%s)", strings.Join(strings.Fields(fmt.Sprint(f.Value)), " "), f.where)
}

// Unwrap gives the error that the panic was called with, if it was one.
func (f *Fault) Unwrap() error {
	err, _ := f.Value.(error)
	return err
}

// Of makes a fault of what recover gave, on the goroutine and in the deferred function that recovered. A fault that was passed on
// stays as it is.
func Of(value any) *Fault {
	if f, ok := value.(*Fault); ok {
		return f
	}
	return &Fault{Value: value, Stack: string(debug.Stack()), where: place()}
}

// place finds the function that panicked: the first after the runtime's.
func place() string {
	var counters [64]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(3, counters[:])])
	panicked := false
	for {
		frame, more := frames.Next()
		switch {
		case strings.HasPrefix(frame.Function, "runtime."):
			panicked = panicked || frame.Function == "runtime.gopanic"
		case panicked:
			return fmt.Sprintf("%s, %s:%d", frame.Function, filepath.Base(frame.File), frame.Line)
		}
		if !more {
			return "at an unknown place"
		}
	}
}

// Recover makes an error of a panic: defer fault.Recover(&err).
func Recover(err *error) {
	if r := recover(); r != nil {
		*err = Of(r)
	}
}

// Catch runs a function, and makes an error of a panic in it.
func Catch(f func() error) (err error) {
	defer Recover(&err)
	return f()
}

// Group is a sync.WaitGroup whose Wait panics, on the goroutine that waits, if one of the functions did.
type Group struct {
	group sync.WaitGroup
	mutex sync.Mutex
	first *Fault
}

// Go runs a function on a goroutine of its own.
func (g *Group) Go(f func()) {
	g.group.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				g.mutex.Lock()
				defer g.mutex.Unlock()
				if g.first == nil {
					g.first = Of(r)
				}
			}
		}()
		f()
	})
}

// Wait waits for all functions.
func (g *Group) Wait() {
	g.group.Wait()
	if g.first != nil {
		panic(g.first)
	}
}
