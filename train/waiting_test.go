package train

import (
	"testing"

	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/sample"
)

// grids are those of the 19 pretraining data sets (spec/recipe.md, section 5).
var grids = [][]int{
	{256, 256}, {256, 256}, {256, 256}, {256, 256}, {512, 512}, {512, 512}, {128, 128}, {1024, 256}, {256, 512}, {512, 128}, {256, 512},
	{128, 384}, {512, 512}, {512, 128}, {64, 64, 64}, {128, 128, 128}, {128, 128, 128}, {64, 64, 64}, {128, 128, 256},
}

// workOf is the tokens of a batch of one rank: with adaptive strides 32 an axis in 2-D and 16 in 3-D, else one for every 8 points an
// axis. 3-D data has half the frames and half the batch.
func workOf(grid []int, adaptive bool) float64 {
	work := 6.0 * 2
	if len(grid) == 3 {
		work = 3 * 1
	}
	for _, points := range grid {
		switch {
		case !adaptive:
			work *= float64(points) / 8
		case len(grid) == 3:
			work *= 16
		default:
			work *= 32
		}
	}
	return work
}

// waiting is the share of their time that ranks wait: each makes batches micro-batches a step, draws the data set of each by its group of
// together ranks, and the step ends for all at once. With everyLayer the ranks of a group of 4 also wait for each other in every
// micro-batch, as where the weights themselves are sharded.
func waiting(size, together, batches int, everyLayer, adaptive bool) float64 {
	const steps, sharing = 400, 4
	var busy, all float64
	for step := range steps {
		times, work := make([]float64, size), make([]float64, size)
		for b := range batches {
			each := make([]float64, size)
			for rank := range size {
				n := (step*batches+b)*size + rank/together
				each[rank] = workOf(grids[sample.Random(5, uint64(n)).IntN(len(grids))], adaptive)
				work[rank] += each[rank]
			}
			for rank := range size {
				slowest := each[rank]
				for k := range sharing {
					if everyLayer {
						slowest = max(slowest, each[rank/sharing*sharing+k])
					}
				}
				times[rank] += slowest
			}
		}
		longest := 0.0
		for rank := range size {
			busy += work[rank]
			longest = max(longest, times[rank])
		}
		all += longest * float64(size)
	}
	return 1 - busy/all
}

// The figures of docs/cluster.md: go test ./train -run TestGroupsThatDrawTogetherWaitLess -v
func TestGroupsThatDrawTogetherWaitLess(t *testing.T) {
	const size, batches = 96, 4
	for _, adaptive := range []bool{false, true} {
		for _, everyLayer := range []bool{true, false} {
			alone, together := waiting(size, 1, batches, everyLayer, adaptive), waiting(size, 4, batches, everyLayer, adaptive)
			t.Logf("adaptive tokens %-5t  sync in every layer %-5t  waiting: own draws %.1f %%, groups of 4 %.1f %%; throughput x %.2f",
				adaptive, everyLayer, 100*alone, 100*together, (1-together)/(1-alone))
			if adaptive && (alone > 0.01 || together > 0.01) {
				t.Errorf("with adaptive tokens all batches have as many tokens, and ranks wait %.3f and %.3f of the time", alone, together)
			}
			if !adaptive && together >= alone {
				t.Errorf("ranks wait %.3f of the time, with draws of their own %.3f", together, alone)
			}
		}
	}
}

// The definition beside the formula: what the collectives of a step really send.
func TestTrafficIsWhatTheCollectivesSend(t *testing.T) {
	const n = 4 * 3 * 5 * 1000
	for _, c := range []struct{ ranks, shard int }{{1, 1}, {4, 1}, {4, 4}, {12, 4}, {96, 4}} {
		for transport, width := range map[ranks.Transport]int64{ranks.Float32: 4, ranks.BFloat16: 2} {
			replicas := c.ranks / c.shard
			var sent int64
			for i, part := range ranks.Parts(n, c.shard) { // rank 0 keeps its own part
				if i > 0 {
					sent += width * int64(part)
				}
			}
			own := n / c.shard
			for i, part := range ranks.Parts(own, replicas) {
				if i > 0 {
					sent += width * int64(part)                          // to whom sums it up
					sent += width * int64(ranks.Parts(own, replicas)[0]) // and the own sum to each
				}
			}
			_, traffic, err := Plan{Gradients: 4 * n, Moments: 8 * n}.OnRanks(c.ranks, c.shard, transport)
			if err != nil || traffic.Weights != int64(4*own*(c.shard-1)) || traffic.Gradients < sent-int64(8*c.ranks) || traffic.Gradients > sent+int64(8*c.ranks) {
				t.Errorf("%d ranks, shard %d, %s: %+v, %v; %d bytes of gradients are sent", c.ranks, c.shard, transport, traffic, err, sent)
			}
		}
	}
	if _, _, err := (Plan{}).OnRanks(96, 5, ranks.Float32); err == nil {
		t.Error("96 ranks in groups of 5")
	}
}
