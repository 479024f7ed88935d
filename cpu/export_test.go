package cpu

// RecomputeAlways makes uses late after one product and all values large, so that small graphs recompute.
func (b *Backend) RecomputeAlways() { b.lateUse, b.largeValue = 1, 2 }
