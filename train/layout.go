package train

import "fmt"

// layout says which part of a step a rank makes. The configuration describes the whole step, and the ranks only share it out:
// batch i of step n is the same on any number of them, so that a run may go on with more or fewer. The zero value is one process
// alone.
//
// Consecutive ranks make a group that shares a batch, each with its part of the samples: they have the same data set, shapes and
// tokens and take equally long (the paper's topology-aware sampling, section 3.3). The groups share the batches of a step.
type layout struct {
	ranks, rank int
	batches     int // of a step
	shard       int // ranks that share the optimizer's memory
	together    int // ranks that share a batch: a multiple of shard
	devices     int // of each rank: its samples are a multiple of these
}

// newLayout shares a step of a number of batches. As few ranks as possible share a batch: those of a sharding group, or as many
// more as it takes for every rank to have work.
func newLayout(ranks, rank, batches, shard, devices int) (layout, error) {
	l := layout{ranks: ranks, rank: rank, batches: batches, shard: max(1, shard), devices: max(1, devices)}
	if ranks%l.shard != 0 {
		return l, fmt.Errorf("train: shard is %d for %d ranks; expected a number that divides them, as --set shard=1", l.shard, ranks)
	}
	for l.together = l.shard; ranks%l.together != 0 || ranks/l.together > batches; l.together += l.shard {
	}
	return l, nil
}

// alone says that there are no other ranks.
func (l layout) alone() bool { return l.ranks <= 1 }

// groups is the number of groups that have batches of their own.
func (l layout) groups() int { return l.ranks / l.together }

// own is the number of batches of a step that this rank has a part in.
func (l layout) own() int {
	if l.alone() {
		return l.batches
	}
	group := l.rank / l.together
	return (l.batches - group + l.groups() - 1) / l.groups()
}

// number is the number in the run of batch i of a step, of those that this rank has a part in.
func (l layout) number(step, i int) int {
	if l.alone() {
		return step*l.batches + i
	}
	return step*l.batches + i*l.groups() + l.rank/l.together
}

// part is the samples of a batch that this rank has: from the first up to before the second. None may be left for a rank where a batch
// is small.
func (l layout) part(samples int) (from, to int) {
	if l.alone() {
		return 0, samples
	}
	place, units := l.rank%l.together, samples/l.devices
	return units * place / l.together * l.devices, units * (place + 1) / l.together * l.devices
}

// check reports a batch of a data set of which a rank has no sample, if all data sets are like that: then it never has work.
func (l layout) check(batches []int) error {
	most := 0
	for _, samples := range batches {
		most = max(most, samples/l.devices)
	}
	if l.alone() || most >= l.together {
		return nil
	}
	return fmt.Errorf("train: %d ranks share a step of %d %s of at most %d %s: %d ranks have to share a batch, and some would have nothing; raise data.batch or data.accumulation, start fewer ranks, or take both as those of one rank with --per-rank",
		l.ranks, l.batches, plural(l.batches, "batch", "batches"), most*l.devices, plural(most*l.devices, "sample", "samples"), l.together)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// PerRank is the configuration of a whole step for one that speaks of a single rank, as the paper does: data.batch is what a
// rank of a sharding group sees of a batch, data.accumulation the batches of one rank, and epochs count the batches of one.
func (c Config) PerRank(ranks int) (Config, error) {
	shard := max(1, c.Shard)
	if ranks%shard != 0 {
		return c, fmt.Errorf("train: shard is %d for %d ranks; expected a number that divides them", shard, ranks)
	}
	groups := ranks / shard
	c.Data.Batch *= shard
	c.Data.Accumulation *= groups
	c.Schedule.EpochBatches *= groups
	c.Data.Sets = append([]SetConfig(nil), c.Data.Sets...)
	for i := range c.Data.Sets {
		c.Data.Sets[i].Batch *= shard
	}
	return c, nil
}
