package field

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The cross product of two vectors is a pseudo-vector, their product with a third a pseudo-scalar, and its product with a vector a
// pseudo-tensor: turned factors make the turned product, in all 48 symmetries.
func TestProductsOfVectorsTurnAsTheirLawsSay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const points = 2 * 3 * 2
	vectors := randomArray(random, 2, 3, 2, 9) // a, b and c
	products := func(vectors Array) Array {
		out := NewArray(append(append([]int(nil), vectors.Shape[:3]...), 3+1+9)...)
		for p := range points {
			v, to := vectors.Data[9*p:], out.Data[13*p:]
			for k := range 3 {
				i, j := (k+1)%3, (k+2)%3
				to[k] = v[i]*v[3+j] - v[j]*v[3+i]
			}
			to[3] = to[0]*v[6] + to[1]*v[7] + to[2]*v[8]
			for i := range 9 {
				to[4+i] = to[i/3] * v[6+i%3]
			}
		}
		return out
	}
	laws := []Law{{Rank: Vector, Pseudo: true}, {Rank: Scalar, Pseudo: true}, {Rank: Tensor, Pseudo: true}}
	wrong := 0
	for _, r := range Rotations(3, true) {
		turned, err := r.ApplyLaws(products(vectors), laws)
		if err != nil {
			t.Fatal(err)
		}
		want := products(mustApply(t, r, vectors, []Rank{Vector, Vector, Vector}))
		for i, v := range turned.Data {
			if d := v - want.Data[i]; d > 1e-6 || d < -1e-6 {
				t.Errorf("%v: value %d is %v, want %v", r, i, v, want.Data[i])
				break
			}
		}
		if plain := mustApply(t, r, products(vectors), []Rank{Vector, Scalar, Tensor}); !cmp.Equal(plain, turned) {
			wrong++
		}
	}
	if wrong != 24 {
		t.Errorf("the laws of plain vectors differ in %d symmetries; want the 24 mirror images", wrong)
	}
	if _, err := Identity(3).ApplyLaws(vectors, laws); err == nil {
		t.Error("9 channels were taken for 13")
	}
}

// The vorticity of a plane flow, a scalar of the data, is the component of the curl along the axis that is missing: rotations of
// space that turn the plane over change its sign as mirror images in the plane do.
func TestAPlanesVorticityTurnsWithItsNormal(t *testing.T) {
	law := Law{Pseudo: true, Normal: true}
	for _, r := range Rotations(3, true) {
		normal := NewArray(1, 1, 1, 3)
		normal.Data[2] = 1 // the pseudo-vector along z
		turned, err := r.ApplyLaws(normal, []Law{{Rank: Vector, Pseudo: true}})
		if err != nil {
			t.Fatal(err)
		}
		if got := turned.Data[0] + turned.Data[1] + turned.Data[2]; got != r.Sign(law) {
			t.Errorf("%v: the component along the new normal is %v, the sign %v", r, got, r.Sign(law))
		}
	}
	over := Rotation{Axis: []int{0, 1, 2}, Flip: []bool{false, true, true}} // half a turn around x
	mirror := Rotation{Axis: []int{0, 1, 2}, Flip: []bool{false, true, false}}
	if over.Sign(law) != -1 || mirror.Sign(law) != -1 || over.Sign(Law{Pseudo: true}) != 1 || mirror.Sign(Law{}) != 1 {
		t.Errorf("half a turn: %v, mirror image: %v; want -1 and -1", over.Sign(law), mirror.Sign(law))
	}
}
