package ranks

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gowalrus/walrus/cpu/kernel"
)

// patience is for ranks that do not hang.
const patience = time.Minute

// numbersOf is what a rank contributes: values of all sizes, so that another order of additions shows.
func numbersOf(seed uint64, rank, n int) []float32 {
	random := rand.New(rand.NewPCG(seed, uint64(rank)))
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(random.NormFloat64() * math.Exp2(float64(random.IntN(24)-12)))
	}
	return list
}

// summed is the definition of AllReduce.
func summed(seed uint64, ranks []int, n int, t Transport) []float32 {
	round := func(x float32) float32 { return x }
	if t == BFloat16 && len(ranks) > 1 {
		round = func(x float32) float32 { return kernel.ToBF16(x).Float32() }
	}
	sum := make([]float32, n)
	for k, rank := range ranks {
		for i, x := range numbersOf(seed, rank, n) {
			if k == 0 {
				sum[i] = round(x)
			} else {
				sum[i] += round(x)
			}
		}
	}
	return sum
}

// check compares with the definition, bit for bit.
func check(what string, got, want []float32) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			return fmt.Errorf("%s: number %d of %d is %v, want %v", what, i, len(want), got[i], want[i])
		}
	}
	return nil
}

// collectives compares all collectives of a group with their definitions. world are the ranks of its members, by which they
// contribute. It runs on goroutines and, with real ranks, under mpirun.
func collectives(g *Group, world []int, seed uint64) error {
	for _, n := range []int{0, 1, 3, 64, 1001, 5003} {
		for _, t := range []Transport{Float32, BFloat16} {
			want := summed(seed, world, n, t)
			data := numbersOf(seed, world[g.Rank()], n)
			counts := Parts(n, g.Size())
			if n == 1001 { // parts of any size
				counts = make([]int, g.Size())
				counts[0], counts[g.Size()-1] = 1, counts[g.Size()-1]+1000
				if g.Size() == 1 {
					counts[0] = n
				}
			}
			at := 0
			for _, c := range counts[:g.Rank()] {
				at += c
			}
			if err := g.ReduceScatter(data, counts, t); err != nil {
				return err
			}
			if err := check(fmt.Sprintf("part of the sum of %d in %s", n, t), data[at:][:counts[g.Rank()]], want[at:][:counts[g.Rank()]]); err != nil {
				return err
			}
			if err := g.AllGather(data, counts, Float32); err != nil {
				return err
			}
			if err := check("gathered sum", data, want); err != nil {
				return err
			}
			data = numbersOf(seed, world[g.Rank()], n)
			if err := g.AllReduce(data, t); err != nil {
				return err
			}
			if t == BFloat16 && g.Size() > 1 {
				for i := range want {
					want[i] = kernel.ToBF16(want[i]).Float32()
				}
			}
			if err := check(fmt.Sprintf("sum of %d in %s", n, t), data, want); err != nil {
				return err
			}
		}
	}
	return messages(g)
}

