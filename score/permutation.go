package score

// Permutation is torch.randperm(n) with seed 0 on a CPU: the order in which the release takes validation windows and trajectories.
func Permutation(n int) []int {
	draws := newTwister(0)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := range n - 1 {
		j := i + int(draws.next()%uint32(n-i))
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// twister is the generator MT19937 of Matsumoto and Nishimura (1998), which torch draws from.
type twister struct {
	state [624]uint32
	at    int
}

func newTwister(seed uint32) *twister {
	t := &twister{at: len(twister{}.state)}
	t.state[0] = seed
	for i := 1; i < len(t.state); i++ {
		before := t.state[i-1]
		t.state[i] = 1812433253*(before^before>>30) + uint32(i)
	}
	return t
}

func (t *twister) next() uint32 {
	const n, m = len(t.state), 397
	if t.at == n {
		for i := range t.state {
			y := t.state[i]&0x80000000 | t.state[(i+1)%n]&0x7fffffff
			t.state[i] = t.state[(i+m)%n] ^ y>>1 ^ y&1*0x9908b0df
		}
		t.at = 0
	}
	y := t.state[t.at]
	t.at++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}
