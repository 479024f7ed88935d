package field

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// randomArray has values that differ everywhere, so that a misplaced one shows.
func randomArray(rng *rand.Rand, shape ...int) Array {
	a := NewArray(shape...)
	for i := range a.Data {
		a.Data[i] = rng.Float32() - 0.5
	}
	return a
}

func mustApply(t *testing.T, r Rotation, a Array, ranks []Rank) Array {
	t.Helper()
	out, err := r.Apply(a, ranks)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRotationCounts(t *testing.T) {
	for _, c := range []struct {
		dims        int
		reflections bool
		want        int
	}{{1, false, 1}, {1, true, 2}, {2, false, 4}, {2, true, 8}, {3, false, 24}, {3, true, 48}} {
		all := Rotations(c.dims, c.reflections)
		seen := map[string]bool{}
		for _, r := range all {
			seen[r.String()] = true
		}
		if len(all) != c.want || len(seen) != c.want {
			t.Errorf("%d dimensions, reflections %v: %d rotations, %d of them different, want %d", c.dims, c.reflections, len(all), len(seen), c.want)
		}
		if !all[0].IsIdentity() {
			t.Errorf("%d dimensions: the first rotation is %v, want the identity", c.dims, all[0])
		}
	}
}

func TestRotatingTwiceIsRotatingByTheProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	ranks := []Rank{Scalar, Vector, Tensor}
	for _, dims := range []int{2, 3} {
		shape := append([]int{2, 2, 3, 4}[:dims+1:dims+1], 1+dims+dims*dims)
		a := randomArray(rng, shape...)
		all := Rotations(dims, true)
		for range 60 {
			p, q := all[rng.IntN(len(all))], all[rng.IntN(len(all))]
			twice := mustApply(t, q, mustApply(t, p, a, ranks), ranks)
			if diff := cmp.Diff(mustApply(t, p.Then(q), a, ranks), twice); diff != "" {
				t.Fatalf("%v then %v: %s", p, q, diff)
			}
			if got := p.Then(q).Proper(); got != (p.Proper() == q.Proper()) {
				t.Errorf("%v then %v: proper is %v", p, q, got)
			}
		}
	}
}

func TestInverseRestoresEverything(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	ranks := []Rank{Vector, Scalar}
	sides := []Sides{{Wall, Open}, {Open, Wall}, Both(Periodic)}
	a := randomArray(rng, 2, 3, 4, 5, 4)
	for _, r := range Rotations(3, true) {
		if !r.Then(r.Inverse()).IsIdentity() || !r.Inverse().Then(r).IsIdentity() {
			t.Errorf("%v: the inverse %v does not undo it", r, r.Inverse())
		}
		if diff := cmp.Diff(a, mustApply(t, r.Inverse(), mustApply(t, r, a, ranks), ranks)); diff != "" {
			t.Fatalf("%v: %s", r, diff)
		}
		if diff := cmp.Diff(sides, r.Inverse().Boundaries(r.Boundaries(sides))); diff != "" {
			t.Errorf("%v: boundaries %s", r, diff)
		}
	}
}

// The physics that augmentation must keep: the gradient of a rotated scalar is the rotated gradient, and the rotated
// gradient of a vector field is the rotated tensor. Differences are periodic and exact on small integers.
func TestGradientCommutesWithRotation(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	shape := []int{3, 4, 5}
	for _, c := range []struct{ before, after Rank }{{Scalar, Vector}, {Vector, Tensor}} {
		a := NewArray(append(shape[:3:3], c.before.Components(3))...)
		for i := range a.Data {
			a.Data[i] = float32(rng.IntN(100))
		}
		for _, r := range Rotations(3, true) {
			rotatedFirst := gradient(mustApply(t, r, a, []Rank{c.before}))
			rotatedLast := mustApply(t, r, gradient(a), []Rank{c.after})
			if diff := cmp.Diff(rotatedFirst, rotatedLast); diff != "" {
				t.Fatalf("%v of a %v: %s", r, c.before, diff)
			}
		}
	}
}

// gradient appends the index of the derivative to the components: out[..., c, i] = (a[x+e_i] - a[x-e_i])[..., c].
func gradient(a Array) Array {
	sizes, count := a.Shape[:3], a.Axis(-1)
	out := NewArray(append(sizes[:3:3], count*3)...)
	at := func(p [3]int, c int) float32 {
		i := 0
		for axis, n := range sizes {
			i = i*n + (p[axis]+n)%n
		}
		return a.Data[i*count+c]
	}
	n := 0
	for x := range sizes[0] {
		for y := range sizes[1] {
			for z := range sizes[2] {
				for c := range count {
					for i := range 3 {
						up, down := [3]int{x, y, z}, [3]int{x, y, z}
						up[i]++
						down[i]--
						out.Data[n] = at(up, c) - at(down, c)
						n++
					}
				}
			}
		}
	}
	return out
}

func TestQuarterTurnByHand(t *testing.T) {
	// New x runs along old y; new y against old x: a turn by 90 degrees.
	r := Rotation{Axis: []int{1, 0}, Flip: []bool{false, true}}
	a := Array{Shape: []int{2, 3, 1}, Data: []float32{1, 2, 3, 4, 5, 6}}
	got := mustApply(t, r, a, []Rank{Scalar})
	want := Array{Shape: []int{3, 2, 1}, Data: []float32{4, 1, 5, 2, 6, 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	sides := r.Boundaries([]Sides{{Wall, Open}, Both(Periodic)})
	if diff := cmp.Diff([]Sides{Both(Periodic), {Open, Wall}}, sides); diff != "" {
		t.Error(diff)
	}
	if _, err := r.Apply(a, []Rank{Vector}); err == nil {
		t.Error("one channel was accepted as a vector in two dimensions")
	}
}
