package kernel

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestRunDoesEveryTaskOnceWithDistinctWorkers(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 8} {
		p := NewPool(workers)
		for round := range 200 {
			tasks := round % 23
			counts := make([]atomic.Int32, tasks)
			active := make([]atomic.Int32, workers)
			p.Run(tasks, func(task, worker int) {
				if active[worker].Add(1) != 1 {
					t.Errorf("worker %d has two tasks at once", worker)
				}
				counts[task].Add(1)
				active[worker].Add(-1)
			})
			for i := range counts {
				if n := counts[i].Load(); n != 1 {
					t.Fatalf("%d workers, %d tasks: task %d ran %d times", workers, tasks, i, n)
				}
			}
		}
		p.Close()
	}
}

func TestNestedAndConcurrentRunsFinish(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	var total atomic.Int64
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 50 {
				p.Run(5, func(int, int) {
					p.Run(4, func(int, int) { total.Add(1) })
				})
			}
		})
	}
	callers.Wait()
	if got := total.Load(); got != 4*50*5*4 {
		t.Errorf("%d inner tasks ran, expected %d", got, 4*50*5*4)
	}
}

func TestPanicOfATaskReachesTheCallerAndThePoolLives(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	func() {
		defer func() {
			if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "boom 3") {
				t.Errorf("recovered %v, expected the task's panic", r)
			}
		}()
		p.Run(6, func(task, _ int) {
			if task == 3 {
				panic("boom 3")
			}
		})
	}()
	var ran atomic.Int32
	p.Run(4, func(int, int) { ran.Add(1) })
	if ran.Load() != 4 {
		t.Errorf("%d of 4 tasks ran after a panic", ran.Load())
	}
}

func TestClosedPoolRunsOnTheCaller(t *testing.T) {
	p := NewPool(4)
	p.Close()
	p.Close()
	ran := 0
	p.Run(7, func(_, worker int) { ran++ })
	if ran != 7 {
		t.Errorf("%d of 7 tasks ran", ran)
	}
}

func TestArenaSlicesAreAlignedAndDisjoint(t *testing.T) {
	var a Arena
	for range 3 {
		var all [][]float32
		for n := range 40 {
			s := a.Float32(n)
			for i := range s {
				s[i] = float32(n)
			}
			all = append(all, s)
		}
		for n, s := range all {
			for i := range s {
				if s[i] != float32(n) {
					t.Fatalf("slice %d was overwritten with %g", n, s[i])
				}
			}
		}
		a.Reset()
	}
}
