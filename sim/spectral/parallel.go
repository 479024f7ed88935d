package spectral

import "github.com/gowalrus/walrus/internal/fault"

// parallel splits the items 0..n-1 into one contiguous range a worker and waits until all are done. The function must
// compute each item independently of the ranges, so that the result is the same for any number of workers.
func parallel(workers, n int, work func(worker, low, high int)) {
	workers = min(workers, n)
	if workers <= 1 {
		if n > 0 {
			work(0, 0, n)
		}
		return
	}
	var group fault.Group
	for w := 1; w < workers; w++ {
		group.Go(func() { work(w, n*w/workers, n*(w+1)/workers) })
	}
	work(0, 0, n/workers)
	group.Wait()
}
