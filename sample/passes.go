package sample

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// Group is windows of a data set that fit together, and the number of them in a batch.
type Group struct {
	Windows []int
	Batch   int
}

// perPass is the number of batches in a pass. What does not fill a batch waits for another pass, which has another order.
func (g Group) perPass() uint64 { return uint64(max(1, len(g.Windows)/g.Batch)) }

// Groups sorts the windows of a data set by what fits into one batch, in the order of their first windows. A batch has
// Entry.Batch windows; of a group that has fewer, as many as there are, as far as the devices can share them. The release
// puts all windows of a set together and lets the boundaries of the first one stand for the batch: a defect.
func (e Entry) Groups() []Group {
	var groups []Group
	position := map[int]int{}
	for i := range e.Source.Windows() {
		number := e.Source.Group(i)
		at, known := position[number]
		if !known {
			at = len(groups)
			position[number] = at
			groups = append(groups, Group{})
		}
		groups[at].Windows = append(groups[at].Windows, i)
	}
	devices := max(1, e.Devices)
	for i, g := range groups {
		groups[i].Batch = max(devices, min(e.Batch, len(g.Windows))/devices*devices)
	}
	return groups
}

// PassBatches is the number of batches in a pass through the data set, in which no window is drawn twice.
func (e Entry) PassBatches() uint64 { return perPass(e.Groups()) }

func perPass(groups []Group) (total uint64) {
	for _, g := range groups {
		total += g.perPass()
	}
	return total
}

// passes are the batches of one data set in the order in which they are drawn: pass after pass, each with the windows of
// every group in an order of its own. Which windows a batch has is a function of the seed and the number of the batch; the
// order of the pass that was asked for last is remembered.
type passes struct {
	seed   uint64
	groups []Group
	length uint64 // batches of a pass

	mu      sync.Mutex
	pass    uint64
	order   []int   // of the batches of the pass, numbered group after group; nil before the first pass
	windows [][]int // of each group
}

// passStream separates the orders of windows from what is drawn for a batch.
const passStream = 0x7061737365730000

// newPasses orders the windows of data set number set of a mixture.
func newPasses(seed uint64, set int, groups []Group) *passes {
	return &passes{seed: scatter(seed^passStream) + uint64(set), groups: groups, length: perPass(groups)}
}

// batch returns the windows of a batch of a pass.
func (p *passes) batch(pass, number uint64) []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.order == nil || p.pass != pass {
		p.shuffle(Random(p.seed, pass))
		p.pass = pass
	}
	slot := uint64(p.order[number])
	group := 0
	for slot >= p.groups[group].perPass() {
		slot -= p.groups[group].perPass()
		group++
	}
	g := p.groups[group]
	list := make([]int, g.Batch)
	for i := range list {
		// Only a group with fewer windows than there are devices repeats some of them.
		list[i] = p.windows[group][(int(slot)*g.Batch+i)%len(g.Windows)]
	}
	return list
}

// shuffle orders a pass.
func (p *passes) shuffle(random *rand.Rand) {
	p.order = random.Perm(int(p.length))
	p.windows = make([][]int, len(p.groups))
	for i, g := range p.groups {
		w := slices.Clone(g.Windows)
		random.Shuffle(len(w), func(a, b int) { w[a], w[b] = w[b], w[a] })
		p.windows[i] = w
	}
}
