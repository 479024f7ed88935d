package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// random is a generator whose seed is in the test's log.
func random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// eachLevel runs f for the kernels of every level that this machine has.
func eachLevel(t *testing.T, f func(t *testing.T, s *Set)) {
	t.Helper()
	levels := Supported()
	if name := os.Getenv("WALRUS_TEST_LEVEL"); name != "" { // a level whose flag a hypervisor hides
		level, err := ParseLevel(name)
		if err != nil {
			t.Fatal(err)
		}
		levels = []Level{level}
	}
	for _, level := range levels {
		s, err := Trust(level)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(level.String(), func(t *testing.T) { f(t, s) })
	}
}

// eachTilingOfPairs runs f for the kernels that multiply pairs of bfloat16: those of this machine, and the definition with tiles of
// the sizes that others have.
func eachTilingOfPairs(t *testing.T, f func(t *testing.T, s *Set)) {
	t.Helper()
	eachLevel(t, func(t *testing.T, s *Set) { f(t, s.Rounding()) })
	for _, c := range []struct{ rows, cols, quantum int }{{14, 32, 1}, {32, 32, 16}} {
		s := *Best()
		half := plainTiling(c.rows, c.cols, plainHalfTile)
		half.pairs, half.quantum = true, c.quantum
		s.half = &half
		t.Run(describe("plain", c.rows, c.cols, c.quantum), func(t *testing.T) { f(t, &s) })
	}
}

// normals returns n guarded values of the standard normal law.
func normals(t testing.TB, r *rand.Rand, n int) []float32 {
	t.Helper()
	x := guarded[float32](t, n, r.IntN(4) > 0)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// ordered maps float32 to integers so that neighbours differ by 1.
func ordered(x float32) int64 {
	bits := int64(int32(math.Float32bits(x)))
	if bits < 0 {
		return math.MinInt32 - bits
	}
	return bits
}

// ulps is the distance of got from want in units of the last place of want; NaN equals NaN.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	switch {
	case got != got || w != w:
		if got != got && w != w {
			return 0
		}
		return math.Inf(1)
	case math.IsInf(float64(w), 0) || math.IsInf(float64(got), 0):
		return math.Abs(float64(ordered(got) - ordered(w)))
	}
	unit := math.Abs(float64(math.Nextafter32(w, float32(math.Inf(1)))) - float64(w))
	return math.Abs(float64(got)-want) / unit
}

// closeTo fails the test when got differs from want by more than tolerance times the larger of 1 and |want|.
func closeTo(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	worst, at := 0.0, -1
	for i := range want {
		d := math.Abs(float64(got[i])-float64(want[i])) / max(1, math.Abs(float64(want[i])))
		if got[i] != got[i] && want[i] != want[i] || got[i] == want[i] {
			d = 0
		}
		if d > worst || d != d {
			worst, at = d, i
		}
	}
	if at >= 0 && !(worst <= tolerance) {
		t.Errorf("%s: element %d is %g, expected %g (difference %.3g, allowed %.3g)", what, at, got[at], want[at], worst, tolerance)
	}
}

// sameBits fails the test when two results differ in any bit.
func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Errorf("%s: element %d is %g (%08x), expected %g (%08x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
			return
		}
	}
}

func TestLevelNamesAreParsed(t *testing.T) {
	for _, level := range []Level{Plain, NEON, AVX2, AVX512, AVX512BF16, AMX} {
		if got, err := ParseLevel(level.String()); err != nil || got != level {
			t.Errorf("ParseLevel(%q) = %v, %v", level, got, err)
		}
	}
	if _, err := ParseLevel("sse9"); err == nil {
		t.Error("ParseLevel accepted sse9")
	}
}

func TestLevelsOfAnotherArchitectureAreRefused(t *testing.T) {
	foreign := map[string]Level{"amd64": NEON, "arm64": AVX2}[runtime.GOARCH]
	if foreign == Plain {
		t.Skip("no level of another architecture is known on " + runtime.GOARCH)
	}
	for name, choose := range map[string]func(Level) (*Set, error){"For": For, "Trust": Trust} {
		if _, err := choose(foreign); err == nil || !strings.Contains(err.Error(), "another architecture") {
			t.Errorf("%s(%v) on %s: error %v; expected one that names the architecture", name, foreign, runtime.GOARCH, err)
		}
	}
	if slices.Contains(Supported(), foreign) {
		t.Errorf("%v is among the supported levels %v", foreign, Supported())
	}
}

// describe names a shape in failure messages.
func describe(name string, n ...int) string { return fmt.Sprint(name, n) }
