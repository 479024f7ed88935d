package train

import (
	"fmt"

	"github.com/gowalrus/walrus/ranks"
)

// Traffic is what a rank sends in a step, and receives, in bytes.
type Traffic struct {
	Ranks     int   `json:"ranks"`
	Shard     int   `json:"shard"`
	Gradients int64 `json:"gradient_bytes"` // until every rank has the sums that it needs
	Weights   int64 `json:"weight_bytes"`   // new ones, to the other members of a sharding group
	Staging   int64 `json:"staging_bytes"`  // of the host's memory, for a bucket on its way
}

// Total is the sum of what is sent.
func (t Traffic) Total() int64 { return t.Gradients + t.Weights }

// OnRanks is the memory of one of several ranks, of which shard share the optimizer's memory, and what it sends in a step. Sums are
// made by the ranks that need them and sent around once (Stepper.reduce).
func (p Plan) OnRanks(count, shard int, t ranks.Transport) (Plan, Traffic, error) {
	traffic := Traffic{Ranks: count, Shard: shard}
	if count < 1 || shard < 1 || count%shard != 0 {
		return p, traffic, fmt.Errorf("train: shard is %d for %d ranks; expected a number that divides them", shard, count)
	}
	n, g, replicas := p.Gradients/4, int64(shard), int64(count/shard)
	width := int64(t.Width())
	// To each member of the group the piece that it sums up; then the piece's sum over all groups.
	traffic.Gradients = width * (n*(g-1)/g + 2*(n/g)*(replicas-1)/replicas)
	traffic.Weights = 4 * n * (g - 1) / g
	p.Moments /= g
	const perNumber = 4 + 4 // what goes out and what comes in
	traffic.Staging = perNumber * min(bucketNumbers, n)
	if t == ranks.BFloat16 {
		traffic.Staging += 2 * width * min(bucketNumbers, n)
	}
	return p, traffic, nil
}
