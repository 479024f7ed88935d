package sample

import (
	"math/bits"
	"sync"
)

// draws tells which data set every batch of a mixture comes from, and how many batches of that set came before: both are
// functions of the seed and the number of the batch. What it remembers only saves counting again.
type draws struct {
	seed uint64
	sets int
	// limits are the batches that each set has in an epoch of so many batches of the mixture, after which it is not drawn
	// again before the next epoch. nil where a set that is used up begins anew.
	limits []uint64
	epoch  uint64

	mu    sync.Mutex
	marks [][]uint64 // counts of the sets before batch i markEvery
}

// markEvery is the number of batches between two marks: counting on from one takes microseconds.
const markEvery = 4096

// drawStream separates the choice of the data set from what is drawn for a batch.
const drawStream = 0x6472617773000000

// at returns the data set of batch n and the number of earlier batches of that set (of the same epoch where sets have
// limits).
func (d *draws) at(n uint64) (set int, before uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.marks == nil {
		d.marks = [][]uint64{make([]uint64, d.sets)}
	}
	counts := make([]uint64, d.sets)
	mark := min(n/markEvery, uint64(len(d.marks)-1))
	copy(counts, d.marks[mark])
	for k := mark * markEvery; ; k++ {
		if k == uint64(len(d.marks))*markEvery {
			d.marks = append(d.marks, append([]uint64(nil), counts...))
		}
		set = d.next(k, counts)
		if k == n {
			return set, counts[set]
		}
		counts[set]++
	}
}

// next draws the data set of batch k, uniform over those that are not used up.
func (d *draws) next(k uint64, counts []uint64) int {
	random := scatter(scatter(d.seed^drawStream) ^ scatter(k))
	if d.limits == nil {
		set, _ := bits.Mul64(random, uint64(d.sets))
		return int(set)
	}
	if k%d.epoch == 0 {
		clear(counts)
	}
	left := uint64(0)
	for set, limit := range d.limits {
		if counts[set] < limit {
			left++
		}
	}
	skip, _ := bits.Mul64(random, left)
	for set, limit := range d.limits {
		if counts[set] == limit {
			continue
		}
		if skip == 0 {
			return set
		}
		skip--
	}
	return 0 // not reached: New has checked that the limits last for an epoch
}
