package cpu

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// profile adds up the time of an execution by kind of step; a nil profile does nothing.
type profile struct {
	entries map[string]*profileEntry
}

type profileEntry struct {
	kind  string
	count int
	time  time.Duration
	flops float64
	bytes int
}

func newProfile(wanted bool) *profile {
	if !wanted {
		return nil
	}
	return &profile{entries: make(map[string]*profileEntry)}
}

func (p *profile) begin(s *step) func() {
	if p == nil {
		return func() {}
	}
	start := time.Now()
	return func() {
		e := p.entries[s.kind]
		if e == nil {
			e = &profileEntry{kind: s.kind}
			p.entries[s.kind] = e
		}
		e.count++
		e.time += time.Since(start)
		e.flops += s.flops
		e.bytes += s.bytes
	}
}

// print writes the kinds of steps, the slowest first.
func (p *profile) print() {
	if p == nil {
		return
	}
	var list []*profileEntry
	var total time.Duration
	for _, e := range p.entries {
		list = append(list, e)
		total += e.time
	}
	slices.SortFunc(list, func(a, b *profileEntry) int { return int(b.time - a.time) })
	var out strings.Builder
	fmt.Fprintf(&out, "cpu profile: %.1f ms\n%9s %6s %6s %8s %7s  %s\n", ms(total), "ms", "share", "count", "GFLOP/s", "GB/s", "kind")
	for i, e := range list {
		if i >= 40 {
			break
		}
		seconds := e.time.Seconds()
		fmt.Fprintf(&out, "%9.2f %5.1f%% %6d %8.1f %7.1f  %s\n", ms(e.time), 100*float64(e.time)/float64(total), e.count,
			e.flops/seconds/1e9, float64(e.bytes)/seconds/1e9, e.kind)
	}
	fmt.Fprint(os.Stderr, out.String())
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

// loopKindName describes a loop for profiles: sizes, and how many operations of each kind it holds.
func loopKindName(c *cluster) string {
	counts := make(map[string]int)
	var names []string
	for _, op := range c.ops {
		name := op.op.String()
		if op.kind == storeOp {
			name = "Copy"
		}
		if counts[name] == 0 {
			names = append(names, name)
		}
		counts[name]++
	}
	for i, name := range names {
		if counts[name] > 1 {
			names[i] = fmt.Sprintf("%d%s", counts[name], name)
		}
	}
	size := fmt.Sprint(c.n)
	if c.row > 0 {
		size = fmt.Sprintf("%dx%d", c.n/c.row, c.row)
	}
	return fmt.Sprintf("loop %s: %s", size, strings.Join(names, " "))
}
