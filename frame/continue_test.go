package frame

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gowalrus/walrus/field"
)

// continuedPlainly is x (frames, nx, ny, channels) with so many points more before and after each axis, made point by point from
// what the boundaries say: the plain twin of what Apply does in one index map.
func continuedPlainly(x field.Array, before, after [2]int, sides [2]field.Sides, odd [][3]bool) field.Array {
	for axis := range 2 {
		n, channels := x.Shape[1+axis], x.Axis(-1)
		shape := slices.Clone(x.Shape)
		shape[1+axis] += before[axis] + after[axis]
		out := field.NewArray(shape...)
		for f := range shape[0] {
			for i := range shape[1] {
				for j := range shape[2] {
					at := [2]int{i, j}
					k, sign := at[axis]-before[axis], float32(1)
					for k < 0 || k >= n {
						switch end := [2]field.Boundary{sides[axis].Low, sides[axis].High}[min(max(k, 0), 1)]; {
						case end == field.Periodic:
							k = (k + n) % n
						case end == field.Open && k < 0:
							k = 0
						case end == field.Open:
							k = n - 1
						case k < 0: // the wall lies at -1/2, or at n - 1/2
							k, sign = -1-k, -sign
						default:
							k, sign = 2*n-1-k, -sign
						}
					}
					at[axis] = k
					for c := range channels {
						v := x.Data[((f*x.Shape[1]+at[0])*x.Shape[2]+at[1])*channels+c]
						if odd[c][axis] {
							v *= sign
						}
						out.Data[((f*shape[1]+i)*shape[2]+j)*channels+c] = v
					}
				}
			}
		}
		x = out
	}
	return x
}

// Data that are continued are to the network what larger data are that hold the continuation, and come back as they were.
func TestContinuedDataAreLargerDataAndComeBack(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	odd := [][3]bool{{}, {true, false, false}, {false, true, false}, {true, true, false}}
	ends := append([]field.Sides{{Low: field.Open, High: field.Wall}}, sidesToTry...)
	for range 60 {
		tokens := []int{4, 8}[random.IntN(2)]
		size := []int{2 + random.IntN(8*tokens), 2 + random.IntN(3*tokens)}
		sides := []field.Sides{ends[random.IntN(len(ends))], ends[random.IntN(len(ends))]}
		o := Options{Tokens: tokens, Pad: true, NoJitterPadding: random.IntN(3) == 0}
		g, err := NewGeometry(size, sides, o)
		if err != nil {
			t.Fatalf("%v, %v: %v", size, sides, err)
		}
		g.Odd = odd
		var inner []int
		seen := slices.Clone(sides)
		for i, a := range g.Axes[:2] {
			inner = append(inner, a.inner())
			if a.Continued() && sides[i].Periodic() {
				seen[i] = field.Both(field.Open)
			}
			if a.Continued() && supported(size[i], tokens) || !a.Continued() && a.inner() != size[i] {
				t.Errorf("%d points, %d tokens: continued by %d + %d", size[i], tokens, a.Before, a.After)
			}
		}
		larger, err := NewGeometry(inner, seen, o)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(g.Rolled, larger.Rolled) {
			t.Errorf("%v, %v: rolls axes %v, larger data %v", size, sides, g.Rolled, larger.Rolled)
		}
		r := g.Draw(random, 2)
		x := randomArray(random, 2, size[0], size[1], len(odd))
		got, err := g.Apply(x, r)
		if err != nil {
			t.Fatal(err)
		}
		plain := continuedPlainly(x, [2]int{g.Axes[0].Before, g.Axes[1].Before}, [2]int{g.Axes[0].After, g.Axes[1].After}, [2]field.Sides(sides), odd)
		want, err := larger.Apply(plain, r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Shape, got.Shape); diff != "" || !equal(got.Data, want.Data) {
			t.Errorf("%v points, %v, %d tokens: the network sees something else than larger data %s", size, sides, tokens, diff)
		}
		if back := throughIdentity(t, g, x, r); !equal(back.Data, x.Data) {
			t.Errorf("%v points, %v, %d tokens, jitter %v: the data do not come back", size, sides, tokens, r.Jitter)
		}
		_, weight, err := g.ApplyTarget(x, r)
		if err != nil {
			t.Fatal(err)
		}
		var counted float64
		for _, w := range weight.Data {
			counted += float64(w)
		}
		if counted != float64(size[0]*size[1]) {
			t.Errorf("%v points: %v count in a loss", size, counted)
		}
		if !strings.Contains(g.Continued(), "continued to") && !slices.Equal(inner, size) || g.Continued() != "" && slices.Equal(inner, size) {
			t.Errorf("%v to %v points is said as %q", size, inner, g.Continued())
		}
	}
}

