package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// hasMatrix tells whether this process may use a matrix unit.
func hasMatrix() bool { return all(ofAMX) && tilesAllowed() }

// needMatrix skips a test where nothing can run the matrix unit's instructions.
func needMatrix(t testing.TB) {
	t.Helper()
	if !hasMatrix() {
		t.Skip("no matrix unit (AMX) that this process may use; -tags emulate does without")
	}
}

const matrixSize = 32 // rows and columns of a tile of matrixTiling

// matrixCase is a product of pairs for stripMatrix; strides as there.
type matrixCase struct {
	k, rows, cols            int
	aRow, bRow, bPanel, cRow int
	accumulate               bool
}

// randomMatrixCase chooses strides: panels of b follow each other, or are columns of the same rows.
func randomMatrixCase(r *rand.Rand, steps, rows, cols int) matrixCase {
	c := matrixCase{k: matrixTiling().quantum * steps, rows: rows, cols: cols, accumulate: r.IntN(2) == 0}
	c.aRow, c.cRow = c.k+r.IntN(3)*r.IntN(40), cols+r.IntN(40)
	c.bRow, c.bPanel = matrixSize+r.IntN(3), c.k*(matrixSize+2)
	if r.IntN(2) == 0 {
		c.bRow, c.bPanel = ceilDiv(cols, matrixSize)*matrixSize+r.IntN(20), matrixSize
	}
	return c
}

// check compares the kernel with its plain twin on random operands that end (or begin) at pages which can not be touched.
func (m matrixCase) check(t *testing.T, r *rand.Rand) {
	t.Helper()
	lastPanel := (m.cols - 1) / matrixSize
	spanA := (m.rows-1)*m.aRow + m.k
	spanB := lastPanel*m.bPanel + max(0, m.k-1)*m.bRow + m.cols - lastPanel*matrixSize
	a, b, c := randomPairs(t, r, spanA), randomPairs(t, r, spanB), normals(t, r, (m.rows-1)*m.cRow+m.cols)
	if !m.accumulate { // what is there must not matter
		for i := range m.rows {
			c[i*m.cRow] = float32(math.NaN())
		}
	}
	want := slices.Clone(c)
	plain := plainTiling(matrixSize, matrixSize, plainHalfTile)
	m.by(&plain, a, b, want)
	bound := slices.Clone(c)
	for i, x := range bound {
		bound[i] = float32(math.Abs(float64(x)))
	}
	m.by(&plain, magnitudes(a), magnitudes(b), bound)
	m.by(matrixTiling(), a, b, c)
	for i, got := range c {
		row, col := i/m.cRow, i%m.cRow
		if col >= m.cols {
			if got != want[i] {
				t.Fatalf("%+v: element (%d, %d) beyond the columns changed from %g to %g", m, row, col, want[i], got)
			}
			continue
		}
		// Either sum has a rounding error for each addition: 2 k of products, one of c.
		allowed := float64(2*(2*m.k+1)) * 0x1p-24 * float64(bound[i])
		if d := math.Abs(float64(got) - float64(want[i])); !(d <= allowed) && !sameSpecial(got, want[i]) {
			t.Fatalf("%+v: element (%d, %d) is %g, expected %g (difference %.3g, allowed %.3g)", m, row, col, got, want[i], d, allowed)
		}
	}
}

// by multiplies with the kernels of t.
func (m matrixCase) by(t *tiling, a, b, c []float32) {
	t.multiplyStrip(m.rows, m.cols, m.k, panelA{at(a, 0), m.aRow, 1}, at(b, 0), m.bRow, m.bPanel, at(c, 0), m.cRow, m.accumulate)
}

// sameSpecial tells whether both are the same infinity, or NaN.
func sameSpecial(a, b float32) bool { return a == b || a != a && b != b }

// randomPairs are guarded pairs of normal numbers, one in a thousand infinite or NaN.
func randomPairs(t testing.TB, r *rand.Rand, n int) []float32 {
	t.Helper()
	pairs := guarded[float32](t, n, r.IntN(4) > 0)
	for i, half := 0, halves(pairs); i < len(half); i++ {
		half[i] = ToBF16(float32(r.NormFloat64()))
		if r.IntN(1000) == 0 {
			half[i] = []BF16{0x7f80, 0xff80, 0x7fc0}[r.IntN(3)]
		}
	}
	return pairs
}

// magnitudes are the pairs without signs.
func magnitudes(pairs []float32) []float32 {
	m := slices.Clone(pairs)
	for i, word := range words(m) {
		words(m)[i] = word &^ 0x80008000
	}
	return m
}

func TestMatrixStripsAreTheirDefinition(t *testing.T) {
	needMatrix(t)
	r := random(t)
	for rows := 1; rows <= matrixSize; rows++ {
		for cols := 1; cols <= matrixSize; cols += 1 + r.IntN(3) {
			randomMatrixCase(r, r.IntN(13), rows, cols).check(t, r)
		}
		randomMatrixCase(r, r.IntN(13), rows, matrixSize).check(t, r)
	}
}

func TestMatrixStripsOfSeveralPanels(t *testing.T) {
	needMatrix(t)
	r := random(t)
	for range 100 {
		randomMatrixCase(r, r.IntN(5), 1+r.IntN(matrixSize), 1+r.IntN(5*matrixSize)).check(t, r)
	}
}

func FuzzMatrixStrip(f *testing.F) {
	f.Add(uint64(1), uint8(2), uint8(31), uint8(31))
	f.Add(uint64(2), uint8(0), uint8(0), uint8(0))
	f.Add(uint64(3), uint8(9), uint8(16), uint8(80))
	f.Fuzz(func(t *testing.T, seed uint64, steps, rows, cols uint8) {
		needMatrix(t)
		r := rand.New(rand.NewPCG(seed, 2))
		randomMatrixCase(r, int(steps%13), 1+int(rows)%matrixSize, 1+int(cols)).check(t, r)
	})
}
