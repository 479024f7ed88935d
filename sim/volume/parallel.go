package volume

import (
	"sync/atomic"

	"github.com/gowalrus/walrus/internal/fault"
)

// parallel calls work for every task 0 <= task < tasks on at most workers goroutines; slot numbers the goroutine, so
// that each can own scratch memory. Tasks are handed out as goroutines become free: work must not depend on the order.
func parallel(workers, tasks int, work func(slot, task int)) {
	workers = min(workers, tasks)
	if workers <= 1 {
		for task := range tasks {
			work(0, task)
		}
		return
	}
	var next atomic.Int64
	var wait fault.Group
	for slot := range workers {
		wait.Go(func() {
			for {
				task := int(next.Add(1)) - 1
				if task >= tasks {
					return
				}
				work(slot, task)
			}
		})
	}
	wait.Wait()
}

// blockCells is how many cells a goroutine takes at a time in loops over whole states.
const blockCells = 8192

// overBlocks splits [0, cells) into blocks and works on them in parallel.
func overBlocks(workers, cells int, work func(from, to int)) {
	parallel(workers, (cells+blockCells-1)/blockCells, func(_, block int) {
		work(block*blockCells, min(cells, (block+1)*blockCells))
	})
}
