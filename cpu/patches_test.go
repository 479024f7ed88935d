package cpu

import (
	"math/rand/v2"
	"testing"
)

// Every element of a patch is the input that its place sees through its tap, whatever part of the row is asked for.
func TestPartsOfPatchesAreTheirDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rank, width, dense := 1+random.IntN(3), 1+random.IntN(4), random.IntN(2) == 0
		a := convolutionAxes{batch: 1, in: width}
		size := width
		if dense {
			a.inputChannel = 1
		}
		for range rank {
			s := spaceAxis{input: 1 + random.IntN(5), kernel: 1 + random.IntN(3), output: 1 + random.IntN(5), stride: 1 + random.IntN(2), padding: random.IntN(3), inputDilation: 1 + random.IntN(2), kernelDil: 1 + random.IntN(2)}
			if dense {
				s.inputDilation, s.kernelDil = 1, 1
			}
			a.space = append(a.space, s)
		}
		points := 1
		for i := rank - 1; i >= 0; i-- { // channels last if dense, else first
			a.space[i].inputStride = points
			if dense {
				a.space[i].inputStride *= width
			}
			points *= a.space[i].input
		}
		size *= points
		if !dense {
			a.inputChannel = points
		}
		data := make([]float32, size)
		for i := range data {
			data[i] = float32(i + 1)
		}
		g := &patchGather{a: &a, width: width, stride: a.inputChannel, outer: size, swapped: random.IntN(2) == 0}
		rows, taps := 1, 1
		for i, s := range a.space {
			g.rows[i], g.cols[i] = s.output, s.kernel
			if g.swapped {
				g.rows[i], g.cols[i] = s.kernel, s.output
			}
			rows, taps = rows*g.rows[i], taps*g.cols[i]
		}
		for range 20 {
			row, col := random.IntN(rows), random.IntN(taps*width)
			got := make([]float32, 1+random.IntN(taps*width-col))
			g.fill(got, data, 0, row, col)
			for i, x := range got {
				if want := g.element(data, row, col+i); x != want {
					t.Fatalf("%+v of %+v: row %d, column %d: %v, want %v", g, a, row, col+i, x, want)
				}
			}
		}
	}
}

// element is the definition of one element of a patch.
func (g *patchGather) element(data []float32, row, col int) float32 {
	at, tap := g.start+col%g.width*g.stride, col/g.width
	for i := len(g.a.space) - 1; i >= 0; i-- {
		o, k := row%g.rows[i], tap%g.cols[i]
		row, tap = row/g.rows[i], tap/g.cols[i]
		if g.swapped {
			o, k = k, o
		}
		from, inside := g.a.space[i].source(o, k)
		if !inside {
			return 0
		}
		at += from * g.a.space[i].inputStride
	}
	return data[at]
}
