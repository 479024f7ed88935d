package hdf5

// #include "shim.h"
import "C"

import (
	"sync"
	"sync/atomic"
	"time"
)

// A damaged file can also send libhdf5 round in circles: an object of length zero in a heap is read again and again. A call
// that has used more of the processor than any file needs is ended like one with a fault. Waiting for a disk does not count, but once
// a fault may have left the C library's heap locked, neither does a call wait for ever. A call is not ended inside the C library as long
// as it can be found outside.

// mostTries is how often a call that must end is asked to, a thousandth of a second apart, before it is ended wherever it is.
const mostTries = 2000

// leastUse is the part of its time that a call uses of the processor which is not blocked.
const leastUse = 1e-3

// patience is the processor time that every call has. Calls that move values have more, by their bytes (allow).
const patience = 3 * time.Second

// Bytes a second that any machine reads and unpacks, or packs and writes, at least.
const (
	slowestRead   = 10e6
	slowestWrite  = 1e6
	slowestUnpack = 100e6
)

// allowed is the processor time beyond patience that calls have now.
var allowed atomic.Int64

// allow gives the calls of an operation time for so many bytes more. The operation runs on the library's thread.
func allow(bytes int64, rate float64) {
	allowed.Add(int64(float64(bytes) / rate * float64(time.Second)))
}

// deflateRatio is how many bytes one byte of a chunk can at most become: deflate's bound, which no other usual filter exceeds by much.
const deflateRatio = 1032

// unpacked bounds the bytes of the chunks that a slab touches, which are unpacked whole for a single value of each: not more than a file of
// its size can hold, whatever a damaged one says.
func (d *Dataset) unpacked(s *Slab) int64 {
	if d.Chunk == nil {
		return 0
	}
	bytes := float64(d.Type.Size) * float64(len(d.touched(s)))
	for _, n := range d.Chunk {
		bytes *= float64(n)
	}
	return int64(min(bytes, float64(d.file.size)*deflateRatio))
}

// watcher ends the library's calls that do not end, during one operation.
type watcher struct {
	mutex sync.Mutex
	timer *time.Timer
	over  bool
	tries int       // to end the call
	calls C.ulong   // begun when last looked
	first time.Time // look at the last of them
	since float64   // processor time then
}

// watch begins with the library's thread idle, and looks first when the operation has taken long.
func watch() *watcher {
	allowed.Store(0)
	w := &watcher{}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.timer = time.AfterFunc(patience/2, w.look)
	return w
}

func (w *watcher) look() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.over {
		return
	}
	next := patience / 4
	calls, now := C.walrus_guard_calls(), float64(C.walrus_guard_time())
	limit, blocked := patience+time.Duration(allowed.Load()), float64(C.walrus_guard_blocked())
	switch used := now - w.since; {
	case calls != w.calls:
		w.calls, w.since, w.tries, w.first = calls, now, 0, time.Now()
	case used > limit.Seconds():
		insist := C.int(0)
		if w.tries++; w.tries > mostTries {
			insist = 1
		}
		C.walrus_guard_end(calls, insist)
		next = time.Millisecond // it may have been a bad moment
	case blocked > 0 && now >= 0 && time.Since(w.first).Seconds() > blocked && used < leastUse*time.Since(w.first).Seconds():
		C.walrus_guard_end(calls, 1)
	}
	w.timer.Reset(next)
}

func (w *watcher) end() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.over = true
	w.timer.Stop()
}
