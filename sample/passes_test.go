package sample

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
)

// numbered is flow2D with so many windows.
func numbered(name string, windows int) memory {
	m := flow2D(name)
	m.windows = windows
	return m
}

// windowsOf are the numbers of the windows in a batch of memory sources.
func windowsOf(t *testing.T, b *Batch) []int {
	t.Helper()
	list := make([]int, len(b.Origins))
	for i, origin := range b.Origins {
		if _, err := fmt.Sscanf(origin, b.DataSet+" window %d", &list[i]); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func TestNoWindowComesTwiceInAPass(t *testing.T) {
	s := mustSampler(t, Options{Seed: 11}, Entry{Source: numbered("a", 7), Batch: 2}, Entry{Source: numbered("b", 20), Batch: 3})
	drawn := map[string][][]int{} // by data set: the windows of its batches
	for n := range uint64(400) {
		b, err := s.Batch(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		drawn[b.DataSet] = append(drawn[b.DataSet], windowsOf(t, b))
	}
	for name, want := range map[string]struct{ windows, batches, batch int }{"a": {7, 3, 2}, "b": {20, 6, 3}} {
		var first []int
		seen := map[int]int{}
		passes := len(drawn[name]) / want.batches
		different := 0
		for pass := range passes {
			all := slices.Concat(drawn[name][pass*want.batches:][:want.batches]...)
			once := map[int]bool{}
			for _, w := range all {
				once[w] = true
				seen[w]++
			}
			if len(all) != want.batches*want.batch || len(once) != len(all) {
				t.Fatalf("%s, pass %d: windows %v, want %d distinct ones", name, pass, all, want.batches*want.batch)
			}
			if pass == 0 {
				first = all
			} else if !slices.Equal(first, all) {
				different++
			}
		}
		if different < passes*9/10 {
			t.Errorf("%s: %d of %d passes have an order other than the first one's", name, different, passes)
		}
		// What is dropped at the end of a pass is another part each time.
		if len(seen) != want.windows {
			t.Errorf("%s: %d of %d windows were ever drawn", name, len(seen), want.windows)
		}
	}
}

func TestEveryOrderOfWindowsIsEquallyLikely(t *testing.T) {
	p := newPasses(1, 0, Entry{Source: numbered("a", 4), Batch: 4}.Groups())
	counts := map[string]float64{}
	const draws = 24000
	for pass := range uint64(draws) {
		counts[fmt.Sprint(p.batch(pass, 0))]++
	}
	var chi2 float64
	for _, n := range counts {
		chi2 += (n - draws/24) * (n - draws/24) / (draws / 24)
	}
	if len(counts) != 24 || chi2 > 60 { // 23 degrees of freedom: probability below 1e-4
		t.Errorf("%d orders of 4 windows, want 24; chi-square %.1f, expected about 23", len(counts), chi2)
	}
}

func TestABatchHoldsWindowsThatFit(t *testing.T) {
	source := numbered("a", 21)
	source.turned = 5 // 0, 5, 10, 15, 20: five windows with other boundaries
	entry := Entry{Source: source, Batch: 4}
	if got, want := entry.PassBatches(), uint64(5); got != want { // 16/4 + 5/4
		t.Errorf("%d batches a pass, want %d", got, want)
	}
	s := mustSampler(t, Options{Seed: 2}, entry)
	seen, orders := map[int]bool{}, map[string]bool{}
	for pass := range uint64(40) {
		order := ""
		for i := range uint64(5) {
			b, err := s.Batch(context.Background(), 5*pass+i)
			if err != nil {
				t.Fatal(err)
			}
			list := windowsOf(t, b)
			for _, w := range list {
				seen[w] = true
				if source.Group(w) != source.Group(list[0]) {
					t.Fatalf("windows %v in one batch", list)
				}
			}
			want := source.sides
			if source.Group(list[0]) == 1 {
				want = []field.Sides{want[1], want[0]}
			}
			if !cmp.Equal(b.Boundaries, want) || len(list) != 4 {
				t.Fatalf("windows %v have boundaries %v, want %v", list, b.Boundaries, want)
			}
			order += fmt.Sprint(source.Group(list[0]))
		}
		orders[order] = true
	}
	if len(seen) != 21 || len(orders) != 5 {
		t.Errorf("%d of 21 windows were ever drawn; the groups came in %d orders, want 5", len(seen), len(orders))
	}
}

func TestASmallGroupHasASmallerBatch(t *testing.T) {
	source := numbered("a", 11)
	source.turned = 4 // 0, 4, 8
	for _, c := range []struct{ batch, devices, others, turned int }{{6, 0, 6, 3}, {6, 2, 6, 2}, {4, 4, 4, 4}, {2, 1, 2, 2}} {
		groups := Entry{Source: source, Batch: c.batch, Devices: c.devices}.Groups()
		if len(groups) != 2 || groups[0].Batch != c.turned || groups[1].Batch != c.others {
			t.Errorf("batches of %d on %d devices: groups %v; want batches of %d of windows 0, 4, 8 and of %d of the others", c.batch, c.devices, groups, c.turned, c.others)
			continue
		}
		p := newPasses(1, 0, groups)
		seen := map[int]bool{}
		for pass := range uint64(20) {
			for i := range p.length {
				for _, w := range p.batch(pass, i) {
					seen[w] = true
				}
			}
		}
		if len(seen) != 11 {
			t.Errorf("batches of %d on %d devices: %d of 11 windows were ever drawn", c.batch, c.devices, len(seen))
		}
	}
}

// The ledger of earlier draws is counted again from its marks: in any order it has to say the same.
func TestEarlierDrawsAreCountedInAnyOrder(t *testing.T) {
	for _, d := range []*draws{{seed: 4, sets: 3}, {seed: 4, sets: 3, limits: []uint64{900, 5000, 300}, epoch: 6000}} {
		counts := make([]uint64, d.sets)
		type draw struct {
			set    int
			before uint64
		}
		const n = 5*markEvery + 100
		list := make([]draw, n)
		for k := range list {
			set := d.next(uint64(k), counts)
			list[k] = draw{set, counts[set]}
			counts[set]++
		}
		random := rand.New(rand.NewPCG(1, 1))
		for _, k := range append(random.Perm(n)[:500], 0, markEvery-1, markEvery, markEvery+1, n-1) {
			set, before := d.at(uint64(k))
			if (draw{set, before}) != list[k] {
				t.Fatalf("draw %d: set %d after %d of it, want %v", k, set, before, list[k])
			}
		}
	}
}

func TestResumingAtALargeNumberIsCheap(t *testing.T) {
	fresh := draws{seed: 1, sets: 19}
	const far = 3_000_000
	_, before := fresh.at(far)
	if share := float64(before) * 19 / far; share < 0.97 || share > 1.03 {
		t.Errorf("draw %d follows %d of its set, %.3f of what is likely", far, before, share)
	}
	if marks := len(fresh.marks); marks > far/markEvery+1 {
		t.Errorf("%d marks", marks)
	}
}
