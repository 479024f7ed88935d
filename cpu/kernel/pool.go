package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gowalrus/walrus/internal/fault"
)

// Pool is a fixed set of workers that share the tasks of one Run at a time. It cannot deadlock: the caller of Run takes
// tasks itself and finishes all of them if nobody helps, and a Run that finds the pool in use (nested in a task, or
// beside another caller) does its tasks alone, at once.
type Pool struct {
	workers int
	busy    atomic.Bool
	current atomic.Pointer[job]
	wake    []chan struct{} // one per helper, capacity 1: a pending wake-up always finds the newest job
	close   sync.Once

	arenas struct {
		sync.Mutex
		free []*Arena
	}
}

// job is one Run: tasks are handed out by a counter.
type job struct {
	tasks    int64
	run      func(task, worker int)
	next     atomic.Int64
	left     atomic.Int64
	done     chan struct{}
	panicked atomic.Pointer[fault.Fault]
}

// NewPool returns a pool of the given number of workers, the caller of Run counted as one; fewer than 1 means
// runtime.GOMAXPROCS(0). Close releases its goroutines.
func NewPool(workers int) *Pool {
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	p := &Pool{workers: workers, wake: make([]chan struct{}, workers-1)}
	for i := range p.wake {
		p.wake[i] = make(chan struct{}, 1)
		go p.help(p.wake[i], i+1)
	}
	return p
}

// Workers is the number of tasks that can run at the same time.
func (p *Pool) Workers() int { return p.workers }

// Close ends the helpers. A pool that was closed still works: Run does everything on the caller.
func (p *Pool) Close() {
	p.close.Do(func() {
		for !p.busy.CompareAndSwap(false, true) { // stays busy: later Runs are alone
			runtime.Gosched()
		}
		for _, w := range p.wake {
			close(w)
		}
	})
}

// Run calls f(task, worker) for every task in 0..tasks-1, in any order, and returns when all are done. worker is in
// 0..Workers()-1 and differs between tasks of this Run that run at the same time. A panic in f is raised again in the
// caller once the other tasks have ended.
func (p *Pool) Run(tasks int, f func(task, worker int)) {
	if tasks <= 0 {
		return
	}
	if tasks == 1 || p.workers == 1 || !p.busy.CompareAndSwap(false, true) {
		for task := range tasks {
			f(task, 0)
		}
		return
	}
	defer p.busy.Store(false)
	j := &job{tasks: int64(tasks), run: f, done: make(chan struct{})}
	j.left.Store(int64(tasks))
	p.current.Store(j)
	for _, w := range p.wake[:min(len(p.wake), tasks-1)] {
		select {
		case w <- struct{}{}:
		default: // that helper has not yet seen its last wake-up; it will find this job
		}
	}
	j.work(0)
	<-j.done
	p.current.Store(nil)
	if t := j.panicked.Load(); t != nil {
		panic(t)
	}
}

// help takes part in jobs until the pool is closed.
func (p *Pool) help(wake <-chan struct{}, worker int) {
	for range wake {
		if j := p.current.Load(); j != nil {
			j.work(worker)
		}
	}
}

// work takes tasks until none is left.
func (j *job) work(worker int) {
	for {
		task := j.next.Add(1) - 1
		if task >= j.tasks {
			return
		}
		j.one(int(task), worker)
		if j.left.Add(-1) == 0 {
			close(j.done)
		}
	}
}

// one runs a task and keeps its panic, if any.
func (j *job) one(task, worker int) {
	defer func() {
		if r := recover(); r != nil {
			j.panicked.CompareAndSwap(nil, fault.Of(r))
		}
	}()
	j.run(task, worker)
}

// RunRange splits 0..n-1 into chunks of at most grain elements and calls f(from, to) for each, in parallel. The chunks
// depend on n and grain alone, never on the number of workers.
func (p *Pool) RunRange(n, grain int, f func(from, to int)) {
	grain = max(grain, 1)
	p.Run((n+grain-1)/grain, func(task, _ int) {
		f(task*grain, min(n, (task+1)*grain))
	})
}