// A grid that fits is the same with and without Pad, bit for bit.
func TestAGridThatFitsIsNotContinued(t *testing.T) {
	for _, size := range supportedSizes(8) {
		for _, sides := range sidesToTry {
			var both []*Geometry
			for _, pad := range []bool{false, true} {
				g, err := NewGeometry([]int{size, 64}, []field.Sides{sides, field.Both(field.Wall)}, Options{Tokens: 8, Pad: pad})
				if err != nil {
					t.Fatal(err)
				}
				both = append(both, g)
			}
			if diff := cmp.Diff(both[0], both[1], cmpopts.IgnoreUnexported(Geometry{})); diff != "" {
				t.Errorf("%d points: %s", size, diff)
			}
		}
	}
}

// Released strides come first, unless they cost too much.
func TestContinuedSizesHaveReleasedStrides(t *testing.T) {
	for _, c := range []struct{ size, tokens, want int }{
		{60, 8, 64}, {60, 16, 64}, {60, 32, 64}, {100, 16, 128}, {200, 32, 256}, {130, 32, 160}, {36, 8, 40}, {20, 32, 32}, {1024, 32, 1024}, {1025, 32, 0}, {50, 16, 64},
	} {
		if got := continuedSize(c.size, c.tokens); got != c.want {
			t.Errorf("%d points for %d tokens are continued to %d, want %d", c.size, c.tokens, got, c.want)
		}
	}
	if _, err := NewGeometry([]int{1030, 64}, nil, Options{Tokens: 32, Pad: true}); err == nil {
		t.Error("a size beyond the largest stride was accepted")
	}
	o := Options{Choices: []int{8, 16, 32}, Pad: true}
	if got := o.Fitting([]int{60, 500}); !slices.Equal(got, []int{16, 32}) { // 500 points with 8 tokens: more than 32 a token
		t.Errorf("%v fit 60 x 500 points", got)
	}
}

func TestContinuationIsSaid(t *testing.T) {
	g, err := NewGeometry([]int{60, 50, 32}, []field.Sides{{Low: field.Wall, High: field.Open}, field.Both(field.Periodic), field.Both(field.Wall)},
		Options{Pad: true, AxisNames: []string{"x", "height", "z"}})
	want := "60x50x32 points continued to 64x64x32: x mirrored at the wall by 2 points and held at the open end by 2, height wrapped around by 7 + 7 points, and open to the network"
	if err != nil || g.Continued() != want {
		t.Errorf("%q (%v), want %q", g.Continued(), err, want)
	}
	if a := g.Axes[1]; a.Periodic() || slices.Contains(g.Rolled, 1) {
		t.Errorf("a continued axis is still periodic: %+v, rolled %v", a, g.Rolled)
	}
	if _, err := ParsePad("mirror"); err == nil {
		t.Error("pad: mirror was accepted")
	}
}

func TestAdjointIsTheTransposeOfApplyWhereDataAreContinued(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, sides := range sidesToTry {
		g, err := NewGeometry([]int{13, 20}, []field.Sides{sides, field.Both(field.Wall)}, Options{Tokens: 8, Pad: true})
		if err != nil {
			t.Fatal(err)
		}
		g.Odd = [][3]bool{{true, false, false}, {false, true, false}}
		checkAdjoint(t, random, g)
	}
}