// messages checks what is sent as bytes.
func messages(g *Group) error {
	name := func(from, to int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%d>%d;", from, to), from*to%3) }
	send := make([][]byte, g.Size())
	for to := range send {
		send[to] = name(g.Rank(), to)
	}
	got, err := g.Exchange(send)
	if err != nil {
		return err
	}
	for from, m := range got {
		if !bytes.Equal(m, name(from, g.Rank())) {
			return fmt.Errorf("message %q from %d to %d", m, from, g.Rank())
		}
	}
	root := g.Size() - 1
	mine := fmt.Appendf(nil, "of %d", g.Rank())
	if m, err := g.Broadcast(mine, root); err != nil || string(m) != fmt.Sprintf("of %d", root) {
		return fmt.Errorf("broadcast %q, %v", m, err)
	}
	all, err := g.Gather(mine, root)
	if err != nil || (g.Rank() == root) != (len(all) == g.Size()) {
		return fmt.Errorf("%d messages gathered, %v", len(all), err)
	}
	for from, m := range all {
		if string(m) != fmt.Sprintf("of %d", from) {
			return fmt.Errorf("gathered %q from %d", m, from)
		}
	}
	return g.Barrier()
}

// everything is collectives of a group and of its parts.
func everything(g *Group, seed uint64) error {
	world := make([]int, g.Size())
	for i := range world {
		world[i] = i
	}
	if err := collectives(g, world, seed); err != nil {
		return err
	}
	for parts := 1; parts <= 3; parts++ {
		part, err := g.Split(g.Rank() % parts)
		if err != nil {
			return err
		}
		var members []int
		for _, rank := range world {
			if rank%parts == g.Rank()%parts {
				members = append(members, rank)
			}
		}
		if members[part.Rank()] != g.Rank() || part.Size() != len(members) {
			return fmt.Errorf("rank %d is %d of %d in a part of %v", g.Rank(), part.Rank(), part.Size(), members)
		}
		if err := collectives(part, members, seed+uint64(parts)); err != nil {
			return fmt.Errorf("part of %v: %w", members, err)
		}
	}
	return nil
}

func TestCollectivesAreTheirDefinitions(t *testing.T) {
	seed := rand.Uint64()
	for _, size := range []int{1, 2, 3, 5} {
		for rank, err := range Together(size, patience, func(g *Group) error { return everything(g, seed) }) {
			if err != nil {
				t.Errorf("seed %d, rank %d of %d: %v", seed, rank, size, err)
			}
		}
	}
	if err := everything(Alone(), seed); err != nil {
		t.Errorf("alone: %v", err)
	}
}

func TestARankThatHangsIsNamed(t *testing.T) {
	errs := Together(3, 50*time.Millisecond, func(g *Group) error {
		if g.Rank() == 1 {
			time.Sleep(300 * time.Millisecond)
			return nil
		}
		return g.AllReduce(make([]float32, 10), Float32)
	})
	named := 0
	for _, rank := range []int{0, 2} {
		var lost *LostError
		if errors.As(errs[rank], &lost) && lost.Rank == 1 && strings.Contains(lost.Error(), "rank 1 on memory") {
			named++
		} else if !errors.Is(errs[rank], errAborted) {
			t.Errorf("rank %d: error %v", rank, errs[rank])
		}
	}
	if named == 0 {
		t.Errorf("no rank named the one that hangs: %v", errs)
	}
}

func TestAnErrorOfOneRankIsAgreedUpon(t *testing.T) {
	cause := errors.New("disk full")
	errs := Together(3, patience, func(g *Group) error {
		if err := g.Agree(nil); err != nil {
			return err
		}
		if g.Rank() == 2 {
			return g.Agree(cause)
		}
		return g.Agree(nil)
	})
	for rank, err := range errs {
		var agreed *AgreedError
		if !errors.As(err, &agreed) || agreed.Rank != 2 || agreed.Mine != (rank == 2) || errors.Is(err, cause) != (rank == 2) ||
			err.Error() != "rank 2 of 3 on memory: disk full" {
			t.Errorf("rank %d: error %v", rank, err)
		}
	}
	if err := Alone().Agree(cause); err != cause {
		t.Errorf("alone: %v", err)
	}
}

func TestALauncherIsRecognised(t *testing.T) {
	for _, c := range []struct {
		env        map[string]string
		rank, size int
		launcher   string
	}{
		{nil, 0, 0, ""},
		{map[string]string{"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}, 3, 4, "mpirun"},
		{map[string]string{"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2"}, 1, 2, "srun"},
		{map[string]string{"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, 0, 0, ""}, // the batch script itself
		{map[string]string{"PMI_RANK": "x", "PMI_SIZE": "2"}, 0, 0, ""},
	} {
		rank, size, launcher := launched(func(name string) string { return c.env[name] })
		if rank != c.rank || size != c.size || launcher != c.launcher {
			t.Errorf("%v: %d of %d by %q", c.env, rank, size, launcher)
		}
	}
}

func TestPartsCoverEverythingEvenly(t *testing.T) {
	for n := range 50 {
		for ranks := 1; ranks < 9; ranks++ {
			counts := Parts(n, ranks)
			sum := 0
			for _, c := range counts {
				sum += c
			}
			if sum != n || slices.Max(counts)-slices.Min(counts) > 1 {
				t.Errorf("%d numbers on %d ranks: %v", n, ranks, counts)
			}
		}
	}
}
